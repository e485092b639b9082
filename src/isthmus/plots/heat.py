"""Numbers on a grid as colors, in SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.plots.svg import Chart

if TYPE_CHECKING:
    import numpy as np


def heat(values: np.ndarray, unit: str) -> str:
    """Draw numbers on a grid, (rows, columns), as an inline SVG with a scale beside it.

    Parameters
    ----------
    values : array of shape (rows, columns)
        Row 0 is on top.
    unit : str
        What the numbers are, for the scale.

    Examples
    --------
    >>> import numpy as np
    >>> heat(np.eye(3), "distance")[:5]
    '<svg '
    """
    rows, columns = values.shape
    side = min(300 / columns, 300 / rows)
    low, high = float(values.min()), float(values.max())
    chart = Chart(side * columns + 100, side * rows + 20)
    for (row, column), value in _cells(values):
        share = (value - low) / (high - low) if high > low else 0.0
        chart.box(column * side, 10 + row * side, side + 0.3, side + 0.3, cividis(share))
    steps, left, height = 24, side * columns + 14, side * rows
    for i in range(steps):
        top = 10 + height * (1 - (i + 1) / steps)
        chart.box(left, top, 12, height / steps + 0.3, cividis(i / (steps - 1)))
    for value, top in ((high, 20), (low, 10 + height)):
        chart.label(left + 18, top, f"{value:.3g}")
    chart.label(left + 18, 10 + height / 2, unit[:12])
    return chart.text()


def _cells(values: np.ndarray) -> list[tuple[tuple[int, int], float]]:
    """Return the places (row, column) of a grid with its values."""
    return [((i, j), float(v)) for i, row in enumerate(values) for j, v in enumerate(row)]


def cividis(share: float) -> str:
    """Return a colour between dark blue and yellow that is told apart by any eye.

    Examples
    --------
    >>> cividis(0), cividis(1)
    ('#00224e', '#fee838')
    """
    place = min(max(share, 0.0), 1.0) * (len(CIVIDIS) - 1)
    i = min(int(place), len(CIVIDIS) - 2)
    pairs = zip(CIVIDIS[i], CIVIDIS[i + 1], strict=True)
    return "#" + "".join(f"{round(a + (place - i) * (b - a)):02x}" for a, b in pairs)


CIVIDIS = ((0, 34, 78), (65, 77, 107), (124, 123, 120), (188, 175, 111), (254, 232, 56))
