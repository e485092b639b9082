"""The images of the recipes, fewer of them in a rehearsal."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

import isthmus as ist
from isthmus.data.catalog import data_root
from isthmus.data.corrupt import with_noise
from isthmus.data.images import Images

if TYPE_CHECKING:
    from isthmus.reproduction.run import Run

PIXELS = 35
"""Of a glyph of 5x7."""
LEAST = 600
"""Images of a rehearsal at least: the widest linear code has 500 numbers."""


def some_of(run: Run, images: Images, least: int = LEAST) -> Images:
    """Return the images, or for a rehearsal a few of them, evenly spread."""
    return images.evenly(run.some(len(images), least))


def both_halves(run: Run, name: str, least: int = LEAST) -> tuple[Images, Images]:
    """Return the training and the test images of a named set."""
    images = ist.load_images(name, verbose=run.verbose)
    return some_of(run, images.train, least), some_of(run, images.test, least)


def one_of_each(images: Images) -> Images:
    """Return the first image of every label."""
    _, first = np.unique(images.y, return_index=True)
    return images[first]


def glyphs(run: Run) -> Images:
    """Return the third font of the deck, or where it is not there, glyphs of our own."""
    path = data_root() / "font5x7" / "fonts.csv"
    if not path.is_file():
        note = "data/font5x7 is not there: glyphs drawn for isthmus instead of the deck's font"
        run.figure("font", "our own", "font 3", note=note)
        return ist.load_images("glyphs")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["font"] == "font3"]
    lines = np.array([[row[f"row{i}"] for i in range(7)] for row in rows], dtype=np.uint8)
    bits = np.unpackbits(lines[..., None], axis=2)[:, :, 3:]  # 5 of 8 bits
    return Images(bits * np.uint8(255), y=np.arange(32), classes=[row["char"] for row in rows])


def flipped(images: Any, level: float, seed: int) -> np.ndarray:
    """Return images some of whose pixels are inverted, other ones at every level."""
    return with_noise(images, "bit_flip", level, seed + round(1000 * level))


def inked(ink: np.ndarray) -> np.ndarray:
    """Return glyphs of 0 to 1 as they are printed: dark on a ground that paper shows up."""
    return 0.92 - 0.87 * ink
