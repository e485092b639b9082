"""Attributes and factors as columns of files, whose names say which of the two they are."""

from __future__ import annotations

import re
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
