"""Which models cannot be told from the best one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from isthmus.studies.summary import share_ends

Score = Mapping[str, Any]


def best_and_ties(
    scores: Sequence[Score], value: Callable[[Score], float], within: Callable[[Score], float]
) -> list[Score]:
    """Return the score of the greatest value, then those too near to be told from it, in order.

    Examples
    --------
    >>> scores = [{"model": "a", "psnr": 20.0}, {"model": "b", "psnr": 20.2}]
    >>> [s["model"] for s in best_and_ties(scores, lambda s: s["psnr"], lambda s: 0.2)]
    ['b', 'a']
    """
    order = sorted(scores, key=value, reverse=True)
    best = order[0]
    return [s for s in order if _near(value(best), value(s), within(best), within(s))]


def _near(best: float, value: float, *within: float) -> bool:
    return value == best or best - value <= math.hypot(*within)


def reach(score: Score, key: str) -> float:
    """Return half of the 95 % interval of a share, 0 where it is not known."""
    ends = share_ends(score, key)
    return (ends[1] - ends[0]) / 2 if ends else 0.0
