"""What arrays of a file may be: their sides by name, alike in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.system.schema import Kind, shown


@dataclass(frozen=True)
class Array:
    """An array: its sides by name, and the kinds of type it may be of.

    Examples
    --------
    >>> known = {"k": 3}
    >>> Array("n k").wrong(np.zeros((5, 3)), known), known["n"]
    ('', 5)
    >>> Array("n").wrong(np.zeros(4), known)
    'of shape (4,), expected [5]'
    """

    sides: str
    kinds: str = "f"

    def wrong(self, value: object, known: dict[str, int]) -> str:
        """Return what is wrong with a value, and note sides that are met for the first time."""
        sides = self.sides.split()
        if not isinstance(value, np.ndarray) or value.dtype.kind not in self.kinds:
            return f"{shown(value)} where an array of {self.sides} was expected"
        if value.ndim != len(sides):
            return f"of shape {value.shape}, expected {self.sides}"
        pairs = list(zip(sides, value.shape, strict=True))
        if any(known.setdefault(one, side) != side for one, side in pairs):
            return f"of shape {value.shape}, expected {[known[one] for one in sides]}"
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return "not finite"
        return ""


Declared = Mapping[str, Kind | Array]
"""Kinds and arrays by name; what a name with a ? says may be missing."""


def check_all(
    values: Mapping[str, Any], declared: Declared, known: dict[str, int], *, whole: bool = True
) -> None:
    """Refuse values of other kinds and shapes than declared; those of other names are let be.

    Parameters
    ----------
    values : dict
        By name.
    declared : dict
        What they may be.
    known : dict of str to int
        Sides that are known beforehand; others are noted there.
    whole : bool
        Whether everything has to be there, or only some of it.

    Raises
    ------
    ValueError
        If one is missing, or of another kind or shape.
    """
    for field, kind in declared.items():
        name = field.removesuffix("?")
        if name not in values:
            if whole and field == name:
                raise ValueError(f"{name} is missing")
        elif wrong := _wrong(kind, values[name], known):
            raise ValueError(f"{name} is {wrong}")


def _wrong(kind: Kind | Array, value: object, known: dict[str, int]) -> str:
    if isinstance(kind, Array):
        return kind.wrong(value, known)
    return "" if kind(value) else f"{shown(value)}, expected {kind.__name__}"
