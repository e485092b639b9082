"""The answer to one purpose: which models are best for it, in words, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isthmus.metrics.units import significant
from isthmus.studies.summary import barred, known, too_large
from isthmus.studies.ties import against, in_tiers

Score = Mapping[str, Any]

NAMED = 3
"""Models of a tie that are named."""


@dataclass(frozen=True)
class Answer:
    """What one purpose asks of a representation, and which model gives it.

    Attributes
    ----------
    use : str
        "Reconstruct", "Compress", "Generate", "Classify", "Cluster", "Explain", "Spot anomalies"
        or "Speed".
    question : str
        The purpose in words.
    models : tuple of str
        The best one first, then those that cannot be told from it; empty if none qualifies.
    words : str
        The answer.
    sure : str
        How sure it is, and what it rests on.
    at : float, optional
        The PSNR at which rates are compared.
    tiers : tuple of (tuple of str)
        All models that were compared, the best first: those of a tier cannot be told from the
        best of it.
    figures : dict of str to str
        By model the figure they are ranked by, as it is written.
    key : str
        The name of that figure in scores, "" if it is none.
    """

    use: str
    question: str
    models: tuple[str, ...]
    words: str
    sure: str
    at: float | None = None
    tiers: tuple[tuple[str, ...], ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    key: str = ""

    @property
    def head(self) -> str:
        """Who is best: a model, a tie, or nobody."""
        if not self.models:
            return "none"
        first = ", ".join(self.models[:NAMED])
        more = len(self.models) - NAMED
        words = f"{first} and {more} more" if more > 0 else first
        return f"tie: {words}" if len(self.models) > 1 else words

    @property
    def order(self) -> str:
        """All models in their order, those of a tie beside each other.

        Examples
        --------
        >>> Answer("Speed", "", ("a",), "", "", tiers=(("a",), ("b", "c"))).order
        'a > b = c'
        """
        return " > ".join(" = ".join(tier) for tier in self.tiers)

    def record(self) -> dict[str, Any]:
        """Return it as a script reads it."""
        ranking = [
            {
                "rank": 1 + sum(map(len, self.tiers[:i])),
                "model": name,
                "figure": self.figures[name],
            }
            for i, tier in enumerate(self.tiers)
            for name in tier
        ]
        return {
            "purpose": self.use.lower(),
            "question": self.question,
            "best": list(self.models),
            "tie": len(self.models) > 1,
            "reason": self.words,
            "sure": self.sure,
            "ranking": ranking,
        }


def _known(key: str) -> Callable[[Score], float]:
    return lambda score: known(score, key) or 0.0


def _having(scores: Sequence[Score], key: str) -> list[Score]:
    return [s for s in scores if (value := known(s, key)) is not None and not math.isnan(value)]


def _nobody(use: str, question: str, scores: Sequence[Score], reason: str = "") -> Answer:
    if reason:
        return Answer(use, question, (), reason, "")
    flagged = [s["model"] for s in scores if barred(s)]
    large = [s["model"] for s in scores if too_large(s) and not barred(s)]
    why = [f"{_listed(flagged)}: flagged below"] if flagged else []
    why += [f"{_listed(large)}: the code is no smaller than the image"] if large else []
    return Answer(use, question, (), "No model qualifies.", "; ".join(why))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _names(scores: Sequence[Score]) -> tuple[str, ...]:
    return tuple(s["model"] for s in scores)


def _ranked(
    scores: Sequence[Score],
    value: Callable[[Score], float],
    within: Callable[[Score], float],
    write: Callable[[Score], str],
    key: str = "",
) -> dict[str, Any]:
    """Return all models in their order, with their figures, for an `Answer`."""
    tiers = in_tiers(scores, value, within, key)
    return {
        "tiers": tuple(_names(tier) for tier in tiers),
        "figures": {s["model"]: write(s) for tier in tiers for s in tier},
        "key": key,
    }


def _next(
    order: Sequence[Score], ties: Sequence[Score], form: Callable[[Score], str], key: str = ""
) -> str:
    """Say who comes next and how far behind, or how near the others of a tie are."""
    if len(ties) > 1:
        return f" Not to be told from it: {', '.join(map(form, ties[1:4]))}."
    rest = [s for s in order if all(s is not tie for tie in ties)]
    return f" Next: {form(rest[0])}{_behind(order, rest[0], key)}." if rest else ""


def _behind(order: Sequence[Score], second: Score, key: str) -> str:
    """Say by how much the first is better, of the same images, "" where that is not known."""
    found = against(order[0], second, key, max(1, len(order) - 1))
    if found is None or not math.isfinite(found.within):
        return ""
    share = key.endswith("_accuracy") or key == "leading"
    factor, unit = (100.0, "points") if share else (1.0, "dB" if key in ("psnr", "kept") else "")
    apart, within = (significant(factor * part, 2) for part in (found.value, found.within))
    return f", {apart} ± {within} {unit}".rstrip() + " behind"


def _passed_over(scores: Sequence[Score], best: Score, key: str, form: Callable[..., Any]) -> str:
    """Say which barred models have better figures, so that nobody wonders."""
    better = [s for s in _having(scores, key) if s[key] > best[key] and barred(s)]
    if not better:
        return ""
    top = max(better, key=lambda s: s[key])
    return f" {form(top)} does not count: {top['flags'][0].short}."


def _sure(score: Score, key: str) -> str:
    n = known(score, "held_out")
    if known(score, key) is None or not n:
        return "How sure is not known."
    return f"± is a 95 % interval over {int(n):,} held-out images{_fits(score)}."


def _fits(score: Score) -> str:
    seeds = int(known(score, "seeds") or 1)
    return f" and {seeds} seeds" if seeds > 1 else ""
