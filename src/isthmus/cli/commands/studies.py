"""The command `report`: that of a study made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import AsJson, Force
from isthmus.cli.output import print_json


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
