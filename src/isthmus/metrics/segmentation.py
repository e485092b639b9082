"""How well label maps agree with the true class of every pixel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from isthmus.data.label_maps import NO_CLASS, is_black_and_white, is_mask, without_class


def confusion_matrix(
    maps: ArrayLike,
    predicted: ArrayLike,
    n_classes: int | None = None,
    ignored_class: int | None = None,
) -> np.ndarray:
    """Return how many pixels of every class (rows) were given every class (columns).

    ``C[i, j] = |{pixels of class i given class j}|``. All scores of this module come from it.

    Parameters
    ----------
    maps, predicted : array_like of int, of one shape
        The true and the given class of every pixel, 0 or more. True ones of 255 are not counted
        either, unless there are more than 255 classes; masks of 0 and 255 alone are two classes,
        as in `Images`.
    n_classes : int, optional
        Number of classes; one more than the largest that occurs by default.
    ignored_class : int, optional
        Pixels that truly are of this class are not counted.

    Returns
    -------
    ndarray of int64 of shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If the shapes differ, a class is unknown, or no pixel is left.

    Examples
    --------
    >>> confusion_matrix([[0, 0, 1, 2]], [[0, 1, 1, 0]], ignored_class=2)
    array([[1, 1],
           [0, 1]])
    """
    y, z = _known(maps, predicted, ignored_class, n_classes)
    largest = int(max(y.max(), z.max()))
    if n_classes is None:  # 255 among few is no class, whoever says it
        few = z[z != NO_CLASS] if largest <= NO_CLASS else z
        n_classes = int(max(y.max(), few.max(initial=0))) + 1
    if largest >= n_classes or min(y.min(), z.min()) < 0:
        raise ValueError(
            f"classes run from {min(y.min(), z.min())} to {largest}; "
            f"n_classes={n_classes} allows 0 to {n_classes - 1}"
        )
    pairs = y.astype(np.int64) * n_classes + z
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def _known(
    maps: ArrayLike, predicted: ArrayLike, ignored: int | None, n_classes: int | None = None
) -> tuple[Any, ...]:
    """Return true and given classes of the pixels that count."""
    y, z = np.asarray(maps), np.asarray(predicted)
    if y.shape != z.shape or y.dtype.kind not in "iu" or z.dtype.kind not in "iu":
        raise ValueError(
            f"label maps of shape {y.shape} and type {y.dtype} against {z.shape} and {z.dtype}: "
            "expected whole numbers in arrays of one shape"
        )
    if is_mask(y, ignored, n_classes) and (z.max() <= 1 or is_black_and_white(z)):
        return y.ravel() // NO_CLASS, z.ravel() // (NO_CLASS if z.max() > 1 else 1)
    many = (n_classes or 0) > NO_CLASS or max(y.max(initial=0), z.max(initial=0)) > NO_CLASS
    known = y != (-1 if ignored is None else ignored) if many else ~without_class(y, ignored)
    if not known.any():
        raise ValueError(f"no pixel is left to score: all {y.size} are of the ignored class")
    return y[known], z[known]


def global_accuracy(
    maps: ArrayLike, predicted: ArrayLike, ignored_class: int | None = None
) -> float:
    """Return the share of pixels that were given their class.

    ``accuracy = sum_i C_ii / sum_ij C_ij`` with C the `confusion_matrix`.

    Parameters
    ----------
    maps, predicted : array_like of int, of one shape
        The true and the given class of every pixel.
    ignored_class : int, optional
        Pixels that truly are of this class are not counted.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If the shapes differ, or no pixel is left.

    Examples
    --------
    >>> global_accuracy([[0, 0, 1, 2]], [[0, 1, 1, 0]])
    0.5
    """
    y, z = _known(maps, predicted, ignored_class)
    return float((y == z).mean())


def class_accuracy(
    maps: ArrayLike,
    predicted: ArrayLike,
    n_classes: int | None = None,
    ignored_class: int | None = None,
) -> np.ndarray:
    """Return for every class the share of its pixels that were given it.

    ``accuracy_i = C_ii / sum_j C_ij`` with C the `confusion_matrix`.

    Parameters
    ----------
    maps, predicted, n_classes, ignored_class
        See `confusion_matrix`.

    Returns
    -------
    ndarray of shape (n_classes,)
        0 to 1; NaN for a class that no pixel is of.

    Raises
    ------
    ValueError
        If the shapes differ, a class is unknown, or no pixel is left.

    Examples
    --------
    >>> class_accuracy([[0, 0, 1, 1]], [[0, 1, 1, 1]])
    array([0.5, 1. ])
    """
    table = confusion_matrix(maps, predicted, n_classes, ignored_class)
    return _share(table.diagonal(), table.sum(1))


def class_iou(
    maps: ArrayLike,
    predicted: ArrayLike,
    n_classes: int | None = None,
    ignored_class: int | None = None,
) -> np.ndarray:
    """Return for every class its intersection over union (Jaccard index).

    ``iou_i = C_ii / (sum_j C_ij + sum_j C_ji - C_ii)`` with C the `confusion_matrix`: pixels that
    are of the class and were given it, of those of which either is true.

    Parameters
    ----------
    maps, predicted, n_classes, ignored_class
        See `confusion_matrix`.

    Returns
    -------
    ndarray of shape (n_classes,)
        0 to 1; NaN for a class that no pixel is of and none was given, and for the ignored one.

    Raises
    ------
    ValueError
        If the shapes differ, a class is unknown, or no pixel is left.

    References
    ----------
    Everingham et al., "The Pascal visual object classes challenge", 2015.

    Examples
    --------
    >>> class_iou([[0, 0, 1, 1]], [[0, 1, 1, 1]]).round(2)
    array([0.5 , 0.67])
    """
    return _iou(confusion_matrix(maps, predicted, n_classes, ignored_class), ignored_class)


def mean_iou(
    maps: ArrayLike,
    predicted: ArrayLike,
    n_classes: int | None = None,
    ignored_class: int | None = None,
) -> float:
    """Return the mean of `class_iou` over the classes that occur.

    Parameters
    ----------
    maps, predicted, n_classes, ignored_class
        See `confusion_matrix`.

    Returns
    -------
    float
        0 to 1. Rare classes weigh as much as frequent ones: lower than `global_accuracy` where
        small things are missed.

    Raises
    ------
    ValueError
        If the shapes differ, a class is unknown, or no pixel is left.

    Examples
    --------
    >>> round(mean_iou([[0, 0, 1, 1]], [[0, 1, 1, 1]]), 3)
    0.583
    """
    return float(np.nanmean(class_iou(maps, predicted, n_classes, ignored_class)))


def agreement(table: ArrayLike, ignored_class: int | None = None) -> dict[str, float]:
    """Return the scores that follow from a `confusion_matrix`, or from the sum of several.

    Parameters
    ----------
    table : array_like of int of shape (n_classes, n_classes)
        How many pixels of every class (rows) were given every class (columns).
    ignored_class : int, optional
        Not averaged over.

    Returns
    -------
    dict
        "global accuracy", "class accuracy" (mean over the classes that occur) and "mean iou", each
        0 to 1; empty if no pixel was counted.

    Examples
    --------
    >>> {name: round(score, 3) for name, score in agreement([[1, 1], [0, 2]]).items()}
    {'global accuracy': 0.75, 'class accuracy': 0.75, 'mean iou': 0.583}
    """
    table = np.asarray(table)
    if not table.sum():
        return {}
    return {
        "global accuracy": float(table.trace() / table.sum()),
        "class accuracy": float(np.nanmean(_share(table.diagonal(), table.sum(1)))),
        "mean iou": float(np.nanmean(_iou(table, ignored_class))),
    }


def summed(tables: Iterable[np.ndarray | None]) -> np.ndarray:
    """Return the sum of confusion matrices, of as many classes as the widest of them has.

    Examples
    --------
    >>> summed([np.eye(1, dtype=int), None, np.eye(2, dtype=int)]).tolist()
    [[2, 0], [0, 1]]
    """
    known = [table for table in tables if table is not None]
    n = max(map(len, known), default=0)
    return sum((np.pad(t, (0, n - len(t))) for t in known), np.zeros((n, n), dtype=np.int64))


def _iou(table: np.ndarray, ignored_class: int | None) -> np.ndarray:
    iou = _share(table.diagonal(), table.sum(0) + table.sum(1) - table.diagonal())
    if ignored_class is not None and 0 <= ignored_class < len(iou):
        iou[ignored_class] = np.nan
    return iou


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
