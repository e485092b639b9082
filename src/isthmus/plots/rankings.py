"""Models in their order: a figure of each with its interval, or how it is spread over images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from isthmus.plots.svg import LETTER, Axis, Chart, short

ROW, FOOT, TOP = 24, 40, 6
"""Pixels of a row, of the axis below, and above."""
WIDTH, LONGEST = 370, 140
"""Pixels of a chart, and of the names at most."""
FIRST, OTHER = "#3b7dd8", "#7b8794"
"""Colours of the best with its ties, and of all others."""


class Row(NamedTuple):
    """One model of a ranking.

    Attributes
    ----------
    name : str
        The model.
    value : float
        Where its dot is.
    ends : (float, float)
        Ends of its line: of an interval, or of what most images have.
    first : bool
        Whether it is among the best.
    middle : (float, float), optional
        Ends of a thick line, as of the middle half of all images.
    """

    name: str
    value: float
    ends: tuple[float, float]
    first: bool = False
    middle: tuple[float, float] | None = None


def ranking_chart(rows: Sequence[Row], label: str, *, log: bool = False) -> str:
    """Draw a row for every model as an inline SVG: a dot, and a line from end to end.

    Parameters
    ----------
    rows : sequence of Row
        The best first; at least one.
    label : str
        What the axis is of, with its unit and which way is better.
    log : bool
        Whether the axis is logarithmic: then all values are above 0.

    Examples
    --------
    >>> ranking_chart([Row("pca", 20.0, (19.8, 20.2), True)], "PSNR, dB")[:5]
    '<svg '
    """
    chart = Chart(WIDTH, TOP + ROW * len(rows) + FOOT)
    left = min(LONGEST, 14 + LETTER * max(len(row.name) for row in rows))
    ends = [end for row in rows for end in (*row.ends, row.value)]
    axis = Axis(min(ends), max(ends), left + 8, WIDTH - 16, log=log, margin=0.03)
    bottom = TOP + ROW * len(rows)
    for value in axis.ticks(4):
        chart.rule(axis.at(value), TOP, axis.at(value), bottom)
        chart.label(axis.at(value), bottom + 14, short(value), "middle")
    chart.label((left + WIDTH) / 2, bottom + 33, label, "middle")
    for i, row in enumerate(rows):
        _draw(chart, axis, row, TOP + ROW * (i + 0.5), left)
    return chart.text()


def _draw(chart: Chart, axis: Axis, row: Row, y: float, left: float) -> None:
    colour = FIRST if row.first else OTHER
    fits = int((left - 8) / LETTER)
    name = row.name if len(row.name) <= fits else row.name[: fits - 1] + "…"
    chart.label(left, y + 4, name, "end")
    for (low, high), thick in ((row.ends, 2.0), (row.middle or (0.0, 0.0), 7.0)):
        if high > low:
            start, end = axis.at(low), axis.at(high)
            chart.box(start, y - thick / 2, end - start, thick, colour)
    chart.dot((axis.at(row.value), y), colour, 4.5)
