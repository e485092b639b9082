"""Maps of three dimensions, seen from two sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.values import Pixels
from isthmus.plots.maps import draw

if TYPE_CHECKING:
    from PIL.Image import Image


AZIMUTHS, ELEVATION = (-60, 30), 22
"""Degrees from which a layout in space is seen."""


def draw_space(
    points: np.ndarray,
    images: Pixels,
    size: int = 700,
    *,
    colours: Sequence[str] | None = None,
    behind: np.ndarray | None = None,
    **options: Any,
) -> Image:
    """Draw a layout in space (n, 3) as seen from two sides, a quarter turn apart.

    Parameters
    ----------
    points : array of shape (n, 3)
        Where every image belongs.
    images : array of shape (n, h, w), (n, h, w, c) or (n, d)
        What to draw there.
    size : int
        Width of either view in pixels.
    colours, behind, **options
        See `draw`; `behind` is (m, 3) here.

    Examples
    --------
    >>> draw_space([[0, 0, 0], [1, 1, 1]], np.zeros((2, 8, 8)), size=200).size
    (412, 200)
    """
    from PIL import Image

    points = np.asarray(points, dtype=float)
    views = []
    for azimuth in AZIMUTHS:
        near = np.argsort(depth(points, azimuth), kind="stable")  # the nearest are drawn last
        turned: dict[str, Any] = {"behind": None if behind is None else seen_from(behind, azimuth)}
        turned["colours"] = None if colours is None else [colours[i] for i in near]
        shown = np.asarray(images)[near]
        views.append(draw(seen_from(points[near], azimuth), shown, size=size, **turned, **options))
    height, gap = max(view.height for view in views), 12
    canvas = Image.new("RGBA", (2 * size + gap, height), (255, 255, 255, 0))
    for i, view in enumerate(views):
        canvas.paste(view, (i * (size + gap), (height - view.height) // 2))
    return canvas


def _axes(azimuth: float) -> np.ndarray:
    """Return the directions to the right, upwards and towards the eye, as rows."""
    turn, rise = math.radians(azimuth), math.radians(ELEVATION)
    across = [-math.sin(turn), math.cos(turn), 0.0]
    outwards = [math.cos(turn) * math.cos(rise), math.sin(turn) * math.cos(rise), math.sin(rise)]
    return np.array([across, np.cross(outwards, across), outwards])


def seen_from(points: np.ndarray, azimuth: float) -> np.ndarray:
    """Return points in space as they are seen from a side, (n, 2).

    Examples
    --------
    >>> seen_from([[0.0, 1.0, 0.0]], 0).round(6).tolist()
    [[1.0, 0.0]]
    """
    seen: np.ndarray = np.asarray(points) @ _axes(azimuth)[:2].T
    return seen


def depth(points: np.ndarray, azimuth: float) -> np.ndarray:
    """Return how near points in space are to the eye."""
    far: np.ndarray = np.asarray(points) @ _axes(azimuth)[2]
    return far
