"""Pictures of a latent plane: codes, decoded images, decision regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.values import Pixels
from isthmus.plots.palettes import palette
from isthmus.plots.planes import draw_closeness, draw_images, draw_mosaic, draw_owners
from isthmus.plots.plots import as_picture, chart

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.verbs.planes import Extent
    from isthmus.verbs.territory import Territory

FIRST, SECOND = "first latent dimension", "second latent dimension"


def thinned(x: np.ndarray, y: np.ndarray, points: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of as many stretches of a curve, spread evenly over its logarithm."""
    edges = np.unique(np.geomspace(1, len(x) + 1, points + 1).astype(int) - 1)
    means = np.add.reduceat(y, edges[:-1]) / np.diff(edges)
    return x[edges[:-1]], means


def settled(loss: Sequence[float] | np.ndarray) -> int:
    """Return the first epoch after which the loss never again exceeds twice its last value."""
    above = np.flatnonzero(np.array(loss) > 2 * loss[-1])
    return int(above[-1]) + 2 if len(above) else 1


def error_curves(
    curves: Mapping[str, tuple[Any, Any]], title: str, unit: str = "mean squared error of a pixel"
) -> Image:
    """Return errors against epochs, both on logarithmic axes, a line for every name."""
    figure, ((axis,),) = chart(width=7.2, height=4.2)
    colours = palette(len(curves))
    for i, (name, (epochs, error)) in enumerate(curves.items()):
        axis.plot(epochs, error, color=colours[i], linestyle="-" if i < 6 else "--", label=name)
    axis.set(xlabel="epoch", ylabel=unit, xscale="log", yscale="log")
    axis.grid(alpha=0.2)
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return as_picture(figure, title)


def pictures_at(
    codes: np.ndarray,
    images: Pixels,
    extent: Extent,
    title: str,
    *,
    size: float = 7,
    zoom: float = 3,
    dark: bool = True,
) -> Image:
    """Return the plane with every image drawn where its code lies."""
    figure, axis = _plane(extent, size)
    draw_images(axis, codes, images, zoom, dark=dark)
    return as_picture(figure, title)


def mosaic(images: Pixels, extent: Extent, title: str, size: float = 7) -> Image:
    """Return images decoded on a grid, in the order of `isthmus.verbs.planes.grid`."""
    figure, axis = _plane(extent, size)
    draw_mosaic(axis, images, extent)
    return as_picture(figure, title)


def territories(
    found: Territory, codes: np.ndarray, images: Pixels, title: str, size: float = 7
) -> Image:
    """Return the plane in a colour for every owner, and the owners where their codes lie."""
    figure, axis = _plane(found.extent, size)
    draw_owners(axis, found.owners, len(found.shares), found.extent)
    draw_images(axis, codes, images)
    return as_picture(figure, title)


def confused(distance: np.ndarray, confusion: np.ndarray, title: str) -> Image:
    """Return how often pairs are taken for each other against their distance in the plane."""
    figure, ((axis,),) = chart(width=5.6, height=3.8)
    draw_closeness(axis, distance, confusion)
    return as_picture(figure, title)


def _plane(extent: Extent, size: float) -> tuple[Any, Any]:
    figure, ((axis,),) = chart(width=size, height=size)
    axis.set(xlabel=FIRST, ylabel=SECOND, xlim=extent[:2], ylim=extent[2:])
    return figure, axis
