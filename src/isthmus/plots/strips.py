"""Rows of images with their names at the left and a title above, on white, ready for a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.figures import Limits, limits_of, on_background, resize, scale_for, to_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

INK, PAPER = "#222222", "#ffffff"
TITLE_SIZE, NAME_SIZE, HEAD_SIZE = 16, 13, 12
MARGIN, GAP = 12, 4


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
        At most so many images of a row are drawn.
    heads : sequence of str
        A name for every column.
    captions : dict of str to sequence of str, optional
        A short text under every image of a row, by its name.
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
    from PIL import Image, ImageDraw, ImageFont

    _, h, w, _ = next(iter(tiles.values())).shape
    font, small = (ImageFont.load_default(size=size) for size in (NAME_SIZE, HEAD_SIZE))
    names = [name.split("\n") for name in tiles]
    left = max(round(font.getlength(line)) for lines in names for line in lines) + 10
    top = HEAD_SIZE + 6 if heads else 0
    below = HEAD_SIZE + 4 if captions else 0
    pitch = max(h + below, max(map(len, names)) * (NAME_SIZE + 3)) + GAP
    most = max(map(len, tiles.values()))
    width = left + most * (w + GAP) - GAP
    for column, head in enumerate(heads):  # a long one over the last image needs room beside it
        middle = left + column * (w + GAP) + w / 2
        width = max(width, math.ceil(middle + small.getlength(head) / 2))
    size = (width, top + len(tiles) * pitch - GAP)
    canvas = Image.new("RGBA", size, PAPER)
    pen = ImageDraw.Draw(canvas)
    for column, head in enumerate(heads):
        middle = left + column * (w + GAP) + w / 2
        pen.text((middle, HEAD_SIZE), head, fill=INK, font=small, anchor="ms")
    for i, (lines, row) in enumerate(zip(names, tiles.values(), strict=True)):
        y = top + i * pitch
        place = (left - 10, y + (pitch - GAP - below) / 2)
        _write(pen, lines, place, font)
        for column, tile in enumerate(row):
            canvas.alpha_composite(Image.fromarray(tile), (left + column * (w + GAP), y))
        for column, text in enumerate(captions.get(list(tiles)[i], ())):
            middle = left + column * (w + GAP) + w / 2
            pen.text((middle, y + h + HEAD_SIZE), text, fill=INK, font=small, anchor="ms")
    return canvas


def _write(pen: Any, lines: list[str], place: tuple[float, float], font: Any) -> None:
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
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=TITLE_SIZE)
    lines = _wrapped(title, font, max(picture.width, 420)) if title else []
    top = MARGIN + len(lines) * (TITLE_SIZE + 6) + (4 if lines else 0)
    width = max(picture.width, *(round(font.getlength(line)) for line in lines), 1) + 2 * MARGIN
    canvas = Image.new("RGBA", (width, top + picture.height + MARGIN), PAPER)
    pen = ImageDraw.Draw(canvas)
    for i, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + i * (TITLE_SIZE + 6)), line, fill=INK, font=font)
    canvas.paste(on_background(picture.convert("RGBA"), PAPER), (MARGIN, top))
    return canvas.convert("RGB")


def _wrapped(text: str, font: Any, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
