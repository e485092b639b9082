"""How far reconstructions are from their images."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from isthmus.data.images import Images, chunk_rows, to_unit
from isthmus.data.ranges import UNIT, WHITE, Range, in_words, range_of
from isthmus.data.values import Pixels
from isthmus.metrics.intervals import Estimate

UNLIKE_UNIT = 10.0
"""Floats beyond this cannot be meant to lie in 0..1, however noisy they are."""


def mse(X: Pixels, Y: Pixels) -> float:
    """Return the mean squared error over all values of all images.

    ``mse = mean((X - Y) ** 2)``, summed in double precision.

    Parameters
    ----------
    X, Y : ndarray or Images of shape (n, ...)
        Images and their reconstructions: float values in [0, 1], or uint8, read as [0, 1].

    Returns
    -------
    float
        Squared units of the values: 0 (equal) to 1 where both lie in [0, 1]. NaN if a
        value is NaN, as the reconstructions of a diverged model are.

    Raises
    ------
    ValueError
        If the shapes differ, or there is nothing to compare.

    Examples
    --------
    >>> mse(np.zeros((2, 3, 3)), np.full((2, 3, 3), 0.5))
    0.25
    """
    return _mse(X, Y, 1.0)


def mse_estimate(X: Pixels, Y: Pixels) -> Estimate:
    """Return the mean squared error, with its interval and the error of every image.

    Examples
    --------
    >>> mse_estimate(np.zeros((2, 3, 3)), np.full((2, 3, 3), 0.5)).each
    array([0.25, 0.25])
    """
    each = errors(X, Y)
    return Estimate(mse(X, Y), mean_within(each), each)


def mae(X: Pixels, Y: Pixels) -> float:
    """Return the mean absolute error over all values of all images.

    ``mae = mean(|X - Y|)``, summed in double precision. Far errors count for less than in `mse`.

    Parameters
    ----------
    X, Y : ndarray or Images of shape (n, ...)
        Images and their reconstructions, as for `mse`.

    Returns
    -------
    float
        In units of the values: 0 (equal) to 1 where both lie in [0, 1].

    Raises
    ------
    ValueError
        If the shapes differ, or there is nothing to compare.

    Examples
    --------
    >>> mae(np.zeros((2, 3, 3)), np.full((2, 3, 3), 0.5))
    0.5
    """
    return mae_estimate(X, Y).value


def mae_estimate(X: Pixels, Y: Pixels) -> Estimate:
    """Return the mean absolute error, with its interval and the error of every image.

    Examples
    --------
    >>> mae_estimate(np.zeros((2, 3, 3)), np.full((2, 3, 3), 0.5)).each
    array([0.5, 0.5])
    """
    return estimate(_each(np.abs, X, Y))


def errors(X: Pixels, Y: Pixels) -> np.ndarray:
    """Return the mean squared error of every image, (n,)."""
    return _each(np.square, X, Y)


def _each(of: np.ufunc, X: Pixels, Y: Pixels) -> np.ndarray:
    """Return the mean of a function of differences over every image."""
    pairs = _pairs(X, Y, 1.0)
    return np.concatenate([of(x - y).reshape(len(x), -1).mean(1) for x, y in pairs])


def _mse(X: Pixels, Y: Pixels, white: float) -> float:
    total = sum(float(np.square(x - y).sum()) for x, y in _pairs(X, Y, white))
    return total / float(np.prod(np.shape(X)))


def psnr(X: Pixels, Y: Pixels, data_range: float | Range | None = None) -> float:
    """Return the peak signal-to-noise ratio of the whole set.

    ``psnr = 10 log10(data_range ** 2 / mse)``, of the mean mse over the set. It is not the mean
    of one ratio per image, which a single perfect image would make infinite.

    Parameters
    ----------
    X, Y : ndarray or Images of shape (n, ...)
        Images and their reconstructions.
    data_range : float or (float, float), optional
        Largest possible difference of two values, in the units of the arrays, above 0; or what
        black and white are. By default that of X: 0 and 255 for uint8, 65535 for uint16, 0 and 1
        for floats in [0, 1], -1 and 1 for those in [-1, 1], for others the least and the greatest
        value of X. uint8 beside floats is read as 0..1, but as 0..255 if `data_range` is above 1.

    Returns
    -------
    float
        Decibels, higher is better; infinity if the arrays are equal.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing to compare, `data_range` is not above 0, or floats
        beside uint8 are not in 0..1 and no `data_range` says so.

    Examples
    --------
    >>> round(psnr(np.zeros((2, 3, 3)), np.full((2, 3, 3), 0.1)), 3)
    20.0
    >>> black, grey = np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 51, np.uint8)
    >>> round(psnr(black, grey), 3), round(psnr(black / 127.5 - 1, grey / 127.5 - 1), 3)
    (13.979, 13.979)
    """
    white, _, width = _units(X, Y, data_range)
    error = _mse(X, Y, white)
    return float("inf") if error == 0 else float(10 * np.log10(width**2 / error))


def psnr_estimate(X: Pixels, Y: Pixels, data_range: float | Range | None = None) -> Estimate:
    """Return the PSNR, and half of its 95 % interval.

    Examples
    --------
    >>> tuple(map(round, psnr_estimate(np.zeros((2, 3, 3)), np.full((2, 3, 3), 0.1))[:2]))
    (20, 0)
    """
    return Estimate(psnr(X, Y, data_range), psnr_within(X, Y))


def psnr_within(X: Pixels, Y: Pixels) -> float | None:
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
    each = errors(X, Y)
    if not each.mean() > 0:
        return 0.0
    share = 1.96 * each.std(ddof=1) / (each.mean() * math.sqrt(len(each)))
    return round(10 / math.log(10) * float(share), 6)


def estimate(each: np.ndarray) -> Estimate:
    """Return the mean of a figure of every image, with its interval and these figures.

    Examples
    --------
    >>> estimate(np.array([1.0, 3.0])).value
    2.0
    """
    return Estimate(float(each.mean()), mean_within(each), each)


def mean_within(each: np.ndarray) -> float | None:
    """Return half of the 95 % interval of a mean over images, by the normal distribution.

    Examples
    --------
    >>> round(mean_within(np.array([0.0, 1.0, 0.0, 1.0])), 3)
    0.566
    """
    if len(each) < 2 or not np.isfinite(each).all():
        return None
    return float(f"{1.96 * each.std(ddof=1) / math.sqrt(len(each)):.6g}")


def told(X: Pixels, Y: Pixels) -> Estimate:
    """Return the share of what differs between images that is in others, and how sure it is.

    0 is no better than the mean image. The interval is that of a ratio, by the normal
    distribution.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> told(X, X).value, told(X, np.full((2, 2), 0.5)).value
    (1.0, 0.0)
    """
    truth = to_unit(np.asarray(X)).reshape(len(X), -1).astype(np.float64)
    back = np.asarray(Y).reshape(len(X), -1)
    spread = np.square(truth - truth.mean(0)).mean(1)
    error = np.square(truth - back).mean(1)
    if not spread.mean() > 0:
        return Estimate(0.0, 0.0)
    left = float(error.mean() / spread.mean())
    deviation = float(np.std(error - left * spread)) / math.sqrt(len(X))
    return Estimate(
        max(0.0, 1 - left), 1.96 * deviation / float(spread.mean()), 1 - error / spread.mean()
    )


def _pairs(X: Pixels, Y: Pixels, white: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield matching chunks in double precision, a few megabytes at a time."""
    _check_shapes(X, Y)
    size = max(1, chunk_rows(np.shape(X)) // 32)
    for start in range(0, len(X), size):
        rows = slice(start, start + size)
        yield _floats(X[rows], white), _floats(Y[rows], white)


def _floats(images: Pixels, white: float) -> np.ndarray:
    values = np.asarray(images)
    # the same numbers as models see: 51 is 0.2 in single precision
    unit = values.dtype == np.uint8 and white == 1
    return (values / np.float32(255) if unit else values).astype(np.float64)


def _check_shapes(X: Pixels, Y: Pixels) -> None:
    if np.shape(X) != np.shape(Y):
        raise ValueError(f"images of shape {np.shape(X)} against {np.shape(Y)}: they must agree")
    if 0 in np.shape(X):
        raise ValueError(f"nothing to compare in images of shape {np.shape(X)}")


def _units(X: Pixels, Y: Pixels, data_range: float | Range | None) -> tuple[float, float, float]:
    """Return what stands for 255 in uint8 images, black, and the largest difference."""
    _check_shapes(X, Y)
    kinds = [(Z if isinstance(Z, Images) else np.asarray(Z)).dtype for Z in (X, Y)]
    eights = [kind == np.uint8 for kind in kinds]
    if data_range is None:
        low, high = _ends(X, Y, kinds)
    elif isinstance(data_range, tuple | list):
        low, high = map(float, data_range)
    else:
        low, high = 0.0, float(data_range)
    if not high > low:
        raise ValueError(
            f"data_range={data_range} must be above 0: 255 for uint8, 1 for images in [0, 1]"
        )
    read = isinstance(data_range, tuple | list) and (low, high) == UNIT
    keeps = all(eights) and not read
    return (255.0 if keeps or (any(eights) and high - low > 1) else 1.0), low, high - low


def _ends(X: Pixels, Y: Pixels, kinds: list[np.dtype]) -> Range:
    """Return what black and white are in the units of the arrays."""
    if kinds[0] == kinds[1] and kinds[0].name in WHITE:
        return 0.0, float(WHITE[kinds[0].name])
    if np.uint8 in kinds:
        other = Y if kinds[0] == np.uint8 else X
        low, high = range_of(_chunks(other))
        if low < 1 - UNLIKE_UNIT or high > UNLIKE_UNIT:
            raise ValueError(
                f"uint8 images beside values from {in_words((low, high))}: pass data_range=255 "
                "if these are 0..255 too, and data_range=1 if they are meant to be 0..1"
            )
        return UNIT
    return X.value_range if isinstance(X, Images) else range_of(_chunks(X))


def _chunks(X: Pixels) -> Iterator[np.ndarray]:
    return X.chunks() if isinstance(X, Images) else iter([np.asarray(X)])
