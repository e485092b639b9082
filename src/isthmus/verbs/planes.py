"""Planes of codes: two latent dimensions, and a grid of points on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from isthmus.latent.codes import flattened
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model
from isthmus.verbs.within import Limit

Extent = tuple[float, float, float, float]
"""Lowest and highest first latent dimension, lowest and highest second."""

MARGIN = 0.1
"""Share of its width that a plane goes on beyond the outermost codes."""


def plane_codes(model: Model, images: ImagesLike, dims: tuple[int, int]) -> np.ndarray:
    """Return the codes of images, having checked that two numbers of them span a plane."""
    codes = flattened(model, model.encode(images))
    if codes.ndim != 2 or codes.shape[1] < 2:
        raise ValueError(
            f"{type(model).__name__} has codes of shape {codes.shape[1:]}: a territory needs two "
            "numbers an image, or more"
        )
    width = codes.shape[1]
    if len(dims) != 2 or dims[0] == dims[1] or not all(0 <= dim < width for dim in dims):
        raise ValueError(
            f"dims={tuple(dims)} must be two different ones of 0 to {width - 1}, the numbers of a "
            "code"
        )
    return codes


def code_for(start: ArrayLike, width: int) -> np.ndarray:
    """Return a code as an array, checked."""
    start = np.asarray(start, dtype=np.float32)
    if start.shape != (width,):
        raise ValueError(f"start of shape {start.shape} must be a code of {width} numbers")
    return start


def checked_extent(extent: Sequence[float]) -> Extent:
    """Return the sides of a rectangle, checked."""
    ends = np.asarray(extent, dtype=np.float64)
    if ends.shape != (4,) or not (ends[::2] < ends[1::2]).all():
        raise ValueError(
            f"extent={tuple(extent)} must be the lowest and highest first number, and the lowest "
            "and highest second"
        )
    return tuple(ends.tolist())


def extent_of(codes: ArrayLike, dims: tuple[int, int] = (0, 1), margin: float = MARGIN) -> Extent:
    """Return the rectangle that holds all codes in two of their numbers, and a margin.

    The margin is a share of the range of the codes, on every side.

    Examples
    --------
    >>> extent_of([[0.0, 0.0], [10.0, 1.0]])
    (-1.0, 11.0, -0.1, 1.1)
    """
    codes = np.asarray(codes, dtype=np.float64)[:, list(dims)]
    low, high = codes.min(0), codes.max(0)
    edge = margin * np.maximum(high - low, 1e-6)
    x, y = np.column_stack([low - edge, high + edge]).tolist()
    return (*x, *y)


def grid(
    start: ArrayLike, extent: Extent, resolution: int, dims: tuple[int, int] = (0, 1)
) -> np.ndarray:
    """Return codes (resolution^2, k): a grid in two of the numbers, the others as in `start`.

    They are in the order in which pictures are laid out: from left to right, then downwards, the
    second number being highest on top.

    Examples
    --------
    >>> grid([0.0, 0.0, 7.0], (0, 1, 2, 3), 2).tolist()
    [[0.0, 3.0, 7.0], [1.0, 3.0, 7.0], [0.0, 2.0, 7.0], [1.0, 2.0, 7.0]]
    """
    x, y = np.linspace(*extent[:2], resolution), np.linspace(*extent[2:], resolution)[::-1]
    codes = np.tile(np.asarray(start, dtype=np.float32), (resolution**2, 1))
    codes[:, dims[0]], codes[:, dims[1]] = np.tile(x, resolution), np.repeat(y, resolution)
    return codes


TIMED = 16
"""Points a side that are timed to tell how many there is time for."""


def side_within(limit: Limit, side: int, work: Callable[[int], Any]) -> int:
    """Return up to how many points a side there is time for `work`, with half of the time left."""
    if side <= TIMED:
        return side
    points = limit.most(lambda few: work(math.isqrt(few)), TIMED**2) / 2
    most = max(2, int(min(side, points**0.5)))
    if most < side:
        limit.tell(f"there is time for {most}x{most} of {side}x{side} points")
    return most
