"""Files that are either whole or not there, and values as a JSON file can hold them."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

RECORD = "command.json"
"""The file in a folder that says which command wrote it."""

_recorder: ContextVar[Callable[[Path], Any] | None] = ContextVar("recorder", default=None)


@contextmanager
def recording(known_of: Callable[[Path], Any]) -> Iterator[None]:
    """Leave in every folder that is written in the block what is known of its making."""
    token = _recorder.set(known_of)
    try:
        yield
    finally:
        _recorder.reset(token)


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
    ...     _ = temporary.write_text("whole", encoding="utf-8")
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
def replacing_folder(
    path: str | Path, *, force: bool = False, published: bool = False
) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` if the block succeeds.

    A command leaves its `RECORD` in it, which names paths of this machine: not in a folder that is
    to be published.

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
            if (known_of := _recorder.get()) and not published:
                words = json.dumps(known_of(path), indent=1)
                (temporary / RECORD).write_text(words, encoding="utf-8")
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


def save_table(path: Path, rows: list[dict[str, Any]], columns: Sequence[str] = ()) -> None:
    """Write rows with the same keys to a .csv file; where there may be none, say the columns."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns or list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def plain(
    value: Any,
    *,
    digits: int | None = None,
    finite: bool = False,
    unknown: Callable[[Any], Any] | None = None,
) -> Any:
    """Return a value as JSON can hold it, arrays and tuples as lists.

    Parameters
    ----------
    value : object
        Numbers, words, arrays, lists and dicts of them.
    digits : int, optional
        Significant digits that figures keep; all by default.
    finite : bool
        Turn NaN and infinity, which strict JSON does not know, into None.
    unknown : callable, optional
        What becomes of anything else, such as a random generator; None by default.

    Examples
    --------
    >>> plain({"size": (8, 8), 3: float("nan"), "x": 2 / 3}, digits=2, finite=True)
    {'size': [8, 8], '3': None, 'x': 0.67}
    """
    again: dict[str, Any] = {"digits": digits, "finite": finite, "unknown": unknown}
    if hasattr(value, "tolist"):  # an array, or one number of it
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(one, **again) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, **again) for one in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None if finite else value
        return value if digits is None else float(f"{value:.{digits}g}")
    if isinstance(value, str | int | None):
        return value
    return None if unknown is None else unknown(value)


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
