"""Whole numbers of tiles to bytes and back: how uncertain each is, its neighbours say.

Columns are coded one after another, and each in two parts, as the black and the white fields of a
chessboard. What is known by then of a tile and of those around it - the columns before, and of the
white fields the black ones about them - sets how wide the bell is by which a number is coded. A
column whose numbers go on smoothly from tile to tile is told by the differences. All this is sums
of whole numbers, the same on every machine.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.codec.container import packed, unpacked
from isthmus.codec.entropy import MOST_SYMBOLS, drawn, inflated, shares_of

TOTAL = 2**20
"""What the counts of a table add up to."""
WIDTHS = tuple(2.0 ** (i // 4) * (1, 1.1892, 1.4142, 1.6818)[i % 4] for i in range(-20, 48))
"""Of the bells that a table can be, in steps of a quarter octave."""
EDGES = (1, 2, 4, 6, 10, 16, 24, 36, 54, 80, 120, 180, 270, 400, 600, 900, 1350, 2000)
"""Between the contexts: sums of sizes of numbers, near ones counted more."""
UNIT = 8
"""What stands for 1 in these sums."""
SAME = 8
"""How much a number of the same column at a neighbour counts, against one before it there."""
TABLES = ("u1", "<i4", "<u2", "u1")
"""Types of what is stored of columns, whether told by differences, from where on and how many
symbols; and the width of every bell."""
WORTH = 0.85
"""A column is told by differences if these are smaller than its numbers by that factor."""


@dataclass(frozen=True)
class Near:
    """Which tile lies beside which, of several images one after another.

    Attributes
    ----------
    around : ndarray of int of shape (n, 4)
        Tiles above, below, left and right; at an edge the tile itself.
    before : ndarray of int of shape (n, 3)
        Left, above, and left above; n stands for none.
    white : ndarray of bool of shape (n,)
        Which fields of the chessboard.
    lines : list of ndarray
        Tiles along slanted lines: those before a line are all that it follows from.
    """

    around: np.ndarray
    before: np.ndarray
    white: np.ndarray
    lines: list[np.ndarray]

    @classmethod
    def of(cls, grids: Sequence[tuple[int, int]]) -> Near:
        """Return what lies beside what in grids of these rows and columns."""
        n = sum(rows * columns for rows, columns in grids)
        around, before, depth, start = [], [], [], 0
        for rows, columns in grids:
            grid = start + np.arange(rows * columns).reshape(rows, columns)
            start += rows * columns
            p = np.pad(grid, 1, "edge")
            sides = p[:-2, 1:-1], p[2:, 1:-1], p[1:-1, :-2], p[1:-1, 2:]
            around.append(np.stack(sides, -1).reshape(-1, 4))
            q = np.pad(grid, ((1, 0), (1, 0)), constant_values=n)
            left, up, both = q[1:, :-1].copy(), q[:-1, 1:].copy(), q[:-1, :-1].copy()
            left[:, 0], both[:, 0] = up[:, 0], up[:, 0]
            up[0], both[0] = left[0], left[0]
            before.append(np.stack([left, up, both], -1).reshape(-1, 3))
            depth.append(np.add.outer(np.arange(rows), np.arange(columns)).ravel())
        place = np.concatenate(depth)
        order = np.argsort(place, kind="stable")
        lines = np.split(order, np.searchsorted(place[order], np.arange(1, place.max() + 1)))
        return cls(np.concatenate(around), np.concatenate(before), place % 2 == 1, lines)

    def expected(self, column: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return what numbers (n + 1,), the last of them 0, are expected to be."""
        left, up, both = column[self.before if rows is None else self.before[rows]].T
        return (3 * left + 3 * up - 2 * both + 2) >> 2

    def summed(self, differences: np.ndarray) -> np.ndarray:
        """Return the numbers that differ so from what is expected."""
        column = np.zeros(len(differences) + 1, np.int64)
        for line in self.lines:
            column[line] = differences[line] + self.expected(column, line)
        return column[:-1]


class Activity:
    """How large the numbers of tiles have been so far, the latest counted most."""

    def __init__(self, near: Near):
        self.near, self.known = near, np.zeros(len(near.white), np.int64)

    def contexts(self, sizes: np.ndarray | None = None) -> np.ndarray:
        """Return the context of every tile, or of white ones where black `sizes` are known."""
        around = self.known[self.near.around].sum(1)
        total = 4 * self.known + around
        if sizes is not None:
            total += SAME * UNIT * np.where(self.near.white, 0, sizes)[self.near.around].sum(1)
        return np.searchsorted(UNIT * np.array(EDGES), total, side="right")

    def add(self, sizes: np.ndarray) -> None:
        """Take note of a column."""
        self.known += UNIT * sizes - (self.known >> 3)


