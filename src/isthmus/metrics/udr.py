"""Which of several models of one kind is disentangled, where no factor is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.disentanglement import rank_correlation
from isthmus.metrics.posterior import as_vectors

INFORMATIVE = 0.01
"""KL in nats, or share of the largest variance, from which on a dimension says something."""


def udr(codes: Sequence[ArrayLike], informative: Sequence[ArrayLike] | None = None) -> np.ndarray:
    r"""Return the unsupervised disentanglement ranking of several models of the same images.

    Models that have found the same axes agree dimension by dimension. With :math:`R_{ab}` the size
    of Spearman's correlation of dimension a of one and b of another, of those that say something,

    .. math::
        \mathrm{UDR}_{ij} = \frac 1 {d_a + d_b} \Bigl(
        \sum_b \frac{\max_a R_{ab}^2}{\sum_a R_{ab}} + \sum_a \frac{\max_b R_{ab}^2}{\sum_b R_{ab}}
        \Bigr)

    and the score of a model is the median over all others.

    Parameters
    ----------
    codes : sequence of array_like of shape (n, k)
        Codes of the same images by every model, at least 2: of one family and configuration,
        from different seeds.
    informative : sequence of array_like of bool of shape (k,), optional
        Which dimensions say something; by default those whose variance is more than a hundredth of
        the largest.

    Returns
    -------
    ndarray of shape (models,)
        0 to 1 (the other models have the same axes, up to order, sign and scale).

    Raises
    ------
    ValueError
        If there are fewer than 2 models, or they were not given the same images.

    References
    ----------
    Duan, Matthey, Saraiva, Watters, Burgess, Lerchner and Higgins, "Unsupervised model selection
    for variational disentangled representation learning", 2020.

    Examples
    --------
    >>> v = np.random.default_rng(0).normal(size=(2000, 3))
    >>> turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    >>> udr([v, -v[:, ::-1]]).round(1).tolist(), bool(udr([v, v @ turn]).max() < 0.7)
    ([1.0, 1.0], True)
    """
    scores: np.ndarray = np.nanmedian(udr_table(codes, informative), axis=1)
    return scores


def udr_table(
    codes: Sequence[ArrayLike], informative: Sequence[ArrayLike] | None = None
) -> np.ndarray:
    """Return UDR of every two models, (models, models), NaN of a model and itself; see `udr`."""
    every = [as_vectors(Z) for Z in codes]
    if len(every) < 2 or len({len(Z) for Z in every}) > 1:
        sizes = [len(Z) for Z in every]
        raise ValueError(
            f"codes of {sizes} images: expected at least 2 models, of the same images"
        )
    kept = [speaking(Z) for Z in every] if informative is None else informative
    every = [Z[:, np.asarray(which)] for Z, which in zip(every, kept, strict=True)]
    table = np.full((len(every), len(every)), np.nan)
    for i, one in enumerate(every):
        for j, other in enumerate(every[:i]):
            table[i, j] = table[j, i] = same_axes(one, other)
    return table


def same_axes(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far two codes of the same images have the same axes, 0 to 1; see `udr`."""
    if not one.shape[1] or not other.shape[1]:
        return 0.0
    R = np.abs(np.column_stack([rank_correlation(one, v) for v in other.T]))
    found = 0.0
    for axis in (0, 1):
        total = R.sum(axis)
        peak = np.square(R.max(axis))
        found += float(np.divide(peak, total, out=np.zeros_like(total), where=total > 0).sum())
    return found / float(sum(R.shape))


def speaking(Z: np.ndarray, kl: ArrayLike | None = None) -> np.ndarray:
    """Return which dimensions say something, (k,) bool, by their KL if that is known.

    Examples
    --------
    >>> speaking(np.array([[0.0, 1.0, 5.0], [0.0, 1.1, 9.0]])).tolist()
    [False, False, True]
    """
    if kl is not None:
        return np.asarray(np.asarray(kl) > INFORMATIVE)
    spread = Z.var(0)
    says: np.ndarray = (spread > INFORMATIVE * spread.max()) & (spread > 0)
    return says
