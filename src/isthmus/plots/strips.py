"""Rows of images with their names at the left and a title above, on white, ready for a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.figures import on_background, resize, scale_for, shortened
from isthmus.plots.fonts import font_for
from isthmus.plots.pixels import Limits, limits_of, to_pixels

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from isthmus.plots.fonts import Font

INK, PAPER = "#222222", "#ffffff"
TITLE_SIZE, NAME_SIZE, HEAD_SIZE = 16, 13, 12
MARGIN, GAP = 12, 4
NAME_WIDTH, CAPTION_WIDTH = 220, 112
"""Pixels that names of rows, and captions, may be wide; longer ones lose their middle."""


def labelled_rows(
    rows: Mapping[str, Any],
    title: str = "",
    columns: int | None = None,
    *,
    heads: Sequence[str] = (),
    captions: Mapping[str, Sequence[str]] | None = None,
    scale: float | None = None,
    limits: Limits | None = None,
    signed: bool = False,
) -> Image:
    """Draw rows of images that are to be compared: each with its name, all with one title.

    Parameters
    ----------
    rows : dict of str to array of shape (n, h, w), (n, h, w, c) or (n, d)
        The images of every row, by its name; all of one size.
    title : str
        What is to be seen, over all.
    columns : int, optional
        Up to this many images of a row are drawn.
    heads : sequence of str
        A name for every column.
    captions : dict of str to sequence of str, optional
        A short text under every image of a row, by its name, of a line or more.
    scale : float, optional
        See `isthmus.plots.sheet`.
    limits : (low, high), optional
        Values drawn darkest and brightest in every row; by default those of the first row.
    signed : bool
        Centre the colours on zero, image by image.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
        If there is nothing to draw, or the images of the rows differ in size.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((5, 8, 8))
    >>> labelled_rows({"Originals": images, "Halved": images / 2}, "Digits").size
    (343, 150)
    """
    drawn = {name: np.asarray(images)[:columns] for name, images in rows.items()}
    _check(drawn)
    if limits is None and not signed:
        limits = limits_of(next(iter(drawn.values())))
    tiles = {name: to_pixels(row, limits, signed=signed) for name, row in drawn.items()}
    first = next(iter(tiles.values()))
    scale = scale_for(*first.shape[1:3]) if scale is None else scale
    tiles = {name: resize(row, scale) for name, row in tiles.items()}
    return titled(_laid_out(tiles, list(heads), captions or {}), title)


def _check(rows: Mapping[str, np.ndarray]) -> None:
    shapes = {row.shape[1:3] for row in rows.values()}
    if len(shapes) != 1 or not all(map(len, rows.values())):
        sizes = ", ".join(f"{name} {row.shape}" for name, row in rows.items()) or "none"
        raise ValueError(f"rows of images of one size are needed, and none empty; got {sizes}")


def _laid_out(
    tiles: Mapping[str, np.ndarray], heads: list[str], captions: Mapping[str, Sequence[str]]
) -> Image:
    from PIL import Image, ImageDraw

    _, h, w, _ = next(iter(tiles.values())).shape
    texts = [*tiles, *heads, *(text for row in captions.values() for text in row)]
    font, small = (font_for(size, "".join(texts).split("\n")) for size in (NAME_SIZE, HEAD_SIZE))
    names = [[shortened(line, font, NAME_WIDTH) for line in name.split("\n")] for name in tiles]
    left = max(round(font.getlength(line)) for lines in names for line in lines) + 10
    top = HEAD_SIZE + 6 if heads else 0
    under = [[text.split("\n") for text in captions.get(name, ())] for name in tiles]
    below = (HEAD_SIZE + 4) * max((len(lines) for row in under for lines in row), default=0)
    pitch = max(h + below, max(map(len, names)) * (NAME_SIZE + 3)) + GAP
    step = _step(w, [line for row in under for lines in row for line in lines], small)
    most = max(map(len, tiles.values()))
    middles = [left + column * step + w / 2 for column in range(max(most, len(heads)))]
    middles = [middle + (step - GAP - w) / 2 for middle in middles]
    width = left + most * step - GAP
    heads = _without_touching(heads, step, small)
    for middle, head in zip(middles, heads, strict=False):  # a long last one needs room beside it
        width = max(width, math.ceil(middle + small.getlength(head) / 2))
    canvas = Image.new("RGBA", (width, top + len(tiles) * pitch - GAP), PAPER)
    pen = ImageDraw.Draw(canvas)
    _write_row(pen, zip(middles, heads, strict=False), HEAD_SIZE, small)
    for i, (lines, row) in enumerate(zip(names, tiles.values(), strict=True)):
        y = top + i * pitch
        _write(pen, lines, (left - 10, y + (pitch - GAP - below) / 2), font)
        for middle, tile in zip(middles, row, strict=False):
            canvas.alpha_composite(Image.fromarray(tile), (round(middle - w / 2), y))
        for middle, several in zip(middles, under[i], strict=False):
            for k, text in enumerate(several):
                place = middle, shortened(text, small, step - GAP)
                _write_row(pen, [place], y + h + HEAD_SIZE + k * (HEAD_SIZE + 4), small)
    return canvas


def _step(w: int, captions: Sequence[str], font: Font) -> int:
    """Return how far columns are apart: captions may take more room than their images, if little.

    What is longer still is shortened.
    """
    longest = max((math.ceil(font.getlength(text)) for text in captions), default=0)
    return max(w, min(longest + GAP, CAPTION_WIDTH)) + GAP


def _without_touching(heads: list[str], step: int, font: Font) -> list[str]:
    """Return heads shortened where they would reach over another."""
    used = [column for column, head in enumerate(heads) if head]
    apart = min((b - a for a, b in pairwise(used)), default=0)
    return [shortened(head, font, apart * step - GAP) if apart else head for head in heads]


def _write_row(
    pen: ImageDraw, texts: Iterable[tuple[float, str]], height: int, font: Font
) -> None:
    """Write texts on one line, each about its middle."""
    for middle, text in texts:
        pen.text((middle, height), text, fill=INK, font=font, anchor="ms")


def _write(pen: ImageDraw, lines: list[str], place: tuple[float, float], font: Font) -> None:
    """Write lines of text that end at `place`, their middle on its height."""
    for i, line in enumerate(lines):
        height = place[1] + (i - (len(lines) - 1) / 2) * (NAME_SIZE + 3)
        pen.text((place[0], height), line, fill=INK, font=font, anchor="rm")


def titled(picture: Image, title: str) -> Image:
    """Return a picture on white, with a margin and a title above it.

    Examples
    --------
    >>> from PIL import Image
    >>> titled(Image.new("RGB", (500, 100)), "A black bar").size
    (524, 150)
    """
    from PIL import Image, ImageDraw

    font = font_for(TITLE_SIZE, [title])
    lines = _wrapped(title, font, max(picture.width, 420)) if title else []
    top = MARGIN + len(lines) * (TITLE_SIZE + 6) + (4 if lines else 0)
    width = max(picture.width, *(round(font.getlength(line)) for line in lines), 1) + 2 * MARGIN
    canvas = Image.new("RGBA", (width, top + picture.height + MARGIN), PAPER)
    pen = ImageDraw.Draw(canvas)
    for i, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + i * (TITLE_SIZE + 6)), line, fill=INK, font=font)
    canvas.paste(on_background(picture.convert("RGBA"), PAPER), (MARGIN, top))
    return canvas.convert("RGB")


def below(pictures: Sequence[Image], gap: int = 0) -> Image:
    """Return pictures one below the other, on white, so many pixels apart; below 0 they overlap.

    Examples
    --------
    >>> from PIL import Image
    >>> below([Image.new("RGB", (50, 10)), Image.new("RGB", (20, 30))]).size
    (50, 40)
    """
    from PIL import Image

    height = sum(each.height + gap for each in pictures) - gap
    canvas, top = Image.new("RGB", (max(each.width for each in pictures), height), PAPER), 0
    for each in pictures:
        canvas.paste(each.convert("RGB"), (0, top))
        top += each.height + gap
    return canvas


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
