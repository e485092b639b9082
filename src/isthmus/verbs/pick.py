"""The verb pick: which images to label first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images, as_images, to_unit
from isthmus.data.names import files_called
from isthmus.data.tables import with_labels
from isthmus.fitted.heldout import half_rows
from isthmus.latent.codes import vectors
from isthmus.latent.neighbors import nearest_codes
from isthmus.validation import one_of
from isthmus.verbs.parameters import Count, ImagesLike, Model
from isthmus.verbs.probing import in_words
from isthmus.verbs.result import Result, name_of

if TYPE_CHECKING:
    from PIL.Image import Image

WAYS = ("typical", "cover", "unsure")
NEIGHBORS = 20
"""Neighbours by which a code is typical, at most."""
CLUSTERS = 500
"""Clusters that images are picked from, at most."""
DRAWN = 100


@dataclass(repr=False)
class Picked(Result):
    """What `pick` found.

    Attributes
    ----------
    rows : ndarray of int of shape (m,)
        Which images to label, the most useful first.
    stands_for : ndarray of int of shape (m,)
        For how many images each is the nearest of the picked ones.
    images : Images
        Among which they are.
    title : str
        The model, the images and the way in words.
    """

    saves: ClassVar[tuple[str, ...]] = (".csv", ".png", "")
    table_name: ClassVar[str] = "to_label"
    rows: np.ndarray
    stands_for: np.ndarray
    images: Images
    title: str

    @property
    def scores(self) -> dict[str, Any]:
        """How many images were picked, and among how many."""
        return {"picked": len(self.rows), "among": len(self.images)}

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every image to label, the most useful first; fill in `label`."""
        return [
            {"name": name_of(self.images, row), "label": "", "stands for": int(count)}
            for row, count in zip(self.rows.tolist(), self.stands_for, strict=True)
        ]

    def pictures(self) -> dict[str, Image]:
        """Return the picture by its name."""
        return {self.table_name: self.picture()}

    def picture(self) -> Image:
        """Return a sheet of the images to label, with their names, the most useful first."""
        from isthmus.plots.classes import SIDE
        from isthmus.plots.figures import on_background, scale_to, sheet
        from isthmus.plots.strips import PAPER, titled

        rows = self.rows[:DRAWN]
        called = files_called(self.images, rows)
        captions = [name or str(row) for name, row in zip(called, rows.tolist(), strict=True)]
        some = to_unit(np.asarray(self.images[rows]))
        drawn = sheet(some, captions=captions, scale=scale_to(some, SIDE))
        return titled(on_background(drawn, PAPER), self.title)


def pick(
    model: Model,
    images: ImagesLike,
    count: Count = "5%",
    *,
    by: str = "typical",
    labels: str | Path | None = None,
    split: str = "all",
    random_state: int = 0,
) -> Picked:
    r"""Pick the images to label first: a few that stand for all.

    "typical" makes as many clusters of the codes as there are to be labels, and takes of each the
    image with the least mean distance to its 20 nearest neighbours in it, of the largest clusters
    first: the best where labels are few. "cover" begins in the middle and goes on with the image
    that is farthest from all picked ones, so that rare ones come too. "unsure" takes those of
    whose class a classifier is least sure.

    Parameters
    ----------
    model : Representation
        Fitted, on these images or others: labels are not needed.
    images : Images or array of shape (n, ...)
        What to pick from.
    count : int or str
        How many, at least 1, as 40, or as a share of all, as 5%.
    by : {"typical", "cover", "unsure"}
        What makes an image useful: "typical" ones stand for many others, "cover" spreads them over
        all codes, "unsure" ones are those that a classifier is least sure of.
    labels : path, optional
        A table of labels there are already: these images are not picked again, and none that they
        stand for as long as there are others.
    split : {"all", "train", "test"}
        Which of the images to pick from; without names they keep their numbers among all.
    random_state : int
        Seed of the clusters.

    Returns
    -------
    Picked
        ``rows``, ``stands_for``, and ``table()``, whose empty column `label` is to be filled in.

    Raises
    ------
    ValueError
        If `count` is out of its range, `by` is another, or a model that tells no classes apart is
        to be unsure.

    References
    ----------
    G. Hacohen, A. Dekel and D. Weinshall, Active learning on a budget: opposite strategies suit
    high and low budgets, 2022 (TypiClust).
    O. Sener and S. Savarese, Active learning for convolutional neural networks: a core-set
    approach, 2018 ("cover").
    D. Lewis and W. Gale, A sequential algorithm for training text classifiers, 1994 ("unsure").

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = ist.pick(ist.PCA(16).fit(images.train), images.train, 20)
    >>> len(found.rows), len(set(images.train.y[found.rows].tolist())) >= 8
    (20, True)
    """
    one_of("by", by, WAYS)
    every = as_images(images)
    known = np.zeros(len(every), dtype=bool)
    if labels is not None:
        known = np.asarray(with_labels(every, labels).y) != -1
    here = half_rows(every, split)
    images, known = every[here], known[here]
    m = _number(count, len(images), int((~known).sum()))
    codes = vectors(model, images)
    if by == "unsure":
        rows = _least_sure(model, images, known)[:m]
    else:
        seek = _typical if by == "typical" else _covering
        rows = np.array(seek(codes, known, m, random_state))
    near = nearest_codes(codes, codes[rows], 1).rows[:, 0]
    title = f"To label first: {m:,} of {len(images):,} images of {every.source}"
    title += f", {by} to {in_words(model)}"
    return Picked(here[rows], np.bincount(near, minlength=m), every, title)


