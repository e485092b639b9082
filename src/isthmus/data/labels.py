"""Labels of any kind as numbers and names of classes, or as attributes where they are several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.values import as_array
from isthmus.validation import hint

if TYPE_CHECKING:
    from isthmus.data.packing import PackedImages

TARGET = "target"
"""The factor that fractions are: they are no classes."""


LARGEST = 2.0**53
"""From here on floats are not exact, and no classes are counted."""


class Labels(NamedTuple):
    """What is known of every image: a class, a number as a factor, or several attributes."""

    y: np.ndarray | None = None
    classes: list[str] | None = None
    factors: Mapping[str, np.ndarray] = {}
    attributes: Mapping[str, np.ndarray] = {}


def labels_from(
    given: Any, classes: Iterable[object] | None = None, every: bool = False
) -> Labels:
    """Return labels as `Images` keep them.

    Parameters
    ----------
    given : array, list, Series, DataFrame or dict of columns
        Names, numbers or booleans; None, NaN, -1 and "" mean that an image has none. Rows of
        several columns, or lists of several names, become attributes; of columns in which exactly
        one is 1 in every row, it is the class.
    classes : list of str, optional
        What labels are called, in order; of several columns the names of these.
    every : bool
        Whether different numbers without names are classes of their own, as in files, -1 and 1
        too where they are all there is; else they stay the numbers of classes.

    Raises
    ------
    ValueError
        If labels are no numbers of the classes named, and none of their names.

    Examples
    --------
    >>> labels_from(["dog", None, "cat", "dog"])[:2]
    (array([ 1, -1,  0,  1]), ['cat', 'dog'])
    >>> labels_from([["red", "round"], ["red"], []]).attributes
    {'red': array([1, 1, 0]), 'round': array([1, 0, 0])}
    """
    names = None if classes is None else [str(name) for name in classes]
    given = as_array(given)
    if columns := columns_of(given, names):
        return _several(columns, names)
    if (of_type := getattr(given, "cat", given)) is not None and hasattr(of_type, "categories"):
        codes = np.array(of_type.codes, dtype=np.int64)
        kinds = [str(kind) for kind in of_type.categories]
        if names is None or names == kinds:
            return Labels(codes, kinds)
        given = np.array([None, *kinds], dtype=object)[codes + 1]
    values, missing = present(_column(given), every)
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        return _fractions(values, missing, names)
    if values.dtype.kind not in "biuf":
        return _named(values.astype(str), missing, names)
    if values.dtype.kind != "b" and _is_beyond(values):
        return _large(values, missing, names, every)
    if values.dtype.kind == "b" and names is None:
        return _named(values.astype(str), missing, ["False", "True"])
    return _numbered(values.astype(np.int64), missing, names, every)


def _is_beyond(values: np.ndarray) -> bool:
    """Return whether numbers are too large for those of classes."""
    return bool(len(values)) and float(np.abs(values.astype(np.float64)).max()) >= LARGEST


def _large(
    values: np.ndarray, missing: np.ndarray, names: list[str] | None, every: bool
) -> Labels:
    """Return whole numbers too large to count classes as names; refuse what is not exact."""
    if every and names is None and values.dtype.kind in "iu":
        return _named(values.astype(str), missing, None)
    wrong = values[np.abs(values.astype(np.float64)).argmax()]
    raise ValueError(
        f"y holds the label {wrong}, which is too large for the number of a class: give names "
        "instead, as text, or numbers from 0"
    )


def present(labels: np.ndarray, every: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels there are, as numbers or text, and where there is none."""
    kind = labels.dtype.kind
    missing = np.zeros(len(labels), dtype=bool)
    if kind in "OU":
        missing = np.array([_is_none(label) for label in labels], dtype=bool)
    elif kind == "f":
        missing = np.isnan(labels)
    there = labels[~missing]
    if kind == "O":
        there = np.array(there.tolist()) if len(there) else np.empty(0, int)
    if there.dtype.kind == "S":
        there = np.char.decode(there)
    signs = every and set(np.unique(there).tolist()) == {-1, 1}  # the signs are classes
    if there.dtype.kind in "if" and not signs:
        missing[~missing] = there == -1
        there = there[there != -1]
    return there, missing


