"""Arrays as pictures: pixels that can be compared, and contact sheets."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.ranges import SIGNED, UNIT, is_nominal, nominal
from isthmus.data.values import Pixels
from isthmus.plots.fonts import font_for

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.plots.fonts import Font

Limits = tuple[Any, Any]

SMALLEST, LARGEST = 48, 128
"""Pixels of a tile's longer side, between which images are drawn as they are."""

BARS = 32
"""Vectors up to this width are drawn as bars, wider ones as a grid of grey values."""

SEEN = 2000
"""Images that tell the percentiles of a set."""

SLACK = 0.5
"""How far reconstructions may overshoot 0..1 or -1..1 and still be drawn between these."""

WARM, COOL, NEUTRAL = (222, 110, 38), (48, 116, 205), (128, 128, 128)
CAPTION_HEIGHT = 15


def limits_of(images: Pixels) -> Limits:
    """Return the values to draw as darkest and brightest, for pictures that must be comparable.

    Grey, colour and vector values inside [0, 1] (and all uint8) are drawn from 0 to 1, those
    inside [-1, 1] from -1 to 1, others from their 0.5th to their 99.5th percentile. Any other
    number of bands gets percentiles per band.

    Examples
    --------
    >>> limits_of(np.zeros((2, 4, 4), dtype=np.uint8))
    (0.0, 1.0)
    """
    known = images.value_range if isinstance(images, Images) else None
    images = np.asarray(images.evenly(SEEN) if isinstance(images, Images) else images)
    by_band = images.ndim == 4 and images.shape[-1] not in (1, 3)
    if known and is_nominal(known) and not by_band:
        return known
    values = to_unit(images).reshape(-1, images.shape[-1] if by_band else 1)
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return 0.0, 1.0
    if by_band:
        low, high = np.percentile(values, [2, 98], axis=0)
        return low, high
    ends = nominal(values.min(), values.max())
    if is_nominal(ends):
        return ends
    low, high = np.percentile(values, [0.5, 99.5])
    return float(low), float(high)


def limits_for(images: Pixels, ends: Limits | None) -> Limits | None:
    """Return the range to draw images by; bands of a raster are stretched each for itself."""
    return ends if np.shape(images)[3:] in ((), (1,), (3,)) else None


def shown(images: Pixels) -> np.ndarray:
    """Return images as an array to draw, the bands first that a header wants shown."""
    array = np.asarray(images)
    first = images.meta.get("shown_bands", []) if isinstance(images, Images) else []
    if not first or array.ndim != 4:
        return array
    return array[..., [*first, *(band for band in range(array.shape[-1]) if band not in first)]]


def to_pixels(images: Pixels, limits: Limits | None = None, *, signed: bool = False) -> np.ndarray:
    """Return RGBA pixels of shape (n, h, w, 4): what `sheet` draws before magnifying it.

    Parameters
    ----------
    images : array of shape (n, h, w), (n, h, w, c) or (n, d)
        One channel is grey and three are colour. Of two or of four and more bands the first three
        are shown, stretched between percentiles. Vectors become bars, or a grid read row by row
        where they are wider than `BARS`. A value that is not a number is transparent.
    limits : (low, high), optional
        Values drawn darkest and brightest; uint8 counts as 0 to 1. By default 0 and 1, or -1 and
        1, for grey and colour that overshoot these by 0.5 at most, `limits_of` for the rest.
    signed : bool
        Centre the colours on zero, image by image: blue below, neutral at zero, orange above.

    Examples
    --------
    >>> to_pixels(np.array([[[0.0, 1.0]]])).tolist()
    [[[[0, 0, 0, 255], [255, 255, 255, 255]]]]
    """
    images = np.asarray(images)
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise ValueError(
            f"cannot draw an array of shape {images.shape}: expected (n, h, w), (n, h, w, c) or "
            "(n, d), none of them 0"
        )
    if images.ndim == 2:
        return _draw_vectors(to_unit(images), limits, signed)
    values = to_unit(images if images.ndim == 4 else images[..., None])
    return _diverging(values) if signed else _bands(values, limits)


def _bands(values: np.ndarray, limits: Limits | None) -> np.ndarray:
    n_bands = values.shape[-1]
    if limits is None:
        limits = _around(values) if n_bands in (1, 3) else limits_of(values)
    chosen = {1: [0, 0, 0], 2: [0, 1, 1]}.get(n_bands, [0, 1, 2])
    low, high = (np.broadcast_to(limit, n_bands)[chosen] for limit in limits)
    values = values[..., chosen]
    seen = np.isfinite(values).all(axis=-1, keepdims=True)
    unit = np.clip((np.where(seen, values, low) - low) / np.maximum(high - low, 1e-12), 0, 1)
    return np.concatenate([np.rint(unit * 255), 255 * seen], axis=-1).astype(np.uint8)


def _around(values: np.ndarray) -> Limits:
    """Return the range that values overshoot a little at most, or that of most of them."""
    finite = values[np.isfinite(values)]
    for low, high in (UNIT, SIGNED):
        if not len(finite) or low - SLACK <= finite.min() <= finite.max() <= high + SLACK:
            return low, high
    return limits_of(values)


def _diverging(values: np.ndarray) -> np.ndarray:
    """Colour signed values; zero is nearly transparent so that it suits light and dark pages."""
    values = np.where(np.isfinite(values), values, 0)
    peak = np.abs(values).max(axis=(1, 2, 3), keepdims=True)
    values = values / np.where(peak > 0, peak, 1)
    if values.shape[-1] > 1:
        return _bands(0.5 + values / 2, (0.0, 1.0))
    strength = np.abs(values)
    hue = np.where(values >= 0, WARM, COOL)
    colour = NEUTRAL + (hue - np.array(NEUTRAL)) * np.sqrt(strength)
    pixels: np.ndarray = np.rint(np.concatenate([colour, 30 + 225 * strength], axis=-1)).astype(
        np.uint8
    )
    return pixels


def _draw_vectors(vectors: np.ndarray, limits: Limits | None, signed: bool) -> np.ndarray:
    if vectors.shape[1] <= BARS:
        return _diverging(_bars(vectors, limits or limits_of(vectors), signed))
    width = math.ceil(math.sqrt(vectors.shape[1]))
    height = math.ceil(vectors.shape[1] / width)
    grid = np.full((len(vectors), height * width), np.nan, dtype=np.float32)
    grid[:, : vectors.shape[1]] = vectors
    grid = grid.reshape(-1, height, width, 1)
    return _diverging(grid) if signed else _bands(grid, limits or limits_of(vectors))


def _bars(vectors: np.ndarray, limits: Limits, signed: bool) -> np.ndarray:
    """Return (n, h, w, 1) pictures of bars that stand on zero: 1 above it, -1 below, 0 around."""
    if signed:
        peak = max(float(np.nanmax(np.abs(vectors))), 1e-12)
        limits = (-peak, peak)
    low, high = min(0.0, limits[0]), max(0.0, limits[1], limits[0] + 1e-12)
    level = low + (np.arange(BARS, 0, -1) - 0.5)[:, None] / BARS * (high - low)  # centre of a row
    value = np.clip(vectors, low, high)[:, None, :]
    bars = (level > 0) * (level < value) * 1.0 - (level < 0) * (level > value)
    return np.repeat(bars, max(1, BARS // vectors.shape[1]), axis=2)[..., None]


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
