"""The commands `study` (many families on one set of images) and `report` (theirs, again)."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import loading, watched
from isthmus.cli.options import (
    AsJson,
    Bits,
    Color,
    Dtype,
    Force,
    Layout,
    Per,
    Resize,
    Seed,
    Size,
    Source,
    seconds_of,
)
from isthmus.cli.output import print_answers, print_json, print_skipped, print_table


def study(
    context: typer.Context,
    source: Source,
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the report.", show_default="runs/SOURCE"),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Families, as kmeans,autoencoder-conv.", show_default="what suits"),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Time for everything: 90s, 5m, 1h.", show_default="by the images"),
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Numbers in a code.", show_default="32")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what would be fitted and why, and stop.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Write the report after every model.")
    ] = False,
    size: Size = None,
    resize: Resize = "crop",
    color: Color = "auto",
    dtype: Dtype = "uint8",
    bits: Bits = None,
    layout: Layout = "auto",
    per: Per = "image",
    seed: Seed = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Fit every family that suits, measure all on held-out images, write a report."""
    from isthmus.families import named
    from isthmus.studies.study import check_folder
    from isthmus.studies.study import study as run

    names = [name.strip() for name in models.split(",")] if models else None
    for name in names or ():
        named(name)
    given: dict[str, Any] = {
        "budget": seconds_of(budget), "width": width, "random_state": seed,
        "verbose": watched(as_json), "began": context.obj,
        **loading(size, resize, color=color, dtype=dtype, bits=bits, layout=layout, per=per),
    }  # fmt: skip
    if explain:
        _explain(source, names, given, as_json)
        return
    folder = output or Path("runs") / (Path(source).name or "study")
    check_folder(folder, force=force)

    def write(result: Any, again: bool = True) -> Path:
        result.command = shlex.join(["isthmus", *sys.argv[1:]])
        return result.report(folder, force=force or again)

    result = run(source, names, **given, watch=write if live else None)
    report = write(result, again=live)
    if as_json:
        print_json({"report": str(report), "scores": result.scores, "notes": result.notes})
        return
    if result.scores:
        print_answers(result)
    late = result.schedule.left_out  # a note says so
    _say_left_out({name: why for name, why in result.left_out.items() if name not in late})
    for note in result.notes:
        typer.echo(note)
    print_skipped(result.images)
    typer.echo(f"report: {report}")


def report(
    folder: Annotated[Path, typer.Argument(help="The folder of a study.", metavar="FOLDER")],
    source: Annotated[
        str | None,
        typer.Argument(
            help="Its images, if they lie elsewhere now.", show_default="where they were"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Another folder for it.", show_default="FOLDER itself"),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Make the report of a study again, with nothing fitted."""
    from isthmus.studies.stored import load_study

    page = load_study(folder, source).report(output or folder, force=force or output is None)
    print_json({"report": str(page)}) if as_json else typer.echo(f"report: {page}")


def _say_left_out(reasons: dict[str, str]) -> None:
    """Say which models are not fitted, every reason once."""
    grouped: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        grouped.setdefault(reason, []).append(name)
    for reason, names in grouped.items():
        typer.echo(f"left out: {', '.join(names)} ({reason}); --models fits what it names")


def _explain(source: str, names: list[str] | None, given: dict[str, Any], as_json: bool) -> None:
    from isthmus.studies.prepare import prepare

    prepared = prepare(source, names, **given)
    if as_json:
        print_json({"plan": prepared.plan, "notes": prepared.notes})
        return
    print_table(prepared.plan)
    _say_left_out(prepared.unsuited)
    for note in prepared.notes:
        typer.echo(note)
    typer.echo(prepared.schedule.announced(prepared.images.source))
