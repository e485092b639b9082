"""Files of tensors: safetensors with JSON in the header and a checksum of the whole file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from isthmus.system.checksums import BLANK, is_whole, seal
from isthmus.system.files import replacing
from isthmus.tensors import BROKEN

CHECKSUM, SEALED = "checksum", "sealed"
"""Keys of the checksum, and of the word that there is one: a file from before has neither."""
MARK = rb'"{\"checksum\": \"'
"""What stands before it: it is the first in a text of JSON that is a word of the header."""
MOST_HEADER = 100_000_000
"""Bytes of the header of a safetensors file, as its makers limit it."""


def write_tensors(
    path: str | Path, tensors: dict[str, torch.Tensor], key: str, facts: dict[str, Any]
) -> None:
    """Write a safetensors file with facts under `key` and a checksum, whole or not at all.

    Raises
    ------
    OSError
        If the file cannot be written, or the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, _words(key, facts))
        except SafetensorError as error:  # it has no class of its own for a full disk
            raise OSError(str(error)) from None
        seal(temporary, _place(temporary))


def bytes_of(tensors: dict[str, torch.Tensor], key: str, facts: dict[str, Any]) -> int:
    """Return how large the file is that `write_tensors` makes."""
    from safetensors.torch import save

    return len(save(tensors, _words(key, facts)))


def _words(key: str, facts: dict[str, Any]) -> dict[str, str]:
    known = {CHECKSUM: BLANK, SEALED: True}  # one word: several come in an order of chance
    return {key: json.dumps({**known, **facts})}


def read_tensors(path: str | Path, key: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors of a safetensors file and the JSON under `key` in its header.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is damaged or foreign.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        place = _place(path)
        if place and not is_whole(path, place):
            raise ValueError("its checksum does not match")
        with safe_open(path, framework="pt") as file:
            header = dict(json.loads((file.metadata() or {})[key]))
            told = [header.pop(name, None) for name in (CHECKSUM, SEALED)]
            if not place and told != [None, None]:
                raise ValueError("its checksum is missing")
            return {name: file.get_tensor(name).clone() for name in list(file.keys())}, header
    except (SafetensorError, OSError, *BROKEN) as error:
        what = key.replace("_", " ")
        raise ValueError(
            f"{path} is damaged or not an {what} file ({first_line(error)})"
        ) from None


def read_header(path: str | Path, key: str) -> dict[str, Any]:
    """Return the JSON under `key` in the header of a safetensors file, {} if there is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(json.loads((file.metadata() or {})[key]))
    except (SafetensorError, OSError, *BROKEN):
        return {}


def _place(path: Path) -> int:
    """Return where the checksum of a file stands, 0 if it has none."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= MOST_HEADER else b""
    found = header.find(MARK)
    return 8 + found + len(MARK) if found >= 0 else 0


def first_line(error: Exception) -> str:
    """Return what an error says, cut to one short line."""
    return str(error).splitlines()[0][:100] if str(error) else type(error).__name__
