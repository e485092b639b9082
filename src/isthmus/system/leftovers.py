"""Temporary files of runs that were killed: whose each is, and away with them."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import shutil
import sys
from contextlib import suppress
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
