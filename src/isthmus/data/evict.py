"""How large the cache may become: what lies in it, the oldest of which goes first."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from isthmus.system.leftovers import sweep

LIMIT = "20G"
"""Bytes that the cache takes, at most, unless ISTHMUS_CACHE_LIMIT says so."""
OURS = re.compile(r"([a-z]+-)?[0-9a-f]{32}")
"""Names in the cache: whatever else lies in such a folder is somebody else's."""
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Held(NamedTuple):
    """Something in the cache.

    Attributes
    ----------
    name : str
        "images/..." are packed images, "explorer/..." what the explorer has computed.
    paths : tuple of Path
        Its files or its folder.
    nbytes : int
        Bytes on the disk.
    used : float
        When it was last used, in seconds since 1970.
    """

    name: str
    paths: tuple[Path, ...]
    nbytes: int
    used: float


def limit() -> int:
    """Return how many bytes the cache may take.

    Raises
    ------
    ValueError
        If ISTHMUS_CACHE_LIMIT is no number of bytes.
    """
    given = os.environ.get("ISTHMUS_CACHE_LIMIT") or LIMIT
    return bytes_of(given)


def bytes_of(text: str) -> int:
    """Return how many bytes a text is.

    Examples
    --------
    >>> bytes_of("300M"), bytes_of("1.5 GB")
    (314572800, 1610612736)
    """
    found = re.fullmatch(r"\s*([\d.]{1,20})\s*([KMGT]?)(i?B)?\s*", text, re.IGNORECASE)
    try:
        if found:
            return int(float(found[1]) * UNITS[found[2].upper()])
    except ValueError:
        pass
    raise ValueError(f"ISTHMUS_CACHE_LIMIT={text!r} is no size: give one as 20G or 500M")


def cached(root: Path) -> list[Held]:
    """Return what lies in the cache, what was used longest ago first."""
    found = [*_packed(root / "images"), *_folders(root / "explorer")]
    return sorted(found, key=lambda held: held.used)


def tidy(root: Path) -> None:
    """Delete what killed runs left in the cache."""
    for folder in (root / "images", root / "explorer", *(root / "explorer").glob("*/")):
        sweep(folder)


def make_room(root: Path, nbytes: int) -> None:
    """Delete the oldest of the cache until there is room for so many bytes within its limit."""
    tidy(root)
    there = cached(root)
    over = sum(held.nbytes for held in there) + nbytes - limit()
    for held in there:
        if over <= 0:
            return
        over -= remove(held)


def remove(held: Held) -> int:
    """Delete something of the cache; return its bytes."""
    for path in held.paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):  # another run has, or a system that keeps it open
                path.unlink()
    return held.nbytes


def used(path: Path) -> None:
    """Note that something of the cache was used just now."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _packed(folder: Path) -> Iterator[Held]:
    """Yield packed images: an array, and what is known beside it."""
    by_stem: dict[str, list[Path]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        ours = OURS.fullmatch(path.stem) and path.suffix in (".npy", ".json")
        if ours and path.is_file():
            by_stem.setdefault(path.stem, []).append(path)
    for stem, paths in by_stem.items():
        yield _held(f"images/{stem}", tuple(paths), paths)


def _folders(folder: Path) -> Iterator[Held]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and OURS.fullmatch(path.name):
            files = [each for each in path.rglob("*") if each.is_file()]
            yield _held(f"explorer/{path.name}", (path,), [path, *files])


def _held(name: str, paths: tuple[Path, ...], counted: list[Path]) -> Held:
    stats = []
    for path in counted:
        with contextlib.suppress(OSError):  # another run has deleted it
            stats.append(path.stat())
    nbytes = sum(each.st_size for each in stats)
    return Held(name, paths, nbytes, max((each.st_mtime for each in stats), default=0.0))
