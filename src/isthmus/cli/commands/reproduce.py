"""The command `isthmus reproduce`, by hand: it works in a folder, and says what it does there.

It has the parameters of `isthmus.reproduce` under the same names, which a test holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.inputs import watched
from isthmus.cli.options import AsJson, Budget, Seed, seconds_of
from isthmus.cli.output import print_json, print_table
from isthmus.system.stops import STOPS


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Recipes, or the letters of decks; none lists them.", metavar="[NAME...]"
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All recipes.")] = False,
    folder: Annotated[Path, typer.Option("--out", "-o", help="Folder of all results.")] = Path(
        "runs/reproduce"
    ),
    share: Annotated[
        float, typer.Option(help="Share of the work: 0.01 is a rehearsal, marked as such.")
    ] = 1.0,
    seed: Seed = 0,
    budget: Budget = None,
    force: Annotated[
        bool, typer.Option("--force", help="Do again what was done; write the page anew.")
    ] = False,
    document: Annotated[
        Path | None,
        typer.Option(help="Write this page (.md) from the results found.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the settings of published slide decks, and keep their pictures and figures.

    What was done is left alone; what was stopped goes on where it was.
    """
    from isthmus.reproduction.reproduce import reproduce as run

    if not (names or every or document):
        _list(folder, as_json)
        return
    results: list[dict[str, Any]] = []

    def watch(result: dict[str, Any]) -> None:
        results.append(result)
        if not as_json:
            typer.echo(_line(result, folder / result["recipe"]))

    given: dict[str, Any] = {"every": every, "folder": folder, "share": share, "seed": seed}
    given["budget"] = None if budget is None else seconds_of(budget, "--budget")
    try:
        found = run(
            names or (),
            **given,
            force=force,
            document=document,
            verbose=watched(),
            watch=watch,
        )
    except KeyboardInterrupt:
        STOPS.written += [folder] if folder.exists() else []  # the next run goes on from there
        raise
    finally:
        if as_json and results:
            print_json(results)
    if document is not None:
        typer.echo(f"wrote {document}: {found.documented} recipes", err=as_json)


def _line(result: dict[str, Any], folder: Path) -> str:
    from isthmus.reproduction.page import claims_of

    claims = "{} of {} claims hold".format(*claims_of([result]))
    rehearsed = f" (a rehearsal, {result['share']:.2%} of the work)" if result["share"] < 1 else ""
    facts = f"{result['seconds']:.1f} s, {len(result['pictures'])} pictures, {claims}"
    return f"{result['recipe']}: {facts}{rehearsed}; {folder}"


def _list(output: Path, as_json: bool) -> None:
    from isthmus.reproduction.recipes import RECIPES
    from isthmus.reproduction.runner import result_of

    rows = []
    for name, recipe in RECIPES.items():
        done = result_of(output / name)
        state = "-" if done is None else "done" if done["share"] == 1 else "rehearsed"
        row = {"recipe": name, "deck": recipe.deck, "about": recipe.about}
        rows.append(row | {"minutes": recipe.minutes, "state": state})
    if as_json:
        print_json(rows)
        return
    print_table(rows)
    minutes = sum(recipe.minutes for recipe in RECIPES.values())
    typer.echo(f"{minutes:.0f} minutes in all on two cores; results in {output}")
