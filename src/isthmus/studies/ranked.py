"""The rankings of a report: a chart for every purpose, with intervals and ties."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from isthmus.metrics.table import METRICS
from isthmus.plots.rankings import Row, ranking_chart
from isthmus.studies.answer import Answer
from isthmus.studies.more_answers import SHORT
from isthmus.studies.summary import known, share_ends

Score = Mapping[str, Any]

LOGARITHMIC = {"seconds": SHORT, "frechet": 0.0, "feature_frechet": 0.0}
"""Metrics that differ by factors, and the least of them that is drawn."""


def shown(found: Sequence[Answer], scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Return a chart and the order in words for every purpose that more than one model is for."""
    by_name = {score["model"]: score for score in scores}
    return [
        {"use": each.use, "question": each.question, "order": each.order, **charted(each, by_name)}
        for each in found
        if sum(map(len, each.tiers)) > 1
    ]


def charted(answer: Answer, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return the chart of a purpose; bits at one quality are drawn as curves elsewhere."""
    from markupsafe import Markup

    names = [name for tier in answer.tiers for name in tier]
    if not answer.key:
        return {"svg": "", "listed": [f"{name} {answer.figures[name]}" for name in names]}
    least = LOGARITHMIC.get(answer.key)
    rows = [_row(scores[name], answer, least) for name in names]
    rows = [row for row in rows if math.isfinite(row.value)]
    log = least is not None and all(row.ends[0] > 0 for row in rows)
    svg = ranking_chart(rows, _label(answer.key), log=log) if rows else ""
    return {"svg": Markup(svg), "listed": []}


def _row(score: Score, answer: Answer, least: float | None) -> Row:
    key, value = answer.key, known(score, answer.key) or 0.0
    within = known(score, f"{key}_within") or 0.0
    low, high = share_ends(score, key) or (value - within, value + within)
    factor = 100.0 if _is_share(key) else 1.0
    if least is not None:
        value, low, high = (max(part, least) for part in (value, low, high))
    ends = (factor * low, factor * high)
    return Row(score["model"], factor * value, ends, score["model"] in answer.models)


def _is_share(key: str) -> bool:
    return key == "kept" or METRICS[key].unit == "%"


def _label(key: str) -> str:
    if key == "kept":
        return "share of what differs that comes back, %: higher is better"
    metric = METRICS[key]
    unit = f", {metric.unit}" if metric.unit else ""
    return f"{metric.title}{unit}: {metric.better} is better"
