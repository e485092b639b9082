"""The first screen of a report: every answer with one small picture of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import to_unit
from isthmus.latent.codes import codes_of, remade, vectors
from isthmus.metrics.altered import altered
from isthmus.plots.charts import rate_against_error
from isthmus.plots.maps import draw
from isthmus.studies.answer import Answer
from isthmus.studies.pictures import Pictures, some
from isthmus.studies.ranked import charted
from isthmus.studies.summary import can_win, curve_of, drawn_curve
from isthmus.verbs.traverse import ordered, traverse

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.base import Representation
    from isthmus.studies.outcome import Study

WIDTH = 336
"""Pixels of a picture on a card."""
ROWS = 3
"""Rows of images on a card."""
LOOKED_AT = 500
"""Held-out images whose codes are clustered or walked through for a card."""


class Cards:
    """Draws the pictures of the answers.

    Parameters
    ----------
    study : Study
        Images and models.
    scores : list of dict
        As `isthmus.studies.answers.answers` takes them.
    pictures : Pictures
        How the images of the study are drawn.
    layout_of : callable
        From the name of a model to the places of held-out images on its map, and their rows in
        the held-out images; None where it has no map.
    """

    def __init__(
        self,
        study: Study,
        scores: Sequence[dict[str, Any]],
        pictures: Pictures,
        layout_of: Callable[[str], tuple[np.ndarray, Any] | None],
    ):
        self.study, self.scores, self.pictures = study, scores, pictures
        self.layout_of = layout_of
        self.columns = max(2, pictures.columns(WIDTH))

    def shown(self, answer: Answer) -> dict[str, Any]:
        """Return the picture of an answer for the template: an image or an SVG, and what it is."""
        if answer.use == "Compress":
            return self._compress(answer) if answer.models else {}
        if answer.use == "Speed":
            return self._speed(answer)
        drawn = {
            "Reconstruct": (self._keep, "decode"),
            "Generate": (self._generate, "sample"),
            "Classify": (self._tell, "encode"),
            "Cluster": (self._group, "encode"),
            "Explain": (self._explain, "decode"),
            "Spot anomalies": (self._spot, "decode"),
        }
        model = self.study.models.get(answer.models[0]) if answer.models else None
        draws, verb = drawn[answer.use]
        return draws(answer.models[0], model) if model and model.can(verb) else {}

    def _keep(self, name: str, model: Representation) -> dict[str, Any]:
        held = some(self.study.images.test, self.columns)
        back = remade(model, held)
        rows = np.concatenate(
            [to_unit(np.asarray(held)), back.reshape(len(held), *held.shape[1:])]
        )
        picture = self.pictures.draw(rows, len(held))
        return self._embed(picture, f"Held-out images above, {name} below.")

    def _compress(self, answer: Answer) -> dict[str, Any]:
        from markupsafe import Markup

        rates = {s["model"]: drawn_curve(s) for s in self.scores if can_win(s) and curve_of(s)}
        best = answer.models[:2]
        order = sorted(rates, key=lambda name: name in best)  # the best are drawn on top
        svg = rate_against_error(
            {name: rates[name] for name in order}, best, answer.at, small=True
        )
        said = "Bits against PSNR; dashed: the quality compared at."
        return {"svg": Markup(svg), "said": said}

    def _generate(self, name: str, model: Representation) -> dict[str, Any]:
        drawn = model.sample(ROWS * self.columns, random_state=self.study.random_state)
        said = f"Drawn by {name}, not chosen."
        return self._embed(self.pictures.draw(drawn, self.columns), said)

    def _tell(self, name: str, model: Representation) -> dict[str, Any]:
        found = self.layout_of(name)
        if found is None:
            return {}
        places, shown = found
        images = self.study.images
        picture = draw(
            places, np.asarray(shown), shown.y, images.classes, WIDTH + 40,
            limits=self.pictures.limits,
        )  # fmt: skip
        return self._embed(picture, f"Codes of {name}; colour is the class.")

    def _group(self, name: str, model: Representation) -> dict[str, Any]:
        from isthmus.metrics.groups import group, middles_and_edges

        held = some(self.study.images.test, LOOKED_AT)
        count = max(2, min(len(np.unique(held.y[held.y >= 0])), len(held) // 4))
        groups = group(vectors(model, held), n_clusters=count, random_state=0)
        rows = []
        for cluster in range(min(ROWS + 1, int(groups.labels.max()) + 1)):
            middle = middles_and_edges(groups, cluster, self.columns)[0][: self.columns]
            blank = np.full((self.columns, *held.shape[1:]), np.nan, np.float32)
            blank[: len(middle)] = to_unit(np.asarray(held[np.sort(middle)]))
            rows.append(blank)
        picture = self.pictures.draw(np.concatenate(rows), self.columns)
        return self._embed(picture, f"{len(rows)} of {count} clusters, a row each.")

    def _explain(self, name: str, model: Representation) -> dict[str, Any]:
        held = some(self.study.images.test, LOOKED_AT)
        codes = codes_of(model, held)
        dims = ordered(model, codes)[:ROWS]
        walk = traverse(model, codes[len(codes) // 2], dims, self.columns, among=held)
        picture = self.pictures.draw(walk.reshape(-1, *walk.shape[2:]), self.columns)
        return self._embed(picture, f"Each row changes one number of {name}.")

    def _spot(self, name: str, model: Representation) -> dict[str, Any]:
        held = some(self.study.images.test, self.columns)
        foreign = altered(to_unit(np.asarray(held)), self.study.random_state)
        back = np.reshape(remade(model, foreign), foreign.shape)
        rows = np.concatenate([foreign, back])
        said = f"Above a block of another image in each; {name} does not give it back, below."
        return self._embed(self.pictures.draw(rows, len(held)), said)

    def _speed(self, answer: Answer) -> dict[str, Any]:
        chart = charted(answer, {score["model"]: score for score in self.scores})
        return {"svg": chart["svg"], "said": "Seconds of fitting."}

    def _embed(self, picture: Image, said: str) -> dict[str, Any]:
        return {"said": said, **self.pictures.embed(picture)}
