"""Search: which images lie nearest, by their codes."""

from __future__ import annotations

from typing import Any

from isthmus.codes import vectors
from isthmus.data.images import as_images, chunk_rows
from isthmus.neighbors import Index, Neighbors, blocks_of, checked, joined
from isthmus.progress import track


def nearest(
    model: Any,
    queries: Any,
    images: Any,
    k: int = 8,
    *,
    without: Any = None,
    verbose: bool = False,
) -> Neighbors:
    r"""Return which images have the codes nearest to those of others.

    The k least :math:`\|z_q - z_i\|`, found exactly. The images are encoded and compared a chunk
    at a time, so that a set much larger than the memory can be searched; for many searches of one
    set make an `isthmus.neighbors.Index` of it once, and pass that. Where codes are indices,
    vectors of the distances to all prototypes are compared; codes per pixel are averaged first.

    Parameters
    ----------
    model : Representation
        Fitted.
    queries : Images or array of shape (q, ...)
        What to look for.
    images : Images, array of shape (n, ...) or Index
        Where to look.
    k : int
        How many for each, 1 to n.
    without : array of int of shape (q,), optional
        For every query a row of `images` that is not to be found, as a rule the query itself;
        -1 for none.
    verbose : bool
        Show progress on standard error.

    Returns
    -------
    Neighbors
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
    """
    asked = vectors(model, as_images(queries))
    if isinstance(images, Index):
        return images.search(asked, k, without)
    images = as_images(images)
    without = checked(k, len(images), without, len(asked))
    blocks = blocks_of(asked, k, without)
    size = chunk_rows(images.shape)
    starts = range(0, len(images), size)
    for start in track(starts, "searching", len(starts), verbose):
        chunk = vectors(model, images[start : start + size])
        for block in blocks:
            block.see(chunk)
    return joined([block.found() for block in blocks])
