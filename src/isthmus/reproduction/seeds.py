"""What a recipe found with several seeds, as one figure with its interval each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from isthmus.metrics.intervals import over_fits

Figure = dict[str, Any]

APART = 1000
"""Between the seeds of two runs: a recipe may count on from its own."""
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w.]*\w)")


def over_seeds(runs: Sequence[Sequence[Figure]]) -> list[Figure]:
    """Return the figures of a recipe that was run with several seeds: means, and their intervals.

    "within" is half of the 95 % interval of the mean, by Student's t; numbers within a text get
    theirs after a "±". A claim holds if it does with every seed, and the note says with how many
    otherwise. Notes, and texts that differ in more than their numbers, are the first seed's.

    Parameters
    ----------
    runs : sequence of sequence of dict
        The figures of every run, as `Run.figure` leaves them.

    Examples
    --------
    >>> figure = {"what": "mse", "deck": None, "holds": None, "note": ""}
    >>> runs = [[figure | {"ours": ours}] for ours in (20.0, 20.2, 20.4)]
    >>> [(row["ours"], row["within"]) for row in over_seeds(runs)]
    [(20.2, 0.496828)]
    >>> in_words(["1.20, 30%", "1.30, 30%", "1.25, 30%"])
    '1.25 ± 0.12, 30%'
    """
    if len(runs) == 1:
        return list(runs[0])
    first, *others = ({row["what"]: row for row in figures} for figures in runs)
    return [
        _over([row, *(other[what] for other in others if what in other)], len(runs))
        for what, row in first.items()
    ]


def _over(rows: Sequence[Figure], n: int) -> Figure:
    first, values = rows[0], [row["ours"] for row in rows]
    found = first | (_mean(values) if len(rows) == n else {})
    held = [row["holds"] for row in rows]
    notes = [first["note"], f"holds with {held.count(True)} of {n} seeds" * (len(set(held)) > 1)]
    if found["ours"] == values[0] and (len(rows) < n or len(set(map(str, values))) > 1):
        notes.append("of the first seed")
    verdict = None if None in held else all(held)
    return found | {"holds": verdict, "note": "; ".join(filter(None, notes))}


def _mean(values: Sequence[Any]) -> Figure:
    """Return the mean of numbers and half of its interval, or texts with those of theirs."""
    if all(value == values[0] for value in values):
        return {"ours": values[0]}
    if all(isinstance(value, bool) for value in values):
        return {"ours": all(values)}
    if all(isinstance(value, int | float) for value in values):
        mean, half = over_fits(values)
        return {"ours": round(mean, 6), "within": round(half, 6)}
    return {"ours": in_words(list(map(str, values)))}


def in_words(texts: Sequence[str]) -> str:
    """Return texts that differ in their numbers alone as one, else the first."""
    if len({NUMBER.sub("#", text) for text in texts}) > 1:
        return texts[0]
    columns = iter(zip(*(NUMBER.findall(text) for text in texts), strict=True))
    return NUMBER.sub(lambda _: _with_interval(next(columns)), texts[0])


def _with_interval(numbers: Sequence[str]) -> str:
    if len(set(numbers)) == 1:
        return numbers[0]
    mean, half = over_fits([float(number.replace(",", "")) for number in numbers])
    digits = max(len(number.partition(".")[2]) for number in numbers)
    digits = digits or (1 if abs(mean) < 100 else 0)
    return f"{mean:,.{digits}f} ± {half:,.{digits}f}"
