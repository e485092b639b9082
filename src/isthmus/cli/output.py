"""What the command line says and writes: tables, JSON, arrays, sheets and folders of images."""

from __future__ import annotations

import json
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from isthmus.data.images import Images


BROAD = 2**20
"""Characters of a line where nobody looks at a terminal: in a file, or what reads a pipe."""
NARROWEST = 24
"""Characters that a column has to have room for: what is longer is folded where there is none."""


def print_table(rows: list[dict[str, Any]], rest: str = "") -> None:
    """Print rows with the same keys as a table: in a terminal the first columns that fit.

    Where some do not, a line says how many more there are, and `rest` where these are.
    """
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else BROAD)
    shown = fitting(rows, console.width)
    console.print(_table(rows, shown))
    if more := len(rows[0]) - len(shown):
        typer.echo(f"... {more:,} more column{'s' * (more > 1)}{rest and f' in {rest}'}")


def fitting(rows: list[dict[str, Any]], width: int) -> dict[str, int]:
    """Return the first columns that fit a width, one at least, and what each needs of it.

    Examples
    --------
    >>> fitting([{"name": "photo.jpg", "first": 0.25, "second": -0.125}], 22)
    {'name': 9, 'first': 5}
    """
    found: dict[str, int] = {}
    left = width
    for name in rows[0]:
        needs = min(NARROWEST, _longest(name, rows))
        left -= needs + 2 * bool(found)
        if left < 0 and found:
            return found
        found[name] = needs
    return found


def _longest(name: str, rows: list[dict[str, Any]]) -> int:
    return max(len(str(each)) for each in [name, *(row.get(name, "") for row in rows)])


def _table(rows: list[dict[str, Any]], shown: dict[str, int]) -> Any:
    """Return columns of rows as a table: of those that need all their room none is folded."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name, needs in shown.items():
        table.add_column(name, overflow="fold", no_wrap=_longest(name, rows) == needs)
    for row in rows:
        table.add_row(*(str(row.get(name, "")).replace("[", "\\[") for name in shown))
    return table


TOLD: ContextVar[set[str] | None] = ContextVar("told", default=None)
"""What a command has told already."""


def tell(line: str) -> None:
    """Write a line to standard error, once a command: a folder may be read several times."""
    told = TOLD.get()
    if told is None or line not in told:
        typer.echo(line, err=True)
    if told is not None:
        told.add(line)


def print_skipped(images: Any) -> None:
    """Say on standard error, once a command, which files could not be read, and why."""
    for name, reason in images.skipped[:10]:
        tell(f"skipped {name}: {reason}")
    if len(images.skipped) > 10:
        tell(f"skipped {len(images.skipped) - 10} more")
    print_read(images)


def print_read(images: Any) -> None:
    """Say on standard error by which depth values are read, and how many pixels have no data."""
    from isthmus.data.described import depth, no_data

    if (images.loading.get("bits") or 16) < 16:
        tell(f"isthmus: values are read by {depth(images)}")
    if {"no_data", "left_out"} & images.meta.keys() and (words := no_data(images)):
        more = "" if images.ndim == 2 else "; --per pixel leaves them out"
        tell(f"isthmus: {words}{more}")


def print_changed(*sets: Images) -> None:
    """Say on standard error how many images were changed to the shape they have, and how."""
    for sentence in changed_in(*sets).values():
        tell(f"isthmus: {sentence}")


def changed_in(*sets: Images) -> dict[str, str]:
    """Return what JSON says of images that were changed to the shape a model knows."""
    import numpy as np

    from isthmus.data.fitting import in_words

    known = [images for images in sets if images is not None]
    changed = [images.changed for images in known]
    several = len({images.shape[1:] for images in known}) > 1
    if several and len({images.source for images in known}) == 1:  # one source in its own sizes
        changed = [in_words(np.concatenate([images.changes for images in known]), None, ())]
    changed = [sentence for sentence in dict.fromkeys(changed) if sentence]
    return {"changed": "; ".join(changed)} if changed else {}


def print_json(value: object) -> None:
    """Print a value on one line, for machines."""
    typer.echo(json.dumps(value, default=str))


def say(path: Path, facts: dict[str, Any], as_json: bool, *sets: Images) -> None:
    """Say what was written, what was found, and in JSON what was done to the sets of images."""
    from isthmus.metrics.units import short

    if as_json:
        print_json({"file": str(path), **facts, **changed_in(*sets)})
        return
    for name, value in facts.items():
        typer.echo(f"{name:>12}  {short(value)}")
    typer.echo(f"wrote {path}")
