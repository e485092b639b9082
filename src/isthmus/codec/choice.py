"""Which quantizer is right: for an asked quality, an asked rate, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.codec.steps import Directions, Quantizer, directions_of, entropy, largest_step
from isthmus.data.images import Images, to_unit

SAMPLE = 2000
"""Images that the step is chosen by, at most, evenly spaced over all."""
RISE = 0.05
"""Share of the error that rounding may add where neither quality nor rate is asked for."""
FINEST, COARSEST = 2.0**-16, 2.0
"""Root mean square changes of a pixel between which the step is looked for."""


def quantizer_for(
    model: Any, images: Images, quality: float | None = None, rate: float | None = None
) -> Quantizer | None:
    """Return the quantizer for the codes of these images; None for codes that are indices.

    Parameters
    ----------
    model : Representation
        Fitted.
    images : Images
        What will be compressed.
    quality : float, optional
        PSNR in dB to reach.
    rate : float, optional
        Bytes an image to keep to, without tables.

    Raises
    ------
    ValueError
        If that is out of the model's reach, or codes that are indices are to be rounded.
    """
    trial = Trial.of(model, images)
    if trial.directions is None:
        if quality is not None or rate is not None:
            raise ValueError(
                f"{type(model).__name__} has codes that are indices, which cannot be rounded: "
                "leave out quality and rate, and fit it with more or fewer of them"
            )
        return None
    step = trial.step_of_rate(rate) if rate is not None else trial.step_of_quality(quality)
    return trial.quantizer(step)


@dataclass(frozen=True)
class Trial:
    """Some images, their codes, and the directions to round these in."""

    model: Any
    pixels: np.ndarray
    codes: np.ndarray
    directions: Directions | None

    @classmethod
    def of(cls, model: Any, images: Images) -> Trial:
        """Encode a sample of images."""
        sample = images.evenly(SAMPLE)
        codes, pixels = model.encode(sample), to_unit(np.asarray(sample))
        directions = None
        if codes.ndim > 2:  # per pixel: a step for each number, all pixels alike
            flat = codes.reshape(-1, codes.shape[-1]).astype(np.float64)
            directions = Directions(flat.mean(0), flat.std(0))
        elif codes.dtype.kind == "f":
            directions = directions_of(codes, model.decode, len(images))
        return cls(model, pixels, codes, directions)

    def error(self, codes: np.ndarray) -> float:
        """Return the mean squared error of the images that codes decode to."""
        back = self.model.decode(codes).reshape(self.pixels.shape)
        return float(np.square(back - self.pixels, dtype=np.float64).mean())

    def step_of_rate(self, rate: float) -> float:
        """Return the smallest step that keeps to so many bytes an image."""

        def holds(fineness: float) -> bool:
            symbols = rounded(self.codes, self.quantizer(1 / fineness))
            return entropy(symbols) * symbols.size / len(self.codes) <= 8 * rate

        return 1 / largest_step(holds, 1 / COARSEST, 1 / FINEST)

    def step_of_quality(self, quality: float | None) -> float:
        """Return the largest step that reaches a PSNR, or all but reaches the model's own."""
        best = self.error(self.codes)
        allowed = (1 + RISE) * best + 1e-9 if quality is None else 10 ** (-quality / 10)
        if best > allowed:
            raise ValueError(
                f"quality={quality} dB is beyond this {type(self.model).__name__}, which reaches "
                f"{-10 * np.log10(best):.2f} dB with unrounded codes: ask for less, or fit a "
                "wider one"
            )

        def holds(step: float) -> bool:
            quantizer = self.quantizer(step)
            symbols = rounded(self.codes, quantizer)
            return self.error(restored(symbols, quantizer, self.codes.shape[1:])) <= allowed

        return largest_step(holds, FINEST, COARSEST)

    def quantizer(self, step: float) -> Quantizer:
        """Return the quantizer of a step, for codes that are no indices."""
        assert self.directions is not None
        return self.directions.with_step(step)


def rounded(codes: np.ndarray, quantizer: Quantizer | None) -> np.ndarray:
    """Return codes as whole numbers (n', r); those of every pixel are rows of their own."""
    if quantizer is None:
        return codes.reshape(-1, 1).astype(np.int64)
    return quantizer.rounded(codes.reshape(-1, codes.shape[-1]))


def restored(
    symbols: np.ndarray, quantizer: Quantizer | None, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the codes that whole numbers stand for, each of the shape given."""
    if quantizer is None:
        return symbols[:, 0]
    return quantizer.codes(symbols).reshape(-1, *shape)
