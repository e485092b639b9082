"""Maps of the codes of every model of a study: bounded in number of images and in steps."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.latent.codes import vectors
from isthmus.plots import maps
from isthmus.plots.palettes import palette
from isthmus.studies.pictures import Pictures, some
from isthmus.verbs.layouts import TSNE_FROM, Map, lay_out

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.studies.outcome import Study

PLACED = 5500
"""Images on all maps of a report together, about: fewer each where there are many models."""
FEWEST, MOST = 300, 800
"""Images on one map, at least and at most, where the study does not say how many."""
SIZE = 760
"""Width of a map in pixels."""
LEGEND_SHOWN = 12


def classes_of(images: Images) -> list[str]:
    """Return the names of the classes; their numbers where they have none."""
    if images.y is None:
        return []
    n = max(int(images.y.max()) + 1, len(images.classes or []))
    return [str(name) for name in images.classes or range(n)]


class Maps:
    """Lays out and draws held-out images by the codes of every model.

    Parameters
    ----------
    study : Study
        Images and models.
    pictures : Pictures
        How its images are drawn; layouts are kept there.
    """

    def __init__(self, study: Study, pictures: Pictures):
        self.study, self.pictures = study, pictures
        each = min(MOST, max(FEWEST, PLACED // max(1, len(study.models))))
        self.held = some(study.images.test, getattr(study, "mapped", each))
        self.seconds = getattr(study, "map_seconds", math.inf)
        self._lay_out()

    def _key(self, what: str, name: str) -> tuple[Any, ...]:
        """Return the key of a map: a projection on the way is no map at the end."""
        return what, name, self.seconds > 0, len(self.held)

    def _lay_out(self) -> None:
        """Lay out the codes of models that have no map yet."""
        kept = self.pictures.drawn
        new = [name for name in self.study.models if self._key("place", name) not in kept]
        found = {name: vectors(self.study.models[name], self.held) for name in new}
        # an index without a codebook is no place
        codes = {name: c for name, c in found.items() if c.ndim == 2 and np.isfinite(c).all()}
        laid_out = lay_out(codes, self.seconds, self.study.random_state)
        for name in new:
            kept[self._key("place", name)] = laid_out.get(name)

    def _map(self, name: str) -> Map | None:
        return self.pictures.drawn[self._key("place", name)]

    def of(self, name: str) -> tuple[np.ndarray, Any] | None:
        """Return where held-out images lie by a model, and these images."""
        found = self._map(name)
        return None if found is None else (found.points, self.held)

    def shown(self) -> dict[str, Any]:
        """Return the maps for the template."""
        able = {n: found for n in self.study.models if (found := self._map(n)) is not None}
        drawn = [
            self.pictures.once(self._key("map", name), partial(self._drawn, name, found))
            for name, found in able.items()
        ]
        figures = [figure for figure in drawn if figure is not None]
        unable = [name for name in self.study.models if name not in able]
        return {"figures": figures, "unable": unable, "n": len(self.held), "bound": self._bound()}

    def _drawn(self, name: str, found: Map) -> dict[str, Any]:
        picture = maps.draw(
            found.points,
            np.asarray(self.held),
            self.held.y,
            classes_of(self.study.images),
            SIZE,
            limits=self.pictures.limits,
        )
        words = how(self.study.models[name], found)
        return {"name": name, "how": words, **self.pictures.embed(picture)}

    def _bound(self) -> str:
        """Say what was done to save time."""
        n, all_of_them = len(self.held), len(self.study.images.test)
        bounds = [f"{n:,} of {all_of_them:,} held-out images"] if n < all_of_them else []
        methods = [found.method for name in self.study.models if (found := self._map(name))]
        if "tsne" in methods:
            bounds.append("half of the steps of t-SNE")
        if "pca" in methods and n >= TSNE_FROM:
            bounds.append("principal components in place of t-SNE")
        return f"To save time: {', '.join(bounds)}." if bounds else ""


def how(model: Representation, found: Map) -> str:
    """Say how codes were laid out."""
    width = len(found.mean)
    if width == 2:
        return "the two latent dimensions, across and upwards."
    if width == 1:
        return "the one latent dimension across; upwards the images are only spread out."
    method = "t-SNE" if found.method == "tsne" else "principal components"
    what = "distances to the codebook" if model.code_kind_ == "index" else "numbers"
    return f"{method} of {width} {what}. The axes have no unit: only nearness counts."


def legend(images: Images) -> dict[str, Any]:
    """Return colours and names of the classes, the first dozen where there are more."""
    classes = classes_of(images)
    shown = list(zip(palette(len(classes)), classes, strict=True))[:LEGEND_SHOWN]
    return {"shown": shown, "more": len(classes) - len(shown)}
