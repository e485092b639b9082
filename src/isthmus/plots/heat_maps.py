"""Tables of shares as heat maps, and pictures beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.plots.strips import PAPER

if TYPE_CHECKING:
    from PIL.Image import Image

CELL = 0.5
"""Inches of a cell."""
GAP = 24


def heat_map(
    shares: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str, unit: str = ""
) -> Image:
    """Draw shares, 0 to 1, in colours with their values: white where nothing is known.

    Examples
    --------
    >>> heat_map(np.eye(2), ["x", "y"], ["number 0", "number 1"], "A model").width > 100
    True
    """
    from isthmus.plots.plots import as_picture, chart

    height, width = shares.shape
    figure, axes = chart(width=2.2 + CELL * width, height=1.2 + CELL * height)
    axis = axes[0, 0]
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(width), columns, rotation=60, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(height), rows)
    axis.tick_params(length=0)
    for (row, column), value in np.ndenumerate(shares):
        if np.isfinite(value):
            ink = "white" if value > 0.6 else "black"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, size=8)
    if unit:
        axis.set_xlabel(unit)
    return as_picture(figure, title)


def beside(pictures: Sequence[Image]) -> Image:
    """Return pictures from left to right, their tops at one height.

    Examples
    --------
    >>> from PIL import Image
    >>> beside([Image.new("RGB", (10, 20)), Image.new("RGB", (30, 10))]).size
    (64, 20)
    """
    from PIL import Image

    width = sum(each.width + GAP for each in pictures) - GAP
    canvas = Image.new("RGB", (width, max(each.height for each in pictures)), PAPER)
    left = 0
    for each in pictures:
        canvas.paste(each.convert("RGB"), (left, 0))
        left += each.width + GAP
    return canvas
