"""Room to work in: memory while that is little, a file without a name beyond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from isthmus.data.cache import cache_folder, explained, take_room

SCRATCH_BYTES = 2**27
"""Arrays larger than this lie in a file: the system may write its pages out and take them back."""


def nameless() -> Any:
    """Return an open file in the folder of the cache that is gone as soon as it is closed."""
    folder = cache_folder()
    with explained():
        folder.mkdir(parents=True, exist_ok=True)
        return TemporaryFile(dir=folder)


def scratch(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Return an array to be written to, which lies in a file without a name if it is large.

    Raises
    ------
    OSError
        If there is no room for such a file: it is taken at once, not when it is first needed.

    Examples
    --------
    >>> scratch((2, 3), np.float32).shape
    (2, 3)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= SCRATCH_BYTES:
        return np.empty(shape, dtype)
    with nameless() as file:
        with explained():
            take_room(file, size)
        return np.memmap(file, dtype, "r+", shape=tuple(shape))
