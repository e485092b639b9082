"""Problems of models, as short flags that stand beside their names wherever they appear."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.images import to_unit
from isthmus.fitted.health import NO_BETTER
from isthmus.studies.pictures import SAMPLED_ROWS, some
from isthmus.studies.summary import can_win, known

if TYPE_CHECKING:
    from isthmus.data.images import Images
    from isthmus.studies.outcome import Study

NOTHING = 0.5
"""Bits below which a code of several numbers says nothing."""
BELOW_NOTE = (
    "reconstructions are no better than answering every image with the mean training "
    "image: train for longer, widen the code, or lower learning_rate"
)


class Flag(NamedTuple):
    """A problem in two or three words, what is known of it, and whether the model can win."""

    short: str
    long: str
    bars: bool = True


WORDS = (
    ("inversion is poor", "poor inversion", False),
    ("mean image", "below the mean image", True),
    ("the code has collapsed", "collapsed code", True),
    ("mode collapse", "mode collapse", True),
    ("too few steps", "too few steps", True),
    ("overfitting", "overfitted", True),
    ("discriminator won", "lost game", False),
    ("latents have collapsed", "idle numbers", False),
    ("are dead", "idle numbers", False),
    ("are nearest to no image", "idle units", False),
    ("clusters are empty", "idle units", False),
)
"""What `health_` says, the flag it gets, and whether such a model can be the best at anything."""


def flags_of(
    score: Mapping[str, Any], health: Sequence[str], baseline: Mapping[str, float]
) -> list[Flag]:
    """Return the flags of a model, those that bar it from being best first.

    Parameters
    ----------
    score : dict
        Its scores.
    health : sequence of str
        Its findings.
    baseline : dict
        ``mse`` of the mean training image.

    Examples
    --------
    >>> [flag.short for flag in flags_of({"mse": 0.2}, ["too few steps: only 5"], {"mse": 0.1})]
    ['too few steps', 'below the mean image']
    """
    found: dict[str, Flag] = {}
    mse, bits = known(score, "mse"), known(score, "bits_per_image")
    if bits is not None:  # but for what all images share
        bits = max(0.0, bits - (known(score, "shared_bits") or 0.0))
    for note in health:
        for words, short, bars in WORDS:
            if words in note:
                every = re.match(r"(\d+) of \1 latents", note)
                short, bars = ("collapsed code", True) if every else (short, bars)
                found.setdefault(short, Flag(short, note, bars))
                break
    if mse is not None and mse >= NO_BETTER * baseline.get("mse", 0) > 0:
        found.setdefault("below the mean image", Flag("below the mean image", BELOW_NOTE))
    if bits is not None and bits < NOTHING and (known(score, "numbers") or 0) > 1:
        note = f"its code says nothing: {bits:.2g} bits for one image"
        found.setdefault("collapsed code", Flag("collapsed code", note))
    return sorted(found.values(), key=lambda flag: not flag.bars)


def judged(study: Study, baseline: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
    """Return the scores of a study with what decides who can be best, those who cannot last.

    Beside its measures a score has ``flags``, ``image_numbers`` and ``image_bits``, ``numbers``
    of its code, whether it is ``supervised``, ``kept``, the share of what differs between images
    that comes back, and ``each``, its figures of every image by seed.
    """
    images = study.images
    baseline = baseline or mean_image(images, study.scores)
    pixels = int(np.prod(images.shape[1:]))
    found, labels = [], _labels(images.test.y)
    for score in study.scores:
        model = study.models.get(score["model"])
        health = [str(note) for note in getattr(model, "health_", None) or []]
        more: dict[str, Any] = {"image_numbers": pixels, **labels}
        more["each"] = getattr(study, "each", {}).get(score["model"], {})
        if images.dtype == np.uint8:
            more["image_bits"] = 8 * pixels
        if (mse := known(score, "mse")) is not None and baseline["mse"] > 0:
            more["kept"] = 1 - mse / baseline["mse"]
        if "per_class" in labels:  # of those that were measured
            held = known(score, "held_out") or len(images.test)
            more["per_class"] = labels["per_class"] * min(1.0, held / len(images.test))
        more["supervised"] = model is not None and model.needs_labels
        scored = {**score, **more}
        found.append(scored | {"flags": flags_of(scored, health, baseline)})
    return sorted(found, key=lambda score: not can_win(score))


def _labels(y: np.ndarray | None) -> dict[str, float]:
    """Return the share of the commonest class and the images a class, of held-out images."""
    known_ones = np.empty(0) if y is None else np.asarray(y)[np.asarray(y) >= 0]
    if not len(known_ones):
        return {}
    counts = np.unique(known_ones, return_counts=True)[1]
    return {"chance": float(counts.max() / counts.sum()), "per_class": float(counts.mean())}


def mean_image(images: Images, scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Measure the simplest answer there is: the mean training image for every held-out one."""
    mean = to_unit(np.asarray(some(images.train, SAMPLED_ROWS))).mean(axis=0, dtype=np.float64)
    mse = float(np.mean((to_unit(np.asarray(some(images.test, SAMPLED_ROWS))) - mean) ** 2))
    peaks = [  # the study chose what counts as full range, and it shows in any pair of scores
        10 * math.log10(error) + psnr
        for score in scores
        if (error := known(score, "mse")) and (psnr := known(score, "psnr")) is not None
    ]
    if not peaks:  # values without black and white
        return {"mse": mse}
    return {"mse": mse, "psnr": peaks[0] - 10 * math.log10(mse) if mse > 0 else math.inf}
