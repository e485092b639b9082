"""Small pictures of images, many to a sheet."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images
from isthmus.explorer.screen import Screen

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 64
"""Longest side of a thumbnail."""
SHEET = 2048
"""Longest side of a sheet of thumbnails: every graphics processor takes one."""


class Atlas:
    """Thumbnails of images, many to a sheet; a sheet is drawn when it is asked for.

    Parameters
    ----------
    images : Images
        What is shown.
    screen : Screen
        What of it, as bytes.

    Examples
    --------
    >>> images = Images(np.zeros((10, 8, 8), np.uint8))
    >>> atlas = Atlas(images, Screen(images, (0.0, 1.0)))
    >>> atlas.columns, atlas.pages, atlas.tile
    (4, 1, (8, 8))
    """

    def __init__(self, images: Images, screen: Screen):
        h, w = images.shape[1:3]
        shrunk = min(1.0, LARGEST / max(h, w))
        self.images, self.screen = images, screen
        self.tile = max(1, round(shrunk * h)), max(1, round(shrunk * w))
        self.columns = min(SHEET // max(self.tile), max(1, math.isqrt(len(images) - 1) + 1))
        self.pages = -(-len(images) // self.columns**2)

    def page(self, number: int) -> bytes:
        """Return a sheet as a PNG file."""
        from PIL import Image

        sheet, file = self.sheet(number)[0], io.BytesIO()
        grey = sheet.shape[2] == 1
        Image.fromarray(sheet[..., 0] if grey else sheet).save(file, "png", compress_level=3)
        return file.getvalue()

    def sheet(self, number: int, bands: Sequence[int] | None = None) -> np.ndarray:
        """Return a sheet (1, h, w, c), by other bands than the usual where they are given."""
        (h, w), side, c = self.tile, self.columns, self.screen.shape[2]
        some = self.images[number * side**2 : (number + 1) * side**2]
        sheet: Any = np.zeros((side * side, h, w, c), np.uint8)
        sheet[: len(some)] = self._thumbnails(self.screen.bytes_of(np.asarray(some), bands))
        sheet = sheet.reshape(side, side, h, w, c).swapaxes(1, 2)
        return np.asarray(sheet.reshape(1, side * h, side * w, c))

    def _thumbnails(self, pixels: np.ndarray) -> np.ndarray:
        if pixels.shape[1:3] == self.tile:
            return pixels
        h, w = self.tile
        few = pixels[..., 0] if pixels.shape[3] == 1 else pixels
        small: Any = np.stack([_resized(image, w, h) for image in few])
        return small.reshape(len(small), h, w, -1)


def _resized(image: Image, w: int, h: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((w, h), Image.Resampling.BOX))
