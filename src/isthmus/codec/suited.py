"""The model that suits some pictures, fitted to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.codec.archive import PicturesJob
from isthmus.codec.tuning import Sample, Tuned, tuned_for
from isthmus.data.images import Images
from isthmus.data.pictures import Pictures
from isthmus.data.tiles import cut
from isthmus.models.pca import PCA
from isthmus.system.files import replacing

SIDE, PATCHES = 8, 100_000
"""Side of the tiles of a model fitted to the pictures, and how many it learns from, about."""
TRIES, CLOSE = 5, 0.03
"""Times that all is written to reach a quality, at most, and decibels it may be exceeded by."""
USUAL = 32.0
"""PSNR in dB of what comes back, where neither model, quality nor rate is given."""

FEWEST = 400
"""Numbers other than 0 that a component has to have to be worth its place in the file: fewer cost
less than it does as finer steps of the others."""

DECADE = 14.0
"""Decibels that a step ten times as large costs, about."""

LEFT = 0.3
"""Share of the error that components which are left out may have."""

SPARED = 0.03
"""Share of the error that rounding the components adds."""


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
    layout = tuned.layout
    shown = layout.shown(sample.pictures)
    symbols = layout.rounded(layout.codes(shown))
    error = layout.error(symbols, shown)
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
    is_over: Callable[[float], bool] | None = None,
) -> PicturesJob:
    """Write image files to a small file, whole or not at all; see `isthmus.compress`.

    Without a model one is fitted to them, and is in the file. Where writing all of them again
    `is_over` what time there is, what is written is kept, though it is not quite of the quality.
    """
    if model is None:
        quality = USUAL if quality is None and rate is None else quality
        tuned, embed, found_at = fitted_to(pictures, quality, rate), True, None
    else:
        tuned = tuned_for(model, pictures, quality, rate)
    with replacing(path) as temporary:
        search = Search(tuned.step, quality)
        while True:
            began = time.monotonic()
            job = PicturesJob(pictures, tuned.with_step(search.step).layout, embed, found_at)
            with temporary.open("wb") as file:
                for piece in job.pieces(verbose):
                    file.write(piece)
            if search.ends(job.psnr) or (is_over and is_over(time.monotonic() - began)):
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
