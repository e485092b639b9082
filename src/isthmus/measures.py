"""What a fitted model is worth on held-out images, in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus import scores
from isthmus.codes import features, mapped, per_pixel, pixels_of, range_for
from isthmus.data.images import Images
from isthmus.data.ranges import UNIT, in_words, is_nominal
from isthmus.heldout import halves

MEASURED_BYTES = 256 * 2**20
"""Held-out images that are measured, as float32, at most; and at most 10,000 of them."""


def measure(model: Any, images: Images, *, random_state: int = 0) -> dict[str, float | None]:
    """Return the scores of a fitted model on the held-out images that it has not learnt from.

    Parameters
    ----------
    model : Representation
        Fitted on ``images.train``.
    images : Images
        With or without a split; labels are used where there are any.
    random_state : int
        Seed of the subsets and clusters.

    Returns
    -------
    dict
        mse, psnr and ssim (of the range that the model learned; none of vectors that leave -1..1),
        bits_per_image, and with labels the accuracies of the probes and clusters.
    """
    train, held, *_ = halves(model, images)
    held = held[: max(1, min(10_000, MEASURED_BYTES // (4 * pixels_of(images))))]
    train = train.evenly(20_000)
    codes, codes_train = features(model, held), features(model, train)
    found: dict[str, float | None] = {}
    if hasattr(model, "decode"):
        found |= _errors(model, held, codes, codes_train)
    if images.y is not None:
        found |= _label_scores(model, codes_train, train.y, codes, held.y, random_state)
    return found


def _errors(model: Any, held: Images, codes: np.ndarray, codes_train: np.ndarray) -> dict:
    bits: float | None = None
    if per_pixel(model, held):
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
    model: Any, Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray, seed: int
) -> dict[str, float]:
    known = y_test >= 0
    if len(np.unique(y[y >= 0])) < 2 or not known.any():
        return {}
    # an index says nothing of how near two prototypes are, so clusters are sought among those
    vectors = model.codebook_[Z_test] if Z_test.ndim == 1 else Z_test
    labels = scores.clusters(vectors, len(np.unique(y[y >= 0])), seed)
    return {
        "knn_accuracy": scores.knn_accuracy(Z, y, Z_test, y_test, random_state=seed),
        "linear_accuracy": scores.linear_accuracy(Z, y, Z_test, y_test, random_state=seed),
        "svm_accuracy": scores.svm_accuracy(Z, y, Z_test, y_test, random_state=seed),
        "cluster_accuracy": scores.cluster_accuracy(y_test, labels),
        "nmi": scores.nmi(y_test, labels),
        "ari": scores.ari(y_test, labels),
    }
