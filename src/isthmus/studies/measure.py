"""What a fitted model is worth on held-out images, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus import metrics as scores
from isthmus.codes import features, mapped, pixels_of, range_for
from isthmus.data.images import Images
from isthmus.data.ranges import UNIT, in_words, is_nominal
from isthmus.heldout import halves
from isthmus.metrics.labels import PROBES
from isthmus.studies.uses import psnr_within, uses
from isthmus.verbs.cluster import cluster_scores
from isthmus.verbs.probe import LABELS, labelled_halves, probed

MEASURED_BYTES = 256 * 2**20
"""Held-out images that are measured, as float32, at most; and at most `MOST` of them."""
MOST = 10_000
FEWEST, NUMBERS = 200, 2**22
"""Where fewer are asked for: so many, or as many as have so many numbers together."""


def measure(
    model: Any,
    images: Images,
    *,
    most: int = MOST,
    probes: Sequence[str] = PROBES,
    random_state: int = 0,
) -> dict[str, Any]:
    """Return the scores of a fitted model on the held-out images that it has not learnt from.

    Parameters
    ----------
    model : Representation
        Fitted on ``images.train``.
    images : Images
        With or without a split; labels are used where there are any.
    most : int
        Held-out images measured and labels learnt from, at most, evenly chosen; fewer of images
        that are large.
    probes : sequence of {"knn", "linear", "svm"}
        What reads labels off codes.
    random_state : int
        Seed of the subsets and clusters.

    Returns
    -------
    dict
        mse, psnr and ssim (of the range that the model learned; none of vectors that leave -1..1),
        bits_per_image, and with labels the accuracies of the probes and clusters; also what
        `isthmus.studies.uses` says, and psnr_within, half of a 95 % interval.
    """
    train, held, *_ = halves(model, images)
    labels = min(LABELS, most)
    if most < MOST:
        most = min(most, max(FEWEST, NUMBERS // pixels_of(images)))
        held = held.evenly(most)
    held = held[: max(1, min(MOST, MEASURED_BYTES // (4 * pixels_of(images))))]
    train = train.evenly(2 * most)
    codes, codes_train = features(model, held), features(model, train)
    found: dict[str, Any] = {}
    if model.can("decode"):
        found |= _errors(model, held, codes, codes_train)
    if images.y is not None:
        known = held, codes, codes_train
        found |= _label_scores(model, images, known, labels, probes, random_state)
    return found | uses(model, held, codes, codes_train, random_state)


def _errors(model: Any, held: Images, codes: np.ndarray, codes_train: np.ndarray) -> dict:
    bits: float | None = None
    if model.code_kind_ == "pixels":
        back = mapped(lambda piece: model.decode(model.encode(piece)), held, "decode")
    else:
        back = model.decode(codes)
        bits, _ = scores.bits_per_image(codes_train, codes, model.decode, held)
    back = back.reshape(held.shape)
    ends = range_for(model, held)
    known = held.ndim == 4 or is_nominal(ends)  # the units of a table are its own
    return {
        "mse": scores.mse(held, back),
        "psnr": scores.psnr(held, back, ends) if known else None,
        "ssim": scores.ssim(held, back, ends) if held.ndim == 4 else None,
        "bits_per_image": bits,
        "psnr_within": psnr_within(held, back) if known else None,
    }


def range_note(images: Images) -> str | None:
    """Return what a reader of PSNR and SSIM is to know of their range, None if it is 0..1."""
    ends = images.value_range
    if ends == UNIT or (images.ndim != 4 and not is_nominal(ends)):
        return None
    seen = (
        "" if is_nominal(ends) else ", the least and the greatest value that models learned from"
    )
    return f"PSNR and SSIM are of values from {in_words(ends)}{seen}."


def _label_scores(
    model: Any,
    images: Images,
    known: tuple[Images, np.ndarray, np.ndarray],
    labels: int,
    probes: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """Return what the verbs probe and cluster say, of codes that are known as far as they are."""
    held, codes, codes_train = known
    try:
        train, test, *_ = labelled_halves(model, images, random_state=seed, most=labels)
    except ValueError:  # no classes to tell apart
        return {}
    test = test.evenly(max(len(held), FEWEST))
    labelled = bool((np.asarray(images.y) != -1).all())
    Z_test = codes if labelled and len(test) == len(held) else features(model, test)
    same = labelled and len(train) == len(codes_train)
    Z = codes_train if same else features(model, train)
    read = probed(Z, train, Z_test, test, probes, random_state=seed)
    found: dict[str, Any] = {f"{kind}_accuracy": each.accuracy for kind, each in read.items()}
    clusters = cluster_scores(model, codes, held, seed)
    return found | {
        "probed_on": max(each.n_test for each in read.values()),
        "cluster_accuracy": clusters.get("accuracy"),
        "nmi": clusters.get("nmi"),
        "ari": clusters.get("ari"),
    }
