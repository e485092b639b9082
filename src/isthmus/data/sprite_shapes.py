"""Shapes of sprites, drawn by their factors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from isthmus.data.values import ArrayLike

SIDE = 64
RADIUS = 16
"""Pixels from the centre of a sprite that it may reach: it never touches the edge."""
SHAPES = ["square", "ellipse", "heart"]
FACTORS = {
    "shape": np.arange(3),
    "scale": np.linspace(0.5, 1, 6),
    "orientation": np.linspace(0, 2 * np.pi, 40),
    "x": np.linspace(0, 1, 32),
    "y": np.linspace(0, 1, 32),
}
"""The values that every factor can have; images name them by their index."""
SIZES = tuple(map(len, FACTORS.values()))
N_SPRITES = math.prod(SIZES)
"""3 x 6 x 40 x 32 x 32 = 737,280."""


def render_sprites(factors: ArrayLike) -> np.ndarray:
    """Return the sprite of every row of factors, (n, 64, 64, 1) uint8, 255 on 0.

    Parameters
    ----------
    factors : array of int of shape (n, 5)
        Indices of shape (0 to 2), scale (0 to 5), orientation (0 to 39), x and y (0 to 31).
        `FACTORS` holds the values they stand for: orientations are counter-clockwise from 0 to
        2 pi, both included; x grows to the right and y downwards.

    Raises
    ------
    ValueError
        If there are not five factors, or one is out of its range.

    Examples
    --------
    >>> image = render_sprites([[0, 5, 0, 0, 31]])[0, ..., 0]  # a large square, below left
    >>> int(image[47, 16]), int(image[16, 47])
    (255, 0)
    """
    factors = np.atleast_2d(np.asarray(factors))
    if factors.ndim != 2 or factors.shape[1] != len(SIZES) or factors.dtype.kind not in "iu":
        raise ValueError(
            f"factors of shape {factors.shape} and type {factors.dtype}: expected whole numbers "
            f"(n, 5), the indices of {', '.join(FACTORS)}"
        )
    for name, size, column in zip(FACTORS, SIZES, factors.T, strict=True):
        if len(column) and not 0 <= column.min() <= column.max() < size:
            raise ValueError(
                f"{name} runs from {column.min()} to {column.max()}: expected 0 to {size - 1}"
            )
    out = np.zeros((len(factors), SIDE, SIDE, 1), np.uint8)
    stamp(out[..., 0], factors)
    return out


def stamp(out: np.ndarray, factors: np.ndarray) -> None:
    """Put the mask of every row of factors at its place in the images (n, 64, 64)."""
    shape, scale, orientation, x, y = factors.T
    kinds, kind = np.unique(
        np.ravel_multi_index((shape, scale, orientation), SIZES[:3]), return_inverse=True
    )
    masks = np.stack([_mask(*np.unravel_index(k, SIZES[:3])) for k in kinds])
    width = 2 * RADIUS + 1
    windows = np.lib.stride_tricks.sliding_window_view(out, (width, width), (1, 2), writeable=True)
    windows[np.arange(len(out)), y, x] = masks[kind]


def _mask(shape: int, scale: int, orientation: int) -> np.ndarray:
    """Return one sprite in the smallest frame that holds all, (33, 33): 255 inside, 0 outside."""
    angle, size = FACTORS["orientation"][orientation], RADIUS * FACTORS["scale"][scale]
    down, right = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1] / size
    u = right * np.cos(angle) - down * np.sin(angle)
    v = -(right * np.sin(angle) + down * np.cos(angle))  # upwards
    return INSIDE[SHAPES[shape]](u, v).astype(np.uint8) * np.uint8(255)


def _in_square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(abs(u), abs(v)) <= 0.67


def _in_ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u**2 + (2 * v) ** 2 <= 0.97**2


def _in_heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # the curve (x^2 + y^2 - 1)^3 = x^2 y^3, scaled into the unit circle and centred
    x, y = 1.3 * u, 1.3 * v + 0.2
    return (x**2 + y**2 - 1) ** 3 <= x**2 * y**3


INSIDE: dict[str, Any] = {"square": _in_square, "ellipse": _in_ellipse, "heart": _in_heart}
"""Whether points of the plane lie inside a shape that fits into the unit circle."""
