"""Arrays as pictures: pixels that can be compared, and contact sheets."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.values import Pixels
from isthmus.plots.fonts import font_for
from isthmus.plots.pixels import Limits, to_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.plots.fonts import Font


SMALLEST, LARGEST = 48, 128
"""Pixels of a tile's longer side, between which images are drawn as they are."""


WARM, COOL, NEUTRAL = (222, 110, 38), (48, 116, 205), (128, 128, 128)
CAPTION_HEIGHT = 15


def sheet(
    images: Pixels,
    columns: int | None = None,
    *,
    captions: Sequence[str] | None = None,
    scale: float | None = None,
    gap: int = 4,
    background: str | None = None,
    limits: Limits | None = None,
    signed: bool = False,
) -> Image:
    """Lay images out on one contact sheet.

    Parameters
    ----------
    images : array of shape (n, h, w), (n, h, w, c) or (n, d)
        uint8, or float in [0, 1]; see `to_pixels` for everything else.
    columns : int, optional
        Images in one row; by default the sheet is about twice as wide as high.
    captions : list of str, optional
        A short text under every image.
    scale : float, optional
        Whole numbers magnify every pixel to a square, numbers below 1 reduce. By default the
        longer side of a tile ends between 48 and 128 pixels.
    gap : int
        Pixels between images.
    background : str, optional
        Colour under gaps and transparent pixels; transparent by default.
    limits : (low, high), optional
        Values drawn darkest and brightest.
    signed : bool
        Centre the colours on zero, image by image.

    Returns
    -------
    PIL.Image.Image
        An RGBA picture.

    Examples
    --------
    >>> sheet(np.zeros((6, 8, 8), dtype=np.uint8), columns=3).size
    (152, 100)
    """
    from PIL import Image

    pixels = resize(to_pixels(images, limits, signed=signed), scale)
    n, h, w, _ = pixels.shape
    columns = max(1, min(n, columns or math.ceil(math.sqrt(2 * n))))
    pitch = h + gap + (CAPTION_HEIGHT if captions is not None else 0)
    canvas = np.zeros(
        (pitch * math.ceil(n / columns) - gap, columns * (w + gap) - gap, 4), "uint8"
    )
    corners = [(i // columns * pitch, i % columns * (w + gap)) for i in range(n)]
    for (top, left), tile in zip(corners, pixels, strict=True):
        canvas[top : top + h, left : left + w] = tile
    picture = Image.fromarray(canvas)
    if captions is not None:
        _write_captions(picture, captions, [(left, top + h) for top, left in corners], w)
    return picture if background is None else on_background(picture, background)


def on_background(picture: Image, colour: str) -> Image:
    """Return `picture` over one colour.

    Examples
    --------
    >>> on_background(sheet(np.full((1, 8, 8), np.nan)), "white").getpixel((0, 0))
    (255, 255, 255, 255)
    """
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", picture.size, colour), picture)


def scale_for(h: int, w: int) -> float:
    """Return the factor that brings an image's longer side between `SMALLEST` and `LARGEST`.

    Examples
    --------
    >>> scale_for(8, 8), scale_for(28, 28), scale_for(64, 48), scale_for(256, 128)
    (6, 2, 1, 0.5)
    """
    longer = max(h, w)
    return LARGEST / longer if longer > LARGEST else math.ceil(SMALLEST / longer)


def resize(pixels: np.ndarray, scale: float | None = None) -> np.ndarray:
    """Return (n, h, w, 4) pixels magnified to squares (scale >= 1) or smoothly reduced.

    Where the scale is no whole number some squares are a pixel larger than others.

    Examples
    --------
    >>> resize(np.zeros((1, 3, 2, 4), dtype=np.uint8), 2).shape
    (1, 6, 4, 4)
    """
    from PIL import Image

    scale = scale_for(*pixels.shape[1:3]) if scale is None else scale
    if scale <= 0:
        raise ValueError(f"scale={scale}: expected a number above 0")
    if scale >= 1 and float(scale).is_integer():
        return pixels.repeat(int(scale), axis=1).repeat(int(scale), axis=2)
    h, w = (max(1, round(side * scale)) for side in pixels.shape[1:3])
    by = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    changed = [Image.fromarray(tile).resize((w, h), by) for tile in pixels]
    return np.stack([np.asarray(tile) for tile in changed])


def scale_to(images: Any, tile_size: int | None) -> float | None:
    """Return the factor that makes the longer side of drawn images so many pixels; None for None.

    Examples
    --------
    >>> scale_to(np.zeros((5, 28, 20)), 56), scale_to(np.zeros((5, 28, 20)), None)
    (2.0, None)
    """
    if tile_size is None:
        return None
    return float(tile_size / max(to_pixels(np.asarray(images)[:1]).shape[1:3]))


def _write_captions(
    picture: Image, captions: Sequence[str], corners: list[tuple[int, int]], width: int
) -> None:
    from PIL import ImageDraw

    if len(captions) != len(corners):
        raise ValueError(f"{len(captions)} captions for {len(corners)} images")
    pen, font = ImageDraw.Draw(picture), font_for(11, map(str, captions))
    for text, (left, top) in zip(map(str, captions), corners, strict=True):
        pen.text((left, top + 1), shortened(text, font, width), fill=(*NEUTRAL, 255), font=font)


def shortened(text: str, font: Font, width: float) -> str:
    """Return text without as much of its middle as makes it wider than so many pixels.

    Names of files differ at their ends.

    Examples
    --------
    >>> shortened("flower_photograph_0012.jpg", font_for(11), 80)
    'flow…_0012.jpg'
    """
    kept, both = len(text), text
    while kept > 1 and font.getlength(both) > width:
        kept -= 1
        both = f"{text[: kept // 3]}…{text[len(text) - kept + kept // 3 :]}"
    return both


def data_uri(picture: Image, *, photo: bool = False) -> str:
    """Return a picture as text for the `src` of an image: PNG, or the smaller WebP for photos.

    Examples
    --------
    >>> data_uri(sheet(np.zeros((1, 8, 8))))[:22]
    'data:image/png;base64,'
    """
    from PIL import features

    kind = "webp" if photo and features.check("webp") else "png"
    options: dict[str, Any] = {"quality": 90} if kind == "webp" else {"compress_level": 6}
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
