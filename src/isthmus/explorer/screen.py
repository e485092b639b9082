"""What of images a page shows: grey and RGB as they are, three bands of others."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.data.images import Images
from isthmus.data.ranges import Range, to_bytes
from isthmus.plots.pixels import limits_of, to_pixels


class Screen:
    """Pixels as a page has them: bytes of one channel or of three.

    Images of two channels, or of four and more, are shown as pictures of them are drawn: by the
    first three, or those that their header names, each stretched between percentiles. Such pixels
    cannot be turned back into what a model takes.

    Parameters
    ----------
    images : Images
        That are shown.
    ends : (float, float)
        The values of grey and RGB images that 0 and 255 stand for.

    Examples
    --------
    >>> Screen(Images(np.zeros((2, 8, 9, 5), np.uint8)), (0.0, 1.0)).shape
    (8, 9, 3)
    """

    def __init__(self, images: Images, ends: Range):
        height, width, channels = images.shape[1:]
        self.whole = channels in (1, 3)
        self.shape = (height, width, channels if self.whole else 3)
        self.ends: Any = ends if self.whole else limits_of(images)
        first = images.meta.get("shown_bands", [])
        self._bands = [*first, *(band for band in range(channels) if band not in first)]

    def bytes_of(self, values: np.ndarray) -> np.ndarray:
        """Return images, or what a model made of some, as the page has them."""
        if self.whole:
            return to_bytes(values, self.ends)
        low, high = (np.asarray(end)[self._bands] for end in self.ends)
        return to_pixels(np.asarray(values)[..., self._bands], (low, high))[..., :3]
