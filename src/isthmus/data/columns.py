"""What the columns of a table of images hold: images, labels, the split, attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from isthmus.data.beside import KINDS, NAMED, is_told
from isthmus.data.folder import TEST_NAMES, TRAIN_NAMES, split_of
from isthmus.data.formats import IMAGE_NAME
from isthmus.validation import hint, one_of

Table: TypeAlias = "dict[str, list[Any]]"
"""Columns of one length by their names."""
ColumnsLike: TypeAlias = "Mapping[str, str] | str"
"""Which column holds what, as {"label": "species"} or "label=species"."""

ROLES = ("image", "label", "split")
IMAGES = ("file_name", "filename", "file", "path", "filepath", "file_path", "image_path", "image",
          "img", "image_name", "name", "image_id", "id")  # fmt: skip
LABELS = ("label", "class", "y", "target", "category", "labels", "targets", "classname",
          "class_name", "cls")  # fmt: skip
SPLITS = ("split", "set", "subset", "partition", "part", "usage", "phase", "fold", "is_test",
          "is_train", "is_training", "is_training_image")  # fmt: skip
"""What columns may be called, in any case; of a table of two the first and the second."""
LOOKED_AT = 20
"""Cells by which it is told whether a column holds names of image files."""
MOSTLY = 0.75
"""Share of them that are such names, at least: a table may list other files too."""


class Roles(NamedTuple):
    """The names of the columns of images, labels and split, and of all others."""

    image: str | None
    label: str | None
    split: str | None
    others: tuple[str, ...]


def check_columns(columns: ColumnsLike | None) -> dict[str, str]:
    """Return which column holds what, as it was told.

    Examples
    --------
    >>> check_columns("image=path,label=species")
    {'image': 'path', 'label': 'species'}
    """
    if isinstance(columns, str):
        pairs = [part.partition("=")[::2] for part in columns.split(",")]
        columns = {role.strip(): name.strip() for role, name in pairs}
    told = dict(columns or {})
    for role, name in told.items():
        one_of("columns: the role", role, ROLES)
        if not isinstance(name, str) or not name:
            raise ValueError(f"columns={role}={name}: expected the name of a column")
    return told


def roles_of(table: Table, told: Mapping[str, str], source: object) -> Roles:
    """Return which column holds what: as it was told, else by their names and first cells.

    A column alone beside those of images and split is that of labels.

    Examples
    --------
    >>> table = {"Species": ["cat", "dog"], "photo": ["a.jpg", "b.jpg"], "age": [1, 2]}
    >>> roles_of(table, {"label": "Species"}, "x.csv")
    Roles(image='photo', label='Species', split=None, others=('age',))
    """
    head = list(table)
    for role, name in told.items():
        if name not in head:
            raise ValueError(
                f"{source} has no column {name!r} for the {role}: it has {_listed(head)}"
                f"{hint(name, head)}"
            )
    left = [name for name in head if name not in told.values() and not is_told(name)]
    image = told.get("image") or _image_column(table, left)
    left = [name for name in left if name != image]
    label = told.get("label") or _called(left, LABELS)
    left = [name for name in left if name != label]
    split = told.get("split") or _split_column(table, left)
    left = [name for name in left if name != split]
    if label is None and len(left) == 1 and image is not None and not _are_lists(table[left[0]]):
        label = left.pop()  # what else could it be
    return Roles(image, label, split, tuple(left))


def _image_column(table: Table, names: Sequence[str]) -> str | None:
    """Return the column of names of files: one that holds some, or is called so."""
    called = [name for word in IMAGES for name in names if plain_name(name) == word]
    files = [name for name in (*called, *names) if holds_files(table[name])]
    return next(iter([*files, *called, *(names[:1] if len(table) == 2 else [])]), None)


def holds_files(cells: Sequence[Any]) -> bool:
    """Return whether cells are names of image files, most of them."""
    some = [cell for cell in cells[:LOOKED_AT] if not is_missing(cell)]
    names = [Path(each).name for each in some if isinstance(each, str | Path)]
    files = sum(bool(IMAGE_NAME.fullmatch(name)) for name in names)
    return 0 < files >= MOSTLY * len(some)


def plain_name(name: str) -> str:
    """Return the name of a column as the lists of names here have them.

    Examples
    --------
    >>> plain_name(" File Name"), plain_name("Class-Name")
    ('file_name', 'class_name')
    """
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def with_tags(table: Table) -> Table:
    """Return a table with a column of 0 and 1 for every word in place of lists of words.

    Examples
    --------
    >>> with_tags({"x": [1, 2, 3, 4], "tags": [["a", "b"], ["b"], [], ["a"]]})
    {'x': [1, 2, 3, 4], 'a': [1, 0, 0, 1], 'b': [1, 1, 0, 0]}
    """
    found: Table = {}
    for name, cells in table.items():
        several = _are_lists(cells) and (_are_words(cells) or plain_name(name) in LABELS)
        tags = tags_in(name, cells, table) if several else None
        found |= {name: cells} if tags is None else tags
    return found


def tags_in(
    name: str, rows: Sequence[Any], taken: Iterable[str], words: Sequence[str] | None = None
) -> dict[str, list[int]] | None:
    """Return lists of words as 0 and 1 by word; None where most words occur only once."""
    sets = [set() if row is None else set(map(str, row)) for row in rows]
    every = sorted(set().union(*sets)) if words is None else words
    if words is None and len(every) > max(2, len(sets) / 2):
        return None
    other = {*taken, *IMAGES, *LABELS, *SPLITS}
    called = {w: f"{name} {w}" if {w, plain_name(w)} & other else w for w in every}
    return {called[word]: [int(word in row) for row in sets] for word in every}


def _are_lists(cells: Sequence[Any]) -> bool:
    """Return whether cells are lists, as far as there are any."""
    there = [cell for cell in cells if cell is not None]
    return bool(there) and all(isinstance(cell, list | tuple) for cell in there)


def _are_words(cells: Sequence[Any]) -> bool:
    return all(isinstance(word, str) for cell in cells for word in cell or ())


def _called(names: Iterable[str], words: Sequence[str]) -> str | None:
    lower = {plain_name(name): name for name in reversed(list(names))}
    return next((lower[word] for word in words if word in lower), None)


def _split_column(table: Table, names: Sequence[str]) -> str | None:
    """Return the column that is called as a split and can be read as one."""
    name = _called(names, SPLITS)
    return name if name is not None and held_out(table[name], name) is not None else None


def held_out(cells: Sequence[Any], name: str) -> np.ndarray | None:
    """Return which rows are held out, None where a column does not say so.

    Of words those of `split_of`; true and false, 1 and 0 where the name says of what; 0, 1 and 2
    for train, validation and test in a partition.

    Examples
    --------
    >>> held_out(["Training", "PublicTest", "test"], "Usage").tolist()
    [False, True, True]
    >>> held_out(["1", "0"], "is_train").tolist()
    [False, True]
    """
    words = [_as_part(str(cell)) for cell in cells]
    lower, found = plain_name(name), set(words)
    if lower.startswith("is_") and found <= {"0", "1", "true", "false"}:
        says = np.array([word in ("1", "true") for word in words])
        return says if lower == "is_test" else ~says
    if lower == "partition" and {"0", "2"} <= found <= {"0", "1", "2"}:
        words = [{"0": "train", "1": "val", "2": "test"}[word] for word in words]
    return split_of(words)


def _as_part(word: str) -> str:
    """Return a part of the split as folders are called: "PublicTest" is a test."""
    lower = word.strip().lower()
    return next((part for part in ("test", "train") if lower.endswith(part)), lower)


def told_split(cells: Sequence[Any], name: str, source: object) -> np.ndarray:
    """Return which rows are held out by a column, having checked that it says so."""
    found = held_out(cells, name)
    if found is None:
        values = sorted(set(map(str, cells)))
        raise ValueError(
            f"{source}: the column {name} holds {_listed(values)}, and no split: expected "
            f"{min(TRAIN_NAMES)} and {min(TEST_NAMES)}"
        )
    return found


def known_of(
    table: Table, roles: Roles, rows: Sequence[int | None], source: object
) -> dict[str, Any]:
    """Return what a table says of images, each a row of it or none, as `Images` take it."""
    known: dict[str, Any] = {"meta": {}}
    if roles.label is not None:
        known["labels"] = labels_in([_at(table[roles.label], row) for row in rows])
        known["meta"]["labels_from"] = f"column {roles.label} of {source}"
    if roles.split is not None:
        is_test = told_split(table[roles.split], roles.split, source)
        known["is_test"] = np.array([row is not None and bool(is_test[row]) for row in rows])
        known["meta"]["split_from"] = f"column {roles.split} of {source}"
    columns = {name: [_at(table[name], row) for row in rows] for name in roles.others}
    found = {name: attribute_in(cells) for name, cells in columns.items()}
    said = {name: [_at(cells, row) for row in rows] for name, cells in table.items()}
    kept = from_columns({name: cells for name, cells in said.items() if is_told(name)})
    known["attributes"] = {n: each for n, each in found.items() if each is not None}
    known["attributes"] |= kept["attributes"]
    return known | {"factors": kept["factors"]}


def _at(cells: Sequence[Any], row: int | None) -> Any:
    return None if row is None else cells[row]


def is_missing(cell: Any) -> bool:
    """Return whether a cell says nothing.

    Examples
    --------
    >>> [is_missing(cell) for cell in (None, " ", "NaN", float("nan"), 0)]
    [True, True, True, True, False]
    """
    if isinstance(cell, str):
        return cell.strip().lower() in ("", "nan", "<na>")
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, float | np.floating) and bool(cell != cell)


def labels_in(cells: Sequence[Any]) -> np.ndarray:
    """Return labels as numbers where all are, else as text; None where there is none.

    Examples
    --------
    >>> labels_in(["10", "", "9"]).tolist(), labels_in(["01", "2"]).tolist()
    ([10, None, 9], ['01', '2'])
    """
    found = [None if is_missing(cell) else _plain(cell) for cell in cells]
    there = [cell for cell in found if cell is not None]
    if any(isinstance(cell, str) for cell in there):
        words = list(map(str, there))
        there = _all_as(int, words) or _all_as(float, words) or words
    labels = np.full(len(found), None, object)
    labels[[cell is not None for cell in found]] = there
    return labels


def _plain(cell: Any) -> Any:
    """Return a cell as Python has it."""
    cell = cell.item() if hasattr(cell, "item") and np.ndim(cell) == 0 else cell
    if isinstance(cell, list | tuple | dict):
        return str(cell)
    return cell.strip() if isinstance(cell, str) else cell


def _all_as(kind: type, words: Sequence[str]) -> list[Any]:
    """Return words as numbers, none if one is not written as a number is."""
    try:
        numbers = [kind(word) for word in words]
    except ValueError:
        return []
    exact = list(map(str, numbers)) == list(words)  # "01" is a name
    return numbers if exact or (kind is float and any("." in word for word in words)) else []


def numbers_in(cells: Sequence[Any]) -> np.ndarray | None:
    """Return a column of numbers, NaN where there is none; None where it holds other things.

    Examples
    --------
    >>> numbers_in(["1", "2"]).tolist(), numbers_in(["1.5", ""]).tolist(), numbers_in(["a"])
    ([1, 2], [1.5, nan], None)
    """
    try:
        values = np.array([np.nan if is_missing(cell) else float(cell) for cell in cells])
    except (TypeError, ValueError):
        return None
    if not len(values) or np.isnan(values).all():
        return None
    whole = np.isfinite(values).all() and not (values % 1).any() and abs(values).max() < 2**53
    return values.astype(np.int64) if whole else values


def attribute_in(cells: Sequence[Any]) -> np.ndarray | None:
    """Return a column of numbers, or of words that occur again; None of names and sentences.

    Examples
    --------
    >>> attribute_in(["red", "", "red", "blue"]).tolist(), attribute_in(["a", "b", "c"]) is None
    (['red', '', 'red', 'blue'], True)
    """
    numbers = numbers_in(cells)
    if numbers is not None:
        return numbers
    words = ["" if is_missing(cell) else str(cell) for cell in cells]
    kinds = set(words) - {""}
    return np.array(words) if kinds and len(kinds) <= len(words) / 2 else None


def _listed(words: Iterable[str], most: int = 12) -> str:
    words = list(words)
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def from_columns(columns: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, np.ndarray]]:
    """Return what `flat_columns` wrote as "attributes" and "factors"; other columns are left.

    Examples
    --------
    >>> from_columns({"factor:at[0]": ["1", "3"], "factor:at[1]": ["2", "4"], "x": [0, 0]})
    {'attributes': {}, 'factors': {'at': array([[1, 2],
           [3, 4]])}}
    """
    parts: dict[tuple[str, str], dict[tuple[int, ...], np.ndarray]] = {}
    for name, cells in columns.items():
        if match := NAMED.fullmatch(name):
            place = tuple(map(int, match[3].split(","))) if match[3] else ()
            parts.setdefault((KINDS[match[1]], match[2]), {})[place] = _as_column(cells)
    found: dict[str, dict[str, np.ndarray]] = {kept: {} for kept in KINDS.values()}
    for (kept, name), by_place in parts.items():
        shape = tuple(np.max(list(by_place), axis=0).astype(int) + 1) if () not in by_place else ()
        every = [by_place[place] for place in np.ndindex(shape) if place in by_place]
        found[kept][name] = np.stack(every, -1).reshape(-1, *shape) if shape else every[0]
    return found


def _as_column(cells: Sequence[Any]) -> np.ndarray:
    """Return cells as numbers, NaN where there is none, or as text with "" there."""
    there = labels_in(cells).tolist()
    if all(isinstance(cell, int) for cell in there):
        return np.array(there)
    if all(cell is None or isinstance(cell, int | float) for cell in there):
        return np.array([np.nan if cell is None else cell for cell in there], dtype=np.float64)
    return np.array(["" if cell is None else str(cell) for cell in there])
