"""Label maps: which values stand for no class, and which are classes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

NO_CLASS = 255
"""Pixels of this value have no class, as in VOC and most tools: neither learnt nor scored."""

MASK_CLASSES = ["0", "255"]
"""Names of the two classes of masks, where no others are given: the values in the files."""

IGNORED = ("unlabelled", "unlabeled", "void", "ignore", "ignored")
"""Names of the class that is neither to be learnt nor scored."""


def ignored_in(names: Iterable[str]) -> int | None:
    """Return which class is to be ignored, by what it is called; None where none is.

    Examples
    --------
    >>> ignored_in(["road", "Void"]), ignored_in(["road", "sky"])
    (1, None)
    """
    return next((row for row, name in enumerate(names) if name.lower() in IGNORED), None)


def is_mask(
    maps: np.ndarray, ignored_class: int | None = None, n_classes: int | None = None
) -> bool:
    """Return whether label maps are masks: of 0 and 255 alone, which then are two classes.

    Not where a class is to be ignored, or where there are not two of them: 255 is no class then.

    Examples
    --------
    >>> is_mask(np.array([[0, 255]])), is_mask(np.array([[0, 255]]), n_classes=21)
    (True, False)
    """
    if ignored_class is not None or n_classes not in (None, 2) or not maps.size:
        return False
    return bool(maps.min() == 0 and maps.max() == NO_CLASS and is_black_and_white(maps))


def is_black_and_white(maps: np.ndarray) -> bool:
    """Return whether there are no values but 0 and 255."""
    return bool(((maps == 0) | (maps == NO_CLASS)).all())


def without_class(maps: np.ndarray, ignored_class: int | None = None) -> np.ndarray:
    """Return which pixels are neither to be learnt nor scored: the ignored class, and 255.

    Examples
    --------
    >>> without_class(np.array([0, 3, 255]), 3).tolist()
    [False, True, True]
    """
    void = maps == NO_CLASS
    return void if ignored_class is None else void | (maps == ignored_class)


def pixel_labels(maps: np.ndarray, ignored_class: int | None = None) -> np.ndarray:
    """Return the label of every pixel as a sample of its own: -1 where it has no class."""
    y = maps.astype(np.int64).ravel()
    y[without_class(y, ignored_class)] = -1
    return y


def check_classes(maps: np.ndarray, n_classes: int, ignored_class: int | None = None) -> None:
    """Raise ValueError if a value is neither a class, nor to be ignored, nor 255."""
    if not maps.size or (maps.min() >= 0 and maps.max() < n_classes):
        return
    there = np.unique(maps[(maps < 0) | (maps >= n_classes)]).tolist()
    unknown = [value for value in there if value not in (NO_CLASS, ignored_class)]
    unknown += [value for value in there if value == ignored_class and not 0 <= value < 256]
    if unknown:
        listed = ", ".join(map(str, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
        raise ValueError(
            f"unknown classes in the label maps: {listed}; known are 0 to {n_classes - 1}, and "
            f"{NO_CLASS} for no class"
        )
