"""Numbers of any range as pixels that can be compared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.ranges import SIGNED, UNIT, is_nominal, nominal
from isthmus.data.values import Pixels

SMALLEST, LARGEST = 48, 128

WARM, COOL, NEUTRAL = (222, 110, 38), (48, 116, 205), (128, 128, 128)


Limits = tuple[Any, Any]

BARS = 32
"""Vectors up to this width are drawn as bars, wider ones as a grid of grey values."""

SEEN = 2000
"""Images that tell the percentiles of a set."""

BAND_ENDS = (2, 98)
"""Percentiles of a band that are drawn darkest and brightest."""

SLACK = 0.5
"""How far reconstructions may overshoot 0..1 or -1..1 and still be drawn between these."""


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
        low, high = np.percentile(values, BAND_ENDS, axis=0)
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
