"""How many bits a code takes at which quality: a curve, measured on few images."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from isthmus.codec.quantizer import directions_of
from isthmus.data.images import Images, evenly_spaced, to_unit
from isthmus.metrics.rate import cross_entropy

STEPS = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Steps to which codes are rounded for a rate curve, as shares of the root mean squared error."""


def rate_curve(
    train: np.ndarray, test: np.ndarray, decode: Callable[[np.ndarray], np.ndarray], X: Images
) -> list[list[float]]:
    """Return points (bits for one image, dB) of a code rounded to ever coarser steps.

    Codes are rounded along uncorrelated directions that matter alike, by one step for all of
    them; bits are those of an entropy coder that knows the histograms of training codes. Errors
    are in dB below a range of 1.

    Parameters
    ----------
    train, test : ndarray of shape (n, k) and (m, k)
        Codes of training images, and of those looked at.
    decode : callable
        From codes to images.
    X : Images of shape (m, ...)
        The images looked at.
    """
    truth = to_unit(np.asarray(X)).reshape(len(X), -1)

    def error(codes: np.ndarray) -> float:
        back = np.asarray(decode(codes)).reshape(len(codes), -1)
        return float(np.mean(np.square(back - truth), dtype=np.float64))

    train = train[evenly_spaced(len(train), 2000)]
    finest = error(test)
    if not 0 < finest < math.inf:
        return []
    found = directions_of(train, decode, len(train), decodes=512)
    points = []
    for step in STEPS:
        quantizer = found.with_step(step * math.sqrt(finest))
        symbols, known = quantizer.rounded(test), quantizer.rounded(train)
        bits = sum(map(cross_entropy, known.T, symbols.T))
        mse = error(quantizer.codes(symbols))
        points.append([round(float(bits), 3), round(-10 * math.log10(mse), 4)])
    return points
