"""Kernel distance (KID) of real and drawn images: features compared without a Gaussian."""

from __future__ import annotations

import numpy as np

from isthmus.metrics.halves import over_halves
from isthmus.metrics.intervals import Estimate

CHUNK = 2000
"""Rows of a table of kernels that are held at a time."""
SUBSETS, SIZE = 100, 1000
"""Random subsets of KID as it is usually reported, and the vectors of each kind in one."""


def kernel_distance(real: np.ndarray, drawn: np.ndarray) -> float:
    r"""Return the squared maximum mean discrepancy of two sets of vectors, unbiased.

    .. math:: \overline{k(x, x')} + \overline{k(y, y')} - 2\,\overline{k(x, y)}, \quad
       k(x, y) = (x \cdot y / d + 1)^3

    over pairs of different vectors of d numbers. Unlike the Fréchet distance it is right for few
    of them: 0 on average, and so at times below, where both are drawn alike.

    Parameters
    ----------
    real, drawn : ndarray of shape (n, d) and (m, d)
        Features, at least two of each.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not suit.

    References
    ----------
    M. Binkowski et al., Demystifying MMD GANs, 2018.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(500, 2))
    >>> near, far = kernel_distance(real, rng.normal(size=(500, 2))), kernel_distance(real, real+1)
    >>> abs(near) < 0.1 < 3 < far
    True
    """
    real, drawn = _checked(real, drawn)
    within = [_total(each, each) - _diagonal(each) for each in (real, drawn)]
    pairs = [len(each) * (len(each) - 1) for each in (real, drawn)]
    across = _total(real, drawn) / (len(real) * len(drawn))
    return within[0] / pairs[0] + within[1] / pairs[1] - 2 * across


def kernel_estimate(real: np.ndarray, drawn: np.ndarray, seed: int = 0) -> Estimate:
    """Return the kernel distance of two sets of vectors with half of its 95 % interval.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = kernel_estimate(rng.normal(size=(400, 2)), rng.normal(size=(400, 2)) + 1)
    >>> found.value > found.within > 0
    True
    """
    value = kernel_distance(real, drawn)
    return Estimate(value, over_halves(kernel_distance, real, drawn, seed))


def kernel_over_subsets(
    real: np.ndarray,
    drawn: np.ndarray,
    subsets: int = SUBSETS,
    size: int = SIZE,
    random_state: int = 0,
) -> tuple[float, float]:
    """Return KID as it is usually reported: its mean over random subsets, and their deviation.

    Parameters
    ----------
    real, drawn : ndarray of shape (n, d) and (m, d)
        Features.
    subsets : int
        How many, at least 1.
    size : int
        Vectors of each kind in a subset, 2 or more and at most as many as there are of either.
    random_state : int
        Seed of the choice.

    Returns
    -------
    (float, float)

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mean, deviation = kernel_over_subsets(*rng.normal(size=(2, 200, 3)), 10, 100)
    >>> abs(mean) < 0.2, 0 < deviation < 0.2
    (True, True)
    """
    real, drawn = _checked(real, drawn)
    fewest = min(len(real), len(drawn))
    if subsets < 1 or not 2 <= size <= fewest:
        raise ValueError(
            f"subsets={subsets} must be at least 1 and size={size} from 2 to {fewest}, the "
            "vectors that there are of each"
        )
    rng = np.random.default_rng(random_state)
    found = [
        kernel_distance(*(each[rng.permutation(len(each))[:size]] for each in (real, drawn)))
        for _ in range(subsets)
    ]
    return float(np.mean(found)), float(np.std(found))


def _checked(real: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of vectors that can be compared, as float64."""
    one, two = (np.asarray(each, dtype=np.float64) for each in (real, drawn))
    if one.ndim != 2 or one.shape[1:] != two.shape[1:] or min(len(one), len(two)) < 2:
        raise ValueError(
            f"features of shape {one.shape} and {two.shape}: expected (n, d) and (m, d), two or "
            "more of each"
        )
    return one, two


def _kernels(products: np.ndarray, width: int) -> np.ndarray:
    kernels: np.ndarray = (products / width + 1) ** 3
    return kernels


def _total(one: np.ndarray, two: np.ndarray) -> float:
    """Return the sum of the kernel over all pairs, some rows at a time."""
    parts = (one[start : start + CHUNK] for start in range(0, len(one), CHUNK))
    return float(sum(_kernels(part @ two.T, one.shape[1]).sum() for part in parts))


def _diagonal(one: np.ndarray) -> float:
    return float(_kernels(np.square(one).sum(1), one.shape[1]).sum())
