"""The font of pictures: Pillow's own, and another for letters which that does not have."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

Font: TypeAlias = "FreeTypeFont | ImageFont"


def font_for(size: int, texts: Iterable[str] = ()) -> Font:
    """Return a font that has the letters of all texts, as far as one of ours has them.

    Pillow's own knows little beyond English; DejaVu Sans, which comes with matplotlib, knows
    European languages.

    Examples
    --------
    >>> font_for(12, ["Bluete"]).getname()[0], font_for(12, ["Blüte"]).getname()[0]
    ('Aileron', 'DejaVu Sans')
    """
    from PIL import ImageFont

    if all(each.isascii() for text in texts for each in text if each not in "…"):
        return ImageFont.load_default(size=size)
    home = find_spec("matplotlib")
    folder = Path(home.origin).parent if home and home.origin else Path()
    path = folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    if not path.is_file():
        return ImageFont.load_default(size=size)
    return ImageFont.truetype(str(path), size - 1)  # its letters are larger
