"""How many images a second a piece of work does."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from isthmus.metrics.intervals import Estimate, over_fits

FIRST = 16
"""Images of the first run, which warms up and tells how many there can be in the others."""
SPENT, RUNS = 0.05, 5
"""Seconds that all runs take together, about, and how many there are."""
MOST = 1000
"""Images of a run, at most."""


def images_a_second(
    work: Callable[[np.ndarray], object],
    images: np.ndarray,
    clock: Callable[[], float] = time.perf_counter,
) -> Estimate:
    """Return how many images a second a function does, with its interval over runs.

    The first run is not counted, unless it alone takes as long as all are to. Batches count: many
    images at once are done sooner than one by one, so runs have as many as there is time for, up
    to 1,000. It is of this machine, as busy as it is.

    Parameters
    ----------
    work : callable
        Given some of the images.
    images : ndarray of shape (n, ...)
        What it is given, from the first on; at least one.
    clock : callable
        Tells seconds.

    Examples
    --------
    >>> seconds = iter(range(20))
    >>> images_a_second(len, np.zeros((8, 2)), lambda: next(seconds)).value
    8.0
    """
    first = images[:FIRST]
    took = _seconds(work, first, clock)
    if took >= SPENT:
        return Estimate(float(f"{len(first) / took:.3g}"))
    count = max(1, min(len(images), MOST, int(len(first) * SPENT / RUNS / max(took, 1e-9))))
    rates = [count / _seconds(work, images[:count], clock) for _ in range(RUNS)]
    rate, within = over_fits(rates)
    return Estimate(float(f"{rate:.3g}"), float(f"{within:.2g}"))


def _seconds(
    work: Callable[[np.ndarray], object], images: np.ndarray, clock: Callable[[], float]
) -> float:
    began = clock()
    work(images)
    return max(1e-9, clock() - began)
