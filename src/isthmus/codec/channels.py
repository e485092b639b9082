"""One channel of pixels coded from how far an expectation is off."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from isthmus.codec.container import packed, unpacked
from isthmus.codec.entropy import drawn, inflated, model_of, shares_of
from isthmus.codec.expected import (
    BEFORE,
    DECODED,
    EDGE,
    REAL,
    Field,
    expected_of,
    fitted_to,
    unrest_of,
)

BINS = ((1, 1), (6, 2), (12, 4), (20, 8))


@dataclass
class _Contexts:
    """Which pixels share a table: weights of the expectation, and the borders of the bins."""

    weights: np.ndarray
    levels: np.ndarray
    unrest: np.ndarray

    @property
    def count(self) -> int:
        return (len(self.levels) + 1) * (len(self.unrest) + 1)

    def tables(self, expected: np.ndarray, unrest: np.ndarray) -> np.ndarray:
        """Return which table every pixel belongs to."""
        bins = np.searchsorted(self.levels, expected, side="right") * (len(self.unrest) + 1)
        return bins + np.searchsorted(self.unrest, unrest, side="right")


def _borders(values: np.ndarray, bins: int) -> np.ndarray:
    """Return borders between bins, about as many of the values that are not 0 in each."""
    values = values[values > 0]
    if bins == 1 or not len(values):
        return np.empty(0, dtype=np.int32)
    return np.unique(np.quantile(values, np.arange(bins) / bins).astype(np.int32))


def encode_channel(field: Field, channel: int) -> bytes:
    """Return one channel of the pixels as bytes."""
    from constriction import stream

    weights, *fitted = fitted_to(field, channel)
    choices = [
        _Contexts(weights, _borders(fitted[0], fine), _borders(fitted[1], coarse))
        for fine, coarse in BINS
    ]
    seen = _seen(field, channel, weights)
    contexts, relative, tables = _cheapest(choices, seen)
    which = contexts.tables(seen.expected, seen.unrest)
    symbols = seen.symbols(relative).astype(np.int32)
    models = [model_of(table) if table.any() else None for table in tables]
    coder = stream.queue.RangeEncoder()
    for start, stop in zip([0, *seen.ends], seen.ends, strict=False):
        order = start + np.argsort(which[start:stop], kind="stable")
        for table, run in _runs(which[order]):
            coder.encode(symbols[order[run]], models[table])
    head = packed(
        contexts.weights.astype("<i4"),
        contexts.levels.astype("<i4"),
        contexts.unrest.astype("<i4"),
        np.array([relative], dtype="u1"),
        tables.astype("<u2").ravel(),
    )
    return packed(np.frombuffer(zlib.compress(head, 9), "u1"), coder.get_compressed())


class _Seen(NamedTuple):
    """All pixels of a channel in the order in which they are coded, line after line."""

    expected: np.ndarray
    unrest: np.ndarray
    real: np.ndarray
    ends: list[int]

    def symbols(self, relative: int) -> np.ndarray:
        """Return what is coded: the pixels, or how far they are from what was expected."""
        return (self.real - relative * self.expected) % 256


def _seen(field: Field, channel: int, weights: np.ndarray) -> _Seen:
    lines = []
    for row, column in field.lines():
        around = field.around(row, column, channel)
        real = field.real[:, row + EDGE, column + EDGE, channel]
        lines.append(
            (expected_of(around, weights).ravel(), unrest_of(around).ravel(), real.ravel())
        )
    ends = np.cumsum([len(line[0]) for line in lines]).tolist()
    expected, unrest, real = map(np.concatenate, zip(*lines, strict=True))
    return _Seen(expected, unrest, real, ends)


def _runs(which: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Yield every value of a sorted row, and where it stands."""
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(which)], strict=True):
        yield int(which[start]), slice(int(start), int(stop))


def _cheapest(choices: list[_Contexts], seen: _Seen) -> tuple[_Contexts, int, np.ndarray]:
    """Return the contexts of the fewest bytes, whether symbols are differences, and the tables."""
    found = []
    for contexts in choices:
        which = contexts.tables(seen.expected, seen.unrest) * 256
        for relative in (0, 1):
            counts = np.bincount(which + seen.symbols(relative), minlength=256 * contexts.count)
            counts = counts.reshape(-1, 256)
            tables = _tables(counts)
            found.append((_cost(counts, tables), contexts, relative, tables))
    return min(found, key=lambda choice: choice[0])[1:]


def _tables(counts: np.ndarray) -> np.ndarray:
    return np.array([shares_of(row) if row.any() else row for row in counts])


def _cost(counts: np.ndarray, tables: np.ndarray) -> float:
    """Return the bits of the symbols and of their tables."""
    used = counts > 0
    share = tables[used] / np.broadcast_to(tables.sum(1, keepdims=True), tables.shape)[used]
    stored = 8 * len(zlib.compress(tables.astype("<u2").tobytes(), 9))
    return float(-(counts[used] * np.log2(share)).sum()) + stored


def decode_channel(field: Field, channel: int, content: bytes) -> None:
    """Read one channel into the pixels."""
    from constriction import stream

    head, coded = unpacked(content, "u1", "<u4")
    weights, levels, unrest, relative, tables = unpacked(
        inflated(head.tobytes()), "<i4", "<i4", "<i4", "u1", "<u2"
    )
    contexts = _Contexts(weights, levels, unrest)
    features = 1 + len(REAL) + len(DECODED) + (2 * len(BEFORE) if channel else 0)
    if len(tables) != 256 * contexts.count or len(relative) != 1 or len(weights) != features:
        raise ValueError("the tables of the pixels are incomplete")
    models = [model_of(table) if table.any() else None for table in tables.reshape(-1, 256)]
    coder = stream.queue.RangeDecoder(np.array(coded))
    for row, column in field.lines():
        around = field.around(row, column, channel)
        expected = expected_of(around, weights)
        which = contexts.tables(expected, unrest_of(around)).ravel()
        order = np.argsort(which, kind="stable")
        values = np.empty(len(which), dtype=np.int16)
        for table, run in _runs(which[order]):
            values[order[run]] = drawn(coder, models[table], run.stop - run.start)
        values = values.reshape(expected.shape) + int(relative[0]) * expected
        field.real[:, row + EDGE, column + EDGE, channel] = values % 256
