"""IDX, the format of MNIST: a few big-endian bytes of header, then the numbers."""

from __future__ import annotations

import math
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import damage_explained, joined, labelled
from isthmus.data.cache import check_unpacked
from isthmus.data.decode import Rule
from isthmus.data.images import Images

TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
IMAGES = re.compile(r"(train|t10k|test)-images[-.]idx\d-ubyte(\.gz)?$")
HEADER_BYTES = 20
GZIP_MAGIC = b"\x1f\x8b"
GZIP = 31
"""What zlib calls a gzip header and checksum around the data."""


def read_idx(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read one IDX file of images, plain or gz, with the labels if they lie beside it."""
    return labelled(path, *_images_and_labels(path))


def read_idx_folder(folder: Path) -> Images:
    """Read the usual four IDX files, or the two of one part."""
    parts = idx_parts(folder)
    halves = [
        _images_and_labels(parts[part]) for part in ("train", "t10k", "test") if part in parts
    ]
    if len(halves) == 1 or "train" not in parts:
        return labelled(folder, *halves[0])
    return joined(folder, halves[:2], n_train=len(halves[0][0]))


def idx_parts(folder: Path) -> dict[str, Path]:
    """Return the IDX files of images in a folder, by part: train, and t10k or test.

    Raises
    ------
    ValueError
        If there are several sets in the folder.
    """
    parts: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if found := IMAGES.search(path.name):
            other = parts.setdefault(found[1], path)
            if other.name.removesuffix(".gz") != path.name.removesuffix(".gz"):
                raise ValueError(f"{folder} holds {other.name} and {path.name}: give one of them")
    return parts


def read_idx_array(path: Path) -> np.ndarray:
    """Return the numbers of one IDX file; those of a plain file stay on disk, memory-mapped."""
    with damage_explained(path, "IDX"):
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
            if not head.startswith(GZIP_MAGIC):
                return np.memmap(path, *_layout(head, path.stat().st_size))
            content = head + file.read()
        head = zlib.decompressobj(GZIP).decompress(content, HEADER_BYTES)
        dtype, _, offset, shape = _layout(head)
        check_unpacked(f"shape {shape}", offset + math.prod(shape) * dtype.itemsize, len(content))
        inflated = _inflated(content, offset + math.prod(shape) * dtype.itemsize)
        return np.frombuffer(inflated, dtype, offset=offset).reshape(shape)


def _layout(head: bytes, n_bytes: int | None = None) -> tuple[np.dtype, Any, int, tuple[Any, ...]]:
    """Return type, mode, offset and shape, as `np.memmap` takes them."""
    zeros, kind, ndim = struct.unpack_from(">HBB", head)
    if zeros or kind not in TYPES or not 1 <= ndim <= 4:
        raise ValueError(f"no such magic number: {zeros:04x}{kind:02x}{ndim:02x}")
    dtype, offset = np.dtype(TYPES[kind]), 4 + 4 * ndim
    shape = struct.unpack_from(f">{ndim}I", head, 4)
    if n_bytes is not None and n_bytes != offset + math.prod(shape) * dtype.itemsize:
        raise ValueError("not as long as its header says")
    return dtype, "r", offset, shape


def _inflated(content: bytes, n_bytes: int) -> bytes:
    """Return the content of a gzip file, and never more of it than there should be."""
    blocks = []
    while content:  # a gzip file may be several, one after the other
        inflate = zlib.decompressobj(GZIP)
        blocks.append(inflate.decompress(content, n_bytes + 1))
        if not inflate.eof:
            raise ValueError("not as long as its header says")
        content = inflate.unused_data.lstrip(b"\0")
    inflated = b"".join(blocks)
    if len(inflated) != n_bytes:
        raise ValueError("not as long as its header says")
    return inflated


def _images_and_labels(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    images = read_idx_array(path)
    if images.ndim < 2:
        raise ValueError(f"{path} holds labels: give the file of images, or the folder")
    name = re.sub(r"images([-.])idx\d", r"labels\1idx1", path.name).removesuffix(".gz")
    beside = [path.with_name(name), path.with_name(f"{name}.gz")]
    found = [p for p in beside if p != path and p.exists()]
    if not found or name == path.name.removesuffix(".gz"):
        return images, None
    labels = read_idx_array(found[0])
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{found[0]} holds {labels.shape} labels for {len(images)} images")
    return images, labels
