"""Atomic writes of files, and values as a JSON file can hold them."""

from __future__ import annotations

import csv
import functools
import json
import math
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from isthmus.system.leftovers import MARKER, prefix_for, sweep
from isthmus.system.owned import (
    RECORD,
    SCORES,
    as_list,
    listed_in,
    names_below,
    stranger_in,
)

_recorder: ContextVar[Callable[[Path], Any] | None] = ContextVar("recorder", default=None)

_read: ContextVar[dict[str, str] | None] = ContextVar("read", default=None)
"""What is read, by its places on the disk, as it was called."""


@contextmanager
def recording(known_of: Callable[[Path], Any]) -> Iterator[None]:
    """Leave in every folder that is written in the block what is known of its making."""
    token = _recorder.set(known_of)
    try:
        yield
    finally:
        _recorder.reset(token)


def command_line() -> str | None:
    """Return the line of the command that is being carried out, None where there is none."""
    known_of = _recorder.get()
    return None if known_of is None else known_of(Path()).get("line")


@contextmanager
def reading(paths: Iterable[Path]) -> Iterator[None]:
    """Refuse in the block whatever would be written onto these files and folders, or around them.

    Examples
    --------
    >>> with reading([Path(".")]):
    ...     refuse_existing(".", force=True)
    Traceback (most recent call last):
    ...
    ValueError: . is what is to be read, and would be overwritten: choose another name
    """
    token = _read.set({})
    try:
        note_read(paths)
        yield
    finally:
        _read.reset(token)


