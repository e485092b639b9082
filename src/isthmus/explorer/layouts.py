"""Layouts for the page: places within -1 and 1, and the way back to codes where it is linear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.latent.projections import around, components, spread
from isthmus.verbs.layouts import Map, grid_places

if TYPE_CHECKING:
    from isthmus.base import Representation

TITLES = {
    "code": "The latent dimensions",
    "pca": "Principal components",
    "grid": "Grid of the map",
    "tsne": "t-SNE",
    "umap": "UMAP",
}
EXTRA = ("tsne", "umap")
"""Layouts that take minutes: made when they are asked for."""


class Layout(NamedTuple):
    """Where images lie.

    Attributes
    ----------
    id : str
        One of `TITLES`.
    points : ndarray of float32 of shape (n, d)
        Within -1 and 1.
    inverse : dict or None
        ``mean`` and ``axes`` such that a place is the code ``mean + place @ axes``.
    """

    id: str
    points: np.ndarray
    inverse: dict[str, Any] | None


def within(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return points moved and scaled to lie within -1 and 1, their middle, and half their extent.

    All axes have the same scale, so that what is round stays round.

    Examples
    --------
    >>> within(np.array([[0.0, 1.0], [4.0, 3.0]]))[0].tolist()
    [[-1.0, -0.5], [1.0, 0.5]]
    """
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, float((high - low).max()) / 2 or 1.0
    return ((points - middle) / half).clip(-1, 1).astype(np.float32), middle, half


def linear(codes: np.ndarray, dimensions: int, invertible: bool = True) -> Layout | None:
    """Return codes in the plane or in space by their strongest axes; None where they have fewer.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    >>> found = linear(codes, 2)
    >>> back = found.inverse["mean"] + found.points @ np.array(found.inverse["axes"])
    >>> bool(np.abs(back - codes).max() < 1e-5)
    True
    """
    width = codes.shape[1]
    if width < dimensions and (width, dimensions) != (1, 2):
        return None
    if width <= dimensions:
        raw = spread(codes) if width == 1 else codes
        mean, axes = np.zeros(width), np.eye(dimensions, width)
    else:
        mean, axes = components(codes, dimensions)
        raw = (codes - mean) @ axes.T
    points, middle, half = within(raw)
    inverse = {"mean": (mean + middle @ axes).tolist(), "axes": (half * axes).tolist()}
    return Layout(
        "code" if width <= dimensions else "pca", points, inverse if invertible else None
    )


def on_grid(model: Representation, codes: np.ndarray) -> Layout:
    """Return images around their units on the grid of a self-organising map."""
    located = np.stack(np.divmod(codes, model.grid_[1]), 1)
    return Layout("grid", within(around(grid_places(model, located)))[0], None)


def neighbours(
    codes: np.ndarray, method: str, show: bool, is_over: Callable[[], bool] | None = None
) -> Layout:
    """Return codes laid out by t-SNE, which is left as it is when its time is over, or UMAP."""
    found = Map.of_codes(codes, method, verbose=show, is_over=is_over)
    return Layout(method, within(found.points)[0], None)
