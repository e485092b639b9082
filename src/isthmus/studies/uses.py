"""What a representation is good for beyond its error: how sure, its samples, its rate, its words.

All of it is measured on few images, so that it takes a second a model at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from isthmus.codec.quantizer import directions_of
from isthmus.codes import features, pixels_of
from isthmus.data.images import Images, evenly_spaced, to_unit
from isthmus.metrics.generation import coverage, gaussians_apart, projection_of
from isthmus.metrics.rate import cross_entropy
from isthmus.verbs.traverse import ordered

NUMBERS = 2**21
"""Numbers in the images that are decoded for one of these measures, at most; see `_few`."""
DRAWN = 1000
"""Images drawn to be compared with as many held-out ones, at most."""
FEWEST = 40
"""Held-out images that tell how real drawn ones look, at least."""
WIDTH = 50
"""Principal components of the real images that samples are compared in, at most."""
TIMES = 16
"""Resamplings that tell how sure a Frechet distance is."""
STEPS = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Steps to which codes are rounded for a rate curve, as shares of the root mean squared error."""
LEADING = 5
"""Numbers of a code that are kept to see how much few of them say."""


def uses(
    model: Any, held: Images, codes: np.ndarray, codes_train: np.ndarray, seed: int = 0
) -> dict[str, Any]:
    """Return what the answers of a report need to know of a model.

    Parameters
    ----------
    model : Representation
        Fitted.
    held : Images
        Held-out images.
    codes, codes_train : ndarray
        Their codes, and those of training images: indices, or vectors.
    seed : int
        Of the samples and resamplings.

    Returns
    -------
    dict
        numbers of a code (1 of an index) and held_out, how many images were measured;
        frechet, frechet_within and variety of what it draws; rate, points (bits, PSNR in dB
        below a range of 1) of codes that are rounded ever more coarsely; leading, the share of
        what differs between images that the leading 5 numbers of a code tell, and half of its
        interval, leading_within. Measures that a
        model has not are left out.
    """
    numbers = int(np.prod(model.code_shape_of(held.shape[1:])))
    found: dict[str, Any] = {"numbers": numbers, "held_out": len(held)}
    if model.can("sample"):
        found |= samples(model, held, seed)
    vectors = codes.ndim == 2 and codes.shape[1] and np.isfinite(codes).all()
    if model.can("decode") and vectors and model.code_kind_ in ("vector", "grid"):
        few = _few(held)
        some = features(model, few)
        found["rate"] = rate_curve(codes_train, some, model.decode, few)
        share, within = leading(model, codes_train, some, few)
        found |= {"leading": share, "leading_within": within}
    return found


def _few(images: Images, most: int = 300, least: int = 8) -> Images:
    return images.evenly(min(most, max(least, NUMBERS // pixels_of(images)), len(images)))


def psnr_within(X: Any, back: Any) -> float | None:
    r"""Return how far the PSNR may be from that of all such images, in dB (95 %).

    Of per-image errors with mean m and deviation s over n images, by the normal distribution and
    the slope of the logarithm: :math:`\frac{10}{\ln 10} \cdot 1.96 \frac{s}{m \sqrt n}`.

    Examples
    --------
    >>> X = np.zeros((4, 2), dtype=np.float32)
    >>> psnr_within(X, X + [[0.1], [0.1], [0.1], [0.1]])
    0.0
    """
    if len(X) < 2:
        return None
    errors = np.concatenate(
        [
            np.square(to_unit(np.asarray(X[i : i + 500])) - to_unit(np.asarray(back[i : i + 500])))
            .reshape(len(X[i : i + 500]), -1)
            .mean(1, dtype=np.float64)
            for i in range(0, len(X), 500)
        ]
    )
    if not errors.mean() > 0:
        return 0.0
    share = 1.96 * errors.std(ddof=1) / (errors.mean() * math.sqrt(len(errors)))
    return round(10 / math.log(10) * float(share), 6)


def samples(model: Any, held: Images, seed: int = 0) -> dict[str, float]:
    """Return how near drawn images are to held-out ones, and how much of these they cover.

    Features are the leading principal components of the held-out images, 50 or a fourth of their
    number: the same for all models of a study. The distance is given with a 95 % interval by
    resampling; nothing is said of fewer than 40 held-out images.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = samples(ist.PCA(8).fit(images.train), images.test)
    >>> sorted(found), 0 < found["variety"] <= 1
    (['frechet', 'frechet_within', 'variety'], True)
    """
    if len(held) < FEWEST:
        return {}
    real = _few(held, DRAWN, FEWEST)
    drawn = np.asarray(model.sample(len(real), random_state=seed))
    drawn = drawn.reshape(len(drawn), -1)
    if not np.isfinite(drawn).all():
        return {}
    project = projection_of(np.asarray(real), min(WIDTH, len(real) // 4))
    one, two = project(np.asarray(real)), project(drawn)
    rng = np.random.default_rng(seed)
    again = [
        gaussians_apart(
            one[rng.integers(len(one), size=len(one))], two[rng.integers(len(two), size=len(two))]
        )
        for _ in range(TIMES)
    ]
    return {
        "frechet": gaussians_apart(one, two),
        "frechet_within": 1.96 * float(np.std(again)),
        "variety": coverage(one, two),
    }


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


def leading(
    model: Any, train: np.ndarray, test: np.ndarray, X: Images, n: int = LEADING
) -> tuple[float, float]:
    """Return the share of what differs between images that few numbers tell, and how sure it is.

    All other numbers are set to their mean of training codes; the leading ones are those with
    the greatest KL divergence or variance, as in a traversal. 0 is no better than the mean image;
    the second number is half of a 95 % interval (of a ratio, by the normal distribution).
    """
    kept = ordered(model, train, train.shape[1])[:n]
    codes = np.tile(train.mean(0, dtype=np.float64), (len(test), 1))
    codes[:, kept] = test[:, kept]
    truth = to_unit(np.asarray(X)).reshape(len(X), -1).astype(np.float64)
    back = np.asarray(model.decode(codes.astype(train.dtype))).reshape(len(X), -1)
    spread = np.square(truth - truth.mean(0)).mean(1)
    error = np.square(truth - back).mean(1)
    if not spread.mean() > 0:
        return 0.0, 0.0
    left = float(error.mean() / spread.mean())
    deviation = float(np.std(error - left * spread)) / math.sqrt(len(X))
    return max(0.0, 1 - left), 1.96 * deviation / float(spread.mean())
