"""How well classes are told apart, class by class, and how far probabilities can be believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.intervals import Estimate
from isthmus.metrics.parts import by_bootstrap

DRAWS = 200
CELLS = 15
"""Cells of probability in which calibration is looked at."""


def confusion(y: ArrayLike, found: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return all classes, and how many images of each (row) are taken for each (column).

    Examples
    --------
    >>> confusion(["cat", "cat", "dog"], ["cat", "dog", "dog"])[1].tolist()
    [[1, 1], [0, 1]]
    """
    both = np.concatenate([np.asarray(y), np.asarray(found)])
    classes, cell = np.unique(both, return_inverse=True)
    rows, columns = np.split(cell, 2)
    table = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    return classes, table


def balanced_accuracy(y: ArrayLike, found: ArrayLike) -> float:
    r"""Return the mean over classes of the share that is found: rare classes count as others do.

    :math:`\frac 1 C \sum_c n_{cc} / n_{c \cdot}` over the classes that there are; 1 / C by chance.

    Examples
    --------
    >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    return _balanced(confusion(y, found)[1])


def macro_f1(y: ArrayLike, found: ArrayLike) -> float:
    r"""Return the mean over classes of :math:`2 n_{cc} / (n_{c \cdot} + n_{\cdot c})`.

    The harmonic mean of how many of a class are found, and how many of what is called so are of
    it.

    References
    ----------
    Opitz and Burst, "Macro F1 and Macro F1", 2019.

    Examples
    --------
    >>> round(macro_f1([0, 0, 0, 1], [0, 0, 0, 0]), 3)
    0.429
    """
    return _f1(confusion(y, found)[1])


def calibration_error(right: ArrayLike, sure: ArrayLike, cells: int = CELLS) -> float:
    r"""Return how far probabilities are from how often they are right (ECE).

    :math:`\sum_b \frac{n_b}{n} |\mathrm{right}_b - \mathrm{sure}_b|` over cells of equal width,
    with the probability of the class that is named.

    Parameters
    ----------
    right : array_like of bool of shape (n,)
        Whether that class is the right one.
    sure : array_like of shape (n,)
        How probable it was said to be.
    cells : int
        How many.

    Returns
    -------
    float
        0 (of images called 80 % sure 80 % are right) to 1. A little above 0 by chance, the more
        so of few images.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017.

    Examples
    --------
    >>> round(calibration_error([1, 1, 1, 0], [0.75, 0.75, 0.75, 0.75]), 6)
    0.0
    """
    right, sure = np.asarray(right, dtype=np.float64), np.asarray(sure, dtype=np.float64)
    cell = np.minimum((sure * cells).astype(int), cells - 1)
    gap = np.bincount(cell, right - sure, minlength=cells)
    return float(np.abs(gap).sum() / len(right))


def brier(y: ArrayLike, probabilities: ArrayLike) -> float:
    r"""Return the mean squared error of probabilities, summed over classes.

    :math:`\frac 1 n \sum_i \sum_c (p_{ic} - [y_i = c])^2`: 0 at best, 2 if surely wrong; 1 - 1 / C
    where every class is called equally probable.

    Parameters
    ----------
    y : array_like of int of shape (n,)
        The columns of the right classes; -1 of one that has no column.
    probabilities : array_like of shape (n, C)
        Of every class.

    References
    ----------
    Brier, "Verification of forecasts expressed in terms of probability", 1950.

    Examples
    --------
    >>> brier([0, 1], [[0.5, 0.5], [0.0, 1.0]])
    0.25
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(y)
    truth = y[:, None] == np.arange(p.shape[1])
    missing = y < 0
    return float((np.square(p - truth).sum(1) + missing).mean())


def judged(y: ArrayLike, found: ArrayLike) -> dict[str, Estimate]:
    """Return balanced accuracy and macro-F1 with half of their 95 % intervals over images.

    Images are drawn again 200 times, as in `by_bootstrap`, by the cells of their table.

    Examples
    --------
    >>> judged([0, 1] * 50, [0, 1] * 50)["macro_f1"].value
    1.0
    """
    table = confusion(y, found)[1]
    n, cells = int(table.sum()), np.nonzero(table)
    rng = np.random.default_rng(0)
    drawn = []
    for counts in rng.multinomial(n, table[cells] / n, size=DRAWS):
        again = np.zeros_like(table)
        again[cells] = counts
        drawn.append((_balanced(again), _f1(again)))
    sure = 1.96 * np.std(drawn, axis=0, ddof=1)
    return {
        "balanced_accuracy": Estimate(_balanced(table), float(sure[0])),
        "macro_f1": Estimate(_f1(table), float(sure[1])),
    }


def _balanced(table: np.ndarray) -> float:
    there = table.sum(1) > 0
    return float((table.diagonal()[there] / table.sum(1)[there]).mean())


def _f1(table: np.ndarray) -> float:
    both = table.sum(0) + table.sum(1)
    there = both > 0
    return float((2 * table.diagonal()[there] / both[there]).mean())


def believed(y: ArrayLike, probabilities: ArrayLike) -> dict[str, Estimate]:
    """Return calibration error and Brier score with half of their 95 % intervals over images.

    Examples
    --------
    >>> believed([0, 1] * 50, [[1.0, 0.0], [0.0, 1.0]] * 50)["brier"].value
    0.0
    """
    y, p = np.asarray(y), np.asarray(probabilities)
    right, sure = p.argmax(1) == y, p.max(1)
    return {
        "calibration_error": by_bootstrap(
            lambda rows: calibration_error(right[rows], sure[rows]), len(y)
        ),
        "brier": by_bootstrap(lambda rows: brier(y[rows], p[rows]), len(y)),
    }


def guessed(y: ArrayLike) -> float:
    """Return how often the most frequent class alone would be right.

    Examples
    --------
    >>> guessed([0, 0, 0, 1])
    0.75
    """
    return float(np.unique(np.asarray(y), return_counts=True)[1].max() / len(np.asarray(y)))
