"""Packed arrays that are kept on disk: where they lie, and how they come to be there whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from isthmus.data.evict import make_room, used
from isthmus.system import schema
from isthmus.system.files import replacing

IN_MEMORY_BYTES = 64 * 2**20
"""What is computed and not larger than this is kept in memory."""


LARGE, MOST_RATIO = 2**26, 900
"""What unpacks to more than this, and is that many times smaller packed, was made to do harm:
deflate packs zeros 1,030 times smaller, and images of anything far less."""
SOME, NEVER = 2**24, 9 * MOST_RATIO
"""Nor does anything but harm pack less than that so many times smaller."""


def check_unpacked(what: str, said: int, there: int) -> None:
    """Raise ValueError if so many bytes cannot have been packed into as few as are there."""
    if (said > LARGE and said > MOST_RATIO * there) or (said > SOME and said > NEVER * there):
        raise ValueError(f"{what} is {said:,} bytes, {there:,} are there")


def memory_allowed() -> int:
    """Return how many bytes one packed set may take in memory: a quarter of what is free."""
    import psutil

    return psutil.virtual_memory().available // 4


def cache_folder() -> Path:
    """Return where packed sets are kept: ISTHMUS_CACHE, or the user's cache folder."""
    import platformdirs

    return Path(
        os.environ.get("ISTHMUS_CACHE") or platformdirs.user_cache_dir("isthmus"), "images"
    )


@contextmanager
def explained() -> Iterator[None]:
    """Name in every error of the system what moves the cache elsewhere."""
    try:
        yield
    except OSError as error:
        if "ISTHMUS_CACHE" in str(error):
            raise
        raise OSError(
            f"the cache cannot be written ({error}): set ISTHMUS_CACHE to a folder that can"
        ) from error


SAMPLES, BLOCK = 16, 4096
"""Places of a file that are looked at to know it again, and bytes at each."""


def sample_of(file: IO[bytes], nbytes: int) -> str:
    """Return a hash of parts of a file, evenly spaced, the first and last of them.

    Examples
    --------
    >>> import io
    >>> one, other = (sample_of(io.BytesIO(text), 4) for text in (b"abcd", b"abce"))
    >>> one == other
    False
    """
    found, last = hashlib.blake2b(digest_size=16), max(0, nbytes - BLOCK)
    for start in sorted({last * i // (SAMPLES - 1) for i in range(SAMPLES)}):
        file.seek(start)
        found.update(file.read(BLOCK))
    return found.hexdigest()


def stamp_of(path: Path) -> list[Any]:
    """Return what tells a file from what is there later: place, size, time, and parts of it."""
    stat = path.stat()
    with path.open("rb") as file:
        sample = sample_of(file, stat.st_size)
    return [str(path.absolute()), stat.st_size, stat.st_mtime_ns, sample]


def key_of(*facts: object) -> str:
    """Return a name for what follows from `facts`, which JSON can hold."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def held(
    name: str,
    shape: tuple[int, ...],
    dtype: np.typing.DTypeLike,
    fill: Callable[[np.ndarray], Any],
) -> np.ndarray:
    """Return the array that `fill` writes; a large one from the cache, where it was made before.

    Parameters
    ----------
    name : str
        Name in the cache; it has to change whenever the values would.
    shape, dtype
        Of the array.
    fill : callable
        Called with an empty array to write into.
    """
    if _size(shape, dtype) <= IN_MEMORY_BYTES:
        data = np.empty(shape, dtype)
        fill(data)
        return data
    path = cache_folder() / f"{name}.npy"
    if not _fits(path, shape, dtype) or facts_of(path, {}) is None:
        write_array(path, shape, dtype, fill)
        keep_facts(path, {})
    used(path)
    return np.load(path, mmap_mode="r")


KEPT: schema.Schema = {"array": schema.text, "check": schema.text}
"""What is noted beside every array: hashes of parts of it, and of what else is noted."""


def keep_facts(path: Path, facts: dict[str, Any]) -> None:
    """Note what JSON can hold beside an array of the cache, and how to know the array again."""
    with path.open("rb") as file:
        facts = facts | {"array": sample_of(file, path.stat().st_size)}
    with explained(), replacing(path.with_suffix(".json")) as beside:
        beside.write_text(json.dumps(facts | {"check": key_of(facts)}), encoding="utf-8")


def facts_of(path: Path, kinds: schema.Schema) -> dict[str, Any] | None:
    """Return what was noted beside an array of the cache; None if it or the array is damaged.

    Parameters
    ----------
    path : Path
        The array.
    kinds : schema
        What has to be noted.
    """
    try:
        content = path.with_suffix(".json").read_bytes()
        facts = schema.read_json(content, {**KEPT, **kinds})
        check = facts.pop("check")
        with path.open("rb") as file:
            whole = facts["array"] == sample_of(file, path.stat().st_size)
    except (OSError, ValueError):
        return None
    return facts if whole and check == key_of(facts) else None


def write_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.typing.DTypeLike,
    fill: Callable[[np.ndarray], Any],
) -> None:
    """Write a .npy file through a memory map that `fill` is called with.

    Raises
    ------
    OSError
        If there is too little room on the disk, or nothing can be written there.
    """
    needed = _size(shape, dtype)
    with explained():
        path.parent.mkdir(parents=True, exist_ok=True)
        make_room(path.parent.parent, needed)
        _write(path, shape, dtype, fill, needed)


def _write(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.typing.DTypeLike,
    fill: Callable[[np.ndarray], Any],
    needed: int,
) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise OSError(
            f"the packed images need {needed / 2**20:,.1f} MiB, and {path.parent} has only "
            f"{free / 2**20:,.1f} MiB free; ask for a smaller size, or set ISTHMUS_CACHE to a "
            "folder on a larger disk"
        )
    with replacing(path) as temporary:
        data = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
        with temporary.open("r+b") as file:
            take_room(file, temporary.stat().st_size)
        fill(data)
        data.flush()
        del data  # some systems do not rename an open file


def _size(shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> int:
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


def _fits(path: Path, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> bool:
    try:
        there = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return there.shape == shape and there.dtype == dtype


def take_room(file: IO[bytes], size: int) -> None:
    """Have the disk give the room of a whole file: to lack it later would end the program."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # some disks cannot be asked
            raise
