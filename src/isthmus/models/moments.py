"""Means and covariances of more codes than are held at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def moments(parts: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean (k,), deviations (k,) and covariance (k, k) of rows (n, k), part by part.

    Sums are of what is left of the first part's mean, so that they hold to offsets. Deviations are
    those of all rows, the covariance is an estimate from them: it divides by n - 1.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(100, 2, (50, 3))
    >>> mean, deviation, covariance = moments(np.array_split(rows, 4))
    >>> np.allclose(mean, rows.mean(0)), np.allclose(deviation, rows.std(0))
    (True, True)
    >>> np.allclose(covariance, np.cov(rows, rowvar=False))
    True
    """
    n, middle, total, products = 0, None, np.zeros(()), np.zeros(())
    for part in parts:
        rows = part.astype(np.float64)
        middle = rows.mean(0) if middle is None else middle
        rows -= middle
        n, total, products = n + len(rows), total + rows.sum(0), products + rows.T @ rows
    scatter = products - np.outer(total, total) / n
    deviations = np.sqrt(np.maximum(np.diag(scatter), 0) / n)
    return np.asarray(middle) + total / n, deviations, scatter / max(1, n - 1)
