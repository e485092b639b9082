"""What `compress` would write for images, without a file: bits of each, and at which quality."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from isthmus.codec.compress import Job
from isthmus.codec.entropy import encoded
from isthmus.codec.frames import Coded, rounded
from isthmus.codec.quantizer import Quantizer
from isthmus.codec.rate_control import Trial
from isthmus.codec.rate_curves import Each
from isthmus.data.images import Images, evenly_spaced
from isthmus.metrics.intervals import of_mean

if TYPE_CHECKING:
    from isthmus.base import Representation

STEPS = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Steps of a curve, as shares of the root mean squared error without rounding."""
DECODED = 1000
"""Images that are decoded for a point of a curve, at most."""


@dataclass(frozen=True)
class Cost:
    """A compressed file of images, as large as `isthmus.compress` makes it without a quality.

    Attributes
    ----------
    bits : ndarray of shape (n,)
        What the code of every image takes in it.
    shared : float
        Bits that all images share: header, quantizer, tables of probabilities, names, checksum.
    psnr : float
        Of what comes back, in dB by the range that the model knows.
    """

    bits: np.ndarray
    shared: float
    psnr: float

    @property
    def per_image(self) -> float:
        """Bits of the file an image, all counted but the model."""
        return float(self.bits.mean()) + self.shared / len(self.bits)

    @property
    def within(self) -> float | None:
        """Half of the 95 % interval of that, over images; None of fewer than 2."""
        return of_mean(self.bits).within


class Costs:
    """How large images become by a model, at its own quality and rounded ever more coarsely.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    images : Images
        As many as the file is to hold.
    codes : ndarray, optional
        What `encode` makes of them, grids as they are, so that nothing is encoded again.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = Costs(ist.PCA(16).fit(images.train), images.test)
    >>> 50 < found.usual.per_image < 100, len(found.curve)
    (True, 5)
    """

    def __init__(self, model: Representation, images: Images, codes: np.ndarray | None = None):
        self.coded = Coded(model, images, codes=codes)

    @cached_property
    def trial(self) -> Trial:
        """Directions in which codes are rounded."""
        return Trial.of(self.coded)

    @cached_property
    def usual(self) -> Cost:
        """What `compress` writes where neither quality nor rate is asked for."""
        writer = self._written.writer
        bits = np.concatenate(writer.bits)
        return Cost(bits, 8 * self._written.nbytes - float(bits.sum()), writer.psnr)

    @cached_property
    def _written(self) -> Job:
        return self._done(self.trial.usual())

    def _done(self, quantizer: Quantizer | None) -> Job:
        job = Job(self.coded, quantizer)
        for _ in job.pieces():
            pass
        return job

    @cached_property
    def points(self) -> list[Each]:
        """What every image takes at the points of the curve; of indices at their only one."""
        jobs = [self._done(quantizer) for quantizer in self._quantizers] or [self._written]
        return [job.each for job in jobs]

    @cached_property
    def _quantizers(self) -> list[Quantizer]:
        finest = self._finest
        if self.trial.directions is None or not 0 < finest < math.inf:
            return []
        steps = [max(step * math.sqrt(finest), self.trial.finest) for step in STEPS]
        return [self.trial.quantizer(step) for step in steps]

    @cached_property
    def _finest(self) -> float:
        return self.coded.errors([None])[0]

    @cached_property
    def curve(self) -> list[list[float]]:
        """Points (bits an image, dB below a range of 1), the finest first; none of indices."""
        quantizers, finest = self._quantizers, self._finest
        if not quantizers:
            return []
        exact, *rough = self._few.errors([None, *quantizers])
        # what rounding adds to the error is measured on some images, the error itself on all
        errors = [finest + mse - exact for mse in rough]
        return [
            [round(self._bits(quantizer), 3), round(-10 * math.log10(mse), 4)]
            for quantizer, mse in zip(quantizers, errors, strict=True)
            if mse > 0
        ]

    @property
    def _few(self) -> Coded:
        """A few of the images, and their codes."""
        images, model = self.coded.images, self.coded.model
        if len(images) <= DECODED:
            return self.coded
        rows = evenly_spaced(len(images), DECODED)
        codes = self.coded.codes
        return Coded(model, images[rows], codes=None if codes is None else codes[rows])

    def _bits(self, quantizer: Quantizer) -> float:
        """Return the bits an image of the file with another quantizer, which is as large."""
        nbytes = self._written.nbytes - self._written.writer.code_bytes
        nbytes += sum(len(encoded(rounded(codes, quantizer))[0]) for _, codes in self.coded)
        return 8 * nbytes / len(self.coded.images)
