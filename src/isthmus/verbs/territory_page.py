"""The page of a territory: decision regions, decoded images, and confusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isthmus.plots.pixels import limits_of
from isthmus.plots.planes import (
    BARS,
    draw_closeness,
    draw_images,
    draw_mosaic,
    draw_owners,
    draw_shares,
    is_ink,
    spread_out,
)
from isthmus.plots.plots import as_picture, chart

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.data.images import Images
    from isthmus.verbs.closeness import Closeness
    from isthmus.verbs.territory import Territory


def territory_page(
    found: Territory,
    codes: np.ndarray,
    images: Images,
    decoded: np.ndarray,
    close: Closeness,
    *,
    title: str,
    labels: tuple[str, str],
    noise: str,
) -> Image:
    """Return one page on a latent plane: its owners, what is decoded, shares and confusion.

    Parameters
    ----------
    found : Territory
        Decision regions.
    codes : array of shape (n, 2)
        The two numbers that span the plane.
    images : Images
        Those that share the plane; with classes of more than one image, classes are the owners.
    decoded : array of shape (side^2, ...)
        What is decoded on a grid.
    close : Closeness
        Confusion of pairs.
    title : str
        Above all.
    labels : (str, str)
        Of the axes of the plane.
    noise : str
        What the confusion comes from, in words.
    """
    figure, ((left, right), (below, last)) = chart(2, 2, 5.6, 5)
    (owners, shares, names), dark = owned(found, images), is_ink(images)
    draw_owners(left, owners, len(shares), found.extent)
    chosen = spread_out(codes, found.extent)
    draw_images(left, np.asarray(codes)[chosen], np.asarray(images[chosen]), dark=dark)
    draw_mosaic(right, decoded, found.extent, limits_of(images), dark=dark)
    for axis, name in ((left, "who is nearest to what is decoded"), (right, "what is decoded")):
        axis.set(xlim=found.extent[:2], ylim=found.extent[2:], xlabel=labels[0], ylabel=labels[1])
        axis.set_title(name, fontsize=10)
    draw_shares(below, shares, names)
    below.set_title(_of_how_many(found, shares), fontsize=10)
    draw_closeness(last, close.distance, close.taken)
    last.set_title(f"confusion: {noise}; rank correlation {close.rank:.2f}", fontsize=10)
    return as_picture(figure, title)


def owned(found: Territory, images: Images) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the owners of a plane, shares and names: classes where several images share one."""
    n = len(found.shares)
    if images.y is None or len(np.unique(images.y)) == n:
        if images.y is not None and images.classes and (np.asarray(images.y) >= 0).all():
            names = [images.classes[i] for i in images.y]
        else:
            names = [f"image {row}" for row in range(n)]
        return found.owners, found.shares, names
    y = np.asarray(images.y)
    shares = found.of_classes(y)
    names = [str(images.classes[i]) if images.classes else str(i) for i in range(len(shares))]
    return y[found.owners], shares, names


def _of_how_many(found: Territory, shares: np.ndarray) -> str:
    what = "images" if len(shares) == len(found.shares) else "classes"
    greatest = f", the {BARS} greatest" if len(shares) > BARS else ""
    return f"shares of {len(shares)} {what}{greatest}"
