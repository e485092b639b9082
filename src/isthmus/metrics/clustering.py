"""How well clusters agree with labels."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.intervals import Estimate


def cluster_accuracy(y: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of images right when every cluster is matched with at most one class.

    ``accuracy = max_m sum_i [m(labels_i) = y_i] / n`` over one-to-one matchings m, found by the
    Hungarian method. Where there are more clusters than classes the clusters left over count as
    wrong: a class cut into pieces scores low here and high in `purity`.

    Parameters
    ----------
    y : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    labels : array_like of int of shape (n,)
        Clusters, by any numbers; -1 is none, and counts as wrong.

    Returns
    -------
    float
        0 to 1 (the clusters are the classes).

    Raises
    ------
    ValueError
        If the lengths differ, or no image is labelled.

    References
    ----------
    Kuhn, "The Hungarian method for the assignment problem", 1955.

    Examples
    --------
    >>> cluster_accuracy([0, 0, 1, 1], [7, 7, 3, 3]), cluster_accuracy([0, 0, 0, 0], [1, 1, 1, 2])
    (1.0, 0.75)
    """
    return cluster_accuracy_estimate(y, labels).value


def cluster_accuracy_estimate(y: ArrayLike, labels: ArrayLike) -> Estimate:
    """Return the share of images in the cluster of their class, and which of them are.

    Examples
    --------
    >>> cluster_accuracy_estimate([0, 0, -1, 1], [7, 7, 3, 7]).each
    array([ True,  True, False])
    """
    from scipy.optimize import linear_sum_assignment

    table, _ = _contingency(y, labels)
    rows, columns = linear_sum_assignment(table, maximize=True)
    y, labels = _labelled(y, labels)
    known, found = (np.unique(names[labels != -1]) for names in (y, labels))
    right = np.zeros(len(y), dtype=bool)
    for row, column in zip(rows, columns, strict=True):
        right |= (y == known[row]) & (labels == found[column])
    return Estimate(float(right.mean()), None, right)


def purity(y: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of images right when every cluster stands for its most frequent class.

    ``purity = sum_j max_c |cluster j and class c| / n``. It grows with the number of clusters
    (one image in each gives 1), so compare it only where that number is equal.

    Parameters
    ----------
    y : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    labels : array_like of int of shape (n,)
        Clusters, by any numbers; -1 is none, and counts as wrong.

    Returns
    -------
    float
        The share of the largest class, to 1.

    Raises
    ------
    ValueError
        If the lengths differ, or no image is labelled.

    References
    ----------
    Manning, Raghavan and Schütze, "Introduction to information retrieval", 2008, chapter 16.

    Examples
    --------
    >>> purity([0, 0, 0, 1], [5, 5, 6, 6])
    0.75
    """
    table, n = _contingency(y, labels)
    return float(table.max(axis=0, initial=0).sum() / n)


def nmi(y: ArrayLike, labels: ArrayLike) -> float:
    """Return the normalised mutual information of classes and clusters.

    ``nmi = 2 I(y; labels) / (H(y) + H(labels))``.

    Parameters
    ----------
    y : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    labels : array_like of int of shape (n,)
        Clusters, by any numbers; images of none, -1, are one more cluster.

    Returns
    -------
    float
        0 (independent) to 1 (equal up to names). Not corrected for chance: many small clusters
        raise it.

    Raises
    ------
    ValueError
        If the lengths differ, or no image is labelled.

    References
    ----------
    Vinh, Epps and Bailey, "Information theoretic measures for clusterings comparison", 2010.

    Examples
    --------
    >>> round(nmi([0, 0, 1, 1], [1, 1, 0, 0]), 6), round(nmi([0, 0, 1, 1], [0, 1, 0, 1]), 6)
    (1.0, 0.0)
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(_quietly(normalized_mutual_info_score, y, labels))


def ari(y: ArrayLike, labels: ArrayLike) -> float:
    """Return the Rand index of classes and clusters, adjusted for chance.

    ``ari = (R - E[R]) / (max R - E[R])`` with R the share of pairs of images on which both agree:
    together in both, or apart in both.

    Parameters
    ----------
    y : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    labels : array_like of int of shape (n,)
        Clusters, by any numbers; images of none, -1, are one more cluster.

    Returns
    -------
    float
        -0.5 to 1 (equal up to names); 0 is what chance gives.

    Raises
    ------
    ValueError
        If the lengths differ, or no image is labelled.

    References
    ----------
    Hubert and Arabie, "Comparing partitions", 1985.

    Examples
    --------
    >>> ari([0, 0, 1, 1], [1, 1, 0, 0]), ari([0, 0, 1, 1], [0, 1, 0, 1])
    (1.0, -0.5)
    """
    from sklearn.metrics import adjusted_rand_score

    return float(_quietly(adjusted_rand_score, y, labels))


def adjusted_information(y: ArrayLike, labels: ArrayLike) -> float:
    """Return the mutual information of classes and clusters, adjusted for chance (AMI).

    ``ami = (I - E[I]) / ((H(y) + H(labels)) / 2 - E[I])``, with the mean E over all clusterings of
    these sizes.

    Parameters
    ----------
    y : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    labels : array_like of int of shape (n,)
        Clusters, by any numbers; images of none, -1, are one more cluster.

    Returns
    -------
    float
        At most 1 (equal up to names); 0 is what chance gives, however many clusters there are.

    Raises
    ------
    ValueError
        If the lengths differ, or no image is labelled.

    References
    ----------
    Vinh, Epps and Bailey, "Information theoretic measures for clusterings comparison", 2010.

    Examples
    --------
    >>> round(adjusted_information([0, 0, 1, 1], [1, 1, 0, 0]), 6)
    1.0
    """
    from sklearn.metrics import adjusted_mutual_info_score

    return float(_quietly(adjusted_mutual_info_score, y, labels))


def _quietly(score: Callable[..., float], y: ArrayLike, labels: ArrayLike) -> float:
    with warnings.catch_warnings():  # few images in many clusters is no reason to warn
        warnings.simplefilter("ignore")
        return score(*_labelled(y, labels))


def _contingency(y: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, int]:
    """Count images by class (rows) and cluster (columns), and all of them, those of none too."""
    y, labels = _labelled(y, labels)
    inside = labels != -1
    (known, rows), (found, columns) = (
        np.unique(names[inside], return_inverse=True) for names in (y, labels)
    )
    table = np.zeros((len(known), len(found)), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    return table, len(y)


def _labelled(y: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, labels = np.asarray(y), np.asarray(labels)
    if y.ndim != 1 or y.shape != labels.shape:
        raise ValueError(f"labels of shape {labels.shape} for y of shape {y.shape}: one per image")
    known = y != -1
    if not known.any():
        raise ValueError(f"none of {len(y)} images is labelled (y is -1 where a label is unknown)")
    return y[known], labels[known]
