"""Search: which images lie nearest, by their codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.data.images import Images, as_images, chunk_rows
from isthmus.latent.codes import vectors
from isthmus.latent.neighbors import Index, Neighbors, blocks_of, checked, joined
from isthmus.system.progress import track
from isthmus.validation import renamed
from isthmus.verbs.neighbors import Nearest
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model, Rows


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
