"""Commands written by hand: of verbs whose command is not made from their signature yet."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

HOMES = {
    "data": ("data",),
    "explorer": ("export", "explore"),
    "information": ("info",),
    "reproduce": ("reproduce",),
    "studies": ("report",),
}
"""Module to the commands in it."""


def by_hand() -> list[str]:
    """Return the names of all of them."""
    return [name for names in HOMES.values() for name in names]


def command(name: str) -> Callable[..., None]:
    """Return one by its name."""
    module = next(module for module, names in HOMES.items() if name in names)
    return getattr(import_module(f"isthmus.cli.commands.{module}"), name)