def encoded(symbols: np.ndarray, near: Near) -> tuple[bytes, np.ndarray]:
    """Return integer symbols (n, k) of tiles as bytes, and how many bits those of each tile take.

    Raises
    ------
    ValueError
        If a column has symbols too far apart.
    """
    from constriction import stream

    coder, bits = stream.queue.RangeEncoder(), np.zeros(len(symbols))
    activity, kinds, lows, spans, widths = Activity(near), [], [], [], list[int]()
    for column in symbols.T:
        differs, coded = _coded(column, near)
        low, span = int(coded.min()), int(np.ptp(coded)) + 1
        if span > MOST_SYMBOLS:
            raise ValueError(
                f"codes would be rounded to {span:,} different values, more than "
                f"{MOST_SYMBOLS:,}: ask for a lower quality"
            )
        kinds.append(differs)
        lows.append(low)
        spans.append(span)
        if span > 1:
            for rows in _parts(activity, near, np.abs(coded)):
                seen = np.bincount(coded[rows] - low, minlength=span)
                width = _fitting(seen, low)
                table = bell(low, span, width)
                coder.encode((coded[rows] - low).astype(np.int32), _model_of(table))
                widths.append(width)
                bits[rows] -= np.log2(table[coded[rows] - low] / TOTAL)
        activity.add(np.abs(coded) >> (2 * differs))
    tables = packed(
        np.array(kinds, "u1"),
        np.array(lows, "<i4"),
        np.array(spans, "<u2"),
        np.array(widths, "u1"),
    )
    return packed(np.frombuffer(zlib.compress(tables, 9), "u1"), coder.get_compressed()), bits


def decoded(content: bytes, near: Near, k: int) -> np.ndarray:
    """Return the symbols (n, k) of the bytes that `encoded` made of them.

    Raises
    ------
    ValueError
        If the bytes are not of so many symbols.
    """
    from constriction import stream

    tables, words = unpacked(content, "u1", "<u4")
    kinds, lows, spans, widths = unpacked(inflated(tables.tobytes()), *TABLES)
    if not len(kinds) == len(lows) == len(spans) == k or spans.max(initial=0) > MOST_SYMBOLS:
        raise ValueError(f"{len(lows)} tables for {k} columns")
    if spans.min(initial=1) < 1 or kinds.max(initial=0) > 1 or np.abs(lows).max(initial=0) > 2**24:
        raise ValueError("a table of probabilities is impossible")
    coder, n = stream.queue.RangeDecoder(np.array(words)), len(near.white)
    symbols, activity, known = np.empty((n, k), np.int32), Activity(near), iter(widths.tolist())
    for j, (differs, low, span) in enumerate(
        zip(kinds, lows.tolist(), spans.tolist(), strict=True)
    ):
        coded = np.full(n, low, np.int64)
        if span > 1:
            sizes = np.zeros(n, np.int64)
            for rows in _parts(activity, near, sizes):
                table = bell(low, span, _next(known))
                coded[rows] = drawn(coder, _model_of(table), len(rows)) + low
                sizes[rows] = np.abs(coded[rows])
        symbols[:, j] = near.summed(coded) if differs else coded
        activity.add(np.abs(coded) >> (2 * differs))
    return symbols


def _coded(column: np.ndarray, near: Near) -> tuple[bool, np.ndarray]:
    """Return whether a column is told by differences, and what is coded of it."""
    differences = column - near.expected(np.append(column, 0))
    differs = bool(np.abs(differences).sum() < WORTH * np.abs(column).sum())
    return differs, differences if differs else column


def _parts(activity: Activity, near: Near, sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the tiles of every context, black ones first; `sizes` are of those so far."""
    for white in (False, True):
        contexts = activity.contexts(sizes if white else None)
        rows = np.flatnonzero(near.white == white)
        order = rows[np.argsort(contexts[rows], kind="stable")]
        cuts = np.flatnonzero(np.diff(contexts[order])) + 1
        yield from (part for part in np.split(order, cuts) if len(part))


def _next(widths: Iterator[int]) -> int:
    width = next(widths, len(WIDTHS))
    if width >= len(WIDTHS):
        raise ValueError("a table of probabilities is incomplete")
    return width


def _fitting(seen: np.ndarray, low: int) -> int:
    """Return the number of the bell by which symbols take the fewest bits."""
    places = np.flatnonzero(seen)
    middle, counts = (places + low).astype(float), seen[places]
    spread = math.sqrt(float((counts * middle**2).sum()) / max(1, int(counts.sum())))
    guess = int(np.searchsorted(WIDTHS, spread))
    tried = range(max(0, guess - 8), min(len(WIDTHS), guess + 3))
    every = np.arange(low, low + len(seen), dtype=float)
    heights = (1 + (every / np.array([WIDTHS[i] for i in tried])[:, None]) ** 2 / 7) ** -4
    shares = heights[:, places] / heights.sum(1, keepdims=True) + 1 / TOTAL
    return tried[int(np.argmax((counts * np.log(shares)).sum(1)))]


def bell(low: int, size: int, width: int) -> np.ndarray:
    """Return the table of Student's t with 7 degrees of freedom: a bell without exponentials.

    Examples
    --------
    >>> int(bell(-3, 7, 20).sum()) == TOTAL, int(bell(-3, 7, 20).argmax())
    (True, 3)
    """
    far = (np.arange(size) + low) / WIDTHS[width]
    height = 1 / (1 + far * far / 7) ** 2
    height = height * height
    return shares_of(1 + np.floor(height / math.fsum(height) * 2**24).astype(np.int64), TOTAL)


def _model_of(table: np.ndarray) -> Any:
    from constriction import stream

    return stream.model.Categorical(table.astype(np.float64) / float(TOTAL), perfect=False)
