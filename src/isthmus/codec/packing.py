"""A model as the bytes that a compressed file has room for, and back."""

from __future__ import annotations

import tempfile
import zlib
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.codec.entropy import inflated

if TYPE_CHECKING:
    from isthmus.base import Representation


def packed_model(model: Representation) -> bytes:
    """Return a model as the bytes of its file, as small as zlib makes them."""
    from isthmus.fitted.store import save_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model = copy(model)
        vars(model).pop("train_hashes_", None)  # of no use to who decodes, and not small
        save_model(model, path, dated=False)  # the same images make the same file
        return zlib.compress(path.read_bytes(), 6)


def unpacked_model(content: bytes) -> Representation:
    """Return the model that `packed_model` made bytes of."""
    from isthmus.fitted.store import load_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(inflated(content, 2**32))
        return load_model(path)
