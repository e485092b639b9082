"""JPEG 2000, JPEG XL and JPEG-LS, which imagecodecs writes and reads where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

MORE = ("jpeg2000", "jpegxl", "jpegls")
"""Formats that imagecodecs is needed for."""
HINT = "need imagecodecs: pip install 'isthmus[codecs]'"


def codecs() -> ModuleType | None:
    """Return imagecodecs, None where it is not installed."""
    try:
        import imagecodecs
    except ImportError:
        return None
    return imagecodecs


def read_more(
    image: np.ndarray, name: str, quality: float, **options: Any
) -> tuple[int, np.ndarray]:
    """Return the bytes of one image (h, w, c) in one of these formats, and the image read back.

    Parameters
    ----------
    image : ndarray of uint8
        With 1 or 3 channels.
    name : {"jpeg2000", "jpegxl", "jpegls"}
        The format; bare code streams, without what files may have around them.
    quality : float
        Of jpeg2000 the PSNR to reach in dB, of jpegxl the distance, of jpegls how far a value may
        be off at most.
    options : dict
        Of jpegxl `effort`, and `lossless`.

    Raises
    ------
    ImportError
        If imagecodecs is not installed.
    """
    found = codecs()
    if found is None:
        raise ImportError(f"{name} {HINT.replace('need', 'needs', 1)}")
    plain = np.ascontiguousarray(image[..., 0] if image.shape[-1] == 1 else image)
    written = _written(found, plain, name, quality, options)
    read: Callable[[bytes], np.ndarray]
    read = getattr(found, {"jpeg2000": "jpeg2k"}.get(name, name) + "_decode")
    return len(written), np.asarray(read(written)).reshape(image.shape)


def _written(
    found: Any, image: np.ndarray, name: str, quality: float, options: dict[str, Any]
) -> bytes:
    if name == "jpeg2000":
        return bytes(found.jpeg2k_encode(image, level=quality, codecformat="j2k", **options))
    if name == "jpegls":
        return bytes(found.jpegls_encode(image, level=int(quality)))
    if not options.get("lossless"):
        options = {**options, "distance": float(quality)}
    return bytes(found.jpegxl_encode(image, usecontainer=False, numthreads=1, **options))
