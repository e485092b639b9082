"""Anomalous images above their reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images, to_unit
from isthmus.data.names import files_called
from isthmus.plots.strips import GAP, below, labelled_rows, titled

if TYPE_CHECKING:
    from PIL.Image import Image


COLUMNS = 10
"""Anomalous images in a row."""


def anomaly_rows(
    parts: Sequence[tuple[str, Images, np.ndarray | None, np.ndarray]], title: str
) -> Image:
    """Draw images above their reconstructions, with their scores and names, ten in a row.

    Parameters
    ----------
    parts : sequence of (name, images, reconstructions or None, scores)
        Each begins a new row.
    title : str
        Above everything.

    Examples
    --------
    >>> images = Images(np.random.default_rng(0).random((12, 8, 8)))
    >>> anomaly_rows([("Anomalous", images, np.asarray(images), np.arange(12))], "Twelve").size
    (662, 330)
    """
    from isthmus.plots.pixels import limits_of

    drawn = [to_unit(np.asarray(images)) for _, images, _, _ in parts]
    limits = limits_of(np.concatenate(drawn))
    strips = []
    for (name, images, backs, scores), pixels in zip(parts, drawn, strict=True):
        for start in range(0, len(images), COLUMNS):
            here = slice(start, start + COLUMNS)
            rows = {name: pixels[here]}
            if backs is not None:
                rows["Reconstructed"] = backs[here].reshape(rows[name].shape)
            heads = [f"{score:#.3g}" for score in scores[here]]
            called = files_called(images, range(len(images))[here])
            captions = {list(rows)[-1]: called} if any(called) else {}
            strips.append(labelled_rows(rows, heads=heads, captions=captions, limits=limits))
    return titled(below(strips, -GAP), title)
