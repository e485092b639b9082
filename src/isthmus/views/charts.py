"""Small charts as inline SVG, in the colours of the page they stand on."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's own text colour until the SVG is written
WIDE = 20
"""An axis is logarithmic where its values differ by a greater factor."""
LINES = ("#3b7dd8", "#e8871e", "#1a9e77", "#8a63d2", "#d64550", "#7b8794")


def curves(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Draw the errors of training, one small chart for every model, as one inline SVG.

    Text and axes take the colour of the page's text, so the chart suits light and dark. Training
    errors are solid, validation errors dashed; the axis is logarithmic where the greatest is
    20 times the least.

    Parameters
    ----------
    histories : dict of str to dict of str to list of float
        For every model its errors by name (``loss``, ``val_loss``, ...), beside ``epoch`` or
        ``iteration``.

    Examples
    --------
    >>> curves({"pca": {"epoch": [1, 2], "loss": [0.5, 0.1]}})[:5]
    '<svg '
    """
    if not histories:
        raise ValueError("no histories to draw")
    with _style():
        from matplotlib.figure import Figure

        columns = min(3, len(histories))
        rows = math.ceil(len(histories) / columns)
        figure = Figure(figsize=(4.2 * columns, 2.7 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[len(histories) :]:
            axis.set_axis_off()
        for axis, (name, history) in zip(axes, histories.items(), strict=False):
            draw_losses(axis, history)
            if len(histories) > 1:
                axis.set_title(plain(name))
        return _svg(figure)


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

    losses = losses_of(history)
    clock = "iteration" if "iteration" in history else "epoch"
    for i, (name, values) in enumerate(losses.items()):
        times = list(history.get(clock, []))
        if len(times) != len(values):
            times = list(range(1, len(values) + 1))
        axis.plot(
            times,
            values,
            color=LINES[i % len(LINES)],
            linestyle="--" if name.startswith("val") else "-",
            marker="o" if len(values) == 1 else None,
            label={"loss": "training", "val_loss": "validation"}.get(name, _words(name)),
        )
    finite = [v for values in losses.values() for v in values if math.isfinite(v)]
    if finite and min(finite) > 0 and max(finite) > WIDE * min(finite):
        axis.set_yscale("log")
    axis.set_xlabel(clock)
    axis.set_ylabel(_words(next(iter(losses))) if len(losses) == 1 else "loss")
    axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if len(losses) > 1:
        axis.legend(frameon=False)


def rate_against_error(points: Mapping[str, tuple[float, float]]) -> str:
    """Draw what a code costs (bits for one image) against how close it comes (PSNR), as SVG.

    Examples
    --------
    >>> rate_against_error({"pca": (1024, 21.5), "kmeans": (6.6, 14.0)})[:5]
    '<svg '
    """
    with _style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5.4, 3.4), layout="constrained")
        axis = figure.subplots()
        bits, psnr = (list(values) for values in zip(*points.values(), strict=True))
        axis.scatter(bits, psnr, color=LINES[0], s=42, zorder=3)
        if min(bits) > 0 and max(bits) > WIDE * min(bits):
            axis.set_xscale("log")
        axis.margins(x=0.08, y=0.16)
        _label_points(axis, points)
        axis.set_xlabel("bits for one image (fewer is better)")
        axis.set_ylabel("PSNR in dB (higher is better)")
        return _svg(figure)


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
    with _style():
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        rows, columns = values.shape
        figure = Figure(figsize=(4.2, 0.6 + 3.2 * min(2.0, rows / columns)), layout="constrained")
        axis = figure.subplots()
        drawn = axis.imshow(values, cmap="cividis", interpolation="nearest")
        axis.grid(visible=False)
        for side in (axis.xaxis, axis.yaxis):
            side.set_major_locator(MaxNLocator(6, integer=True))
        axis.set_xlabel("column")
        axis.set_ylabel("row")
        bar = figure.colorbar(drawn, ax=axis, shrink=0.9)
        bar.set_label(plain(unit))
        bar.outline.set_visible(False)
        return _svg(figure)


def _label_points(axis: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write each name beside its point, pushed up where names at the same place would collide."""
    span = max(psnr for _, psnr in points.values()) - min(psnr for _, psnr in points.values())
    floor: dict[int, float] = {}
    for name, (bits, psnr) in sorted(points.items(), key=lambda item: item[1][1]):
        column = round(3 * math.log10(max(bits, 1e-9)))
        height = max(psnr, floor.get(column, -math.inf))
        floor[column] = height + max(span, 1e-6) * 0.075
        left = axis.transAxes.inverted().transform(axis.transData.transform((bits, psnr)))[0] > 0.5
        axis.annotate(  # towards the middle, so that no name leaves the chart
            plain(name),
            (bits, height),
            (-9 if left else 9, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
        )


def _style() -> AbstractContextManager[None]:
    import matplotlib

    return matplotlib.rc_context(
        {
            "text.color": INK,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "svg.fonttype": "none",
            "svg.hashsalt": "isthmus",
            "font.family": "sans-serif",
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": INK,
            "grid.alpha": 0.14,
        }
    )


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg ") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return re.sub(r"<g id=\"[^\"]*\"", "<g", text)  # ids would repeat on a page of many charts


def plain(text: str) -> str:
    """Return text that matplotlib does not read as mathematics."""
    return str(text).replace("$", r"\$")


def _words(name: str) -> str:
    return plain(name).replace("_", " ")
