"""The verbs of the command line, by what they are about; `isthmus.cli` registers them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

HOMES = {
    "reproduce": ("reproduce",),
    "walks": ("morph", "edit", "traverse"),
    "maps": ("map", "nearest", "territory"),
}
"""Module to the commands in it."""


def commands() -> list[Callable[..., None]]:
    """Return all of them."""
    return [
        getattr(import_module(f"isthmus.commands.{module}"), name)
        for module, names in HOMES.items()
        for name in names
    ]
