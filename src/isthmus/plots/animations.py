"""Animations: walks through codes as pictures that move: GIF, WebP, APNG, or a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.figures import LARGEST, on_background, scale_for, sheet, shortened
from isthmus.plots.fonts import font_for
from isthmus.plots.pixels import Limits, limits_of
from isthmus.plots.strips import HEAD_SIZE, INK, PAPER, titled
from isthmus.plots.videos import CODECS, save_video

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = (".gif", ".webp", ".apng", *CODECS)
STEP_MS, REST_MS = 110, 500
"""How long a step is seen, and either end of the way."""
NARROWEST = 420
"""Pixels that there are for the name of a step, at least."""
COLOURS = 256
"""Of a GIF of coloured images; letters and grey values need a quarter of them."""


def frames(
    rows: Mapping[str, Any],
    title: str = "",
    columns: int | None = None,
    *,
    limits: Limits | None = None,
    heads: Sequence[str] = (),
    scale: float | None = None,
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
    heads : sequence of str
        What a step is called, below its images; "" if it is between two that are called somehow.
    scale : float, optional
        See `isthmus.plots.sheet`.

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
    scale = scale or _scale(steps.shape[2:])
    names = [name.replace("\n", ", ") for name in rows]
    sheets = (sheet(step, columns, captions=names, limits=limits, scale=scale) for step in steps)
    drawn = [on_background(each, PAPER) for each in sheets]
    if any(heads):
        drawn = [_called(*pair) for pair in zip(drawn, spelled_out(heads), strict=True)]
    return [titled(each, title) for each in drawn]


def spelled_out(heads: Sequence[str]) -> list[str]:
    """Return what every step is called: of one between two others how far it is from the first.

    Examples
    --------
    >>> spelled_out(["a", "", "b", "c"])
    ['a', 'a → b, 50 %', 'b', 'c']
    """
    known = [step for step, head in enumerate(heads) if head]
    said = list(heads)
    for first, last in pairwise(known):
        for step in range(first + 1, last):
            share = (step - first) / (last - first)
            said[step] = f"{heads[first]} → {heads[last]}, {share:.0%}".replace("%", " %")
    return said


def _called(picture: Image, text: str) -> Image:
    """Return a picture with a line of text below it."""
    from PIL import Image, ImageDraw

    font = font_for(HEAD_SIZE, [text])
    width = max(picture.width, NARROWEST)
    canvas = Image.new("RGBA", (width, picture.height + HEAD_SIZE + 8), PAPER)
    canvas.paste(picture, (0, 0))
    place = (0, picture.height + 2)
    ImageDraw.Draw(canvas).text(place, shortened(text, font, width), fill=INK, font=font)
    return canvas


def _scale(shape: tuple[int, ...]) -> float:
    """Return a factor by which names have room below an image."""
    if len(shape) == 1:
        return scale_for(32, 32)
    h, w = shape[:2]
    return max(scale_for(h, w), LARGEST // max(h, w))


def save_frames(path: Path, pictures: Sequence[Image], *, back: bool = True) -> None:
    """Write pictures as one animation, by the suffix of `path`; see `KINDS`.

    All but videos begin anew without end.

    Parameters
    ----------
    path : Path
        Where to write.
    pictures : sequence of Image
        The steps.
    back : bool
        Walk back as well, so that the end meets the beginning.
    """
    times = [REST_MS, *[STEP_MS] * (len(pictures) - 2), REST_MS][: len(pictures)]
    pictures = [*pictures, *(pictures[-2:0:-1] if back else [])]
    times = [*times, *[STEP_MS] * (len(pictures) - len(times))]
    if path.suffix in CODECS:
        save_video(path, pictures, times)
        return
    options: dict[str, Any] = {"save_all": True, "duration": times, "loop": 0}
    if path.suffix == ".gif":
        pictures = _in_one_palette(pictures)
        options |= {"optimize": True}
    elif path.suffix == ".webp":
        options |= {"quality": 85}
    pictures[0].save(path, append_images=pictures[1:], **options)


def _in_one_palette(pictures: Sequence[Image]) -> list[Image]:
    """Return pictures in the same few colours: those of the first, the middle and the last."""
    from PIL import Image

    some = [np.asarray(pictures[i].convert("RGB")) for i in (0, len(pictures) // 2, -1)]
    grey = all(np.ptp(pixels, axis=2).max() == 0 for pixels in some)
    together = Image.fromarray(np.concatenate(some))
    shared = together.quantize(COLOURS // 4 if grey else COLOURS)
    return [each.quantize(palette=shared, dither=Image.Dither.NONE) for each in pictures]
