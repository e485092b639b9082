"""What a fitted model is worth on held-out images, in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus import scores
from isthmus.codes import features, mapped, per_pixel, pixels_of
from isthmus.data.images import Images

MEASURED_BYTES = 256 * 2**20
"""Held-out images that are measured, as float32, at most; and at most 10,000 of them."""


def measure(model: Any, images: Images, *, random_state: int = 0) -> dict[str, float | None]:
    """Return the scores of a fitted model on the held-out images.

    Parameters
    ----------
    model : Representation
        Fitted on ``images.train``.
    images : Images
        With a split; labels are used where there are any.
    random_state : int
        Seed of the subsets and clusters.

    Returns
    -------
    dict
        mse, psnr, ssim, bits_per_image, and with labels the accuracies of the probes and clusters.
    """
    held = images.test[: max(1, min(10_000, MEASURED_BYTES // (4 * pixels_of(images))))]
    train = images.train.evenly(20_000)
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
    return {
        "mse": scores.mse(held, back),
        "psnr": scores.psnr(held, back) if _in_unit(held) else None,
        "ssim": scores.ssim(held, back) if held.ndim == 4 and _in_unit(held) else None,
        "bits_per_image": bits,
    }


def _in_unit(images: Images) -> bool:
    if images.dtype == np.uint8:
        return True
    return all(chunk.min() >= 0 and chunk.max() <= 1 for chunk in images.chunks())


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
