"""What messages share: which words are allowed, and which one was perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from numbers import Integral
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


def width_of(name: str, value: Any, default: int, limits: Mapping[str, int]) -> int:
    """Return the width that is asked for; of None the default, or as much as the limits allow.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : int or None
        Its value.
    default : int
        What None stands for, where the data allow it.
    limits : dict of str to int
        What it may be at most, each limit by name; {} for any number.

    Raises
    ------
    ValueError
        If more is asked for than a limit, or less than 1.

    Examples
    --------
    >>> width_of("n_components", None, 32, {"n_samples": 20, "n_features": 3})
    3
    """
    most = min(limits.values(), default=None)
    if value is None:
        return default if most is None else min(default, most)
    if isinstance(value, Integral) and 1 <= int(value) <= (most or int(value)):
        return int(value)
    if most is None:
        raise ValueError(f"{name}={value} must be a whole number of at least 1")
    listed = " and ".join(f"{limit}={number}" for limit, number in limits.items())
    listed = f"the smaller of {listed}" if len(limits) > 1 else listed
    raise ValueError(
        f"{name}={value} must be between 1 and {listed}; None takes as many as there can be, up "
        f"to {default}"
    )
