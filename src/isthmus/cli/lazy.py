"""Groups whose commands are made when they are asked for: one call needs one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from isthmus.cli.volume import with_volume
from isthmus.cli.words import epilog_of, examples_of


class Command(TyperCommand):
    """A command whose usage is written as usual: SOURCE has to be given, [MODEL] may be."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage, each argument as it calls itself."""
        options = [self.options_metavar] if self.options_metavar else []
        names = [each.metavar for each in self.params if isinstance(each, TyperArgument)]
        return [*options, *(name or "" for name in names)]


class Commands(MutableMapping[str, Any]):
    """Commands by name, each made when it is first asked for.

    Parameters
    ----------
    group : Lazy
        Which knows their names, and how they are made.
    made : dict
        Commands that are there already.
    """

    def __init__(self, group: Lazy, made: dict[str, Any]):
        self.group, self.made = group, made

    def __getitem__(self, name: str) -> Any:
        if name not in self.made:
            if name not in self.group.names():
                raise KeyError(name)
            self.made[name] = self._built(name)
        return self.made[name]

    def _built(self, name: str) -> Any:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        told = with_volume(self.group.make(name))
        app.command(name, cls=Command, epilog=epilog_of(self.group.before + name))(told)
        command: Any = typer.main.get_command(app)
        command.rich_help_panel = self.group.panel(name)
        return command

    def __setitem__(self, name: str, command: Any) -> None:
        self.made[name] = command

    def __delitem__(self, name: str) -> None:
        del self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.group.names(), *self.made]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in list(iter(self))


class Lazy(TyperGroup):
    """A group that knows the names of its commands, and makes each when it is asked for."""

    commands: Any
    before = ""
    """Words that stand before the names of its commands."""

    def __init__(self, **given: Any):
        super().__init__(**given)
        self.commands = Commands(self, dict(self.commands))
        for name in self.commands.made:
            self.commands[name].rich_help_panel = self.panel(name)

    def names(self) -> list[str]:
        """Return the names of the commands that can be made."""
        raise NotImplementedError

    def make(self, name: str) -> Callable[..., None]:
        """Return the function that is a command."""
        raise NotImplementedError

    def caption(self, name: str) -> str:
        """Return what a command does, in a line."""
        return self.commands[name].help

    def panel(self, name: str) -> str | None:
        """Return the panel of help that a command stands in."""
        return None

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands in their order."""
        return list(self.commands)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read words; a command that has to be told more is answered by examples of it."""
        if len(args) == 1 and not ctx.resilient_parsing and self._needs_more(args[0]):
            name = self.before + args[0]
            lines = "".join(f"\n  {line}" for line in [*examples_of(name), f"isthmus help {name}"])
            typer.echo(f"isthmus {name} needs to be told more, as in{lines}", err=True)
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def _needs_more(self, name: str) -> bool:
        """Return whether a command has to be given something."""
        known = name in self.commands and not isinstance(self.commands[name], TyperGroup)
        return known and any(each.required for each in self.commands[name].params)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write help, for which names and captions are enough."""
        whole = self.commands
        self.commands = {name: self._brief(name) for name in self.list_commands(ctx)}
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = whole

    def _brief(self, name: str) -> Any:
        if name in self.commands.made:
            return self.commands[name]
        return TyperCommand(name, help=self.caption(name), rich_help_panel=self.panel(name))
