"""Contact sheets by class: some images of every class under its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images, evenly_spaced
from isthmus.plots.figures import scale_for, sheet
from isthmus.plots.fonts import font_for
from isthmus.plots.pixels import limits_of, shown
from isthmus.plots.strips import INK, PAPER, below, titled

if TYPE_CHECKING:
    from PIL.Image import Image

SHORT = 8
"""Characters of a name that stands below an image as it is."""
WIDE = 1200
"""Pixels of a row of images, about."""
SIDE = 112
"""Pixels of the longer side of an image, at least: there is room for a name below it."""
FEW = 2
"""Images a class, up to which their classes stand under them."""
HEADING = 16


def by_class(images: Images, count: int, title: str = "") -> Image:
    """Draw up to this many images, as many of every class, under names of classes and files.

    Examples
    --------
    >>> images = Images(np.zeros((6, 8, 8)), y=[0, 1] * 3, classes=["cats", "dogs"])
    >>> by_class(images, 6).size
    (368, 334)
    """
    groups = grouped(images)
    each = max(1, count // len(groups))
    if len(groups) > 1 and each <= FEW:
        shown = [groups[i] for i in evenly_spaced(len(groups), count)]
        left = (
            f"; shown are {len(shown)} of {len(groups)} classes"
            if len(shown) < len(groups)
            else ""
        )
        some = [(name, row) for name, rows in shown for row in rows[:each]][:count]
        names, places = zip(*some, strict=True)
        return titled(_sheet(images, list(places), names), f"{title}{left}")
    panels = []
    for name, rows in groups:
        few = [rows[place] for place in evenly_spaced(len(rows), each)]
        heading = f"{name}: {len(rows):,} images" if name else ""
        panels.append(_headed(_sheet(images, few, told_apart(names_of(images, few))), heading))
    return titled(below(panels, 12), title)


def grouped(images: Images) -> list[tuple[str, list[int]]]:
    """Return classes and their rows, all of one class without a name where none is known."""
    if images.y is None:
        return [("", list(range(len(images))))]
    labels = np.unique(images.y).tolist()
    known = images.classes or {label: str(label) for label in labels}
    return [
        (
            "no class" if label < 0 else str(known[label]),
            np.flatnonzero(images.y == label).tolist(),
        )
        for label in labels
    ]


def names_of(images: Images, rows: Sequence[int]) -> list[str]:
    """Return the names of files without their folders, of arrays the numbers of the images."""
    if images.names is None:
        return [str(row) for row in rows]
    return [str(images.names[row]).rpartition("/")[2] for row in rows]


def told_apart(names: Sequence[str]) -> list[str]:
    """Return names of files without what all begin and end with, where they are long.

    Examples
    --------
    >>> told_apart(["holiday 9 (2).png", "holiday 10 (2).png"]), told_apart(["a.png", "b.png"])
    (['9', '10'], ['a.png', 'b.png'])
    """
    if max(map(len, names), default=0) <= SHORT:
        return list(names)
    stems = [name.rpartition(".")[0] or name for name in names]
    start = _alike(stems)
    end = _alike([name[::-1] for name in stems])
    while start and stems[0][start - 1].isdigit():  # of a number all or nothing
        start -= 1
    while end and stems[0][-end].isdigit():
        end -= 1
    alike = min(map(len, stems)) <= start + end
    return stems if alike else [stem[start : len(stem) - end].strip() for stem in stems]


def _alike(words: Sequence[str]) -> int:
    """Return how many characters all words begin with."""
    columns = zip(*words, strict=False)
    return next(
        (i for i, column in enumerate(columns) if len(set(column)) > 1), min(map(len, words))
    )


def _sheet(images: Images, rows: list[int], captions: Sequence[str]) -> Image:
    few = images[np.array(rows)]
    drawn = shown(few)
    scale = float(scale_for(*images.shape[1:3])) if images.ndim == 4 else 1.0
    if images.ndim == 4:
        scale = max(scale, SIDE / max(images.shape[1:3]))
    width = images.shape[2] * scale if images.ndim == 4 else 64
    columns = max(1, min(len(rows), int(WIDE // (width + 4))))
    return sheet(drawn, columns, captions=captions, scale=scale, limits=limits_of(images))


def _headed(picture: Image, heading: str) -> Image:
    from PIL import Image, ImageDraw

    font = font_for(HEADING - 3, [heading])
    top = HEADING + 6 if heading else 0
    width = max(picture.width, round(font.getlength(heading)) + 2)
    canvas = Image.new("RGBA", (width, picture.height + top), PAPER)
    canvas.alpha_composite(picture, (0, top))
    ImageDraw.Draw(canvas).text((0, 2), heading, fill=INK, font=font)
    return canvas
