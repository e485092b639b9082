"""What kinds of image files there are, and why one could not be read."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import IO, TYPE_CHECKING

from isthmus.system.shares import Shares

if TYPE_CHECKING:
    from PIL import Image

DECODING = Shares(3 * 2**27)
"""Bytes that images take while they are decoded, those in all threads together."""

MAX_PIXELS = 100_000_000
"""Larger images are refused unread: a few kilobytes of file can claim gigabytes of pixels."""

FORMATS = (
    "JPEG",
    "PNG",
    "GIF",
    "BMP",
    "TIFF",
    "WEBP",
    "PPM",
    "JPEG2000",
    "PCX",
    "QOI",
    "AVIF",
    "HEIF",
)
"""What may be read: formats with a signature. Pillow guesses at some others, and would hand
PostScript to another program."""

IMAGE_NAME = re.compile(
    r".+\.(jpe?g|png|gif|bmp|tiff?|webp|p[bgnp]m|jp2|pcx|qoi|avif|hei[cf])", re.IGNORECASE
)
"""What image files are called: only used to explain, the content decides."""

ALONE = "give it by its own name"
"""What to do with a TIFF file that is no photograph."""

HEIC = (".heic", ".heif")
HEIC_NEEDS = 'pip install "isthmus[heic]"'

RAW = (".3fr", ".arw", ".cr2", ".cr3", ".dng", ".iiq", ".nef", ".nrw", ".orf", ".pef", ".raf",
       ".rw2", ".srw", ".x3f")  # fmt: skip
"""What raw files of cameras are called: in many of them Pillow sees a thumbnail alone."""

VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ogv")
"""What videos are called."""


OF_CAMERA = "raw data of a camera: develop it to JPEG or TIFF first"

CUT_OFF = re.compile("truncated", re.IGNORECASE)
"""What Pillow says of files that end too early, with numbers that differ from file to file."""


def refuse_raw(name: str, file: IO[bytes] | None = None) -> None:
    """Refuse the raw files of cameras, by their names, but for what own readers made PNG of.

    Examples
    --------
    >>> refuse_raw("a.jpg")
    >>> refuse_raw("IMG_1.CR2")
    Traceback (most recent call last):
    ValueError: raw data of a camera: develop it to JPEG or TIFF first
    """
    if not name.lower().endswith(RAW):
        return
    if file is None or file.read(4) != b"\x89PNG":
        raise ValueError(OF_CAMERA)
    file.seek(0)


def reason(error: Exception, name: str) -> str:
    """Say in a few words why a file could not be read."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        if name.lower().endswith(HEIC) and "HEIF" not in formats():
            return f"{name.rpartition('.')[2].upper()} needs pillow-heif: {HEIC_NEEDS}"
        if name.lower().endswith(VIDEOS):
            return "a video: give it by its own name, or nth (--nth) for its frames"
        is_named_so = IMAGE_NAME.fullmatch(name)
        return "damaged, or of a kind Pillow cannot read" if is_named_so else "not an image"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS:,} pixels"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return "damaged: its end is missing" if CUT_OFF.search(words) else words.splitlines()[0]


@cache
def formats() -> tuple[str, ...]:
    """Return the formats of `FORMATS` that Pillow knows here, HEIF by pillow-heif."""
    from PIL import Image

    Image.init()
    with suppress(ImportError):  # photographs of telephones, where it is installed
        import_module("pillow_heif").register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def bytes_a_pixel(image: Image.Image, deep_colors: bool) -> int:
    """Return what it takes to decode an image that was just opened, about; JPEG comes reduced."""
    if image.format == "JPEG2000" or deep_colors:
        return 28
    if image.format == "JPEG":
        return 6 if image.info.get("progressive") else 4
    return 16 if image.has_transparency_data or image.format == "WEBP" else 12
