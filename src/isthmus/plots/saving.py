"""Pictures and charts as files: the same picture, the same file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image


def save_picture(path: Path, picture: Image, *, photo: bool = True) -> None:
    """Write a picture as PNG; with 256 colours it is half as large, which suits all but photos."""
    from PIL import Image

    picture = picture.convert("RGB")
    if not photo or picture.getcolors(256):
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def save_figure(path: Path, figure: Figure) -> None:
    """Write a chart of matplotlib as .png or .svg."""
    import matplotlib

    from isthmus.system.files import replacing

    check_chart(path)
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "isthmus",
    }  # the same chart, the same file
    with replacing(path) as temporary, matplotlib.rc_context(style):
        kind = path.suffix[1:]
        facts = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(temporary, format=kind, dpi=110, metadata=facts)


def check_chart(path: Path) -> None:
    """Refuse a chart of another kind than .png and .svg."""
    if path.suffix not in (".png", ".svg"):
        raise ValueError(f"{path}: expected a chart's name ending in .png or .svg")
