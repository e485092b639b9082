"""Small charts as inline SVG, in the colours of the page they stand on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from isthmus.plots.svg import LETTER, PAD, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 20
"""An axis is logarithmic where its values differ by a greater factor."""
LINES = ("#3b7dd8", "#e8871e", "#1a9e77", "#8a63d2", "#d64550", "#7b8794")


def curves(history: Mapping[str, Sequence[float]]) -> str:
    """Draw the errors of one training as an inline SVG.

    Text and axes take the colour of the page's text, so the chart suits light and dark. Training
    errors are solid, validation errors dashed; the axis is logarithmic where the greatest is
    20 times the least.

    Parameters
    ----------
    history : dict of str to list of float
        Errors by name (``loss``, ``val_loss``, ...), beside ``epoch`` or ``iteration``.

    Examples
    --------
    >>> curves({"epoch": [1, 2], "loss": [0.5, 0.1]})[:5]
    '<svg '
    """
    lines, clock = lines_of(history)
    if not lines:
        raise ValueError("no losses to draw: the history has none")
    finite = [v for line in lines.values() for _, v in line if math.isfinite(v)] or [0.0, 1.0]
    log = is_logarithmic(finite)
    times = [t for line in lines.values() for t, _ in line]
    chart = Chart()
    label = _words(next(iter(lines))) if len(lines) == 1 else "loss"
    x, y = chart.axes(
        (min(times), max(times)), (min(finite), max(finite)), clock, label,
        log=(False, log), whole=True,
    )  # fmt: skip
    for i, (name, line) in enumerate(lines.items()):
        colour = LINES[i % len(LINES)]
        chart.line(line, x, y, colour, dashed=name.startswith("val"))
        if len(line) == 1 and math.isfinite(line[0][1]):
            chart.dot((x.at(line[0][0]), y.at(line[0][1])), colour)
    if len(lines) > 1:
        _legend(chart, lines)
    return chart.text()


def _legend(chart: Chart, names: Mapping[str, object]) -> None:
    for i, name in enumerate(names):
        top, right = PAD[1] + 8 + 15 * i, chart.width - PAD[2]
        text, colour = _titles(name), LINES[i % len(LINES)]
        dashes = ' stroke-dasharray="5 4"' if name.startswith("val") else ""
        left = right - 30 - LETTER * len(text)
        chart.parts.append(
            f'<path d="M{left:.0f} {top}h20" stroke="{colour}" stroke-width="1.8"{dashes}/>'
        )
        chart.label(left + 26, top + 4, text)


def lines_of(
    history: Mapping[str, Sequence[float]],
) -> tuple[dict[str, list[tuple[float, float]]], str]:
    """Return the points (time, error) of every loss in a history, and what its clock is called."""
    clock, lines = "iteration" if "iteration" in history else "epoch", {}
    for name, values in losses_of(history).items():
        times = list(history.get(clock, []))
        if len(times) != len(values):
            times = list(range(1, len(values) + 1))
        lines[name] = list(zip(times, values, strict=True))
    return lines, clock


def is_logarithmic(values: Sequence[float]) -> bool:
    """Return whether values are drawn on a logarithmic axis."""
    return bool(values) and min(values) > 0 and max(values) > WIDE * min(values)


def _titles(name: str) -> str:
    return {"loss": "training", "val_loss": "validation"}.get(name, _words(name))


def losses_of(history: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return the errors in a history by name: those called a loss, else everything but the clock.

    Examples
    --------
    >>> losses_of({"epoch": [1, 2], "seconds": [3, 4], "loss": [2, 1]})
    {'loss': [2.0, 1.0]}
    """
    clock = ("epoch", "iteration", "step", "seconds", "learning_rate")
    named = [name for name in history if name.endswith("loss")]
    names = named or [name for name in history if name not in clock]
    return {
        name: [math.nan if value is None else float(value) for value in history[name]]
        for name in names
        if len(history[name])
    }


def draw_losses(axis: Axes, history: Mapping[str, Sequence[float]]) -> None:
    """Draw the errors of one history: the curve of the report and of the recipes."""
    from matplotlib.ticker import MaxNLocator

    lines, clock = lines_of(history)
    for i, (name, line) in enumerate(lines.items()):
        axis.plot(
            *zip(*line, strict=True),
            color=LINES[i % len(LINES)],
            linestyle="--" if name.startswith("val") else "-",
            marker="o" if len(line) == 1 else None,
            label=plain(_titles(name)),
        )
    if is_logarithmic([v for line in lines.values() for _, v in line if math.isfinite(v)]):
        axis.set_yscale("log")
    axis.set_xlabel(clock)
    axis.set_ylabel(plain(_words(next(iter(lines)))) if len(lines) == 1 else "loss")
    axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if len(lines) > 1:
        axis.legend(frameon=False)


def rate_against_error(
    rates: Mapping[str, Sequence[tuple[float, float]]],
    best: Sequence[str] = (),
    at: float | None = None,
    *,
    small: bool = False,
) -> str:
    """Draw what codes cost (bits for one image) against how close they come (PSNR), as SVG.

    Parameters
    ----------
    rates : dict of str to list of (bits, PSNR)
        A line for every model, or a point.
    best : sequence of str
        Models that are drawn in colour, all others in grey; without them all are in colour.
    at : float, optional
        PSNR at which a dashed line is drawn.
    small : bool
        For a small chart: only the best are named.

    Examples
    --------
    >>> rate_against_error({"pca": [(512, 18.0), (1024, 21.5)], "kmeans": [(6.6, 14.0)]})[:5]
    '<svg '
    """
    points = [(max(bits, 0.0), psnr) for line in rates.values() for bits, psnr in line]
    bits, psnr = zip(*points, strict=True)
    log = is_logarithmic(bits)
    chart = Chart(*((400, 210) if small else (600, 380)))
    x, y = chart.axes(
        (min(bits), max(bits)), (min(psnr), max(psnr)), "bits for one image", "PSNR in dB",
        log=(log, False), margins=(0.08, 0.12),
    )  # fmt: skip
    if at is not None:
        chart.line([(min(bits), at), (max(bits), at)], x, y, "currentColor", dashed=True, width=1)
    taken: list[tuple[float, float]] = []
    for name, line in rates.items():
        plain_one, order = bool(best) and name not in best, list(best or rates)
        colour = "currentColor" if plain_one else LINES[order.index(name) % len(LINES)]
        opacity = 0.3 if plain_one else 1.0
        chart.line(line, x, y, colour, opacity=opacity)
        for place in line:
            chart.dot((x.at(place[0]), y.at(place[1])), colour, 3, opacity=opacity)
        if not (small and plain_one):
            _name_end(chart, name, (x.at(line[-1][0]), y.at(line[-1][1])), taken)
    return chart.text()


def _name_end(
    chart: Chart, name: str, end: tuple[float, float], taken: list[tuple[float, float]]
) -> None:
    """Write a name beside the end of its line, moved down where it would be on another."""
    left = end[0] > chart.width / 2
    height = end[1] + 4
    while any(abs(height - y) < 13 and abs(end[0] - x) < 120 for x, y in taken):
        height += 13
    taken.append((end[0], height))
    chart.label(end[0] + (-8 if left else 8), height, name, "end" if left else "start")


def plain(text: str) -> str:
    """Return text that matplotlib does not read as mathematics."""
    return str(text).replace("$", r"\$")


def _words(name: str) -> str:
    return str(name).replace("_", " ")
