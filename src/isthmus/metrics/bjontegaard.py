r"""Bjøntegaard's deltas: two curves of rate and quality compared over all that both reach.

.. math:: \text{BD-rate} = \exp\Big(\frac{1}{q_1 - q_0} \int_{q_0}^{q_1}
   \log r(q) - \log r_0(q)\, dq\Big) - 1

over the qualities from :math:`q_0` to :math:`q_1` that both curves reach; BD-PSNR is the mean
difference of quality over the rates, in logarithms, that both have. Between points curves are
piecewise cubic and rise as the points do (pchip).

References
----------
G. Bjontegaard, Calculation of average PSNR differences between RD-curves, VCEG-M33, 2001.
F. Fritsch and R. Carlson, Monotone piecewise cubic interpolation, 1980.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Curve = tuple[ArrayLike, ArrayLike]
"""Rates, and the quality at each, in any order."""
Points = tuple[np.ndarray, np.ndarray]
"""Where points lie, rising, and their heights: one each, or many."""
Again = tuple[np.ndarray, np.ndarray]
"""Rates and qualities of the points of a curve, (times, points) each."""


ENOUGH = 1.0
"""dB that two curves have in common, at least, where their BD-rate is told to a person."""


class Deltas(NamedTuple):
    """How far a curve lies from a reference.

    Attributes
    ----------
    rate : float or None
        BD-rate: -0.2 is a fifth less for the same quality; None where they share no quality.
    psnr : float or None
        BD-PSNR in dB: quality gained at the same rate; None where they share no rate.
    low, high : float
        The qualities that both reach; NaN where there are none.
    overlap : float
        Share of these among all qualities from the lowest to the highest of either.
    rate_ends, psnr_ends : (float, float), optional
        95 % intervals over images, which both curves are of.
    """

    rate: float | None
    psnr: float | None
    low: float
    high: float
    overlap: float
    rate_ends: tuple[float, float] | None = None
    psnr_ends: tuple[float, float] | None = None

    @property
    def is_told(self) -> bool:
        """Whether both reach enough of the same qualities for a BD-rate that says something."""
        return self.rate is not None and self.high - self.low >= ENOUGH

    @property
    def words(self) -> str:
        """The deltas in words.

        Examples
        --------
        >>> bjontegaard(([1, 4], [20, 24]), ([2, 8], [20, 24])).words
        'BD-rate -50.0 % over 20.0 to 24.0 dB, all that either reaches; BD-PSNR +2.00 dB'
        >>> bjontegaard(([1, 2], [20, 24]), ([2, 4], [25, 29])).words
        'no quality in common'
        """
        if self.rate is None:
            return "no quality in common"
        part = f"{100 * self.overlap:.0f} % of" if self.overlap < 0.995 else "all"
        words = f"BD-rate {100 * self.rate:+.1f} % over {self.low:.1f} to {self.high:.1f} dB, "
        words += f"{part} that either reaches; BD-PSNR "
        return words + ("not to be had, no rate in common" if self.psnr is None
                        else f"{self.psnr:+.2f} dB")  # fmt: skip


def bjontegaard(
    curve: Curve, reference: Curve, again: Again | None = None, anew: Again | None = None
) -> Deltas:
    """Return by how much a curve of rate and quality is better or worse than a reference.

    Parameters
    ----------
    curve, reference : (array_like, array_like)
        Rates above 0 and qualities in dB, at least one each. Points that another beats in both
        are left out; fewer than two that are left have nothing between them to compare.
    again, anew : (ndarray, ndarray), optional
        The points that are left of both, of images that are drawn again, the same for both:
        intervals are the 2.5 and 97.5 % quantiles (Efron and Tibshirani 1993), where a curve
        moves by as much as its points do and keeps its slopes.

    Returns
    -------
    Deltas
        What is compared, and how large the overlap is.

    Raises
    ------
    ValueError
        If rates are not above 0, values not finite, or there are not as many of both.

    Examples
    --------
    >>> psnr = np.array([20.0, 22, 25, 30])
    >>> rates = np.array([1.0, 2, 3, 8])
    >>> round(bjontegaard((0.8 * rates, psnr), (rates, psnr)).rate, 6)
    -0.2
    >>> round(bjontegaard((rates, psnr + 1.5), (rates, psnr)).psnr, 6)
    1.5
    """
    ours, theirs = front(*curve), front(*reference)
    low, high, overlap = _shared(ours[1], theirs[1])
    rate = _mean_difference(ours[::-1], theirs[::-1])
    gained = _mean_difference(ours, theirs)
    gained = None if gained is None else float(gained)
    if rate is None:
        return Deltas(None, gained, math.nan, math.nan, 0.0)
    found = Deltas(math.expm1(rate), gained, low, high, overlap)
    if again is None or anew is None:
        return found
    return found._replace(**_ends(ours, theirs, again, anew))


def _ends(ours: Points, theirs: Points, again: Again, anew: Again) -> dict[str, Any]:
    """Return the intervals of BD-rate and BD-PSNR, by images that are drawn again."""
    both = (ours, again), (theirs, anew)
    rates = [(q, _moved(q, r, drawn[1], np.log(drawn[0]))) for (r, q), drawn in both]
    gains = [(r, _moved(r, q, np.log(drawn[0]), drawn[1])) for (r, q), drawn in both]
    found: dict[str, Any] = {}
    for name, (mine, other) in {"rate_ends": rates, "psnr_ends": gains}.items():
        apart = _mean_difference(mine, other)
        if apart is not None:
            low, high = np.quantile(apart, (0.025, 0.975)).tolist()
            is_rate = name == "rate_ends"
            found[name] = (math.expm1(low), math.expm1(high)) if is_rate else (low, high)
    return found


def _moved(x: np.ndarray, y: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return y at x, (p, times), of curves whose points have moved to xs and ys, (times, p)."""
    slope = _through(x, y).derivative()(x) if len(x) > 1 else np.zeros(1)
    moved: np.ndarray = (ys - slope * (xs - x)).T
    return moved


