"""Transparency laid over white, a part of an image at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

PART = 2**22
"""Pixels that are laid over white at once: each takes some 16 bytes meanwhile."""


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
    from isthmus.data.decode import is_grey, orientation, turns

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


def over_white(image: Image.Image, mode: str) -> tuple[Image.Image, int]:
    """Return an image over white, as "L" or "RGB", and how opaque its clearest pixel is."""
    from PIL import Image

    found, lowest = Image.new(mode, image.size), 255
    rows = max(1, PART // image.width)
    for top in range(0, image.height, rows):
        below = min(image.height, top + rows)
        part = image.crop((0, top, image.width, below)).convert("RGBA")
        ends: Any = part.getchannel("A").getextrema()
        lowest = min(lowest, int(ends[0]))
        white = Image.new("RGBA", part.size, "white")
        found.paste(Image.alpha_composite(white, part).convert(mode), (0, top))
    return found, lowest
