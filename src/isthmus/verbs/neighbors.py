"""What nearest returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.names import files_called
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.latent.neighbors import Index, Neighbors
from isthmus.verbs.result import Result, caption_of, class_of, name_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.metrics.intervals import Estimate


DRAWN = 100
"""Queries on a picture, at most."""


class Nearest(Result, Neighbors):
    """The nearest images of every query: ``rows`` and ``distances``, both (q, k), and more.

    Attributes
    ----------
    rows : ndarray of int of shape (q, k)
        Which images they are, the nearest first.
    distances : ndarray of shape (q, k)
        How far their codes are from that of the query, in the units of the codes.
    model : Representation
        Whose codes they are.
    queries : Images
        Among which the queries are.
    asked : ndarray of int of shape (q,)
        Which of them were looked for.
    among : Images or Index
        Where they were found.
    """

    saves: ClassVar[tuple[str, ...]] = (".png", ".csv", "")
    table_name: ClassVar[str] = "nearest"
    model: Any
    queries: Images
    asked: np.ndarray
    among: Images | Index

    @property
    def measured(self) -> MeasuredOn:
        """What was looked for, and how much of it the model had learnt from."""
        return judged(self.model, self.queries[self.asked])

    @property
    def scores(self) -> dict[str, Any]:
        """How much was searched; of known classes how often they are found, and by chance."""
        from isthmus.metrics.retrieval import found_by_chance

        queries, k = self.rows.shape
        facts: dict[str, Any] = {"queries": queries, "searched": len(self.among), "k": k}
        found = {name: each.value for name, each in self._judged().items()}
        if not found:
            return facts
        known: Any = self.queries.y
        there: Any = getattr(self.among, "y", None)
        chance = found_by_chance(known[self.asked], there, k)
        named = {f"{name} at k of chance": value for name, value in chance.items()}
        return facts | found | named

    @property
    def within(self) -> dict[str, float | None]:  # type: ignore[override]
        """Half of the 95 % intervals over queries."""
        return {name: each.within for name, each in self._judged().items()}

    def _judged(self) -> dict[str, Estimate]:
        from isthmus.metrics.retrieval import retrieved

        there, known = getattr(self.among, "y", None), self.queries.y
        if there is None or known is None or not (known[self.asked] >= 0).any():
            return {}
        return retrieved(known[self.asked], there[self.rows], there)

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every query and rank."""
        return [
            self._line(query, rank, int(row), float(f"{distance:.6g}"))
            for query, rows, distances in zip(self.asked, *self, strict=True)
            for rank, (row, distance) in enumerate(zip(rows, distances, strict=True), start=1)
        ]

    def listed(self) -> list[dict[str, Any]]:
        """Return the table without the class of queries where none has any."""
        rows = self.table()
        known = any(row["query class"] for row in rows)
        return [{k: v for k, v in row.items() if known or k != "query class"} for row in rows]

    def _line(self, query: int, rank: int, row: int, distance: float) -> dict[str, Any]:
        """Return what is known of one neighbour: names where there are any, and numbers."""
        named = self.queries.names is not None
        line: dict[str, Any] = {"query": name_of(self.queries, query) if named else int(query)}
        line |= {"rank": rank}
        if not isinstance(self.among, Index):
            line |= {"name": name_of(self.among, row)} if self.among.names is not None else {}
        line |= {"row": row, "distance": distance, "query class": class_of(self.queries, query)}
        return (
            line if isinstance(self.among, Index) else line | {"class": class_of(self.among, row)}
        )

    def record(self) -> dict[str, Any]:
        """Return all figures, what was found as it is in Python."""
        found = {"rows": self.rows.tolist(), "distances": self.distances.tolist()}
        return {key: v for key, v in super().record().items() if key != self.table_name} | found

    def picture(self, most: int = DRAWN) -> Image:
        """Return a row for every query: the image itself, then what is nearest to it."""
        from isthmus.plots.strips import labelled_rows

        others = self.among
        if isinstance(others, Index):
            raise ValueError("an Index holds codes only: give the images to see what was found")
        rows, captions = {}, {}
        for query, near, distances in list(zip(self.asked, *self, strict=True))[:most]:
            name = caption_of(self.queries, query)
            both = [to_unit(np.asarray(part)) for part in (self.queries[query], others[near])]
            rows[name] = np.concatenate(both)
            words = (_under(others, row, d) for row, d in zip(near, distances, strict=True))
            captions[name] = ["query", *words]
        what = "class and distance" if others.y is not None else "distance"
        what = f"name, {what}" if others.names is not None else what
        title = f"The nearest of {len(others):,} images of {others.source} by code, with {what}"
        return labelled_rows(rows, title, captions=captions)


def _under(images: Images, row: int, distance: float) -> str:
    """Return what stands under an image that was found: its name, its class, how far it is."""
    words = f"{class_of(images, row)}  {distance:.2f}".strip()
    (name,) = files_called(images, [row])
    return f"{name}\n{words}" if name else words
