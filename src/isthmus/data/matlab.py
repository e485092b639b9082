"""MATLAB files up to version 7, read in Python: damaged ones end in an error, and never crash."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.cache import check_unpacked

NUMBERS = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
    16: "u1", 17: "u2", 18: "u4",
}  # fmt: skip
"""Types of data elements; the last three are text."""
TEXTS = {16: "utf-8", 17: "utf-16", 18: "utf-32"}
MATRIX, COMPRESSED = 14, 15
CELL, CHAR = 1, 4
ARRAYS = range(6, 16)
"""Classes of arrays of numbers."""
COMPLEX, LOGICAL = 0x800, 0x200
VERSION_4 = {0: "f8", 1: "f4", 2: "i4", 3: "i2", 4: "u2", 5: "u1"}
HEAD = 4096
"""Bytes of a variable that hold its name and its shape."""
MOST_BYTES = 2**32
"""What one variable of these versions may hold."""


class Variable(NamedTuple):
    """A variable of a file, of which only the head was read."""

    name: str
    shape: tuple[int, ...]
    kind: int
    flags: int
    content: Any  # called for its bytes
    order: str
    after: int  # where the numbers begin

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers as they are stored; object for what is no array of numbers."""
        if self.kind == CHAR:
            return np.dtype("U1")
        if self.kind not in ARRAYS or self.flags & COMPLEX:
            return np.dtype(object)
        if self.flags & LOGICAL:
            return np.dtype(bool)
        return _stored(_tag(self.content(HEAD), self.after, self.order)[0], self.order)

    def read(self) -> np.ndarray:
        """Return the values, as scipy does: with the type they are stored as."""
        if self.kind == CELL:
            return self._texts(self.content(HEAD * HEAD))
        kind, start, size, _ = _tag(self.content(HEAD), self.after, self.order)
        data = self.content(start + size)
        if kind in TEXTS:
            return _text(self._decoded(data[start : start + size], kind))
        stored = _stored(kind, self.order)
        if size != prod(self.shape) * stored.itemsize or start + size > len(data):
            raise ValueError(f"{self.name} of shape {self.shape} is not as long as it says")
        values = np.frombuffer(data, stored, prod(self.shape), start).reshape(
            self.shape, order="F"
        )
        if self.kind == CHAR:
            return _text(values)
        return (
            values.astype(bool)
            if self.flags & LOGICAL
            else values.astype(stored.newbyteorder("="))
        )

    def _decoded(self, data: bytes, kind: int) -> np.ndarray:
        """Return the characters of a text, each as its number."""
        text = data.decode(
            TEXTS[kind] + ("" if kind == 16 else {"<": "-le", ">": "-be"}[self.order])
        )
        if len(text) != prod(self.shape):
            raise ValueError(f"{self.name} of shape {self.shape} is not as long as it says")
        return np.array(list(map(ord, text)), np.int64).reshape(self.shape, order="F")

    def _texts(self, data: bytes) -> np.ndarray:
        """Return a cell array of text."""
        found, at = [], self.after
        for _ in range(prod(self.shape)):
            kind, start, size, at = _tag(data, at, self.order)
            cell = _variable(lambda _n, s=start, e=start + size: data[s:e], self.order)
            if kind != MATRIX or cell.kind != CHAR:
                raise ValueError(f"{self.name} is a cell array of other things than text")
            found.append("".join(cell.read().ravel().tolist()))
        return np.array(found).reshape(self.shape, order="F")


def variables(path: Path) -> dict[str, Variable]:
    """Return what a file of version 4 to 7 holds.

    Raises
    ------
    NotImplementedError
        If it is of version 7.3, which is HDF5.
    Exception
        If it is damaged.
    """
    with path.open("rb") as file:
        head = file.read(128)
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if order is None:
        found = _of_version_4(path.read_bytes())
    elif struct.unpack(order + "H", head[124:126])[0] == 0x0200:
        raise NotImplementedError("version 7.3")
    else:
        found = _of_version_5(path.read_bytes(), order)
    return {variable.name: variable for variable in found}


