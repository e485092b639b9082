"""Pictures that come one by one as one array: in memory, or on disk when they get many."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.cache import cache_folder, memory_allowed
from isthmus.data.decode import Rule, resize_array
from isthmus.data.fitting import size_changes
from isthmus.data.layout import CHANNELS
from isthmus.data.values import as_array
from isthmus.system.leftovers import prefix_for, sweep

HEADER = 128
"""Bytes before the numbers in a .npy file of few axes."""


class Piled(NamedTuple):
    """One array, and what was done so that all pictures have one shape."""

    data: np.ndarray
    sizes: np.ndarray | None = None
    changes: np.ndarray | None = None


def pile(arrays: Iterable[Any], rule: Rule) -> Piled:
    """Return pictures or vectors as one array, brought to one size where they differ.

    Those of one shape stay as they are, unless the rule says a size. Where they differ, it is the
    median height and width. What takes more than `memory_allowed` goes to a file in the cache.

    Examples
    --------
    >>> pile([np.zeros((4, 6)), np.ones((8, 6))], Rule()).data.shape
    (2, 6, 6, 1)
    """
    sizes = list[tuple[int, ...]]()
    with _Heap() as heap:
        for given in arrays:
            is_tensor = hasattr(given, "detach")
            picture = upright(np.asarray(as_array(given)), rule.layout, is_tensor)
            sizes.append(picture.shape[:2])
            if rule.size and picture.ndim > 1:
                picture = fitted(picture, rule.size, rule.fit)
            heap.add(picture)
        if not sizes:
            raise ValueError("no images: nothing came")
        if heap.ragged:
            return _at_one_size(heap.rows, rule)
        data = heap.done()
    if not rule.size or data.ndim < 3 or set(sizes) == {data.shape[1:3]}:
        return Piled(data)
    return Piled(data, np.array(sizes), size_changes(sizes, rule.size, rule.fit))


def upright(picture: np.ndarray, layout: str = "auto", is_tensor: bool = False) -> np.ndarray:
    """Return one picture with its channels last: (c, h, w) of 1, 3 or 4 channels is turned.

    Where first and last axis may both be channels, those of tensors come first.

    Examples
    --------
    >>> upright(np.zeros((3, 8, 9))).shape, upright(np.zeros((8, 9, 3))).shape
    ((8, 9, 3), (8, 9, 3))
    """
    letters = layout.replace("n", "")
    if len(letters) == picture.ndim and letters != "auto":
        return picture.transpose([letters.index(axis) for axis in "hwc" if axis in letters])
    first = picture.ndim == 3 and picture.shape[0] in CHANNELS
    turned = first and (is_tensor or picture.shape[2] not in CHANNELS)
    return np.moveaxis(picture, 0, -1) if turned else picture


def fitted(picture: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    """Return a picture (h, w) or (h, w, c) at a size, of the type it had where that is whole."""
    kind = picture.dtype
    plain = picture.astype(np.uint8) * np.uint8(255) if kind.kind == "b" else picture
    flat = plain if plain.ndim == 3 else plain[..., None]
    if flat.shape[:2] != size:
        flat = resize_array(flat, size, fit)
    whole = kind.kind in "iu" and flat.dtype != kind
    if not whole:
        return flat
    ends = np.iinfo(kind)
    return np.rint(flat).clip(ends.min, ends.max).astype(kind)


def _at_one_size(pictures: list[np.ndarray], rule: Rule) -> Piled:
    """Return pictures of several shapes at their median size; grey ones beside colours as RGB."""
    flat = [each if each.ndim == 3 else each[..., None] for each in pictures]
    channels = {each.shape[2] for each in flat}
    if not channels <= {1, 3} and len(channels) > 1:
        raise ValueError(f"pictures of {sorted(channels)} channels: give as many in each")
    most, kinds = max(channels), {each.dtype for each in flat}
    if len(kinds) > 1:
        raise ValueError(f"pictures of several types, {sorted(map(str, kinds))}: give one")
    sizes = np.array([each.shape[:2] for each in flat])
    size = rule.size_for(*np.median(sizes, axis=0).tolist())
    data = [np.repeat(fitted(e, size, rule.fit), most // e.shape[2], axis=2) for e in flat]
    return Piled(np.stack(data), sizes, size_changes(sizes, size, rule.fit))


class _Heap:
    """Rows of one shape; a list of all where they differ, and a file where they get many."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []
        self.ragged = False
        self._bytes, self._count = 0, 0
        self._file: _File | None = None
        self._like: np.ndarray | None = None

    def __enter__(self) -> _Heap:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: np.ndarray) -> None:
        """Put one more onto the heap."""
        like = self._like = row if self._like is None else self._like
        if (row.shape, row.dtype) != (like.shape, like.dtype):
            self._differs(row, like)
        self._count += 1
        if self._file is not None:
            self._file.write(row)
            return
        self.rows.append(row)
        self._bytes += row.nbytes
        if self._bytes > memory_allowed() and not self.ragged:
            self._spill()

    def _differs(self, row: np.ndarray, like: np.ndarray) -> None:
        may = row.ndim in (2, 3) and like.ndim in (2, 3)
        if self._file is not None or not may:
            raise ValueError(
                f"image {self._count} is {row.shape} {row.dtype}, those before {like.shape} "
                f"{like.dtype}: give images of one kind, or say size="
            )
        self.ragged = True

    def _spill(self) -> None:
        self._file = _File()
        for row in self.rows:
            self._file.write(row)
        self.rows = []

    def done(self) -> np.ndarray:
        """Return all rows as one array."""
        if self._file is None:
            return np.stack(self.rows)
        like = np.empty(0) if self._like is None else self._like
        return self._file.done((self._count, *like.shape), like.dtype)


class _File:
    """A .npy file in the cache that grows; it is called by what is in it."""

    def __init__(self) -> None:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        handle, name = tempfile.mkstemp("~.npy", prefix_for(folder / "stream.npy"), folder)
        self._path, self._file = Path(name), os.fdopen(handle, "wb")
        self._file.write(bytes(HEADER))
        self._digest = hashlib.sha256()

    def write(self, row: np.ndarray) -> None:
        content = np.ascontiguousarray(row).tobytes()
        self._file.write(content)
        self._digest.update(content)

    def done(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Return the array; the file has its name from now on."""
        head = io.BytesIO()
        facts = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(head, facts)
        if len(head.getvalue()) != HEADER:
            raise ValueError(f"images of shape {shape} have too many axes")
        self._digest.update(head.getvalue())
        self._file.seek(0)
        self._file.write(head.getvalue())
        self._file.close()
        path = cache_folder() / f"{self._digest.hexdigest()[:32]}.npy"
        self._path.replace(path)
        return np.load(path, mmap_mode="r")

    def close(self) -> None:
        """Leave nothing that is not whole."""
        self._file.close()
        self._path.unlink(missing_ok=True)
