"""Arrays that stay in their file: what is asked for is read, and memory is given back."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from isthmus.data.cache import IN_MEMORY_BYTES, held, key_of

LARGE = 2**28
"""Bytes of a map from which on memory is given back as soon as what was read has been used."""

BLOCK_BYTES = 2**26
"""What is read at once, at most."""

RUNS = 16
"""Places of a file in blocks that are looked at for a guess."""

CHANNELS = "cs"
"""Letters of axes that count channels: c, and the samples of a pixel in TIFF files."""


@dataclass(eq=False)
class OnDisk:
    """Images (n, ...) in a file, read when they are asked for: a part of what an array can do.

    Parameters
    ----------
    shape : tuple of int
        The number of rows first.
    dtype : dtype
        Of the values.
    fetch : callable
        Called with two numbers, returns the rows from the first to before the second.
    facts : tuple
        What says which values these are: file and time, for the cache.
    block : int
        Rows that are stored together: they are read once, one after another.
    first : int
        The row that is 0 here, of those that are fetched.
    at : callable, optional
        Called with the numbers of rows, returns these, where that is as quick as rows in a row.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fetch: Callable[[int, int], np.ndarray]
    facts: tuple[Any, ...]
    block: int = 1
    first: int = 0
    at: Callable[[np.ndarray], np.ndarray] | None = None
    kept: list[Any] = field(default_factory=list)  # the block that was read last, and its number

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of all values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """Return rows: a slice stays on disk, one row or chosen ones are read."""
        if isinstance(index, slice) and index.step in (None, 1):
            start, stop, _ = index.indices(len(self))
            shape = (max(0, stop - start), *self.shape[1:])
            return replace(self, shape=shape, first=self.first + start)
        if isinstance(index, int | np.integer):
            return self._rows(range(len(self))[index], range(len(self))[index] + 1)[0]
        if isinstance(index, tuple):
            return np.asarray(self)[index]
        chosen = np.arange(len(self))[index]
        if self.at is not None:
            return self.at(chosen + self.first)
        out = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        order = np.argsort(chosen, kind="stable")
        for run in np.split(order, np.flatnonzero(np.diff(chosen[order]) != 1) + 1):
            if len(run):  # rows that follow each other are read at once
                out[run] = self._rows(int(chosen[run[0]]), int(chosen[run[-1]]) + 1)
        return out

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[row] for row in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._rows(0, len(self))
        return array if dtype is None else array.astype(dtype, copy=False)

    def some(self, most: int) -> np.ndarray:
        """Return up to so many rows, spread evenly; of stored blocks runs from a few of them."""
        runs = min(most, len(self)) if self.block == 1 else min(RUNS, len(self))
        length = max(1, most // max(1, runs))
        starts = np.linspace(0, max(0, len(self) - length), runs).round().astype(int).tolist()
        parts = [self._rows(start, min(start + length, len(self))) for start in starts]
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *parts])

    def _rows(self, start: int, stop: int) -> np.ndarray:
        if self.block == 1 and stop > start:
            return self._run(start + self.first, stop + self.first)
        out = np.empty((stop - start, *self.shape[1:]), self.dtype)
        self._read_into(out, start + self.first)
        return out

    def _run(self, start: int, stop: int) -> np.ndarray:
        """Return rows that are not stored in blocks, as they are fetched."""
        found = np.asarray(self.fetch(start, stop))
        if len(found) < stop - start:
            raise ValueError(f"row {start + len(found)} is not in the file")
        return found

    def _read_into(self, out: np.ndarray, at: int) -> None:
        if self.block == 1 and len(out):
            out[:] = self._run(at, at + len(out))
            return
        done = 0
        while done < len(out):
            number, inside = divmod(at + done, self.block)
            block = self._block(number)
            count = min(len(block) - inside, len(out) - done)
            if count <= 0:
                raise ValueError(f"row {at + done} is not in the file")
            out[done : done + count] = block[inside : inside + count]
            done += count

    def _block(self, number: int) -> np.ndarray:
        kept = self.kept[0] if self.kept else (-1, None)
        if kept[0] != number:
            kept = number, self.fetch(number * self.block, (number + 1) * self.block)
            self.kept[:] = [kept]
        block: Any = kept[1]
        return np.asarray(block)

    def through(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        fact: Any,
    ) -> OnDisk:
        """Return what a function makes of every row, done as they are read."""
        return OnDisk(
            (len(self), *shape),
            dtype,
            lambda start, stop: function(np.asarray(self[start:stop])),
            (*self.facts, self.first, fact),
            self.block,
        )

    def mapped(self) -> np.ndarray:
        """Return the rows as one array, packed in the cache once, to be had at random."""
        key = f"rows-{key_of('rows', 1, *map(str, self.facts), self.first, self.shape)}"
        return held(key, self.shape, self.dtype, lambda out: self._fill(out))

    def _fill(self, out: np.ndarray) -> None:
        step = max(1, self.block * (BLOCK_BYTES // max(1, self.block * out[:1].nbytes)))
        for start in range(0, len(out), step):
            self._read_into(out[start : start + step], start + self.first)
            if isinstance(out, np.memmap):
                out.flush()
                _drop(out)


Held: TypeAlias = "np.ndarray | OnDisk"
"""Numbers in memory, in a memory map, or read from a file as they are asked for."""


def on_disk(array: Held) -> Held:
    """Return a large memory map that is only read as rows on disk, all else as it is."""
    if not isinstance(array, np.memmap) or array.flags.writeable or array.ndim < 2:
        return array
    name, root = getattr(array, "filename", None), _root(array)
    if array.nbytes <= IN_MEMORY_BYTES or name is None or not isinstance(root, mmap.mmap):
        return array
    began = np.frombuffer(root, np.uint8).__array_interface__["data"][0]
    first = array.__array_interface__["data"][0] - began + getattr(array, "offset", 0)
    stat = os.stat(name)
    facts = (str(name), stat.st_size, stat.st_mtime_ns, array.dtype.str, first, array.strides)

    def fetch(start: int, stop: int) -> np.ndarray:
        rows = np.array(array[start:stop])
        release(array)
        return rows

    return OnDisk(array.shape, array.dtype, fetch, facts)


def in_a_row(parts: Sequence[OnDisk]) -> OnDisk:
    """Return several arrays on disk, of one shape and type, as one."""
    ends = np.cumsum([len(part) for part in parts]).tolist()

    def fetch(start: int, stop: int) -> np.ndarray:
        bounds = [(e - len(p), e) for p, e in zip(parts, ends, strict=True)]
        return np.concatenate(
            [
                np.asarray(part[max(start, low) - low : min(stop, high) - low])
                for part, (low, high) in zip(parts, bounds, strict=True)
                if low < stop and start < high
            ]
        )

    facts = [(*part.facts, part.first, len(part)) for part in parts]
    return OnDisk((ends[-1], *parts[0].shape[1:]), parts[0].dtype, fetch, tuple(facts))


def sample_axes(axes: str) -> list[int]:
    """Return which axes count images, of those that `rows_of` is given."""
    return [place for place, axis in enumerate(axes) if axis not in f"yxd{CHANNELS}"]


def rows_of(array: Any, axes: str) -> tuple[tuple[int, ...], Callable[[int, int], np.ndarray]]:
    """Return the shape of the images (n, h, w, c) in an array, and what reads some of them.

    Parameters
    ----------
    array : object
        Has a shape, and slices can be taken of it.
    axes : str
        A letter each: y and x, c or s for channels, or d for the numbers of vectors; all others
        count images.

    Examples
    --------
    >>> shape, fetch = rows_of(np.zeros((2, 3, 4, 5, 6)), "tczyx")
    >>> shape, fetch(2, 5).shape
    ((8, 5, 6, 3), (3, 5, 6, 3))
    """
    inner = [axes.index(axis) for axis in ("d" if "d" in axes else "yx")]
    channels = [place for place, axis in enumerate(axes) if axis in CHANNELS]
    samples = sample_axes(axes)
    n_channels = int(np.prod([array.shape[place] for place in channels], initial=1))
    sides = [array.shape[place] for place in inner]
    counts = [array.shape[place] for place in samples]
    row_shape = (*sides, *([] if "d" in axes else [n_channels]))

    def one(row: int) -> np.ndarray:
        index: list[Any] = [slice(None)] * len(axes)
        for place, number in zip(samples, np.unravel_index(row, counts), strict=True):
            index[place] = int(number)
        rest = [place for place in range(len(axes)) if place not in samples]
        order = [rest.index(place) for place in (*inner, *channels)]
        return np.asarray(array[tuple(index)]).transpose(order).reshape(row_shape)

    def some(start: int, stop: int) -> np.ndarray:
        index: list[Any] = [slice(None)] * len(axes)
        index[samples[0]] = slice(start, stop)
        block = np.asarray(array[tuple(index)]).transpose((*samples, *inner, *channels))
        return block.reshape(-1, *row_shape)

    n = int(np.prod(counts, initial=1))
    if len(samples) == 1:
        return (n, *row_shape), some
    if not samples:
        return (1, *row_shape), lambda start, stop: one(0)[None]
    return (n, *row_shape), lambda start, stop: np.stack(
        [one(row) for row in range(start, min(stop, n))]
    )


def mapped(data: Held) -> np.ndarray:
    """Return the array of `Images.data`, of which any rows can be had at random."""
    return data.mapped() if isinstance(data, OnDisk) else data


def is_small(*arrays: OnDisk) -> bool:
    """Return whether arrays may as well be read as a whole."""
    return sum(array.nbytes for array in arrays) <= IN_MEMORY_BYTES


def in_memory_or_on_disk(array: OnDisk) -> Held:
    """Return a small array read, a large one as it is."""
    return np.asarray(array) if is_small(array) else array


def block_of(shape: Sequence[int], itemsize: int, stored: int) -> int:
    """Return how many rows to read at once: those that are stored together, as memory allows.

    Examples
    --------
    >>> block_of((1000, 8, 8, 1), 1, 100), block_of((1000, 2**12, 2**12, 1), 4, 100)
    (100, 1)
    """
    row = int(np.prod(shape[1:])) * itemsize
    return max(1, min(stored, BLOCK_BYTES // max(1, row)))


def release(array: Held) -> None:
    """Give back the memory of a large map that is only read: pages are read again if needed."""
    if isinstance(array, np.ndarray) and not array.flags.writeable and array.nbytes > LARGE:
        _drop(array)


def _root(array: Any) -> Any:
    """Return what an array is a view of."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array


def _drop(array: Any) -> None:
    array = _root(array)
    if isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        with suppress(OSError, ValueError):
            array.madvise(mmap.MADV_DONTNEED)