def _stored(kind: int, order: str) -> np.dtype:
    if kind not in NUMBERS:
        raise ValueError(f"numbers of type {kind}")
    return np.dtype(order + NUMBERS[kind])


def _of_version_5(data: bytes, order: str) -> Iterator[Variable]:
    at = 128
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        start, at = at + 8, at + 8 + size
        if at > len(data):
            raise ValueError("a variable goes on beyond the end of the file")
        if kind == COMPRESSED:
            yield _variable(_inflated(data[start:at]), order, skip=8)
        elif kind == MATRIX:
            yield _variable(lambda _n, s=start, e=at: data[s:e], order)
            at += -size % 8
        else:
            raise ValueError(f"a variable of type {kind}")


def _inflated(data: bytes) -> Callable[[int], bytes]:
    def content(most: int) -> bytes:
        check_unpacked("a variable", most, len(data))
        return zlib.decompressobj().decompress(data, most)

    return content


def _variable(content: Any, order: str, skip: int = 0) -> Variable:
    """Return a variable, whose content begins with flags, shape and name."""
    data = content(HEAD)
    _, start, size, at = _tag(data, skip, order)
    if size < 4:
        raise ValueError("a variable without flags")
    flags = struct.unpack_from(order + "I", data, start)[0]
    _, start, size, at = _tag(data, at, order)
    shape = struct.unpack_from(f"{order}{size // 4}i", data, start)
    _, start, size, at = _tag(data, at, order)
    name = data[start : start + size].decode("latin-1")
    if min(shape, default=-1) < 0 or len(shape) > 32 or prod(shape) > MOST_BYTES:
        raise ValueError(f"{name} of shape {shape}")
    return Variable(name, shape, flags & 0xFF, flags, content, order, at)


def _tag(data: bytes, at: int, order: str) -> tuple[int, int, int, int]:
    """Return type, start and size of an element, and where the next one is."""
    kind, size = struct.unpack_from(order + "II", data, at)
    if kind >> 16:  # up to four bytes lie in the tag itself
        return kind & 0xFFFF, at + 4, min(kind >> 16, 4), at + 8
    return kind, at + 8, size, at + 8 + size + -size % 8


def _of_version_4(data: bytes) -> Iterator[Variable]:
    at = 0
    while at + 20 <= len(data):
        order = "<" if 0 <= struct.unpack_from("<i", data, at)[0] < 5000 else ">"
        kind, rows, columns, imaginary, length = struct.unpack_from(order + "5i", data, at)
        number, is_text = kind % 100 // 10, kind % 10 == 1
        if kind // 1000 not in (0, 1) or number not in VERSION_4 or kind % 10 > 2 or length < 1:
            raise ValueError("no such header")
        stored = np.dtype(order + VERSION_4[number])
        start = at + 20 + length
        end = start + rows * columns * stored.itemsize * (2 if imaginary else 1)
        if min(rows, columns) < 0 or end > len(data):
            raise ValueError("a variable goes on beyond the end of the file")
        name = data[at + 20 : start].rstrip(b"\0").decode("latin-1")
        code = next(key for key, text in NUMBERS.items() if text == VERSION_4[number])
        element = (
            struct.pack(order + "II", code, rows * columns * stored.itemsize) + data[start:end]
        )
        flags = COMPLEX if imaginary or kind % 10 == 2 else 0  # sparse arrays are not read
        yield Variable(
            name, (rows, columns), CHAR if is_text else 6, flags, lambda _n, e=element: e, order, 0
        )
        at = end
    if at == 0:
        raise ValueError("no header")


def _text(codes: np.ndarray) -> np.ndarray:
    """Return rows of characters as text."""
    rows = codes.reshape(-1, codes.shape[-1]) if codes.size else np.zeros((1, 0), int)
    return np.array(["".join(map(chr, row)).rstrip() for row in rows.astype(np.int64).tolist()])
