"""What novelty returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.latent.codes import remade
from isthmus.metrics.intervals import Estimate
from isthmus.verbs.probing import in_words
from isthmus.verbs.result import Result, Scores, class_of, name_of

if TYPE_CHECKING:
    from PIL.Image import Image


UNITS = {
    "error": "mean squared error of a pixel",
    "distance": "Mahalanobis distance of the code",
    "neighbours": "distance to the 5 nearest codes",
    "likelihood": "minus the bound of log p(x), in nats",
}


@dataclass(repr=False)
class Novelty(Result):
    """What `novelty` found.

    Attributes
    ----------
    scores : Scores of shape (n,)
        The higher, the more anomalous; by their names also what sums them up, as
        ``scores["auroc"]``.
    by : {"error", "distance", "neighbours", "likelihood"}
        What the score is.
    images : Images
        What was judged.
    model : Representation
        By whom.
    auroc : float, optional
        How well the scores find what truth says is new.
    count : int
        How many of the most anomalous a picture and a person are shown.
    judged_by_truth : dict of str to Estimate
        AUROC, average precision, false alarms, and the share that is new: what average precision
        is by chance. Empty where no truth is known.
    """

    table_name: ClassVar[str] = "scores"
    scores: Any
    by: str
    images: Images
    model: Any
    auroc: float | None = None
    count: int = 20
    judged_by_truth: dict[str, Estimate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        figures = {"by": self.by, "unit": self.unit, "images": len(self.images)}
        figures |= {} if self.auroc is None else {"auroc": self.auroc}
        figures |= {name: each.value for name, each in self.judged_by_truth.items()}
        self.scores = Scores.of(self.scores, figures)

    @property
    def within(self) -> dict[str, float | None]:  # type: ignore[override]
        """Half of the 95 % intervals of how well scores find what is new."""
        return {n: e.within for n, e in self.judged_by_truth.items() if e.within is not None}

    @property
    def measured(self) -> MeasuredOn:
        """How many images there are, and how many of them the model had learnt from."""
        return judged(self.model, self.images)

    @property
    def unit(self) -> str:
        """The score in words."""
        return UNITS[self.by]

    @property
    def shown(self) -> int:
        """How many images of the table a person is shown."""
        return self.count

    def strangest(self, count: int | None = None) -> np.ndarray:
        """Return the rows of the most anomalous images, the most anomalous first."""
        return np.argsort(-self.scores, kind="stable")[: self.count if count is None else count]

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every image, the most anomalous first."""
        rows = []
        for rank, row in enumerate(self.strangest(len(self.scores)).tolist(), start=1):
            label = {} if self.images.y is None else {"label": class_of(self.images, row)}
            score = float(f"{self.scores[row]:.6g}")
            name = name_of(self.images, row)
            rows.append({"rank": rank, "name": name, "row": row, **label, "score": score})
        return rows

    def record(self) -> dict[str, Any]:
        """Return figures of all images, and the most anomalous of them."""
        found = super().record()
        return found | {"strangest": found.pop(self.table_name)[: self.count]}

    def pictures(self) -> dict[str, Image]:
        """Return the picture by its name."""
        return {"strangest": self.picture()}

    def picture(self, count: int | None = None) -> Image:
        """Return the most anomalous images with scores and reconstructions, if any."""
        from isthmus.plots.anomalies import anomaly_rows

        rows = self.strangest(count)
        middle = np.argsort(self.scores, kind="stable")[_around_middle(len(self.scores))]
        backs = [self._back(chosen) for chosen in (rows, middle)]
        among = f"{len(self.scores):,} images of {self.images.source}"
        title = f"Most anomalous to {in_words(self.model)} among {among}: {self.unit}"
        parts = [
            (name, self.images[chosen], back, self.scores[chosen])
            for name, chosen, back in zip(
                ("Anomalous", "Ordinary"), (rows, middle), backs, strict=True
            )
        ]
        return anomaly_rows(parts, title)

    def _back(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the reconstructions of images, where the model can decode."""
        if not self.model.can("decode"):
            return None
        return remade(self.model, self.images[rows])


def _around_middle(n: int, count: int = 10) -> slice:
    start = max(0, (n - count) // 2)
    return slice(start, start + count)
