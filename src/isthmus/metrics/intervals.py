"""How far a figure that was measured on some images may be from that of all such images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A value, half of its 95 % interval, and what it is the mean of, as far as they are known.

    Attributes
    ----------
    value : float
        The figure of a model.
    within : float, optional
        Half of its interval.
    each : ndarray of shape (n,), optional
        Its share of every image: an error, a likeness, or whether it was right, as bool. Models
        are compared by them.
    """

    value: float
    within: float | None = None
    each: np.ndarray | None = None


def of_mean(values: np.ndarray) -> Estimate:
    """Return the mean of a figure over images, and half of its 95 % interval.

    Examples
    --------
    >>> of_mean(np.array([0.0, 1.0] * 50)).within < 0.1, of_mean(np.array([3.0])).within is None
    (True, True)
    """
    n = len(values)
    within = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else None
    return Estimate(float(np.mean(values)), within)


def wilson(right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share: where the true one lies, by what was counted.

    ``(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`` with ``p = right / n``
    and z the quantile of the normal distribution: the shares from which p is at most z standard
    errors away. Unlike ``p -+ z sqrt(p (1 - p) / n)`` it stays within 0 and 1 and has a width
    where p is 0 or 1.

    Parameters
    ----------
    right : int
        How many were right, 0 to `n`.
    n : int
        How many were counted, at least 1.
    confidence : float
        How often such an interval holds the true share, between 0 and 1.

    Returns
    -------
    (float, float)
        Its lower and its upper end.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(90, 100)]
    [0.8256, 0.9448]
    """
    from scipy.stats import binomtest

    if n < 1 or not 0 <= right <= n:
        raise ValueError(f"right={right} of n={n}: expected at least 1 counted, 0 to n of them")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must be between 0 and 1, as 0.95")
    found = binomtest(right, n).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def over_fits(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return the mean of a figure over fits with different seeds, and half of its interval.

    ``mean +- t s / sqrt(k)`` of k values with the standard deviation s (k - 1), t the quantile of
    Student's distribution with k - 1 degrees of freedom: 12.7 for two fits, 4.3 for three.

    Parameters
    ----------
    values : sequence of float
        One a fit, at least 2.
    confidence : float
        How often such an interval holds the mean over all seeds, between 0 and 1.

    Returns
    -------
    (float, float)
        The mean, and half of the width of the interval.

    Raises
    ------
    ValueError
        If there are fewer than 2 values.

    References
    ----------
    Student, "The probable error of a mean", 1908.

    Examples
    --------
    >>> [round(part, 4) for part in over_fits([20.0, 20.2, 20.4])]
    [20.2, 0.4968]
    """
    from scipy.stats import t

    if len(values) < 2:
        raise ValueError(f"values={list(values)}: an interval over fits takes at least 2 of them")
    quantile = t.ppf((1 + confidence) / 2, len(values) - 1)
    deviation = np.std(values, ddof=1)
    return float(np.mean(values)), float(quantile * deviation / math.sqrt(len(values)))
