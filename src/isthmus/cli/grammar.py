"""What every option means, wherever it stands: the page docs/command-line.md.

`python tests/grammar_page.py` writes its tables anew.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args

MEANINGS = {
    "--out": "Where to write. The suffix says what kind of file; a name without one is a folder.",
    "--count": "How many come out: images, neighbours, rows, latent dimensions.",
    "--split": "Which of the images: all of them, those to train on, or those held out.",
    "--images": "Which of the images: numbers from 0 as 3,17 or 0-9, or names of files.",
    "--size": "Height and width of the images: 64, or 48x64.",
    "--resize": "How images get their size: cut, padded, or stretched.",
    "--color": "Channels of the images: as the files are, or as the model was fitted; or told.",
    "--nth": "Take every so many-th frame of videos and animations, each as an image.",
    "--among": "A second source of images: where to look, what is ordinary, what codes are like.",
    "--labels": "Labels: a table of them, .csv or another; or how many of those there are.",
    "--columns": "What columns of a table hold, as image=photo,label=species,split=fold.",
    "--budget": "Time to take, as 90s, 5m or 1h; what there is by then is kept.",
    "--seed": "Seed of everything random.",
    "--repeats": "How often it is done, each time with another seed: scores are the means.",
    "--width": "Width of the code, in every family; the family's own name for it does as well.",
    "--force": "Overwrite what is there.",
    "--json": "Print JSON, for machines, on standard output; nothing else goes there.",
    "--quiet": "Print nothing but errors, and JSON if asked for.",
    "--verbose": "Print what is logged too: a line an epoch.",
    "--n-clusters": "How many clusters.",
    "--models": "Which models of a study, or families to study, by their names.",
    "--by": "By which of the ways listed it is done.",
    "--method": "By which of the methods listed it is done.",
    "--dims": "Which latent dimensions, from 0.",
    "--steps": "How many images one after another.",
    "--max-steps": "Optimiser steps, at most.",
    "--frozen": "Train the head only, and leave the encoder as it is.",
    "--epochs": "Passes over the images that are learnt from.",
    "--to": "Where it leads.",
    "--formats": "File formats to compare with, by their names.",
    "--overlap": "Share of a side by which tiles of a large image overlap, 0 to 0.9.",
    "--noise": "Noise: what kind, or how much.",
}
"""Options of several commands, each of which says more of it: what it means in all of them."""

EXCEPTIONS = {
    "--out": "`reproduce` goes on in a folder of its own.",
    "--count": "How many suit is another number for every command; `pick` takes a share too, as "
    "5%.",
    "--split": "`fit` learns from the part to train on, or nothing could be judged afterwards; "
    "`rd`, `disentangle`, and `denoise` where it adds noise, measure on the part held out.",
    "--labels": "`finetune` is about few, and takes 100; others take all there are.",
    "--width": "`som` has two sides, as 10,12.",
    "--n-clusters": "`cluster` may choose: auto.",
    "--by": "The ways are those of the command.",
    "--method": "The methods are those of the command.",
    "--dims": "`territory` lies in a plane of two; `traverse` takes the most useful.",
    "--noise": "A family's is a level; `denoise` and `territory` name kinds.",
    "--formats": "`compress` compares with those of photographs, `rd` with all.",
    "--repeats": "`study` fits again for as long as a budget lasts.",
    "--channels": "`pixelnet` has as many in every layer.",
}
"""Options whose type or default differs between commands, and why."""
BOTH = "It learns from one part of the images and is measured on the other."
WHOLE = "It is about the whole set."
STORED = "Its images are those of the study, read as they were then."
ONCE = "Every image is looked at once; `--images` and `--split` take fewer."
MADE = "It makes what it is asked for and no more: ask for fewer."
QUICK = "It fits nothing and takes seconds."
FEWER: dict[str, dict[str, str]] = {
    "--out": {
        "models": "It prints a short list.",
        "completion": "It prints a script for a shell.",
    },
    "--split": {
        **dict.fromkeys(("probe", "edit", "finetune", "study"), BOTH),
        **{"data": WHOLE, "report": STORED},
    },
    "--images": {"study": WHOLE, "data": WHOLE, "report": STORED},
    **{name: {"report": STORED} for name in ("--size", "--resize", "--color")},
    "--budget": {
        **{"fit pca": "Its few passes give nothing before the last.", "data": WHOLE},
        **dict.fromkeys(("encode", "reconstruct", "predict", "pick", "nearest"), ONCE),
        **dict.fromkeys(("decode", "decompress", "morph", "edit", "traverse"), MADE),
        **dict.fromkeys(("report", "models", "info", "completion"), QUICK),
        "rerun": "It takes the time that the command took which it does again.",
    },
    "--json": {"completion": "It prints a script for a shell."},
}
"""Options that commands with a SOURCE have (`--out` and `--json` all), but for these, and why."""
EVERYWHERE = ("--json", "--quiet", "--verbose")
"""Options of all commands."""


class Option(NamedTuple):
    """An option of a command: how it is spelled, its type, its default and its help."""

    flags: tuple[str, ...]
    kind: str
    default: Any
    help: str

    @property
    def spelled(self) -> list[str]:
        """What may be typed: `--x/--no-x` is two words, as is a flag that has no other name."""
        both = self.kind == "flag" and self.default and len(self.flags) == 1
        words = [word for flag in self.flags for word in flag.split("/")]
        return [*words, f"--no-{words[0][2:]}"] if both and len(words) == 1 else words

    @property
    def names(self) -> list[str]:
        """What it is called: the long spellings that commands share, or its first."""
        shared = [flag for flag in self.flags if flag in MEANINGS]
        return shared or [next(flag for flag in self.flags if flag[:2] == "--").split("/")[0]]


def commands(root: Any) -> dict[str, Callable[..., Any]]:
    """Return the functions of all commands by their names, in the order of help."""
    found: dict[str, Callable[..., Any]] = {}
    for name in root.list_commands(None):
        inner = {"": root.commands[name]}
        if name == "fit":
            inner = {f" {one}": each for one, each in root.commands[name].commands.items()}
        found |= {name + rest: command.callback for rest, command in inner.items()}
    return found


def options_of(command: Callable[..., Any]) -> Iterator[Option]:
    """Yield the options of a command."""
    for name, each in inspect.signature(command).parameters.items():
        told = _told(each)
        if told is None or _is_argument(told):
            continue
        first = (told.default,) if isinstance(told.default, str) else ()  # as typer reads it
        flags = (*first, *(told.param_decls or ())) or (f"--{name.replace('_', '-')}",)
        default = None if each.default is inspect.Parameter.empty else each.default
        yield Option(flags, _kind(get_args(each.annotation)[0]), default, told.help or "")


def _told(parameter: inspect.Parameter) -> Any:
    """Return what typer is told of a parameter."""
    return next((one for one in get_args(parameter.annotation) if hasattr(one, "callback")), None)


def _is_argument(told: Any) -> bool:
    return type(told).__name__ == "ArgumentInfo"


def reads_source(command: Callable[..., Any]) -> bool:
    """Return whether a command is given images to read."""
    told = filter(None, map(_told, inspect.signature(command).parameters.values()))
    words = ("named set", "Its images", "What to look at", "images to show")
    return any(_is_argument(one) and any(each in one.help for each in words) for one in told)


def _kind(annotation: Any) -> str:
    """Return the type of an option in words, whether it may be left out or not."""
    kinds = [each for each in get_args(annotation) if each is not type(None)]
    kind = kinds[0] if kinds and type(None) in get_args(annotation) else annotation
    names = {bool: "flag", int: "whole number", float: "number", str: "text"}
    return names.get(kind, "path")


def by_name(root: Any) -> dict[str, dict[str, Option]]:
    """Return every option by its name: the commands that have it, and what it is there."""
    found: dict[str, dict[str, Option]] = {}
    for name, command in commands(root).items():
        for option in options_of(command):
            for each in option.names:
                found.setdefault(each, {})[name] = option
    return found
