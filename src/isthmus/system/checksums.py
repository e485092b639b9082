"""Checksums of whole files, kept in the files themselves: any byte that changes is noticed."""

from __future__ import annotations

import hashlib
import zipfile
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


TAIL = b"isthmus checksum "
"""What stands before the checksum in the comment of a zip file."""
SEALED = b"sealed"
"""Comment of each member of such a file: so it cannot pass for one from before."""


def seal_zip(path: str | Path) -> None:
    """Write the checksum of a zip file, such as .npz, into its comment.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.zip"
    >>> with zipfile.ZipFile(path, "w") as archive:
    ...     archive.writestr("a", "whole")
    >>> is_whole_zip(path)
    >>> seal_zip(path)
    >>> is_whole_zip(path)
    True
    >>> _ = path.write_bytes(path.read_bytes().replace(b"whole", b"holes"))
    >>> is_whole_zip(path)
    False
    """
    with zipfile.ZipFile(path, "a") as archive:
        for member in archive.infolist():
            member.comment = SEALED
        archive.comment = TAIL + BLANK.encode()
    seal(path, Path(path).stat().st_size - DIGITS)


def is_whole_zip(path: str | Path) -> bool | None:
    """Return whether a zip file is as it was sealed; None if it never was.

    Raises
    ------
    BadZipFile
        If it is none.
    """
    end = Path(path).stat().st_size - DIGITS
    with Path(path).open("rb") as file:
        file.seek(max(0, end - len(TAIL)))
        if file.read(len(TAIL)) == TAIL:
            return is_whole(path, end)
    with zipfile.ZipFile(path) as archive:
        sealed = any(member.comment == SEALED for member in archive.infolist())
        return False if sealed or TAIL in archive.comment else None
