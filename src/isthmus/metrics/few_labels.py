"""How many labels are enough: accuracies of simple classifiers from more and more of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.labels import PROBES, Accuracy, _probed
from isthmus.metrics.probes import chosen_codes, stratified
from isthmus.validation import one_of

COUNTS = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
"""Labels at the points of a curve, as far as there are so many."""

DRAWS = 3000
"""A point of n labels is drawn DRAWS / n times, 3 times at least and 10 at most."""


class Point(NamedTuple):
    """Accuracy at one number of labels: the mean over the draws, the worst and the best one."""

    n_labels: int
    accuracy: float
    low: float
    high: float
    draws: int


def label_curve(
    Z_train: ArrayLike,
    y_train: ArrayLike,
    Z_test: ArrayLike,
    y_test: ArrayLike,
    kinds: Sequence[str] = PROBES,
    *,
    counts: Sequence[int] | None = None,
    test_limit: int = 10_000,
    random_state: int = 0,
) -> Iterator[tuple[str, Point]]:
    """Yield how accuracy grows with the number of labels, point by point.

    At n labels every probe learns from n codes drawn in the proportion of their classes, 3000 / n
    times (3 at least, 10 at most), from all labels there are once.

    Parameters
    ----------
    Z_train, y_train, Z_test, y_test, test_limit
        See `probe_codes`.
    kinds : sequence of {"knn", "linear", "svm"}
        The probes.
    counts : sequence of int, optional
        Numbers of labels; by default 10, 30, 100, ... up to all there are.
    random_state : int
        Seed of the first draw; the next have the seeds after it.

    Yields
    ------
    (str, Point)
        The probe, and one point of its curve.

    Raises
    ------
    ValueError
        As `probe_codes`, or if a count is not between 2 and the labels there are.

    References
    ----------
    Henaff, "Data-efficient image recognition with contrastive predictive coding", 2020.

    Examples
    --------
    >>> Z, y = np.arange(40.0)[:, None], np.arange(40) // 20
    >>> [point.n_labels for _, point in label_curve(Z, y, Z, y, ["linear"])]
    [10, 30, 40]
    """
    for kind in kinds:
        one_of("kind", kind, PROBES)
    everything = len(np.asarray(Z_train))
    chosen = chosen_codes(Z_train, y_train, Z_test, y_test, everything, test_limit, random_state)
    for count in points(len(chosen[1]), counts):
        seeds = [random_state + draw for draw in range(n_draws(count, len(chosen[1])))]
        for kind in kinds:
            yield kind, _averaged([_few(kind, count, seed, *chosen) for seed in seeds])


def points(n: int, counts: Sequence[int] | None = None) -> list[int]:
    """Return at which numbers of labels a curve has its points where `n` labels are known.

    Examples
    --------
    >>> points(1500)
    [10, 30, 100, 300, 1000, 1500]
    """
    if counts is None:
        return [*(count for count in COUNTS if count < n), n]
    wrong = [count for count in counts if not 2 <= count <= n]
    if wrong:
        raise ValueError(f"{wrong[0]} labels: expected 2 to {n}, the labels there are")
    return sorted(counts)


def n_draws(count: int, n: int) -> int:
    """Return how often `count` of `n` labels are drawn: the more often, the fewer they are.

    Examples
    --------
    >>> n_draws(30, 5000), n_draws(3000, 5000), n_draws(5000, 5000)
    (10, 3, 1)
    """
    return 1 if count == n else min(10, max(3, DRAWS // count))


def _few(
    kind: str,
    count: int,
    seed: int,
    Z: np.ndarray,
    y: np.ndarray,
    Z_test: np.ndarray,
    y_test: np.ndarray,
) -> Accuracy:
    rows = np.arange(count) if count == len(y) else stratified(y, count, seed)
    return _probed(kind, Z[rows], y[rows], Z_test, y_test, seed)


def _averaged(found: list[Accuracy]) -> Point:
    values = [each.accuracy for each in found]
    return Point(found[0].n_labels, float(np.mean(values)), min(values), max(values), len(values))
