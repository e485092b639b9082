"""What a decoded image still misses, so that the pixels come back exactly.

A pixel is expected to be a mean of its neighbours and of the decoded image around it, with weights
fitted to the images and rounded to whole numbers. Pixels whose expectation and whose surroundings
are alike share a table of what they really are. Nothing depends on how a machine rounds, with one
exception: the decoded image itself is rounded to 0..255, so pixels of it that are all but half-way
between two values are listed in the file.

The order is such that what surrounds a pixel is known when it is its turn: channel by channel, and
within one along slanted lines, so that a whole line of all images is coded at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from isthmus.codec.container import packed, unpacked
from isthmus.codec.entropy import drawn, inflated, model_of, shares_of

CLOSE = 1 / 1024
"""Distance from half-way, in grey levels, within which another machine may round otherwise: four
times what single precision makes of a decoder's sums."""
UNIT = 2**12
"""What stands for 1 in the whole-number weights."""
REAL = ((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0))
"""Pixels that are known before it, as (down, right): left, above, the corners, two away."""
DECODED = ((0, 0), (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, 1), (1, 0))
"""Pixels of the decoded image, which is known altogether."""
BEFORE = ((0, 0), (0, -1), (-1, 0))
"""Pixels of the channel before it."""
UNREST = ((0, 2), (1, 2), (1, 3), (6, 7), (6, 8), (6, 11), (6, 12), (0, 7), (1, 8))
"""Pairs of those, REAL and then DECODED, whose differences say how uncertain a pixel is."""
BINS = ((1, 1), (6, 2), (12, 4), (20, 8))
"""How finely expectation and unrest are told apart: more bins need more images to pay."""
FITTED = 300_000
"""Pixels that the weights are fitted to, about."""
EDGE = 2
"""Pixels of padding, so that every neighbour exists."""


