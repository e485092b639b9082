"""Classifiers beside each other: how far each is behind the best, on the same images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from isthmus.metrics.labels import Accuracy
from isthmus.metrics.paired import Difference, difference
from isthmus.metrics.units import significant


def behind_best(found: Mapping[str, Accuracy]) -> dict[str, Difference]:
    """Return how far every other classifier is behind the best one, on the same images.

    The intervals are of 95 % together, see `isthmus.metrics.paired.difference`; nothing is
    returned of classifiers that were not asked about the same images. Of means over draws of the
    labels those of the same draw are compared.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus.metrics.labels import counted
    >>> right = np.repeat([True, False], [90, 10])
    >>> found = {"a": counted(right, 5), "b": counted(right[::-1], 5), "c": counted(~right, 5)}
    >>> [behind_best(found)[name].is_tie for name in "bc"]
    [True, False]
    """
    if not found:
        return {}
    best = max(found, key=lambda name: found[name].accuracy)
    pairs = {name: _pairs(found[best], each) for name, each in found.items() if name != best}
    known = {name: fits for name, fits in pairs.items() if fits}
    times = max(1, len(known))
    return {name: difference(fits, "share", times=times) for name, fits in known.items()}


def ahead(one: Accuracy, two: Accuracy | None) -> Difference | None:
    """Return how far a classifier is ahead of another on the same images; None if not known.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus.metrics.labels import counted
    >>> right = np.repeat([True, False], [90, 10])
    >>> ahead(counted(right, 5), counted(~right, 5)).value
    0.8
    """
    fits = [] if two is None else _pairs(one, two)
    return difference(fits, "share") if fits else None


def _pairs(one: Accuracy, two: Accuracy) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return which images both have right, of every draw of the labels."""
    both = zip(one.fits or (one,), two.fits or (two,), strict=False)  # time may have ended one
    found = [(a.hits, b.hits) for a, b in both]
    return [(a, b) for a, b in found if len(a) and len(a) == len(b)]


def in_words(found: Mapping[str, Accuracy]) -> list[str]:
    """Return in a line which classifiers cannot be told from the best, and how far others are.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus.metrics.labels import counted
    >>> right = np.repeat([True, False], [90, 10])
    >>> in_words({"a": counted(right, 5), "b": counted(~right, 5)})
    ['a is best on the same images: b is 80 ± ... points behind']
    """
    apart = behind_best(found)
    if not apart:
        return []
    best = max(found, key=lambda name: found[name].accuracy)
    ties = [name for name, each in apart.items() if each.is_tie]
    said = [f"{name} is {points(each)} behind" for name, each in apart.items() if not each.is_tie]
    said += [f"{', '.join(ties)} cannot be told from it"] if ties else []
    draws = len(found[best].fits)
    same = f"same images, over {draws} draws" if draws else "same images"
    return [f"{best} is best on the {same}: {'; '.join(said)}"]


def as_record(found: Mapping[str, Accuracy]) -> dict[str, Any]:
    """Return by name how far each is behind the best, with its interval, and whether it is a tie.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus.metrics.labels import counted
    >>> right = np.repeat([True, False], [90, 10])
    >>> as_record({"a": counted(right, 5), "b": counted(right, 5)})["b"]["tie"]
    True
    """
    return {name: ends_of(each, "behind") for name, each in behind_best(found).items()}


def ends_of(found: Difference, name: str) -> dict[str, Any]:
    """Return a difference by a name, its interval, and whether it is a tie.

    Examples
    --------
    >>> ends_of(Difference(0.1, -0.1, 0.3, 100), "ahead")
    {'ahead': 0.1, 'low': -0.1, 'high': 0.3, 'tie': True}
    """
    ends = {name: found.value, "low": found.low, "high": found.high}
    return {key: round(end, 6) for key, end in ends.items()} | {"tie": found.is_tie}


def points(each: Difference) -> str:
    """Write a difference of accuracies with half of its interval.

    Examples
    --------
    >>> points(Difference(0.031, 0.02, 0.042, 1000))
    '3.1 ± 1.1 points'
    """
    return f"{significant(100 * each.value, 2)} ± {significant(100 * each.within, 2)} points"
