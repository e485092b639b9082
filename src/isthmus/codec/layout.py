"""Pictures of any size as whole numbers of their tiles, or of cells of their grids, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from isthmus.codec.contexts import Near
from isthmus.codec.entries import Entry
from isthmus.codec.quantizer import Quantizer
from isthmus.data.images import with_channels
from isthmus.data.pictures import Picture
from isthmus.data.ranges import Range
from isthmus.data.tiles import cut, grid_of, joined

UP = 0.4
"""A number is rounded to the next larger one from 1 - UP on: what is nearer to 0 costs fewer bits,
and more than it loses."""
MOST_TILES = 2**22
"""Tiles of the images of a frame, at most."""


@dataclass
class Layout:
    """What turns pictures into whole numbers and back.

    Parameters
    ----------
    model : Representation
        Encodes and decodes tiles.
    quantizer : Quantizer or None
        Rounds codes, unless they are indices.
    ends : (float, float)
        What black and white are to the model.
    """

    model: Any
    quantizer: Quantizer | None
    ends: Range

    @cached_property
    def tile(self) -> tuple[int, int, int]:
        """Height, width and channels of a tile."""
        height, width, channels = with_channels(tuple(self.model.image_shape_))
        return height, width, channels

    @property
    def numbers(self) -> int:
        """How many numbers a code of its model has, or how many indices there are."""
        return int(self.model.code_width_)

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return self.numbers if self.quantizer is None else len(self.quantizer.middle)

    def near(self, entries: Sequence[Entry]) -> Near:
        """Return which tile lies beside which."""
        if (tiles := sum(self.counts(entries))) > MOST_TILES:
            size = f"{self.tile[0]}x{self.tile[1]}"
            raise ValueError(
                f"{tiles:,} tiles of {size}, at most {MOST_TILES:,} are coded together"
            )
        grids = [(entry, self.grid(entry.size)) for entry in entries]
        return Near.of([g for e, g in grids for _ in range(e.planes(self.tile[2]))])

    def grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return how many rows and columns of tiles an image of a size has."""
        return grid_of(size, self.tile[:2])

    def planes(self, pictures: Sequence[Picture]) -> list[np.ndarray]:
        """Return the planes (h, w, c) of pictures, as the model takes them."""
        return [plane for each in pictures for plane in each.planes(self.tile[2], self.ends)]

    def shown(self, pictures: Sequence[Picture]) -> Any:
        """Return what of some pictures is encoded, and compared with by `error`: tiles."""
        return np.concatenate([cut(plane, self.tile[:2]) for plane in self.planes(pictures)])

    def codes(self, shown: Any) -> np.ndarray:
        """Return the codes of what is shown, vectors or indices."""
        codes = self.model.encode(shown)
        return codes if codes.ndim == 1 else codes.reshape(len(codes), -1)

    def symbols(self, pictures: Sequence[Picture]) -> np.ndarray:
        """Return the whole numbers (n, k) of pictures, one after another."""
        return self.rounded(self.codes(self.shown(pictures)))

    def rounded(self, codes: np.ndarray) -> np.ndarray:
        """Return the whole numbers (n, k) of codes."""
        if self.quantizer is None:
            return codes.reshape(-1, 1).astype(np.int64)
        scaled = self.quantizer.scaled(codes)
        return (np.sign(scaled) * np.floor(np.abs(scaled) + UP)).astype(np.int64)

    def meant(self, symbols: np.ndarray) -> np.ndarray:
        """Return the codes that whole numbers stand for."""
        return symbols[:, 0] if self.quantizer is None else self.quantizer.codes(symbols)

    def back(self, symbols: np.ndarray) -> np.ndarray:
        """Return the tiles of whole numbers, within black and white."""
        return self.model.decode(self.meant(symbols)).reshape(-1, *self.tile).clip(*self.ends)

    def picture(self, entry: Entry, symbols: np.ndarray) -> Picture:
        """Return the picture that whole numbers stand for, without its transparency."""
        parts = np.split(symbols, entry.planes(self.tile[2]))
        planes = np.stack([self.plane(part, entry.size) for part in parts])
        return entry.empty.remade(planes, self.ends)

    def plane(self, symbols: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return the plane (h, w, c) that whole numbers stand for, within black and white."""
        return joined(self.back(symbols), size)

    def error(self, symbols: np.ndarray, shown: Any) -> float:
        """Return the mean squared error of what whole numbers of some pictures stand for."""
        return float(np.square(self.back(symbols) - shown).mean())

    def counts(self, entries: Sequence[Entry]) -> list[int]:
        """Return how many tiles each of some pictures has."""
        grids = (self.grid(entry.size) for entry in entries)
        each = (rows * columns for rows, columns in grids)
        return [n * e.planes(self.tile[2]) for n, e in zip(each, entries, strict=True)]


@dataclass
class GridLayout(Layout):
    """The same for a model of images of any size, whose code is a grid."""

    @cached_property
    def tile(self) -> tuple[int, int, int]:
        """Height, width and channels of what has a code."""
        side = self.model.lattice_[0]
        return side, side, with_channels(tuple(self.model.image_shape_))[2]

    @property
    def numbers(self) -> int:
        """How many numbers a code has, or how many indices there are."""
        cell = [side for side in self.model.code_shape_ if side is not None]
        return int(cell[0]) if cell else int(self.model.code_width_)

    def grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return how many rows and columns the grid of an image of a size has."""
        rows, columns = self.model.code_shape_of(size)[:2]
        return int(rows), int(columns)

    def shown(self, pictures: Sequence[Picture]) -> Any:
        """Return what of some pictures is encoded, and compared with by `error`: planes."""
        return self.planes(pictures)

    def codes(self, shown: Any) -> np.ndarray:
        """Return the codes of planes, cell by cell."""
        grids = [self.model.encode(plane[None])[0] for plane in shown]
        return np.concatenate([each.reshape(-1, *each.shape[2:]) for each in grids])

    def plane(self, symbols: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return the plane (h, w, c) that whole numbers stand for, within black and white."""
        codes = self.meant(symbols)
        grid = codes.reshape(1, *self.grid(size), *codes.shape[1:])
        plane = self.model.decode(grid, size=size)[0]
        return np.asarray(plane.reshape(*size, self.tile[2]).clip(*self.ends))

    def error(self, symbols: np.ndarray, shown: Any) -> float:
        """Return the mean squared error of what whole numbers of some pictures stand for."""
        sizes = [plane.shape[:2] for plane in shown]
        parts = np.split(symbols, np.cumsum([np.prod(self.grid(size)) for size in sizes])[:-1])
        made = (self.plane(part, size) for part, size in zip(parts, sizes, strict=True))
        total = sum(
            float(np.square(one - other).sum()) for one, other in zip(made, shown, strict=True)
        )
        return total / sum(plane.size for plane in shown)


def layout_of(model: Any, quantizer: Quantizer | None, ends: Range) -> Layout:
    """Return what turns pictures into whole numbers of a model's codes, and back."""
    return (Layout if model.cell is None else GridLayout)(model, quantizer, ends)
