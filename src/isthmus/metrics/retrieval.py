"""How often, and how early, what a search finds is of the class that was looked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.intervals import Estimate, of_mean


def precision_at_k(y: ArrayLike, y_found: ArrayLike) -> float:
    """Return the share of the images found that are of the class of their query.

    ``P@k = mean_q sum_{i<=k} [y_found_qi = y_q] / k``, averaged over the queries with a label; an
    image found that has none counts as wrong.

    Parameters
    ----------
    y : array_like of int of shape (q,)
        Classes of the queries; those with -1 are left out.
    y_found : array_like of int of shape (q, k)
        Classes of what was found for them.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If the shapes disagree, or no query is labelled.

    References
    ----------
    Manning, Raghavan and Schuetze, "Introduction to information retrieval", 2008.

    Examples
    --------
    >>> precision_at_k([3, 8], [[3, 3], [8, 3]])
    0.75
    """
    return float(_hits(y, y_found).mean())


def recall_at_k(y: ArrayLike, y_found: ArrayLike) -> float:
    """Return the share of queries of which at least one image found is of their class.

    ``R@k = mean_q max_{i<=k} [y_found_qi = y_q]``, over the queries with a label.

    Parameters
    ----------
    y, y_found
        See `precision_at_k`.

    Returns
    -------
    float
        0 to 1. By chance ``1 - (1 - s)^k`` for a class with the share s.

    References
    ----------
    Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", 2011.

    Examples
    --------
    >>> recall_at_k([3, 8], [[3, 1], [1, 1]])
    0.5
    """
    right = _hits(y, y_found)
    return float(right.any(1).mean())


def average_precision_at_k(y: ArrayLike, y_found: ArrayLike, there: ArrayLike) -> float:
    r"""Return the mean average precision (mAP) of the first k images found.

    :math:`\mathrm{mean}_q \frac{1}{\min(R_q, k)} \sum_{i \le k} P@i \, [y_{qi} = y_q]` with the
    number R of images of that class that could be found: right ones count more, the earlier they
    come. Where all images are ranked it is the average precision.

    Parameters
    ----------
    y, y_found
        See `precision_at_k`.
    there : array_like of int of shape (n,)
        Classes of all images that were searched.

    Returns
    -------
    float
        0 to 1 (all of the class come first).

    References
    ----------
    Manning, Raghavan and Schuetze, "Introduction to information retrieval", 2008.

    Examples
    --------
    >>> average_precision_at_k([3], [[3, 1, 3]], [3, 3, 1])
    0.8333333333333333
    """
    return float(_precisions(y, y_found, there).mean())


def retrieved(y: ArrayLike, y_found: ArrayLike, there: ArrayLike) -> dict[str, Estimate]:
    """Return precision, recall and mAP with half of their 95 % intervals over queries.

    Examples
    --------
    >>> retrieved([3, 8], [[3, 3], [3, 8]], [3, 3, 8])["precision at k"].value
    0.75
    """
    right = _hits(y, y_found)
    return {
        "precision at k": of_mean(right.mean(1)),
        "recall at k": of_mean(np.asarray(right.any(1))),
        "mean average precision": of_mean(_precisions(y, y_found, there)),
    }


def _precisions(y: ArrayLike, y_found: ArrayLike, there: ArrayLike) -> np.ndarray:
    """Return the average precision of every query with a label."""
    y, there = np.asarray(y), np.asarray(there)
    right = _hits(y, y_found)
    order = np.arange(1, right.shape[1] + 1)
    gained = (right * (right.cumsum(1) / order)).sum(1)
    kinds, counts = np.unique(there, return_counts=True)
    known = y[y != -1]
    place = np.searchsorted(kinds, known).clip(max=len(kinds) - 1)
    possible = np.where(kinds[place] == known, counts[place], 1)
    return np.asarray(gained / np.minimum(possible, right.shape[1]))


def found_by_chance(y: ArrayLike, there: ArrayLike, k: int) -> dict[str, float]:
    """Return precision and recall at k where what is found is drawn by chance.

    Examples
    --------
    >>> found_by_chance([0, 1], [0, 0, 1, 1], 2)
    {'precision': 0.5, 'recall': 0.75}
    """
    y, there = np.asarray(y), np.asarray(there)
    shares = np.array([(there == label).mean() for label in y[y != -1]])
    return {
        "precision": float(shares.mean()),
        "recall": float((1 - (1 - shares) ** k).mean()),
    }


def _hits(y: ArrayLike, y_found: ArrayLike) -> np.ndarray:
    """Return which of what is found is of the class of its query, (labelled queries, k)."""
    y, y_found = np.asarray(y), np.asarray(y_found)
    if y_found.ndim != 2 or y.shape != y_found.shape[:1]:
        raise ValueError(f"y of shape {y.shape} and y_found of {y_found.shape}: not (q,), (q, k)")
    known = y != -1
    if not known.any():
        raise ValueError("no query is labelled: precision needs classes")
    return np.asarray(y_found[known] == y[known][:, None])
