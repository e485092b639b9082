"""Attributes and factors as columns of files, whose names say which of the two they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from isthmus.data.packing import PackedImages

KINDS = {"attribute": "attributes", "factor": "factors"}
"""What the name of a column may begin with, and where that is kept in `Images`."""

NAMED = re.compile(r"(attribute|factor):(.+?)(?:\[(\d+(?:,\d+)*)\])?")


def is_told(name: str) -> bool:
    """Return whether the name of a column says that it is an attribute or a factor.

    Examples
    --------
    >>> is_told("factor:angle"), is_told("angle")
    (True, False)
    """
    return NAMED.fullmatch(name) is not None


def beside(images: PackedImages) -> dict[str, np.ndarray]:
    """Return attributes and factors by names that say which they are."""
    found = {f"attribute:{name}": values for name, values in images.attributes.items()}
    return found | {f"factor:{name}": values for name, values in images.factors.items()}


def flat_columns(images: PackedImages) -> dict[str, list[Any]]:
    """Return attributes and factors as columns of one value a row; "" of what is none.

    Examples
    --------
    >>> from isthmus import Images
    >>> flat_columns(Images(np.zeros((2, 4, 4)), factors={"at": [[1, 2], [3, 4]]}))
    {'factor:at[0]': [1, 3], 'factor:at[1]': [2, 4]}
    """
    columns: dict[str, list[Any]] = {}
    for name, values in beside(images).items():
        for place in np.ndindex(values.shape[1:]):
            at = f"[{','.join(map(str, place))}]" if place else ""
            columns[name + at] = values[(slice(None), *place)].tolist()
    return columns


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
            parts.setdefault((KINDS[match[1]], match[2]), {})[place] = _values(cells)
    found: dict[str, dict[str, np.ndarray]] = {kept: {} for kept in KINDS.values()}
    for (kept, name), by_place in parts.items():
        shape = tuple(np.max(list(by_place), axis=0).astype(int) + 1) if () not in by_place else ()
        every = [by_place[place] for place in np.ndindex(shape) if place in by_place]
        found[kept][name] = np.stack(every, -1).reshape(-1, *shape) if shape else every[0]
    return found


def _values(cells: Sequence[Any]) -> np.ndarray:
    """Return cells as numbers, NaN where there is none, or as text with "" there."""
    from isthmus.data.columns import labels_in

    there = labels_in(cells).tolist()
    if all(isinstance(cell, int) for cell in there):
        return np.array(there)
    if all(cell is None or isinstance(cell, int | float) for cell in there):
        return np.array([np.nan if cell is None else cell for cell in there], dtype=np.float64)
    return np.array(["" if cell is None else str(cell) for cell in there])