def to_levels(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return decoded images as 0..255, and which pixels are close to half-way."""
    scaled = np.clip(np.asarray(images, dtype=np.float64) * 255, 0, 255)
    over = scaled - np.floor(scaled)
    return np.floor(scaled + 0.5).astype(np.uint8), np.abs(over - 0.5) < CLOSE


def residual(pixels: np.ndarray, decoded: np.ndarray) -> bytes:
    """Return what must be known besides decoded images to have the pixels.

    Parameters
    ----------
    pixels : ndarray of uint8 of shape (n, h, w, c)
        What is to come back.
    decoded : ndarray of float of shape (n, h, w, c)
        What the model makes of the codes.

    Examples
    --------
    >>> pixels = np.random.default_rng(0).integers(0, 9, (20, 8, 8, 1)).astype(np.uint8)
    >>> content = residual(pixels, pixels / 255)
    >>> bool((restored(content, pixels / 255) == pixels).all())
    True
    """
    levels, close = to_levels(decoded)
    field = _Field.empty(levels)
    field.real[:, EDGE:-EDGE, EDGE:-EDGE] = pixels
    channels = [_encode_channel(field, channel) for channel in range(pixels.shape[-1])]
    check = np.array([zlib.crc32(pixels.tobytes())], dtype="<u4")
    contents = [np.frombuffer(content, "u1") for content in (_listed(levels, close), *channels)]
    return packed(check, *contents)


def restored(content: bytes, decoded: np.ndarray) -> np.ndarray:
    """Return the pixels (n, h, w, c) that `residual` was given.

    Raises
    ------
    ValueError
        If the bytes are damaged, or this machine decodes otherwise than the one that wrote them.
    """
    n_channels = decoded.shape[-1]
    check, listed, *channels = unpacked(content, "<u4", "u1", *["u1"] * n_channels)
    levels = to_levels(decoded)[0]
    _settle(levels, decoded, listed.tobytes())
    field = _Field.empty(levels)
    for channel, coded in enumerate(channels):
        _decode_channel(field, channel, coded.tobytes())
    pixels = field.real[:, EDGE:-EDGE, EDGE:-EDGE].astype(np.uint8)
    if len(check) != 1 or zlib.crc32(pixels.tobytes()) != check[0]:
        raise ValueError(
            "the pixels do not come back: this machine decodes otherwise than the one that "
            "compressed them"
        )
    return pixels


def _listed(levels: np.ndarray, close: np.ndarray) -> bytes:
    """Return where pixels are close to half-way, and whether they were rounded to odd values."""
    places = np.flatnonzero(close)
    gaps = np.diff(places, prepend=0).astype("<u4")
    odd = np.packbits(levels.ravel()[places] & 1)
    planes = gaps.view("u1").reshape(-1, 4).T
    return zlib.compress(packed(np.ascontiguousarray(planes), odd), 9)


def _settle(levels: np.ndarray, decoded: np.ndarray, content: bytes) -> None:
    """Round the pixels listed as the machine did that wrote the file."""
    planes, odd = unpacked(inflated(content), "u1", "u1")
    if len(planes) % 4 or len(odd) != -(-len(planes) // 32):
        raise ValueError("the list of pixels is incomplete")
    places = np.cumsum(np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4").ravel())
    if len(places) and places[-1] >= levels.size:
        raise ValueError("the list of pixels goes on beyond the images")
    below = np.floor(np.clip(decoded.ravel()[places].astype(np.float64) * 255, 0, 255))
    wanted = np.unpackbits(odd, count=len(places))
    levels.ravel()[places] = below + (below.astype(np.uint8) % 2 != wanted)


@dataclass
class _Field:
    """Pixels and decoded pixels, (n, h + 2 EDGE, w + 2 EDGE, c), zero around the images."""

    real: np.ndarray
    decoded: np.ndarray

    @classmethod
    def empty(cls, levels: np.ndarray) -> _Field:
        padding = ((0, 0), (EDGE, EDGE), (EDGE, EDGE), (0, 0))
        decoded = np.pad(levels, padding).astype(np.int16)
        return cls(np.zeros_like(decoded), decoded)

    def around(self, row: np.ndarray, column: np.ndarray, channel: int) -> np.ndarray:
        """Return what surrounds pixels at these places of all images, (n, places, features)."""
        seen = [(self.real, REAL, channel), (self.decoded, DECODED, channel)]
        if channel:
            seen += [(self.real, BEFORE, channel - 1), (self.decoded, BEFORE, channel - 1)]
        features = [
            values[:, row + EDGE + down, column + EDGE + right, which]
            for values, places, which in seen
            for down, right in places
        ]
        return np.stack([*features, np.ones_like(features[0])], axis=-1)

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of all pixels, in the order in which they are coded."""
        height, width = (side - 2 * EDGE for side in self.real.shape[1:3])
        rows, columns = np.indices((height, width)).reshape(2, -1)
        order = np.argsort(2 * rows + columns, kind="stable")
        return rows[order], columns[order]

    def lines(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and columns of pixels that may be coded at once."""
        rows, columns = self.places
        starts = np.flatnonzero(np.diff(2 * rows + columns)) + 1
        yield from zip(np.split(rows, starts), np.split(columns, starts), strict=True)


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


def _expected(around: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # whole numbers below 2^53 are exact in floating point, whatever the order of the sum
    total = around.astype(np.float64) @ weights.astype(np.float64)
    return np.clip(np.floor((total + UNIT // 2) / UNIT), 0, 255).astype(np.int16)


def _unrest(around: np.ndarray) -> np.ndarray:
    total = np.zeros(around.shape[:-1], dtype=np.int32)
    for one, other in UNREST:
        total += np.abs(around[..., one] - around[..., other])
    return total


def _fitted(field: _Field, channel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whole-number weights, and expectation and unrest of the pixels they are fitted to."""
    rows, columns = field.places
    n = min(len(field.real), max(1, FITTED // len(rows)))
    chosen = np.linspace(0, len(field.real) - 1, n).astype(int)
    part = _Field(field.real[chosen], field.decoded[chosen])
    around = part.around(rows, columns, channel)
    wanted = part.real[:, rows + EDGE, columns + EDGE, channel].astype(np.float64).ravel()
    features = around.reshape(len(wanted), -1).astype(np.float64)
    ridge = 1e-3 * len(wanted) * np.eye(features.shape[1])
    weights = np.linalg.solve(features.T @ features + ridge, features.T @ wanted)
    weights = np.clip(np.rint(weights * UNIT), -(2**19), 2**19).astype(np.int32)
    return weights, _expected(around, weights), _unrest(around)


def _borders(values: np.ndarray, bins: int) -> np.ndarray:
    """Return borders between bins, about as many of the values that are not 0 in each."""
    values = values[values > 0]
    if bins == 1 or not len(values):
        return np.empty(0, dtype=np.int32)
    return np.unique(np.quantile(values, np.arange(bins) / bins).astype(np.int32))


def _encode_channel(field: _Field, channel: int) -> bytes:
    from constriction import stream

    weights, *fitted = _fitted(field, channel)
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


def _seen(field: _Field, channel: int, weights: np.ndarray) -> _Seen:
    lines = []
    for row, column in field.lines():
        around = field.around(row, column, channel)
        real = field.real[:, row + EDGE, column + EDGE, channel]
        lines.append((_expected(around, weights).ravel(), _unrest(around).ravel(), real.ravel()))
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


def _decode_channel(field: _Field, channel: int, content: bytes) -> None:
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
        expected = _expected(around, weights)
        which = contexts.tables(expected, _unrest(around)).ravel()
        order = np.argsort(which, kind="stable")
        values = np.empty(len(which), dtype=np.int16)
        for table, run in _runs(which[order]):
            values[order[run]] = drawn(coder, models[table], run.stop - run.start)
        values = values.reshape(expected.shape) + int(relative[0]) * expected
        field.real[:, row + EDGE, column + EDGE, channel] = values % 256
