"""What a table says of images that are read already: labels, split and attributes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import labelled
from isthmus.data.columns import (
    IMAGES,
    LABELS,
    ColumnsLike,
    Roles,
    Table,
    check_columns,
    is_missing,
    known_of,
    roles_of,
)
from isthmus.data.images import Images
from isthmus.data.names import Finder
from isthmus.data.table_files import table_in

SHOWN = 3
"""Names that are told when they find no image."""


def with_labels(images: Images, path: str | Path, columns: ColumnsLike | None = None) -> Images:
    r"""Return images with the labels of a table, and with these alone.

    The table has a line for every labelled image: a column of names as `Finder` finds them
    (of images without names their numbers), and one of labels. An empty label is none. Labels do
    not change which images are held out, unless a column of the table says that.

    Parameters
    ----------
    images : Images
        With names, or in the order of their numbers.
    path : str or Path
        A .csv or .tsv file, columns parted by commas, semicolons or tabs; .jsonl, .json (of COCO
        as well) or .parquet.
    columns : dict or str, optional
        Which column holds what, as ``label=species``: image, label, split.

    Raises
    ------
    ValueError
        If the columns are not told apart, no name finds an image, a name may be several, or an
        image has two labels.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> images = Images(np.zeros((9, 2, 2)), names=[f"{i}.png" for i in range(9)])
    >>> _ = Path(folder, "l.csv").write_text("name,label\n3.png,cat\n4,dog", encoding="utf-8")
    >>> labelled = with_labels(images, f"{folder}/l.csv")
    >>> labelled.classes, labelled.y.tolist()
    (['cat', 'dog'], [-1, -1, -1, 0, 1, -1, -1, -1, -1])
    """
    table, told = table_in(path), check_columns(columns)
    roles = _told_apart(table, roles_of(table, told, path), path)
    places = _places(images, table, roles, path)
    return said_by(images, table, roles, places, path)


def with_factors(images: Images, path: str | Path, columns: ColumnsLike | None = None) -> Images:
    r"""Return images with what the other columns of a table say of them, its labels too if any.

    The table has a line for every image and a column of names, as that of `with_labels`.

    Examples
    --------
    >>> import tempfile
    >>> path = f"{tempfile.mkdtemp()}/f.csv"
    >>> _ = Path(path).write_text("name,angle,size\n0,10,1\n1,20,3", encoding="utf-8")
    >>> found = with_factors(Images(np.zeros((2, 2, 2))), path)
    >>> {name: v.tolist() for name, v in found.attributes.items()}
    {'angle': [10, 20], 'size': [1, 3]}
    """
    table, told = table_in(path), check_columns(columns)
    roles = roles_of(table, told, path)
    if roles.image is None or not (roles.others or roles.label):
        raise ValueError(
            f"{path} has the columns {', '.join(table)}: expected one of names of images, and one "
            "for every factor"
        )
    return said_by(images, table, roles, _places(images, table, roles, path), path)


def _told_apart(table: Table, roles: Roles, path: str | Path) -> Roles:
    """Return what columns hold, having checked that names and labels are among them."""
    binary = [name for name in roles.others if len(set(map(str, table[name]))) <= 2]
    if roles.image is not None and (roles.label is not None or len(binary) > 1):
        return roles
    called_so = (f"{names[0]} (or {', '.join(names[1:4])})" for names in (IMAGES, LABELS))
    raise ValueError(
        f"{path} has the columns {', '.join(table)}: {' and '.join(called_so)} are needed, or say "
        "which they are, as columns='image=NAME,label=NAME' (--columns)"
    )


def _places(images: Images, table: Table, roles: Roles, path: str | Path) -> dict[int, int]:
    """Return which row of the table tells of which image."""
    finder, lost, places = Finder(images), list[str](), dict[int, int]()
    labels = None if roles.label is None else table[roles.label]
    named = [str(name) for name in table[roles.image or ""]]
    for row, name in enumerate(named):
        if labels is not None and is_missing(labels[row]) and roles.split is None:
            continue
        found = finder.rows(name)
        if len(found) > 1:
            raise ValueError(f"{path}: {name!r} {finder.between(found)}")
        if not found:
            lost.append(name)
            continue
        before = places.setdefault(found[0], row)
        if labels is not None and labels[before] != labels[row]:
            raise ValueError(f"{path}: {name!r} has the labels {labels[before]} and {labels[row]}")
    _say_lost(lost, bool(places), images, path)
    return places


def _say_lost(lost: list[str], any_found: bool, images: Images, path: str | Path) -> None:
    if not any_found:
        names = ", ".join(lost[:SHOWN]) or "no line has a label"
        raise ValueError(f"{path}: no name finds an image of {images.source} ({names})")
    if lost:
        warnings.warn(
            f"{path}: {len(lost):,} names find no image of {images.source}, as {lost[0]}",
            stacklevel=4,
        )


def said_by(
    images: Images, table: Table, roles: Roles, places: dict[int, int], path: str | Path
) -> Images:
    """Return images with what a table says of them; `places` are its rows by those of images."""
    rows = [places.get(row) for row in range(len(images))]
    known = known_of(table, roles, rows, Path(path).name)
    meta = images.meta | known["meta"]
    attributes = images.attributes | known["attributes"]
    factors = images.factors | known["factors"]
    fresh: dict[str, Any] = {"meta": meta, "attributes": attributes, "factors": factors}
    if "is_test" in known:
        fresh["is_test"] = known["is_test"]
    if roles.label is None:
        return replace(images, **fresh)
    told = labelled(Path(images.source), np.zeros((len(images), 1)), known["labels"])
    fresh["factors"] |= told.factors
    split = images.with_split().is_test  # as models have it that know no labels
    return replace(images, **{"is_test": split, "y": told.y, "classes": told.classes} | fresh)


def labels_of(images: Images) -> np.ndarray | None:
    """Return the labels of images as they were given: names of classes, or numbers; None if none.

    Classes that are called as their numbers are these numbers.

    Examples
    --------
    >>> images = Images(np.zeros((3, 2, 2)), y=[1, 0, 1], classes=["cat", "dog"])
    >>> labels_of(images).tolist(), labels_of(Images(images.data, y=images.y)).tolist()
    (['dog', 'cat', 'dog'], [1, 0, 1])
    """
    if images.y is None or not images.classes:
        return images.y
    classes = list(map(str, images.classes))
    return (
        images.y if classes == list(map(str, range(len(classes)))) else np.array(classes)[images.y]
    )
