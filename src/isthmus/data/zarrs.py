"""Zarr arrays of version 2 and 3, and images in OME-Zarr, read as they are asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import LABEL_NAMES, choose, damage_explained, labelled, library
from isthmus.data.decode import Rule
from isthmus.data.depth import depth_of
from isthmus.data.images import Images
from isthmus.data.layout import guessed_layout
from isthmus.data.numbers import KEEP
from isthmus.data.ondisk import OnDisk, block_of, is_small, rows_of
from isthmus.data.values import as_values

MARKS = ("zarr.json", ".zarray", ".zgroup")
"""What is in a folder that is one."""

AXES = {2: "nd", 3: "nyx", 4: "nyxc"}
"""The order of axes where nothing is said."""

LETTERS = {"n": "n", "h": "y", "w": "x", "c": "c", "d": "d"}
"""Letters of `layout`, as axes are called here."""


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
    axes = axes if inside is None and axes else _axes(path, array, rule)
    with damage_explained(path, "Zarr"):
        data, loading = _values(path, name, array, axes, rule)
    label = next((arrays[key] for key in arrays if _is_label(key, name, arrays, len(data))), None)
    labels = None if label is None else np.asarray(label[...]).ravel()
    told = rule.numbers["loading"] | {"layout": "nd" if "d" in axes else "nhwc"} | loading
    asked = None if isinstance(data, OnDisk) else rule.value_range
    return labelled(path, data, labels, meta=meta, loading=told, value_range=asked)


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


def _axes(path: Path, array: Any, rule: Rule) -> str:
    if rule.layout != "auto":
        if len(rule.layout) != array.ndim:
            raise ValueError(
                f"layout={rule.layout!r} is of {len(rule.layout)} axes, but {path} has the shape "
                f"{array.shape}"
            )
        return "".join(LETTERS[letter] for letter in rule.layout)
    names = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    letters = "".join(str(name)[:1].lower() for name in names)
    if len(set(letters)) == array.ndim and set("yx") <= set(letters):
        return letters
    order, _ = guessed_layout(np.broadcast_to(np.zeros((), array.dtype), array.shape))
    return "".join(LETTERS[letter] for letter in order) or AXES[array.ndim]


def _values(
    path: Path, name: str, array: Any, axes: str, rule: Rule
) -> tuple[Any, dict[str, Any]]:
    """Return the images as the rule of `as_values` has them, and the depth of 16-bit ones."""
    shape, fetch = rows_of(array, axes)
    sample = [place for place, axis in enumerate(axes) if axis not in "yxcsd"]
    stored = array.chunks[sample[0]] if len(sample) == 1 else 1
    facts = (str(path.absolute()), name, axes, *_stamp(path))
    block = block_of(shape, max(4, array.dtype.itemsize), stored)
    raw = OnDisk(shape, array.dtype, fetch, facts, block)
    if is_small(raw):
        return np.asarray(raw), {}
    deep = array.dtype.str[1:] == "u2" and len(shape) > 2 and rule.value_range is None
    starts = range(0, len(raw), block) if deep and rule.bits is None else ()
    highest = max((int(np.asarray(raw[at : at + block]).max()) for at in starts), default=0)
    bits = rule.bits or depth_of(highest)
    # a guess from the numbers would need them all
    asked: Any = rule.value_range or (None if deep else KEEP)
    kind = rule.dtype if deep else "float32"
    read = partial(as_values, dtype=kind, source=str(path), bits=bits, value_range=asked)
    dtype = read(np.full((1,) * len(shape), 1, array.dtype)).dtype
    dtype = np.dtype(np.float32) if isinstance(asked, tuple | list) else dtype
    data = raw.through(lambda rows: _as(read(rows), dtype), shape[1:], dtype, (bits, asked, kind))
    known = {"bits": bits} if deep else {"value_range": asked if asked != KEEP else None}
    return data, known


def _as(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Return values of a type, uint8 as 0 to 1 where that is of floats."""
    if values.dtype == np.uint8 and dtype == np.float32:
        return values / np.float32(255)
    return values.astype(dtype, copy=False)


def _stamp(path: Path) -> tuple[int, int]:
    """Return how many files there are, and when the newest was written."""
    times = [file.stat().st_mtime_ns for file in [path, *path.rglob("*")]]
    return len(times), max(times)


def _may(name: str, array: Any) -> bool:
    is_label = name.rpartition("/")[2].lower() in LABEL_NAMES
    return not name or (not is_label and array.ndim in AXES and array.dtype.kind in "buif")


def _is_label(key: str, name: str, arrays: dict[str, Any], n: int) -> bool:
    group, _, last = key.rpartition("/")
    beside = group == name.rpartition("/")[0] and key != name
    return beside and last.lower() in LABEL_NAMES and arrays[key].shape in ((n,), (n, 1))
