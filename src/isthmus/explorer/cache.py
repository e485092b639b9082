"""What the explorer has computed once, kept on disk, so that a second start is quick."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.cache import cache_folder, explained, key_of
from isthmus.data.evict import make_room, used
from isthmus.system.files import replacing

VERSION = 3
"""Of what is kept; another number, and everything is computed anew."""


class Cache:
    """A folder of files that are made when they are first asked for.

    Parameters
    ----------
    *facts
        What everything in it follows from, as JSON can hold it: others have another folder.
    root : Path, optional
        Where such folders lie; by default beside the packed images, in the user's cache.

    Examples
    --------
    >>> import tempfile
    >>> kept = Cache("example", root=Path(tempfile.mkdtemp()))
    >>> kept.path("note.txt", lambda: b"made").read_bytes()
    b'made'
    >>> kept.path("note.txt", lambda: b"not made again").read_bytes()
    b'made'
    """

    def __init__(self, *facts: object, root: Path | None = None):
        self.limited = root is None
        root = root or cache_folder().parent / "explorer"
        self.folder = root / key_of(VERSION, *facts)
        used(self.folder)
        self._locks: dict[str, threading.Lock] = {}
        self._sound: set[str] = set()  # looked at by this process

    def path(self, name: str, make: Callable[[], bytes]) -> Path:
        """Return the file of that name, after it was made if it was not there."""
        path = self.folder / name
        with self._locks.setdefault(name, threading.Lock()):
            if not (name in self._sound and path.is_file()) and not _is_whole(path):
                self._write(path, make())
            self._sound.add(name)
        return path

    def _write(self, path: Path, content: bytes) -> None:
        with explained():
            if self.limited and not self.folder.is_dir():
                make_room(self.folder.parent.parent, len(content))
            for place, part in ((path, content), (_sum(path), _digest(content))):
                with replacing(place) as temporary:
                    temporary.write_bytes(part)

    def array(self, name: str, make: Callable[[], np.ndarray]) -> Path:
        """Return the file of the values of an array: little-endian, row by row, nothing else."""
        return self.path(name, lambda: little_endian(make()))

    def facts(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what JSON can hold, made once."""
        path = self.path(f"{name}.json", lambda: json.dumps(make()).encode())
        return json.loads(path.read_bytes())


def _sum(path: Path) -> Path:
    return path.with_name(f"{path.name}.sum")


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()


def _is_whole(path: Path) -> bool:
    """Return whether a file is there as it was written."""
    try:
        return _sum(path).read_bytes() == _digest(path.read_bytes())
    except OSError:
        return False


def little_endian(array: np.ndarray) -> bytes:
    r"""Return the values of an array row by row, as every page and processor reads them.

    Examples
    --------
    >>> little_endian(np.array([1, 2], dtype=">u2"))
    b'\x01\x00\x02\x00'
    """
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
