"""How far single dimensions of a code stand for single factors of variation."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.posterior import as_vectors

CROWDED = 5
"""Images a cell of a table of two, from which on its entropies are nearly right."""


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
    _factors(v, len(Z), bins)  # refuses what cannot be explained
    v = v - v.mean()
    explained = []
    for z in Z.T:
        cell = _cells(z, bins, bins)
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
    _factors(np.asarray(factor, dtype=np.float64), len(Z), 2)
    ranks, v = rankdata(Z, axis=0), rankdata(factor)
    ranks, v = ranks - ranks.mean(0), v - v.mean()
    size = np.linalg.norm(ranks, axis=0) * np.linalg.norm(v)
    slopes: np.ndarray = np.divide(v @ ranks, size, out=np.zeros(Z.shape[1]), where=size > 0)
    return slopes


def factor_vae_score(
    Z: ArrayLike,
    factors: np.ndarray | Mapping[str, np.ndarray],
    *,
    votes: int = 800,
    group: int = 64,
    bins: int = 20,
    least_deviation: float = 0.05,
    random_state: int = 0,
) -> float:
    r"""Return how well the dimension that varies least tells which factor was held still.

    A vote is a group of images that share the value of one factor; the dimension of least
    variance in it, :math:`\arg\min_j \mathrm{Var}(z_j) / \mathrm{Var}_{\mathrm{all}}(z_j)`,
    stands for the factor it won most votes of. The score is the accuracy of that on new votes.

    Parameters
    ----------
    Z, factors, bins
        See `mutual_information`.
    votes : int
        Groups to learn from, and as many to test on.
    group : int
        Images in a group.
    least_deviation : float
        Dimensions whose standard deviation is lower have collapsed, and have no vote.
    random_state : int
        Seed of the groups.

    Returns
    -------
    float
        About 1 / m (chance) to 1; 0 if all dimensions have collapsed.

    Raises
    ------
    ValueError
        As `mutual_information`.

    References
    ----------
    Kim and Mnih, "Disentangling by factorising", 2018.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 10, (2000, 3))
    >>> factor_vae_score(v.astype(float), v)
    1.0
    """
    Z = as_vectors(Z)
    table = _factors(factors, len(Z), bins)
    Z = Z[:, Z.std(0) > least_deviation]
    if not Z.shape[1]:
        return 0.0
    rng = np.random.default_rng(random_state)
    held = rng.integers(table.shape[1], size=2 * votes)
    rows = np.empty((2 * votes, group), dtype=np.int64)
    for column, v in enumerate(table.T):
        rows[held == column] = _groups(v, int((held == column).sum()), group, rng)
    spread = Z[rows].var(1) / Z.var(0)
    # of dimensions that are equally still the first must not win every time
    least = spread <= spread.min(1, keepdims=True)
    still = (least * rng.random(least.shape)).argmax(1)
    won = np.zeros((Z.shape[1], table.shape[1]), dtype=int)
    np.add.at(won, (still[:votes], held[:votes]), 1)
    return float((won.argmax(1)[still[votes:]] == held[votes:]).mean())


def _groups(v: np.ndarray, n: int, group: int, rng: np.random.Generator) -> np.ndarray:
    """Return n groups of rows; all of a group have the same value, that of a row drawn.

    A value that only one image has is not drawn as long as there are others: with it everything
    is held still.
    """
    order = np.argsort(v, kind="stable")
    counts = np.bincount(v)
    shared = v[counts[v] > 1]
    value = rng.choice(shared if len(shared) else v, size=n)
    within = (rng.random((n, group)) * counts[value][:, None]).astype(np.int64)
    rows: np.ndarray = order[(np.cumsum(counts) - counts)[value][:, None] + within]
    return rows


def _factors(factors: np.ndarray | Mapping[str, np.ndarray], n: int, bins: int) -> np.ndarray:
    """Return whole numbers 0, 1, ... for every factor, (n, m)."""
    if bins < 2:
        raise ValueError(f"bins={bins} must be at least 2")
    columns = list(factors.values()) if isinstance(factors, dict) else None
    if columns is None:
        array = np.asarray(factors)
        columns = list(array.T) if array.ndim == 2 else [array]
    found = [_values(np.asarray(column), n, bins) for column in columns]
    return np.column_stack(found)


def _values(v: np.ndarray, n: int, bins: int) -> np.ndarray:
    if v.shape != (n,):
        raise ValueError(f"a factor of shape {v.shape} for {n} codes: expected one value each")
    if v.dtype.kind in "biuf":
        if np.isnan(v).any():
            raise ValueError("a factor holds NaN: leave out the images where it is unknown")
        v = _cells(v, bins, _fineness(n, bins))
    else:
        v = np.unique(v.astype(str), return_inverse=True)[1]
        if 1 < n == v.max() + 1:
            raise ValueError("a factor is another word for every image: nothing can be counted")
    if not v.any():
        raise ValueError("a factor has the same value everywhere: nothing can follow it")
    return v


def _fineness(n: int, bins: int) -> int:
    """Return into how many cells n images are cut: a table of two has 5 images a cell."""
    return min(bins, max(2, math.isqrt(n // CROWDED)))


def _cells(v: np.ndarray, bins: int, wanted: int) -> np.ndarray:
    """Return cells 0, 1, ..., none of them empty, of numbers: cut into as many as are wanted.

    Few distinct values, each of which occurs twice on average, are cells as they are. Ranks are
    cut rather than values: they are the same for every type and scale, and equal values stay
    together.
    """
    from scipy.stats import rankdata

    values, cell = np.unique(v, return_inverse=True)
    if len(values) > bins or 2 * len(values) > max(len(v), 4):
        ranks = rankdata(v) - 0.5  # 0 to n
        _, cell = np.unique((ranks * wanted / len(v)).astype(np.int64), return_inverse=True)
    return cell
