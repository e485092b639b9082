"""What predict returns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.names import files_called
from isthmus.data.tables import labels_of
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.metrics.classification import believed, confusion, guessed
from isthmus.metrics.classification import judged as judged_classes
from isthmus.metrics.intervals import Estimate, of_mean
from isthmus.system.files import save_table
from isthmus.verbs.result import Result, name_of

if TYPE_CHECKING:
    from PIL.Image import Image


DRAWN = 20
"""Classes on a picture, at most: the most frequent."""

COLUMNS = 5
"""Images of a class that are drawn as its surest, and as its least sure."""


@dataclass(repr=False)
class Predictions(Result):
    """What `predict` says of images.

    Attributes
    ----------
    labels : ndarray of shape (n,)
        The most probable class of every image, as labels were given: a name, or a number.
    probabilities : ndarray of shape (n, n_classes)
        How probable every class is.
    classes : list
        What the columns of `probabilities` are of.
    unsure : ndarray of bool of shape (n,)
        Where the most probable class is less probable than was asked for.
    images : Images
        What was looked at.
    model : Classifier
        By which.
    """

    saves: ClassVar[tuple[str, ...]] = (".csv", ".parquet", ".png", "")
    table_name: ClassVar[str] = "predictions"
    labels: np.ndarray
    probabilities: np.ndarray
    classes: list[Any]
    unsure: np.ndarray
    images: Images
    model: Any

    @property
    def measured(self) -> MeasuredOn:
        """How many images there are, and how many of them the model had learnt from."""
        return judged(self.model, self.images)

    @property
    def scores(self) -> dict[str, Any]:
        """How many images are of every class, how many unsure; where classes are known, the hits.

        Images whose class the model does not know count as wrong, unless it knows none of them:
        their classes are other ones then, as those of folders are where a table had the labels.
        """
        counts = Counter(map(str, self.labels.tolist()))
        found = {"images": len(self.labels), "classes": dict(counts.most_common())}
        found |= {"unsure": int(self.unsure.sum())}
        true = self._true
        if true is None:
            return found
        known = self._known()
        right = self.labels[known].astype(str) == true
        sure = ~self.unsure[known]
        found |= {"accuracy": float(right.mean())}
        found |= {"accuracy of the sure": float(right[sure].mean())} if sure.any() else {}
        found |= {"accuracy of guessing": guessed(true)}
        return found | {name: each.value for name, each in self._judged.items()}

    @cached_property
    def _true(self) -> np.ndarray | None:
        """The classes of images of which they are known; None if the model knows none of these."""
        every = labels_of(self.images)
        if every is None:
            return None
        true = np.asarray(every)[self._known()].astype(str)
        return true if np.isin(true, list(map(str, self.classes))).any() else None

    @cached_property
    def _judged(self) -> dict[str, Estimate]:
        """How good names and probabilities are, with intervals."""
        true, known = self._true, self._known()
        if true is None:
            return {}
        names = list(map(str, self.classes))
        columns = np.array([names.index(each) if each in names else -1 for each in true.tolist()])
        alike = judged_classes(true, self.labels[known].astype(str))
        return alike | believed(columns, self.probabilities[known])

    @property
    def within(self) -> dict[str, float | None]:  # type: ignore[override]
        """Half of the 95 % intervals over images."""
        if self._true is None:
            return {}
        right = self._true == self.labels[self._known()].astype(str)
        found = {name: each.within for name, each in self._judged.items()}
        return {"accuracy": of_mean(right).within} | found

    @property
    def confusion(self) -> list[dict[str, Any]]:
        """How many of every class (row) are taken for each (column), if classes are known."""
        if self._true is None:
            return []
        classes, table = confusion(self._true, self.labels[self._known()].astype(str))
        rows = zip(classes.tolist(), table.tolist(), strict=True)
        return [
            {"class": name, **dict(zip(classes.tolist(), row, strict=True))} for name, row in rows
        ]

    def _to_folder(self, folder: Path) -> None:
        super()._to_folder(folder)
        if rows := self.confusion:
            save_table(folder / "confusion.csv", rows)

    def _known(self) -> np.ndarray:
        """Return of which images a class is known."""
        y = self.images.y
        return np.zeros(len(self.labels), dtype=bool) if y is None else np.asarray(y) != -1

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every image: its name, its class, how sure, all probabilities."""
        surest = self.probabilities.max(1)
        return [
            {
                "name": name_of(self.images, row),
                "class": label,
                "probability": round(float(surest[row]), 4),
                "unsure": "yes" if self.unsure[row] else "",
                **{
                    f"p {name}": round(float(p), 4)
                    for name, p in zip(self.classes, self.probabilities[row], strict=True)
                },
            }
            for row, label in enumerate(self.labels.tolist())
        ]

    def listed(self) -> list[dict[str, Any]]:
        """Return the table without the probabilities of all other classes."""
        kept = ("name", "class", "probability", "unsure")
        return [{key: row[key] for key in kept} for row in self.table()]

    def record(self) -> dict[str, Any]:
        """Return all figures, and what is said of every image, briefly."""
        table = {"confusion": self.confusion} if self.confusion else {}
        return super().record() | table | {self.table_name: self.listed()}

    def pictures(self) -> dict[str, Image]:
        """Return the picture by its name."""
        return {self.table_name: self.picture()}

    def picture(self) -> Image:
        """Return a row for every class: the images most surely of it, and those least surely."""
        from isthmus.plots.strips import labelled_rows

        counts = Counter(self.labels.tolist())
        rows, captions = {}, {}
        width = min(COLUMNS, -(-max(counts.values()) // 2))
        for label, count in counts.most_common(DRAWN):
            members = np.flatnonzero(self.labels == label)
            order = members[np.argsort(-self.probabilities.max(1)[members], kind="stable")]
            half = -(-count // 2)
            parts = [order[:half][:width], order[half:][-width:]]
            name = f"{label}\n{count:,} image{'s' * (count != 1)}"
            rows[name] = np.concatenate([self._tiles(part, width) for part in parts])
            captions[name] = [text for part in parts for text in self._under(part, width)]
        heads = ["surest", *[""] * (width - 1), "least sure", *[""] * (width - 1)]
        title = f"What {type(self.model).__name__} says of {self.images.source}"
        return labelled_rows(rows, title, heads=heads, captions=captions)

    def _tiles(self, rows: np.ndarray, width: int) -> np.ndarray:
        tiles = np.full((width, *self.images.shape[1:]), np.nan, dtype=np.float32)
        if len(rows):
            tiles[: len(rows)] = to_unit(np.asarray(self.images[rows]))
        return tiles

    def _under(self, rows: np.ndarray, width: int) -> list[str]:
        """Return names and probabilities of images, nothing where a row is shorter."""
        called = files_called(self.images, rows)
        surest = self.probabilities[rows].max(1) if len(rows) else []
        said = [f"{name}\n{p:.0%}".strip() for name, p in zip(called, surest, strict=True)]
        return said + [""] * (width - len(said))