def note_read(paths: Iterable[str | Path]) -> None:
    """Add files and folders to what is read in the block of `reading`, if there is one."""
    read = _read.get()
    if read is not None:
        read |= {os.path.realpath(path): str(path) for path in paths}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block succeeds.

    Where `path` is a link, what it leads to is replaced.

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
    path, place = Path(path), Path(os.path.realpath(path))
    with _naming(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(f"~{path.suffix}", _owned(place), place.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(
    path: str | Path, *, force: bool = False, published: bool = False
) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` if the block succeeds.

    A list of its files is left in it (`MARKER`). A command leaves its `RECORD` too, which names
    paths of this machine: not in a folder that is to be published.

    Raises
    ------
    FileExistsError
        If `path` exists and is not an empty folder, unless `force`; and even then if it holds
        anything that isthmus did not write.
    """
    path, place = Path(path), Path(os.path.realpath(path))
    refuse_existing(path, force=force, folder=True)
    with _naming(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_owned(place), dir=place.parent))
        try:
            yield temporary
            if (known_of := _recorder.get()) and not published:
                words = json.dumps(known_of(path), indent=1)
                (temporary / RECORD).write_text(words, encoding="utf-8")
            put_folder(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def put_folder(finished: Path, path: Path) -> None:
    """Rename a folder that is whole to `path`, in place of what isthmus wrote there before.

    Raises
    ------
    FileExistsError
        If there is anything at `path` that isthmus did not write.
    """
    with _naming(path):
        (finished / MARKER).write_text(as_list(names_below(finished) - {MARKER}), encoding="utf-8")
        finished.chmod(0o777 & ~_umask())
        # hours may have passed since it was first looked at
        refuse_existing(path, force=True, folder=True)
        place = Path(os.path.realpath(path))
        if place.exists():
            aside = place.with_name(f"{_owned(place)}{secrets.token_hex(4)}")
            place.replace(aside)
            finished.replace(place)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            finished.replace(place)


def enlist(folder: Path, names: Iterable[str]) -> None:
    """Note that isthmus is going to write files in a folder that it wrote, by their paths there.

    Examples
    --------
    >>> with replacing_folder(Path(tempfile.mkdtemp()) / "run") as folder:
    ...     enlist(folder, ["scores.csv"])
    ...     listed_in(folder)
    {'scores.csv'}
    """
    with replacing(folder / MARKER) as temporary:
        temporary.write_text(as_list(listed_in(folder) | set(names)), encoding="utf-8")


def refuse_existing(path: str | Path, *, force: bool = False, folder: bool | None = None) -> None:
    """Raise before any work is done for something that could not be written there.

    Parameters
    ----------
    path : str or Path
        What is to be written.
    force : bool
        Replace a file, or a folder that isthmus wrote.
    folder : bool, optional
        Whether it is a folder; it may be either by default.

    Raises
    ------
    ValueError
        If it is what a command reads.
    FileExistsError
        If something would be overwritten and `force` is not given, if a file is to take the place
        of a folder or a folder that of a file, or if a folder holds what isthmus did not write:
        that is never deleted.
    OSError
        If nothing can be written there.
    """
    path = Path(path)
    _refuse_input(path)
    above = next(each for each in Path(os.path.realpath(path)).parents if each.exists())
    with _naming(path), tempfile.TemporaryFile(dir=above):
        pass
    if not path.exists():
        return
    _refuse_kind(path, folder)
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.is_dir() and (stranger := stranger_in(path)):
        raise FileExistsError(
            f"{path} holds {stranger}, which isthmus did not write: not even --force replaces it; "
            "choose another name"
        )
    if not force:
        raise FileExistsError(f"{path} exists already; choose another name, or pass --force")


def _refuse_kind(path: Path, folder: bool | None) -> None:
    """Raise where a folder is in the way of a file, a file of a folder, or a device of either."""
    wanted = {None: "a file or a folder", True: "a folder", False: "a file"}[folder]
    there = "a folder" if path.is_dir() else "a file" if path.is_file() else "a device or a pipe"
    if there not in wanted:
        raise FileExistsError(
            f"{path} is {there}, and {wanted} is to be written: not even --force replaces it; "
            "choose another name"
        )


def _refuse_input(path: Path) -> None:
    """Raise where what is to be read, see `reading`, would be overwritten."""
    place = os.path.realpath(path)
    around = os.path.join(place, "")
    for other, called in (_read.get() or {}).items():
        if other == place or other.startswith(around):
            raise ValueError(
                f"{path} {'is' if str(path) == called else 'holds'} what is to be read, and would "
                "be overwritten: choose another name"
            )
        if place.startswith(os.path.join(other, "")) and _may_be_read(Path(place), Path(other)):
            raise ValueError(f"{path} is one of the files to be read: choose another name")


def _may_be_read(file: Path, folder: Path) -> bool:
    """Return whether a file in a folder is one that is read with it; of studies, what they wrote.

    Results that somebody put into the folder of a study beside that may be written anew.
    """
    study = (folder / SCORES).is_file()
    beside = study and file.relative_to(folder).as_posix() not in listed_in(folder)
    return file.is_file() and not beside


def save_array(path: str | Path, values: Any) -> None:
    """Write an array as a .npy file, or say why not.

    NumPy's own way writes to a file beside Python, and does not notice where the end of the array
    found no room.
    """
    import numpy as np

    with Path(path).open("wb") as file:
        np.save(_Writer(file.write), np.asarray(values), allow_pickle=False)


class _Writer(NamedTuple):
    """What is written to as to a file, and is none."""

    write: Callable[[bytes], int]


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


class Unwritten(OSError):
    """What could not be written, and why.

    Parameters
    ----------
    path : Path
        What was to be written; where that is a part of something, the whole.
    why : str
        What the system says.
    """

    def __init__(self, path: Path, why: str):
        super().__init__(f"{path} could not be written: {why}")
        self.why = why


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say in every error of the system what it was that could not be written."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError) and error.errno is None:  # our own, which says more
            raise
        raise Unwritten(path, _reason(error)) from error


def _reason(error: OSError) -> str:
    """Return what the system says of an error, which libraries put in words of theirs.

    Examples
    --------
    >>> _reason(OSError(28, "No space left on device", "/tmp/x"))
    'No space left on device'
    >>> _reason(OSError("Error while serializing: I/O error: File too large (os error 27)"))
    'File too large'
    """
    if isinstance(error, Unwritten):
        return error.why
    told = re.search(r"(?:os error|errno:?) (\d+)", str(error), re.IGNORECASE)
    number = error.errno or (told and int(told[1]))
    return os.strerror(number) if number else str(error)


def _owned(path: Path) -> str:
    """Return how the name of a temporary file begins, once those of ended runs are swept away."""
    sweep(path.parent)
    return prefix_for(path)


@functools.cache
def _umask() -> int:
    """Return the permissions that new files do not get, as seen on one: to ask would set them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "new").mkdir()
        return 0o777 & ~Path(folder, "new").stat().st_mode
