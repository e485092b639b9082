"""Sprites: small shapes drawn by known factors, after the public dSprites set."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from isthmus.data.arrays import damage_explained, stored_npy
from isthmus.data.cache import check_unpacked, held, key_of, stamp_of
from isthmus.data.images import Images
from isthmus.data.sprite_shapes import FACTORS, N_SPRITES, SHAPES, SIDE, SIZES, stamp

if TYPE_CHECKING:
    from isthmus.data.values import ArrayLike

N_TRAIN, N_TEST = 50_000, 10_000
READ_ROWS = 4096
"""Images of the public file that are read at once."""


def sprites(
    n: int | None = None,
    *,
    indices: ArrayLike | None = None,
    random_state: int = 0,
    n_test: int = 0,
) -> Images:
    """Return sprites with their factors: a random choice, or those wanted.

    Parameters
    ----------
    n : int, optional
        How many different ones, 1 to 737,280; all in their order when neither `n` nor `indices`
        is given.
    indices : array of int, optional
        Which, as numbers from 0 to 737,279; the last factor, y, changes fastest.
    random_state : int
        Seed of the choice.
    n_test : int
        How many of them, the last, are held out.

    Examples
    --------
    >>> some = sprites(100)
    >>> some.shape, sorted(some.factors)
    ((100, 64, 64, 1), ['orientation', 'scale', 'shape', 'x', 'y'])
    """
    chosen = _chosen(n, indices, random_state)
    factors = np.stack(np.unravel_index(chosen, SIZES), axis=1)

    def fill(out: np.ndarray) -> None:
        out[...] = 0
        stamp(out[..., 0], factors)

    key = key_of("sprites", 1, None if n is None and indices is None else chosen.tolist())
    return Images(
        held(f"sprites-{key}", (len(chosen), SIDE, SIDE, 1), np.uint8, fill),
        y=factors[:, 0],
        classes=SHAPES,
        factors=dict(zip(FACTORS, factors.T, strict=True)),
        is_test=np.arange(len(chosen)) >= len(chosen) - n_test if n_test else None,
        source="sprites",
    )


def read_sprites(folder: Path, verbose: bool | None) -> Images:
    """Draw the named set: 60,000 different sprites, the last 10,000 of them held out."""
    return sprites(N_TRAIN + N_TEST, n_test=N_TEST)


def is_dsprites(path: Path) -> bool:
    """Return whether a .npz file holds the images and factors of the public set."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"imgs.npy", "latents_classes.npy"} <= set(archive.namelist())
    except Exception:  # whatever it is, it is not that set
        return False


def read_dsprites(path: Path, verbose: bool | None = None) -> Images:
    """Read the public dSprites file; the objects in it are never unpickled."""
    with zipfile.ZipFile(path) as archive, damage_explained(path, "dSprites"):
        classes = stored_npy(archive, "latents_classes.npy").read()
        with archive.open("imgs.npy") as file:
            shape = _header(file)
        member = archive.getinfo("imgs.npy")
        check_unpacked(f"imgs of {shape}", int(np.prod(shape)), member.compress_size)
        if classes.shape != (shape[0], 6) or len(shape) != 3:
            raise ValueError(f"{classes.shape} latents_classes for images of shape {shape}")

        def fill(out: np.ndarray) -> None:
            with archive.open("imgs.npy") as file:
                _header(file)
                for start in range(0, len(out), READ_ROWS):
                    part = out[start : start + READ_ROWS]
                    bits = np.frombuffer(file.read(part.size), np.uint8)
                    part[...] = (bits != 0).reshape(part.shape) * np.uint8(255)

        key = key_of("dsprites", 1, *stamp_of(path))
        data = held(f"dsprites-{key}", (*shape, 1), np.uint8, fill)
    factors = dict(
        zip(FACTORS, classes.T[1:].astype(np.int64), strict=True)
    )  # the colour is white
    return Images(data, y=factors["shape"], classes=SHAPES, factors=factors, source=str(path))


def _header(file: IO[bytes]) -> tuple[int, ...]:
    np.lib.format.read_magic(file)
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    if by_column or dtype != np.uint8:
        raise ValueError(f"imgs of type {dtype}: expected uint8, row by row")
    return shape


def _chosen(n: int | None, indices: ArrayLike | None, random_state: int) -> np.ndarray:
    if indices is not None:
        chosen = np.atleast_1d(np.asarray(indices))
        if chosen.dtype.kind not in "iu" or not 0 <= chosen.min() <= chosen.max() < N_SPRITES:
            raise ValueError(f"indices must be whole numbers from 0 to {N_SPRITES - 1}")
        return chosen
    if n is None:
        return np.arange(N_SPRITES)
    if not 1 <= n <= N_SPRITES:
        raise ValueError(f"n={n} must be 1 to {N_SPRITES} sprites")
    return np.random.default_rng(random_state).permutation(N_SPRITES)[:n]
