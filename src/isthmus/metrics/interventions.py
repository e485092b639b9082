"""How dimensions of codes behave while one factor of variation is held still."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.cells import factor_cells
from isthmus.metrics.factors import Factors, cells_of
from isthmus.metrics.posterior import as_vectors
from isthmus.metrics.probes import classifier, hits


def irs(Z: ArrayLike, factors: Factors, *, bins: int = 20, quantile: float = 0.99) -> float:
    r"""Return the interventional robustness: how still a dimension stays while others change.

    The mean of :math:`\max_v (1 - D_{jv} / D_j)` over dimensions, weighted by :math:`D_j`: the
    distance from its mean within which a dimension stays in 99 % of all images, and
    :math:`D_{jv}` the same among images of one value of factor v, averaged over its values.

    Parameters
    ----------
    Z, factors, bins
        See `dci`; one factor will do.
    quantile : float
        Above 0, at most 1: the largest distance of all.

    Returns
    -------
    float
        0 to 1 (every dimension depends on one factor only).

    Raises
    ------
    ValueError
        As `mutual_information`, or if `quantile` is out of its range.

    References
    ----------
    Suter, Miladinovic, Scholkopf and Bauer, "Robustly disentangled causal mechanisms", 2019.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 5, (1000, 2))
    >>> irs(v.astype(float), v), irs(np.random.default_rng(1).normal(size=(1000, 2)), v) < 0.1
    (1.0, True)
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile={quantile} must be above 0, at most 1")
    Z, table = cells_of(Z, factors, bins, fewest=1, dims=1)
    reach = np.quantile(np.abs(Z - Z.mean(0)), quantile, axis=0)
    Z, reach = Z[:, reach > 0], reach[reach > 0]
    if not len(reach):
        return 0.0
    still = np.column_stack([_reach_within(Z, v, quantile) / reach for v in table.T])
    return float(np.average(np.clip(1 - still, 0, 1).max(1), weights=reach))


def beta_vae_score(
    Z: ArrayLike,
    factors: Factors,
    *,
    votes: int = 1000,
    pairs: int = 64,
    bins: int = 20,
    random_state: int = 0,
) -> float:
    r"""Return how well a linear classifier tells which factor pairs of images have in common.

    It is given :math:`\frac{1}{L} \sum_l |z_{1l} - z_{2l}|` of L pairs that share the value of one
    factor, drawn by chance.

    Parameters
    ----------
    Z, factors, bins
        See `dci`.
    votes : int
        Such means to learn from, and as many to test on.
    pairs : int
        Pairs in a mean.
    random_state : int
        Seed of what is drawn.

    Returns
    -------
    float
        About 1 / m (chance) to 1.

    Raises
    ------
    ValueError
        As `dci`.

    References
    ----------
    Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational
    framework", 2017.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 10, (2000, 3))
    >>> beta_vae_score(v.astype(float), v) > 0.95
    True
    """
    Z, table = cells_of(Z, factors, bins)
    rng = np.random.default_rng(random_state)
    held = rng.integers(table.shape[1], size=2 * votes)
    apart = np.empty((2 * votes, Z.shape[1]))
    for column, v in enumerate(table.T):
        chosen = held == column
        first = rng.integers(len(Z), size=(int(chosen.sum()), pairs))
        second = groups_alike(v, first, rng)
        apart[chosen] = np.abs(Z[first] - Z[second]).mean(1)
    model = classifier("linear", votes)
    right = hits(model, apart[:votes], held[:votes], apart[votes:], held[votes:])
    return float(right.mean())


def factor_vae_score(
    Z: ArrayLike,
    factors: Factors,
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
    table = factor_cells(factors, len(Z), bins)
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


def _reach_within(Z: np.ndarray, v: np.ndarray, quantile: float) -> np.ndarray:
    """Return how far dimensions go from their mean among images of one value, on average."""
    parts = [Z[v == value] for value in np.unique(v)]
    far = [np.quantile(np.abs(part - part.mean(0)), quantile, axis=0) for part in parts]
    mean: np.ndarray = np.mean(far, axis=0)
    return mean


def _groups(v: np.ndarray, n: int, group: int, rng: np.random.Generator) -> np.ndarray:
    """Return n groups of rows; all of a group have the same value, that of a row drawn.

    A value that only one image has is not drawn as long as there are others: with it everything
    is held still.
    """
    counts = np.bincount(v)
    shared = np.flatnonzero(counts[v] > 1)
    first = rng.choice(shared if len(shared) else len(v), size=n)
    return groups_alike(v, np.repeat(first[:, None], group, axis=1), rng)


def groups_alike(v: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for every row one drawn by chance of those with the same value of v, 0, 1, ...."""
    order = np.argsort(v, kind="stable")
    counts = np.bincount(v)
    value = v[rows]
    within = (rng.random(rows.shape) * counts[value]).astype(np.int64)
    found: np.ndarray = order[(np.cumsum(counts) - counts)[value] + within]
    return found
