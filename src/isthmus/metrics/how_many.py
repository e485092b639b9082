"""How many clusters there are among codes, by the codes alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from isthmus.data.images import evenly_spaced
from isthmus.metrics.clustering import ari
from isthmus.metrics.intervals import Estimate, of_mean
from isthmus.metrics.paired import difference
from isthmus.metrics.parts import spread

MOST = 20
"""Clusters, at most."""
SEEDS = 4
"""Starts of k-means for every number: the best counts, and how alike they are is told."""
LOOKED_AT = 1000
"""Codes that are looked at, at most."""


class Tried(NamedTuple):
    """A number of clusters, how far apart these are, and how far k-means finds them again.

    Attributes
    ----------
    clusters : int
        How many.
    silhouette : Estimate
        Its mean over codes, with that of each.
    stability : Estimate
        Mean adjusted Rand index of any two of 4 seeds.
    """

    clusters: int
    silhouette: Estimate
    stability: Estimate


def numbers_tried(
    Z: np.ndarray,
    random_state: int = 0,
    most: int = MOST,
    within: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> list[Tried]:
    r"""Return every number of clusters from 2 on that was tried, with its mean silhouette.

    Of every number of clusters of k-means the silhouette is the mean of
    :math:`(b_i - a_i) / \max(a_i, b_i)` with the mean distances of a code to its own cluster, a,
    and to the nearest other one, b. Of codes that all are one cluster it cannot tell so.

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
    >>> found = numbers_tried(middles[np.arange(90) % 3] + rng.normal(size=(90, 2)), most=3)
    >>> [(each.clusters, each.stability.value > 0.9) for each in found]
    [(2, False), (3, True)]
    >>> best_of(found).clusters
    3
    """
    Z = np.asarray(Z, dtype=np.float64)
    Z = Z[evenly_spaced(len(Z), LOOKED_AT)]
    numbers = range(2, min(most, len(np.unique(Z, axis=0)) - 1) + 1)
    return [_tried(Z, k, random_state) for k in within(numbers)]


def best_of(found: Sequence[Tried]) -> Tried:
    """Return the number of clusters with the greatest mean silhouette."""
    return max(found, key=lambda each: each.silhouette.value)


def ties_of(found: Sequence[Tried]) -> list[int]:
    """Return the numbers that cannot be told from the best, by the silhouettes of the same codes.

    Examples
    --------
    >>> one, other = (Estimate(0.5, None, np.array([0.4, 0.6, 0.5])) for _ in range(2))
    >>> ties_of([Tried(2, one, one), Tried(3, other, one)])
    [3]
    """
    best, times = best_of(found), max(1, len(found) - 1)
    others = [each for each in found if each is not best]

    def ties(one: np.ndarray | None, two: np.ndarray | None) -> bool:
        return one is None or two is None or difference([(one, two)], times=times).is_tie

    return [each.clusters for each in others if ties(best.silhouette.each, each.silhouette.each)]


def _tried(Z: np.ndarray, k: int, seed: int) -> Tried:
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_samples

    with warnings.catch_warnings():  # stopped before it settled: still clusters
        warnings.simplefilter("ignore")
        fits = [KMeans(k, n_init=1, random_state=seed + i).fit(Z) for i in range(SEEDS)]
    best = min(fits, key=lambda fit: fit.inertia_)
    each = silhouette_samples(Z, best.labels_)
    pairs = [ari(a.labels_, b.labels_) for i, a in enumerate(fits) for b in fits[:i]]
    stable = Estimate(float(np.mean(pairs)), spread(pairs))
    return Tried(k, of_mean(each)._replace(each=each), stable)
