"""Tiles: an image as overlapping parts of one size, and back, blended by a smooth window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

HALF = 0.5
"""Share of a side by which tiles overlap."""
BYTES = 2**25
"""Tiles, as float32, that are worked on at a time."""


@dataclass(frozen=True)
class Tiling:
    """Where the tiles of an image are.

    They are spread evenly from edge to edge, and overlap by the share that is asked for or more. A
    side that is shorter than that of a tile is made longer by its mirror image.

    Parameters
    ----------
    size : (int, int)
        Height and width of the image.
    tile : (int, int)
        Of a tile.
    overlap : float
        Share of a side by which neighbours overlap, at least 0 and below 1.

    Examples
    --------
    >>> tiling = Tiling((48, 64), (32, 32))
    >>> tiling.rows.tolist(), tiling.columns.tolist(), len(tiling)
    ([0, 16], [0, 16, 32], 6)
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    overlap: float = HALF

    @cached_property
    def rows(self) -> np.ndarray:
        """Where tiles begin, from above."""
        return _starts(self.size[0], self.tile[0], self.overlap)

    @cached_property
    def columns(self) -> np.ndarray:
        """Where tiles begin, from the left."""
        return _starts(self.size[1], self.tile[1], self.overlap)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def places(self) -> Iterator[tuple[int, int]]:
        """The upper left corner of every tile, row by row."""
        return ((int(y), int(x)) for y in self.rows for x in self.columns)

    @cached_property
    def window(self) -> np.ndarray:
        r"""How much every pixel of a tile counts, (h, w, 1): :math:`\sin^2`, greater than 0."""
        rows, columns = map(_rise, self.tile)
        return (rows[:, None] * columns)[..., None]

    def padded(self, image: np.ndarray) -> np.ndarray:
        """Return an image that is at least as large as a tile."""
        more = [max(0, tile - side) for tile, side in zip(self.tile, self.size, strict=True)]
        ends = [(0, more[0]), (0, more[1]), (0, 0)]
        return np.pad(image, ends, "symmetric") if any(more) else image

    def through(self, image: np.ndarray, made: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return an image (h, w, c) made of what becomes of its tiles.

        Every pixel is the mean of the tiles it is in, weighted by `window`.

        Parameters
        ----------
        image : ndarray of shape (h, w, c)
            Of this size.
        made : callable
            From tiles (n, h, w, c) to as many.
        """
        height, width = self.size
        if self.size == self.tile:
            return made(image[None]).reshape(image.shape)
        image, (h, w) = self.padded(image), self.tile
        total, weights = np.zeros(image.shape, np.float32), np.zeros_like(image[..., :1])
        places, size = list(self.places), max(1, BYTES // (4 * h * w * image.shape[2]))
        for start in range(0, len(places), size):
            some = places[start : start + size]
            parts = np.stack([image[y : y + h, x : x + w] for y, x in some])
            tiles = made(parts).reshape(parts.shape)
            for (y, x), tile in zip(some, tiles, strict=True):
                total[y : y + h, x : x + w] += self.window * tile
                weights[y : y + h, x : x + w] += self.window
        return (total / weights)[:height, :width]

    @property
    def words(self) -> str:
        """How many tiles of which size, and how they overlap.

        Examples
        --------
        >>> Tiling((96, 128), (32, 32)).words
        'in 35 tiles of 32x32, overlapping by half'
        """
        return in_words([self])


def in_words(tilings: Sequence[Tiling]) -> str:
    """Return how many tiles of which size images are cut into, and how these overlap."""
    counts = [len(tiling) for tiling in tilings]
    first = tilings[0]
    size = f"{first.tile[0]}x{first.tile[1]}"
    if max(counts) == 1:
        return f"in one tile of {size}{' each' * (len(tilings) > 1)}"
    span = f"{min(counts):,} to {max(counts):,}" if min(counts) < max(counts) else f"{counts[0]:,}"
    each = " each" * (len(tilings) > 1)
    by = "half" if first.overlap == HALF else f"{first.overlap:.0%}"
    return f"in {span} tiles of {size}{each}, overlapping by {by}"


def _starts(length: int, tile: int, overlap: float) -> np.ndarray:
    step = max(1, int(tile * (1 - overlap)))
    left = max(0, length - tile)
    return np.linspace(0, left, -(-left // step) + 1).round().astype(int)


def _rise(side: int) -> np.ndarray:
    return np.sin(np.pi * (np.arange(side, dtype=np.float32) + 0.5) / side) ** 2


def grid_of(size: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """Return how many rows and columns of tiles side by side cover an image.

    Examples
    --------
    >>> grid_of((48, 65), (16, 16))
    (3, 5)
    """
    return -(-size[0] // tile[0]), -(-size[1] // tile[1])


def cut(image: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """Return an image (h, w, c) as tiles side by side, its edge repeated where they reach over."""
    (rows, columns), (h, w), c = grid_of(image.shape[:2], tile), tile, image.shape[2]
    more = (0, rows * h - image.shape[0]), (0, columns * w - image.shape[1]), (0, 0)
    whole = np.pad(image, more, "edge").reshape(rows, h, columns, w, c)
    return whole.transpose(0, 2, 1, 3, 4).reshape(-1, h, w, c)


def joined(tiles: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the image of a size that `cut` made tiles of.

    Examples
    --------
    >>> image = np.arange(30.0).reshape(5, 6, 1)
    >>> bool((joined(cut(image, (2, 4)), (5, 6)) == image).all())
    True
    """
    _, h, w, c = tiles.shape
    rows, columns = grid_of(size, (h, w))
    whole = tiles.reshape(rows, columns, h, w, c).transpose(0, 2, 1, 3, 4)
    return whole.reshape(rows * h, columns * w, c)[: size[0], : size[1]]
