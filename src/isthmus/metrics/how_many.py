"""How many clusters there are among codes, by the codes alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import numpy as np

from isthmus.data.images import evenly_spaced

MOST = 20
"""Clusters, at most."""
LOOKED_AT = 1000
"""Codes that are looked at, at most."""


def how_many(
    Z: np.ndarray,
    random_state: int = 0,
    most: int = MOST,
    within: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> int:
    r"""Return how many clusters there are among codes, 2 to `most`, by the mean silhouette.

    Of every number of clusters of k-means the silhouette is the mean of
    :math:`(b_i - a_i) / \max(a_i, b_i)` with the mean distances of a code to its own cluster, a,
    and to the nearest other one, b. The number with the greatest is returned. Of codes that all
    are one cluster it cannot tell so.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes; 1,000 of them at most are looked at, evenly chosen.
    random_state : int
        Seed of the starts.
    most : int
        Clusters, at most.
    within : callable
        Which of the numbers, in turn, are tried; by default all.

    References
    ----------
    P. Rousseeuw, Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis, 1987.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> middles = np.array([[0, 0], [9, 0], [0, 9]])
    >>> how_many(middles[np.arange(90) % 3] + rng.normal(size=(90, 2)))
    3
    """
    Z = np.asarray(Z, dtype=np.float64)
    Z = Z[evenly_spaced(len(Z), LOOKED_AT)]
    numbers = range(2, min(most, len(np.unique(Z, axis=0)) - 1) + 1)
    found = {k: _silhouette(Z, k, random_state) for k in within(numbers)}
    return max(found, key=lambda k: found[k], default=1)


def _silhouette(Z: np.ndarray, k: int, seed: int) -> float:
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    with warnings.catch_warnings():  # stopped before it settled: still clusters
        warnings.simplefilter("ignore")
        labels = KMeans(k, n_init=2, random_state=seed).fit_predict(Z)
    return float(silhouette_score(Z, labels))
