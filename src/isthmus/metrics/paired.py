"""How far two models are apart on the same images, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

TIMES = 500
"""Times that images are drawn again in a bootstrap."""


class Difference(NamedTuple):
    """How much greater one figure is than another, with an interval.

    Attributes
    ----------
    value : float
        The first less the second.
    low, high : float
        Ends of its interval, of 95 % or of more where it is one of several comparisons.
    n : int
        Images that both were measured on.
    seeds : int
        Fits of each of them.
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int = 1

    @property
    def is_tie(self) -> bool:
        """Whether the two cannot be told apart: there may be no difference at all."""
        return self.low <= 0 <= self.high

    @property
    def within(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2


class Apart(NamedTuple):
    """A difference over images, its squared standard error, and where its interval is centred."""

    value: float
    variance: float
    middle: float


def apart(one: ArrayLike, two: ArrayLike, form: str = "mean") -> Apart:
    r"""Return how far two models are apart on the same images.

    "mean" is the difference of the means of two figures an image, "dB" that of their peak
    signal-to-noise ratios, :math:`10 \log_{10} (\bar b / \bar a)` of squared errors a and b: both
    with the variance of a paired bootstrap, which draws images again and takes both figures of
    each. "share" is the difference of two accuracies, :math:`(b - c) / n` with b images that only
    the first has right and c only the second, as in McNemar's test, with the interval of Bonett
    and Price: :math:`p_{12} - p_{21} \pm z \sqrt{(p_{12} + p_{21} - (p_{12} - p_{21})^2)/(n + 2)}`
    with :math:`p_{12} = (b + 1) / (n + 2)` and :math:`p_{21} = (c + 1) / (n + 2)`.

    References
    ----------
    McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
    Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data", 2012. Efron and Tibshirani, An introduction to the bootstrap, 1993.

    Examples
    --------
    >>> apart([True, True, True, False], [True, False, False, False], "share").value
    0.5
    >>> round(apart([0.1, 0.1], [1.0, 1.0], "dB").value, 6)
    10.0
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (one, two))
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"figures of shape {a.shape} beside {b.shape}: one an image, of the same")
    if form == "share":
        return _shares(a, b)
    value = _between(a.mean(), b.mean(), form)
    again = resampled(np.stack([a, b], axis=1))
    with np.errstate(all="ignore"):
        spread = np.var(_between(again[:, 0], again[:, 1], form))
    return Apart(float(value), float(spread), float(value))


def _shares(a: np.ndarray, b: np.ndarray) -> Apart:
    n = len(a)
    first, second = (float(np.maximum(d, 0).sum() + 1) / (n + 2) for d in (a - b, b - a))
    middle = first - second
    return Apart(float((a - b).mean()), (first + second - middle**2) / (n + 2), middle)


def _between(a: np.ndarray, b: np.ndarray, form: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        decibels = np.where(a == b, 0.0, 10 * np.log10(b / a))
        found: np.ndarray = np.subtract(a, b) if form == "mean" else decibels
    return found


def resampled(values: np.ndarray) -> np.ndarray:
    """Return the means of columns (n, m) over rows that are drawn again, (TIMES, m)."""
    means: np.ndarray = _weights(len(values)).astype(np.float32) @ values / len(values)
    return means


@lru_cache(maxsize=4)
def _weights(n: int) -> np.ndarray:
    """Return how often each of n images is drawn, every time anew: the same for all models."""
    chance, drawn = np.random.default_rng(0), np.empty((TIMES, n), np.uint8)
    for row in drawn:
        row[:] = np.bincount(chance.integers(n, size=n), minlength=n)
    return drawn


def difference(
    fits: Sequence[tuple[ArrayLike, ArrayLike]],
    form: str = "mean",
    *,
    times: int = 1,
    spread: float = 0.0,
    confidence: float = 0.95,
) -> Difference:
    r"""Return how far two models are apart, by fits of both with the same seeds.

    The squared standard error is that over images and that over seeds, :math:`s^2 / k` of k fits;
    the quantile is Cochran's, the mean of Student's for n - 1 and for k - 1 degrees of freedom,
    weighted by these two: what Welch and Satterthwaite's degrees of freedom give holds too little
    with 2 or 3 fits. Of several comparisons each has the confidence of Bonferroni, 1 less 0.05 by
    their number.

    Parameters
    ----------
    fits : sequence of (array, array)
        The figures of all images by the first and by the second model, one pair a seed.
    form : {"mean", "dB", "share"}
        What is compared, see `apart`.
    times : int
        Comparisons that are made, at least 1.
    spread : float
        Of one fit each: the deviation of such a figure over seeds, if there is a guess.
    confidence : float
        How often all intervals together hold the difference.

    References
    ----------
    Cochran, "Approximate significance levels of the Behrens-Fisher test", 1964.

    Examples
    --------
    >>> chance = np.random.default_rng(0)
    >>> hard = chance.normal(size=300)
    >>> better, worse = (hard + chance.normal(mean, 0.1, 300) for mean in (1.0, 0.9))
    >>> found = difference([(better, worse)])
    >>> round(found.value, 1), found.within < 0.03, found.is_tie
    (0.1, True, False)
    >>> difference([(better, better)]).is_tie
    True
    """
    if not fits:
        raise ValueError("no fits to compare: at least one of each model")
    found = [apart(one, two, form) for one, two in fits]
    values = np.array([each.value for each in found])
    n = len(np.asarray(fits[0][0]))
    over_images = float(np.mean([each.variance for each in found]))
    over_seeds = 2 * spread**2
    if (k := len(found)) > 1:
        over_seeds = float(values.var(ddof=1)) / k
    within = _half(over_images, n - 1, over_seeds, k - 1, 1 - (1 - confidence) / times)
    middle = float(np.mean([each.middle for each in found]))
    return Difference(float(values.mean()), middle - within, middle + within, n, k)


def _half(images: float, of_images: int, seeds: float, of_seeds: int, level: float) -> float:
    """Return half of an interval, by two variances and their degrees of freedom, 0 if known."""
    whole = images + seeds
    if not whole > 0 or not math.isfinite(whole):
        return 0.0 if whole == 0 else math.inf
    upper = (1 + level) / 2
    of_images_alone, of_seeds_alone = (
        _quantile(upper, max(1, of_images)),
        _quantile(upper, of_seeds),
    )
    return (images * of_images_alone + seeds * of_seeds_alone) / math.sqrt(whole)


@lru_cache
def _quantile(upper: float, degrees: int) -> float:
    """Return a quantile of Student's distribution, of the normal one where degrees are 0."""
    from scipy.stats import norm, t

    return float(t.ppf(upper, degrees) if degrees else norm.ppf(upper))
