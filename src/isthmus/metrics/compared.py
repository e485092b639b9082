"""Classifiers beside each other: how far each is behind the best, on the same images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.metrics.labels import Accuracy
from isthmus.metrics.paired import Difference, difference
from isthmus.metrics.units import significant


def behind_best(found: Mapping[str, Accuracy]) -> dict[str, Difference]:
    """Return how far every other classifier is behind the best one, on the same images.

    The intervals are of 95 % together, see `isthmus.metrics.paired.difference`; nothing is
    returned of classifiers that were not asked about the same images.

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
    hits = found[best].hits
    others = {
        name: each.hits
        for name, each in found.items()
        if name != best and len(hits) and len(each.hits) == len(hits)
    }
    times = max(1, len(others))
    return {
        name: difference([(hits, right)], "share", times=times) for name, right in others.items()
    }


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
    said = [f"{name} is {_points(each)} behind" for name, each in apart.items() if not each.is_tie]
    said += [f"{', '.join(ties)} cannot be told from it"] if ties else []
    return [f"{best} is best on the same images: {'; '.join(said)}"]


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
    return {
        name: {
            "behind": round(each.value, 6),
            "low": round(each.low, 6),
            "high": round(each.high, 6),
            "tie": each.is_tie,
        }
        for name, each in behind_best(found).items()
    }


def _points(each: Difference) -> str:
    return f"{significant(100 * each.value, 2)} ± {significant(100 * each.within, 2)} points"
