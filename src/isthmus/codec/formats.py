"""The image formats that codes are compared with: what files weigh, and what comes back."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from isthmus.codec.more_formats import MORE, read_more


class Lossy(NamedTuple):
    """A format that loses something, and how it is asked for more or for less.

    Attributes
    ----------
    few, every : sequence of numbers
        Qualities that are tried usually, from the least there is on, and all there are.
    ways : dict of str to dict
        Each is tried, and the cheapest counts; of grey images the first alone.
    slow : dict of str to dict
        Further ones that take their time, at the few qualities.
    """

    few: tuple[float, ...]
    every: tuple[float, ...]
    ways: dict[str, dict[str, Any]]
    slow: Mapping[str, dict[str, Any]] = MappingProxyType({})


LOSSY = {
    "jpeg": Lossy(
        (1, 2, 3, 5, 8, 12, 18, 26, 36, 50, 65, 80, 90, 95),
        tuple(range(1, 96)),
        {
            "4:2:0": {"subsampling": 2, "optimize": True},
            "4:4:4": {"subsampling": 0, "optimize": True},
        },
    ),
    "webp": Lossy(
        (0, 1, 2, 4, 7, 11, 16, 23, 32, 43, 56, 70, 85, 100),
        tuple(range(101)),
        {"method 6": {"method": 6}},
    ),
    "avif": Lossy(
        (0, 1, 2, 3, 4, 5, 6, 8, 11, 15, 21, 29, 39, 50, 62, 80),
        tuple(range(101)),
        {"speed 6": {"speed": 6}},
        {"speed 3": {"speed": 3}, "speed 0": {"speed": 0}},
    ),
    "jpeg2000": Lossy(
        (12, 15, 18, 20, 22, 24, 27, 30, 34, 38, 44),
        tuple(range(10, 51)),
        {"asked dB": {}},
    ),
    "jpegxl": Lossy(
        (25, 18, 13, 9.5, 7, 5, 3.5, 2.5, 1.7, 1, 0.5),
        tuple(round(25 * 0.9**i, 2) for i in range(44)),
        {"distance, effort 7": {"effort": 7}},
        {"distance, effort 9": {"effort": 9}},
    ),
    "jpegls": Lossy(
        (127, 90, 60, 40, 27, 18, 12, 8, 5, 3, 2, 1),
        tuple(range(127, 0, -1)),
        {"most a value is off": {}},
    ),
}
"""Formats that lose something."""
EXACT: dict[str, dict[str, Any]] = {
    "png": {"optimize": True},
    "webp-lossless": {"lossless": True, "quality": 90, "method": 6},
    "jpegxl-lossless": {"lossless": True, "effort": 7},
    "jpegls-lossless": {},
}
"""Formats that lose nothing, and how they are written."""
FORMATS = (*LOSSY, *EXACT)


class Setting(NamedTuple):
    """One way to write a format.

    Attributes
    ----------
    name : str
        Of the format.
    quality : float
        As the format counts it; 0 of those that lose nothing.
    way : str
        What else was chosen.
    """

    name: str
    quality: float = 0
    way: str = ""

    def read_back(self, image: np.ndarray) -> tuple[int, np.ndarray]:
        """Return the bytes of one image (h, w, c) written so, and the image read back."""
        kind = self.name.partition("-")[0]
        if kind in MORE:
            return read_more(image, kind, self.quality, **self._options)
        quality = {} if self.name in EXACT else {"quality": int(self.quality)}
        return read_back(image, kind, **quality, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        if self.name in EXACT:
            return EXACT[self.name]
        lossy = LOSSY[self.name]
        return {**lossy.ways, **lossy.slow}[self.way]


def settings_of(
    name: str, thorough: bool = False, grey: bool = False, sheet: bool = True
) -> list[Setting]:
    """Return the settings of a format that are tried, from the least to the best.

    Slow ones are for sheets: a file each is mostly header.

    Examples
    --------
    >>> [len(settings_of("jpeg", grey=grey)) for grey in (False, True)], settings_of("png")
    ([28, 14], [Setting(name='png', quality=0, way='')])
    """
    if name in EXACT:
        return [Setting(name)]
    lossy = LOSSY[name]
    ways = list(lossy.ways)[:1] if grey else list(lossy.ways)
    found = [
        Setting(name, q, way) for way in ways for q in (lossy.every if thorough else lossy.few)
    ]
    if thorough and sheet:
        found += [Setting(name, q, way) for way in lossy.slow for q in lossy.few]
    return found


def writable(names: Iterable[str]) -> Iterator[str]:
    """Yield the formats of some names that can be written here."""
    from isthmus.codec.more_formats import codecs

    for name in names:
        kind = name.partition("-")[0]
        if (kind not in MORE or codecs() is not None) and (kind != "avif" or _has_avif()):
            yield name


def _has_avif() -> bool:
    from PIL import features

    return bool(features.check("avif"))


def in_files(pixels: np.ndarray, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of a file for each image (n, h, w, c), and the images read back."""
    files = [setting.read_back(image) for image in pixels]
    return np.array([size for size, _ in files]), np.stack([image for _, image in files])


def shares_of(sizes: np.ndarray, pixels: np.ndarray, setting: Setting) -> np.ndarray:
    """Return which share of a sheet each image is likely to take: they add up to 1.

    A sheet is one file, and does not say it: by the bytes of files of their own, less those of a
    blank image.

    Examples
    --------
    >>> pixels = np.zeros((2, 8, 8, 1), np.uint8)
    >>> pixels[1] = np.random.default_rng(0).integers(0, 256, (8, 8, 1))
    >>> png = Setting("png")
    >>> shares_of(in_files(pixels, png)[0], pixels, png).round(1)
    array([0., 1.])
    """
    blank = setting.read_back(np.zeros_like(pixels[0]))[0]
    beyond = np.maximum(sizes - blank, 0) + 1e-6
    shares: np.ndarray = beyond / beyond.sum()
    return shares


def on_one_sheet(pixels: np.ndarray, setting: Setting) -> tuple[int, np.ndarray]:
    """Return the bytes of one file with all images side by side, and the images read back."""
    size, sheet = setting.read_back(_sheet(pixels))
    return size, _cut(sheet, pixels.shape)


def read_back(image: np.ndarray, name: str, **options: Any) -> tuple[int, np.ndarray]:
    """Return the bytes of one image (h, w, c) in a format of Pillow's, and the image read back."""
    from PIL import Image

    stream, grey = io.BytesIO(), image.shape[-1] == 1
    picture = Image.fromarray(image[..., 0] if grey else image)
    picture.save(stream, format=name.upper(), **options)
    with Image.open(stream) as again:
        back = np.asarray(again.convert("L" if grey else "RGB"))
    return len(stream.getvalue()), back.reshape(image.shape)


def _sheet(images: np.ndarray) -> np.ndarray:
    """Return images side by side, as square as may be; empty places are 0."""
    n, h, w, c = images.shape
    columns = max(1, round(np.sqrt(n * h / w)))
    rows = -(-n // columns)
    padded = np.concatenate([images, np.zeros((rows * columns - n, h, w, c), images.dtype)])
    grid = padded.reshape(rows, columns, h, w, c).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * h, columns * w, c)


def _cut(sheet: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the images of a sheet."""
    n, h, w, c = shape
    grid = sheet.reshape(-1, h, sheet.shape[1] // w, w, c).transpose(0, 2, 1, 3, 4)
    return grid.reshape(-1, h, w, c)[:n]
