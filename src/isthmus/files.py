"""Files that are either whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block succeeds.

    Raises
    ------
    OSError
        If the folder cannot be written, or the disk is full; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "note.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> [file.name for file in folder.iterdir()]
    ['note.txt']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` if the block succeeds.

    Raises
    ------
    FileExistsError
        If `path` exists and is not an empty folder, unless `force`.
    """
    path = Path(path)
    refuse_existing(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_existing(path: str | Path, *, force: bool = False) -> None:
    """Raise FileExistsError if something would be overwritten and `force` is not given."""
    path = Path(path)
    empty_folder = path.is_dir() and not any(path.iterdir())
    if path.exists() and not force and not empty_folder:
        raise FileExistsError(f"{path} exists already; choose another name, or pass --force")


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
