"""The verbs of the command line, by what they are about; `isthmus.cli.main` registers them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

HOMES = {
    "studies": ("study",),
    "codec": ("compress", "decompress", "rd"),
    "denoising": ("denoise",),
    "explorer": ("export", "explore"),
    "maps": ("map", "nearest", "territory"),
    "reproduce": ("reproduce",),
    "scores": ("probe", "cluster", "novelty"),
    "segments": ("segment",),
    "tuning": ("finetune",),
    "walks": ("morph", "edit", "traverse"),
}
"""Module to the commands in it."""


def commands() -> list[Callable[..., None]]:
    """Return all of them."""
    return [
        getattr(import_module(f"isthmus.cli.commands.{module}"), name)
        for module, names in HOMES.items()
        for name in names
    ]
