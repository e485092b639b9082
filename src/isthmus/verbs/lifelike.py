"""How real drawn images look beside other real ones, and whether they are copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images, evenly_spaced
from isthmus.data.ranges import Range
from isthmus.fitted.heldout import Halves, halves
from isthmus.metrics.copies import Copies, most_copied
from isthmus.metrics.features import features_for
from isthmus.metrics.ground import LIKE_REAL, Ground, last_asked
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.units import percent, significant
from isthmus.verbs.by_class import remembered
from isthmus.verbs.parameters import ImagesLike, Model

if TYPE_CHECKING:
    from PIL.Image import Image

PAIRS = 10
"""Drawn images that are shown above their nearest training images."""


class Lifelike(NamedTuple):
    """How real drawn images look.

    Attributes
    ----------
    rows : list of dict
        Of every score what it was compared by, its value, half of its 95 % interval, and what
        another draw of real images scores.
    copies : Copies
        What is nearest to drawn and to held-out images among training images.
    pairs : (ndarray, ndarray)
        Those drawn images that are likeliest to be copies, and the training images beside them.
    remarks : list of str
        What was compared, and what to bear in mind, in sentences.
    """

    rows: list[dict[str, Any]]
    copies: Copies
    pairs: tuple[np.ndarray, np.ndarray]
    remarks: list[str]

    @property
    def figures(self) -> dict[str, float]:
        """The scores by their names, in the features of a network where there is one."""
        first = self.rows[0]["compared_by"]
        found = {row["score"]: row["value"] for row in self.rows if row["compared_by"] == first}
        return {**found, "copied": self.copies.copied.value, "nearer": self.copies.nearer.value}

    def picture(self, limits: Range | None, scale: float | None) -> Image:
        """Return the pairs as two rows."""
        from isthmus.plots.strips import labelled_rows

        drawn, train = self.pairs
        rows = {"drawn": drawn, "nearest training image": train}
        return labelled_rows(rows, "Likeliest copies", limits=limits, scale=scale)


def lifelike(
    model: Model,
    among: ImagesLike | None,
    draw: Callable[[int, int], np.ndarray],
    encoder: str | Path | None = None,
    random_state: int = 0,
) -> Lifelike:
    """Return how real images look that are drawn anew, as many as there are real ones to compare.

    Parameters
    ----------
    model : Representation
        Fitted.
    among : Images or array, optional
        Real images with or without a split; by default those that the model learned from, read
        again.
    draw : callable
        From a number and a seed to so many images.
    encoder : path, optional
        An ONNX file whose features images are compared by.
    random_state : int
        Seed of the draws, of the network that learns features, and of the intervals.

    Raises
    ------
    ValueError
        If there are no real images, or fewer than 40 are held out.
    """
    images = remembered(model, "score") if among is None else as_images(among)
    parts = halves(model, images)
    ground = _ground(images, parts, encoder, random_state)
    drawn = np.asarray(draw(ground.count, random_state + 1))
    drawn = drawn.reshape(len(drawn), *images.shape[1:])
    if not np.isfinite(drawn).all():
        raise ValueError("drawn images hold NaN or infinity; was the model trained?")
    found = ground.copies(drawn)
    rows = [row for space in ground.spaces for row in _rows(ground, space, drawn)]
    words = [_compared(ground, parts.measured.words), *_of_values(drawn, images.value_range)]
    words += [_of_copies(found), *ground.doubts]
    return Lifelike([*rows, *_of_nearest(found)], found, _pairs(found, drawn, parts.train), words)


def _ground(images: Images, parts: Halves, encoder: str | Path | None, seed: int) -> Ground:
    """Return what images are compared with, which serves all models and samplers."""
    asked = (str(encoder), seed, len(parts.train), parts.rows.tobytes())

    def make() -> Ground:
        seen = features_for(parts.train, encoder, random_state=seed)
        return Ground(parts.train, parts.test, seen, seed=seed)

    return last_asked(images, asked, make)


def _rows(ground: Ground, space: str, drawn: np.ndarray) -> list[dict[str, Any]]:
    """Return the scores in a space, each beside that of other real images."""
    found, real = ground.like_real(drawn, space), ground.by_chance[space]
    return [
        _row(name, space, found[name], real[name].value) for name in LIKE_REAL if name in found
    ]


def _row(name: str, by: str, found: Estimate, real: float) -> dict[str, Any]:
    return {
        "score": name,
        "compared_by": by,
        "value": found.value,
        "within": found.within,
        "real": real,
    }


def _of_nearest(found: Copies) -> list[dict[str, Any]]:
    """Return what tells of copies."""
    return [
        _row("copied", "training images", found.copied, found.copied_held.value),
        _row("nearer", "training images", found.nearer, 0.5),
    ]


def _compared(ground: Ground, words: str) -> str:
    """Return what was compared by what, in a sentence."""
    by = "their pixels" if ground.seen is None else f"{ground.seen.words}, and by pixels"
    return (
        f"{ground.count:,} further draws against as many real images ({words}), by {by}; beside "
        "them what as many other real images score"
    )


def _of_values(drawn: np.ndarray, ends: Range) -> list[str]:
    """Return how many values were drawn that no image has: scores are of them as they are."""
    low, high = ends
    outside = float(((drawn < low - 1e-6) | (drawn > high + 1e-6)).mean())
    words = "no value drawn is darker than black or lighter than white"
    if outside:
        words = (
            f"{percent(outside)} of the values drawn are darker than black or lighter than white"
        )
    return [f"{words}; none is clipped"]


def _of_copies(found: Copies) -> str:
    """Return what there is to say of copies."""
    share, real = percent(found.copied.value), percent(found.copied_held.value)
    surely = found.copied.value - (found.copied.within or 0) > found.copied_held.value
    words = "copies of training images" if surely else "no more copies than chance has"
    return (
        f"{words}: {share} of the draws are as near to one training image, against those around "
        f"it, as {real} of held-out images; nearer than these in {percent(found.nearer.value)} of "
        f"pairs (C_T {significant(found.z, 2)})"
    )


def _pairs(found: Copies, drawn: np.ndarray, train: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest copies, and the training images beside them."""
    rows = evenly_spaced(len(drawn), len(found.drawn.row))
    chosen = most_copied(found.drawn, PAIRS)
    beside = [np.asarray(train[[row]])[0] for row in found.drawn.row[chosen].tolist()]
    return drawn[rows[chosen]], np.stack(beside)
