"""What a file says of an image before it is decoded: its name, size and colours, all checked."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from isthmus.data.formats import MAX_PIXELS
from isthmus.data.pictures import MODES, Picture

FRAME_PIXELS = 2**22
"""Pixels of images that are coded together, at most, unless one alone has more."""
DEEP = ";16"
"""Behind the mode of an image of more than 8 bits."""


class Entry(NamedTuple):
    """What is known of an image before it is decoded."""

    name: str
    height: int
    width: int
    mode: str
    bits: int

    @classmethod
    def of(cls, picture: Picture) -> Entry:
        """Return what is to be known of a picture."""
        deep = DEEP if picture.pixels.dtype != np.uint8 else ""
        return cls(picture.name, *picture.size, f"{picture.mode}{deep}", picture.bits)

    def checked(self) -> Entry:
        """Return it if it is possible.

        Raises
        ------
        ValueError
            If its size, colours or depth are not.
        """
        kinds = {mode + deep for mode in MODES.values() for deep in ("", DEEP)}
        numbers = all(isinstance(each, int) for each in (self.height, self.width, self.bits))
        possible = numbers and min(self.height, self.width) >= 1 and 8 <= self.bits <= 16
        if not possible or self.pixels > MAX_PIXELS or self.mode not in kinds:
            raise ValueError(f"an image of {self.height}x{self.width}, {self.mode}, {self.bits}")
        if not isinstance(self.name, str) or "\0" in self.name:
            raise ValueError("an image whose name is none")
        return self

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.height * self.width

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def alpha_bytes(self) -> int:
        """What its transparency takes."""
        return self.pixels * self.dtype.itemsize * ("A" in self.mode)

    @property
    def dtype(self) -> np.dtype:
        """Of its pixels."""
        return np.dtype(np.uint16 if self.mode.endswith(DEEP) else np.uint8)

    @property
    def empty(self) -> Picture:
        """A picture like it, without what is in it."""
        channels = 3 if self.mode.startswith("RGB") else 1
        pixels = np.broadcast_to(np.zeros(1, self.dtype), (*self.size, channels))
        return Picture(self.name, pixels, None, self.bits)

    def planes(self, channels: int) -> int:
        """Return how many images it is to a model of so many channels."""
        return 3 if channels == 1 and self.mode.startswith("RGB") else 1


def frames_of(sizes: np.ndarray) -> list[range]:
    """Return the rows of the images that are coded together.

    Examples
    --------
    >>> frames_of(np.array([[2000, 2000], [2000, 2000], [9, 9]]))
    [range(0, 1), range(1, 3)]
    """
    cuts, total = [0], 0
    for row, pixels in enumerate(sizes.prod(1).tolist()):
        if total and total + pixels > FRAME_PIXELS:
            cuts.append(row)
            total = 0
        total += pixels
    return [range(*ends) for ends in pairwise([*cuts, len(sizes)])]