def _number(count: Count, n: int, free: int) -> int:
    """Return how many images "40" or "5%" of n are."""
    text = str(count).strip()
    try:
        m = math.ceil(n * float(text[:-1]) / 100) if text.endswith("%") else int(text)
    except ValueError:
        raise ValueError(f"count={count!r}: expected a number as 40, or a share as 5%") from None
    if not 1 <= m <= free:
        raise ValueError(f"count={count} must be 1 to {free}, the images without a label")
    return m


def _least_sure(model: Model, images: Images, known: np.ndarray) -> np.ndarray:
    if not model.can("predict_proba"):
        raise ValueError(
            f"by='unsure' needs a classifier, and {type(model).__name__} tells no classes apart: "
            "use 'typical' or 'cover'"
        )
    surest = model.predict_proba(images).max(1)
    return np.argsort(np.where(known, np.inf, surest), kind="stable")


def _typical(codes: np.ndarray, known: np.ndarray, m: int, seed: int) -> list[int]:
    """Return the most typical codes of the clusters with the fewest labels, the largest first."""
    from sklearn.cluster import KMeans

    n_clusters = min(m + int(known.sum()), CLUSTERS, len(codes))
    of = KMeans(n_clusters, n_init=1, random_state=seed).fit_predict(codes)
    has = np.bincount(of[known], minlength=n_clusters)
    left = {k: _by_typicality(codes, np.flatnonzero(of == k), known) for k in range(n_clusters)}
    sizes = np.bincount(of, minlength=n_clusters)
    rows: list[int] = []
    while len(rows) < m:
        k = min((k for k in left if left[k]), key=lambda k: (has[k], -sizes[k]))
        rows.append(left[k].pop(0))
        has[k] += 1
    return rows


def _by_typicality(codes: np.ndarray, members: np.ndarray, known: np.ndarray) -> list[int]:
    """Return the members of a cluster without a label, the most typical first."""
    k = min(NEIGHBORS, len(members) - 1)
    if k < 1:
        rows: list[int] = members[~known[members]].tolist()
        return rows
    apart = nearest_codes(codes[members], codes[members], k + 1).distances[:, 1:].mean(1)
    order = members[np.argsort(apart, kind="stable")]
    ranked: list[int] = order[~known[order]].tolist()
    return ranked


def _covering(codes: np.ndarray, known: np.ndarray, m: int, seed: int) -> list[int]:
    """Return codes, each the farthest from those before it and from those with labels."""
    rows: list[int] = []
    if known.any():
        nearest = nearest_codes(codes, codes[known], 1).distances[:, 0].astype(np.float64)
    else:
        rows = [int(np.linalg.norm(codes - codes.mean(0), axis=1).argmin())]
        nearest = np.linalg.norm(codes - codes[rows[0]], axis=1)
    while len(rows) < m:
        rows.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(codes - codes[rows[-1]], axis=1))
    return rows
