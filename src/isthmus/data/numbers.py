"""Which numbers of an array are black and white: by their type, as told, or guessed."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import TypeAlias

import numpy as np

from isthmus.data.ondisk import Held, OnDisk, release

Asked: TypeAlias = "str | tuple[float, float] | list[float]"
"""What `value_range` may be."""

AUTO, KEEP, UNIT = "auto", "keep", "unit"
"""What `value_range` is but two numbers; "unit" is for arrays that a model of 0 to 1 is given."""
BYTES = (0.0, 255.0)
DARK = 127
"""Numbers that are bytes go beyond it, where nothing else is known: others may be of any unit."""
FEWEST = 64
"""Numbers of a vector that may be the pixels of an image: fewer are columns of a table."""
UNIT_LIKE = (-1.0, 2.0)
"""Between these, images from 0 to 1 stay that are noisy or were decoded."""
LOOKED_AT = 2**22
"""Numbers of a memory map that are looked at, evenly spaced: it may be large."""
AT_ONCE = 2**20


def check_value_range(asked: Asked | None) -> str | tuple[float, float]:
    """Return what is asked of a value range: "auto", "keep", or black and white.

    Examples
    --------
    >>> check_value_range([0, 255]), check_value_range(None)
    ((0.0, 255.0), 'auto')
    """
    if asked is None or (isinstance(asked, str) and asked in (AUTO, KEEP, UNIT)):
        return asked or AUTO
    ends = list(asked) if isinstance(asked, list | tuple | np.ndarray) else []
    if len(ends) != 2 or not all(isinstance(end, Real) for end in ends):
        ends = [0.0, 0.0]
    low, high = float(ends[0]), float(ends[1])
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(
            f"value_range={asked!r}: expected the numbers that black and white are, as (0, 255), "
            "'keep' for numbers as they are, or 'auto'"
        )
    return low, high


def are_bytes(array: Held) -> bool:
    """Return whether numbers of another type are most likely pixels from 0 to 255.

    That is where all lie within it and some above 127. Of vectors, which may be a table of
    anything, they have to be whole numbers too, at least 64 of them.

    Examples
    --------
    >>> are_bytes(np.array([[[0.0, 200.0]]])), are_bytes(np.array([[[0.0, 16.0]]]))
    (True, False)
    """
    if not may_be_pixels(array):
        return False
    looked_at = _some_of(array)
    low, high = ends_of(looked_at)
    if not (low >= 0 and DARK < high <= 255):
        return False
    return array.ndim > 2 or are_whole(looked_at)


def are_dark_bytes(array: Held) -> bool:
    """Return whether numbers can only be 0 to 255, as a model knows images from 0 to 1."""
    if not may_be_pixels(array):
        return False
    low, high = ends_of(array)
    return low >= 0 and 1 < high <= 255 and (are_whole(array) or (high > DARK and array.ndim > 2))


def may_be_pixels(array: Held) -> bool:
    """Return whether numbers, of a type that does not say what white is, may be pixels."""
    wide = array.ndim > 2 or (array.ndim == 2 and array.shape[1] >= FEWEST)
    return wide and array.size > 0 and array.dtype.kind in "iuf" and array.dtype != np.uint8


def is_unit_like(array: Held) -> bool:
    """Return whether these are floats about 0 to 1, as decoded and noisy images are."""
    if array.dtype.kind != "f" or not array.size:
        return False
    low, high = ends_of(array)
    return UNIT_LIKE[0] <= low and high <= UNIT_LIKE[1]


def ends_of(array: Held) -> tuple[float, float]:
    """Return the least and the greatest number; what is no number is passed over."""
    parts = [(part.min(), part.max()) for part in _known(array)]
    if not parts:
        return 0.0, 0.0
    return float(min(low for low, _ in parts)), float(max(high for _, high in parts))


def are_whole(array: Held) -> bool:
    """Return whether all are whole numbers."""
    if array.dtype.kind in "iu":
        return True
    return all(bool((part == np.rint(part)).all()) for part in _parts(array))


def are_whole_bytes(array: Held) -> bool:
    """Return whether all are whole numbers from 0 to 255."""
    low, high = ends_of(array)
    return low >= 0 and high <= 255 and are_whole(array)


def stretched(array: np.ndarray, black: float, white: float, clip: bool = False) -> np.ndarray:
    """Return numbers as 0 for black to 1 for white; whole ones from 0 to 255 as uint8.

    Examples
    --------
    >>> stretched(np.array([0.0, 51.0, 255.0]), 0, 255).tolist()
    [0, 51, 255]
    >>> stretched(np.array([-1000, 0, 3000]), -1000, 1000, clip=True).tolist()
    [0.0, 0.5, 1.0]
    """
    if (black, white) == BYTES and are_whole_bytes(array):
        return array.astype(np.uint8)
    out = np.empty(array.shape, np.float32)
    for rows in _rows(array):
        values = array[rows].astype(np.float64)
        values -= black
        values /= white - black
        out[rows] = values.clip(0, 1) if clip else values
    return out


def beyond(array: Held, black: float, white: float) -> int:
    """Return how many numbers are darker than black or lighter than white."""
    return sum(int(((part < black) | (part > white)).sum()) for part in _parts(array))


def _some_of(array: Held) -> np.ndarray:
    """Return what a guess looks at: all numbers in memory, of those in a file some."""
    if not is_sampled(array):
        return np.asarray(array)
    many = max(1, LOOKED_AT * len(array) // array.size)
    if isinstance(array, OnDisk):
        return array.some(many)
    return np.asarray(array[np.linspace(0, len(array) - 1, many).round().astype(int)])


def is_sampled(array: Held) -> bool:
    """Return whether a guess looks at some of the numbers only: they are many, and in a file."""
    return isinstance(array, np.memmap | OnDisk) and array.size > LOOKED_AT


def _rows(array: Held) -> Iterator[slice]:
    step = max(1, AT_ONCE * len(array) // max(1, array.size)) if array.ndim else 1
    return (slice(start, start + step) for start in range(0, len(array), step))


def _parts(array: Held) -> Iterator[np.ndarray]:
    for rows in _rows(array):
        yield np.asarray(array[rows])
        release(array)


def _known(array: Held) -> Iterator[np.ndarray]:
    for part in _parts(array):
        if part.dtype.kind == "f" and np.isnan(part).any():
            part = part[~np.isnan(part)]
        if part.size:
            yield part
