"""Transparency laid over white, a part of an image at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

PART = 2**22
"""Pixels that are laid over white at once: each takes some 16 bytes meanwhile."""


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
