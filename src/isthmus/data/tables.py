"""Labels from a table: a column of names of images, and one of labels."""

from __future__ import annotations

import csv
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from isthmus.data.images import Images
from isthmus.data.names import Finder

NAMES = ("name", "file", "filename", "file_name", "image", "image_name", "path", "id", "image_id")
LABELS = ("label", "class", "y", "target", "category", "labels", "classname", "class_name")
"""What the columns may be called; of a table of two columns they are the first and the second."""
SHOWN = 3
"""Names that are told when they find no image."""


def with_labels(images: Images, path: str | Path) -> Images:
    r"""Return images with the labels of a table, and with these alone.

    The table has a line for every labelled image: a column of names as `Finder` finds them
    (of images without names their numbers), and one of labels. An empty label is none. Labels do
    not change which images are held out.

    Parameters
    ----------
    images : Images
        With names, or in the order of their numbers.
    path : str or Path
        A .csv or .tsv file; columns may be parted by commas, semicolons or tabs.

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
    finder, lost = Finder(images), []
    found: dict[int, str] = {}
    for name, label in _lines(Path(path)):
        rows = finder.rows(name)
        if len(rows) > 1:
            raise ValueError(f"{path}: {name!r} {finder.between(rows)}")
        if not rows:
            lost.append(name)
        elif found.setdefault(rows[0], label) != label:
            raise ValueError(f"{path}: {name!r} has the labels {found[rows[0]]} and {label}")
    if not found:
        names = ", ".join(lost[:SHOWN]) or "no line has a label"
        raise ValueError(f"{path}: no name finds an image of {images.source} ({names})")
    classes = sorted(set(found.values()), key=_in_order)
    y = np.full(len(images), -1)
    y[list(found)] = [classes.index(label) for label in found.values()]
    split = images.with_split().is_test  # as models have it that know no labels
    if lost:
        warnings.warn(
            f"{path}: {len(lost):,} names find no image of {images.source}, as {lost[0]}",
            stacklevel=2,
        )
    return replace(images, y=y, classes=classes, is_test=split)


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


def _in_order(label: str) -> tuple[float, str]:
    """Return a key by which numbers are sorted as numbers."""
    try:
        return float(label), label
    except ValueError:
        return float("inf"), label


def _lines(path: Path) -> list[tuple[str, str]]:
    """Return the names and labels in a table, those without a label left out."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    lines, comma = _parted(path)
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=comma)]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise ValueError(f"{path} is empty: expected a column of names and one of labels")
    name, label = _columns(path, rows[0])
    rows = [row for row in rows[1:] if len(row) > max(name, label)]
    return [(row[name], row[label]) for row in rows if row[label]]


def _parted(path: Path) -> tuple[list[str], str]:
    """Return the lines of a table, and what parts its columns: what its first line has most of."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # a spreadsheet of Windows
        text = raw.decode("cp1252", errors="replace")
    lines = text.splitlines()
    head = lines[0] if lines else ""
    return lines, max(",;\t", key=head.count)


def _columns(path: Path, head: list[str]) -> tuple[int, int]:
    called = [cell.lower() for cell in head]
    name = next((called.index(word) for word in NAMES if word in called), None)
    label = next((called.index(word) for word in LABELS if word in called), None)
    if name is not None and label is not None:
        return name, label
    if len(head) == 2:
        return 0, 1
    called_so = (f"{names[0]} (or {', '.join(names[1:4])})" for names in (NAMES, LABELS))
    raise ValueError(
        f"{path} has the columns {', '.join(head)}: {' and '.join(called_so)} are needed"
    )
