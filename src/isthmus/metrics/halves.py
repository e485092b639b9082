"""How sure a score of two sets of vectors is: how it differs among random halves of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

TIMES = 32
"""Random parts that are looked at."""
LARGEST = 1000
"""Vectors of either kind in a part: half of them, and no more than that."""
FEWEST = 20
"""Vectors of either kind below which nothing is said."""


def over_halves(
    score: Callable[[np.ndarray, np.ndarray], Any],
    real: np.ndarray,
    drawn: np.ndarray,
    seed: int = 0,
) -> Any:
    """Return half of the 95 % interval of a score of two sets, or of each of several scores.

    The score is computed of random parts of m of n vectors, drawn without replacement: its
    deviation there times ``sqrt(m / (n - m))`` is that among sets of n, the delete-d jackknife.
    (Resampling with replacement would put vectors at no distance from one another, which no score
    of nearest neighbors survives.)

    Parameters
    ----------
    score : callable
        From two sets of vectors to a number, or a tuple of them.
    real, drawn : ndarray of shape (n, d) and (m, d)
        The vectors.
    seed : int
        Of the choice.

    Returns
    -------
    float or ndarray or None
        None of fewer than 20 vectors of a kind.

    References
    ----------
    J. Shao and C. Wu, A general theory for jackknife variance estimation, 1989.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, two = rng.normal(size=(2, 400, 1))
    >>> within = over_halves(lambda a, b: a.mean() - b.mean(), one, two)
    >>> 0.6 < within / (1.96 * (2 / 400) ** 0.5) < 1.7
    True
    """
    from scipy.stats import t

    fewest = min(len(real), len(drawn))
    if fewest < FEWEST:
        return None
    share = min(0.5, LARGEST / max(len(real), len(drawn)))
    rng = np.random.default_rng(seed)
    found = [
        score(*(each[_some(len(each), share, rng)] for each in (real, drawn)))
        for _ in range(TIMES)
    ]
    scale = float(t.ppf(0.975, TIMES - 1)) * math.sqrt(share / (1 - share))
    within = scale * np.std(np.asarray(found, dtype=np.float64), axis=0, ddof=1)
    return within if within.ndim else float(within)


def _some(n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return random rows of a part, in their order."""
    return np.sort(rng.permutation(n)[: max(2, round(share * n))])
