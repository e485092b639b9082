"""The summary table: figures of models as they are written, and which value is best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isthmus.metrics.labels import PROBES
from isthmus.metrics.metric import LIKELIHOOD
from isthmus.metrics.table import METRICS, Metric, studied
from isthmus.metrics.units import percent, significant
from isthmus.studies.ties import best_and_ties

DASH = "\N{EN DASH}"


def known(score: Mapping[str, Any], key: str) -> float | None:
    """Return a score as a number, None where it is missing or not a number.

    Examples
    --------
    >>> known({"mse": 0.5}, "mse"), known({"mse": None}, "mse"), known({}, "mse")
    (0.5, None, None)
    """
    value = score.get(key)
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def written(score: Mapping[str, Any], key: str) -> str:
    """Write one score as the table does; a dash where it is missing.

    Examples
    --------
    >>> written({"psnr": 21.53}, "psnr"), written({}, "psnr")
    ('21.5', '–')
    """
    value = known(score, key)
    if value is None:
        return DASH
    return METRICS[key].write(value)


def summary(
    scores: Sequence[Mapping[str, Any]], baseline: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Arrange scores as a table of the measures that at least one model has.

    Returns
    -------
    dict
        ``measures`` that are known, and ``tables``, one a group: its title, its measures (the
        columns), what is `beside` them, as the mean image, and rows: for every model that has one
        of them its name, family, code and cells, each cell with its text, its number, its
        interval and whether it is best.

    Examples
    --------
    >>> table = summary([{"model": "a", "mse": 0.2}, {"model": "b", "mse": 0.1}])
    >>> [(row["name"], row["cells"][0]["best"]) for row in table["tables"][0]["rows"]]
    [('a', False), ('b', True)]
    """
    measures = [m for m in studied() if any(known(score, m.key) is not None for score in scores)]
    titles = list(dict.fromkeys(measure.group for measure in measures))
    chance = dict.fromkeys((f"{kind}_accuracy" for kind in PROBES), _chance(scores))
    beside: dict[str, Mapping[str, Any]]
    beside = {"the mean image": baseline or {}, "other real images": _of_real(scores)}
    beside["the most frequent class"] = chance
    tables = [
        _table(name, [m for m in measures if m.group == title], alike, beside)
        for title in titles
        for name, alike in _comparable(title, scores)
    ]
    return {"measures": measures, "tables": tables}


