"""Maps: codes laid out in the plane for the eye, with the images they came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.values import ArrayLike, Pixels
from isthmus.plots.palettes import UNLABELLED, palette
from isthmus.plots.pixels import Limits, to_pixels
from isthmus.plots.thumbnails import _dots, _framed, _opacity, _tinted

if TYPE_CHECKING:
    from PIL.Image import Image


def draw(
    layout: np.ndarray,
    images: Pixels,
    y: ArrayLike | None = None,
    classes: list[str] | None = None,
    size: int = 900,
    *,
    limits: Limits | None = None,
    colours: Sequence[str] | None = None,
    behind: np.ndarray | None = None,
    behind_colours: Sequence[str] | None = None,
) -> Image:
    """Draw a map: as many images as fit without overlap, a dot for every other one.

    Grey images on a dark or a light ground are tinted in the colour of their class, and their
    ground is left out; all others get a border in that colour.

    Parameters
    ----------
    layout : array of shape (n, 2)
        Where every image belongs, the second axis upwards. Points far outside all others are
        drawn at the border.
    images : array of shape (n, h, w), (n, h, w, c) or (n, d)
        What to draw there.
    y : array of int of shape (n,), optional
        Labels; -1 is none.
    classes : list of str, optional
        Names of the labels; only their number matters here, for the colours of `palette`.
    size : int
        Width in pixels; the height follows from the layout.
    limits : (low, high), optional
        Values drawn darkest and brightest.
    colours : sequence of str, optional
        A colour for every image, in place of that of its label.
    behind : array of shape (m, 2), optional
        Places of other images, drawn as small pale dots behind these.
    behind_colours : sequence of str, optional
        Their colours.

    Returns
    -------
    PIL.Image.Image
        RGBA, transparent where nothing is.

    Examples
    --------
    >>> draw([[0, 0], [1, 1]], np.zeros((2, 8, 8)), size=200).size
    (200, 200)
    """
    layout, images = np.asarray(layout, dtype=np.float64), np.asarray(images)
    if layout.shape != (len(images), 2):
        raise ValueError(f"a layout of shape {layout.shape} for {len(images)} images")
    pixels, framed = to_pixels(images, limits), y is not None or colours is not None
    inks = _colours(y, classes, len(images)) if colours is None else np.array(colours)
    shape = _opacity(images, pixels)
    smallest = size / (15 if shape is None else 28)
    thumb = int(np.clip(0.7 * size / math.sqrt(len(images)), smallest, size / 8))
    others = np.empty((0, 2)) if behind is None else np.asarray(behind, dtype=np.float64)
    places, height = _place(np.concatenate([others, layout]), size, thumb)
    others, places = places[: len(others)], places[len(others) :]
    loose = shape is not None and images.ndim > 2  # images on a ground have empty edges
    side = round(0.75 * thumb) if loose else thumb + 2
    chosen = without_overlap(places, side, (height, size))
    dotted = np.delete(np.arange(len(images)), chosen)
    pale = np.array(behind_colours or [UNLABELLED] * len(others), dtype=object)
    canvas = _dots(others, pale, (size, height), 1.5, "48")
    canvas.alpha_composite(_dots(places[dotted], inks[dotted], (size, height)))
    if shape is None:
        tiles = _framed(pixels[chosen], inks[chosen], thumb, max(1, thumb // 18) if framed else 1)
    else:
        tiles = _tinted(shape[chosen], inks[chosen], thumb)
    for tile, (x, top) in zip(tiles, places[chosen], strict=True):
        canvas.alpha_composite(tile, (round(x - tile.width / 2), round(top - tile.height / 2)))
    return canvas


def _place(layout: np.ndarray, size: int, thumb: int) -> tuple[np.ndarray, int]:
    """Return pixel positions, all far enough from the border for a thumbnail, and the height.

    Points far outside are moved to the border: for one of them all others would shrink to a spot.
    """
    low, high = np.percentile(layout, [10, 90], axis=0)
    slack = 0.6 * (high - low).max()
    if slack > 0:
        layout = np.clip(layout, low - slack, high + slack)
    low, span = layout.min(axis=0), np.ptp(layout, axis=0)
    edge = thumb / 2 + 2
    room = size - 2 * edge
    factor = room / max(span.max(), 1e-12)
    height = np.clip(span[1] * factor, 0.4 * room, room)
    centred = (layout - low - span / 2) * factor
    x, y = size / 2 + centred[:, 0], edge + height / 2 - centred[:, 1]
    return np.column_stack([x, y]), round(height + 2 * edge)


def without_overlap(places: np.ndarray, side: int, shape: tuple[int, int]) -> np.ndarray:
    """Return rows whose squares do not overlap, greedily in an order spread over the points."""
    taken = np.zeros(shape, dtype=bool)
    corners = np.maximum(np.rint(places - side / 2).astype(int), 0)
    chosen = []
    for i in np.random.default_rng(0).permutation(len(places)):
        left, top = corners[i]
        square = taken[top : top + side, left : left + side]
        if not square.any():
            square[:] = True
            chosen.append(i)
    return np.array(chosen)


def _colours(y: ArrayLike | None, classes: list[str] | None, n: int) -> np.ndarray:
    if y is None:
        return np.array([UNLABELLED] * n)
    y = np.asarray(y)
    by_label = palette(max(len(classes or []), int(y.max()) + 1))
    return np.array([by_label[label] if label >= 0 else UNLABELLED for label in y])
