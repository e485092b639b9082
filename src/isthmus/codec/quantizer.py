"""How coarsely a code is rounded: the directions that matter, and one step for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.codec.container import packed, unpacked

DECODES = 4096
"""Images decoded to measure the decoder's slopes, about; from 8 to 64 codes are nudged so."""
NUDGE = 0.25
"""How far codes are moved for that, in deviations."""
ROTATED_FROM = 16
"""Images per latent dimension from which a rotation is worth its place in the file."""


@dataclass(frozen=True)
class Quantizer:
    r"""Codes to whole numbers and back: :math:`q = [A (z - m)]`, :math:`\hat z = m + B q`.

    Parameters
    ----------
    middle : ndarray of shape (k,)
        The code that rounds to zeros.
    basis : ndarray of shape (r, k) or (k,)
        The rows of B^T: what one unit of each of r numbers adds to a code; one step a number where
        directions are those of the code itself, 0 for a number that is left out.
    scale : float
        What the basis is to be multiplied by: half precision has no room for very large numbers.
    """

    middle: np.ndarray
    basis: np.ndarray
    scale: float = 1.0

    @property
    def columns(self) -> int:
        """How many whole numbers a code is rounded to."""
        return len(self.basis)

    @property
    def _directions(self) -> np.ndarray:
        return self.basis.astype(np.float64) * self.scale

    def rounded(self, codes: np.ndarray) -> np.ndarray:
        """Return the whole numbers of codes (n, k)."""
        return np.rint(self.scaled(codes)).astype(np.int64)

    def scaled(self, codes: np.ndarray) -> np.ndarray:
        """Return the numbers that are rounded."""
        centred = codes.astype(np.float64) - self.middle
        if self.basis.ndim == 1:
            steps = self._directions
            return np.divide(centred, steps, out=np.zeros_like(centred), where=steps > 0)
        return centred @ np.linalg.pinv(self._directions)

    def codes(self, rounded: np.ndarray) -> np.ndarray:
        """Return the codes (n, k) of whole numbers, the same to the last bit on every machine."""
        middle, basis = self.middle.astype(np.float64), self._directions
        if basis.ndim == 1:
            return (middle + rounded * basis).astype(np.float32)
        codes = np.tile(middle, (len(rounded), 1))
        for column, direction in zip(rounded.T, basis, strict=True):
            codes += column[:, None] * direction  # a matrix product adds up in an order of its own
        return codes.astype(np.float32)

    def to_bytes(self) -> bytes:
        """Return the quantizer as bytes."""
        rows = len(self.basis) if self.basis.ndim == 2 else 0
        return packed(
            self.middle.astype("<f4"),
            self.basis.astype("<f2").ravel(),
            np.array([self.scale], dtype="<f4"),
            np.array([rows], dtype="<u4"),
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Quantizer:
        """Return the quantizer that `to_bytes` made bytes of."""
        middle, basis, scale, rows = unpacked(content, "<f4", "<f2", "<f4", "<u4")
        if len(scale) != 1 or len(rows) != 1 or len(basis) != len(middle) * max(1, int(rows[0])):
            raise ValueError("its quantizer is incomplete")
        if not all(np.isfinite(values).all() for values in (middle, basis, scale)):
            raise ValueError("its quantizer is not finite")
        shape = (int(rows[0]), len(middle)) if rows[0] else (len(middle),)
        return cls(middle, basis.reshape(shape), float(scale[0]))


@dataclass(frozen=True)
class Directions:
    """Directions in the space of codes in which a unit changes images by as much in each."""

    middle: np.ndarray
    basis: np.ndarray

    def with_step(self, step: float) -> Quantizer:
        """Return the quantizer that rounds by `step`, the root mean square change of a pixel."""
        scale = np.float32(step * np.abs(self.basis).max(initial=1e-30))
        basis = (step * self.basis / scale).astype(np.float16)
        return Quantizer(self.middle.astype(np.float32), basis, float(scale))


def directions_of(
    codes: np.ndarray,
    decode: Callable[[np.ndarray], np.ndarray],
    n_images: int,
    decodes: int = DECODES,
) -> Directions:
    r"""Return directions of the code that are uncorrelated and matter alike.

    With the slopes J of the decoder and the covariance S of codes, images change by
    :math:`\delta^T M \delta`, :math:`M = E[J^T J]`, and rounding :math:`M^{1/2} z` turned to its
    principal axes by one step spends the fewest bits for an error (Karhunen and Loeve). For few
    images the rotation costs more than it saves, and numbers only get a step each.

    Parameters
    ----------
    codes : ndarray of shape (n, k)
        Codes that stand for all.
    decode : callable
        From codes to images.
    n_images : int
        How many images will share the rotation.
    decodes : int
        Images decoded to measure the decoder's slopes, about.

    References
    ----------
    A. Gersho and R. Gray, Vector quantization and signal compression, 1992 (transform coding).
    """
    middle, spread = codes.mean(0, dtype=np.float64), codes.std(0, dtype=np.float64)
    metric = _metric(codes, spread, decode, decodes)
    if n_images < ROTATED_FROM * codes.shape[1]:
        slope = np.sqrt(np.diag(metric))
        # a number that never changes here may do so elsewhere, and costs nothing where it does not
        moves = slope * np.where(spread > 0, spread, 1.0) > 1e-9
        return Directions(middle, np.divide(1, slope, out=np.zeros_like(slope), where=moves))
    strength, axes = np.linalg.eigh(metric)
    matters = strength > 1e-12 * max(strength[-1], 1e-30)
    root, axes = np.sqrt(strength[matters]), axes[:, matters]
    whitened = (codes - middle) @ axes * root  # distances between these are distances of images
    _, turned = np.linalg.eigh(np.cov(whitened.T).reshape(len(root), len(root)))
    return Directions(middle, (axes / root @ turned[:, ::-1]).T)


def _metric(
    codes: np.ndarray, spread: np.ndarray, decode: Callable[..., Any], decodes: int
) -> np.ndarray:
    """Return M (k, k): mean squared changes of a pixel for a unit's change of pairs of numbers."""
    k = codes.shape[1]
    count = min(64, max(8, decodes // (2 * k)), len(codes))
    probes = codes[np.linspace(0, len(codes) - 1, count).astype(int)]
    nudges = np.where(spread > 0, NUDGE * spread, 1.0)
    metric = np.zeros((k, k))
    for probe in probes:
        moved = np.repeat(probe[None], 2 * k, 0).astype(np.float64)
        moved[np.arange(k), np.arange(k)] += nudges
        moved[k + np.arange(k), np.arange(k)] -= nudges
        images = np.asarray(decode(moved.astype(codes.dtype)), dtype=np.float64).reshape(2 * k, -1)
        slopes = (images[:k] - images[k:]) / (2 * nudges[:, None])
        metric += slopes @ slopes.T / slopes.shape[1]
    return metric / len(probes)


def largest_step(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return the largest step for which something still holds, to a few percent.

    Parameters
    ----------
    holds : callable
        Whether it does; it holds for all steps below one that it holds for.
    low, high : float
        Where to look; `low` is returned if it holds nowhere.
    """
    low, high = np.log2(low), np.log2(high)
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(float(2**middle)) else (low, middle)
    return float(2**low)


def entropy(symbols: np.ndarray) -> float:
    """Return the bits that a symbol of (n, k) costs, every column by its own histogram.

    Examples
    --------
    >>> entropy(np.array([[0, 1], [0, 2], [0, 1], [0, 2]]))
    0.5
    """
    bits = 0.0
    for column in symbols.T:
        _, counts = np.unique(column, return_counts=True)
        bits -= float((counts * np.log2(counts / len(column))).sum())
    return bits / symbols.size
