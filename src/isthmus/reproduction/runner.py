"""Recipes carried out: each leaves a folder with pictures, and its figures in result.json."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.reproduction.run import WORK, Run
from isthmus.reproduction.seeds import APART, over_seeds
from isthmus.system import schema
from isthmus.system.files import put_folder, refuse_existing
from isthmus.system.leftovers import claiming
from isthmus.system.progress import Bar
from isthmus.validation import hint

if TYPE_CHECKING:
    from isthmus.reproduction.recipe import Recipe

RESULT = "result.json"
FIGURE: schema.Schema = {
    "what": schema.text,
    "deck": schema.maybe(schema.either(schema.number, schema.text, schema.flag)),
    "ours": schema.maybe(schema.either(schema.number, schema.text, schema.flag)),
    "within?": schema.number,
    "holds": schema.maybe(schema.flag),
    "note": schema.text,
}
PICTURE: schema.Schema = {"file": schema.text, "title": schema.text}
HELD: schema.Schema = {
    **dict.fromkeys(("recipe", "deck", "about", "command", "made_with"), schema.text),
    "share": schema.finite,
    "seed": schema.whole,
    "seeds?": schema.positive,
    "seconds": schema.finite,
    "figures": schema.rows(schema.having(FIGURE)),
    "pictures": schema.rows(schema.having(PICTURE)),
}
"""What a result says."""


def chosen(names: Iterable[str], every: bool = False) -> list[str]:
    """Return the names of the recipes that are meant; a deck's letter stands for all of its.

    Parameters
    ----------
    names : iterable of str
        Names of recipes and letters of decks.
    every : bool
        All recipes, whatever the names.

    Raises
    ------
    ValueError
        If there is no such recipe.

    Examples
    --------
    >>> chosen(["b-convolution"])
    ['b-convolution']
    """
    from isthmus.reproduction.recipes import RECIPES

    found: list[str] = []
    for name in RECIPES if every else names:
        of_deck = [known for known in RECIPES if RECIPES[known].deck == name.upper()]
        if not of_deck and name not in RECIPES:
            raise ValueError(
                f"no recipe is called {name!r}{hint(name, RECIPES).rstrip('?')}; `isthmus "
                "reproduce` lists them, and a letter from A to F stands for those of a deck"
            )
        found += of_deck or [name]
    return list(dict.fromkeys(found))


def carry_out(
    name: str,
    root: str | Path = "runs/reproduce",
    *,
    share: float = 1.0,
    seed: int = 0,
    force: bool = False,
    verbose: bool = False,
) -> dict[str, Any]:
    """Carry out one recipe; return its result.

    A recipe that is there already is left alone, unless `force`; one that was stopped goes on with
    the models it had fitted.

    Parameters
    ----------
    name : str
        Name of the recipe.
    root : str or Path
        Folder of all results: this one appears as ``root/name``.
    share : float
        Share of the epochs and images, above 0 and at most 1: less than 1 is a rehearsal, and the
        result says so. A rehearsal that is there gives way to the real thing.
    seed : int
        Of everything random.
    force : bool
        Do it again where it was done.
    verbose : bool
        Show progress.

    Returns
    -------
    dict
        deck, about, figures, pictures, seconds and what it was made with.

    Raises
    ------
    ValueError
        If there is no such recipe, `share` is out of its range, or it was done with another seed.
    OSError
        If its data are not to be had, or nothing can be written there.
    """
    from isthmus.reproduction.recipes import RECIPES

    chosen([name])
    check_share(share)
    folder = Path(root) / name
    done = result_of(folder)
    if done and not force and done["share"] >= share:
        if done["seed"] != seed:
            raise ValueError(
                f"{name} was done with seed {done['seed']} in {root}: force it, or give another "
                "folder"
            )
        return done
    refuse_existing(folder, force=force or bool(done), folder=True)
    work = Path(root) / WORK / f"{name}-{seed}-{share:g}"
    with claiming(work):
        runs = list(_runs(RECIPES[name], work, share, seed, verbose))
        run = runs[0]
        run.figures = over_seeds([each.figures for each in runs])
        result = _record(RECIPES[name], name, run, runs)
        (run.folder / RESULT).write_text(
            json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        put_folder(run.folder, folder)
        shutil.rmtree(work)
    return result


def _runs(recipe: Recipe, work: Path, share: float, seed: int, verbose: bool) -> Iterator[Run]:
    """Carry a recipe out with every seed it asks for, a rehearsal with one; yield the runs."""
    for k in range(recipe.seeds if share >= 1 else 1):
        folder = work / f"result-{k}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = Run(folder, work / "models", share, seed + APART * k, verbose)
        started = time.monotonic()
        recipe.run(run)
        run.seconds = run.before + time.monotonic() - started
        yield run


def check_share(share: float) -> None:
    """Refuse a share of the work that is none."""
    if not 0 < share <= 1:
        raise ValueError(f"share={share:g} must be above 0 and at most 1")


def _record(recipe: Recipe, name: str, run: Run, runs: Sequence[Run]) -> dict[str, Any]:
    from isthmus import __version__

    options = f" --seed {run.seed}" if run.seed else ""
    options += f" --share {run.share:g}" if run.share < 1 else ""
    return {
        "recipe": name,
        "deck": recipe.deck,
        "about": recipe.about,
        "command": f"isthmus reproduce {name}{options}",
        "share": run.share,
        "seed": run.seed,
        "seeds": len(runs),
        "seconds": round(sum(each.seconds for each in runs), 1),
        "made_with": f"isthmus {__version__}, {os.cpu_count()} cores ({platform.machine()})",
        "figures": run.figures,
        "pictures": run.pictures,
    }


def result_of(folder: Path) -> dict[str, Any] | None:
    """Return the result in the folder of a recipe, None if there is none."""
    path = folder / RESULT
    if not path.is_file():
        return None
    try:
        return schema.read_json(path.read_bytes(), {**HELD, "recipe": schema.word(folder.name)})
    except (OSError, ValueError) as error:
        warnings.warn(f"{path} is damaged and counts as not there: {error}", stacklevel=2)
        return None


def reproduce_all(
    names: Sequence[str], root: str | Path, *, verbose: bool = False, **options: Any
) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
    """Carry out recipes one after the other; yield each name with its result, or its error.

    A recipe that fails, because its data are not to be had, does not keep the others from being
    done.

    Parameters
    ----------
    names : sequence of str
        As `chosen` returns them.
    root : str or Path
        Folder of all results.
    verbose : bool
        Show progress.
    **options
        Given to `carry_out`.
    """
    from isthmus.reproduction.recipes import RECIPES

    total = sum(RECIPES[name].minutes for name in names)
    with Bar("recipes (minutes)", max(1, round(total)), verbose) as bar:
        for name in names:
            bar.advance(0, name)
            try:
                yield name, carry_out(name, root, verbose=verbose, **options)
            except (OSError, ValueError, ImportError) as error:
                yield name, error
            bar.advance(RECIPES[name].minutes)
