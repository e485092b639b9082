"""How often what a search finds is of the class that was looked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


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
    y, y_found = np.asarray(y), np.asarray(y_found)
    if y_found.ndim != 2 or y.shape != y_found.shape[:1]:
        raise ValueError(f"y of shape {y.shape} and y_found of {y_found.shape}: not (q,), (q, k)")
    known = y != -1
    if not known.any():
        raise ValueError("no query is labelled: precision needs classes")
    return float((y_found[known] == y[known][:, None]).mean())
