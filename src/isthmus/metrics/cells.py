"""Factors of variation and dimensions of codes, cut into cells that can be counted."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

CROWDED = 5
"""Images a cell of a table of two, from which on its entropies are nearly right."""


def factor_cells(factors: np.ndarray | Mapping[str, np.ndarray], n: int, bins: int) -> np.ndarray:
    """Return whole numbers 0, 1, ... for every factor, (n, m)."""
    if bins < 2:
        raise ValueError(f"bins={bins} must be at least 2")
    return np.column_stack([_values(column, n, bins) for column in columns_of(factors)])


def columns_of(factors: np.ndarray | Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the values of every factor, one array (n,) each."""
    if isinstance(factors, Mapping):
        return [np.asarray(column) for column in factors.values()]
    array = np.asarray(factors)
    return list(array.T) if array.ndim == 2 else [array]


def _values(v: np.ndarray, n: int, bins: int) -> np.ndarray:
    if v.shape != (n,):
        raise ValueError(f"a factor of shape {v.shape} for {n} codes: expected one value each")
    if v.dtype.kind in "biuf":
        if np.isnan(v).any():
            raise ValueError("a factor holds NaN: leave out the images where it is unknown")
        v = cells(v, bins, fineness(n, bins))
    else:
        v = np.unique(v.astype(str), return_inverse=True)[1]
        if 1 < n == v.max() + 1:
            raise ValueError("a factor is another word for every image: nothing can be counted")
    if not v.any():
        raise ValueError("a factor has the same value everywhere: nothing can follow it")
    return v


def fineness(n: int, bins: int) -> int:
    """Return into how many cells n images are cut: a table of two has 5 images a cell."""
    return min(bins, max(2, math.isqrt(n // CROWDED)))


def cells(v: np.ndarray, bins: int, wanted: int) -> np.ndarray:
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
