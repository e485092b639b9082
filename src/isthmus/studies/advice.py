"""What to take for what, in one sentence, and the next command to type."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus.metrics.units import significant
from isthmus.studies.answer import Answer
from isthmus.studies.answers import PROBES, answers, too_few
from isthmus.studies.summary import bits_at, curve_of, known, share_ends

Score = Mapping[str, Any]

WORDS = {
    "Classify": "classify",
    "Cluster": "cluster",
    "Compress": "compress",
    "Generate": "generate",
    "Reconstruct": "reconstruct",
    "Explain": "explain",
    "Spot anomalies": "spot anomalies",
}
"""What a purpose is called here, in the order in which purposes are named."""
NEXT = {
    "Classify": "probe {model} {source}",
    "Cluster": "cluster {model} {source} -o groups",
    "Compress": "compress {model} {source} -o small.isth",
    "Reconstruct": "reconstruct {model} {source} -o back.png",
    "Generate": "generate {model} -o new.png",
}
"""What is to be typed next: for the first purpose that has an answer."""


def advice(
    scores: Sequence[Score], baseline: Score, folder: str | Path | None = None, source: str = ""
) -> str:
    """Return which model to take for what, with figures, and the next command.

    Where few images were held out, a line before it says so.

    Parameters
    ----------
    scores, baseline
        See `isthmus.studies.answers.answers`.
    folder : str or Path, optional
        Where the models of the study are; without it no command is named.
    source : str
        Where its images are.

    Examples
    --------
    >>> import isthmus as ist
    >>> study = ist.study("digits", models=["pca"], budget=600)
    >>> study.advice("runs/digits")[:21]
    'to classify take pca '
    """
    found = {answer.use: answer for answer in answers(scores, baseline) if answer.models}
    said = [(use, found[use]) for use in WORDS if use in found]
    if not said:
        return "no model qualifies for anything: give more time, or more images"
    by_name = {score["model"]: score for score in scores}
    parts = [
        f"{WORDS[use]} take {_taken(answer, by_name[answer.models[0]], baseline)}"
        for use, answer in said
    ]
    few = too_few(scores)
    words = f"{few[0].lower()}{few[1:-1]}; still,\nto " if few else "to "
    words += ", to ".join(parts)
    return words if folder is None else f"{words}; next: {_next(said, Path(folder), source)}"


def _taken(answer: Answer, score: Score, baseline: Score) -> str:
    """Return the best model with its figure, and which cannot be told from it."""
    others, more = answer.models[1:3], " and more" if len(answer.models) > 3 else ""
    tie = f"; a tie with {', '.join(others)}{more}" if others else ""
    return f"{score['model']} ({FIGURES[answer.use](score, answer, baseline)}{tie})"


def _next(said: Sequence[tuple[str, Answer]], folder: Path, source: str) -> str:
    use, answer = next((pair for pair in said if pair[0] in NEXT), said[0])
    path = folder / "models" / f"{answer.models[0]}.safetensors"
    command = NEXT.get(use, NEXT["Reconstruct"])
    given = {"model": shlex.quote(str(path)), "source": shlex.quote(source)}
    return f"isthmus {command.format(**given)}"


def _give_or_take(value: float, within: float | None, unit: str, write: Callable[..., Any]) -> str:
    known_within = within is not None and not math.isnan(within)
    return f"{write(value)}{unit}{f' ± {write(within)}' if known_within else ''}"


def _points(value: float) -> str:
    digits = 1 if 0.99 < value < 1 else 0  # 99.7 is not 100
    return f"{100 * value:.{digits}f}"


def _share(score: Score, key: str) -> str:
    ends = share_ends(score, key)
    return _give_or_take(score[key], ends and (ends[1] - ends[0]) / 2, " %", _points)


def _classify(score: Score, answer: Answer, baseline: Score) -> str:
    key = next(key for key in PROBES if known(score, key) is not None)
    chance = known(score, "chance")
    return _share(score, key) + (f", chance {_points(chance)}" if chance else "")


def _group(score: Score, answer: Answer, baseline: Score) -> str:
    return f"{_share(score, 'cluster_accuracy')} in the cluster of their class"


def _compress(score: Score, answer: Answer, baseline: Score) -> str:
    curve, at = curve_of(score), answer.at or 0.0
    bits, less = bits_at(curve, at), bits_at(curve, at - (known(score, "psnr_within") or 0.0))
    within = None if bits is None or less is None else abs(bits - less)
    size = known(score, "image_bits")
    of = f", of {int(size):,} in pixels" if size else ""
    said = _give_or_take(bits or 0.0, within, " bits", lambda value: significant(value, 2))
    return f"{said} an image at {at:.1f} dB{of}"


def _generate(score: Score, answer: Answer, baseline: Score) -> str:
    key = answer.key or "frechet"  # that by which it was chosen
    within = known(score, f"{key}_within")
    return _give_or_take(score[key], within, " Fréchet", lambda v: significant(v, 2))


def _keep(score: Score, answer: Answer, baseline: Score) -> str:
    if known(score, "psnr") is None:
        return f"{_points(score['kept'])} % of what differs"
    mean = f", the mean image {baseline['psnr']:.1f}" if "psnr" in baseline else ""
    within = known(score, "psnr_within")
    return _give_or_take(score["psnr"], within, " dB", lambda value: f"{value:.1f}") + mean


def _explain(score: Score, answer: Answer, baseline: Score) -> str:
    within = known(score, "leading_within")
    return _give_or_take(score["leading"], within, " %", _points) + " by 5 numbers"


def _spot(score: Score, answer: Answer, baseline: Score) -> str:
    within = known(score, "altered_within")
    return _give_or_take(score["altered"], within, " AUROC", lambda v: significant(v, 2))


FIGURES: dict[str, Callable[[Score, Answer, Score], str]] = {
    "Classify": _classify,
    "Cluster": _group,
    "Compress": _compress,
    "Generate": _generate,
    "Reconstruct": _keep,
    "Explain": _explain,
    "Spot anomalies": _spot,
}
"""How well a model does what an answer names it for."""
