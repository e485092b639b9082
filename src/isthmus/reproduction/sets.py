"""The images of the recipes, fewer of them in a rehearsal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import isthmus as ist
from isthmus.data.images import Images

if TYPE_CHECKING:
    from isthmus.reproduction.run import Run

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
