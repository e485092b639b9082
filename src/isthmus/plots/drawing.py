"""Charts and titled pictures on white, as they stand on a page of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images, evenly_spaced
from isthmus.plots.charts import LINES, draw_losses
from isthmus.plots.figures import Limits, limits_for, limits_of, on_background, sheet, shown
from isthmus.plots.legends import Colours
from isthmus.plots.maps import draw, palette
from isthmus.plots.plots import as_picture, chart
from isthmus.plots.strips import INK, PAPER, titled
from isthmus.validation import one_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.data.values import Pixels

MAPPED = 3000
"""Codes on a map by t-SNE."""


def contact_sheet(
    images: Pixels,
    title: str | None = None,
    columns: int | None = None,
    *,
    count: int | None = None,
    captions: Sequence[str] | str | None = None,
    scale: float | None = None,
    gap: int = 4,
    limits: Limits | None = None,
    signed: bool = False,
) -> Image:
    """Lay images out on one sheet: those of a set, or what a model decoded.

    Parameters
    ----------
    images : Images or array of shape (n, h, w), (n, h, w, c) or (n, d)
        Grey, colour, rasters of any number of bands (of which three are shown), or vectors.
    title : str, optional
        Written above; the sheet is on white then, and transparent otherwise.
    columns : int, optional
        Images in one row; by default the sheet is about twice as wide as high.
    count : int, optional
        Up to this many, evenly spaced over all; all by default.
    captions : list of str, "class" or "name", optional
        A short text under every image: of Images also their classes, or the names of their files.
    scale : float, optional
        Whole numbers magnify every pixel to a square, numbers below 1 reduce. By default the
        longer side of a tile ends between 48 and 128 pixels.
    gap : int
        Pixels between images.
    limits : (low, high), optional
        Values drawn darkest and brightest; by default those of the set (`Images.value_range`), or
        as `isthmus.plots.limits_of` says.
    signed : bool
        Centre the colours on zero, image by image.

    Returns
    -------
    PIL.Image.Image
        An RGBA picture: ``.save("sheet.png")`` writes it, a notebook shows it.

    Raises
    ------
    ValueError
        If an array is not of such a shape, or captions are not as many as the images.

    Examples
    --------
    >>> import isthmus as ist
    >>> ist.contact_sheet(ist.load_images("digits"), columns=3, count=6, captions="class").size
    (152, 130)
    """
    if count is not None and count < 1:
        raise ValueError(f"count={count} must be at least 1")
    if isinstance(images, Images):
        limits = limits or limits_for(images, limits_of(images))
        images = images if count is None else images.evenly(count)
        captions = _captions(images, captions) if isinstance(captions, str) else captions
    elif count is not None:
        images = np.asarray(images)[evenly_spaced(len(images), count)]
    picture = sheet(
        shown(images), columns, captions=captions, scale=scale, gap=gap, limits=limits,
        signed=signed,
    )  # fmt: skip
    return picture if title is None else titled(on_background(picture, PAPER), title)


def _captions(images: Images, which: str) -> list[str]:
    """Return the classes of images, or their names; of those without one their rows."""
    one_of("captions", which, ("class", "name"))
    rows = range(len(images))
    if which == "name":
        return [str(row) for row in rows] if images.names is None else list(map(str, images.names))
    labels = [-1] * len(images) if images.y is None else images.y.tolist()
    names = images.classes
    return ["" if y < 0 else str(names[y] if names else y) for y in labels]


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


def band_picture(
    values: np.ndarray,
    names: Sequence[str],
    title: str,
    columns: int = 5,
    scale: float | None = None,
) -> Image:
    """Return planes (h, w, k) beside each other, each in the colours of its own range."""
    values = np.asarray(values)
    low, high = np.percentile(values, [2, 98], axis=(0, 1))
    unit = np.clip((values - low) / np.maximum(high - low, 1e-12), 0, 1)
    planes = np.where(high > low, unit, 0).transpose(2, 0, 1)
    return contact_sheet(planes, title, columns, captions=names, scale=scale)


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
