"""What of images a page shows: grey and RGB as they are, three bands of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus.data.images import Images
from isthmus.data.ranges import Range, to_bytes
from isthmus.plots.pixels import BAND_ENDS, limits_of, to_pixels

VISIBLE = (650.0, 550.0, 450.0)
"""Wavelengths in nanometres that are seen as red, green and blue."""


class Screen:
    """Pixels as a page has them: bytes of one channel or of three.

    Of images of two channels, or of four and more, three bands are red, green and blue: those
    that are asked for, or that their header names, or whose wavelengths are seen so, or the last,
    the middle and the first. Each is stretched between percentiles of all images. Such pixels
    cannot be turned back into what a model takes.

    Parameters
    ----------
    images : Images
        That are shown.
    ends : (float, float)
        The values of grey and RGB images that 0 and 255 stand for.

    Attributes
    ----------
    whole : bool
        Whether all channels are shown.
    shape : (int, int, int)
        Of an image as it is shown.
    bands : list of int
        Which are shown where none are asked for.

    Examples
    --------
    >>> screen = Screen(Images(np.zeros((2, 8, 9, 5), np.uint8)), (0.0, 1.0))
    >>> screen.shape, screen.bands
    ((8, 9, 3), [4, 2, 0])
    """

    def __init__(self, images: Images, ends: Range):
        height, width, channels = images.shape[1:]
        self.whole = channels in (1, 3)
        self.shape = (height, width, channels if self.whole else 3)
        self.ends: Any = ends if self.whole else limits_of(images)
        self.bands = list(range(channels)) if self.whole else bands_of(images)
        self.names = names_of(images)

    def bytes_of(self, values: np.ndarray, bands: Sequence[int] | None = None) -> np.ndarray:
        """Return images, or what a model made of some, as the page has them."""
        if self.whole:
            return to_bytes(values, self.ends)
        chosen = list(bands or self.bands)
        low, high = (np.asarray(end)[chosen] for end in self.ends)
        return to_pixels(np.asarray(values)[..., chosen], (low, high))[..., :3]

    def facts(self) -> dict[str, Any] | None:
        """Return what the page is told of bands; None where all channels are shown."""
        if self.whole:
            return None
        ends = [np.asarray(end, float).tolist() for end in self.ends]
        return {"names": self.names, "shown": self.bands, "ends": ends, "percentiles": BAND_ENDS}


def bands_of(images: Images) -> list[int]:
    """Return the bands of a raster that are red, green and blue where nobody chose any.

    Examples
    --------
    >>> bands_of(Images(np.zeros((1, 4, 4, 6))))
    [5, 3, 0]
    """
    channels = images.shape[3]
    if declared := images.meta.get("shown_bands"):
        others = [band for band in range(channels) if band not in declared]
        return [*declared, *others, declared[-1]][:3]
    if "wavelengths" in images.meta:
        known = _nanometres(images.meta["wavelengths"])
        if known.min() <= VISIBLE[1] <= known.max():
            return [int(np.abs(known - seen).argmin()) for seen in VISIBLE]
    return [channels - 1, channels // 2, 0]


def names_of(images: Images) -> list[str]:
    """Return what bands are called: as in the file, by wavelength, or by number from 1.

    Examples
    --------
    >>> names_of(Images(np.zeros((1, 4, 4, 2))))
    ['band 1', 'band 2']
    """
    names = [f"band {i + 1}" for i in range(images.shape[3])]
    if "band_names" in images.meta:
        return [
            f"{own}, {name}" for own, name in zip(names, images.meta["band_names"], strict=True)
        ]
    if "wavelengths" in images.meta:
        known = _nanometres(images.meta["wavelengths"])
        return [f"{own}, {wave:.0f} nm" for own, wave in zip(names, known, strict=True)]
    return names


def _nanometres(wavelengths: Sequence[float]) -> np.ndarray:
    known = np.asarray(wavelengths, float)
    return known if known.max() > 100 else 1000 * known  # others are in micrometres
