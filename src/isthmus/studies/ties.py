"""Which models cannot be told from the best one: by the same images, and over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from isthmus.metrics.paired import Difference, difference
from isthmus.metrics.table import METRICS
from isthmus.studies.each import OF, Figures

Score = Mapping[str, Any]

FIGURE = {"psnr": "mse", "kept": "mse"}
"""Where figures of every image are kept by another name: their errors."""
ERRORS = ("mse", "mae")
"""Figures that are compared by their ratio, in dB."""
SPREAD = {
    "mse": 0.06,
    "mae": 0.03,
    "ssim": 0.002,
    "ms_ssim": 0.001,
    "leading": 0.003,
    "cluster_accuracy": 0.025,
    "altered": 0.006,
}
"""Deviation over seeds (of errors in dB) that is taken for models which were fitted once: about
what autoencoders, VAEs and k-means have on digits and MNIST. Of one fit nothing tells it."""
OF_SHARES = 0.006
"""The same, of accuracies."""


def best_and_ties(
    scores: Sequence[Score],
    value: Callable[[Score], float],
    within: Callable[[Score], float],
    key: str = "",
) -> list[Score]:
    """Return the score of the greatest value, then those too near to be told from it, in order.

    By the figures of the same images where both models have them, corrected for the number of
    comparisons with the best; else by the intervals of both.

    Parameters
    ----------
    scores : list of dict
        At least one.
    value, within : callable
        From a score to what is compared, the greater the better, and half of its interval.
    key : str
        The name of the figure, if it may be known of every image.

    Examples
    --------
    >>> scores = [{"model": "a", "psnr": 20.0}, {"model": "b", "psnr": 20.2}]
    >>> [s["model"] for s in best_and_ties(scores, lambda s: s["psnr"], lambda s: 0.2)]
    ['b', 'a']
    """
    order = sorted(scores, key=value, reverse=True)
    best, times = order[0], max(1, len(order) - 1)

    def tied(s: Score) -> bool:
        if value(s) == value(best):
            return True
        found = against(best, s, key, times)
        return found.is_tie if found else _near(value(best), value(s), within(best), within(s))

    return [s for s in order if tied(s)]


def in_tiers(
    scores: Sequence[Score],
    value: Callable[[Score], float],
    within: Callable[[Score], float],
    key: str = "",
) -> list[list[Score]]:
    """Return scores in tiers: the best and its ties, the best of the rest and its ties, and so on.

    Examples
    --------
    >>> scores = [{"model": name, "psnr": db} for name, db in zip("abc", (19.9, 20.0, 15.0))]
    >>> found = in_tiers(scores, lambda s: s["psnr"], lambda s: 0.2)
    >>> [[s["model"] for s in tier] for tier in found]
    [['b', 'a'], ['c']]
    """
    tiers, rest = [], list(scores)
    while rest:
        tiers.append(best_and_ties(rest, value, within, key))
        rest = [s for s in rest if all(s is not tie for tie in tiers[-1])]
    return tiers


def _near(best: float, value: float, *within: float) -> bool:
    return value == best or best - value <= math.hypot(*within)


def against(one: Score, two: Score, key: str, times: int = 1) -> Difference | None:
    """Return how much better one model is than another, of the same images; None if not known.

    Parameters
    ----------
    one, two : dict
        Scores, with ``each``.
    key : str
        The name of the figure; that of errors is compared in dB.
    times : int
        Comparisons that are made.

    Examples
    --------
    >>> each = [{0: {"mse": np.full(9, error), "of": np.zeros(1)}} for error in (0.01, 0.1)]
    >>> one, two = ({"model": "m", "each": fits} for fits in each)
    >>> round(against(one, two, "psnr").value, 6), against(one, {"model": "b"}, "psnr")
    (10.0, None)
    """
    name = FIGURE.get(key, key)
    fits = list(_common(one.get("each") or {}, two.get("each") or {}, name))
    if not fits:
        return None
    shares = fits[0][0].dtype == bool
    form = "share" if shares else "dB" if name in ERRORS else "mean"
    if form != "dB" and name in METRICS and METRICS[name].better == "lower":
        fits = [pair[::-1] for pair in fits]
    spread = SPREAD.get(name, OF_SHARES if shares else 0.0)
    return difference(fits, form, times=times, spread=spread)


def _common(
    one: Mapping[int, Figures], two: Mapping[int, Figures], name: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the figures of both models by fits with the same seed on the same images."""
    for seed in sorted(one.keys() & two.keys()):
        a, b = one[seed], two[seed]
        same = np.array_equal(a.get(OF, 0), b.get(OF, 1))
        if same and name in a and name in b and len(a[name]) == len(b[name]):
            yield a[name], b[name]
