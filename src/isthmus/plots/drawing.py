"""Charts and titled pictures on white, as they stand on a page of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images
from isthmus.plots.charts import LINES, draw_losses
from isthmus.plots.figures import on_background
from isthmus.plots.legends import Colours
from isthmus.plots.maps import draw
from isthmus.plots.palettes import palette
from isthmus.plots.plots import as_picture, chart
from isthmus.plots.strips import INK, PAPER, titled

if TYPE_CHECKING:
    from PIL.Image import Image


MAPPED = 3000
"""Codes on a map by t-SNE."""


def curves(histories: Mapping[str, Mapping[str, Sequence[float]]], title: str) -> Image:
    """Return the losses of every model, each in a chart of its own; validation is dashed."""
    columns = min(3, len(histories))
    figure, grid = chart(-(-len(histories) // columns), columns)
    for axis in grid.flat[len(histories) :]:
        axis.set_axis_off()
    for axis, (name, history) in zip(grid.flat, histories.items(), strict=False):
        draw_losses(axis, history)
        axis.grid(alpha=0.2)
        axis.set_title(name if len(histories) > 1 else "", fontsize=10)
    return as_picture(figure, title)


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    x_label: str,
    y_label: str,
    *,
    log_x: bool = False,
) -> Image:
    """Return one chart with a line, x and y, for every name."""
    figure, ((axis,),) = chart(width=6)
    for (name, (x, y)), colour in zip(series.items(), palette(len(series)), strict=True):
        axis.plot(x, y, "o-", color=colour, label=name)
    axis.set(xlabel=x_label, ylabel=y_label)
    if log_x:
        axis.set_xscale("log")
    axis.grid(alpha=0.2)
    axis.legend(frameon=False, fontsize=9)
    return as_picture(figure, title)


def bars(values: Mapping[str, Any], title: str, x_label: str, y_label: str) -> Image:
    """Return one chart of bars beside each other, a colour for every name."""
    figure, ((axis,),) = chart(width=6.5)
    width = 0.8 / len(values)
    for i, (name, heights) in enumerate(values.items()):
        places = np.arange(len(heights)) + (i - (len(values) - 1) / 2) * width
        axis.bar(places, heights, width, color=LINES[i % len(LINES)], label=name)
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.set_xticks(range(len(next(iter(values.values())))))
    if len(values) > 1:
        axis.legend(frameon=False, fontsize=9)
    axis.grid(alpha=0.2, axis="y")
    axis.set_axisbelow(True)
    return as_picture(figure, title)


def scatter(
    plots: Mapping[str, tuple[Any, ...]], title: str, labels: tuple[str, str] = ("", "")
) -> Image:
    """Return points in the plane, one chart for every name.

    Parameters
    ----------
    plots : dict of str to (points, values) or (points, values, names)
        Points (n, 2), and what colours them: whole numbers are classes, others a scale. Names of
        the classes make a legend.
    title : str
        Above all charts.
    labels : (str, str)
        Of the axes.
    """
    figure, (axes,) = chart(1, len(plots), 5.4, 4.8)
    for axis, (name, plot) in zip(axes, plots.items(), strict=True):
        _draw_points(axis, *plot)
        axis.set(title=name, xlabel=labels[0], ylabel=labels[1])
    return as_picture(figure, title)


def scatter_3d(
    points: np.ndarray, y: np.ndarray | None, title: str, names: Sequence[str] | None
) -> Image:
    """Return points in space, coloured by class, seen from two sides."""
    from isthmus.plots.chart import Chart

    figure = Chart(figsize=(11.5, 5))
    for i, azimuth in enumerate((-60, 30)):
        place = (0.01 + 0.48 * i, 0.06, 0.38, 0.92)
        axis: Any = figure.add_axes(place, projection="3d", elev=22, azim=azimuth)
        _draw_points(axis, points, y, names if i else None)
        axis.set(xlabel="component 1", ylabel="component 2", zlabel="component 3")
    return as_picture(figure, title)


def _draw_points(
    axis: Any, points: np.ndarray, values: np.ndarray | None, names: Sequence[str] | None = None
) -> None:
    points, values = np.asarray(points), np.asarray(values)
    style = {"s": 5 if len(points) > 1500 else 11, "alpha": 0.8, "linewidths": 0}
    style |= {"depthshade": False} if points.shape[1] == 3 else {}
    if values.dtype.kind == "f":
        drawn = axis.scatter(*points.T, c=values, cmap="viridis", **style)
        axis.figure.colorbar(drawn, ax=axis)
        return
    for label, colour in enumerate(palette(int(values.max()) + 1)):
        name = None if names is None else names[label]
        axis.scatter(*points[values == label].T, color=colour, label=name, **style)
    if names is not None:
        place = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)}
        axis.legend(markerscale=3, frameon=False, fontsize=9, **place)


def table(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str, form: str = ".2f"
) -> Image:
    """Return numbers between 0 and 1 as a table, the larger the darker."""
    values = np.asarray(values, dtype=float)
    figure, ((axis,),) = chart(1, 1, 2.4 + 0.9 * len(columns), 0.8 + 0.3 * len(rows))
    axis.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        ink = PAPER if value > 0.55 else INK
        axis.text(column, row, format(value, form), ha="center", va="center", color=ink)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    return as_picture(figure, title)


def thumbnails(where: np.ndarray, images: Images, title: str) -> Image:
    """Return a map: images drawn where they lie in the plane, (n, 2)."""
    picture = draw(where, np.asarray(images), images.y, images.classes, size=760)
    return titled(on_background(picture, PAPER), title)


def planes(values: Mapping[str, Any], title: str) -> Image:
    """Return grids (h, w) beside each other: numbers with a scale, whole ones as classes.

    Classes are drawn in the colours of `isthmus.plots.palette`; -1 is none.
    """
    figure, (axes,) = chart(1, len(values), 4.2, 3.6)
    for axis, (name, plane) in zip(axes, values.items(), strict=True):
        if plane.dtype.kind == "i":
            _draw_classes(axis, plane)
        else:
            drawn = axis.imshow(plane, cmap="cividis", interpolation="nearest")
            figure.colorbar(drawn, ax=axis, shrink=0.8)
        axis.set_title(name, fontsize=10)
    return as_picture(figure, title)


def _draw_classes(axis: Any, plane: np.ndarray) -> None:
    from matplotlib.colors import ListedColormap

    n = int(plane.max()) + 1
    seen = np.ma.masked_less(plane, 0)
    drawn = axis.imshow(seen, ListedColormap(palette(n)), vmin=-0.5, vmax=n - 0.5)
    axis.figure.colorbar(drawn, ax=axis, shrink=0.8, ticks=range(n))


def with_legend(picture: Image, names: Sequence[str]) -> Image:
    """Return a picture with the colours of classes, and their names, below it."""
    return Colours.of("", range(len(names)), names).add_to(picture)


def numbers(matrices: Mapping[str, Any], title: str) -> Image:
    """Return matrices of whole numbers beside each other, each with its name."""
    from isthmus.plots.chart import Chart

    arrays = {name: np.asarray(matrix) for name, matrix in matrices.items()}
    widths = [array.shape[1] + 1.2 for array in arrays.values()]
    tallest = max(len(array) for array in arrays.values())
    figure = Chart(figsize=(0.36 * sum(widths), 0.3 * tallest + 0.8), layout="constrained")
    axes = figure.subplots(1, len(arrays), width_ratios=widths, squeeze=False)[0]
    for axis, (name, array) in zip(axes, arrays.items(), strict=True):
        axis.imshow(array != 0, cmap="Blues", vmin=0, vmax=4)
        for (row, column), value in np.ndenumerate(array):
            axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=8, color=INK)
        axis.set(xticks=[], yticks=[])
        axis.set_title(f"{name}, {array.shape[0]}x{array.shape[1]}", fontsize=10)
    return as_picture(figure, title)
