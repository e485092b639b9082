"""The command `info`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import AsJson, Force, ModelFile
from isthmus.cli.output import print_json

Where = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Where to write: a .json file."),
]


def info(
    model: ModelFile, output: Where = None, force: Force = False, as_json: AsJson = False
) -> None:
    """Show what a model is: its family, what it was fitted on, its scores and versions."""
    from isthmus.metrics.units import short
    from isthmus.studies.info import Info
    from isthmus.studies.info import info as run

    if output is not None:
        Info.check(output, force=force)
    found = run(model)
    if output is not None:
        found.save(output, force=force)
    if as_json:
        print_json(found.record())
        return
    for name, value in found.scores.items():
        typer.echo(f"{name:>12}  {short(value)}")
