"""Pictures of a latent plane: what lies on it, what is decoded on it, and who owns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import to_unit
from isthmus.views import drawing
from isthmus.views.figures import limits_of
from isthmus.views.maps import palette

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.walks import Extent, Territory

FIRST, SECOND = "first number of the code", "second number of the code"


def thinned(x: np.ndarray, y: np.ndarray, points: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of as many stretches of a curve, spread evenly over its logarithm."""
    edges = np.unique(np.geomspace(1, len(x) + 1, points + 1).astype(int) - 1)
    means = np.add.reduceat(y, edges[:-1]) / np.diff(edges)
    return x[edges[:-1]], means


def settled(loss: Any) -> int:
    """Return the first epoch after which the loss never again exceeds twice its last value."""
    above = np.flatnonzero(np.array(loss) > 2 * loss[-1])
    return int(above[-1]) + 2 if len(above) else 1


def error_curves(
    curves: Mapping[str, tuple[Any, Any]], title: str, unit: str = "mean squared error of a pixel"
) -> Image:
    """Return errors against epochs, both on logarithmic axes, a line for every name."""
    figure, ((axis,),) = drawing.chart(width=7.2, height=4.2)
    colours = palette(len(curves))
    for i, (name, (epochs, error)) in enumerate(curves.items()):
        axis.plot(epochs, error, color=colours[i], linestyle="-" if i < 6 else "--", label=name)
    axis.set(xlabel="epoch", ylabel=unit, xscale="log", yscale="log")
    axis.grid(alpha=0.2)
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return drawing.as_picture(figure, title)


def pictures_at(
    codes: Any,
    images: Any,
    extent: Extent,
    title: str,
    *,
    size: float = 7,
    zoom: float = 3,
    colours: str = "gray_r",
) -> Image:
    """Return the plane with every image drawn where its code lies."""
    figure, axis = _plane(extent, size)
    for (x, y), image in zip(codes, np.asarray(images), strict=True):
        _draw_at(axis, image, x, y, zoom, colours)
    return drawing.as_picture(figure, title)


def mosaic(images: Any, extent: Extent, title: str, size: float = 7) -> Image:
    """Return images decoded on a grid of the plane, in the order of `isthmus.walks.grid`."""
    images = np.asarray(images)[..., 0]
    n, h, w = images.shape
    side = round(n**0.5)
    low, high = limits_of(images)
    gap = max(1, h // 12)
    padded = np.full((n, h + gap, w + gap), np.nan)
    padded[:, :h, :w] = images
    whole = padded.reshape(side, side, h + gap, w + gap).swapaxes(1, 2)
    whole = whole.reshape(side * (h + gap), side * (w + gap))[:-gap, :-gap]
    figure, axis = _plane(extent, size)
    axis.imshow(
        whole, cmap="gray", vmin=low, vmax=high, extent=extent, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    return drawing.as_picture(figure, title)


def territories(found: Territory, codes: Any, images: Any, title: str, size: float = 7) -> Image:
    """Return the plane in a colour for every owner, and the owners where their codes lie."""
    from matplotlib.colors import ListedColormap

    figure, axis = _plane(found.extent, size)
    colours = ListedColormap(palette(len(found.shares)))
    axis.imshow(
        found.owners, cmap=colours, vmin=-0.5, vmax=len(found.shares) - 0.5, alpha=0.75,
        extent=found.extent, aspect="auto", interpolation="nearest",
    )  # fmt: skip
    for (x, y), image in zip(codes, np.asarray(images), strict=True):
        _draw_at(axis, image, x, y, 2.4, "gray_r")
    return drawing.as_picture(figure, title)


def confused(distance: Any, confusion: Any, title: str) -> Image:
    """Return how often pairs are taken for each other against their distance in the plane."""
    figure, ((axis,),) = drawing.chart(width=5.6, height=3.8)
    axis.scatter(distance, 100 * np.asarray(confusion), s=12, alpha=0.6, linewidths=0)
    axis.set(xlabel="distance of the two codes", ylabel="taken for each other, % of draws")
    axis.grid(alpha=0.2)
    return drawing.as_picture(figure, title)


def _plane(extent: Extent, size: float) -> tuple[Any, Any]:
    figure, ((axis,),) = drawing.chart(width=size, height=size)
    axis.set(xlabel=FIRST, ylabel=SECOND, xlim=extent[:2], ylim=extent[2:])
    return figure, axis


def _draw_at(axis: Any, image: np.ndarray, x: float, y: float, zoom: float, colours: str) -> None:
    from matplotlib.colors import Normalize
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    values = to_unit(image)[..., 0]
    drawn = OffsetImage(
        values, zoom=zoom, cmap=colours, norm=Normalize(0, 1), interpolation="nearest"
    )
    frame = {"edgecolor": drawing.INK, "linewidth": 0.5}
    axis.add_artist(AnnotationBbox(drawn, (x, y), pad=0.12, bboxprops=frame))
