"""Planes of codes: decoded images, decision regions, and confusion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.values import Pixels
from isthmus.plots.charts import plain
from isthmus.plots.maps import without_overlap
from isthmus.plots.palettes import palette
from isthmus.plots.pixels import Limits, limits_of, to_pixels
from isthmus.plots.strips import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


SMALL = 17
"""Longer side of an image on a plane, in points."""
BARS = 10
"""Owners whose shares are drawn, at most."""

Extent = tuple[float, float, float, float]


def draw_mosaic(
    axis: Axes,
    images: Pixels,
    extent: Extent,
    limits: Limits | None = None,
    *,
    dark: bool = False,
) -> None:
    """Draw images decoded on a grid of the plane, as many rows as columns."""
    pixels = _pixels(images, limits_of(images) if limits is None else limits, dark)
    n, h, w, c = pixels.shape
    side, gap = round(n**0.5), max(1, h // 12)
    padded = np.zeros((n, h + gap, w + gap, c), np.uint8)  # transparent between the images
    padded[:, :h, :w] = pixels
    whole = padded.reshape(side, side, h + gap, w + gap, c).swapaxes(1, 2)
    whole = whole.reshape(side * (h + gap), side * (w + gap), c)[:-gap, :-gap]
    smooth = "nearest" if max(whole.shape) < 500 else "antialiased"
    axis.imshow(whole, extent=extent, aspect="auto", interpolation=smooth)


def draw_owners(axis: Axes, owners: np.ndarray, count: int, extent: Extent) -> None:
    """Draw the plane in a colour for every owner, 0 to count - 1; -1 is left white."""
    from matplotlib.colors import ListedColormap

    axis.imshow(
        np.ma.masked_less(owners, 0), cmap=ListedColormap(palette(count)), vmin=-0.5,
        vmax=count - 0.5, alpha=0.75, extent=extent, aspect="auto", interpolation="nearest",
    )  # fmt: skip


def draw_images(
    axis: Axes,
    codes: np.ndarray,
    images: Pixels,
    zoom: float | None = None,
    *,
    dark: bool = True,
) -> None:
    """Draw images where their codes (n, 2) lie.

    Parameters
    ----------
    axis : Axes
        Where.
    codes : array of shape (n, 2)
        Their places.
    images : array of shape (n, h, w), (n, h, w, c) or (n, d)
        What to draw.
    zoom : float, optional
        Points a pixel; by default all have the same small size.
    dark : bool
        Whether grey images are drawn dark on white, as ink is on paper.
    """
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    pixels = _pixels(images, limits_of(images), dark)
    zoom = zoom or SMALL / max(pixels.shape[1:3])
    frame = {"edgecolor": INK, "linewidth": 0.5}
    for place, tile in zip(np.asarray(codes, dtype=float), pixels, strict=True):
        drawn = OffsetImage(tile, zoom=zoom, interpolation="nearest")
        axis.add_artist(AnnotationBbox(drawn, tuple(place), pad=0.12, bboxprops=frame))


def _pixels(images: Pixels, limits: Limits, dark: bool) -> np.ndarray:
    """Return images as pixels, grey ones dark on white where that is asked for."""
    images = np.asarray(images)
    pixels = to_pixels(images, limits)
    if dark and images.ndim > 2 and images.shape[3:] in ((), (1,)):
        pixels[..., :3] = 255 - pixels[..., :3]
    return pixels


def draw_closeness(axis: Axes, distance: np.ndarray, taken: np.ndarray) -> None:
    """Draw how often pairs are taken for each other against the distance of their codes."""
    axis.scatter(distance, 100 * np.asarray(taken), s=12, alpha=0.6, linewidths=0)
    axis.set(xlabel="distance of the two codes", ylabel="taken for each other, % of draws")
    axis.grid(alpha=0.2)


def draw_shares(axis: Axes, shares: np.ndarray, names: Sequence[str]) -> None:
    """Draw the shares of a plane that the greatest owners have, as bars."""
    shares = np.asarray(shares)
    order = np.argsort(-shares, kind="stable")[:BARS][::-1]
    inks = np.array(palette(len(shares)))[order]
    axis.barh(range(len(order)), 100 * shares[order], color=inks, alpha=0.75)
    axis.set_yticks(range(len(order)), [_readable(names[i]) for i in order])
    axis.axvline(100 / len(shares), color=INK, linestyle=":", linewidth=1, label="an even share")
    axis.set(xlabel="share of the plane, %")
    axis.grid(alpha=0.2, axis="x")
    axis.legend(frameon=False, loc="lower right")


def _readable(name: str) -> str:
    """Return a name that matplotlib reads as it is written, and can write."""
    return plain(name if name.isprintable() else repr(name)[1:-1])


def spread_out(codes: np.ndarray, extent: Extent, side: float = 0.07) -> np.ndarray:
    """Return rows of codes (n, 2) that can be drawn on a plane without overlap."""
    low, high = np.array(extent).reshape(2, 2).T
    places = 1000 * (np.asarray(codes, dtype=float) - low) / (high - low)
    return np.sort(without_overlap(places, round(1000 * side), (1100, 1100)))


def is_ink(images: Images) -> bool:
    """Return whether images are bright marks on a dark ground, which paper shows dark on white."""
    few = np.asarray(images.evenly(200))
    return bool(to_unit(few).mean() < np.mean(limits_of(images)))
