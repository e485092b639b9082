"""Commands written by hand: of verbs whose command is not made from their signature yet."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

HOMES = {
    "codec": ("compress", "decompress"),
    "data": ("data",),
    "denoising": ("denoise",),
    "explorer": ("export", "explore"),
    "reproduce": ("reproduce",),
    "studies": ("study", "report"),
}
"""Module to the commands in it."""


def commands() -> dict[str, Callable[..., None]]:
    """Return all of them by name."""
    return {
        name: getattr(import_module(f"isthmus.cli.commands.{module}"), name)
        for module, names in HOMES.items()
        for name in names
    }