def _comparable(
    title: str, scores: Sequence[Mapping[str, Any]]
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return the scores that are in one table: likelihoods of different kinds are never."""
    if title != LIKELIHOOD:
        return [(title, list(scores))]
    known_of = [score for score in scores if score.get("likelihood_of")]
    keys = ("likelihood_of", "likelihood_draws", "likelihood_images")
    named = [tuple(score.get(key) for key in keys) for score in known_of]
    return [
        (
            f"{title}: {of}, {draws} importance samples, {images} images",
            [s for s, name in zip(known_of, named, strict=True) if name == (of, draws, images)],
        )
        for of, draws, images in dict.fromkeys(named)
    ]


def _table(
    title: str,
    measures: Sequence[Metric],
    scores: Sequence[Mapping[str, Any]],
    beside: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a table of the models that have one of these measures, and what is beside them."""
    best = {measure.key: marked(scores, measure.key) for measure in measures}
    rows = []
    for score in scores:
        cells = [
            {
                "text": written(score, measure.key),
                "number": known(score, measure.key),
                "best": score["model"] in best[measure.key],
                "within": within(score, measure.key),
            }
            for measure in measures
        ]
        about = {key: score.get(key) or "" for key in ("family", "code", "flags")}
        if any(cell["number"] is not None for cell in cells):
            rows.append({"name": score["model"], "cells": cells, **about})
    compared = [
        {"name": name, "texts": [written(known_of, m.key) for m in measures]}
        for name, known_of in beside.items()
        if any(known(known_of, m.key) is not None for m in measures)
    ]
    return {"title": title, "measures": measures, "rows": rows, "beside": compared}


def _chance(scores: Sequence[Mapping[str, Any]]) -> float | None:
    return next((value for s in scores if (value := known(s, "chance")) is not None), None)


def _of_real(scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return what other real images than those compared with score as samples do."""
    of = next((score for score in scores if known(score, "coverage_real") is not None), {})
    pairs = ((m.key, known(of, f"{m.key}_real")) for m in studied())
    return {key: value for key, value in pairs if value is not None}


def within(score: Mapping[str, Any], key: str) -> str:
    """Return the 95 % interval of a score in words, "" where none is known.

    Examples
    --------
    >>> within({"psnr": 20.0, "psnr_within": 0.25}, "psnr")
    '± 0.25 dB'
    >>> within({"svm_accuracy": 0.9, "probed_on": 100}, "svm_accuracy")
    '82.6 % to 94.5 %'
    """
    ends = share_ends(score, key)
    if ends:
        return f"{percent(ends[0])} to {percent(ends[1])}"
    half, unit = known(score, f"{key}_within"), METRICS[key].unit
    if half and unit == "%":
        half, unit = 100 * half, "points"
    return f"± {significant(half, 2)} {unit}".strip() if half else ""


def share_ends(score: Mapping[str, Any], key: str) -> tuple[float, float] | None:
    """Return the 95 % interval of an accuracy, if it is known of how many images it is.

    It is Wilson's, and of several fits it holds how far these are apart as well.
    """
    from isthmus.metrics.intervals import wilson

    value = known(score, key)
    n = known(score, "held_out" if key == "cluster_accuracy" else "probed_on")
    if not key.endswith("_accuracy") or value is None or not n:
        return None
    low, high = wilson(min(int(n), round(value * n)), int(n))
    seeds = known(score, f"{key}_seeds") or 0.0
    low, high = value - math.hypot(value - low, seeds), value + math.hypot(high - value, seeds)
    return max(0.0, low), min(1.0, high)


def reach(score: Mapping[str, Any], key: str) -> float:
    """Return half of the 95 % interval of a score, 0 where it is not known."""
    ends = share_ends(score, key)
    return (ends[1] - ends[0]) / 2 if ends else known(score, f"{key}_within") or 0.0


def curve_of(score: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return the points (bits, PSNR) of a code, the fewest bits first; one point of an index."""
    psnr, mse, bits = (known(score, key) for key in ("psnr", "mse", "bits_per_image"))
    if psnr is None or not math.isfinite(psnr):
        return []
    if score.get("rate") and mse:
        peak = psnr + 10 * math.log10(mse)  # what the study took for the full range
        points: list[tuple[float, float]] = []
        for b, db in sorted(score["rate"]):
            if not points or db + peak > points[-1][1]:  # more bits for no less error are no use
                points.append((float(b), float(db) + peak))
        return points
    return [] if bits is None else [(bits, psnr)]


def drawn_curve(score: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return the points of a code that are worth drawing: what is under a bit says nothing."""
    curve = curve_of(score)
    return [point for point in curve if point[0] >= 1] or curve[-1:]


def bits_at(curve: Sequence[tuple[float, float]], psnr: float) -> float | None:
    """Return the bits at which a code has a PSNR, None where it never has it.

    Examples
    --------
    >>> bits_at([(10, 15.0), (20, 25.0)], 20.0), bits_at([(6.6, 14.0)], 12.0)
    (15.0, 6.6)
    """
    if not curve or curve[-1][1] < psnr:
        return None
    bits, db = zip(*curve, strict=True)
    return float(np.interp(psnr, db, bits))


def barred(score: Mapping[str, Any]) -> bool:
    """Return whether a model has a problem for which it is never the best at anything."""
    return any(flag.bars for flag in score.get("flags") or ())


def too_large(score: Mapping[str, Any]) -> bool:
    """Return whether a code is known to be no smaller than the image that it stands for."""
    numbers, pixels = known(score, "numbers"), known(score, "image_numbers")
    index = str(score.get("code", "")).startswith("index")
    return not index and numbers is not None and pixels is not None and numbers >= pixels


def can_win(score: Mapping[str, Any]) -> bool:
    """Return whether a model is a representation: no problem, and smaller than the image."""
    return not barred(score) and not too_large(score)


def marked(scores: Sequence[Mapping[str, Any]], key: str) -> set[str]:
    """Return which models have the best value of a measure, or one not to be told from it.

    Values that are written alike share the mark; there is none where all would have it.

    Examples
    --------
    >>> scores = [{"model": name, "psnr": db} for name, db in zip("abc", (20.01, 20.02, 3))]
    >>> sorted(marked(scores, "psnr"))
    ['a', 'b']
    """
    having = [score for score in scores if known(score, key) is not None]
    fit = [score for score in having if can_win(score)]
    if not fit:
        return set()
    sign = -1 if METRICS[key].better == "lower" else 1
    ties = best_and_ties(fit, lambda s: sign * s[key], lambda s: reach(s, key), key)
    best = written(ties[0], key)
    names = {s["model"] for s in fit if any(s is t for t in ties) or written(s, key) == best}
    return names if len(names) < len(having) else set()
