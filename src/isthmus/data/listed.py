"""Images that a table lists, by the names of their files or by their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import labelled
from isthmus.data.columns import Roles, Table, known_of, numbers_in, roles_of
from isthmus.data.decode import Rule
from isthmus.data.folder import Entry, entry_of_path, files_below, nothing_readable, pack
from isthmus.data.images import Images
from isthmus.data.names import Finder
from isthmus.data.table_files import table_in
from isthmus.system.files import note_read

FEWEST = 4
"""Columns of numbers that are taken for the values of images, where no column names files."""


def read_table(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the images that a table lists: their files lie beside it, or in folders below."""
    return images_of_table(table_in(path), str(path), path.parent, rule, verbose)


def images_of_table(
    table: Table, source: str, folder: Path, rule: Rule, verbose: bool | None = None
) -> Images:
    """Return the images of a table: of files, of numbers in a text, or of columns of numbers.

    Parameters
    ----------
    table : Table
        Columns by name.
    source : str
        What messages call it.
    folder : Path
        Where files lie that are not named by their whole path.
    rule : Rule
        How files are read; `columns` says what columns hold.
    verbose : bool, optional
        Whether to show progress.
    """
    roles = roles_of(table, rule.columns or {}, source)
    texts = next((n for n in roles.others if n.lower() == "pixels"), None)
    if texts is not None and isinstance(table[texts][0], str):
        return _of_texts(table, roles, texts, source)
    there = roles.image if roles.image is not None and _is_named(table[roles.image]) else None
    if there is None:
        return _of_numbers(table, roles, source)
    names = [str(cell) for cell in table[there]]
    return images_of_entries(entries_of(names, folder), table, roles, source, rule, verbose)


def _is_named(cells: Sequence[Any]) -> bool:
    return all(isinstance(cell, str | int | Path) or hasattr(cell, "item") for cell in cells[:20])


def images_of_entries(
    entries: Sequence[Entry],
    table: Table,
    roles: Roles,
    source: str,
    rule: Rule,
    verbose: bool | None,
    classes: list[str] | None = None,
) -> Images:
    """Return images of files, the rows of a table in its order, with what it says of them."""
    packed = pack(list(entries), rule, Path(source), verbose)
    kept = packed.kept.tolist()
    known = known_of(table, roles, kept, Path(source).name)
    names = [entries[row].name for row in kept]
    more = packed.known | {"names": names}
    labels = known.pop("labels", None)
    return with_attributes(labelled(Path(source), packed.data, labels, classes, **more), known)


def with_attributes(images: Images, known: dict[str, Any]) -> Images:
    """Return images that know what stood beside them."""
    images.attributes |= known["attributes"]
    images.factors |= known["factors"]
    images.meta |= known["meta"]
    if "is_test" in known:
        images.is_test = known["is_test"]
    return images


def entries_of(names: Sequence[str], folder: Path) -> list[Entry]:
    """Return the files that a table names: below its folder, by their whole path or its end.

    Raises
    ------
    ValueError
        If none is there, or one may be several.
    """
    paths = [Path(name).expanduser() for name in names]
    here = [path if path.is_absolute() else folder / path for path in paths]
    note_read(here)
    if all(path.is_file() for path in here):
        return [entry_of_path(path, name) for path, name in zip(here, names, strict=True)]
    there = {entry.name: entry for entry in files_below(folder)[0]}
    finder = Finder.of(list(there), str(folder))
    found: list[Entry] = []
    for path, name in zip(here, names, strict=True):
        rows = [] if path.is_file() else finder.rows(name)
        if len(rows) > 1:
            raise ValueError(f"{name!r} {finder.between(rows)}")
        found.append(there[finder.files[rows[0]]] if rows else entry_of_path(path, name))
    if not any(entry.stamp[0] >= 0 for entry in found):
        raise nothing_readable(folder, [(name, "there is no such file") for name in names])
    return found


def _of_texts(table: Table, roles: Roles, name: str, source: str) -> Images:
    """Return square images of the numbers in a text: "70 80 82 ..."."""
    rows = [np.array(text.split(), dtype=np.float64) for text in table[name]]
    side = int(len(rows[0]) ** 0.5)
    if {len(row) for row in rows} != {side * side}:
        raise ValueError(f"{source}: the lines of {name} are no square images of one size")
    pixels = np.stack(rows).reshape(-1, side, side)
    roles = roles._replace(others=tuple(each for each in roles.others if each != name))
    return _with(pixels, table, roles, source)


def _of_numbers(table: Table, roles: Roles, source: str) -> Images:
    """Return vectors of the columns of numbers; square images where these are called pixels."""
    columns = {name: numbers_in(table[name]) for name in roles.others}
    good = [name for name, values in columns.items() if values is not None]
    pixels = [name for name in good if name.lower().startswith("pixel")]
    good = pixels if len(pixels) >= FEWEST else good
    if len(good) < FEWEST:
        raise ValueError(
            f"{source} has the columns {', '.join(map(str, table))}, of which none names files of "
            "images: say which does, as columns='image=NAME' (--columns)"
        )
    data = np.stack([np.asarray(columns[name]) for name in good], axis=1)
    side = round(len(good) ** 0.5)
    data = data.reshape(-1, side, side) if pixels and side * side == len(good) else data
    return _with(data, table, roles._replace(others=()), source)


def _with(data: np.ndarray, table: Table, roles: Roles, source: str) -> Images:
    whole = data.min() >= 0 and data.max() <= 255 and not (data % 1).any()
    data = data.astype(np.uint8) if whole and data.ndim == 3 else data
    known = known_of(table, roles, range(len(data)), Path(source).name)
    return with_attributes(labelled(Path(source), data, known.pop("labels", None)), known)
