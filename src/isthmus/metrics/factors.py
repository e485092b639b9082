"""How far codes part the factors of variation of images, as the scores of papers measure it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.cells import columns_of, factor_cells
from isthmus.metrics.information import mutual_information
from isthmus.metrics.posterior import as_vectors
from isthmus.metrics.probes import classifier

Factors: TypeAlias = np.ndarray | Mapping[str, np.ndarray]
TREES = 50
"""Trees of a forest that tells a factor from codes."""
KNOWS = 0.02
"""Share of some factor that a dimension knows, from which on it counts for modularity."""


class Dci(NamedTuple):
    """Scores between 0 and 1, higher is better.

    Attributes
    ----------
    disentanglement : float
        How far every dimension tells one factor only.
    completeness : float
        How far every factor is told by one dimension only.
    informativeness : float
        How often the factors are told rightly, on codes not learnt from.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    Z: ArrayLike,
    factors: Factors,
    *,
    bins: int = 20,
    trees: int | None = None,
    random_state: int = 0,
) -> Dci:
    r"""Return disentanglement, completeness and informativeness of codes.

    A forest of 50 trees learns to tell every factor from half of the codes; :math:`R_{jv}` is how
    much dimension j matters to it for factor v. Disentanglement is
    :math:`\sum_j \rho_j (1 - H(R_{j\cdot}))`, of rows made to sum to 1, with entropies to the base
    of the number of factors and :math:`\rho_j` the share of dimension j in all of R; completeness
    is the mean over factors of the same of columns.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes, at least 2 dimensions.
    factors : array_like of shape (n, m), or dict of str to array_like of shape (n,)
        At least 2; numbers of many values are cut as `mutual_information` cuts them.
    bins : int
        Cells at most.
    trees : int, optional
        Trees of a forest, at least 1; by default 50.
    random_state : int
        Seed of the halves and of the forests.

    Raises
    ------
    ValueError
        As `mutual_information`, or if there are fewer than 2 dimensions or factors.

    References
    ----------
    Eastwood and Williams, "A framework for the quantitative evaluation of disentangled
    representations", 2018.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 5, (1000, 2))
    >>> [round(score, 1) for score in dci(v.astype(float), v)]
    [1.0, 1.0, 1.0]
    """
    from sklearn.ensemble import RandomForestClassifier

    Z, table = cells_of(Z, factors, bins)
    learnt, held = _halves(len(Z), random_state)
    importance, right = [], []
    for v in table.T:
        forest = RandomForestClassifier(
            trees or TREES, max_features=None, random_state=random_state, n_jobs=1
        )
        forest.fit(Z[learnt], v[learnt])
        importance.append(forest.feature_importances_)
        right.append(np.mean(forest.predict(Z[held]) == v[held]))
    R = np.column_stack(importance)
    rho = R.sum(1) / R.sum()
    apart, alone = float(rho @ _peaked(R)), float(np.mean(_peaked(R.T)))
    return Dci(apart, alone, float(np.mean(right)))


def sap(Z: ArrayLike, factors: Factors, bins: int = 20) -> float:
    r"""Return the separated attribute predictability: the gap of the two best dimensions.

    :math:`\mathrm{mean}_v (S_{(1)v} - S_{(2)v})`, with :math:`S_{jv}` the squared correlation of
    dimension j with a factor of numbers; of classes the share of its variance between them, which
    is the same for two.

    Parameters
    ----------
    Z, factors, bins
        See `dci`; one factor will do.

    Returns
    -------
    float
        0 (several dimensions, or none) to 1 (one dimension follows each factor in a line).

    Raises
    ------
    ValueError
        As `mutual_information`, or if there are fewer than 2 dimensions.

    References
    ----------
    Kumar, Sattigeri and Balakrishnan, "Variational inference of disentangled latent concepts from
    unlabeled observations", 2018.

    Examples
    --------
    >>> v = np.random.default_rng(0).random((1000, 2))
    >>> sap(v, v) > 0.98, sap(v @ [[0.7, 0.7], [-0.7, 0.7]], v) < 0.1
    (True, True)
    """
    Z, _ = cells_of(Z, factors, bins, fewest=1)
    gaps = []
    for v in columns_of(factors):
        shares = np.sort(_followed(Z, v))
        gaps.append(shares[-1] - shares[-2])
    return float(np.mean(gaps))


