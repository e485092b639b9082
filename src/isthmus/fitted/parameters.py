"""What a file may say of the parameters of a model: values of the types that are declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from isthmus import signature
from isthmus.families import FAMILIES
from isthmus.system import schema as s

DEEPEST = 1000
"""Layers that a network of a file may have."""
KINDS = {
    "int": s.whole,
    "float": s.number,
    "bool": s.flag,
    "str": s.text,
    "None": lambda value: value is None,
    "tuple[int, ...]": s.rows(s.whole),
    "tuple[int, int]": s.rows(s.whole, 2),
    "tuple[float, float]": s.rows(s.number, 2),
}
"""Kinds of values by how a parameter is annotated; others are left to who uses them."""


def check_parameters(family: str, given: Mapping[str, Any]) -> None:
    """Refuse parameters of other types than a family of isthmus declares.

    Raises
    ------
    ValueError
        If one is.

    Examples
    --------
    >>> check_parameters("pca", {"n_components": 3, "solver": "auto"})
    >>> check_parameters("pca", {"n_components": "3"})
    Traceback (most recent call last):
    ...
    ValueError: the parameter n_components is '3', expected int | None
    """
    declared = (
        {one.name: one for one in signature.parameters(family)} if family in FAMILIES else {}
    )
    for name, value in given.items():
        if isinstance(value, list | tuple) and len(value) > DEEPEST:
            raise ValueError(f"the parameter {name} has {len(value):,} values")
        if one := declared.get(name):
            _check(one, value)


def _check(one: signature.Parameter, value: object) -> None:
    kinds = re.split(r" \| (?![^\[]*\])", one.annotation)
    free = not all(kind in KINDS for kind in kinds)
    if not free and not any(KINDS[kind](value) for kind in kinds):
        raise ValueError(
            f"the parameter {one.name} is {s.shown(value)}, expected {one.annotation}"
        )
    if type(value) is str and one.choices and not free and value not in one.choices:
        raise ValueError(
            f"the parameter {one.name} is {value!r}, expected one of {', '.join(one.choices)}"
        )
