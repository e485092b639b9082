"""Intervals of scores of many images together, from disjoint parts of these images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from isthmus.metrics.intervals import Estimate, over_fits

PARTS = 8
"""Parts that images are cut into, at most."""
FEWEST = 50
"""Images in a part, at least."""
LEAST = 4
"""Parts, of fewer than which nothing is said: their deviation is known too badly."""


def by_parts(
    score: Callable[[np.ndarray], float], n: int, *, parts: int = PARTS, random_state: int = 0
) -> Estimate:
    r"""Return a score of n images with half of its 95 % interval, if there are images enough.

    The images are dealt out into K parts, and the score of each has the deviation s: that of all
    is within :math:`t_{K-1} s / \sqrt K`, as of a mean. No image is in two parts, nor twice in
    one: scores that count how images share cells see no copies, as they would in a bootstrap.

    Parameters
    ----------
    score : callable
        From rows to the score of these images; NaN where it cannot be told.
    n : int
        How many images there are; no interval is given of fewer than 200.
    parts : int
        Parts, at most.
    random_state : int
        Seed of the dealing.

    References
    ----------
    D. Politis and J. Romano, Large sample confidence regions based on subsamples, 1994.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=10_000)
    >>> found = by_parts(lambda rows: float(values[rows].mean()), len(values))
    >>> abs(found.value) < 0.05, 0.01 < found.within < 0.04
    (True, True)
    """
    pieces = dealt(n, parts, random_state)
    return Estimate(score(np.arange(n)), spread([score(rows) for rows in pieces]))


def dealt(n: int, parts: int = PARTS, random_state: int = 0) -> list[np.ndarray]:
    """Return the rows of disjoint parts of n images, none where there are too few.

    Examples
    --------
    >>> [len(rows) for rows in dealt(210)], dealt(199)
    ([53, 53, 52, 52], [])
    """
    k = min(parts, n // FEWEST)
    order = np.random.default_rng(random_state).permutation(n)
    return np.array_split(order, k) if k >= LEAST else []


def spread(values: list[float]) -> float | None:
    """Return half of the 95 % interval of a score by its values in disjoint parts.

    Examples
    --------
    >>> round(spread([0.1, 0.2, 0.1, 0.2]), 3), spread([0.1, 0.2, float("nan")])
    (0.092, None)
    """
    found = np.asarray(values)[np.isfinite(values)]
    return over_fits(found.tolist())[1] if len(found) >= LEAST else None


def by_bootstrap(
    score: Callable[[np.ndarray], float], n: int, *, draws: int = 200, random_state: int = 0
) -> Estimate:
    """Return a score of n images with half of its 95 % interval: 1.96 deviations over draws.

    The images are drawn again with replacement. It is for scores that images in the sample twice
    do not mislead: shares and ranks, not counts of shared cells (`by_parts`).

    References
    ----------
    Efron and Tibshirani, An introduction to the bootstrap, 1993.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=1000)
    >>> found = by_bootstrap(lambda rows: float(values[rows].mean()), len(values))
    >>> 0.055 < found.within < 0.07
    True
    """
    value = score(np.arange(n))
    if n < FEWEST:
        return Estimate(value)
    rng = np.random.default_rng(random_state)
    found = np.array([score(rng.integers(n, size=n)) for _ in range(draws)])
    found = found[np.isfinite(found)]
    return Estimate(value, 1.96 * float(found.std(ddof=1)) if len(found) > draws / 2 else None)
