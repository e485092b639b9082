"""What a pixel is expected to be: weights on what surrounds it, real and decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

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

FITTED = 300_000
"""Pixels that the weights are fitted to, about."""

EDGE = 2
"""Pixels of padding, so that every neighbour exists."""


@dataclass
class Field:
    """Pixels and decoded pixels, (n, h + 2 EDGE, w + 2 EDGE, c), zero around the images."""

    real: np.ndarray
    decoded: np.ndarray

    @classmethod
    def empty(cls, levels: np.ndarray) -> Field:
        """Return decoded pixels whose real ones are not known yet."""
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


def expected_of(around: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted sum of what surrounds pixels, as 0 to 255."""
    # whole numbers below 2^53 are exact in floating point, whatever the order of the sum
    total = around.astype(np.float64) @ weights.astype(np.float64)
    return np.clip(np.floor((total + UNIT // 2) / UNIT), 0, 255).astype(np.int16)


def unrest_of(around: np.ndarray) -> np.ndarray:
    """Return how much the pixels around one differ among themselves."""
    total = np.zeros(around.shape[:-1], dtype=np.int32)
    for one, other in UNREST:
        total += np.abs(around[..., one] - around[..., other])
    return total


def fitted_to(field: Field, channel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whole-number weights, and expectation and unrest of the pixels they are fitted to."""
    rows, columns = field.places
    n = min(len(field.real), max(1, FITTED // len(rows)))
    chosen = np.linspace(0, len(field.real) - 1, n).astype(int)
    part = Field(field.real[chosen], field.decoded[chosen])
    around = part.around(rows, columns, channel)
    wanted = part.real[:, rows + EDGE, columns + EDGE, channel].astype(np.float64).ravel()
    features = around.reshape(len(wanted), -1).astype(np.float64)
    ridge = 1e-3 * len(wanted) * np.eye(features.shape[1])
    weights = np.linalg.solve(features.T @ features + ridge, features.T @ wanted)
    weights = np.clip(np.rint(weights * UNIT), -(2**19), 2**19).astype(np.int32)
    return weights, expected_of(around, weights), unrest_of(around)
