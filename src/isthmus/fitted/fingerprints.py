"""Fingerprints: what tells one fitted model, or one set of images, from all others."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images

if TYPE_CHECKING:
    from isthmus.base import Representation

PASSING = (
    "fitting_", "health_", "history_", "labels_seen_", "pretraining_history_", "seconds_",
    "source_", "stopped_", "train_hashes_",
)  # fmt: skip
"""What a model knows besides what it does."""
HASHED = 2**30
"""Bytes of images that are looked at to know a set again, at most, evenly spread over it."""


def fingerprint(model: Representation) -> str:
    """Return what tells a fitted model from all others: a digest of all that it has learned."""
    digest = hashlib.blake2b(type(model).__name__.encode(), digest_size=16)
    learned = {k: v for k, v in vars(model).items() if k.endswith("_") and k not in PASSING}
    for name, value in sorted(learned.items()):
        digest.update(name.encode())
        if hasattr(value, "state_dict"):
            for key, tensor in value.state_dict().items():
                digest.update(key.encode() + tensor.cpu().contiguous().numpy().tobytes())
        elif isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value).tobytes())
        else:
            digest.update(json.dumps(value, default=str).encode())
    return digest.hexdigest()


def fingerprint_of(images: Images) -> str:
    """Return what tells images from all others: a hash of values, labels, factors and split.

    Of a set of more than 1 GiB a part is looked at, evenly spread.
    """
    found = hashlib.sha256(repr((images.shape, str(images.dtype), images.classes)).encode())
    most = max(1, HASHED // max(1, images.nbytes // max(1, len(images))))
    for chunk in images.evenly(most).chunks():
        found.update(np.ascontiguousarray(chunk).data)
    beside = {"y": images.y, "names": images.names, "is_test": images.is_test, **images.factors}
    for name, values in sorted(beside.items()):
        if values is not None:
            values = np.asarray(values)
            plain = values if values.dtype.kind in "fiub" else values.astype(str)
            found.update(name.encode() + np.ascontiguousarray(plain).tobytes())
    return found.hexdigest()
