"""Temporary files of runs that were killed: whose each is, and away with them."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

MARKER = ".isthmus"
"""The file in a folder that lists what isthmus wrote there: it may be replaced as a whole."""

NAMED = re.compile(
    r"\.(?P<name>.*)\.(?P<host>[0-9a-f]{6})-(?P<pid>\d+)-(?P<born>\d+)\.\w{8}(~.*)?"
)
"""Temporary names: of what, on which machine, by which process that began when."""

LONGEST = 100
"""Characters of a name that its temporary file shows: names of files end at 255 bytes."""

_swept: set[Path] = set()


def prefix_for(path: Path) -> str:
    """Return how the name of a temporary file for `path` begins, which says whose it is."""
    return f".{path.name[:LONGEST]}.{_host()}-{os.getpid()}-{_born(os.getpid())}."


def is_temporary(name: str) -> bool:
    """Return whether a name is one of a temporary file of isthmus.

    Examples
    --------
    >>> is_temporary(f"{prefix_for(Path('scores.csv'))}abcd1234~.csv"), is_temporary(".git")
    (True, False)
    """
    return NAMED.fullmatch(name) is not None


def sweep(folder: Path) -> None:
    """Delete what killed runs left in a folder, once a process.

    A folder that was whole, and killed in the moment of taking its place, takes it now.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> old = prefix_for(Path("scores.csv")).replace(f"-{os.getpid()}-", "-4194999-")
    >>> (folder / f"{old}abcd1234~.csv").touch()
    >>> sweep(folder)
    >>> list(folder.iterdir())
    []
    """
    folder = folder.absolute()
    if folder in _swept or not folder.is_dir():
        return
    _swept.add(folder)
    left = []
    with suppress(OSError), os.scandir(folder) as entries:
        left = [Path(entry.path) for entry in entries if is_temporary(entry.name)]
    # of two that were whole when a run was killed, the later one takes its place
    for path in sorted(left, key=_written, reverse=True):
        named = NAMED.fullmatch(path.name)
        if named and named["host"] == _host() and not _runs(int(named["pid"]), int(named["born"])):
            _clear(path, path.with_name(named["name"]))


@contextmanager
def claiming(path: Path | None) -> Iterator[None]:
    """Let nobody else write to a folder in the block who asks for it in this way.

    Raises
    ------
    ValueError
        If another process of this machine is at it.

    Examples
    --------
    >>> with claiming(Path("runs/digits")), claiming(Path("runs/digits")):
    ...     pass
    Traceback (most recent call last):
    ...
    ValueError: runs/digits is being written by another run: wait for it, or choose another name
    """
    mine = None if path is None else _claim_on(path)
    try:
        if mine is not None and any(map(partial(_is_before, mine=mine), _claims_like(mine))):
            raise ValueError(
                f"{path} is being written by another run: wait for it, or choose another name"
            )
        yield
    finally:
        if mine is not None:
            mine.unlink(missing_ok=True)


def _claim_on(path: Path) -> Path | None:
    """Return a new file that says whose a place is: where temporary files go, if that is there."""
    folder = Path(tempfile.gettempdir())
    name = hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]
    sweep(folder)
    with suppress(OSError):
        handle, made = tempfile.mkstemp("~claim", prefix_for(Path(name)), folder)
        os.close(handle)
        return Path(made)
    return None


def _claims_like(mine: Path) -> Iterator[Path]:
    """Yield the claims of others on the same place, if their processes still run."""
    for path in mine.parent.glob(f".{mine.name.split('.')[1]}.*~claim"):
        named = NAMED.fullmatch(path.name)
        same = named and named["host"] == _host() and path != mine
        if named and same and _runs(int(named["pid"]), int(named["born"])):
            yield path


def _is_before(other: Path, mine: Path) -> bool:
    """Return whether a claim came before another; of two at once both came before."""
    try:
        return other.stat().st_mtime_ns <= mine.stat().st_mtime_ns
    except FileNotFoundError:  # that run has ended
        return False


def _clear(left: Path, meant: Path) -> None:
    with suppress(OSError):  # another run may have swept it
        if not left.is_dir():
            left.unlink()
        elif (left / MARKER).is_file() and not meant.exists():
            left.replace(meant)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _written(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:  # another run has swept it
        return 0.0


def _runs(pid: int, born: int) -> bool:
    """Return whether a process still runs, and is not a later one of the same number."""
    return abs(_born(pid) - born) <= 2


def _born(pid: int) -> int:
    """Return when a process began, in seconds that no setting of the clock changes; 0 for none."""
    import psutil

    # Linux counts from when it was booted: a clock that is set moves both by as much
    zero = psutil.boot_time() if sys.platform == "linux" else 0.0
    try:
        return int(psutil.Process(pid).create_time() - zero)
    except (psutil.Error, ValueError, OverflowError):
        return 0


@functools.cache
def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]
