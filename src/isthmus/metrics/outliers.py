"""Anomaly scores of codes, and how well they find what is known to be new."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from isthmus.latent.neighbors import nearest_codes
from isthmus.metrics.intervals import Estimate


def mahalanobis(Z: ArrayLike, reference: ArrayLike) -> np.ndarray:
    r"""Return the distance of every code from the middle of others, in their own deviations.

    :math:`\sqrt{(z - \mu)^T \Sigma^{-1} (z - \mu)}`, the covariance shrunk towards a multiple of
    the identity, :math:`\Sigma = (1 - \alpha) S + \alpha \frac{\mathrm{tr} S}{k} I`, by as much as
    Ledoit and Wolf show to be best: it has an inverse even for fewer codes than dimensions.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes to be judged.
    reference : array_like of shape (m, k)
        Codes of what is ordinary, at least 2.

    Returns
    -------
    ndarray of shape (n,)
        0 in the middle; about sqrt(k) for codes as ordinary as those of the reference.

    Raises
    ------
    ValueError
        If there are fewer than 2 reference codes, they are all equal, or widths differ.

    References
    ----------
    Mahalanobis, "On the generalised distance in statistics", 1936. Ledoit and Wolf, "A
    well-conditioned estimator for large-dimensional covariance matrices", 2004. Lee et al., "A
    simple unified framework for detecting out-of-distribution samples", 2018.

    Examples
    --------
    >>> reference = np.random.default_rng(0).normal(0, [1, 10], (5000, 2))
    >>> mahalanobis([[3.0, 0.0], [0.0, 30.0]], reference).round()
    array([3., 3.])
    """
    from sklearn.covariance import ledoit_wolf

    Z, reference = _vectors(Z, reference, 2)
    mean = reference.mean(0)
    covariance, _ = ledoit_wolf(reference)
    if not np.trace(covariance) > 0:
        raise ValueError(f"all {len(reference)} reference codes are equal: nothing is near or far")
    # the factor's inverse makes a sphere of the reference, where distance is plain
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), (Z - mean).T)
    distance: np.ndarray = np.sqrt((whitened**2).sum(0))
    return distance


def neighbour_distance(
    Z: ArrayLike,
    reference: ArrayLike | None = None,
    k: int = 5,
    *,
    own: np.ndarray | None = None,
    show: bool | None = False,
) -> np.ndarray:
    r"""Return the mean distance of every code to the `k` nearest of others.

    :math:`\frac 1 k \sum_{j \in N_k(z)} ||z - r_j||`. It asks nothing of how the codes lie:
    groups, rings and gaps are all respected.

    Parameters
    ----------
    Z : array_like of shape (n, d)
        Codes to be judged.
    reference : array_like of shape (m, d), optional
        Codes of what is ordinary; by default `Z` itself, every code beside all others.
    k : int
        Neighbours, at least 1; all of them where there are fewer.
    own : ndarray of int of shape (n,), optional
        For every code the row of the reference that is itself, and no neighbour; -1 for none.
    show : bool or None
        Show progress; None does where standard error is a terminal.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If `k` is below 1, there is no other code, or widths differ.

    References
    ----------
    Ramaswamy, Rastogi and Shim, "Efficient algorithms for mining outliers", 2000.

    Examples
    --------
    >>> neighbour_distance([[0.0], [1.0], [9.0]], k=1)
    array([1., 1., 8.])
    """
    if k < 1:
        raise ValueError(f"k={k} neighbours: at least 1 is needed")
    if reference is None:
        own = np.arange(len(np.asarray(Z)))
    Z, others = _vectors(Z, Z if reference is None else reference, 1 if own is None else 2)
    k = min(k, len(others) - (own is not None))
    distance: np.ndarray = nearest_codes(Z, others, k, own, show).distances.mean(1)
    return distance


def auroc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Return how well scores tell what is new: the area under the ROC curve.

    The probability that a new image has the higher score of the two beside an ordinary one, equal
    scores counting half.

    Parameters
    ----------
    truth : array_like of bool of shape (n,)
        True for what is new.
    scores : array_like of shape (n,)
        The higher, the more anomalous.

    Returns
    -------
    float
        0.5 is chance, 1 is faultless.

    Raises
    ------
    ValueError
        If lengths differ, or all images are of one kind.

    References
    ----------
    Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982.

    Examples
    --------
    >>> auroc([True, False, False], [0.7, 0.9, 0.1])
    0.5
    """
    from scipy.stats import rankdata

    truth, scores = np.asarray(truth), np.asarray(scores)
    if truth.shape != scores.shape or truth.ndim != 1:
        raise ValueError(f"truth of shape {truth.shape} for scores of {scores.shape}: one each")
    truth = truth.astype(bool)
    n_new = int(truth.sum())
    n_known = len(truth) - n_new
    if not n_new or not n_known:
        raise ValueError(f"truth says that {n_new} of {len(truth)} are new: some must be, not all")
    above = rankdata(scores)[truth].sum() - n_new * (n_new + 1) / 2
    return float(above / (n_new * n_known))


def auroc_estimate(truth: ArrayLike, scores: ArrayLike) -> Estimate:
    r"""Return the area under the ROC curve, and half of its 95 % interval.

    By DeLong's variance :math:`s_1^2 / n_1 + s_0^2 / n_0`, of how many ordinary images each of the
    n_1 new ones is above, and how many new ones are above each of the n_0 ordinary ones.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", 1988.

    Examples
    --------
    >>> found = auroc_estimate(np.arange(60) >= 40, np.arange(60) % 31)
    >>> round(found.value, 3), round(found.within, 3)
    (0.7, 0.129)
    """
    value = auroc(truth, scores)
    truth, scores = np.asarray(truth).astype(bool), np.asarray(scores)
    new, known = scores[truth], scores[~truth]
    if min(len(new), len(known)) < 2:
        return Estimate(value)
    return Estimate(value, float(f"{delong(*placements(new, known)):.6g}"))


def placements(high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of low values below each high one, and of high ones above each low one.

    Both have the mean that is the area under the ROC curve.

    Examples
    --------
    >>> [part.tolist() for part in placements(np.array([1.0, 3.0]), np.array([0.0, 2.0]))]
    [[0.5, 1.0], [1.0, 0.5]]
    """
    return share_below(high, low), 1 - share_below(low, high)


def delong(*parts: np.ndarray) -> float:
    """Return half of the 95 % interval of that area, by its `placements`, two or more of each."""
    return 1.96 * math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in parts))


def share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of others below every value, half of those that are equal.

    Examples
    --------
    >>> share_below(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0]))
    array([0. , 0.5, 1. ])
    """
    order = np.sort(others)
    sides = [np.searchsorted(order, values, side) for side in ("left", "right")]
    found: np.ndarray = np.mean(sides, axis=0) / len(others)
    return found


def _vectors(Z: Any, reference: Any, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    Z, reference = (np.asarray(codes, dtype=np.float64) for codes in (Z, reference))
    if Z.ndim != 2 or reference.ndim != 2 or Z.shape[1] != reference.shape[1]:
        raise ValueError(
            f"codes of shape {Z.shape} beside reference codes of shape {reference.shape}: "
            "expected vectors (n, k) of one width"
        )
    if len(reference) < fewest:
        raise ValueError(f"{len(reference)} reference codes: at least {fewest} are needed")
    return Z, reference
