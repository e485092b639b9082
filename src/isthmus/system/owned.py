"""Which files in a folder isthmus wrote: a list that it leaves there says so."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from isthmus.system.leftovers import MARKER, is_temporary

RECORD = "command.json"
"""The file in a folder that says which command wrote it."""

SCORES = "scores.json"
"""The file in a folder that says what the models of a study are worth."""

OLDER_MARKS = (RECORD, SCORES, "result.json", "data/manifest.json")
"""Files that only isthmus writes, by which folders from before there was a list are known."""

NOTE = "# isthmus wrote these files, and replaces them as a whole; it deletes no others"

OF_THE_SYSTEM = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Files that systems leave in any folder that is looked at."""


def stranger_in(folder: Path) -> str:
    """Return the name of a file that isthmus did not write in a folder; "" if there is none."""
    there = {name for name in names_below(folder) if Path(name).name not in OF_THE_SYSTEM}
    there = {name for name in there if not any(map(is_temporary, name.split("/")))}
    if MARKER in there:
        return min(there - listed_in(folder) - {MARKER}, default="")
    return "" if there.intersection(OLDER_MARKS) else min(there, default="")


def as_list(names: Iterable[str]) -> str:
    """Return the list of files that is left in a folder."""
    return "\n".join([NOTE, *sorted(names), ""])


def listed_in(folder: Path) -> set[str]:
    """Return the files that isthmus has noted in a folder as its own."""
    try:
        lines = (folder / MARKER).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return set()
    return set(filter(None, lines)) - {NOTE}


def names_below(folder: Path) -> set[str]:
    """Return the paths of all files in a folder, from there."""
    return {
        Path(root, name).relative_to(folder).as_posix()
        for root, _, files in os.walk(folder)
        for name in files
    }
