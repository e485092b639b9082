"""What a recipe is given: models fitted once, figures and pictures left behind."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from isthmus.system.files import plain
from isthmus.system.progress import track

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from isthmus.base import Representation
    from isthmus.data.images import Images


WORK = ".work"
"""Folder, beside those of the recipes, of what a stopped recipe goes on from."""

NOT_PART_OF_A_FIT = ("verbose", "checkpoint", "log_dir")

T = TypeVar("T")

Trained = TypeVar("Trained", bound="Representation")


@dataclass
class Run:
    """Where a recipe works: fits that survive a stop, and what it has to show at the end.

    Attributes
    ----------
    folder : Path
        Where pictures are written; it gets its place and name when the recipe is through.
    kept : Path
        Where fitted models are kept until then, so that a stopped recipe goes on from there.
    share : float
        Share of the epochs and images of the recipe, 1 for the real thing: see `some`.
    seed : int
        Of everything random.
    verbose : bool
        Show progress.
    before : float
        Seconds that models took which were fitted before a stop.
    seconds : float
        What it took in all, once it is through.
    """

    folder: Path
    kept: Path
    share: float = 1.0
    seed: int = 0
    verbose: bool = False
    before: float = 0.0
    seconds: float = 0.0
    figures: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[dict[str, str]] = field(default_factory=list)

    def some(self, n: int, least: int = 1) -> int:
        """Return `n` for the real thing, and less for a rehearsal, but no less than `least`."""
        return n if self.share >= 1 else min(n, max(least, round(self.share * n)))

    def each(self, items: Iterable[T], what: str) -> Iterator[T]:
        """Yield `items`, with a progress bar where progress is shown."""
        items = list(items)
        yield from track(items, what, len(items), self.verbose)

    def fit(
        self,
        name: str,
        model: Trained,
        images: Images,
        y: np.ndarray | None = None,
        *,
        seed: int = 0,
    ) -> Trained:
        """Return the model fitted on images: read, if it was fitted before a stop.

        Parameters
        ----------
        name : str
            What tells it from the other models of the recipe.
        model : Representation
            Not fitted; `epochs` and `max_steps` shrink with `share`.
        images, y
            Given to its `fit`.
        seed : int
            Added to the seed of the recipe, for fits that are repeated.
        """
        from isthmus.fitted.store import load_model

        model.set_params(**self._settings(model, seed))
        path = self.kept / f"{name}-{_fingerprint(model)}.safetensors"
        if path.exists():
            read: Any = load_model(path)
            self.before += read.seconds_
            return read
        self.kept.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".checkpoint")
        resumes = hasattr(model, "checkpoint")
        started = time.monotonic()
        model.set_params(**({"checkpoint": str(unfinished)} if resumes else {})).fit(images, y)
        if getattr(model, "stopped_", "") == "interrupted":
            raise KeyboardInterrupt  # the loop ends politely; the recipe is not to go on
        model.set_params(**({"checkpoint": None} if resumes else {}))
        vars(model)["seconds_"] = round(time.monotonic() - started, 2)
        model.save(path)
        unfinished.unlink(missing_ok=True)
        return model

    def _settings(self, model: Representation, seed: int) -> dict[str, Any]:
        settings = {"random_state": self.seed + seed, "verbose": self.verbose}
        for key in ("epochs", "max_steps"):
            if getattr(model, key, None):
                settings[key] = self.some(getattr(model, key))
        return settings

    def figure(
        self,
        what: str,
        ours: object,
        deck: object = None,
        holds: bool | None = None,
        note: str = "",
    ) -> None:
        """Record one figure beside the deck's.

        Parameters
        ----------
        what : str
            What was measured, with its unit.
        ours, deck : number, str or None
            What came out, and what the deck says.
        holds : bool, optional
            Whether the deck's claim holds; None where it makes none.
        note : str
            One sentence a reader should know.
        """
        row = plain({"what": what, "deck": deck, "ours": ours, "holds": holds}, digits=6)
        self.figures.append(row | {"note": note})

    def picture(self, name: str, picture: Image | str, title: str) -> None:
        """Write a picture (PIL) or a chart (SVG text) with its title."""
        if isinstance(picture, str):
            (self.folder / f"{name}.svg").write_text(picture, encoding="utf-8")
        else:
            # a rehearsal's files need not be small, and are written several times faster
            picture.save(self.folder / f"{name}.png", optimize=self.share >= 1)
        suffix = "svg" if isinstance(picture, str) else "png"
        self.pictures.append({"file": f"{name}.{suffix}", "title": title})


def _fingerprint(model: Representation) -> str:
    """Return what changes with any parameter: a model of another recipe is not taken for this."""
    settings = {k: v for k, v in model.get_params(False).items() if k not in NOT_PART_OF_A_FIT}
    text = repr((type(model).__name__, sorted(settings.items())))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
