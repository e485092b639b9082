"""The summary table: what every measure means, how it is written, and which value is best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Measure:
    """One column of the summary: a key of the scores, and what a person needs to read it."""

    key: str
    title: str
    group: str
    better: str  # "lower" or "higher"
    short: str  # unit under the heading
    unit: str
    write: Callable[[float], str]
    meaning: str

    @property
    def arrow(self) -> str:
        """Direction of better values."""
        return "↓" if self.better == "lower" else "↑"

    @property
    def hint(self) -> str:
        """The words of the header's tooltip."""
        return f"{self.meaning} Unit: {self.unit}. {self.better.capitalize()} is better."


def significant(value: float, digits: int = 3) -> str:
    """Write a number with a few significant digits, never as a power of ten where that is long.

    Examples
    --------
    >>> significant(0.0123456), significant(1234.5), significant(2.5e-7)
    ('0.0123', '1,234', '2.50e-07')
    """
    if value == 0:
        return "0"
    if abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def percent(value: float) -> str:
    """Write a share of one as a percentage.

    Examples
    --------
    >>> percent(0.9725)
    '97.2 %'
    >>> percent(0.0002)
    'less than 0.1 %'
    """
    return "less than 0.1 %" if 0 < value < 0.0005 else f"{100 * value:.1f} %"


def brief(value: float) -> str:
    """Write a time in seconds, no finer than it can be repeated.

    Examples
    --------
    >>> brief(0.0004), brief(0.519), brief(12.34), brief(1234.5)
    ('<0.01', '0.52', '12.3', '1,234')
    """
    if value < 0.01:
        return "<0.01"
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def _decimals(digits: int) -> Callable[[float], str]:
    return lambda value: f"{value:,.{digits}f}"


CLOSE, PROBE, CLUSTER, COST = "Reconstruction", "Labels from codes", "Clusters", "Cost"
DRAWN = "Samples"

MEASURES = (
    Measure(
        *(
            "mse",
            "MSE",
            CLOSE,
            "lower",
            "",
            "squared value, where uint8 counts as 0 to 1",
            significant,
        ),
        "Mean squared error between a held-out image and its reconstruction, over all pixels.",
    ),
    Measure(
        *("psnr", "PSNR", CLOSE, "higher", "dB", "dB", _decimals(1)),
        "Peak signal-to-noise ratio: the same error on a logarithmic scale; 10 dB more means a "
        "tenth of the squared error.",
    ),
    Measure(
        *("ssim", "SSIM", CLOSE, "higher", "", "1 is identical", _decimals(3)),
        "Structural similarity: compares local brightness, contrast and structure in small "
        "windows, nearer to what the eye notices than a squared error.",
    ),
    Measure(
        *("frechet", "Fréchet", DRAWN, "lower", "distance", "squared values", significant),
        "Distance of two Gaussians, fitted to drawn and to held-out images in the leading "
        "principal components of the latter: compares with other models of this study only.",
    ),
    Measure(
        *("variety", "Variety", DRAWN, "higher", "", "share of held-out images", percent),
        "Of held-out images, the share that have a drawn one nearer than their fifth neighbour "
        "among themselves: low where all samples are alike, or none looks real.",
    ),
    Measure(
        *("knn_accuracy", "k-NN", PROBE, "higher", "", "share of held-out images", percent),
        "How often the vote of the nearest training codes names the right class. Tells whether "
        "alike images have alike codes.",
    ),
    Measure(
        *("linear_accuracy", "Linear", PROBE, "higher", "", "share of held-out images", percent),
        "How often a linear classifier trained on the codes is right. Tells whether classes can "
        "be parted by planes.",
    ),
    Measure(
        *("svm_accuracy", "SVM", PROBE, "higher", "", "share of held-out images", percent),
        "How often a support vector machine with a radial kernel is right: what the codes "
        "still know of the class, however it is folded.",
    ),
    Measure(
        *(
            "cluster_accuracy",
            "Accuracy",
            CLUSTER,
            "higher",
            "",
            "share of held-out images",
            percent,
        ),
        "Share of images in the right class when every cluster of codes is matched to a class. "
        "The labels are not used to find the clusters.",
    ),
    Measure(
        *("nmi", "NMI", CLUSTER, "higher", "", "0 to 1", _decimals(3)),
        "Normalised mutual information of clusters and classes: 0 is unrelated, 1 is identical.",
    ),
    Measure(
        *("ari", "ARI", CLUSTER, "higher", "", "0 by chance, 1 identical", _decimals(3)),
        "Adjusted Rand index: how many pairs of images clusters and classes agree on, corrected "
        "for chance.",
    ),
    Measure(
        *("bits_per_image", "Bits", COST, "lower", "per image", "bits for one image", significant),
        "What an entropy coder would write for one code, rounded as coarsely as the error allows "
        "without growing by more than a hundredth.",
    ),
    Measure(
        *("seconds", "Time", COST, "lower", "s", "seconds to fit", brief),
        "Wall-clock time to fit the model on this machine.",
    ),
    Measure(
        *("peak_memory_mb", "Memory", COST, "lower", "MB", "MB", _decimals(0)),
        "Most memory that fitting needed beyond what the process held before.",
    ),
)


