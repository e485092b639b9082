"""Zarr arrays of version 2 and 3, and images in OME-Zarr, read as they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import (
    LABEL_NAMES,
    choose,
    damage_explained,
    labelled,
    laid_as_fitted,
    library,
)
from isthmus.data.decode import Rule
from isthmus.data.images import Images
from isthmus.data.layout import STORED, stored_axes
from isthmus.data.ondisk import OnDisk, block_of, in_memory_or_on_disk, rows_of, sample_axes

MARKS = ("zarr.json", ".zarray", ".zgroup")
"""What is in a folder that is one."""


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr array or group."""
    return any((path / mark).is_file() for mark in MARKS)


def read_zarr(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read an array of images in a Zarr folder or zip: a large one stays there."""
    with library("zarr", path, "zarr"):
        import zarr
    with damage_explained(path, "Zarr"):
        found: Any = zarr.open(str(path), mode="r")
        arrays, meta, axes = _arrays_of(found, inside)
    name = choose(path, inside, {n: str(a.shape) for n, a in arrays.items() if _may(n, a)}, arrays)
    array = arrays[name]
    ome = (axes, {"layout": "nhwc"})
    axes, note = ome if inside is None and axes else _axes(path, array, rule)
    with damage_explained(path, "Zarr"):
        data = _values(path, name, array, axes)
        label = next((arrays[k] for k in arrays if _is_label(k, name, arrays, len(data))), None)
        labels = None if label is None else np.asarray(label[...]).ravel()
        known = rule.numbers
        known["loading"] |= note
        return labelled(path, data, labels, meta=meta, **known)


def _arrays_of(found: Any, inside: str | None) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the arrays by their names; of OME-Zarr the largest scale, its channels and axes."""
    if not hasattr(found, "members"):
        return {"": found}, {}, ""
    attributes = dict(found.attrs)
    ome = attributes.get("ome", attributes)
    scales = ome.get("multiscales")
    arrays = {key: node for key, node in found.members(max_depth=None) if hasattr(node, "dtype")}
    if not scales or inside is not None:
        return arrays, {}, ""
    largest = arrays[scales[0]["datasets"][0]["path"]]
    named = [axis if isinstance(axis, str) else axis["name"] for axis in scales[0].get("axes", [])]
    axes = "".join(name[:1].lower() for name in named) or "tczyx"[-largest.ndim :]
    channels = [each.get("label") for each in ome.get("omero", {}).get("channels", [])]
    meta = {"band_names": channels} if channels and all(channels) else {}
    return {"": largest}, meta, axes


def _axes(path: Path, array: Any, rule: Rule) -> tuple[str, dict[str, str]]:
    """Return the axes as they are told, named or guessed, and what is to be noted of them."""
    rule = laid_as_fitted(array.shape, rule)
    names = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    letters = "".join(str(name)[:1].lower() for name in names)
    if rule.layout == "auto" and len(set(letters)) == array.ndim and set("yx") <= set(letters):
        return letters, {"layout": "nhwc"}
    return stored_axes(array.shape, array.dtype, rule.layout, str(path))


def _values(path: Path, name: str, array: Any, axes: str) -> Any:
    """Return the images as they are stored: small ones read, large ones where they are."""
    shape, fetch = rows_of(array, axes)
    sample = sample_axes(axes)
    stored = array.chunks[sample[0]] if len(sample) == 1 else 1
    facts = (str(path.absolute()), name, axes, *_stamp(path))
    block = block_of(shape, max(4, array.dtype.itemsize), stored)
    return in_memory_or_on_disk(OnDisk(shape, array.dtype, fetch, facts, block))


def _stamp(path: Path) -> tuple[int, int]:
    """Return how many files there are, and when the newest was written."""
    times = [file.stat().st_mtime_ns for file in [path, *path.rglob("*")]]
    return len(times), max(times)


def _may(name: str, array: Any) -> bool:
    is_label = name.rpartition("/")[2].lower() in LABEL_NAMES
    return not name or (not is_label and array.ndim in STORED and array.dtype.kind in "buif")


def _is_label(key: str, name: str, arrays: dict[str, Any], n: int) -> bool:
    group, _, last = key.rpartition("/")
    beside = group == name.rpartition("/")[0] and key != name
    return beside and last.lower() in LABEL_NAMES and arrays[key].shape in ((n,), (n, 1))
