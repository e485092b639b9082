"""Which representation spots anomalies, and which is fast."""

from __future__ import annotations

import math
from collections.abc import Sequence

from isthmus.metrics.units import brief, significant
from isthmus.studies.answer import (
    Answer,
    Score,
    _having,
    _known,
    _names,
    _next,
    _nobody,
    _passed_over,
    _ranked,
    _sure,
)
from isthmus.studies.summary import can_win, known
from isthmus.studies.ties import best_and_ties

SHORT = 0.1
"""Seconds below which nobody waits: they count as so many."""
ALIKE = 2.0
"""Clocks on a busy machine do not tell times apart that differ by less than this factor."""


def spot_anomalies(scores: Sequence[Score]) -> Answer | None:
    """Say by which model images with a foreign part are told from those that are as they were."""
    key, question = "altered", "what is unlike the images learned from"
    having = _having(scores, key)
    if not having:
        return None
    fit = [s for s in having if can_win(s) and s[key] - (known(s, f"{key}_within") or 0) > 0.5]
    if not fit:
        reason = "No model tells altered images from those that are as they were."
        return _nobody("Spot anomalies", question, having, reason)
    ties = best_and_ties(fit, lambda s: s[key], _known(f"{key}_within"), key)
    best, order = ties[0], sorted(fit, key=lambda s: s[key], reverse=True)

    def form(s: Score) -> str:
        return f"{s['model']} ({significant(s[key])})"

    within = known(best, f"{key}_within")
    words = f"{best['model']} tells images with a block of another image in them from whole ones "
    words += f"with an AUROC of {significant(best[key])}"
    words += f" ± {significant(within, 2)}" if within else ""
    words += f", chance is 0.5.{_next(order, ties, form, key)}"
    ranked = _ranked(
        fit, lambda s: s[key], _known(f"{key}_within"), lambda s: significant(s[key]), key
    )
    sure = _sure(best, f"{key}_within") + " Other anomalies than these it may see better or worse."
    sure += _passed_over(scores, best, key, form)
    return Answer("Spot anomalies", question, _names(ties), words, sure, **ranked)


def speed(scores: Sequence[Score]) -> Answer | None:
    """Say which model is fitted in the least time."""
    # equal where both are short, and then the faster comes first
    fit = sorted(filter(can_win, _having(scores, "seconds")), key=lambda s: s["seconds"])
    if len(fit) < 2:  # there is nothing to compare
        return None
    question = "fitted in little time"

    def value(s: Score) -> float:
        return -math.log(max(SHORT, s["seconds"]))

    def within(s: Score) -> float:
        seeds = (known(s, "seconds_seeds") or 0.0) / max(SHORT, s["seconds"])
        return max(min(1.0, seeds), math.log(ALIKE) / math.sqrt(2))

    def form(s: Score) -> str:
        return f"{s['model']} ({brief(s['seconds'])} s)"

    ties, order = best_and_ties(fit, value, within), sorted(fit, key=value, reverse=True)
    words = f"{ties[0]['model']} was fitted in {brief(ties[0]['seconds'])} s"
    words += f".{_next(order, ties, form)}"
    sure = f"On this machine, as busy as it was: less than a factor of {ALIKE:g} is called a tie."
    ranked = _ranked(fit, value, within, lambda s: f"{brief(s['seconds'])} s", "seconds")
    return Answer("Speed", question, _names(ties), words, sure, **ranked)
