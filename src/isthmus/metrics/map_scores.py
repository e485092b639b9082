"""How far a map in the plane keeps the neighbours that codes have."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.data.images import evenly_spaced
from isthmus.metrics.intervals import Estimate, of_mean

SAMPLED = 1000
"""Images that are looked at, at most, evenly spaced: ranks of all of these are in memory."""
NEIGHBOURS = 10


class Faithful(NamedTuple):
    """Scores between 0 and 1, higher is better, each with half of its 95 % interval over images.

    Attributes
    ----------
    trustworthiness : Estimate
        Whether what is near on the map is near in the codes.
    continuity : Estimate
        Whether what is near in the codes is near on the map.
    neighbour_overlap : Estimate
        Share of the nearest codes that are among the nearest on the map.
    """

    trustworthiness: Estimate
    continuity: Estimate
    neighbour_overlap: Estimate


def map_scores(Z: ArrayLike, points: ArrayLike, k: int = NEIGHBOURS) -> Faithful:
    r"""Return how far places on a map keep the neighbours of codes.

    .. math::
        T = 1 - \frac{2}{n k (2 n - 3 k - 1)} \sum_i \sum_{j \in N_k(i)} \max(0, r(i, j) - k)

    with the k nearest j of i on the map and the rank r of j among the codes nearest to i is the
    trustworthiness; continuity is the same with map and codes exchanged. Of more than 1,000
    images as many are looked at, evenly spaced, and neighbours are those among them.

    Parameters
    ----------
    Z : array_like of shape (n, d)
        Codes.
    points : array_like of shape (n, 2) or (n, 3)
        Their places.
    k : int
        Neighbours, 1 to below half of the images; fewer of few images.

    Returns
    -------
    Faithful
        By chance trustworthiness and continuity are about a half, and the overlap k / (n - 1).

    Raises
    ------
    ValueError
        If there is not one place a code, or there are fewer than 5.

    References
    ----------
    Venna and Kaski, "Neighborhood preservation in nonlinear projection methods", 2001. France and
    Carroll, "Development of an agreement metric based upon the Rand index for the evaluation of
    dimensionality reduction techniques", 2007 (overlap).

    Examples
    --------
    >>> Z = np.random.default_rng(0).normal(size=(100, 2))
    >>> [round(part.value, 3) for part in map_scores(Z, 3 * Z)]
    [1.0, 1.0, 1.0]
    """
    X, Y = np.asarray(Z, dtype=np.float64), np.asarray(points, dtype=np.float64)
    if X.ndim != 2 or Y.ndim != 2 or len(X) != len(Y) or len(X) < 5:
        raise ValueError(
            f"codes of shape {X.shape} and places of shape {Y.shape}: expected (n, d) and (n, 2), "
            "at least 5"
        )
    if len(X) > SAMPLED:
        rows = evenly_spaced(len(X), SAMPLED)
        X, Y = X[rows], Y[rows]
    k = max(1, min(k, (len(X) - 1) // 2))
    ranks = _ranks(X), _ranks(Y)
    near = ranks[0] <= k, ranks[1] <= k
    return Faithful(
        of_mean(_kept(ranks[0], near[1], k)),
        of_mean(_kept(ranks[1], near[0], k)),
        of_mean((near[0] & near[1]).sum(1) / k),
    )


def _ranks(X: np.ndarray) -> np.ndarray:
    """Return how near every other is to each: 1 the nearest; more than all others for itself."""
    n = len(X)
    distances = np.square(X).sum(1)[:, None] + np.square(X).sum(1) - 2 * X @ X.T
    np.fill_diagonal(distances, np.inf)
    ranks = np.empty((n, n), dtype=np.int32)
    order = distances.argsort(axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(1, n + 1, dtype=np.int32)[None], axis=1)
    return ranks


def _kept(ranks: np.ndarray, near: np.ndarray, k: int) -> np.ndarray:
    """Return trustworthiness image by image: by ranks in one space, neighbours of the other."""
    n = len(ranks)
    beyond = np.where(near, np.maximum(0, ranks - k), 0).sum(1)
    return np.asarray(1 - 2 * beyond / (k * (2 * n - 3 * k - 1)))
