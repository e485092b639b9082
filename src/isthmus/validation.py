"""What messages share: which words are allowed, which was perhaps meant, who can do it."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from isthmus.base import Representation

F = TypeVar("F", bound=Callable[..., Any])


def hint(name: object, known: Iterable[str]) -> str:
    """Return what to add to a message about an unknown name: the nearest known one, if any.

    Examples
    --------
    >>> hint("mnits", ["digits", "mnist"])
    "; did you mean 'mnist'?"
    """
    near = difflib.get_close_matches(str(name).lower(), list(known), 1, 0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_of(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raise ValueError naming the nearest allowed value if `value` is not one of `allowed`."""
    allowed = list(allowed)
    if value not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ValueError(f"{name}={value!r} must be one of {listed}{hint(value, allowed)}")


def able(model: Representation, verb: str) -> Callable[..., Any]:
    """Return a verb of a model, or say who has it."""
    if not model.can(verb):
        raise ValueError(f"{type(model).__name__} cannot {verb}; `isthmus models` lists who can")
    found: Callable[..., Any] = getattr(model, verb)
    return found


def renamed(**names: str) -> Callable[[F], F]:
    """Let a function be called by parameters as they were named, old to new, for one release.

    Examples
    --------
    >>> @renamed(X="images")
    ... def count(images):
    ...     return len(images)
    >>> count([1, 2])
    2
    """

    def decorated(function: F) -> F:
        @wraps(function)
        def called(*args: Any, **given: Any) -> Any:
            for old, new in names.items():
                if old in given:
                    message = f"{function.__name__}({old}=...) is called {new} now"
                    warnings.warn(message, DeprecationWarning, stacklevel=2)
                    given[new] = given.pop(old)
            return function(*args, **given)

        return called  # type: ignore[return-value]

    return decorated


def width_of(name: str, value: int | None, default: int, limits: Mapping[str, int]) -> int:
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
