"""Verbs done with several seeds: means of their scores, and how far one seed may be from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isthmus.metrics.intervals import over_fits

Found = Mapping[str, float | None]
"""Scores that one seed gave."""


def seeds_of(random_state: int, repeats: int) -> range:
    """Return the seeds of repeats, one after another.

    Examples
    --------
    >>> list(seeds_of(5, 3))
    [5, 6, 7]
    """
    if repeats < 1:
        raise ValueError(f"repeats={repeats} must be at least 1: how often it is done")
    return range(random_state, random_state + repeats)


def means(found: Sequence[Found]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the means of scores that all seeds gave, and half of their intervals over seeds.

    Of one seed its scores, and no interval; see `isthmus.metrics.intervals.over_fits`.

    Examples
    --------
    >>> means([{"nmi": 0.5, "ari": 0.5}, {"nmi": 0.7}])[0]
    {'nmi': 0.6}
    """
    every = {key: [each.get(key) for each in found] for key in found[0]}
    known = {key: [v for v in values if v is not None] for key, values in every.items()}
    if len(found) == 1:
        return {key: values[0] for key, values in known.items() if values}, {}
    told = {key: over_fits(v) for key, v in known.items() if len(v) == len(found)}
    return {key: mean for key, (mean, _) in told.items()}, {key: h for key, (_, h) in told.items()}


def as_record(first: int, found: Sequence[Found]) -> dict[str, Any]:
    """Return what JSON says of repeats: KEY_seeds, half an interval over seeds, and every seed.

    Examples
    --------
    >>> as_record(7, [{"nmi": 0.5}, {"nmi": 0.5}])["repeats"][1]
    {'random_state': 8, 'nmi': 0.5}
    """
    if len(found) < 2:
        return {}
    halves = {f"{key}_seeds": half for key, half in means(found)[1].items()}
    return halves | {"repeats": [{"random_state": first + i, **f} for i, f in enumerate(found)]}


def in_words(first: int, found: Sequence[Found], what: str, kept: str) -> list[str]:
    """Return what a person is told of repeats, in a line.

    Examples
    --------
    >>> in_words(0, [{"nmi": 0.5}] * 3, "starts", "clusters")
    ['means of 3 starts, seeds 0 to 2; clusters are those of seed 0']
    """
    if len(found) < 2:
        return []
    seeds = f"seeds {first} to {first + len(found) - 1}"
    return [f"means of {len(found)} {what}, {seeds}; {kept} are those of seed {first}"]
