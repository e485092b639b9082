"""What disentangle returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from isthmus.data.images import Images
from isthmus.fitted.heldout import MeasuredOn
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.table import METRICS
from isthmus.system.files import save_table
from isthmus.verbs.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image

DRAWN = 4
"""Models that are drawn, at most."""
DIMS = 10
"""Latent dimensions that are drawn, at most: those that know most of some factor."""
STEPS = 7


class Told(NamedTuple):
    """A score with half of its interval, and what it is by chance."""

    estimate: Estimate
    chance: float


@dataclass(repr=False, kw_only=True)
class Disentanglement(Result):
    """What `disentangle` found.

    Attributes
    ----------
    told : dict of str to dict of str to Told
        The scores of every model, by the names of models and of metrics.
    information : dict of str to ndarray of shape (k, m)
        What every latent dimension of a model says of every factor, as a share of it.
    factors : list of str
        The names of these factors.
    models : dict of str to Representation
        By their names.
    images : Images
        What was measured.
    measured_on : MeasuredOn
        These images, and whether a model had learnt from them.
    pairs : ndarray of shape (models, models) or None
        How far any two models of one family have the same axes.
    """

    saves: ClassVar[tuple[str, ...]] = (".png", ".csv", "")
    told: dict[str, dict[str, Told]]
    information: dict[str, np.ndarray]
    factors: list[str]
    models: dict[str, Any]
    images: Images
    measured_on: MeasuredOn
    pairs: np.ndarray | None = None
    table_name: ClassVar[str] = "disentanglement"

    @property
    def measured(self) -> MeasuredOn:
        """The images that were measured, and whether a model had learnt from them."""
        return self.measured_on

    @property
    def scores(self) -> dict[str, Any]:
        """The factors, and the scores by their names; of several models "mig of NAME"."""
        alone = len(self.told) == 1
        found = {
            key if alone else f"{key} of {name}": each.estimate.value
            for name, scores in self.told.items()
            for key, each in scores.items()
        }
        return {"factors": ", ".join(self.factors) or "none known", **found}

    @property
    def shown(self) -> int:
        """All rows: they are few."""
        return len(self.table())

    def heading(self) -> list[str]:
        """Return the factors: the scores are in the table."""
        return [f"     factors  {self.scores['factors']}"]

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every model and score: its value, its interval, and chance."""
        return [
            {"model": name, "score": METRICS[key].title, **_ends(each)}
            for name, scores in self.told.items()
            for key, each in scores.items()
        ]

    def knows(self) -> list[dict[str, Any]]:
        """Return a record for every latent dimension: what share of every factor it knows."""
        return [
            {"model": name, "dimension": row, **dict(zip(self.factors, shares, strict=True))}
            for name, table in self.information.items()
            for row, shares in enumerate(table.round(4).tolist())
        ]

    def record(self) -> dict[str, Any]:
        """Return all figures, and what every latent dimension knows."""
        return super().record() | {"images": len(self.images), "information": self.knows()}

    def picture(self) -> Image:
        """Return what dimensions know of factors, beside what changes with them, model by model.

        Where no factor is known: how far any two models have the same axes.
        """
        from isthmus.plots.heat_maps import beside, heat_map
        from isthmus.plots.strips import below, titled

        title = f"What latent dimensions know of factors: {self.images.source}"
        if not self.information:
            assert self.pairs is not None
            names = list(self.models)
            title = f"How far models have the same axes: {self.images.source}"
            return heat_map(self.pairs, names, names, title)
        drawn = []
        for name in list(self.information)[:DRAWN]:
            dims = self._telling(name)
            columns = [f"number {dim}" for dim in dims]
            share = self.information[name][dims].T
            heat = heat_map(share, self.factors, columns, name, "share known")
            drawn.append(beside([heat, *self._traversed(name, dims)]))
        return titled(below(drawn), title)

    def _telling(self, name: str) -> list[int]:
        """Return the dimensions that know most of some factor, in their order."""
        most = self.information[name].max(1)
        return sorted(np.argsort(-most, kind="stable")[:DIMS].tolist())

    def _traversed(self, name: str, dims: list[int]) -> list[Image]:
        from isthmus.verbs.traverse import traverse

        model = self.models[name]
        if not model.can("decode") or not model.has_vectors:
            return []
        start = self.images[len(self.images) // 2]
        made = traverse(model, start, dims, STEPS, among=self.images.evenly(500))
        return [made.picture()]

    def _to_folder(self, folder: Path) -> None:
        super()._to_folder(folder)
        if rows := self.knows():
            save_table(folder / "information.csv", rows)


def _ends(told: Told) -> dict[str, Any]:
    """Return a score, the ends of its interval, and chance, as a table has them."""
    value, within = told.estimate[:2]
    chance = told.chance
    low, high = (None, None) if within is None else (max(0.0, value - within), value + within)
    ends = {"value": value, "low": low, "high": high and min(1.0, high), "chance": chance}
    return {name: None if each is None else round(each, 4) for name, each in ends.items()}
