"""The range of images: the values that black and white stand for, known in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from isthmus.data.values import ArrayLike

Range = tuple[float, float]

UNIT, SIGNED = (0.0, 1.0), (-1.0, 1.0)
"""The ranges that values cannot leave; every other one is only what was seen."""
WHITE = {"uint8": 255, "uint16": 65535, "bool": 1}
"""What white is in types that hold nothing but images."""


def nominal(low: float, high: float) -> Range:
    """Return the range that values from `low` to `high` are meant to have.

    It is 0..1 or -1..1 where they lie within it, else theirs. It is never empty: images that are
    all of one value are given a width of 1.

    Examples
    --------
    >>> nominal(0.1, 0.7), nominal(-0.5, 0.7), nominal(-448, 5437), nominal(7, 7)
    ((0.0, 1.0), (-1.0, 1.0), (-448.0, 5437.0), (7.0, 8.0))
    """
    for least, most in (UNIT, SIGNED):
        if least <= low <= high <= most:
            return least, most
    return float(low), float(high if high > low else low + 1)


def range_of(chunks: Iterable[np.ndarray]) -> Range:
    """Return the range of values given in parts; uint8 is read as 0..1.

    Values that are not finite are passed over.

    Examples
    --------
    >>> range_of([np.zeros((2, 3, 3), np.uint8)]), range_of([np.array([-0.5, np.nan]), np.ones(2)])
    ((0.0, 1.0), (-1.0, 1.0))
    """
    lows, highs = [], []
    for chunk in chunks:
        if chunk.dtype == np.uint8:
            return UNIT
        low, high = (float(end) for end in (chunk.min(), chunk.max())) if chunk.size else UNIT
        if not np.isfinite(low) or not np.isfinite(high):
            finite = chunk[np.isfinite(chunk)]
            low, high = (float(finite.min()), float(finite.max())) if finite.size else UNIT
        lows.append(low)
        highs.append(high)
    return nominal(min(lows, default=0.0), max(highs, default=1.0))


def is_nominal(ends: Sequence[float]) -> bool:
    """Return whether a range is one that values cannot leave, and not only what was seen."""
    return tuple(ends) in (UNIT, SIGNED)


def in_words(ends: Range) -> str:
    """Return a range as messages have it.

    Examples
    --------
    >>> in_words((-448.0, 5437.0))
    '-448 to 5437'
    """
    return f"{ends[0]:.4g} to {ends[1]:.4g}"


def to_bytes(values: ArrayLike, ends: Range) -> np.ndarray:
    """Return pixels as 0 to 255; what is beyond the ends is cut off, what is no number is 0.

    Examples
    --------
    >>> to_bytes(np.array([-1.0, 0.5, np.nan, 1.0]), (0.0, 1.0))
    array([  0, 128,   0, 255], dtype=uint8)
    """
    values = np.asarray(values)
    if values.dtype == np.uint8:
        return values
    low, high = ends
    share = np.nan_to_num((values - low) / (high - low), nan=0.0, posinf=1.0, neginf=0.0)
    return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def from_bytes(pixels: np.ndarray, ends: Range) -> np.ndarray:
    """Return pixels as models take them: bytes, or numbers between other ends than 0 and 1."""
    low, high = ends
    if tuple(ends) == UNIT:
        return pixels
    return (low + pixels.astype(np.float32) * ((high - low) / 255)).astype(np.float32)
