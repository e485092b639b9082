"""Pictures of Pillow as arrays, by the rule that files are read by."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.data.decode import is_grey, orientation, turns
from isthmus.data.opaque import over_white

AS_THEY_ARE = ("1", "L", "RGB", "F")
"""Modes of pictures whose numbers are their pixels; so are those of 16 and 32 bits, "I"."""


def pixels_of(picture: Any) -> np.ndarray:
    """Return a picture of Pillow as an array, as it would be read from a file.

    Palettes are the colors they stand for, transparency is laid over white, what is neither grey
    nor RGB becomes RGB, and it is upright.

    Examples
    --------
    >>> from PIL import Image
    >>> picture = Image.new("P", (1, 1), 1)
    >>> picture.putpalette([0, 0, 0, 9, 8, 7])
    >>> pixels_of(picture).tolist()
    [[[9, 8, 7]]]
    """
    if (turn := orientation(picture)) != 1:
        picture = picture.transpose(turns()[turn])
    if picture.mode in AS_THEY_ARE and not picture.has_transparency_data:
        return np.asarray(picture)
    if picture.mode.split(";")[0] == "I":
        return np.asarray(picture)
    mode = "L" if is_grey(picture) else "RGB"
    if picture.has_transparency_data:
        return np.asarray(over_white(picture, mode)[0])
    return np.asarray(picture.convert(mode))
