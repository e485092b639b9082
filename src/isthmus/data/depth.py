"""Pixels of more than 8 bits: how many bits a set uses, and files that Pillow would cut to 8."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners give a value, in files of 16."""

OTHER_BYTE = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
"""Pillow unpacks the high byte of 16 bits: by the other byte order it unpacks the low one."""


def depth_of(highest: int) -> int:
    """Return the smallest of `DEPTHS` that holds a value.

    Examples
    --------
    >>> depth_of(4095), depth_of(4096), depth_of(0)
    (12, 14, 8)
    """
    return next(bits for bits in DEPTHS if highest < 2**bits)


def check_bits(bits: int | None) -> int | None:
    """Return how many bits the values of a set have, None for what they need, or raise."""
    if bits is not None and not (isinstance(bits, int) and 8 <= bits <= 16):
        raise ValueError(
            f"bits={bits!r}: expected 8 to 16, the bits of a value in files and arrays of 16 "
            "bits, or None for the smallest of 8, 10, 12, 14 and 16 that holds all of them"
        )
    return bits


def highest_of(array: np.ndarray) -> int:
    """Return the largest value of an array, image by image: it may be a large memory map."""
    return max((int(image.max(initial=0)) for image in array), default=0)


def scaled(array: np.ndarray, bits: int | None = None, dtype: str = "uint8") -> np.ndarray:
    """Return uint16 images (n, ...) as uint8 from 0 to 255, or as float32 from 0 to 1.

    Parameters
    ----------
    array : ndarray of uint16
        The images.
    bits : int, optional
        What white is: ``2 ** bits - 1``. By default what `depth_of` the largest value says.
    dtype : {"uint8", "float32"}
        Of the result.

    Raises
    ------
    ValueError
        If a value needs more bits than uint8 is scaled from; a float may be above 1.

    Examples
    --------
    >>> scaled(np.array([[0, 2048, 4095]], dtype=np.uint16)).tolist()
    [[0, 128, 255]]
    """
    highest = highest_of(array) if bits is None or dtype == "uint8" else 0
    white = white_of(bits or depth_of(highest), highest)
    if dtype == "float32":
        return array / np.float32(white)
    packed = np.empty(array.shape, dtype)
    for row, image in enumerate(array):  # one by one: the set may be a large memory map
        packed[row] = (image.astype(np.uint32) * 255 + white // 2) // white  # to the nearest
    return packed


def white_of(bits: int, highest: int) -> int:
    """Return the value that is white at a depth, having checked that none is above it."""
    if highest >= 2**bits:
        raise ValueError(
            f"a value of {highest} needs {depth_of(highest)} bits, and bits={bits} was given"
        )
    return 2**bits - 1


def deep_values(image: Any, again: Callable[[], Any]) -> np.ndarray | None:
    """Return the values of an image with more than 8 bits, (h, w, c) of uint16; None of others.

    Parameters
    ----------
    image : PIL.Image.Image
        Just opened.
    again : callable
        Opens it once more: of colours Pillow hands out one byte at a time.

    Raises
    ------
    ValueError
        If whole numbers do not fit 16 bits.
    """
    if image.mode.split(";")[0] == "I":
        values = np.asarray(image)
        if values.size and (values.min() < 0 or values.max() > 65535):
            raise ValueError("whole numbers outside 0 to 65535")
        return values.astype(np.uint16)[..., None]
    layout = deep_layout(image)
    if layout is None:
        return None
    if layout == "LA":  # four bytes a pixel, as RGBA has
        image._mode = "RGBA"
        image.tile = [tile._replace(args="RGBA") for tile in image.tile]
        pairs = np.asarray(image)
        values = pairs[..., 0::2].astype(np.uint16)
        values *= np.uint16(256)
        values += pairs[..., 1::2]
        return values
    high = np.asarray(image).astype(np.uint16)
    other = again()
    other.tile = [tile._replace(args=_other_byte(tile.args)) for tile in other.tile]
    high *= np.uint16(256)
    high += np.asarray(other)
    return high


def deep_layout(image: Any) -> str | None:
    """Return "LA", "RGB" or "RGBA" where Pillow would cut 16 bits of each to 8."""
    tile = getattr(image, "tile", None)  # of what was read from a file
    args = tile[0].args if tile else ""
    raw: Any = args if isinstance(args, str) else args[0] if args else ""
    if image.format not in ("PNG", "TIFF") or not isinstance(raw, str) or ";16" not in raw:
        return None
    layout = raw.split(";")[0]
    return layout if layout in ("LA", "RGB", "RGBA") else None


def _other_byte(args: Any) -> Any:
    raw = args if isinstance(args, str) else args[0]
    swapped = raw[:-1] + OTHER_BYTE[raw[-1]]
    return swapped if isinstance(args, str) else (swapped, *args[1:])


def opacity(values: np.ndarray, key: object, white: int) -> np.ndarray | None:
    """Return how opaque pixels are, 0 to 1: by their last channel, or where they are not `key`."""
    if values.shape[2] in (2, 4):
        alpha = values[..., -1:]
        return alpha / np.float32(white if alpha.max(initial=0) <= white else 65535)
    if isinstance(key, int | tuple):
        return (values != np.array(key)).any(-1, keepdims=True).astype(np.float32)
    return None
