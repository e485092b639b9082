"""How coarsely the codes of tiles are rounded, and the model that suits some pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from isthmus.codec.contexts import encoded
from isthmus.codec.entries import Entry
from isthmus.codec.layout import Layout, layout_of
from isthmus.codec.quantizer import Directions, directions_of, entropy, largest_step
from isthmus.codec.rate_control import ADDED, COARSEST, FINEST, RISE
from isthmus.data.images import evenly_spaced
from isthmus.data.pictures import Picture, Pictures
from isthmus.data.ranges import Range
from isthmus.latent.codes import range_for_files

SAMPLE_PIXELS = 2**21
"""Pixels of the pictures that a step is chosen by, at most, evenly spaced over all."""
TILES = 20_000
"""Tiles that directions are found by, at most."""
LOOKED_AT = 0.01
"""Step by which directions are compared."""


@dataclass
class Tuned:
    """A layout whose step can be changed.

    Attributes
    ----------
    model : Representation
        Encodes and decodes tiles.
    ends : (float, float)
        What black and white are to it.
    directions : Directions or None
        In which codes are rounded; None of indices.
    step : float
        Root mean square change of a pixel.
    """

    model: Any
    ends: Range
    directions: Directions | None
    step: float = 1.0

    def with_step(self, step: float) -> Tuned:
        """Return it with another step."""
        return replace(self, step=step)

    @property
    def layout(self) -> Layout:
        """What turns pictures into whole numbers, and back."""
        quantizer = None if self.directions is None else self.directions.with_step(self.step)
        return layout_of(self.model, quantizer, self.ends)


@dataclass
class Sample:
    """Some pictures, by which a step is chosen.

    Attributes
    ----------
    pictures : list of Picture
        Evenly spaced over all.
    share : float
        Of the pixels of all.
    """

    pictures: list[Picture]
    share: float

    @classmethod
    def of(cls, pictures: Pictures) -> Sample:
        """Take some pictures."""
        total = int(pictures.sizes.prod(1).sum())
        count = max(1, int(len(pictures) * min(1.0, SAMPLE_PIXELS / total)))
        rows = evenly_spaced(len(pictures), count).tolist()
        return cls([pictures[row] for row in rows], pictures.sizes[rows].prod(1).sum() / total)


def tuned_for(
    model: Any, pictures: Pictures, quality: float | None = None, rate: float | None = None
) -> Tuned:
    """Return how tiles of pictures are to be rounded: see `isthmus.compress`.

    Raises
    ------
    ValueError
        If that is out of the model's reach, or codes that are indices are to be rounded.
    """
    ends = range_for_files(model)
    sample, tuned = Sample.of(pictures), Tuned(model, ends, None)
    shown = tuned.layout.shown(sample.pictures)
    codes = tuned.layout.codes(shown)
    if codes.ndim == 1:
        if quality is not None or rate is not None:
            raise ValueError(
                f"{type(model).__name__} has codes that are indices, which cannot be rounded: "
                "leave out quality and rate, and fit it with more or fewer of them"
            )
        return tuned
    tuned.directions = _directions(model, codes, len(codes) / sample.share)
    if rate is not None:
        return tuned.with_step(_step_of_rate(tuned, sample, codes, rate * len(pictures)))
    width = ends[1] - ends[0]

    def error(step: float) -> float:
        layout = tuned.with_step(step).layout
        return layout.error(layout.rounded(codes), shown) / width**2

    return tuned.with_step(_step_of_quality(model, error, quality, width))


def _step_of_quality(
    model: Any, error: Callable[[float], float], quality: float | None, width: float
) -> float:
    best = error(FINEST * width)
    allowed = (1 + RISE) * best + ADDED if quality is None else 10 ** (-quality / 10)
    if best > allowed:
        raise ValueError(
            f"quality={quality} dB is beyond this {type(model).__name__}, which reaches "
            f"{np.floor(-1000 * np.log10(best)) / 100:.2f} dB on these images: ask for at most "
            "that, or fit a wider one"
        )
    return largest_step(lambda step: error(step) <= allowed, FINEST * width, COARSEST * width)


def _step_of_rate(tuned: Tuned, sample: Sample, codes: np.ndarray, nbytes: float) -> float:
    """Return the smallest step by which all pictures take so many bytes, as far as one can say."""
    entries = [Entry.of(picture) for picture in sample.pictures]
    near = tuned.layout.near(entries)

    def fits(fineness: float) -> bool:
        symbols = tuned.with_step(1 / fineness).layout.rounded(codes)
        if np.ptp(symbols, axis=0).max(initial=0) > 4000:
            return False
        return len(encoded(symbols, near)[0]) / sample.share <= nbytes

    width = tuned.ends[1] - tuned.ends[0]
    ends = 1 / (COARSEST * width), 1 / (FINEST * width)
    if not fits(ends[0]):
        raise ValueError(
            f"rate={nbytes:g} bytes for all is below what these codes take however coarsely they "
            "are rounded: ask for more, or fit a narrower model"
        )
    return 1 / largest_step(fits, *ends)


def _decoded(model: Any, codes: np.ndarray) -> np.ndarray:
    """Return what single codes stand for: of a grid, cells with none beside them."""
    return np.asarray(model.decode(codes if model.cell is None else codes[:, None, None]))


def _directions(model: Any, codes: np.ndarray, n: float) -> Directions:
    """Return the directions that take the fewest bytes, their own place in the file counted."""
    some = codes[evenly_spaced(len(codes), TILES)]
    found = [directions_of(some, partial(_decoded, model), many) for many in (0, int(n))]

    def nbytes(directions: Directions) -> float:
        quantizer = directions.with_step(LOOKED_AT)
        symbols = quantizer.rounded(some)
        if not symbols.size:  # all images are the same: there is nothing to turn
            return float("inf")
        return entropy(symbols) * symbols.shape[1] * n / 8 + len(quantizer.to_bytes())

    return min(found, key=nbytes)
