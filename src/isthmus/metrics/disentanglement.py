"""How far single dimensions of a code stand for single factors of variation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.cells import cells, factor_cells
from isthmus.metrics.posterior import as_vectors


def variance_explained(Z: ArrayLike, factor: ArrayLike, bins: int = 20) -> np.ndarray:
    r"""Return the share of a factor's variance that each dimension alone explains (R^2).

    :math:`1 - \mathrm{E}[\mathrm{Var}(v \mid z_j)] / \mathrm{Var}(v)`, the factor predicted by
    its mean in each of `bins` cells of equally many codes (corrected for their number, as the
    adjusted R^2 is): any curve counts, not lines alone.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes.
    factor : array_like of shape (n,)
        A number for every image, such as an angle.
    bins : int
        Cells, at least 2.

    Returns
    -------
    ndarray of shape (k,)
        0 to 1 (the factor can be read off that dimension).

    Raises
    ------
    ValueError
        As `mutual_information`.

    References
    ----------
    Pearson, "On the general theory of skew correlation and non-linear regression", 1905.

    Examples
    --------
    >>> angle = np.linspace(-90, 90, 500)
    >>> Z = np.column_stack([np.tanh(angle / 60), np.cos(np.arange(500))])
    >>> variance_explained(Z, angle).round(1).tolist()
    [1.0, 0.0]
    """
    Z, v = as_vectors(Z), np.asarray(factor, dtype=np.float64)
    factor_cells(v, len(Z), bins)  # refuses what cannot be explained
    v = v - v.mean()
    explained = []
    for z in Z.T:
        cell = cells(z, bins, bins)
        counts = np.bincount(cell)
        within = v - (np.bincount(cell, v) / counts)[cell]
        spare = len(v) - len(counts)
        left = within @ within / spare if spare else np.inf
        explained.append(max(0.0, 1 - left / v.var(ddof=1)))
    return np.array(explained)


def rank_correlation(Z: ArrayLike, factor: ArrayLike) -> np.ndarray:
    r"""Return Spearman's correlation of every dimension with a factor.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes.
    factor : array_like of shape (n,)
        A number for every image.

    Returns
    -------
    ndarray of shape (k,)
        -1 to 1 (the dimension rises wherever the factor does); 0 for a constant dimension.

    Raises
    ------
    ValueError
        If lengths differ, or the factor never changes.

    References
    ----------
    Spearman, "The proof and measurement of association between two things", 1904.

    Examples
    --------
    >>> rank_correlation([[1.0, 9.0], [2.0, 4.0], [8.0, 1.0]], [10, 20, 30]).round(6).tolist()
    [1.0, -1.0]
    """
    from scipy.stats import rankdata

    Z = as_vectors(Z)
    factor_cells(np.asarray(factor, dtype=np.float64), len(Z), 2)
    ranks, v = rankdata(Z, axis=0), rankdata(factor)
    ranks, v = ranks - ranks.mean(0), v - v.mean()
    size = np.linalg.norm(ranks, axis=0) * np.linalg.norm(v)
    slopes: np.ndarray = np.divide(v @ ranks, size, out=np.zeros(Z.shape[1]), where=size > 0)
    return slopes
