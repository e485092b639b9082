"""Image files given one by one: a file, several, those that a pattern matches, a list of paths."""

from __future__ import annotations

import glob
import os
import sys
from pathlib import Path
from typing import Any

from isthmus.data.decode import Rule
from isthmus.data.folder import Entry, entry_of_path, files_below, read_entries
from isthmus.data.images import Images
from isthmus.system.files import note_read

LIST = "-"
"""The source that is a list of paths, one a line, on standard input."""


def expanded(source: Any) -> Any:
    """Return a source as it is, or the list of files that a pattern or "-" stands for.

    Parameters
    ----------
    source : object
        What `isthmus.load_images` takes.

    Raises
    ------
    ValueError
        If nothing matches the pattern, or the list is empty.

    Examples
    --------
    >>> expanded("digits"), expanded(["a.png", "b.png"])
    ('digits', [PosixPath('a.png'), PosixPath('b.png')])
    """
    if isinstance(source, list | tuple) and source and all(map(_is_path, source)):
        several = len(source) > 1
        return [Path(each).expanduser() for each in source] if several else expanded(source[0])
    if not isinstance(source, str | Path):
        return source
    if str(source) == LIST:
        return _listed(sys.stdin.read())
    path = Path(source).expanduser()
    if not glob.has_magic(str(source)) or os.path.exists(path):
        return source
    found = sorted(glob.glob(str(path), recursive=True))
    if not found:
        raise ValueError(f"no file matches {str(source)!r}")
    return list(map(Path, found))


def listed(source: Any) -> list[str] | None:
    """Return the files that `expanded` made of a source, None of other sources.

    Examples
    --------
    >>> listed(expanded(["a.png", "b.png"])), listed("digits")
    (['a.png', 'b.png'], None)
    """
    if not isinstance(source, list) or not all(isinstance(each, Path) for each in source):
        return None
    return list(map(str, source)) or None


def _is_path(value: object) -> bool:
    return isinstance(value, str | Path)


def _listed(text: str) -> list[Path]:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("no paths on standard input: expected one a line")
    return [Path(line).expanduser() for line in lines]


def read_files(paths: list[Path], rule: Rule, verbose: bool | None) -> Images:
    """Read image files, and those in folders among them, as one folder that holds them all.

    They are called by their paths below the folder that all share.
    """
    folder, entries, hidden = entries_of(paths)
    images = read_entries(folder, entries, hidden, rule, verbose)
    source = paths[0] if len(paths) == 1 else folder
    images.source, images.meta = str(source), images.meta | {"folder": str(folder)}
    return images


def entries_of(paths: list[Path]) -> tuple[Path, list[Entry], list[tuple[str, str]]]:
    """Return the folder that all paths lie in, the files they are, and what is hidden in them."""
    note_read(paths)
    whole = {os.path.abspath(path): path for path in paths}  # each once
    folder = Path(_common([Path(path).parent for path in whole]))
    entries, hidden = list[Entry](), list[tuple[str, str]]()
    for place, path in whole.items():
        name = Path(place).relative_to(folder).as_posix()
        if not path.is_dir():
            entries.append(entry_of_path(path, name))
            continue
        inside, left_out = files_below(path)
        entries += [each._replace(name=f"{name}/{each.name}") for each in inside]
        hidden += [(f"{name}/{each}", why) for each, why in left_out]
    return folder, entries, hidden


def _common(folders: list[Path]) -> str:
    try:
        return os.path.commonpath(folders)
    except ValueError:  # on several drives
        raise ValueError("files on several drives: give those of one") from None


def file_of(images: Images, row: int) -> Path | None:
    """Return the file an image was read from; None if it is no file of its own.

    Examples
    --------
    >>> import isthmus as ist
    >>> file_of(ist.load_images("digits"), 0) is None
    True
    """
    if images.names is None:
        return None
    path = Path(images.meta.get("folder", images.source), str(images.names[row]))
    return path if path.is_file() else None
