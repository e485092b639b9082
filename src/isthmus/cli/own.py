"""Families of one's own on the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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


class Families(TyperGroup):
    """The commands of all families: those of one's own are made when they are asked for."""

    make: Callable[[str], Callable[..., None]]

    @classmethod
    def made_by(cls, make: Callable[[str], Callable[..., None]]) -> type[Families]:
        """Return the class of a group whose commands a function makes of the names."""
        return type(cls.__name__, (cls,), {"make": staticmethod(make)})

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all families."""
        return [*self.commands, *(name for name in names() if name not in self.commands)]

    def get_command(self, ctx: Any, name: str) -> Any:
        """Return the command of a family, None where there is no such family."""
        if name in self.commands or name not in names():
            return super().get_command(ctx, name)
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(name)(self.make(name))
        return typer.main.get_command(app)
