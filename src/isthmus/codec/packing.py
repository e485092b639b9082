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

from isthmus.fitted.fingerprints import fingerprint
from isthmus.tensors import BROKEN

if TYPE_CHECKING:
    from isthmus.base import Representation


HARM = (*BROKEN, StopIteration, lzma.LZMAError, zlib.error)
"""What reading a file raises that does not hold together."""
MOST_BYTES, MOST_RATIO = 2**26, 20
"""Of a model, unpacked: so many, or so many times what it takes packed; weights pack little."""
BLOCK = 2**20
"""Bytes that are unpacked at a time."""
MOST_MEMORY = 2**27
"""Bytes that xz may take to unpack: its strongest setting takes 65 MiB."""
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
        packed = lzma.compress(content, preset=9) if small else zlib.compress(content, 6)
        if len(content) > _most(packed):  # nobody would read it
            packed = zlib.compress(content, 0)
        return packed


def unpacked_model(content: bytes) -> Representation:
    """Return the model that `packed_model` made bytes of."""
    from isthmus.fitted.store import load_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        with path.open("wb") as file:
            for piece in _unpacked(content):
                file.write(piece)
        return load_model(path)


def _most(packed: bytes) -> int:
    """Return how many bytes a packed model may have, unpacked."""
    return max(MOST_BYTES, MOST_RATIO * len(packed))


def _unpacked(content: bytes) -> Iterator[bytes]:
    """Yield the bytes of a packed model, some at a time.

    Raises
    ------
    ValueError
        If there are more than a model can have.
    """
    left = _most(content)
    for piece in _by_xz(content) if content.startswith(XZ) else _by_zlib(content):
        left -= len(piece)
        if left < 0:
            raise ValueError(f"a model of {len(content):,} bytes unpacks to more than it can be")
        yield piece


def _by_xz(content: bytes) -> Iterator[bytes]:
    reader = lzma.LZMADecompressor(memlimit=MOST_MEMORY)
    while not reader.eof:
        piece = reader.decompress(content, BLOCK)
        if not piece and not reader.eof:
            raise ValueError("a model breaks off")
        content = b""
        yield piece


def _by_zlib(content: bytes) -> Iterator[bytes]:
    reader = zlib.decompressobj()
    while not reader.eof:
        piece = reader.decompress(content, BLOCK)
        if not piece and not reader.eof:
            raise ValueError("a model breaks off")
        content = reader.unconsumed_tail
        yield piece


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
    except HARM as error:
        raise ValueError(f"{path} is damaged: {error}") from None
