"""How much every command says: nothing but errors, what is usual, or what is logged as well."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from typing import Annotated, Any, get_type_hints

import typer

from isthmus.cli.options import taking
from isthmus.cli.output import TOLD

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but errors, and JSON if asked for.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print what is logged too: a line an epoch.")
]


def with_volume(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that can be told to say less, or more."""

    @wraps(command)
    def told(*, quiet: bool = False, verbose: bool = False, **given: Any) -> Any:
        from isthmus.data.cache import cache_folder
        from isthmus.data.evict import tidy
        from isthmus.system import progress

        tidy(cache_folder().parent)
        if quiet and verbose:
            raise ValueError("--quiet and --verbose contradict each other: give one of them")
        progress.begin()
        TOLD.set(set())
        with at(verbose - quiet, bool(given.get("as_json"))):
            return command(**given)

    hints, known = get_type_hints(command, include_extras=True), signature(command).parameters
    fields = [(name, hints[name], each.default) for name, each in known.items()]
    both = [("quiet", Quiet, False), ("verbose", Verbose, False)]
    return taking(told, [*fields, *both], command.__doc__ or "")


@contextlib.contextmanager
def at(volume: int, as_json: bool) -> Iterator[None]:
    """Say less (-1) or more (1) for a while; what is printed as JSON was asked for."""
    from isthmus.system.progress import SHOWN, logged

    before = SHOWN.set(volume > 0 or (volume == 0 and not as_json))
    try:
        with contextlib.ExitStack() as stack:
            if volume > 0:
                stack.enter_context(logged())
            elif volume < 0:
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(contextlib.redirect_stderr(nowhere))
                if not as_json:
                    stack.enter_context(contextlib.redirect_stdout(nowhere))
            yield
    finally:
        SHOWN.reset(before)
