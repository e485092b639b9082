"""Which quantizer is right: for an asked quality, an asked rate, or neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from isthmus.codec.entropy import MOST_SYMBOLS
from isthmus.codec.frames import Coded, restored, rounded
from isthmus.codec.quantizer import Directions, Quantizer, directions_of, entropy, largest_step
from isthmus.data.images import Images, evenly_spaced, to_unit
from isthmus.data.ranges import Range
from isthmus.latent.codes import range_for

if TYPE_CHECKING:
    from isthmus.base import Representation

SAMPLE = 2000
"""Images that the step is first chosen by, at most, evenly spaced over all."""
RISE = 0.05
"""Share of the error that rounding may add where neither quality nor rate is asked for."""
ADDED = 1e-9
"""Error that it may add in any case, in squares of the range: else an exact model had no step."""
LEVEL = 1 / 255**2 / 12
"""The same where pixels are kept besides: as much as rounding to 8 bits is worth."""
FINEST, COARSEST = 2.0**-16, 16.0
"""Root mean square changes of a pixel between which the step is looked for, in the range."""
SLACK = 6
"""Symbols of a table that are left free: directions are stored in half precision."""
CLOSE = 0.02
"""Decibels by which a quality that was asked for may be exceeded, if steps allow."""
TRIES = 10
"""Times that all images are decoded to find the step that does so, at most."""


def quantizer_for(
    model: Representation,
    images: Images,
    quality: float | None = None,
    rate: float | None = None,
    *,
    lossless: bool = False,
    coded: Coded | None = None,
    is_over: Callable[[], bool] | None = None,
) -> Quantizer | None:
    """Return the quantizer for the codes of these images; None for codes that are indices.

    Parameters
    ----------
    model : Representation
        Fitted.
    images : Images
        What will be compressed.
    quality : float, optional
        PSNR in dB to reach, on all images.
    rate : float, optional
        Bytes an image to keep to, without tables.
    lossless : bool
        Whether what decoded images miss will be kept as well.
    coded : Coded, optional
        The images beside their codes, so that none is encoded again.
    is_over : callable, optional
        Whether a quality that is reached may be exceeded: asked before all images are decoded.

    Raises
    ------
    ValueError
        If that is out of the model's reach, or codes that are indices are to be rounded.
    """
    trial = Trial.of(coded or Coded(model, images))
    if trial.directions is None:
        if quality is not None or rate is not None:
            raise ValueError(
                f"{type(model).__name__} has codes that are indices, which cannot be rounded: "
                "leave out quality and rate, and fit it with more or fewer of them"
            )
        return None
    if rate is not None:
        return trial.quantizer(trial.step_of_rate(rate))
    if quality is not None:
        return trial.quantizer(trial.step_of_quality(quality, is_over))
    return trial.usual(lossless)


@dataclass
class Trial:
    """Some images, their codes, and the directions to round these in.

    Attributes
    ----------
    coded : Coded
        All images beside their codes.
    pixels, codes : ndarray
        A sample of them.
    directions : Directions or None
        None for codes that are indices.
    ends : (float, float)
        What black and white are.
    """

    coded: Coded
    pixels: np.ndarray
    codes: np.ndarray
    directions: Directions | None
    ends: Range

    @classmethod
    def of(cls, coded: Coded) -> Trial:
        """Take a sample of the images and their codes."""
        model, images = coded.model, coded.images
        sample = images.evenly(SAMPLE)
        pixels = to_unit(np.asarray(sample))
        if coded.codes is not None:
            codes = coded.codes[evenly_spaced(len(images), len(sample))]
        elif len(sample) == len(images):
            codes = np.concatenate([codes for _, codes in coded])
        else:
            codes = model.encode(sample)
        directions: Directions | None
        if codes.dtype.kind != "f":
            directions = None
        elif codes.ndim > 2:  # of every place: a step for each number, all places alike
            flat = codes.reshape(-1, codes.shape[-1]).astype(np.float64)
            directions = Directions(flat.mean(0), flat.std(0))
        else:
            directions = directions_of(codes, model.decode, len(images))
        return cls(coded, pixels, codes, directions, range_for(model, images))

    def decoded(self, codes: np.ndarray) -> np.ndarray:
        """Return the images of the sample that codes decode to."""
        back = self.coded.model.decode_as(codes, self.pixels.shape[1:])
        return back.reshape(self.pixels.shape)

    @property
    def width(self) -> float:
        """The largest difference of two values."""
        return self.ends[1] - self.ends[0]

    def error(self, codes: np.ndarray) -> float:
        """Return the mean squared error of the images of the sample that codes decode to."""
        back = self.decoded(codes)
        return float(np.square(back - self.pixels, dtype=np.float64).mean())

    @cached_property
    def finest(self) -> float:
        """The finest step for which the tables have room, whatever image comes."""
        unit, widest = self.quantizer(1.0), 0.0
        for _, codes in self.coded:
            scaled = unit.scaled(codes.reshape(-1, codes.shape[-1]))
            widest = max(widest, float(np.ptp(scaled, axis=0).max(initial=0)))
        return max(FINEST * self.width, widest / (MOST_SYMBOLS - SLACK))

    @property
    def coarsest(self) -> float:
        """The coarsest step that is looked at."""
        return max(COARSEST * self.width, self.finest)

    def step_of_rate(self, rate: float) -> float:
        """Return the smallest step that keeps to so many bytes an image, or the finest."""

        def bytes_of(step: float) -> float:
            symbols = rounded(self.codes, self.quantizer(step))
            return entropy(symbols) * symbols.size / len(self.codes) / 8

        if bytes_of(self.finest) <= rate:
            return self.finest
        if (least := bytes_of(self.coarsest)) > rate:
            raise ValueError(
                f"rate={rate} is below the {_above(least):g} bytes an image that these codes take "
                "however coarsely they are rounded: ask for at least that, or fit a narrower model"
            )
        ends = 1 / self.coarsest, 1 / self.finest
        return 1 / largest_step(lambda fineness: bytes_of(1 / fineness) <= rate, *ends)

    def usual(self, lossless: bool = False) -> Quantizer | None:
        """Return the quantizer where neither quality nor rate is asked for; None for indices."""
        if self.directions is None:
            return None
        return self.quantizer(self.step_of_rise(RISE, LEVEL if lossless else ADDED))

    def step_of_rise(self, share: float, least: float) -> float:
        """Return the largest step that adds so much to the error of the sample, or the finest."""
        allowed = (1 + share) * self.error(self.codes) + least * self.width**2
        return self._largest(allowed)

    def _largest(self, allowed: float) -> float:
        def holds(step: float) -> bool:
            quantizer = self.quantizer(step)
            symbols = rounded(self.codes, quantizer)
            return self.error(restored(symbols, quantizer, self.codes.shape[1:])) <= allowed

        return largest_step(holds, self.finest, self.coarsest)

    def step_of_quality(self, quality: float, is_over: Callable[[], bool] | None = None) -> float:
        """Return the largest step that reaches a PSNR on all images.

        It is chosen by the sample first; then all images are decoded a few times.
        """
        allowed = self.width**2 * 10 ** (-quality / 10)
        start = self._largest(allowed)
        exact, best, first = self.coded.errors(
            [None, self.quantizer(self.finest), self.quantizer(start)]
        )
        if best > allowed:
            reached = 10 * np.log10(self.width**2 / best)
            raise ValueError(
                f"quality={quality} dB is beyond this {type(self.coded.model).__name__}, which "
                f"reaches {np.floor(100 * reached) / 100:.2f} dB on these images: ask for at most "
                "that, or fit a wider one"
            )

        def error(step: float) -> float:
            return self.coded.errors([self.quantizer(step)])[0]

        low, high = (self.finest, best), (self.coarsest, np.inf)
        low, high = (low, (start, first)) if first > allowed else ((start, first), high)
        return _narrowed(error, low, high, allowed, exact, is_over or (lambda: False))

    def quantizer(self, step: float) -> Quantizer:
        """Return the quantizer of a step, for codes that are no indices."""
        assert self.directions is not None
        return self.directions.with_step(step)


def _narrowed(
    error: Callable[[float], float],
    low: tuple[float, float],
    high: tuple[float, float],
    allowed: float,
    exact: float,
    is_over: Callable[[], bool],
) -> float:
    """Return a step whose error is allowed, and all but as large as that.

    Parameters
    ----------
    error : callable
        The error of a step; fine rounding adds to it as the square of the step.
    low, high : (float, float)
        A step that is allowed and one that is not, or the coarsest, each with its error.
    allowed : float
        The largest error that is.
    exact : float
        That of no rounding at all.
    is_over : callable
        Whether the step that is allowed will do as it is.
    """
    aimed = allowed * 10 ** (-CLOSE / 20)
    for _ in range(TRIES):
        if low[1] >= allowed * 10 ** (-CLOSE / 10) or high[0] < 1.001 * low[0] or is_over():
            break
        near = min((low, high), key=lambda end: abs(np.log(end[1] / allowed + 1e-300)))
        step = np.sqrt(low[0] * high[0])
        if near[1] > exact and aimed > exact and np.isfinite(near[1]):
            step = near[0] * np.sqrt((aimed - exact) / (near[1] - exact))
        edge = (high[0] / low[0]) ** 0.05
        step = float(np.clip(step, low[0] * edge, high[0] / edge))
        found = step, error(step)
        low, high = (found, high) if found[1] <= allowed else (low, found)
    return low[0]


def _above(value: float) -> float:
    """Return a number of three digits that is not below another."""
    digits = 10 ** (2 - np.floor(np.log10(value)))
    return float(np.ceil(value * digits) / digits)
