"""What JSON of a file may hold: a kind for every name, checked before anything is made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

Kind = Callable[[object], bool]
"""Whether a value is of a kind; its name says which."""
Schema = Mapping[str, Kind]
"""Kinds by name; a name that ends in ? may be missing. Other names are left alone."""

LARGEST = 2**53
"""Whole numbers beyond it are none that isthmus writes: floats of other readers have them not."""


def whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number of a usual size."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST


def count(value: object) -> bool:
    """Return whether a value is a whole number, 0 or more."""
    return whole(value) and value >= 0


def positive(value: object) -> bool:
    """Return whether a value is a whole number, 1 or more."""
    return whole(value) and value >= 1


def number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number; NaN and infinity are."""
    return whole(value) or isinstance(value, float)


def finite(value: object) -> bool:
    """Return whether a value is a number, and neither NaN nor infinite."""
    return number(value) and math.isfinite(value)


def text(value: object) -> bool:
    """Return whether a value is text."""
    return isinstance(value, str)


def flag(value: object) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, bool)


def anything(value: object) -> bool:
    """Return True: the value is shown at most, or looked at by what checks it itself."""
    return True


def record(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a value is an object of JSON."""
    return isinstance(value, dict) and all(map(text, value))


def maybe(kind: Kind) -> Kind:
    """Return the kind of what may be null too."""
    return _named(lambda value: value is None or kind(value), f"{kind.__name__} or null")


def either(*kinds: Kind) -> Kind:
    """Return the kind of what is of one of several kinds."""
    names = " or ".join(kind.__name__ for kind in kinds)
    return _named(lambda value: any(kind(value) for kind in kinds), names)


def word(*allowed: object) -> Kind:
    """Return the kind of what is one of these."""
    listed = ", ".join(map(repr, allowed))
    return _named(
        lambda value: any(type(value) is type(a) and value == a for a in allowed), listed
    )


def rows(kind: Kind, length: int | None = None) -> Kind:
    """Return the kind of a list of things of one kind."""

    def holds(value: object) -> bool:
        if not isinstance(value, list | tuple) or length not in (None, len(value)):
            return False
        return all(kind(one) for one in value)

    return _named(holds, f"a list of {'' if length is None else f'{length} '}{kind.__name__}")


def table(kind: Kind) -> Kind:
    """Return the kind of an object whose values are of one kind."""
    return _named(
        lambda v: record(v) and all(map(kind, v.values())), f"of {kind.__name__} by name"
    )


def having(schema: Schema) -> Kind:
    """Return the kind of an object of this schema."""

    def holds(value: object) -> bool:
        return record(value) and not _wrong(value, schema)

    return _named(holds, f"an object with {', '.join(schema)}")


def checked(value: object, schema: Schema) -> dict[str, Any]:
    """Return an object of JSON if it is as a schema says.

    Raises
    ------
    ValueError
        If it is not; the first name is told that is missing or of another kind.

    Examples
    --------
    >>> checked({"source": "digits", "test": 3}, {"source": text, "test": count, "notes?": text})
    {'source': 'digits', 'test': 3}
    >>> checked({"source": 7}, {"source": text})
    Traceback (most recent call last):
    ...
    ValueError: 'source' is 7, expected text
    """
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} where an object was expected")
    if wrong := _wrong(value, schema):
        raise ValueError(wrong)
    return value


def read_json(content: str | bytes, schema: Schema) -> dict[str, Any]:
    """Return what a text of JSON holds if it is as a schema says.

    Raises
    ------
    ValueError
        If it is no JSON, or not as the schema says.
    """
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("JSON within JSON, too deep to be read") from None
    return checked(value, schema)


def _wrong(value: dict[str, Any], schema: Schema) -> str:
    """Return what is wrong with an object; "" if nothing is."""
    for field, kind in schema.items():
        name = field.removesuffix("?")
        if name not in value:
            if field == name:
                return f"{name!r} is missing"
        elif not kind(value[name]):
            return f"{name!r} is {shown(value[name])}, expected {kind.__name__}"
    return ""


def shown(value: object) -> str:
    """Return a value in one short line."""
    words = " ".join(repr(value)[:200].split())
    return words if len(words) <= 60 else f"{words[:57]}..."


def _named(kind: Kind, name: str) -> Kind:
    kind.__name__ = name
    return kind
