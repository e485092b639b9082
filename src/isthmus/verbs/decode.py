"""Decode: codes back to images."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from isthmus.data.arrays import held_arrays
from isthmus.data.parquet import read_columns
from isthmus.validation import able
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.parameters import CodesLike, Model

FILES = (".npy", ".npz", ".csv", ".parquet")
"""Files of codes."""


def decode(model: Model, codes: CodesLike, *, tile_size: int | None = None) -> Decoded:
    """Turn codes back into images.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    codes : array of shape (n,), (n, k) or (n, ...), or path
        Codes as `encode` makes them, or a .npy, .npz, .csv or .parquet file of them, whose names
        of images become those of the files in a folder.
    tile_size : int, optional
        Pixels of the longer side of an image in a picture; by default 48 to 128.

    Returns
    -------
    Decoded
        A float array in the shape of the images fitted on; see `isthmus.verbs.result.Result` for
        what else it can.

    Raises
    ------
    ValueError
        If the model cannot decode, or codes are of another shape than its own.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> ist.decode(pca, ist.encode(pca, images.test))
    Decoded(359 images, (359, 8, 8, 1), float32)
    """
    decoded = able(model, "decode")
    path = Path(codes) if isinstance(codes, str | Path) else None
    made = Decoded.of(decoded(codes if path is None else codes_in(model, path)), model)
    made.called = [] if path is None else names_in(path)
    return made.in_tiles(tile_size)


def codes_in(model: Model, path: Path) -> np.ndarray:
    """Return the codes in a file that `encode` has written, or a table with the same columns.

    Raises
    ------
    ValueError
        If the file holds no codes of this model, or is damaged.
    FileNotFoundError
        If there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix in (".npy", ".npz"):
        return _loaded(path)
    columns = read_columns(path) if path.suffix == ".parquet" else _columns(path)
    names = ["code"] if model.code_kind_ == "index" else list(model.get_feature_names_out())
    if missing := [name for name in names if name not in columns]:
        raise ValueError(
            f"{path} has no column {missing[0]}: expected {names[0]} to {names[-1]}, as "
            "`isthmus encode` writes them"
        )
    try:
        codes = np.stack([np.asarray(columns[name], dtype=np.float64) for name in names], axis=1)
    except ValueError as error:
        raise ValueError(f"{path}: not every code is a number ({error})") from None
    return codes[:, 0].astype(int) if model.code_kind_ == "index" else codes.astype(np.float32)


def names_in(path: Path) -> list[str]:
    """Return what images are called whose codes are in a file; nothing where it does not say."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as found:
            return list(map(str, found["image"])) if "image" in found.files else []
    if path.suffix == ".npy":
        return []
    columns = read_columns(path) if path.suffix == ".parquet" else _columns(path)
    return list(map(str, columns.get("image", [])))


def _loaded(path: Path) -> np.ndarray:
    """Return the array in a .npy file, or that called codes in a .npz file."""
    try:
        if path.suffix == ".npz":
            return held_arrays(path)["codes"]
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # a damaged zip fails in many ways
        raise ValueError(f"{path} is not a {path.suffix} file of codes ({error})") from None


def _columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    if len(rows) < 2:
        raise ValueError(f"{path} holds no codes: expected a line of names, and one a code")
    return dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True))
