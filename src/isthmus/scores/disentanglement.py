"""How far single dimensions of a code stand for single factors of variation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def kl_per_dimension(mean: ArrayLike, log_variance: ArrayLike) -> np.ndarray:
    r"""Return how much every dimension of a Gaussian posterior says, in nats an image.

    :math:`\frac12 \mathrm{mean}_i(\mu_{ij}^2 + \sigma_{ij}^2 - \log \sigma_{ij}^2 - 1)`: the
    divergence from N(0, 1), averaged over the images.

    Parameters
    ----------
    mean, log_variance : array_like of shape (n, k)
        Of the posterior of every image.

    Returns
    -------
    ndarray of shape (k,)
        0 where the posterior is the prior.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> kl_per_dimension([[1.0, 0.0], [-1.0, 0.0]], np.zeros((2, 2))).tolist()
    [0.5, 0.0]
    """
    mean, log_variance = (np.asarray(a, dtype=np.float64) for a in (mean, log_variance))
    if mean.shape != log_variance.shape or mean.ndim != 2:
        raise ValueError(
            f"means of shape {mean.shape} and log-variances of {log_variance.shape}: expected "
            "(n, k) both"
        )
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).mean(0)


def active_units(
    mean: ArrayLike, log_variance: ArrayLike | None = None, threshold: float = 0.01
) -> np.ndarray:
    r"""Return which dimensions of a code carry anything: the rest have collapsed to the prior.

    By the variance criterion :math:`\mathrm{Var}_i(\mu_{ij})` exceeds the threshold; where
    log-variances are given, by the KL divergence of the dimension instead, in nats.

    Parameters
    ----------
    mean : array_like of shape (n, k)
        Codes: the posterior means of a VAE.
    log_variance : array_like of shape (n, k), optional
        Of the posterior.
    threshold : float
        What must be exceeded.

    Returns
    -------
    ndarray of bool of shape (k,)

    Raises
    ------
    ValueError
        If the codes are not (n, k) vectors.

    References
    ----------
    Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016 (the variance).

    Examples
    --------
    >>> Z = np.random.default_rng(0).normal(size=(100, 2)) * [1, 0.01]
    >>> active_units(Z).tolist()
    [True, False]
    """
    if log_variance is not None:
        return kl_per_dimension(mean, log_variance) > threshold
    return _vectors(mean).var(0) > threshold


def mutual_information(Z: ArrayLike, factors: Any, bins: int = 20) -> np.ndarray:
    r"""Return the information that every dimension has about every factor, as a share of it.

    :math:`I(z_j; v) / H(v)`, both from counts: dimensions are cut into `bins` cells of equally
    many codes. What chance alone gives on average, :math:`(b - 1)(c - 1) / 2n` nats for b cells
    and c values (Miller and Madow), is taken off.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes. Of a VAE give draws from the posterior: the means of a dimension that has
        collapsed may still tell factors apart by amounts which no decoder sees.
    factors : array_like of shape (n,) or (n, m), or dict of str to array_like of shape (n,)
        Whole numbers are classes; other numbers are cut into `bins` as dimensions are.
    bins : int
        Cells, at least 2.

    Returns
    -------
    ndarray of shape (k, m)
        0 (independent) to 1 (the dimension says all about the factor).

    Raises
    ------
    ValueError
        If lengths differ, a factor never changes, or `bins` is below 2.

    References
    ----------
    Miller, "Note on the bias of information estimates", 1955.

    Examples
    --------
    >>> v = np.repeat([0, 1, 2, 3], 500)
    >>> Z = np.column_stack([v, np.arange(2000) % 7])
    >>> mutual_information(Z, v).round(2).tolist()
    [[1.0], [0.0]]
    """
    Z, table = _vectors(Z), _factors(factors, len(Z), bins)
    cells = np.column_stack([_cells(z, bins) for z in Z.T])
    return np.array([[_share(z, v) for v in table.T] for z in cells.T])


def mig(Z: ArrayLike, factors: Any, bins: int = 20) -> float:
    r"""Return the mutual information gap: how far one dimension alone knows a factor.

    :math:`\mathrm{mean}_v (I(z_{(1)}; v) - I(z_{(2)}; v)) / H(v)`, the two dimensions that know
    most about a factor compared. Give one factor for its own gap.

    Parameters
    ----------
    Z, factors, bins
        See `mutual_information`.

    Returns
    -------
    float
        0 (spread over dimensions, or unknown) to 1 (one dimension for every factor).

    Raises
    ------
    ValueError
        As `mutual_information`, or if codes have one dimension only.

    References
    ----------
    Chen, Li, Grosse and Duvenaud, "Isolating sources of disentanglement in VAEs", 2018.

    Examples
    --------
    >>> v = np.random.default_rng(0).random((2000, 2))
    >>> mig(v, v) > 0.9, mig(v @ [[0.6, 0.8], [-0.8, 0.6]], v) < 0.2
    (True, True)
    """
    table = np.sort(mutual_information(Z, factors, bins), axis=0)
    if len(table) < 2:
        raise ValueError("a gap needs codes of at least 2 dimensions, got 1")
    return float((table[-1] - table[-2]).mean())


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
    Z, v = _vectors(Z), np.asarray(factor, dtype=np.float64)
    _factors(v, len(Z), bins)  # refuses what cannot be explained
    explained = []
    for z in Z.T:
        _, cell = np.unique(_cells(z, bins), return_inverse=True)
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

    Z = _vectors(Z)
    _factors(np.asarray(factor, dtype=np.float64), len(Z), 2)
    ranks, v = rankdata(Z, axis=0), rankdata(factor)
    ranks, v = ranks - ranks.mean(0), v - v.mean()
    size = np.linalg.norm(ranks, axis=0) * np.linalg.norm(v)
    return np.divide(v @ ranks, size, out=np.zeros(Z.shape[1]), where=size > 0)


def factor_vae_score(
    Z: ArrayLike,
    factors: Any,
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
    Z = _vectors(Z)
    table = _factors(factors, len(Z), bins)
    Z = Z[:, Z.std(0) > least_deviation]
    if not Z.shape[1]:
        return 0.0
    rng = np.random.default_rng(random_state)
    held = rng.integers(table.shape[1], size=2 * votes)
    rows = np.empty((2 * votes, group), dtype=np.int64)
    for column, v in enumerate(table.T):
        rows[held == column] = _groups(v, int((held == column).sum()), group, rng)
    still = (Z[rows].var(1) / Z.var(0)).argmin(1)
    won = np.zeros((Z.shape[1], table.shape[1]), dtype=int)
    np.add.at(won, (still[:votes], held[:votes]), 1)
    return float((won.argmax(1)[still[votes:]] == held[votes:]).mean())


def _groups(v: np.ndarray, n: int, group: int, rng: np.random.Generator) -> np.ndarray:
    """Return n groups of rows; all of a group have the same value, that of a row drawn."""
    order = np.argsort(v, kind="stable")
    counts = np.bincount(v)
    value = v[rng.integers(len(v), size=n)]
    within = (rng.random((n, group)) * counts[value][:, None]).astype(np.int64)
    return order[(np.cumsum(counts) - counts)[value][:, None] + within]


def _vectors(Z: ArrayLike) -> np.ndarray:
    Z = np.asarray(Z, dtype=np.float64)
    if Z.ndim != 2 or 0 in Z.shape:
        raise ValueError(f"codes of shape {Z.shape}: expected vectors (n, k)")
    if not np.isfinite(Z).all():
        raise ValueError("codes hold NaN or infinity; was the model trained?")
    return Z


def _factors(factors: Any, n: int, bins: int) -> np.ndarray:
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
    if v.dtype.kind == "f":
        v = _cells(v, bins)
    values, v = np.unique(v, return_inverse=True)
    if len(values) < 2:
        raise ValueError("a factor has the same value everywhere: nothing can follow it")
    return v


def _cells(v: np.ndarray, bins: int) -> np.ndarray:
    """Cut numbers into cells of equally many; few distinct values are cells as they are."""
    values, cell = np.unique(v, return_inverse=True)
    if len(values) <= bins:
        return cell
    edges = np.quantile(v, np.arange(1, bins) / bins)
    return np.searchsorted(edges, v, side="right")


def _share(z: np.ndarray, v: np.ndarray) -> float:
    """Return I(z; v) / H(v) of cells, less what chance gives, between 0 and 1."""
    counts = np.zeros((z.max() + 1, v.max() + 1))
    np.add.at(counts, (z, v), 1)
    joint, n = counts / len(z), len(z)
    rows, columns = joint.sum(1), joint.sum(0)
    information = _entropy(rows) + _entropy(columns) - _entropy(joint)
    chance = (np.count_nonzero(rows) - 1) * (np.count_nonzero(columns) - 1) / (2 * n)
    return float(np.clip((information - chance) / _entropy(columns), 0, 1))


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())
