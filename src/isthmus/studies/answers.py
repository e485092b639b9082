"""Which representation for what, and how sure: the first screen of a report, in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from isthmus.metrics.units import percent, significant
from isthmus.studies.answer import (
    Answer,
    _fits,
    _having,
    _known,
    _listed,
    _names,
    _next,
    _nobody,
    _passed_over,
    _ranked,
    _sure,
)
from isthmus.studies.more_answers import speed, spot_anomalies
from isthmus.studies.summary import bits_at, can_win, curve_of, known, reach, share_ends, written
from isthmus.studies.ties import best_and_ties

Score = Mapping[str, Any]

PROBES = {
    "svm_accuracy": "a support vector machine",
    "linear_accuracy": "a linear classifier",
    "knn_accuracy": "nearest neighbours",
}
LEAST_VARIETY = 0.5
"""Share of the widest variety of samples that a model has to have to be best at drawing."""
FEWEST_HELD = 10
"""Held-out images by which models can be told apart, at least."""
SURE = 0.5
"""Half of the interval, in dB, that more of them are asked for."""
FEW = 3
"""Held-out images a class by which groups can be judged, at least."""


def answers(scores: Sequence[Score], baseline: Mapping[str, float]) -> list[Answer]:
    """Say which representation is best for what, of the purposes that any was measured for.

    Models with a flag that bars them, or a code no smaller than the image, are never best; values
    whose difference is within its 95 % interval are a tie.

    Parameters
    ----------
    scores : list of dict
        One for every model; beside the measures `numbers` of a code, `image_numbers`, `flags`,
        and `supervised` where a model learnt from labels.
    baseline : dict
        ``psnr`` of the mean training image.

    Examples
    --------
    >>> found = answers([{"model": "pca", "psnr": 20.0, "numbers": 2, "image_numbers": 9}], {})
    >>> found[0].use, found[0].head
    ('Reconstruct', 'pca')
    """
    asked = (
        _reconstruct(scores, baseline),
        _compress(scores),
        _generate(scores),
        _classify(scores),
        _cluster(scores),
        _explain(scores),
        spot_anomalies(scores),
        speed(scores),
    )
    few = bool(too_few(scores))  # of which nothing is said where there is nothing to say
    return [answer for answer in asked if answer is not None and (answer.models or not few)]


def too_few(scores: Sequence[Score]) -> str:
    """Say that so few held-out images cannot tell models apart, and how many could; else "".

    An interval becomes half as wide with four times the images.

    Examples
    --------
    >>> too_few([{"model": "pca", "psnr": 12.0, "psnr_within": 2.4, "held_out": 2}])[:45]
    'Only 2 held-out images cannot tell the models'
    >>> too_few([{"model": "pca", "psnr": 12.0, "psnr_within": 2.4, "held_out": 100}])
    ''
    """
    n = int(max((known(score, "held_out") or 0 for score in scores), default=0))
    if not 0 < n < FEWEST_HELD:
        return ""
    wide = sorted(w for s in scores if (w := known(s, "psnr_within")) and can_win(s))
    words = f"Only {n} held-out image{'s' * (n > 1)} cannot tell the models apart"
    if not wide:
        return f"{words}: there should be {FEWEST_HELD} or more."
    needed = significant(max(FEWEST_HELD, n * (wide[len(wide) // 2] / SURE) ** 2), 2)
    return f"{words}: it would take about {needed} for a PSNR that is sure to {SURE} dB."


def width_of(scores: Sequence[Score]) -> int | None:
    """Return how many numbers most codes have, of those that can win; None if there are none."""
    widths = Counter(
        int(score["numbers"]) for score in scores
        if known(score, "numbers") is not None and score["numbers"] > 1 and can_win(score)
    )  # fmt: skip
    return max(widths, key=lambda width: (widths[width], width)) if widths else None


def _reconstruct(scores: Sequence[Score], baseline: Mapping[str, float]) -> Answer | None:
    question = "a small code, and the image back from it"
    key = "psnr" if _having(scores, "psnr") else "kept"  # a table in units of its own has no dB
    having, width = _having(scores, key), width_of(scores)
    if not having:
        return None
    fit = [s for s in having if can_win(s) and (known(s, "numbers") or 0) <= (width or math.inf)]
    if not fit:
        return _nobody("Reconstruct", question, having)
    order = sorted(fit, key=lambda s: s[key], reverse=True)
    ties = best_and_ties(fit, lambda s: s[key], _known(f"{key}_within"), key)
    best, size = ties[0], known(ties[0], "image_numbers")

    def form(s: Score) -> str:
        return f"{s['model']} ({_quality(s, key)})"

    within = known(best, f"{key}_within")
    words = f"{best['model']} gives images back with {_quality(best, key, within)}"
    mean = key == "psnr" and "psnr" in baseline
    words += f"; the mean image has {baseline['psnr']:.1f} dB." if mean else "."
    of = f", where an image has {int(size):,}" if size else ""
    among = f" Compared: codes of up to {width} numbers{of}." if width else ""
    sure = _sure(best, f"{key}_within") + among + _passed_over(having, best, key, form)
    words += _next(order, ties, form, key)
    ranked = _ranked(
        fit, lambda s: s[key], _known(f"{key}_within"), lambda s: _quality(s, key), key
    )
    return Answer("Reconstruct", question, _names(ties), words, sure, **ranked)


def _quality(score: Score, key: str, within: float | None = None) -> str:
    if key == "kept":
        lost = 1 - score[key]
        share = percent(score[key]) if lost > 0.001 else f"all but {significant(100 * lost, 2)} %"
        return f"{share} of what differs between them"
    return f"{written(score, key)}{f' ± {within:.1f}' if within else ''} dB"


def _compress(scores: Sequence[Score]) -> Answer | None:
    question = "as few bits as possible for an image"
    having = [s for s in scores if curve_of(s)]
    if not having:
        return None
    fit = [s for s in having if can_win(s)]
    if not fit:
        return _nobody("Compress", question, having)
    ends = sorted(
        (curve_of(s)[-1][1] - (known(s, "psnr_within") or 0.0) for s in fit), reverse=True
    )
    at = math.floor(10 * ends[(len(ends) - 1) // 2]) / 10  # half of them surely come so near
    fit = [s for s in fit if bits_at(curve_of(s), at) is not None]

    def bits(s: Score) -> float:
        return -(bits_at(curve_of(s), at) or 0.0)

    def within(s: Score) -> float:
        less = bits_at(curve_of(s), at - (known(s, "psnr_within") or 0.0))
        return abs(bits(s) + (less or 0.0))

    ties, order = best_and_ties(fit, bits, within), sorted(fit, key=bits, reverse=True)
    best, size = ties[0], known(ties[0], "image_bits")

    def form(s: Score) -> str:
        return f"{s['model']} ({significant(-bits(s))} bits)"

    share = (
        f", {percent(-bits(best) / size)} of the {int(size):,} bits of its pixels" if size else ""
    )
    words = f"At {at:.1f} dB, {best['model']} needs {significant(-bits(best))} bits for an image"
    words += f"{share}.{_next(order, ties, form)}"
    sure = "Bits at equal quality, of the file that isthmus compress writes; "
    sure += f"{len(fit)} of {len(having)} models come so near."
    ranked = _ranked(fit, bits, within, lambda s: f"{significant(-bits(s))} bits")
    return Answer("Compress", question, _names(ties), words, sure, at, **ranked)


def _generate(scores: Sequence[Score]) -> Answer | None:
    question = "new images that look like those of the set"
    seen = bool(_having(scores, "feature_frechet"))
    key, wide = ("feature_frechet", "coverage") if seen else ("frechet", "variety")
    having = _having(scores, key)
    if not having:
        return None
    fit = [s for s in having if can_win(s)]
    if not fit:
        return _nobody("Generate", question, having)
    widest = max(known(s, wide) or 0.0 for s in fit)
    varied = [s for s in fit if (known(s, wide) or 0.0) >= LEAST_VARIETY * widest]
    ties = best_and_ties(varied, lambda s: -s[key], lambda s: known(s, f"{key}_within") or 0)
    best, order = ties[0], sorted(varied, key=lambda s: s[key])

    def form(s: Score) -> str:
        return f"{s['model']} ({significant(s[key])})"

    words = _samples_in_words(best, key, wide) + _next(order, ties, form)
    sure = f"By {best['compared_by']}" if seen else "In the leading principal components"
    ranked = _ranked(
        varied, lambda s: -s[key], _known(f"{key}_within"), lambda s: significant(s[key]), key
    )
    sure += ", alike for all models."
    return Answer("Generate", question, _names(ties), words, sure, **ranked)


def _samples_in_words(best: Score, key: str, wide: str) -> str:
    """Return how near samples are to real images, and what is due to chance."""
    within, real = known(best, f"{key}_within"), known(best, f"{key}_real")
    variety = known(best, wide)
    words = f"Samples of {best['model']} are {significant(best[key])}"
    words += f" ± {significant(within, 2)}" if within else ""
    words += " from held-out images (Fréchet distance"
    words += ")" if real is None else f"; other real images {significant(real)})"
    return words + (f" and come near {percent(variety)} of these." if variety is not None else ".")


def _classify(scores: Sequence[Score]) -> Answer | None:
    question = "the class of an image, read off its code"
    probe = next((key for key in PROBES if _having(scores, key)), None)
    if probe is None:
        return None
    having, width = _having(scores, probe), width_of(scores)
    fit = [s for s in having if can_win(s) and (known(s, "numbers") or 0) <= (width or math.inf)]
    if not fit:
        return _nobody("Classify", question, having)
    chance = known(fit[0], "chance") or 0.0
    if max(s[probe] for s in fit) <= chance:
        reason = f"No code does better than always naming the commonest class ({percent(chance)})."
        return _nobody("Classify", question, having, reason)
    what = f"of held-out images are named rightly by {PROBES[probe]} on the codes of"
    return _by_share(scores, fit, probe, ("Classify", question, what))


def _cluster(scores: Sequence[Score]) -> Answer | None:
    question = "groups of alike images, without labels"
    having = _having(scores, "cluster_accuracy")
    if not having:
        return None
    fit = [s for s in having if can_win(s) and not s.get("supervised")]
    if not fit:
        return _nobody("Cluster", question, having)
    few = known(fit[0], "per_class")
    if few is not None and few < FEW:
        reason = f"{few:.2g} held-out images a class are too few to judge groups by."
        return _nobody("Cluster", question, having, reason)
    what = "of held-out images are in the cluster of their class, by the codes of"
    return _by_share(scores, fit, "cluster_accuracy", ("Cluster", question, what))


def _by_share(
    scores: Sequence[Score], fit: Sequence[Score], key: str, asked: tuple[str, str, str]
) -> Answer:
    use, question, what = asked
    ties = best_and_ties(fit, lambda s: s[key], lambda s: reach(s, key), key)
    best, order = ties[0], sorted(fit, key=lambda s: s[key], reverse=True)

    def form(s: Score) -> str:
        return f"{s['model']} ({percent(s[key])})"

    words = f"{percent(best[key])} {what} {best['model']}." + _next(order, ties, form, key)
    taught = [s["model"] for s in ties if s.get("supervised")]
    words += f" {_listed(taught)} learnt from the labels." if taught else ""
    ends = share_ends(best, key)
    sure = "How sure is not known."
    if ends:
        n = int(known(best, "held_out" if key == "cluster_accuracy" else "probed_on") or 0)
        sure = f"95 % interval: {percent(ends[0])} to {percent(ends[1])}, "
        sure += f"of {n:,} images{_fits(best)}."
    labels = known(best, "labels")
    sure += f" Learned from {int(labels):,} labels." if labels and key in PROBES else ""
    sure += _passed_over(scores, best, key, form)
    ranked = _ranked(
        fit, lambda s: s[key], lambda s: reach(s, key), lambda s: percent(s[key]), key
    )
    return Answer(use, question, _names(ties), words, sure, **ranked)


def _explain(scores: Sequence[Score]) -> Answer | None:
    question = "what differs between images, in few numbers"
    having = _having(scores, "leading")
    if not having:
        return None
    fit = [s for s in having if can_win(s)]
    if not fit:
        return _nobody("Explain", question, having)
    fit = [s for s in fit if s["leading"] > (known(s, "leading_within") or 0.0)]
    if not fit:
        reason = (
            "Of no code do the 5 leading numbers tell more than the mean image, as far as known."
        )
        return _nobody("Explain", question, having, reason)
    ties = best_and_ties(fit, lambda s: s["leading"], _known("leading_within"), "leading")
    best, order = ties[0], sorted(fit, key=lambda s: s["leading"], reverse=True)

    def form(s: Score) -> str:
        return f"{s['model']} ({100 * s['leading']:.0f} %)"

    within = known(best, "leading_within")
    share = f"{100 * best['leading']:.0f}{f' ± {100 * within:.0f}' if within else ''} %"
    count = int(known(best, "numbers") or 0)
    told = "The 5 leading numbers" if count > 5 or not count else f"All {count} numbers"
    words = f"{told} of {best['model']} tell {share} of what differs between images"
    words += f".{_next(order, ties, form, 'leading')}"
    ranked = _ranked(
        fit, lambda s: s["leading"], _known("leading_within"), lambda s: percent(s["leading"]),
        "leading",
    )  # fmt: skip
    sure = _sure(best, "leading_within")
    return Answer("Explain", question, _names(ties), words, sure, **ranked)
