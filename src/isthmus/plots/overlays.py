"""Label maps and attributes drawn: over the image, and beside it, with a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.plots.drawing import with_legend
from isthmus.plots.figures import on_background, sheet
from isthmus.plots.palettes import palette
from isthmus.plots.pixels import to_pixels
from isthmus.plots.strips import PAPER, titled

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 360
"""Pixels of the longer side of each picture, about."""
STRENGTH = 0.55
"""Opacity of the colours over the image."""


def coloured(label_maps: np.ndarray, n_classes: int) -> np.ndarray:
    """Return label maps (n, h, w) as RGB images, a colour for every class.

    Examples
    --------
    >>> coloured(np.array([[[0, 1]]]), 2).tolist()
    [[[[59, 125, 216], [232, 135, 30]]]]
    """
    colours = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in palette(n_classes)]
    table = np.array([*colours, [0, 0, 0]], dtype=np.uint8)
    return table[np.where(label_maps < n_classes, label_maps, n_classes)]


def overlay(image: np.ndarray, label_map: np.ndarray, n_classes: int) -> np.ndarray:
    """Return an image with its classes over it in colour, uint8 (h, w, 3).

    Parameters
    ----------
    image : ndarray of shape (h, w, c)
        uint8 or float.
    label_map : ndarray of int of shape (h, w)
        The class of every pixel.
    n_classes : int
        How many there are; the colours are those of `isthmus.plots.palettes.palette`.

    Examples
    --------
    >>> overlay(np.zeros((1, 2, 1)), np.array([[0, 1]]), 2).tolist()
    [[[32, 69, 119], [128, 74, 16]]]
    """
    pixels = to_pixels(image[None])[0, ..., :3].astype(np.float64)
    colours = coloured(label_map[None], n_classes)[0]
    mixed = (1 - STRENGTH) * pixels + STRENGTH * colours
    drawn: np.ndarray = np.rint(mixed).astype(np.uint8)
    return drawn


def draw_segments(
    image: np.ndarray, label_map: np.ndarray, names: Sequence[str], title: str
) -> Image:
    """Return an image, the classes over it and the classes alone, with their names below."""
    n = len(names)
    pictures = np.stack(
        [
            to_pixels(image[None])[0, ..., :3],
            overlay(image, label_map, n),
            coloured(label_map[None], n)[0],
        ]
    )
    return with_legend(titled(_sheet(pictures, 3), title), names)


def draw_attributes(image: np.ndarray, attributes: np.ndarray, title: str) -> Image:
    """Return an image and the attributes (h, w, k) of its pixels, each in a range of its own."""
    known = attributes[np.isfinite(attributes).all(-1)]
    low, high = np.percentile(known, [2, 98], axis=0)
    unit = np.clip((np.nan_to_num(attributes) - low) / np.maximum(high - low, 1e-12), 0, 1)
    planes = 255 * np.where((high > low) & np.isfinite(attributes), unit, 0).transpose(2, 0, 1)
    grey = np.repeat(np.rint(planes).astype(np.uint8)[..., None], 3, axis=-1)
    pictures = np.concatenate([to_pixels(image[None])[..., :3], grey])
    names = ["image", *(f"attribute {k + 1}" for k in range(len(grey)))]
    return titled(_sheet(pictures, min(5, len(pictures)), names), title)


def _sheet(pictures: np.ndarray, columns: int, names: Sequence[str] | None = None) -> Image:
    longer = max(pictures.shape[1:3])
    scale = SIDE / longer if longer > SIDE else SIDE // longer
    return on_background(sheet(pictures, columns, captions=names, scale=scale), PAPER)