def columns_of(given: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the columns of a table, a dict, rows, or lists of names; {} of one column."""
    if isinstance(given, Mapping):
        return {str(name): column for name, column in given.items()}
    if hasattr(given, "columns"):
        columns = {str(name): given[name] for name in given.columns}
        return columns if len(columns) > 1 else {}
    if _are_sets(given):
        found = sorted({str(name) for some in given for name in some})
        rows = [set(map(str, some)) for some in given]
        return {name: np.array([name in row for row in rows]) * 1 for name in names or found}
    nested = isinstance(given, list | tuple) and bool(given) and np.ndim(given[0]) == 1
    array = _column(given) if nested or isinstance(given, np.ndarray) else np.empty(0)
    if array.ndim != 2 or array.shape[1] < 2:
        return {}
    called = names if names and len(names) == array.shape[1] else map(str, range(array.shape[1]))
    return dict(zip(called, array.T, strict=True))


def attributes_from(given: Any) -> dict[str, np.ndarray]:
    """Return columns as attributes: numbers, or text with "" where there is none."""
    return {name: _attribute(column) for name, column in columns_of(given).items()}


def _attribute(column: Any) -> np.ndarray:
    values = np.asarray(as_array(column))
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind in "iufU":
        return values
    there = [None if _is_none(value) else value for value in values.tolist()]
    known = np.array([value for value in there if value is not None])
    if known.dtype.kind in "biuf":
        return np.array([np.nan if value is None else float(value) for value in there])
    return np.array(["" if value is None else str(value) for value in there])


def _column(given: Any) -> np.ndarray:
    if hasattr(given, "columns") and len(given.columns) == 1:
        given = given[given.columns[0]]
    try:
        values = np.asarray(as_array(given))
    except ValueError as error:
        raise ValueError(f"y: {error}; expected a label an image") from None
    return values.reshape(len(values)) if values.shape[1:] == (1,) else values


def _are_sets(given: Any) -> bool:
    """Return whether labels are lists of names, as many as an image has."""
    if isinstance(given, np.ndarray) and given.dtype != object:
        return False
    if not isinstance(given, list | tuple | np.ndarray) or not len(given):
        return False
    lists = all(isinstance(some, list | tuple | set | frozenset) for some in given)
    return lists and all(isinstance(name, str) for some in given for name in some)


def _several(columns: dict[str, Any], names: list[str] | None) -> Labels:
    attributes = {name: _attribute(column) for name, column in columns.items()}
    table = [values for values in attributes.values() if values.dtype.kind in "biuf"]
    if len(table) == len(attributes) > 1 and len({len(values) for values in table}) == 1:
        rows = np.stack(table, axis=1)
        if len(rows) and np.isin(rows, (0, 1)).all() and (rows.sum(1) == 1).all():
            return Labels(rows.argmax(1), names or list(attributes))
    return Labels(attributes=attributes)


def _named(values: np.ndarray, missing: np.ndarray, names: list[str] | None) -> Labels:
    kinds = sorted(set(values.tolist()), key=in_order)
    known = {name: number for number, name in enumerate(names or kinds)}
    unknown = [kind for kind in kinds if kind not in known]
    if unknown and all(kind.isdigit() and int(kind) < len(known) for kind in kinds):
        known, unknown = {kind: int(kind) for kind in kinds}, []
    if unknown:
        raise ValueError(
            f"y holds the label {unknown[0]!r}, which is none of the classes "
            f"{', '.join(list(known)[:5])}: give classes that name every label, or leave them out"
        )
    y = np.full(len(missing), -1)
    y[~missing] = [known[value] for value in values.tolist()]
    return Labels(y, names or kinds)


def _numbered(
    values: np.ndarray, missing: np.ndarray, names: list[str] | None, every: bool
) -> Labels:
    low, high = int(values.min(initial=0)), int(values.max(initial=-1))
    if names is None and (every or low < 0):
        kinds, values = np.unique(values, return_inverse=True)
        names = [str(kind) for kind in kinds.tolist()]
    elif names is not None and (low < 0 or high >= len(names)):
        wrong = low if low < 0 else high
        raise ValueError(
            f"y holds the label {wrong}, and classes names {len(names)}, that is 0 to "
            f"{len(names) - 1}: name every class, or leave classes out"
        )
    y = np.full(len(missing), -1)
    y[~missing] = values
    return Labels(y, names)


def _fractions(values: np.ndarray, missing: np.ndarray, names: list[str] | None) -> Labels:
    if names is not None:
        raise ValueError(
            f"y holds fractions as {values[values % 1 != 0][0]:g}, which are no classes: leave "
            "classes out, and they are kept as the factor 'target'"
        )
    factor = np.full(len(missing), np.nan)
    factor[~missing] = values
    return Labels(factors={TARGET: factor})


def _is_none(label: object) -> bool:
    """Return whether a label says that there is none: None, NaN, NaT, pandas' NA, or ""."""
    return label is None or str(label) in ("", "nan", "NaT", "<NA>")


def numbers_of(images: PackedImages, label: object) -> list[int]:
    """Return the numbers of a class or of several, given by name or number."""
    if images.y is None:
        raise ValueError(f"label={label!r}: {images.source} has no labels; give a set that has")
    classes = list(map(str, images.classes or []))
    several = list(label) if isinstance(label, list | tuple | set | np.ndarray) else [label]
    found = []
    for each in several:
        if isinstance(each, int | np.integer):
            found.append(int(each))
        elif str(each) in classes:
            found.append(classes.index(str(each)))
        else:
            few = ", ".join(classes[:5])
            raise ValueError(f"label={each!r}: the classes are {few}{hint(each, classes)}")
    return found


def in_order(label: str) -> tuple[float, str]:
    """Return a key by which numbers are sorted as numbers."""
    try:
        return float(label), label
    except ValueError:
        return float("inf"), label
