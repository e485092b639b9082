"""The settings of the decks carried out, from Python or by the command of that name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isthmus.reproduction.page import claims_of, refuse_document, write_document
from isthmus.reproduction.runner import check_share, chosen, reproduce_all
from isthmus.verbs.parameters import Seconds
from isthmus.verbs.result import Result
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    from PIL.Image import Image


class Reproduced(Result, dict[str, dict[str, Any]]):
    """What every recipe left in its folder, by the names of the recipes.

    Attributes
    ----------
    folder : Path
        Of all results.
    documented : int
        Recipes on the page that was written, 0 for no page.
    """

    saves: ClassVar[tuple[str, ...]] = (".json", ".csv", ".png", "")
    table_name: ClassVar[str] = "recipes"
    documented: int = 0

    def __init__(self, folder: str | Path):
        super().__init__()
        self.folder = Path(folder)

    @property
    def scores(self) -> dict[str, Any]:
        """How many recipes there are, and how many of the decks' claims hold."""
        rows = self.table()
        totals = {key: sum(row[key] for row in rows) for key in ("claims", "hold", "pictures")}
        return {"recipes": len(rows), **totals}

    def table(self) -> list[dict[str, Any]]:
        """Return a record a recipe."""
        return [self._row(name, result) for name, result in self.items()]

    def _row(self, name: str, result: dict[str, Any]) -> dict[str, Any]:
        hold, claims = claims_of([result])
        facts = {"pictures": len(result["pictures"]), "seconds": result["seconds"]}
        return {
            "recipe": name,
            "deck": result["deck"],
            "claims": claims,
            "hold": hold,
            **facts,
            "share": result["share"],
        }

    def record(self) -> dict[str, Any]:
        """Return what every recipe left."""
        return dict(self)

    def picture(self) -> Image:
        """Return the first picture of the first recipe that has one."""
        if found := self.pictures():
            return next(iter(found.values()))
        raise ValueError(f"no recipe of {self.folder} has a picture of pixels")

    def pictures(self) -> dict[str, Image]:
        """Return the pictures of all recipes; charts in SVG stay in their folders."""
        from PIL import Image

        found = {}
        for name, result in self.items():
            for path in (
                self.folder / name / Path(each["file"]).name for each in result["pictures"]
            ):
                if path.suffix == ".png":
                    with Image.open(path) as picture:
                        found[f"{name}-{path.stem}"] = picture.copy()
        return found


def reproduce(
    names: str | Iterable[str] = (),
    *,
    every: bool = False,
    folder: str | Path = "runs/reproduce",
    share: float = 1.0,
    seed: int = 0,
    budget: Seconds | None = None,
    force: bool = False,
    verbose: bool = False,
    watch: Callable[[dict[str, Any]], Any] | None = None,
    document: str | Path | None = None,
) -> Reproduced:
    """Run the settings of published slide decks, and keep their pictures and figures.

    What was done is left alone; what was stopped goes on where it was. A recipe that fails does
    not keep the others from being done.

    Parameters
    ----------
    names : str or iterable of str
        Recipes, or letters of decks, which stand for all of theirs.
    every : bool
        All recipes, whatever the names.
    folder : str or Path
        Of all results: each appears in it under the recipe's name.
    share : float
        Share of the epochs and images, above 0 and at most 1: less than 1 is a rehearsal, and the
        results say so.
    seed : int
        Of everything random.
    budget : float, optional
        Time to take, in seconds: after it no further recipe is begun.
    force : bool
        Do again what was done, and write the page anew.
    verbose : bool
        Show progress on standard error.
    watch : callable, optional
        Called with every result as it comes.
    document : str or Path, optional
        Also write this page (.md) from all results in the folder; no recipe need be named then.

    Returns
    -------
    Reproduced
        A dict, for every recipe what its ``result.json`` holds: "deck", "about", "figures" beside
        the deck's, "pictures", "seconds" and more.

    Raises
    ------
    ValueError
        If there is no such recipe or none was named, `share` is out of its range, one was done
        with another seed, or some have failed: warnings say why.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> results = ist.reproduce("e-glyphs", share=0.01, folder=tempfile.mkdtemp())
    >>> results["e-glyphs"]["deck"], results["e-glyphs"]["share"]
    ('E', 0.01)
    """
    limit = Limit(budget)
    check_share(share)
    wanted = chosen([names] if isinstance(names, str) else names, every)
    if document is not None:
        refuse_document(document, force=force)
    elif not wanted:
        raise ValueError("no recipe is named: give names, letters of decks, or every=True")
    found, failed = Reproduced(folder), list[str]()
    options: dict[str, Any] = {"share": share, "seed": seed, "force": force, "verbose": verbose}
    results = reproduce_all(wanted, folder, **options)
    for name, result in limit.until(results, "recipes"):
        if isinstance(result, Exception):
            if len(wanted) == 1:
                raise result
            failed.append(name)
            warnings.warn(f"{name}: {result}", stacklevel=2)
            continue
        found[name] = result
        if watch:
            watch(result)
    if failed:
        raise ValueError(f"{len(failed)} of {len(wanted)} recipes failed: {', '.join(failed)}")
    if document is not None:
        found.documented = write_document(document, folder, force=force)
    return found
