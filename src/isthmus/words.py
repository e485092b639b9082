"""What messages share: which words are allowed, and which one was perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def hint(name: Any, known: Iterable[str]) -> str:
    """Return what to add to a message about an unknown name: the nearest known one, if any.

    Examples
    --------
    >>> hint("mnits", ["digits", "mnist"])
    "; did you mean 'mnist'?"
    """
    near = difflib.get_close_matches(str(name).lower(), list(known), 1, 0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_of(name: str, value: Any, allowed: Iterable[str]) -> None:
    """Raise ValueError naming the nearest allowed value if `value` is not one of `allowed`."""
    allowed = list(allowed)
    if value not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ValueError(f"{name}={value!r} must be one of {listed}{hint(value, allowed)}")
