"""Whole numbers to bytes and back: tables of integer probabilities, and a range coder.

Every column of symbols has a table of its own, which is stored with it: counts that add up to a
power of two, or, where there are too few symbols to pay for counts, the width of a bell. Both are
made of sums, products and quotients only, so that they are the same to the last bit on every
machine.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.codec.container import packed, unpacked

if TYPE_CHECKING:
    from isthmus.base import Representation

TOTAL = 2**14
"""What the counts of a table add up to."""
MOST_SYMBOLS = 2**12
"""Symbols between the least and the greatest of a column, at most."""
COUNTED = 255
"""In place of the width of a bell: the table is counted."""
WIDTHS = tuple(
    2.0 ** (step // 4) * (1, 1.1892, 1.4142, 1.6818)[step % 4] for step in range(-8, 48)
)
"""Of the bells that a table can be, in steps of a quarter octave."""


def encoded(symbols: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Return integer symbols (n, k) as bytes, and how many bits the k of each row take.

    The bytes are a table for every column, and the coded symbols.

    Raises
    ------
    ValueError
        If a column has symbols too far apart.

    Examples
    --------
    >>> symbols = np.random.default_rng(0).integers(-3, 4, (1000, 2))
    >>> content, bits = encoded(symbols)
    >>> bool((decoded(content, 1000, 2) == symbols).all()), len(content) < 1000
    (True, True)
    >>> bool(0 < 8 * len(content) - bits.sum() < 500)
    True
    """
    from constriction import stream

    low = symbols.min(0)
    sizes = symbols.max(0) - low + 1
    if sizes.max(initial=1) > MOST_SYMBOLS:
        raise ValueError(
            f"codes would be rounded to {sizes.max():,} different values, more than "
            f"{MOST_SYMBOLS:,}: ask for a lower quality"
        )
    coder, widths, counts, bits = stream.queue.RangeEncoder(), [], [], np.zeros(len(symbols))
    for column, start, size in zip(symbols.T, low, sizes, strict=True):
        seen = np.bincount(column - start, minlength=size)
        width, table = _cheapest(seen, int(start))
        widths.append(width)
        counts += [table] if width == COUNTED else []
        coder.encode((column - start).astype(np.int32), model_of(table))
        bits -= np.log2(table / TOTAL, where=table > 0, out=np.zeros(size))[column - start]
    tables = packed(
        low.astype("<i4"),
        sizes.astype("<u2"),
        np.array(widths, dtype="u1"),
        np.concatenate([*counts, []]).astype("<u2"),
    )
    return packed(np.frombuffer(zlib.compress(tables, 9), "u1"), coder.get_compressed()), bits


def decoded(content: bytes, n: int, k: int) -> np.ndarray:
    """Return the symbols (n, k) of the bytes that `encoded` made of them.

    Raises
    ------
    ValueError
        If the bytes are not of so many symbols.
    """
    from constriction import stream

    tables, coded = unpacked(content, "u1", "<u4")
    low, sizes, widths, counts = unpacked(inflated(tables.tobytes()), "<i4", "<u2", "u1", "<u2")
    if not len(low) == len(sizes) == len(widths) == k or sizes.max(initial=0) > MOST_SYMBOLS:
        raise ValueError(f"{len(low)} tables for {k} columns")
    if sizes.min(initial=1) < 1:
        raise ValueError("a table of no symbols")
    coder, symbols = stream.queue.RangeDecoder(np.array(coded)), np.empty((n, k), dtype=np.int64)
    for column, (start, size, width) in enumerate(zip(low, sizes, widths, strict=True)):
        if width == COUNTED:
            table, counts = counts[:size], counts[size:]
        else:
            table = _bell(int(start), int(size), int(width))
        if len(table) != size:
            raise ValueError("a table of probabilities is incomplete")
        symbols[:, column] = drawn(coder, model_of(table), n)
        symbols[:, column] += start
    return symbols


def inflated(content: bytes, most: int = 2**26) -> bytes:
    """Return zlib's bytes as they were, up to this many of them."""
    try:
        return zlib.decompressobj().decompress(content, most)
    except zlib.error as error:
        raise ValueError(f"a section cannot be read ({error})") from None


def drawn(coder: Any, model: Representation | None, n: int) -> np.ndarray:
    """Return the next n symbols of a decoder."""
    if model is None:
        raise ValueError("the coded symbols need a table that is not there")
    try:
        return coder.decode(model, n)
    except AssertionError as error:  # what constriction raises for bytes nobody encoded
        raise ValueError(f"the coded symbols cannot be read ({error})") from None


def shares_of(counts: np.ndarray, total: int = TOTAL) -> np.ndarray:
    """Return counts scaled to add up to `total`; what occurs at all keeps at least 1.

    Examples
    --------
    >>> shares_of(np.array([1, 0, 999_999]))
    array([    1,     0, 16383])
    """
    shares = counts * total // max(1, int(counts.sum()))
    shares[(shares == 0) & (counts > 0)] = 1
    while (wrong := total - int(shares.sum())) != 0:
        largest = np.argsort(-shares, kind="stable")[: abs(wrong)]
        movable = largest if wrong > 0 else largest[shares[largest] > 1]
        shares[movable] += np.sign(wrong)
    return shares


def model_of(table: np.ndarray) -> Any:
    """Return the coder's model of a table, which must add up to `TOTAL`."""
    from constriction import stream

    if int(table.sum(dtype=np.int64)) != TOTAL:
        raise ValueError("a table of probabilities does not add up")
    if len(table) == 1:  # the coder wants at least two symbols
        table = np.array([table[0], 0])
    # exact in floating point: whole numbers over a power of two
    return stream.model.Categorical(table.astype(np.float64) / float(TOTAL), perfect=False)


def _cheapest(seen: np.ndarray, low: int) -> tuple[int, np.ndarray]:
    """Return the width of the bell, or `COUNTED`, and the table of the fewest bytes in all."""
    counted = shares_of(seen)
    stored = 16 * int(np.count_nonzero(seen)) + 2 * len(seen)
    best = _bits(seen, counted) + stored, COUNTED, counted
    middle = np.arange(len(seen)) + low
    spread = float(np.sqrt((seen * middle.astype(float) ** 2).sum() / seen.sum()))
    guess = int(np.searchsorted(WIDTHS, spread))
    for width in range(max(0, guess - 3), min(len(WIDTHS), guess + 2)):
        bell = _bell(low, len(seen), width)
        bits = _bits(seen, bell)
        if bits < best[0]:
            best = bits, width, bell
    return best[1], best[2]


def _bits(seen: np.ndarray, table: np.ndarray) -> float:
    used = seen > 0
    return float(-(seen[used] * np.log2(table[used] / TOTAL)).sum())


def _bell(low: int, size: int, width: int) -> np.ndarray:
    """Return the table of Student's t with 7 degrees of freedom: a bell without exponentials."""
    if not 0 <= width < len(WIDTHS):
        raise ValueError("a table of probabilities has no such width")
    far = (np.arange(size) + low) / WIDTHS[width]
    height = 1 / (1 + far * far / 7) ** 2
    height = height * height
    return shares_of(1 + np.floor(height / math.fsum(height) * 2**20).astype(np.int64))
