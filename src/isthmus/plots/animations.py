"""Animations: walks through codes as pictures that move, GIF or WebP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.figures import LARGEST, Limits, limits_of, on_background, scale_for, sheet
from isthmus.plots.strips import PAPER, titled

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = (".gif", ".webp")
STEP_MS, REST_MS = 110, 500
"""How long a step is seen, and either end of the way."""


def frames(
    rows: Mapping[str, Any],
    title: str = "",
    columns: int | None = None,
    *,
    limits: Limits | None = None,
) -> list[Image]:
    """Return one picture for every step, in which every row is one image with its name below it.

    Parameters
    ----------
    rows : dict of str to array of shape (steps, h, w), (steps, h, w, c) or (steps, d)
        Ways that are walked at the same time, all of one length and one size.
    title : str
        Above all.
    columns : int, optional
        Images beside each other.
    limits : (low, high), optional
        Values drawn darkest and brightest; by default those of all rows.

    Raises
    ------
    ValueError
        If there is nothing to draw, or the rows are not of one shape.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((5, 8, 8))
    >>> moving = frames({"there": images, "back": images[::-1]}, "Two ways")
    >>> len(moving), moving[0].size
    (5, (284, 193))
    """
    shapes = {np.shape(row) for row in rows.values()}
    if len(shapes) != 1 or 0 in next(iter(shapes)):
        listed = ", ".join(f"{name} {np.shape(row)}" for name, row in rows.items()) or "none"
        raise ValueError(f"ways of one shape are needed, and none empty; got {listed}")
    steps = np.stack([np.asarray(row) for row in rows.values()], axis=1)
    limits = limits_of(steps.reshape(-1, *steps.shape[2:])) if limits is None else limits
    scale = _scale(steps.shape[2:])
    names = [name.replace("\n", ", ") for name in rows]
    return [
        titled(
            on_background(sheet(step, columns, captions=names, limits=limits, scale=scale), PAPER),
            title,
        )
        for step in steps
    ]


def _scale(shape: tuple[int, ...]) -> float:
    """Return a factor by which names have room below an image."""
    if len(shape) == 1:
        return scale_for(32, 32)
    h, w = shape[:2]
    return max(scale_for(h, w), LARGEST // max(h, w))


def save_frames(path: Path, pictures: Sequence[Image], *, back: bool = True) -> None:
    """Write pictures as one animation without end, by the suffix of `path`: GIF or WebP.

    Parameters
    ----------
    path : Path
        Where to write.
    pictures : sequence of Image
        The steps.
    back : bool
        Walk back as well, so that the end meets the beginning.
    """
    from PIL import Image

    times = [REST_MS, *[STEP_MS] * (len(pictures) - 2), REST_MS][: len(pictures)]
    pictures = [*pictures, *(pictures[-2:0:-1] if back else [])]
    times = [*times, *[STEP_MS] * (len(pictures) - len(times))]
    options: dict[str, Any] = {"save_all": True, "duration": times, "loop": 0}
    if path.suffix == ".gif":
        shared = pictures[0].quantize(64)
        pictures = [
            picture.quantize(palette=shared, dither=Image.Dither.NONE) for picture in pictures
        ]
        options |= {"optimize": True}
    else:
        options |= {"quality": 85}
    pictures[0].save(path, append_images=pictures[1:], **options)