def known(score: Mapping[str, Any], key: str) -> float | None:
    """Return a score as a number, None where it is missing or not a number.

    Examples
    --------
    >>> known({"mse": 0.5}, "mse"), known({"mse": None}, "mse"), known({}, "mse")
    (0.5, None, None)
    """
    value = score.get(key)
    return None if value is None or math.isnan(value) else float(value)


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
    return "∞" if math.isinf(value) else _measure(key).write(value)


def summary(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arrange scores as a table of the measures that at least one model has.

    Returns
    -------
    dict
        ``measures`` (the columns), ``groups`` (title and width) and ``rows``: for every model its
        name, family, code and cells, each cell with its text, its number and whether it is best.

    Examples
    --------
    >>> table = summary([{"model": "a", "mse": 0.2}, {"model": "b", "mse": 0.1}])
    >>> [(row["name"], row["cells"][0]["best"]) for row in table["rows"]]
    [('a', False), ('b', True)]
    """
    measures = [m for m in MEASURES if any(known(score, m.key) is not None for score in scores)]
    best = {measure.key: best_text(scores, measure.key) for measure in measures}
    rows = []
    for score in scores:
        texts = [(measure.key, written(score, measure.key)) for measure in measures]
        wins = can_win(score)
        cells = [
            {
                "text": text,
                "number": known(score, key),
                "best": wins and text == best[key],
                "within": within(score, key),
            }
            for key, text in texts
        ]
        about = {key: score.get(key) or "" for key in ("family", "code", "flags")}
        rows.append({"name": score["model"], "cells": cells, **about})
    titles = list(dict.fromkeys(measure.group for measure in measures))
    groups = [(title, sum(m.group == title for m in measures)) for title in titles]
    return {"measures": measures, "groups": groups, "rows": rows}


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
    half = known(score, f"{key}_within")
    return f"± {significant(half, 2)} {_measure(key).short}".strip() if half else ""


def share_ends(score: Mapping[str, Any], key: str) -> tuple[float, float] | None:
    """Return Wilson's 95 % interval of an accuracy, if it is known of how many images it is."""
    from isthmus.metrics.intervals import wilson

    value = known(score, key)
    n = known(score, "held_out" if key == "cluster_accuracy" else "probed_on")
    if not key.endswith("_accuracy") or value is None or not n:
        return None
    return wilson(min(int(n), round(value * n)), int(n))


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


def best_of(scores: Sequence[Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    """Return the score with the best value of a measure, None where nobody has it who can win.

    Examples
    --------
    >>> best_of([{"model": "a", "psnr": 20}, {"model": "b", "psnr": 21}], "psnr")["model"]
    'b'
    """
    having = [score for score in scores if known(score, key) is not None and can_win(score)]
    choose = min if _measure(key).better == "lower" else max
    return choose(having, key=lambda score: score[key]) if having else None


def best_text(scores: Sequence[Mapping[str, Any]], key: str) -> str | None:
    """Return the best value as written: values written alike share the mark. None if one model.

    Examples
    --------
    >>> best_text([{"psnr": 20.01}, {"psnr": 20.02}, {"psnr": 3}], "psnr")
    '20.0'
    """
    best = best_of(scores, key)
    return written(best, key) if best is not None and len(scores) > 1 else None


def _measure(key: str) -> Measure:
    return next(measure for measure in MEASURES if measure.key == key)
