"""What `isthmus --help` shows, in the order a person needs it, and how options were spelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import typer

from isthmus import families, signature
from isthmus.cli.commands import by_hand, command
from isthmus.cli.lazy import Lazy
from isthmus.cli.record import noted
from isthmus.cli.verbs import command_of
from isthmus.cli.words import meant_by
from isthmus.verbs import COMMANDS, VERBS

TITLES = {
    "start": "Start",
    "use": "Use a model",
    "judge": "Judge a model",
    "explore": "Explore in the browser",
    "more": "More",
}
"""What a panel is called, by its word in VERBS, in the order a person needs them."""
OTHERS = {
    "start": ("fit", "report"),
    "use": ("export",),
    "judge": (),
    "explore": ("explore",),
    "more": ("models", "info", "rerun", "reproduce", "completion"),
}
"""Commands that are no verbs, and verbs whose command is not made from their signature yet."""
PANELS = {
    title: (*(name for name, verb in COMMANDS.items() if VERBS[verb].panel == key), *OTHERS[key])
    for key, title in TITLES.items()
}
"""Panel to its commands; one that is named nowhere comes at the end of the last."""
OLD = {
    "traverse": {"--start": "--images"},
    "edit": {"--strength": "--strengths"},
    "fit": {"--random-state": "--seed"},
    "finetune": {"--chart": "--out"},
    "map": {"--data": "--out", "--on": "--onto"},
    "nearest": {"-k": "-n"},
    "novelty": {"--reference": "--among"},
    "denoise": {"--reference": "--among"},
    "explore": {"--export": "--out", "--layout": "--maps"},
    "export": {"--layout": "--maps"},
    "cluster": {"--n": "--n-clusters", "-n": "--n-clusters"},
}
"""Command to options as they were spelled before; they go with the next release."""
OLD_EVERYWHERE = {"--rows": "--images", "--max-seconds": "--budget"}
"""The same of every command."""
OLD_VALUES = {"map": {"--color": ("--color-by", ("auto", "grey", "rgb"))}}
"""Command to options that are another one now, but with these values."""


class Panels(Lazy):
    """The commands in their panels, called as they are or as they were."""

    def names(self) -> list[str]:
        """Return the commands of verbs, and those written by hand."""
        return list(dict.fromkeys([*COMMANDS, *by_hand()]))

    def make(self, name: str) -> Callable[..., None]:
        """Return the function that is a command."""
        return noted(command(name) if name in by_hand() else command_of(COMMANDS[name]))

    def caption(self, name: str) -> str:
        """Return what a command does, in a line."""
        if name in by_hand():
            return (command(name).__doc__ or "").partition("\n")[0]
        verb = COMMANDS[name]
        return signature.function(verb, VERBS[verb].home).caption

    def panel(self, name: str) -> str:
        """Return the panel of a command, the last for one that is named nowhere."""
        homes = (panel for panel, names in PANELS.items() if name in names)
        return next(homes, list(PANELS)[-1])

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands in the order of the table."""
        known = [name for names in PANELS.values() for name in names if name in self.commands]
        return known + [name for name in self.commands if name not in known]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read words of a command line, options spelled as before as they are now."""
        if args[:1] == ["help"]:  # `isthmus help VERB`
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, list(spelled_now(args)))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of the first word, or say what is meant by it."""
        if args and args[0] not in self.commands:
            from difflib import get_close_matches

            known = list(self.commands)
            if words := meant_by(args[0], families.names(), known):
                ctx.fail(words)
            if not get_close_matches(args[0], known):
                ctx.fail(f"there is no command {args[0]!r}; isthmus --help lists what there is")
        return super().resolve_command(ctx, args)


def spelled_now(words: list[str]) -> Iterator[str]:
    """Yield words of a command line, and say on standard error which are spelled otherwise now.

    Examples
    --------
    >>> list(spelled_now(["fit", "pca", "digits", "-o", "p.safetensors"]))
    ['fit', 'pca', 'digits', '-o', 'p.safetensors']
    """
    renamed = OLD_EVERYWHERE | (OLD.get(words[0], {}) if words else {})
    special = OLD_VALUES.get(words[0], {}) if words else {}
    for word, following in zip(words, [*words[1:], ""], strict=False):
        old, sign, value = word.partition("=")
        if len(word) > 2 and word[0] == "-" and word[1] != "-":  # "-n5"
            old, sign, value = word[:2], "=", word[2:]
        new = renamed.get(old, old)
        if old in special and (value if sign else following) not in special[old][1]:
            new = special[old][0]
        if new == old:
            yield word
            continue
        typer.echo(f"isthmus: {words[0]} {old} is called {new} now", err=True)
        yield f"{new}{sign}{value}" if new[:2] == "--" else f"{new}{value}"
