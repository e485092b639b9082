"""How well anomaly scores find what is known to be new, with intervals and beside chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.intervals import Estimate
from isthmus.metrics.outliers import auroc_estimate
from isthmus.metrics.parts import by_bootstrap

CAUGHT = 0.95


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    r"""Return the area under the curve of precision against recall, step by step.

    :math:`\sum_t (R_t - R_{t-1}) P_t` over the thresholds t: how many of those with the highest
    scores are new, averaged over all that are new. It says more than the area under the ROC curve
    where few are new.

    Parameters
    ----------
    truth : array_like of bool of shape (n,)
        True for what is new; some must be.
    scores : array_like of shape (n,)
        The higher, the more anomalous.

    Returns
    -------
    float
        The share of what is new (chance) to 1.

    References
    ----------
    Davis and Goadrich, "The relationship between precision-recall and ROC curves", 2006.

    Examples
    --------
    >>> average_precision([True, False, True, False], [4.0, 3.0, 2.0, 1.0])
    0.8333333333333333
    """
    found, passed = _counts(truth, scores)
    precision = found / (found + passed)
    return float((np.diff(found, prepend=0) * precision).sum() / found[-1])


def false_alarms(truth: ArrayLike, scores: ArrayLike, caught: float = CAUGHT) -> float:
    """Return the share of what is ordinary that is called new where 95 % of the new is caught.

    The false positive rate at the first threshold with at least that true positive rate.

    Parameters
    ----------
    truth, scores
        See `average_precision`.
    caught : float
        Share of what is new that is to be called so.

    Returns
    -------
    float
        0 (none) to 1; about 0.95 by chance.

    References
    ----------
    Hendrycks and Gimpel, "A baseline for detecting misclassified and out-of-distribution
    examples", 2017.

    Examples
    --------
    >>> false_alarms([True, False, True, False], [4.0, 3.0, 2.0, 1.0])
    0.5
    """
    found, passed = _counts(truth, scores)
    first = int(np.argmax(found >= caught * found[-1] - 1e-9))
    return float(passed[first] / passed[-1])


def detected(truth: ArrayLike, scores: ArrayLike) -> dict[str, Estimate]:
    """Return AUROC, average precision and false alarms with half of their 95 % intervals.

    Examples
    --------
    >>> detected([True, False] * 40, [1.0, 0.0] * 40)["auroc"]
    Estimate(value=1.0, within=0.0, each=None)
    """
    new, scores = np.asarray(truth).astype(bool), np.asarray(scores)
    ways = {"average_precision": average_precision, "false_alarms": false_alarms}
    found = {"auroc": auroc_estimate(new, scores)}
    return found | {name: _drawn(way, new, scores) for name, way in ways.items()}


def _drawn(way: Callable[..., float], new: np.ndarray, scores: np.ndarray) -> Estimate:
    def of_rows(rows: np.ndarray) -> float:
        both = new[rows].any() and not new[rows].all()
        return float(way(new[rows], scores[rows])) if both else float("nan")

    return by_bootstrap(of_rows, len(new), draws=100)


def _counts(truth: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return how many new and how many ordinary ones are at or above every distinct score."""
    truth, scores = np.asarray(truth).astype(bool), np.asarray(scores)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    found = np.cumsum(truth[order])[last]
    return found, last + 1 - found
