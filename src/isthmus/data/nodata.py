"""Pixels of a raster that hold no data: NaN, or a value that its header names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.label_maps import NO_CLASS

if TYPE_CHECKING:
    from isthmus.data.images import Images

NO_DATA_TAG = 42113
"""Where a GeoTIFF says which value stands for nothing."""

LEFT_OUT = "; per='pixel' (--per pixel) leaves out pixels without data"

NEARLY = 2e-6
"""Beyond 1e30 headers write fewer digits than float32 has: so close counts as the value."""


def no_data_in(meta: dict[str, Any]) -> dict[str, Any]:
    """Return what the header of a raster says of pixels without data, under the key "no_data".

    Examples
    --------
    >>> no_data_in({"data_ignore_value": "-9999"}), no_data_in({"geotiff": [[42113, 2, 4, "nan"]]})
    ({'no_data': -9999.0}, {'no_data': 'nan'})
    """
    tags = {tag[0]: tag[3] for tag in meta.get("geotiff", [])}
    text = str(tags.get(NO_DATA_TAG, meta.get("data_ignore_value", ""))).strip("\0 ")
    try:
        value = float(text)
    except ValueError:
        return {}
    return {"no_data": "nan" if np.isnan(value) else value}


def empty_pixels(images: np.ndarray, value: Any = None) -> np.ndarray:
    """Return which pixels (n, h, w) have no data: NaN, or `value`, in any of their bands.

    Examples
    --------
    >>> empty_pixels(np.array([[[[1.0, 2.0], [1.0, -9999.0], [np.nan, 0.0]]]]), -9999).tolist()
    [[[False, True, True]]]
    """
    empty = np.zeros(images.shape[:3], dtype=bool)
    for out, image in zip(empty, images, strict=True):  # one by one: it may be a large memory map
        if image.dtype.kind == "f":
            out |= np.isnan(image).any(-1)
        if value not in (None, "nan"):
            out |= _is_value(image, value).any(-1)
    return empty


def _is_value(image: np.ndarray, value: float) -> np.ndarray:
    if abs(value) > 1e30:
        ends = sorted([np.float64(value) * (1 - NEARLY), np.float64(value) * (1 + NEARLY)])
        return (image >= ends[0]) & (image <= ends[1])
    if image.dtype == np.float32:
        return image == np.float32(value)
    return image == np.float64(value)


def known_values(chunks: Iterable[np.ndarray], value: Any) -> Iterator[np.ndarray]:
    """Yield chunks of images or vectors without the pixels that `value` marks as empty."""
    for chunk in chunks:
        if chunk.ndim == 4 and value not in (None, "nan"):
            empty = empty_pixels(chunk, value)
            yield chunk[~empty] if empty.any() else chunk
        else:
            yield chunk


def with_nan(images: np.ndarray, empty: np.ndarray | None) -> np.ndarray:
    """Return images with NaN where they have no data, as they are drawn: uint8 as 0 to 1."""
    if empty is None:
        return images
    values = images / np.float32(255) if images.dtype == np.uint8 else images.copy()
    values[empty] = np.nan
    return values


def with_means(images: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Return images with the mean of their bands where they have no data, for what needs all.

    Each with its own, so that none depends on those beside it.

    Examples
    --------
    >>> row = np.array([[[[1.0], [-9.0], [2.0]]]])
    >>> with_means(row, row[..., 0] < 0).ravel()
    array([1. , 1.5, 2. ])
    """
    values = images.copy()
    for image, gaps in zip(values, empty, strict=True):
        if gaps.any():
            image[gaps] = image[~gaps].mean(0) if not gaps.all() else 0
    return values


def filled(images: Images) -> Images:
    """Return images with means where they have no data, which have no class there either."""
    empty = images.without_data()
    if empty is None:
        return images
    maps = None if images.label_maps is None else np.array(images.label_maps)
    if maps is not None:
        maps[empty] = NO_CLASS
    means = with_means(np.asarray(images), empty)
    meta = {name: value for name, value in images.meta.items() if name != "no_data"}
    return replace(images, data=means, rows=None, label_maps=maps, meta=meta)


def in_words(value: Any, count: int, of: int) -> str:
    """Return how many pixels have no data.

    Examples
    --------
    >>> in_words(-9999.0, 12, 4800)
    '12 of 4,800 pixels have no data (-9999)'
    """
    named = "NaN" if value in (None, "nan") else f"{value:g}"
    return f"{count:,} of {of:,} pixels have no data ({named})"


def check_finite(images: Images) -> None:
    """Raise ValueError if Images hold NaN or infinite values, and say what to do."""
    from sklearn.utils.validation import check_array

    try:
        for chunk in images.chunks():
            check_array(chunk, allow_nd=True, dtype=None)
    except ValueError as error:
        more = LEFT_OUT * (images.ndim == 4)
        raise ValueError(f"{images.source}: {str(error).rstrip('.')}{more}") from None


def check_data(images: Images) -> None:
    """Raise ValueError if images hold the value that stands for no data, and say what to do."""
    value = images.meta.get("no_data")
    if value in (None, "nan") or (empty := images.without_data()) is None:
        return
    words = in_words(value, int(empty.sum()), empty.size)
    raise ValueError(f"{images.source}: {words}{LEFT_OUT}")
