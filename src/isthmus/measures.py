"""What a fitted model is worth on held-out images, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from isthmus import scores
from isthmus.data.images import Images, chunk_rows
from isthmus.progress import track

MEASURED_BYTES = 256 * 2**20
"""Held-out images that are measured, as float32, at most; and at most 10,000 of them."""
PIECE_BYTES = 2**20
"""Images, as float32, worked on at a time: their codes per pixel may be much larger than they."""


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
    held = images.test[: max(1, min(10_000, MEASURED_BYTES // (4 * _pixels(images))))]
    train = images.train.evenly(20_000)
    codes, codes_train = features(model, held), features(model, train)
    found: dict[str, float | None] = {}
    if hasattr(model, "decode"):
        found |= _errors(model, held, codes, codes_train)
    if images.y is not None:
        found |= _label_scores(model, codes_train, train.y, codes, held.y, random_state)
    return found


def features(model: Any, images: Images, *, show: bool | None = False) -> np.ndarray:
    """Return the codes of images as (n,) indices or (n, k) vectors.

    Codes per pixel, (n, h, w, k), are averaged over the pixels of an image. `show` is whether a
    bar tells how far it is; None shows it where standard error is a terminal.
    """
    if _per_pixel(model, images):
        return mapped(lambda piece: model.encode(piece).mean((1, 2)), images, "encode", show)
    return mapped(model.encode, images, "encode", show, chunk_rows(images.shape))


def vectors(model: Any, images: Images, *, show: bool | None = False) -> np.ndarray:
    """Return the codes of images as vectors (n, k), between which distances mean something.

    For a codebook these are the distances to all prototypes: an index says nothing of near or far.
    """
    if not hasattr(model, "codebook_"):
        return features(model, images, show=show)
    return mapped(model.transform, images, "encode", show, chunk_rows(images.shape))


def mapped(
    verb: Callable[[Images], np.ndarray],
    images: Images,
    what: str,
    show: bool | None = False,
    size: int | None = None,
) -> np.ndarray:
    """Return what a verb says of images, read and worked on a few at a time, under a bar."""
    size = size or max(1, PIECE_BYTES // (4 * _pixels(images)))
    total = -(-len(images) // size)
    return np.concatenate(
        [verb(piece) for piece in track(_pieces(images, size), what, total, show)]
    )


def _per_pixel(model: Any, images: Images) -> bool:
    return model.encode(images[:1]).ndim > 2


def _pieces(images: Images, size: int) -> Iterator[Images]:
    return (images[i : i + size] for i in range(0, len(images), size))


def _pixels(images: Images) -> int:
    return int(np.prod(images.shape[1:]))


def _errors(model: Any, held: Images, codes: np.ndarray, codes_train: np.ndarray) -> dict:
    bits: float | None = None
    if _per_pixel(model, held):
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
