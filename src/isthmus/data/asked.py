"""What `isthmus.load_images` is asked for, checked."""

from __future__ import annotations

import numpy as np

from isthmus.data.numbers import Asked, check_value_range
from isthmus.validation import one_of


def chosen(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return one of several words, or raise."""
    one_of(name, value, allowed)
    return value


def ends_of(value_range: Asked | None) -> Asked | None:
    """Return black and white as given, or raise."""
    return None if value_range is None else check_value_range(value_range)


def size_of(size: np.typing.ArrayLike | None) -> tuple[int, int] | None:
    """Return height and width, one number for a square, or raise."""
    if size is None:
        return None
    sides = np.ravel(size).tolist()
    height, width = sides * 2 if len(sides) == 1 else sides if len(sides) == 2 else (None, None)
    if not (isinstance(height, int) and isinstance(width, int) and min(height, width) >= 1):
        raise ValueError(f"size={size!r}: expected a number of pixels, or (height, width)")
    return height, width
