"""Families of one's own on the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Annotated

import typer

from isthmus import signature
from isthmus.cli.lazy import Lazy
from isthmus.families import allow, names

Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="MODULE",
        help="Import a module of your own, from here or installed: families that it registers are "
        "there, and files may name its classes. May be given several times.",
        show_default=False,
    ),
]


def import_allowed(modules: Iterable[str]) -> None:
    """Import modules that the user names, those in the current folder as well."""
    for module in modules:
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())  # last: nothing there takes the place of what is known
        allow(module)


class Families(Lazy):
    """The commands of all families, ours and those of one's own."""

    before = "fit "
    maker: Callable[[str], Callable[..., None]]

    @classmethod
    def made_by(cls, maker: Callable[[str], Callable[..., None]]) -> type[Families]:
        """Return the class of a group whose commands a function makes of the names."""
        return type(cls.__name__, (cls,), {"maker": staticmethod(maker)})

    def names(self) -> list[str]:
        """Return the names of all families."""
        return names()

    def make(self, name: str) -> Callable[..., None]:
        """Return the function that fits a family."""
        return self.maker(name)

    def caption(self, name: str) -> str:
        """Return what a family is, in a line."""
        return signature.caption(name)
