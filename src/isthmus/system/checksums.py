"""Checksums of whole files, kept in the files themselves: any byte that changes is noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

DIGITS = 32
"""Hexadecimal digits of a checksum, BLAKE2b of 16 bytes."""
BLANK = "0" * DIGITS
"""What stands in a file where its checksum is to be."""
BLOCK = 2**20
"""Bytes that are read at a time."""


def seal(path: str | Path, at: int) -> None:
    """Write the checksum of a file into it, where it says `BLANK`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> _ = path.write_text(f"<{BLANK}> whole")
    >>> seal(path, 1)
    >>> is_whole(path, 1), path.stat().st_size
    (True, 40)
    >>> _ = path.write_text(path.read_text().replace("whole", "hole"))
    >>> is_whole(path, 1)
    False
    """
    digits = _digest(path, at).encode()
    with Path(path).open("r+b") as file:
        file.seek(at)
        file.write(digits)


def is_whole(path: str | Path, at: int) -> bool:
    """Return whether the checksum that a file holds is that of its other bytes."""
    with Path(path).open("rb") as file:
        file.seek(at)
        said = file.read(DIGITS)
    return said == _digest(path, at).encode()


def _digest(path: str | Path, at: int) -> str:
    """Return the checksum of a file, were it blank where that stands."""
    digest = hashlib.blake2b(digest_size=DIGITS // 2)
    with Path(path).open("rb") as file:
        left = at
        while left > 0 and (block := file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
        file.seek(at + DIGITS)
        digest.update(BLANK.encode())
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
