r"""The file of compressed images: sections of bytes behind a signature, a checksum at the end.

A file is ``\x89ISTH``, one byte of version, then sections (four bytes of length, the bytes), then
eight bytes of BLAKE2b over everything before. The first section is JSON. What a damaged file holds
is never looked at: the checksum is compared before anything else is read.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"\x89ISTH"
VERSION, WHOLE = 2, 1
"""Version of the layout that a reader knows; a newer file is refused. Files of whole images of one
size are written as the first, which older readers know; those of image files in tiles are 2."""
CHECKSUM = 8
"""Bytes of the checksum."""
BLOCK = 2**20
"""Bytes that are read at a time while the checksum is compared."""


def sections_of(
    header: dict[str, Any], sections: Iterable[bytes], version: int = WHOLE
) -> Iterator[bytes]:
    r"""Yield the bytes of a file with this header and these sections, a piece at a time.

    Examples
    --------
    >>> b"".join(sections_of({}, []))[:6]
    b'\x89ISTH\x01'
    """
    digest = hashlib.blake2b(digest_size=CHECKSUM)

    def seen(piece: bytes) -> bytes:
        digest.update(piece)
        return piece

    yield seen(MAGIC + bytes([version]))
    yield from (seen(_section(json.dumps(header).encode())),)
    for section in sections:
        yield seen(_section(section))
    yield digest.digest()


def _section(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


def read_sections(path: str | Path) -> tuple[dict[str, Any], Iterator[bytes]]:
    """Return the header of a compressed file and an iterator over its other sections.

    Parameters
    ----------
    path : str or Path
        The file; it is read once for its checksum and then section by section.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is something else, damaged, cut off, or written by a newer isthmus.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with path.open("rb") as file:
        _check(file, path)
    sections = _walk(path)
    return _header(next(sections, b""), path), sections


def _check(file: BinaryIO, path: Path) -> None:
    start = file.read(len(MAGIC) + 1)
    if start[:-1] != MAGIC:
        raise ValueError(f"{path} is not a file written by `isthmus compress`, or it is damaged")
    if start[-1] > VERSION:
        raise ValueError(
            f"{path} has file version {start[-1]}, this isthmus reads up to {VERSION}: upgrade "
            "isthmus, or it is damaged"
        )
    digest, left = hashlib.blake2b(start, digest_size=CHECKSUM), _content_end(path) - len(start)
    while left > 0:
        block = file.read(min(BLOCK, left))
        digest.update(block)
        left -= len(block) or left
    if left < 0 or file.read() != digest.digest():
        raise ValueError(f"{path} is damaged or was cut off: its checksum does not match")


def _content_end(path: Path) -> int:
    return path.stat().st_size - CHECKSUM


def _walk(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        place, end = file.seek(len(MAGIC) + 1), _content_end(path)
        while place < end:
            length = int.from_bytes(file.read(4), "little")
            place += 4 + length
            if place > end:
                raise ValueError(f"{path} is damaged: a section goes on beyond the end")
            yield file.read(length)


def _header(content: bytes, path: Path) -> dict[str, Any]:
    try:
        header = json.loads(content)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise ValueError(f"{path} is damaged: its header is no JSON object")
    return header


def packed(*arrays: np.ndarray) -> bytes:
    """Return arrays as one string of bytes: their lengths, then their values."""
    lengths = struct.pack(f"<{len(arrays)}I", *(array.nbytes for array in arrays))
    return lengths + b"".join(array.tobytes() for array in arrays)


def unpacked(content: bytes, *types: str) -> list[Any]:
    """Return the flat arrays of these types that `packed` made one string of.

    Raises
    ------
    ValueError
        If they are not what the string holds.

    Examples
    --------
    >>> import numpy as np
    >>> unpacked(packed(np.arange(3, dtype="<i4"), np.ones(2, dtype="<f2")), "<i4", "<f2")
    [array([0, 1, 2], dtype=int32), array([1., 1.], dtype=float16)]
    """
    import numpy as np

    start = 4 * len(types)
    if len(content) < start:
        raise ValueError("a section is too short")
    found = []
    lengths = struct.unpack(f"<{len(types)}I", content[:start])
    for length, kind in zip(lengths, types, strict=True):
        if start + length > len(content) or length % np.dtype(kind).itemsize:
            raise ValueError("a section is shorter than it says")
        found.append(np.frombuffer(content[start : start + length], dtype=kind))
        start += length
    return found
