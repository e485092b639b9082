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
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(f"~{path.suffix}", f".{path.name}.", path.parent)
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
    with _naming(path):
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
    """Raise before any work is done for something that could not be written there.

    Raises
    ------
    FileExistsError
        If something would be overwritten and `force` is not given.
    OSError
        If nothing can be written there.
    """
    path = Path(path)
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    with _naming(path), tempfile.TemporaryFile(dir=parent):
        pass
    empty_folder = path.is_dir() and not any(path.iterdir())
    if path.exists() and not force and not empty_folder:
        raise FileExistsError(f"{path} exists already; choose another name, or pass --force")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say in every error of the system what it was that could not be written."""
    try:
        yield
    except OSError as error:
        if "could not be written" in str(error):
            raise
        raise OSError(f"{path} could not be written: {error}") from error


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
