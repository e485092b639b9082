"""Clusters of codes by several methods, with how far in each code is, and how surely."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.latent.neighbors import nearest_codes
from isthmus.metrics.clustering import ari, cluster_accuracy, nmi
from isthmus.validation import one_of

METHODS = ("kmeans", "gmm", "hdbscan")
STARTS = 4
"""Starts of k-means, and of a mixture from either kind of start; the best is kept."""
LEARNT = 20_000
"""Codes from which a mixture or HDBSCAN learns, at most; the others are joined to them."""
WIDEST = 64
"""Codes wider than this have a mixture of diagonal covariances: full ones need too many codes."""


class Groups(NamedTuple):
    """A cluster for every code; cluster 0 is the largest.

    Attributes
    ----------
    labels : ndarray of int of shape (n,)
        0 to k - 1; -1 is none (HDBSCAN's noise).
    distance : ndarray of shape (n,)
        From the middle of its cluster, the mean of the members; NaN where there is none.
    certainty : ndarray of shape (n,)
        How surely a code belongs, 0 to 1: the probability of its cluster under a mixture,
        HDBSCAN's strength of membership, or for k-means ``1 - d1 / d2`` with the distances to the
        nearest and the second nearest middle.
    """

    labels: np.ndarray
    distance: np.ndarray
    certainty: np.ndarray

    def middle_and_edge(self, cluster: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which codes lie nearest to the middle of a cluster, and which farthest."""
        return middles_and_edges(self, cluster, count)


def group(
    Z: ArrayLike,
    method: str = "kmeans",
    n_clusters: int = 10,
    *,
    min_size: int | None = None,
    times: ArrayLike | None = None,
    random_state: int = 0,
) -> Groups:
    r"""Return clusters of codes.

    k-means minimises :math:`\sum_i |z_i - c_{l_i}|^2`, best of 4 starts; the mixture maximises
    :math:`\sum_i \log \sum_j \pi_j N(z_i; \mu_j, \Sigma_j)`, best of 8; HDBSCAN takes those
    regions for clusters that stay dense over the widest range of densities, and leaves out what
    lies between.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes, or their places on a map. They are not rescaled.
    method : {"kmeans", "gmm", "hdbscan"}
        The method. A mixture and HDBSCAN learn from at most 20,000 codes, evenly chosen.
    n_clusters : int
        How many, 1 to n; HDBSCAN finds the number itself.
    min_size : int, optional
        Fewest members of a cluster of HDBSCAN, at least 2; by default 1 % of the codes, and 5 or
        more.
    times : array_like of int of shape (n,), optional
        How often every code occurs, at least once, for k-means: equal codes need to be given only
        once.
    random_state : int
        Seed of the starts.

    Returns
    -------
    Groups

    Raises
    ------
    ValueError
        If the codes are no vectors, or a parameter is out of its range.

    References
    ----------
    Lloyd, "Least squares quantization in PCM", 1982. Dempster, Laird and Rubin, "Maximum
    likelihood from incomplete data via the EM algorithm", 1977. Campello, Moulavi and Sander,
    "Density-based clustering based on hierarchical density estimates", 2013.

    Examples
    --------
    >>> group([[0.0], [0.2], [0.4], [9.0], [9.2]], "kmeans", 2).labels
    array([0, 0, 0, 1, 1])
    """
    one_of("method", method, METHODS)
    Z = np.asarray(Z, dtype=np.float64)
    if Z.ndim != 2 or not len(Z) or not np.isfinite(Z).all():
        raise ValueError(f"codes of shape {Z.shape}: expected finite vectors (n, k), at least one")
    least, given = (2, min_size or _fewest(len(Z))) if method == "hdbscan" else (1, n_clusters)
    if not least <= given <= len(Z):
        name = "min_size" if method == "hdbscan" else "n_clusters"
        raise ValueError(f"{name}={given} must be {least} to {len(Z)}, the number of images")
    often = np.ones(len(Z)) if times is None else np.asarray(times, dtype=np.float64)
    if method == "kmeans":
        return placed(Z, _by_kmeans(Z, given, random_state, often), often)
    if times is not None:
        raise ValueError(f"times are for kmeans; give {method} every code as often as it occurs")
    found = _by_mixture if method == "gmm" else _by_density
    return _ordered(Z, *found(Z, given, random_state), often)


def _fewest(n: int) -> int:
    return min(n, max(5, n // 100))


def _by_kmeans(Z: np.ndarray, k: int, seed: int, times: np.ndarray) -> np.ndarray:
    from sklearn.cluster import KMeans

    model = KMeans(k, n_init=STARTS, random_state=seed)
    with warnings.catch_warnings():  # fewer distinct codes than k is a finding, not a fault
        warnings.simplefilter("ignore")
        labels: np.ndarray = model.fit_predict(
            Z - np.average(Z, axis=0, weights=times), sample_weight=times
        )
        return labels


def placed(Z: np.ndarray, labels: np.ndarray, times: np.ndarray | None = None) -> Groups:
    """Return clusters that are known as `group` does by k-means: by size, and how surely.

    Examples
    --------
    >>> placed(np.array([[0.0], [2.0], [4.0]]), np.array([7, 3, 3])).certainty.round(2)
    array([1.  , 0.5 , 0.75])
    """
    times = np.ones(len(Z)) if times is None else times
    known, own = np.unique(labels, return_inverse=True)
    distances = np.empty((len(known), len(Z)))
    for label, to in enumerate(distances):
        members = own == label
        middle = np.average(Z[members], axis=0, weights=times[members])
        to[:] = np.linalg.norm(Z - middle, axis=1)
    near = np.take_along_axis(distances, own[None], 0)[0].copy()
    np.put_along_axis(distances, own[None], np.inf, 0)
    certainty = np.clip(1 - near / np.maximum(distances.min(0), 1e-12), 0, 1)
    return _ordered(Z, labels, certainty, times)


def _by_mixture(Z: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.mixture import GaussianMixture

    form = "full" if Z.shape[1] <= WIDEST else "diag"
    least = 1e-4 * max(float(Z.var(0).mean()), 1e-12)  # or a few equal codes become a spike
    known = _some(Z, max(LEARNT, k))

    def fitted(start: str) -> Any:
        settings = {"covariance_type": form, "reg_covar": least, "n_init": STARTS}
        model = GaussianMixture(k, init_params=start, random_state=seed, **settings)
        with warnings.catch_warnings():  # stopped before it settled: still clusters
            warnings.simplefilter("ignore")
            return model.fit(known)

    # from the clusters of k-means alone, groups that lie along each other are never found
    starts = map(fitted, ("kmeans", "k-means++"))
    model = max(starts, key=lambda model: model.lower_bound_)
    chances = model.predict_proba(Z)
    return chances.argmax(1), chances.max(1)


def _by_density(Z: np.ndarray, least: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.cluster import HDBSCAN

    known = _some(Z, LEARNT)
    # fewer codes are learnt from, so fewer make a cluster
    size = max(2, round(least * len(known) / len(Z)))
    model = HDBSCAN(min_cluster_size=size, min_samples=min(5, size), copy=True).fit(known)
    if len(known) == len(Z):
        return model.labels_, model.probabilities_
    near = nearest_codes(Z, known).rows[:, 0]
    return model.labels_[near], model.probabilities_[near]


def _some(Z: np.ndarray, most: int) -> np.ndarray:
    """Return up to this many codes, evenly spaced over all."""
    if len(Z) <= most:
        return Z
    some: np.ndarray = Z[np.linspace(0, len(Z) - 1, most).round().astype(int)]
    return some


def _ordered(
    Z: np.ndarray, labels: np.ndarray, certainty: np.ndarray, times: np.ndarray
) -> Groups:
    """Return the clusters by size, the largest first, with the distances from their middles."""
    found, rows = np.unique(labels[labels >= 0], return_inverse=True)
    order = found[np.argsort(-np.bincount(rows, times[labels >= 0]), kind="stable")]
    renamed, distance = np.full(len(Z), -1), np.full(len(Z), np.nan)
    for new, old in enumerate(order):
        members = labels == old
        renamed[members] = new
        middle = np.average(Z[members], axis=0, weights=times[members])
        distance[members] = np.linalg.norm(Z[members] - middle, axis=1)
    return Groups(renamed, distance, np.where(renamed < 0, 0.0, certainty))


def middles_and_edges(groups: Groups, cluster: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which codes are nearest to the middle of a cluster, and which hardly belong to it.

    Parameters
    ----------
    groups : Groups
        Of all codes.
    cluster : int
        Which of them.
    count : int
        How many of either at most; no code is both.

    Returns
    -------
    (ndarray, ndarray)
        Rows: the nearest to the middle first, the least certain first (of equally certain ones
        the farthest).

    Examples
    --------
    >>> found = group([[0.0], [1.0], [2.0], [3.0], [20.0], [21.0]], "kmeans", 2)
    >>> middles_and_edges(found, 0, 2)
    (array([1, 2]), array([3, 0]))
    """
    members = np.flatnonzero(groups.labels == cluster)
    within = members[np.argsort(groups.distance[members], kind="stable")]
    n_middle = min(count, -(-len(members) // 2))
    rest = within[n_middle:]
    order = np.lexsort((-groups.distance[rest], groups.certainty[rest].round(6)))
    return within[:n_middle], rest[order][:count]


def agreement(y: ArrayLike, labels: ArrayLike) -> dict[str, Any]:
    """Return how well clusters agree with classes.

    Parameters
    ----------
    y : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    labels : array_like of int of shape (n,)
        Clusters; -1 is none. Images of no cluster count as wrong in the accuracy, and as one more
        cluster in NMI and ARI.

    Returns
    -------
    dict
        accuracy (by the best one-to-one matching), nmi, ari.

    Raises
    ------
    ValueError
        If the lengths differ, or no image is labelled.

    Examples
    --------
    >>> agreement([0, 0, 1, 1], [1, 1, 0, -1])["accuracy"]
    0.75
    """
    return {"accuracy": cluster_accuracy(y, labels), "nmi": nmi(y, labels), "ari": ari(y, labels)}


def clusters(Z: ArrayLike, k: int, random_state: int = 0) -> np.ndarray:
    """Return a cluster label for every code: k-means on vectors, an index as it is.

    The labels of `group`, without the rest.

    Parameters
    ----------
    Z : array_like of shape (n, k), (n, h, w, k) or (n,)
        Codes. Dense codes are flattened; one integer per image is a cluster already, and is
        returned unchanged, whatever `k` is.
    k : int
        Number of clusters, 1 to n.
    random_state : int
        Seed of the starts.

    Returns
    -------
    ndarray of int of shape (n,)
        0 to k - 1 for vectors.

    Raises
    ------
    ValueError
        If there are no codes, or `k` is not between 1 and their number.

    References
    ----------
    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007.

    Examples
    --------
    >>> labels = clusters(np.array([[0.0, 0], [0, 1], [9, 9], [9, 8]]), k=2)
    >>> bool(labels[0] == labels[1] != labels[2] == labels[3])
    True
    """
    Z = np.asarray(Z)
    if Z.ndim == 1 and Z.dtype.kind in "iu":
        return Z
    if not 1 <= k <= len(Z):
        raise ValueError(f"k={k} clusters of {len(Z)} codes: k must be 1 to the number of codes")
    return group(Z.reshape(len(Z), -1), "kmeans", k, random_state=random_state).labels
