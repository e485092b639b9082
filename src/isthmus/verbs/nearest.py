"""Search: which images lie nearest, by their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images, as_images, chunk_rows, to_unit
from isthmus.data.names import files_called
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.latent.codes import vectors
from isthmus.latent.neighbors import Index, Neighbors, blocks_of, checked, joined
from isthmus.system.progress import track
from isthmus.validation import renamed
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model, Rows
from isthmus.verbs.result import Result, caption_of, class_of, name_of

if TYPE_CHECKING:
    from PIL.Image import Image

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
        """How much was searched; precision at k where classes are known."""
        from isthmus.metrics.retrieval import precision_at_k

        queries, k = self.rows.shape
        facts = {"queries": queries, "searched": len(self.among), "k": k}
        there, known = getattr(self.among, "y", None), self.queries.y
        if there is None or known is None or not (known[self.asked] >= 0).any():
            return facts
        return facts | {"precision at k": precision_at_k(known[self.asked], there[self.rows])}

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


@renamed(images="among")
def nearest(
    model: Model,
    queries: ImagesLike,
    among: ImagesLike | Index | None = None,
    k: int = 8,
    *,
    rows: Rows | None = None,
    without: ArrayLike | None = None,
    verbose: bool = False,
) -> Nearest:
    r"""Find the images with the codes nearest to those of others.

    The k least :math:`\|z_q - z_i\|`, found exactly. The images are encoded and compared a chunk
    at a time, so that a set much larger than the memory can be searched; for many searches of one
    set make an `isthmus.latent.neighbors.Index` of it once, and pass that. Where codes are
    indices, vectors of the distances to all prototypes are compared; codes per pixel are averaged.

    Parameters
    ----------
    model : Representation
        A fitted model that encodes.
    queries : Images or array of shape (n, ...)
        What to look for.
    among : Images, array of shape (m, ...) or Index, optional
        Where to look; by default among the queries, where none finds itself.
    k : int
        How many to find for each, 1 to as many as there are.
    rows : sequence of int, optional
        Which of the queries to look for, numbers from 0; all by default.
    without : array of int of shape (q,), optional
        For every query the row of `among`, from 0, that is not to be found; -1 for none.
    verbose : bool
        Show progress on standard error.

    Returns
    -------
    Nearest
        ``rows`` and ``distances``, both (q, k).

    Raises
    ------
    ValueError
        If `k` is out of its range, or images are of another shape than those fitted on.

    References
    ----------
    T. Cover and P. Hart, Nearest neighbor pattern classification, 1967.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(16).fit(images.train)
    >>> found = ist.nearest(pca, images.test[:2], images.train, k=5)
    >>> images.test.y[:2], images.train.y[found.rows]
    (array([2, 2]), array([[2, 2, 2, 2, 8],
           [2, 2, 2, 2, 2]]))
    >>> ist.nearest(pca, images, k=2, rows=[3, 17]).rows.shape
    (2, 2)
    """
    queries = as_images(queries)
    asked = np.arange(len(queries)) if rows is None else np.asarray(rows)
    if among is None:
        among, without = queries, asked if without is None else without
    codes = vectors(model, queries if rows is None else queries[asked])
    others = among if isinstance(among, Index) else as_images(among)
    found = Nearest(*_found(model, codes, others, k, without, verbose))
    found.model, found.queries, found.asked, found.among = model, queries, asked, others
    return found


def _under(images: Images, row: int, distance: float) -> str:
    """Return what stands under an image that was found: its name, its class, how far it is."""
    words = f"{class_of(images, row)}  {distance:.2f}".strip()
    (name,) = files_called(images, [row])
    return f"{name}\n{words}" if name else words


def _found(
    model: Model,
    codes: np.ndarray,
    among: Images | Index,
    k: int,
    without: Any,
    verbose: bool,
) -> Neighbors:
    if isinstance(among, Index):
        return among.search(codes, k, without)
    blocks = blocks_of(codes, k, checked(k, len(among), without, len(codes)))
    size = chunk_rows(among.shape)
    starts = range(0, len(among), size)
    for start in track(starts, "searching", len(starts), verbose):
        chunk = vectors(model, among[start : start + size])
        for block in blocks:
            block.see(chunk)
    return joined([block.found() for block in blocks])
