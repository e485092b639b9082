"""Maps of the codes of every model of a study: bounded in number of images and in steps."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from isthmus.codes import vectors
from isthmus.views import maps
from isthmus.views.pictures import Pictures, some

PLACED = 5500
"""Images on all maps of a report together, about: fewer each where there are many models."""
FEWEST, MOST = 300, 800
"""Images on one map, at least and at most."""
QUICK_FROM = 4
"""Models from which on t-SNE stops at half of its steps."""
SIZE = 760
"""Width of a map in pixels."""
LEGEND_SHOWN = 12


def classes_of(images: Any) -> list[str]:
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

    def __init__(self, study: Any, pictures: Pictures):
        self.study, self.pictures = study, pictures
        self.count = len(getattr(study, "planned", ()) or study.models)
        each = min(MOST, max(FEWEST, PLACED // max(1, self.count)))
        self.quick = self.count >= QUICK_FROM
        self.held = some(study.images.test, each)
        self._lay_out()

    def _lay_out(self) -> None:
        new = [name for name in self.study.models if ("place", name) not in self.pictures.drawn]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # t-SNE leaves the interpreter free
            for name, found in zip(new, pool.map(self._placed, new), strict=True):
                self.pictures.drawn["place", name] = found

    def _placed(self, name: str) -> tuple[np.ndarray, Any, str] | None:
        model = self.study.models[name]
        codes = vectors(model, self.held)
        if codes.ndim != 2 or not np.isfinite(codes).all():
            return None  # an index without a codebook is no place
        lay_out = partial(maps.layout, random_state=self.study.random_state, quick=self.quick)
        return lay_out(codes), self.held, how(model, codes)

    def of(self, name: str) -> tuple[np.ndarray, Any] | None:
        """Return where held-out images lie by a model, and these images."""
        found = self.pictures.drawn["place", name]
        return None if found is None else found[:2]

    def shown(self) -> dict[str, Any]:
        """Return the maps for the template."""
        figures = []
        for name in self.study.models:
            if self.pictures.drawn["place", name] is not None:
                figures.append(self.pictures.once(("map", name), partial(self._drawn, name)))
        drawn = {figure["name"] for figure in figures}
        unable = [name for name in self.study.models if name not in drawn]
        return {"figures": figures, "unable": unable, "n": len(self.held), "bound": self._bound()}

    def _drawn(self, name: str) -> dict[str, Any]:
        places, shown, words = self.pictures.drawn["place", name]
        picture = maps.draw(
            places,
            np.asarray(shown),
            shown.y,
            classes_of(self.study.images),
            SIZE,
            limits=self.pictures.limits,
        )
        return {"name": name, "how": words, **self.pictures.embed(picture)}

    def _bound(self) -> str:
        """Say what was done to save time."""
        n, all_of_them = len(self.held), len(self.study.images.test)
        bounds = [f"{n:,} of {all_of_them:,} held-out images"] if n < all_of_them else []
        if self.quick and n >= maps.TSNE_FROM:
            bounds.append("half of the steps of t-SNE")
        return f"To save time: {' and '.join(bounds)}." if bounds else ""


def how(model: Any, codes: np.ndarray) -> str:
    """Say how codes were laid out."""
    n, width = codes.shape
    if width == 2:
        return "the two numbers of the code, across and upwards."
    if width == 1:
        return "the one number of the code across; upwards the images are only spread out."
    method = "t-SNE" if n >= maps.TSNE_FROM else "principal components"
    what = "distances to the codebook" if hasattr(model, "codebook_") else "numbers"
    return f"{method} of {width} {what}. The axes have no unit: only nearness counts."


def legend(images: Any) -> dict[str, Any]:
    """Return colours and names of the classes, the first dozen where there are more."""
    classes = classes_of(images)
    shown = list(zip(maps.palette(len(classes)), classes, strict=True))[:LEGEND_SHOWN]
    return {"shown": shown, "more": len(classes) - len(shown)}
