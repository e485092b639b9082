"""Maps on disk: arrays in a .npz file, without pickled objects, and a checksum of it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import held_arrays
from isthmus.system.checksums import is_whole_zip, seal_zip
from isthmus.system.files import replacing
from isthmus.system.shapes import Array, Declared, check_all

VERSION = 1
"""Version of the file; a newer one than the reader knows is refused."""
HELD: Declared = {
    "points": Array("n dimensions"),
    "codes": Array("n m"),
    "mean": Array("k"),
    "axes": Array("strongest k"),
    "y?": Array("n", "iu"),
    "classes?": Array("classes", "U"),
}
METHODS = ("as is", "pca", "tsne", "umap", "grid")
"""How places were found."""


def write_map(path: str | Path, facts: dict[str, Any]) -> None:
    """Write what a map is made of to one .npz file, whole or not at all."""
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"{path} must end in .npz")
    arrays: dict[str, Any] = {k: np.asarray(v) for k, v in facts.items() if v is not None}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, isthmus_map=np.array(VERSION), **arrays)
        seal_zip(temporary)


def read_map(path: str | Path) -> dict[str, Any]:
    """Return what `write_map` was given.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, no map, or written by a newer isthmus.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if is_whole_zip(path) is False:
            raise ValueError("its checksum does not match")
        held: dict[str, Any] = held_arrays(path)
        version = int(held.pop("isthmus_map"))
        found = _checked(held) if version <= VERSION else held
    except Exception as error:  # a damaged zip fails in many ways
        raise ValueError(
            f"{path} is damaged or not a map that `isthmus map` wrote ({error})"
        ) from None
    if version > VERSION:
        raise ValueError(f"{path} has file version {version}: upgrade isthmus to read it")
    return found


def _checked(held: dict[str, Any]) -> dict[str, Any]:
    """Return what a file holds if it can be a map."""
    found = {"y": None, "classes": None} | held
    found["method"], found["random_state"] = str(held["method"]), int(held["random_state"])
    known: dict[str, int] = {}
    check_all(held, HELD, known)
    if strangers := held.keys() - _names():
        raise ValueError(f"a map holds no {min(strangers)!r}")
    if found["method"] not in METHODS or known["dimensions"] not in (2, 3) or not known["n"]:
        raise ValueError(f"{known['n']} places by {found['method']!r}")
    if known["m"] != (known["strongest"] or known["k"]):
        raise ValueError(f"codes of {known['m']} numbers, {known['strongest'] or known['k']} told")
    if found["method"] in ("pca", "grid"):
        check_all(held, {"codes": Array("n dimensions")}, known)
    if not 0 <= found["random_state"] < 2**32:
        raise ValueError(f"random_state is {found['random_state']}")
    _check_labels(found)
    return found


def _names() -> set[str]:
    return {name.removesuffix("?") for name in HELD} | {"method", "random_state"}


def _check_labels(found: dict[str, Any]) -> None:
    """Refuse labels of classes that are not named; turn names into a list."""
    y, classes = found["y"], found["classes"]
    found["classes"] = None if classes is None else classes.tolist()
    if y is not None and (y.min() < -1 or (classes is not None and y.max() >= len(classes))):
        raise ValueError(f"labels from {y.min()} to {y.max()}")