def ends_in_words(ends: tuple[float, float] | None) -> str:
    """Write the interval of a BD-rate; nothing where it is not known.

    Examples
    --------
    >>> ends_in_words((-0.191, -0.149)), ends_in_words(None)
    (' (-19.1 to -14.9)', '')
    """
    return f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})" if ends else ""


def log_rates_at(
    curve: Curve, again: Again, wanted: float, moved: np.ndarray | float | None = None
) -> np.ndarray:
    """Return logarithms of rates at a quality, (times,), of images that are drawn again.

    Below its lowest point a curve counts there; see `at_quality` and `bjontegaard`. What is wanted
    may move as well, (times,), by little: the slope is that of the curve.
    """
    (r, q), rates = front(*curve), np.log(again[0])
    found: np.ndarray = rates[:, 0]
    if wanted > q[0]:
        at = min(wanted, q[-1])
        off = 0.0 if moved is None else moved - wanted
        found = _through(q, _moved(q, r, again[1], rates))(at)
        found = found + off * _through(q, r).derivative()(at)
    return found


def bd_rate(curve: Curve, reference: Curve) -> float | None:
    """Return BD-rate, the mean change of rate at the same quality; None without an overlap.

    Examples
    --------
    >>> bd_rate(([1, 2], [20, 24]), ([2, 4], [25, 29])) is None
    True
    """
    return bjontegaard(curve, reference).rate


def bd_psnr(curve: Curve, reference: Curve) -> float | None:
    """Return BD-PSNR in dB, the mean change of quality at the same rate; None without an overlap.

    Examples
    --------
    >>> round(bd_psnr(([1, 2], [21, 25]), ([1, 2], [20, 24])), 6)
    1.0
    """
    return bjontegaard(curve, reference).psnr


def front(rates: ArrayLike, quality: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of rates and the qualities of points that no other beats, rising.

    Examples
    --------
    >>> front([4, 1, 2, 3], [30, 20, 25, 24])[1]
    array([20., 25., 30.])
    """
    rows = on_front(rates, quality)
    rate, good = (np.asarray(each, dtype=np.float64)[rows] for each in (rates, quality))
    log: np.ndarray = np.log(rate)
    return log, good


def on_front(rates: ArrayLike, quality: ArrayLike) -> np.ndarray:
    """Return the rows of points that no other beats, by rising rates.

    Examples
    --------
    >>> on_front([4, 1, 2, 3], [30, 20, 25, 24])
    array([1, 2, 0])
    """
    rate, good = np.asarray(rates, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    if rate.shape != good.shape or rate.ndim != 1 or not len(rate):
        raise ValueError(f"rates of shape {rate.shape} and quality of {good.shape}: one each")
    if not (np.isfinite(rate).all() and np.isfinite(good).all() and (rate > 0).all()):
        raise ValueError("rates must be above 0 and finite, as must be the quality at each")
    order = np.lexsort((-good, rate))
    good = good[order]
    best = np.concatenate([[-math.inf], np.maximum.accumulate(good)[:-1]])
    found: np.ndarray = order[good > best]
    return found


def at_quality(rates: ArrayLike, quality: ArrayLike, wanted: float) -> float | None:
    """Return the rate at which a curve reaches a quality; None beyond its best point.

    A curve that starts above the quality counts at its lowest point: nothing cheaper is to be had.

    Examples
    --------
    >>> at_quality([2, 4, 8], [20, 24, 28], 15), at_quality([2, 4, 8], [20, 24, 28], 29)
    (2.0, None)
    >>> round(at_quality([2, 4, 8], [20, 24, 28], 22), 3)
    2.828
    """
    found = rates_at(rates, quality, [wanted])[0]
    return None if math.isnan(found) else float(found)


def rates_at(rates: ArrayLike, quality: ArrayLike, wanted: ArrayLike) -> np.ndarray:
    """Return the rates of a curve at some qualities, as `at_quality`; NaN beyond its best point.

    Examples
    --------
    >>> rates_at([2, 4, 8], [20, 24, 28], [15, 22, 29]).round(3)
    array([2.   , 2.828,   nan])
    """
    x, y = front(rates, quality)
    asked = np.asarray(wanted, dtype=np.float64)
    within = np.clip(asked, y[0], y[-1])
    log = np.full(asked.shape, x[0]) if len(x) == 1 else _through(y, x)(within)
    return np.where(asked > y[-1], np.nan, np.exp(log))


def _through(x: np.ndarray, y: np.ndarray) -> Any:
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator(x, y)


def _shared(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Return where two ranges overlap, and how much of both together that is."""
    low, high = float(max(one[0], other[0])), float(min(one[-1], other[-1]))
    whole = max(one[-1], other[-1]) - min(one[0], other[0])
    return low, high, max(0.0, (high - low) / whole) if whole > 0 else 0.0


def _mean_difference(ours: Points, theirs: Points) -> Any:
    """Return the mean of y over the x that both have, less that of the reference."""
    low, high, overlap = _shared(ours[0], theirs[0])
    if overlap <= 0:
        return None
    mine, other = (_through(x, y).integrate(low, high) for x, y in (ours, theirs))
    return (mine - other) / (high - low)
