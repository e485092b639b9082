"""A model as the bytes that a compressed file has room for, and back."""

from __future__ import annotations

import lzma
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.codec.entropy import inflated
from isthmus.fitted.fingerprints import fingerprint

if TYPE_CHECKING:
    from isthmus.base import Representation


HARM = (ValueError, KeyError, TypeError, StopIteration, RuntimeError)
"""What reading a file raises that does not hold together."""
MOST_BYTES = 2**32
"""Of a model."""
XZ = b"\xfd7zXZ"
"""How the bytes of a model begin that are not zlib's."""


def packed_model(model: Representation, *, small: bool = False) -> bytes:
    """Return a model as the bytes of its file, as small as zlib makes them, or xz: `small`."""
    from isthmus.fitted.store import save_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model = copy(model)
        vars(model).pop("train_hashes_", None)  # of no use to who decodes, and not small
        save_model(model, path, dated=False)  # the same images make the same file
        content = path.read_bytes()
        return lzma.compress(content, preset=9) if small else zlib.compress(content, 6)


def unpacked_model(content: bytes) -> Representation:
    """Return the model that `packed_model` made bytes of."""
    from isthmus.fitted.store import load_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        if content.startswith(XZ):
            path.write_bytes(lzma.LZMADecompressor().decompress(content, MOST_BYTES))
        else:
            path.write_bytes(inflated(content, MOST_BYTES))
        return load_model(path)


def model_for(
    path: Path, header: dict[str, Any], model: Representation | None, search: bool
) -> Representation:
    """Return the model of a file: what is given, or if asked what is where it was, or beside it.

    Raises
    ------
    ValueError
        If there is none, or it is another one than the file was written with.
    """
    with damaged(path):
        wanted, family = str(header["fingerprint"]), str(header["family"])
    if model is None and search:
        model = _found(header.get("found_at"), path)
    if model is None:
        raise ValueError(f"{path} holds codes of a {family}, and not the model: give it")
    if (found := fingerprint(model)) != wanted:
        raise ValueError(
            f"{path} was compressed by another model, a {family} with fingerprint "
            f"{wanted[:8]}; this is a {type(model).__name__} with {found[:8]}"
        )
    return model


def _found(hint: Any, path: Path) -> Any:
    """Return the model of a file, from where it was or from beside the file; None without it."""
    from isthmus.fitted.store import load_model

    places = [Path(hint), path.parent / Path(hint).name] if isinstance(hint, str) else []
    return next((load_model(place) for place in places if place.is_file()), None)


@contextmanager
def damaged(path: str | Path) -> Iterator[None]:
    """Say which file it is that does not hold together."""
    try:
        yield
    except (*HARM, lzma.LZMAError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
