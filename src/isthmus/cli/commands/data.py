"""The command `data`: the named sets, or what is in a source."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import watched
from isthmus.cli.options import (
    AsJson,
    Bits,
    Color,
    Columns,
    Dtype,
    Ends,
    Force,
    LabelTable,
    Layout,
    Nth,
    Per,
    Resize,
    Size,
    ends_of,
    size_of,
)
from isthmus.cli.output import BROAD, changed_in, print_json, print_read, print_table

Looked = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="What to look at; none lists the named sets."),
]
Where = Annotated[
    list[Path] | None,
    typer.Option(
        "--out",
        "-o",
        help="Where to write: .png (contact sheet by class), .csv (every image), .json or a "
        "folder with all of it. May be given several times.",
        show_default="nowhere",
    ),
]
Cached = Annotated[
    bool, typer.Option("--cache", help="Show what of images and the explorer is kept on disk.")
]
Cleared = Annotated[bool, typer.Option("--clear", help="Delete what is kept, after showing it.")]
MOST_CLASSES = 15
"""Classes that are told of: what is understood is to fit a screen."""
OnSheet = Annotated[int, typer.Option("--count", "-n", help="Images on the contact sheet.")]


def data(
    source: Looked = None,
    output: Where = None,
    count: OnSheet = 120,
    size: Size = None,
    resize: Resize = None,
    color: Color = "auto",
    dtype: Dtype = "uint8",
    bits: Bits = None,
    layout: Layout = "auto",
    value_range: Ends = None,
    nth: Nth = None,
    per: Per = "image",
    labels: LabelTable = None,
    columns: Columns = None,
    cache: Cached = False,
    clear: Cleared = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Summarize a set of images and its defects; without SOURCE list the named sets."""
    if cache or clear:
        _look_at_cache(source, clear, as_json)
        return
    if not source:
        _list_sets(as_json)
        return
    from isthmus.verbs.survey import Survey, survey

    for path in output or ():
        Survey.check(path, force=force)
    given: dict[str, Any] = {"color": color, "dtype": dtype, "bits": bits, "layout": layout}
    given["value_range"] = ends_of(value_range)
    given |= {"nth": nth, "size": size_of(size), "resize": resize, "per": per}
    given |= {"labels": labels, "columns": columns}
    looked: Any = source if len(source) > 1 else source[0]
    found = survey(looked, count=count, **given, verbose=watched())
    written = [str(found.save(path, force=force)) for path in output or ()]
    if as_json:
        files = {"written": written} if written else {}
        print_json(files | found.record() | changed_in(found.images))
        return
    _say(found)
    for name in written:
        typer.echo(f"wrote {name}")


def _look_at_cache(source: list[str] | None, clear: bool, as_json: bool) -> None:
    from isthmus.cli.commands.cache import look

    if source:
        raise ValueError(f"--cache is about all sources: leave {' '.join(source)} out")
    look(clear=clear, as_json=as_json)


def _say(found: Any) -> None:
    from isthmus.data.described import by_reason, in_words, named
    from isthmus.verbs.survey import WORDS

    for name, value in found.scores.items():
        if name == "classes":
            _line(name, f"{len(value):,}: {named(value)}")
        elif name not in (*WORDS, "why skipped"):
            _line(name, in_words(value))
    if found.images.y is not None:
        rows = found.table()
        print_table(rows[:MOST_CLASSES])
        if len(rows) > MOST_CLASSES:
            typer.echo(f"... and {len(rows) - MOST_CLASSES:,} more, which --json and -o DIR have")
    for kind, words in WORDS.items():
        some = [each for each in found.findings if each["finding"] == kind]
        if some:
            like = (f"{each['image']} ({each['like']})" for each in some if each["like"])
            names = list(like) or [each["image"] for each in some]
            _line(f"{len(some):,}", f"{words}: {named(names)}")
    for why, names in by_reason(found.images.skipped):
        _line(f"{len(names):,}", f"skipped, {why}: {named(names)}")
    print_read(found.images)


def _line(head: str, words: str) -> None:
    """Print a fact under its name; in a terminal its further lines stand below the first."""
    wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else BROAD
    typer.echo(textwrap.fill(f"{head:>11}  {words}", max(wide, 40), subsequent_indent=" " * 13,
                             break_long_words=False, break_on_hyphens=False))  # fmt: skip


def _list_sets(as_json: bool) -> None:
    from isthmus.data.catalog import named_sets

    rows = [dict(zip(("set", "about", "where"), row, strict=True)) for row in named_sets()]
    print_json(rows) if as_json else print_table(rows)
