"""How much dimensions of a code tell of factors, in nats, and the gap between the best two."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.cells import CROWDED, cells, factor_cells, fineness
from isthmus.metrics.posterior import as_vectors


def mutual_information(
    Z: ArrayLike, factors: np.ndarray | Mapping[str, np.ndarray], bins: int = 20
) -> np.ndarray:
    r"""Return the information that every dimension has about every factor, as a share of it.

    :math:`I(z_j; v) / H(v)` with :math:`I(z; v) = H(z) + H(v) - H(z, v)`. Every entropy is that of
    the counts, :math:`-\sum_i p_i \log p_i + (K - 1) / 2n` where K cells are not empty: counts of
    few images alone say too little (Miller and Madow), and too much of what they share. Of a table
    with fewer than 5 images a cell that is not enough: there the mean over all orders of the
    images, a hypergeometric one, is taken off both I and H instead (Vinh, Epps and Bailey).

    Numbers are cut into cells of equally many images: `bins` of them, or fewer of few images, so
    that two tables side by side have 5 images a cell, but no fewer than the factor has classes.
    Up to `bins` values that occur twice on average stay as they are, whatever their type.

    Parameters
    ----------
    Z : array_like of shape (n, k)
        Codes. Of a VAE give draws from the posterior: the means of a dimension that has
        collapsed may still tell factors apart by amounts which no decoder sees.
    factors : array_like of shape (n,) or (n, m), or dict of str to array_like of shape (n,)
        Numbers, which are cut as dimensions are where they have many values; words are classes.
    bins : int
        Cells at most, at least 2.

    Returns
    -------
    ndarray of shape (k, m)
        0 (independent) to 1 (the dimension says all about the factor).

    Raises
    ------
    ValueError
        If lengths differ, a factor is the same or another word everywhere or holds NaN, or `bins`
        is below 2.

    References
    ----------
    Miller, "Note on the bias of information estimates", 1955. Vinh, Epps and Bailey, "Information
    theoretic measures for clusterings comparison", 2010.

    Examples
    --------
    >>> v = np.repeat([0, 1, 2, 3], 500)
    >>> Z = np.column_stack([v, np.arange(2000) % 7])
    >>> mutual_information(Z, v).round(2).tolist()
    [[1.0], [0.0]]
    """
    Z = as_vectors(Z)
    table = factor_cells(factors, len(Z), bins)
    shares = [_shares(Z, v, bins) for v in table.T]
    return np.column_stack(shares)


def mig(Z: ArrayLike, factors: np.ndarray | Mapping[str, np.ndarray], bins: int = 20) -> float:
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


def _shares(Z: np.ndarray, v: np.ndarray, bins: int) -> list[float]:
    """Return what every dimension says of one factor."""
    wanted = min(bins, max(fineness(len(Z), bins), int(v.max()) + 1))
    return [_share(cells(z, bins, wanted), v) for z in Z.T]


def _share(z: np.ndarray, v: np.ndarray) -> float:
    """Return I(z; v) / H(v) of cells, between 0 and 1."""
    counts = np.zeros((z.max() + 1, v.max() + 1), dtype=np.int64)
    np.add.at(counts, (z, v), 1)
    crowded = len(z) >= CROWDED * counts.size
    about, chance = _entropy(counts.sum(0), crowded), 0.0
    information = _entropy(counts.sum(1), crowded) + about - _entropy(counts, crowded)
    if not crowded:
        from sklearn.metrics.cluster import expected_mutual_information

        chance = float(expected_mutual_information(counts, len(z)))
    return float(np.clip((information - chance) / max(about - chance, 1e-12), 0, 1))


def _entropy(counts: np.ndarray, corrected: bool) -> float:
    """Return the entropy of what was counted so often, in nats, as Miller and Madow correct it."""
    counts = counts[counts > 0]
    p = counts / counts.sum()
    bias = (len(counts) - 1) / (2 * counts.sum()) if corrected else 0.0
    return float(bias - (p * np.log(p)).sum())
