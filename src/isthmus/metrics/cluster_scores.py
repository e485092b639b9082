"""How good clusters are: beside labels with intervals, and by the codes alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from isthmus.data.images import evenly_spaced
from isthmus.metrics.clustering import adjusted_information, ari, cluster_accuracy, nmi, purity
from isthmus.metrics.intervals import Estimate, of_mean
from isthmus.metrics.parts import by_parts, spread

SAMPLED = 1000
"""Codes whose silhouettes are taken, or that are clustered again, at most, evenly spaced."""
SEEDS = 4
"""Seeds of k-means whose clusters are compared."""


def agreement_within(y: ArrayLike, labels: ArrayLike) -> dict[str, Estimate]:
    """Return how well clusters agree with classes, each score with half of its 95 % interval.

    Examples
    --------
    >>> agreement_within([0, 0, 1, 1], [1, 1, 0, -1])["accuracy"].value
    0.75
    """
    y, labels = np.asarray(y), np.asarray(labels)
    ways = {
        "accuracy": cluster_accuracy,
        "nmi": nmi,
        "ari": ari,
        "ami": adjusted_information,
        "purity": purity,
    }
    return {name: _in_parts(way, y, labels) for name, way in ways.items()}


def _in_parts(score: Callable[..., float], y: np.ndarray, labels: np.ndarray) -> Estimate:
    return by_parts(lambda rows: _known(score, y[rows], labels[rows]), len(y))


def nmi_estimate(y: ArrayLike, labels: ArrayLike) -> Estimate:
    """Return the normalised mutual information with half of its interval; see `by_parts`."""
    return _in_parts(nmi, np.asarray(y), np.asarray(labels))


def ari_estimate(y: ArrayLike, labels: ArrayLike) -> Estimate:
    """Return the adjusted Rand index with half of its interval; see `by_parts`."""
    return _in_parts(ari, np.asarray(y), np.asarray(labels))


def ami_estimate(y: ArrayLike, labels: ArrayLike) -> Estimate:
    """Return the adjusted mutual information with half of its interval; see `by_parts`."""
    return _in_parts(adjusted_information, np.asarray(y), np.asarray(labels))


def purity_estimate(y: ArrayLike, labels: ArrayLike) -> Estimate:
    """Return the purity with half of its interval; see `by_parts`.

    Examples
    --------
    >>> purity_estimate([0, 0, 0, 1], [5, 5, 6, 6])
    Estimate(value=0.75, within=None, each=None)
    """
    return _in_parts(purity, np.asarray(y), np.asarray(labels))


def silhouette(Z: ArrayLike, labels: ArrayLike) -> Estimate | None:
    r"""Return the mean silhouette of clusters, with half of its 95 % interval over images.

    :math:`\frac 1 n \sum_i (b_i - a_i) / \max(a_i, b_i)`, with the mean distance a to the other
    members of the cluster, and b to those of the nearest other one. Of up to 1,000 codes.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes.
    labels : array_like of int of shape (n,)
        Their clusters; those of none, -1, are left out.

    Returns
    -------
    Estimate or None
        -1 to 1 (dense clusters far apart); 0 where they touch. None for codes that are indices,
        and where there are not 2 clusters.

    References
    ----------
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis", 1987.

    Examples
    --------
    >>> round(silhouette([[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]).value, 2)
    0.98
    """
    from sklearn.metrics import silhouette_samples

    some = _clustered(Z, labels)
    return None if some is None else of_mean(silhouette_samples(*some))


def davies_bouldin(Z: ArrayLike, labels: ArrayLike) -> Estimate | None:
    r"""Return the Davies-Bouldin index, with half of its 95 % interval; see `by_parts`.

    The mean over clusters of :math:`\max_j (s_i + s_j) / d_{ij}`: the mean distances s from their
    middles, and the distance d between two middles. Of up to 1,000 codes.

    Parameters
    ----------
    Z, labels
        See `silhouette`.

    Returns
    -------
    Estimate or None
        0 (points far apart) and more; None as of `silhouette`.

    References
    ----------
    Davies and Bouldin, "A cluster separation measure", 1979.

    Examples
    --------
    >>> round(davies_bouldin([[0.0], [0.2], [5.0], [5.2]], [0, 0, 1, 1]).value, 2)
    0.04
    """
    from sklearn.metrics import davies_bouldin_score

    some = _clustered(Z, labels)
    if some is None:
        return None
    codes, own = some
    return by_parts(lambda rows: _known(davies_bouldin_score, codes[rows], own[rows]), len(own))


def stability(Z: ArrayLike, labels: ArrayLike, seed: int = 0) -> Estimate | None:
    """Return how far k-means finds the same clusters from other seeds.

    The mean adjusted Rand index of any two of 4 seeds, one start each, of as many clusters as
    there are, among up to 1,000 codes; the interval is over pairs of seeds.

    Parameters
    ----------
    Z, labels
        See `silhouette`; of the clusters only their number counts.
    seed : int
        The first of the seeds.

    Returns
    -------
    Estimate or None
        About 0 (as two clusterings by chance) to 1 (always the same); None as of `silhouette`.

    References
    ----------
    von Luxburg, "Clustering stability: an overview", 2010.

    Examples
    --------
    >>> stability([[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]).value
    1.0
    """
    from sklearn.cluster import KMeans

    some = _clustered(Z, labels)
    if some is None:
        return None
    codes, own = some
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [
            KMeans(len(np.unique(own)), n_init=1, random_state=seed + i).fit_predict(codes)
            for i in range(SEEDS)
        ]
    pairs = [ari(one, two) for i, one in enumerate(found) for two in found[:i]]
    return Estimate(float(np.mean(pairs)), spread(pairs))


def _clustered(Z: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray] | None:
    """Return some codes and their clusters, None where nothing can be said of these."""
    codes, own = np.asarray(Z, dtype=np.float64), np.asarray(labels)
    if codes.ndim != 2 or not np.isfinite(codes).all():
        return None
    codes, own = codes[own >= 0], own[own >= 0]
    if len(codes) > SAMPLED:
        rows = evenly_spaced(len(codes), SAMPLED)
        codes, own = codes[rows], own[rows]
    return (codes, own) if 2 <= len(np.unique(own)) < len(own) else None


def _known(score: Callable[..., float], *given: np.ndarray) -> float:
    """Return a score of a part of the images, NaN where there is none."""
    try:
        return float(score(*given))
    except ValueError:
        return float("nan")