def modularity(Z: ArrayLike, factors: Factors, bins: int = 20) -> float:
    r"""Return how far every dimension knows about one factor only.

    The mean over dimensions of
    :math:`1 - \sum_{v \ne v_j} I_{jv}^2 / ((m - 1) I_{jv_j}^2)`, with :math:`v_j` the factor that
    dimension j knows most of, and the shares of `mutual_information`. Dimensions that know less
    than a fiftieth of any factor are left out.

    Parameters
    ----------
    Z, factors, bins
        See `dci`.

    Returns
    -------
    float
        0 to 1 (no dimension knows of two factors); 0 if none knows of any.

    Raises
    ------
    ValueError
        As `dci`.

    References
    ----------
    Ridgeway and Mozer, "Learning deep disentangled embeddings with the F-statistic loss", 2018.

    Examples
    --------
    >>> v = np.random.default_rng(0).random((2000, 2))
    >>> modularity(v, v) > 0.98, modularity(v @ [[0.7, 0.7], [-0.7, 0.7]], v) < 0.3
    (True, True)
    """
    Z, table = cells_of(Z, factors, bins)
    known = mutual_information(Z, table, bins)
    known = known[known.max(1) > KNOWS]
    if not len(known):
        return 0.0
    most = np.square(known.max(1))
    others = np.square(known).sum(1) - most
    return float(np.mean(1 - others / (most * (table.shape[1] - 1))))


def explicitness(
    Z: ArrayLike, factors: Factors, *, bins: int = 20, random_state: int = 0
) -> float:
    r"""Return how well linear classifiers tell every value of the factors.

    The mean over factors and their values of :math:`2\,\mathrm{AUC} - 1`, one value against the
    others by logistic regression, on codes not learnt from.

    Parameters
    ----------
    Z, factors, bins, random_state
        See `dci`; one factor will do.

    Returns
    -------
    float
        0 (by chance) to 1.

    Raises
    ------
    ValueError
        As `mutual_information`.

    References
    ----------
    Ridgeway and Mozer, "Learning deep disentangled embeddings with the F-statistic loss", 2018.

    Examples
    --------
    >>> v = np.random.default_rng(0).integers(0, 2, (400, 2))
    >>> explicitness(v.astype(float), v)
    1.0
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.multiclass import OneVsRestClassifier

    Z, table = cells_of(Z, factors, bins, fewest=1, dims=1)
    learnt, held = _halves(len(Z), random_state)
    found = []
    for v in table.T:
        model = OneVsRestClassifier(classifier("linear", len(learnt)))
        scores = model.fit(Z[learnt], v[learnt]).decision_function(Z[held])
        scores = scores.reshape(len(held), -1)  # of two values it is that of the second
        for value, score in zip(model.classes_[-scores.shape[1] :], scores.T, strict=True):
            truth = v[held] == value
            if 0 < truth.sum() < len(truth):
                found.append(2 * roc_auc_score(truth, score) - 1)
    return float(np.clip(np.mean(found), 0, 1))


def cells_of(
    Z: ArrayLike, factors: Factors, bins: int, *, fewest: int = 2, dims: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Return codes and the cells of factors, having checked that there are enough of both."""
    Z = as_vectors(Z)
    table = factor_cells(factors, len(Z), bins)
    if Z.shape[1] < dims:
        raise ValueError(f"codes of {Z.shape[1]} dimension(s): at least {dims} are needed")
    if table.shape[1] < fewest:
        raise ValueError(f"{table.shape[1]} factor(s): at least {fewest} are needed")
    return Z, table


def _halves(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    return order[: n // 2], order[n // 2 :]


def _peaked(R: np.ndarray) -> np.ndarray:
    """Return 1 minus the entropy of every row, to the base of the number of columns."""
    total = R.sum(1, keepdims=True)
    p = np.divide(R, total, out=np.full(R.shape, 1 / R.shape[1]), where=total > 0)
    entropy = -np.sum(p * np.log(p, out=np.zeros_like(p), where=p > 0), axis=1)
    peaked: np.ndarray = 1 - entropy / np.log(R.shape[1])
    return peaked


def _followed(Z: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the share of variance that every dimension has in common with a factor."""
    if v.dtype.kind in "iuf":
        v = v - v.mean()
        above = np.square(v @ (Z - Z.mean(0)))
        below = np.square(v).sum() * np.square(Z - Z.mean(0)).sum(0)
    else:
        names, cell = np.unique(v.astype(str), return_inverse=True)
        counts = np.bincount(cell)
        means = np.stack([Z[cell == i].mean(0) for i in range(len(names))])
        above, below = counts @ np.square(means - Z.mean(0)), np.square(Z - Z.mean(0)).sum(0)
    shares: np.ndarray = np.divide(above, below, out=np.zeros(Z.shape[1]), where=below > 0)
    return shares
