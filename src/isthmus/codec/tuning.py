"""How coarsely the codes of tiles are rounded, and the model that suits some pictures."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.codec.archive import Layout, PicturesJob
from isthmus.codec.contexts import encoded
from isthmus.codec.entries import Entry
from isthmus.codec.quantizer import Directions, directions_of, entropy, largest_step
from isthmus.codec.rate_control import ADDED, COARSEST, FINEST, RISE
from isthmus.data.images import Images, evenly_spaced
from isthmus.data.pictures import Picture, Pictures
from isthmus.data.ranges import Range
from isthmus.data.tiles import cut
from isthmus.latent.codes import range_for_files
from isthmus.models.pca import PCA
from isthmus.system.files import replacing

SAMPLE_PIXELS = 2**21
"""Pixels of the pictures that a step is chosen by, at most, evenly spaced over all."""
TILES = 20_000
"""Tiles that directions are found by, at most."""
USUAL = 32.0
"""PSNR in dB of what comes back, where neither model, quality nor rate is given."""
SIDE, PATCHES = 8, 100_000
"""Side of the tiles of a model fitted to the pictures, and how many it learns from, about."""
LOOKED_AT = 0.01
"""Step by which directions are compared."""
FEWEST = 400
"""Numbers other than 0 that a component has to have to be worth its place in the file: fewer cost
less than it does as finer steps of the others."""
TRIES, CLOSE = 5, 0.03
"""Times that all is written to reach a quality, at most, and decibels it may be exceeded by."""
DECADE = 14.0
"""Decibels that a step ten times as large costs, about."""
LEFT = 0.3
"""Share of the error that components which are left out may have."""
SPARED = 0.03
"""Share of the error that rounding the components adds."""


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
        return Layout(self.model, quantizer, self.ends)


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

    def tiles(self, tuned: Tuned) -> np.ndarray:
        """Return the tiles of all of them."""
        return np.concatenate([tuned.layout.tiles(picture) for picture in self.pictures])


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
    tiles = sample.tiles(tuned)
    codes = tuned.layout.codes(tiles)
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
        return float(np.square(layout.back(layout.symbols(tiles)) - tiles).mean()) / width**2

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


def _directions(model: Any, codes: np.ndarray, n: float) -> Directions:
    """Return the directions that take the fewest bytes, their own place in the file counted."""
    some = codes[evenly_spaced(len(codes), TILES)]
    found = [directions_of(some, model.decode, many) for many in (0, int(n))]

    def nbytes(directions: Directions) -> float:
        quantizer = directions.with_step(LOOKED_AT)
        symbols = quantizer.rounded(some)
        if not symbols.size:  # all images are the same: there is nothing to turn
            return float("inf")
        return entropy(symbols) * symbols.shape[1] * n / 8 + len(quantizer.to_bytes())

    return min(found, key=nbytes)


def fitted_to(pictures: Pictures, quality: float | None, rate: float | None) -> Tuned:
    """Return principal components of small parts of pictures, no more than these need, and a step.

    Raises
    ------
    ValueError
        If a quality or a rate is out of reach.
    """
    images = Images(_learnt(pictures))
    widest = min(len(images), int(np.prod(images.shape[1:])))
    model = PCA(widest, random_state=0).fit(images)
    model.source_ = Path(pictures.source).name  # no path of this machine in the file
    tuned, sample = tuned_for(model, pictures, quality, rate), Sample.of(pictures)
    tiles = sample.tiles(tuned)
    symbols = tuned.layout.symbols(tiles)
    error = float(np.square(tuned.layout.back(symbols) - tiles).mean())
    kept = _worth(model, (symbols != 0).sum(0) / sample.share, error)
    return tuned_for(shortened(model, kept, error), pictures, quality, rate)


def _learnt(pictures: Pictures) -> np.ndarray:
    """Return tiles of pictures to learn from, as many of each, always the same ones."""
    channels = 1 if pictures.are_grey else 3
    most, rng, found = -(-PATCHES // len(pictures)), np.random.default_rng(0), []
    for picture in pictures:
        tiles = cut(picture.planes(channels)[0], (SIDE, SIDE))
        rows = np.sort(rng.permutation(len(tiles))[:most])
        found.append(np.rint(tiles[rows] * 255).astype(np.uint8))
    tiles = np.concatenate(found)
    return tiles if len(tiles) > 1 else np.repeat(tiles, 2, axis=0)


def _worth(model: PCA, numbers: np.ndarray, error: float) -> int:
    """Return how many components pay for their place, and leave little of an error to the others.

    Parameters
    ----------
    model : PCA
        With all of them.
    numbers : ndarray
        How many numbers of each are not 0, in all pictures.
    error : float
        Mean squared error of what comes back.
    """
    paying = np.flatnonzero(numbers >= FEWEST)
    left = model.explained_variance_[::-1].cumsum()[::-1] / model.components_.shape[1]
    needed = np.flatnonzero(left > LEFT * error)
    return 1 + max((int(each[-1]) for each in (paying, needed) if len(each)), default=0)


def shortened(model: PCA, kept: int, error: float) -> PCA:
    """Return a model with its first components, as coarse as adds little to an error.

    Their numbers become multiples of powers of two, which a file has in few bytes: those of
    components that hardly vary of larger ones.
    """
    short = copy(model)
    for name in ("components_", "explained_variance_", "explained_variance_ratio_"):
        setattr(short, name, getattr(model, name)[:kept])
    short.singular_values_ = model.singular_values_[:kept]
    short.n_components = short.n_components_ = kept
    variance = model.explained_variance_
    spread = np.sqrt(variance[:kept] + variance.mean() + 1e-12)  # its own, and what leaks in
    exact = np.sqrt(12 * SPARED * max(error, 1e-8) / kept) / spread
    unit = 2.0 ** np.floor(np.log2(exact))[:, None]
    short.components_ = (np.rint(short.components_ / unit) * unit).astype(np.float32)
    short.mean_ = (np.rint(short.mean_ * 1024) / 1024).astype(np.float32)
    return short


def written_pictures(
    model: Any,
    pictures: Pictures,
    path: str | Path,
    quality: float | None = None,
    rate: float | None = None,
    embed: bool = False,
    found_at: str | None = None,
    verbose: bool | None = None,
) -> PicturesJob:
    """Write image files to a small file, whole or not at all; see `isthmus.compress`.

    Without a model one is fitted to them, and is in the file.
    """
    if model is None:
        quality = USUAL if quality is None and rate is None else quality
        tuned, embed, found_at = fitted_to(pictures, quality, rate), True, None
    else:
        tuned = tuned_for(model, pictures, quality, rate)
    with replacing(path) as temporary:
        search = Search(tuned.step, quality)
        while True:
            job = PicturesJob(pictures, tuned.with_step(search.step).layout, embed, found_at)
            with temporary.open("wb") as file:
                for piece in job.pieces(verbose):
                    file.write(piece)
            if search.ends(job.psnr):
                return job


class Search:
    """The step by which a quality is reached on all pictures, and all but no other.

    Parameters
    ----------
    step : float
        To begin with.
    quality : float or None
        PSNR in dB; None takes the first step.
    """

    def __init__(self, step: float, quality: float | None):
        self.step, self.quality, self.tried = step, quality, 0
        self.low, self.high = 0.0, np.inf  # a step that reaches it, and one that does not

    def ends(self, psnr: float) -> bool:
        """Return whether a PSNR will do; else `step` is what to try next."""
        if self.quality is None:
            return True
        self.tried += 1
        over = psnr - self.quality
        if 0 <= over < CLOSE or (over >= 0 and self.tried >= TRIES) or self.tried >= 3 * TRIES:
            return True
        self.low, self.high = (self.step, self.high) if over >= 0 else (self.low, self.step)
        step = self.step * 10 ** (np.clip(over - CLOSE / 3, -9, 9) / DECADE)
        if not self.low < step < self.high:
            step = np.sqrt(self.low * self.high) if self.low else self.high / 1.2
        self.step = float(self.low if self.tried >= TRIES - 1 and self.low else step)
        return False
