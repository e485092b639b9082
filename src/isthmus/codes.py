"""Codes of many images, whatever kind of code a model has, a few images at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from isthmus.data.images import Images, chunk_rows
from isthmus.progress import track

PIECE_BYTES = 2**20
"""Images, as float32, worked on at a time: their codes per pixel may be much larger than they."""


def features(model: Any, images: Images, *, show: bool | None = False) -> np.ndarray:
    """Return the codes of images as (n,) indices or (n, k) vectors.

    Codes per pixel, (n, h, w, k), are averaged over the pixels of an image. `show` is whether a
    bar tells how far it is; None shows it where standard error is a terminal.
    """
    if per_pixel(model, images):
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
    size = size or max(1, PIECE_BYTES // (4 * pixels_of(images)))
    total = -(-len(images) // size)
    return np.concatenate(
        [verb(piece) for piece in track(pieces(images, size), what, total, show)]
    )


def per_pixel(model: Any, images: Images) -> bool:
    """Return whether a model codes pixels rather than images."""
    return model.encode(images[:1]).ndim > 2


def pieces(images: Images, size: int) -> Iterator[Images]:
    """Yield the images, `size` at a time."""
    return (images[i : i + size] for i in range(0, len(images), size))


def pixels_of(images: Images) -> int:
    """Return how many numbers an image has."""
    return int(np.prod(images.shape[1:]))
