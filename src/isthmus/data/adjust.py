"""Arrays brought to the rule by which files are decoded: numbers, colour and size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from isthmus.data.decode import LUMA, Rule, fit_labels, resize_array
from isthmus.data.fitting import COLORED, CUT, GREYED, PADDED, padded, size_changes
from isthmus.data.images import Images, to_unit
from isthmus.data.label_maps import NO_CLASS
from isthmus.data.nodata import empty_pixels
from isthmus.data.ondisk import OnDisk
from isthmus.data.ranges import is_nominal, range_of

MIXED = 1e-3
"""Share of a pixel that may come from such as have no data."""


def adjusted(images: Images, rule: Rule) -> Images:
    """Bring an array to the rule, and note what that did; files decoded by it are there already.

    Only the rows that are meant are looked at, and nothing is copied where nothing changes.
    """
    if 0 in images.shape:
        raise ValueError(f"no images in {images.source}: its shape is {images.shape}")
    data = np.asarray(images.data[:1])
    alike = _resized(_recoloured(_as_asked(data, rule), rule.color), rule)
    if alike.shape == data.shape and alike.dtype == data.dtype:
        return images
    if isinstance(images.data, OnDisk) and images.rows is None:
        return _adjusted_on_disk(images, alike, rule)
    if images.rows is not None:
        images = replace(images, data=images.data[images.rows], rows=None)
    data = _resized(_recoloured(_as_asked(images.data, rule), rule.color), rule)
    meta = _emptied(data, images, rule)
    images = _noted(images, data, rule)
    maps = _resized_maps(images, data.shape[1:3], rule)
    return replace(images, data=data, meta=meta, **maps)


def ranged(images: Images, rule: Rule) -> Images:
    """Return images from files with black and white as asked, in the numbers of the files."""
    asked = rule.value_range
    if not isinstance(asked, tuple) or images.loading.get("range_by") == "given":
        return images
    bits, of_files = images.loading.get("bits"), images.sizes is not None
    white = 2**bits - 1 if bits else 255 if images.dtype == np.uint8 or of_files else 1
    unit = to_unit(np.asarray(images)) if white != 1 else np.asarray(images)
    known = {name: value for name, value in images.loading.items() if name != "bits"}
    read = Images(unit * np.float32(white) if white != 1 else unit, value_range=asked)
    return replace(images, data=read.data, rows=None, loading=known | read.loading)


def _adjusted_on_disk(images: Images, alike: np.ndarray, rule: Rule) -> Images:
    def through(rows: np.ndarray) -> np.ndarray:
        return _resized(_recoloured(_as_asked(rows, rule), rule.color), rule)

    data = images.data.through(through, alike.shape[1:], alike.dtype, rule)
    return replace(_noted(images, data, rule), data=data)


def _emptied(data: np.ndarray, images: Images, rule: Rule) -> dict[str, Any]:
    """Take the data from pixels that were mixed with such as have none; return what `meta` says.

    That is for a value which stands for nothing; NaN comes through any filter.
    """
    value = images.meta.get("no_data")
    if value in (None, "nan") or data.ndim == 2:
        return images.meta
    in_unit = images.dtype == np.uint8 and data.dtype != np.uint8
    written = value / 255 if in_unit else value
    for out, empty in zip(data, empty_pixels(images.data, value), strict=True):
        if empty.any():
            mixed = resize_array(empty[..., None].astype(np.float32), out.shape[:2], rule.fit)
            out[np.abs(mixed[..., 0]) > MIXED] = written
    return images.meta | {"no_data": written}


def _as_asked(data: np.ndarray, rule: Rule) -> np.ndarray:
    return to_unit(data) if data.dtype == np.uint8 and rule.dtype == "float32" else data


def _noted(images: Images, data: np.ndarray, rule: Rule) -> Images:
    """Return images that know what became of them: still those before, `data` is what they get."""
    if images.ndim == 2:
        return images
    before, after = images.shape, data.shape
    done = size_changes([before[1:3]], after[1:3], rule.fit)[0]
    if before[3] != after[3]:
        done |= GREYED if after[3] == 1 else COLORED
    if not done:
        return images
    old = np.zeros(len(images), np.uint8) if images.changes is None else images.changes
    sizes = np.tile(before[1:3], (len(images), 1)) if images.sizes is None else images.sizes
    return replace(images, sizes=sizes, changes=old | done)


def _resized_maps(images: Images, size: tuple[int, ...], rule: Rule) -> dict[str, Any]:
    """Return the label maps at `size`, and the class of what was added around them."""
    maps, ignored = images.label_maps, images.ignored_class
    if maps is None or maps.shape[1:] == size:
        return {}
    height, width = size
    fitted = np.stack([fit_labels(m, (height, width), rule.fit) for m in maps])
    void = NO_CLASS if ignored is None and rule.fit == "pad" else ignored
    return {"label_maps": fitted, "ignored_class": void}


def _recoloured(data: np.ndarray, color: str) -> np.ndarray:
    channels = {"auto": data.shape[-1], "grey": 1, "rgb": 3}[color]
    if data.ndim == 2 or data.shape[-1] == channels:
        return data
    if {data.shape[-1], channels} != {1, 3}:
        raise ValueError(f"color={color!r} needs 1 or 3 channels, got {data.shape[-1]}")
    if channels == 3:
        return np.repeat(data, 3, axis=-1)
    grey = data @ LUMA.astype(np.float32 if data.dtype == np.uint8 else data.dtype)
    return (np.rint(grey).astype(np.uint8) if data.dtype == np.uint8 else grey)[..., None]


def _resized(data: np.ndarray, rule: Rule) -> np.ndarray:
    if data.ndim == 2:
        if rule.size:
            raise ValueError(f"size={rule.size} needs images, got vectors of shape {data.shape}")
        return data
    size = rule.size_for(*data.shape[1:3])
    if data.shape[1:3] == size:
        return data
    out = np.empty(
        (len(data), *size, data.shape[3]), np.uint8 if data.dtype == np.uint8 else np.float32
    )
    ends = range_of([data])
    # black is what "pad" adds; the filter overshoots at edges, which is not to widen a range
    black = ends[0] if is_nominal(ends) and data.dtype != np.uint8 else 0
    for row, image in enumerate(data):
        out[row] = resize_array(image - black if black else image, size, rule.fit)
    out += out.dtype.type(black)
    return out.clip(*ends, out=out) if is_nominal(ends) and data.dtype != np.uint8 else out


def restored(image: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray | None:
    """Return an (h, w, c) image at the size it was read with, None where parts of it were cut off.

    Examples
    --------
    >>> restored(np.zeros((64, 64, 1), np.float32), (100, 50), "pad").shape
    (100, 50, 1)
    >>> restored(np.zeros((64, 64, 1), np.float32), (100, 50), "crop") is None
    True
    """
    there = image.shape[0], image.shape[1]
    if there == size:
        return image
    done = int(size_changes([size], there, fit)[0])
    if done & CUT:
        return None
    if done & PADDED:
        (h, w), (top, left) = padded(size, there)
        image = image[top : top + h, left : left + w]
    return resize_array(image, size, "stretch")
