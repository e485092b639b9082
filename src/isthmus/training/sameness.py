"""What tells that a checkpoint belongs to a fit: the same images, labels and parameters."""

from __future__ import annotations

import hashlib
import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images
from isthmus.fitted.store import in_words

if TYPE_CHECKING:
    from isthmus.neural import NeuralRepresentation

HASHED_BYTES = 64 * 2**20
"""Bytes of images that are hashed in full; of larger sets evenly spaced images, and the sums."""
MAY_DIFFER = {
    "epochs",
    "max_steps",
    "max_seconds",
    "patience",
    "callbacks",
    "checkpoint",
    "log_dir",
    "verbose",
    "device",
}
"""Parameters a resumed fit may have other values for than the fit it resumes."""
UNKNOWN_BEFORE = {
    "data": "it learnt from other images",
    "targets": "it learnt other targets",
    "validation": "it was validated on other images",
}
"""What the checkpoints of older versions do not say, and what is wrong where it differs."""


def settings_of(
    model: NeuralRepresentation, images: Images, validation: Images | None
) -> dict[str, str]:
    """Return everything a resumed fit must share with the first, in words."""
    settings = {k: in_words(v) for k, v in model.get_params().items() if k not in MAY_DIFFER}
    n_train = len(images) - model._n_held(len(images))
    settings["images"] = f"{n_train} training images of shape {model.image_shape_}"
    settings |= {"data": _hash_of_images(images), "targets": _hash_of_targets(model, images)}
    held = "none" if validation is None else _hash_of_images(validation)
    return settings | {"validation": held}


def _hash_of_targets(model: NeuralRepresentation, images: Images) -> str:
    targets = model._targets(images)
    return "none" if targets is None else _hash(targets.cpu().numpy())


def _hash(array: np.ndarray) -> str:
    data = np.ascontiguousarray(array).data
    return hashlib.blake2b(data, digest_size=16, person=array.dtype.str.encode()).hexdigest()


def _hash_of_images(images: Images) -> str:
    """Return a hash of evenly spaced images, of all where they are few, and of the sums of all."""
    each = max(1, math.prod(images.shape[1:]) * images.dtype.itemsize)
    some = np.asarray(images.evenly(max(2, HASHED_BYTES // each)))
    sums = [float(chunk.sum(dtype=np.float64)) for chunk in images.chunks()]
    return _hash(some) + _hash(np.array([len(images), *sums]))


def check_same(path: str, there: dict[str, str], here: dict[str, str]) -> None:
    """Refuse the checkpoint of a fit of other images, labels or parameters."""
    if "data" not in there:
        warnings.warn(
            f"{path} is of an older isthmus and does not say what images it learnt from: make "
            "sure that these are the same",
            UserWarning,
            stacklevel=2,
        )
    there = {name: here[name] for name in UNKNOWN_BEFORE} | there
    other = [_difference(name, there.get(name)) for name in here if _differs(name, there, here)]
    if other:
        raise ValueError(f"{path} belongs to another fit: {', '.join(other)}; remove it")


def _differs(name: str, there: dict[str, str], here: dict[str, str]) -> bool:
    # a generator given as it is has no value to compare; its draws are in the checkpoint
    drawn = name == "random_state" and " at 0x" in here[name]
    return there.get(name) != here[name] and not drawn


def _difference(name: str, value: str | None) -> str:
    return UNKNOWN_BEFORE.get(name) or f"{name} is {value} there"
