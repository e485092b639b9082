"""How far reconstructions are from their images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from isthmus.data.images import chunk_rows, to_unit

SIGMA = 1.5
"""Deviation in pixels of the Gaussian window of SSIM."""

RADIUS = 5
"""Pixels from the centre of that window to its edge: 3.5 deviations, a window of 11 x 11."""


def mse(X: Any, Y: Any) -> float:
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
    total = sum(float(np.square(x - y).sum()) for x, y in _pairs(X, Y))
    return total / float(np.prod(np.shape(X)))


def psnr(X: Any, Y: Any, data_range: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio of the whole set.

    ``psnr = 10 log10(data_range ** 2 / mse)``, of the mean mse over the set. It is not the mean
    of one ratio per image, which a single perfect image would make infinite.

    Parameters
    ----------
    X, Y : ndarray or Images of shape (n, ...)
        Images and their reconstructions: float values in [0, 1], or uint8, read as [0, 1].
    data_range : float
        Largest possible difference of two values, above 0.

    Returns
    -------
    float
        Decibels, higher is better; infinity if the arrays are equal.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing to compare, or `data_range` is not above 0.

    Examples
    --------
    >>> round(psnr(np.zeros((2, 3, 3)), np.full((2, 3, 3), 0.1)), 3)
    20.0
    """
    _check_range(data_range)
    error = mse(X, Y)
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(X: Any, Y: Any, data_range: float = 1.0) -> float:
    """Return the mean structural similarity, over pixels, channels and images.

    ``ssim = (2 mx my + a)(2 cxy + b) / ((mx^2 + my^2 + a)(vx + vy + b))`` with means m, variances
    v and covariance c under a Gaussian window (deviation 1.5 pixels, 11 x 11), and
    ``a = (0.01 data_range)^2``, ``b = (0.03 data_range)^2``. The 5 pixels along every border are
    left out, as their window reaches outside the image. Images with a side below 11 pixels have
    no other pixels: there borders are reflected and all pixels count. Such values compare with
    each other, not with those of larger images.

    Parameters
    ----------
    X, Y : ndarray or Images of shape (n, h, w) or (n, h, w, c)
        Images and their reconstructions: float values in [0, 1], or uint8, read as [0, 1].
    data_range : float
        Largest possible difference of two values, above 0.

    Returns
    -------
    float
        -1 to 1 (equal); higher is better.

    Raises
    ------
    ValueError
        If the arrays are vectors rather than images, the shapes differ, there is nothing to
        compare, or `data_range` is not above 0.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", 2004.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((2, 16, 16))
    >>> round(ssim(X, X), 6), ssim(X, 1 - X) < 0
    (1.0, True)
    """
    _check_range(data_range)
    if len(np.shape(X)) not in (3, 4):
        raise ValueError(
            f"SSIM of shape {np.shape(X)}: vectors have no neighbouring pixels; "
            "give (n, h, w) or (n, h, w, c) images"
        )
    total = sum(_similarity(x, y, data_range) * len(x) for x, y in _pairs(X, Y))
    return total / len(X)


def _similarity(x: np.ndarray, y: np.ndarray, data_range: float) -> float:
    # Only the sum of the two variances is needed, so four blurs do for five moments.
    a, b = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _blur(x * y) - product
    variances = _blur(x**2 + y**2) - squares
    similarity = (2 * product + a) * (2 * covariance + b)
    similarity /= (squares + a) * (variances + b)
    return float(_inside(similarity).mean())


def _blur(x: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    sigma = (0, SIGMA, SIGMA) + (0,) * (x.ndim - 3)
    return gaussian_filter(x, sigma=sigma, radius=RADIUS, mode="reflect")


def _inside(x: np.ndarray) -> np.ndarray:
    if min(x.shape[1:3]) <= 2 * RADIUS:
        return x
    return x[:, RADIUS:-RADIUS, RADIUS:-RADIUS]


def _pairs(X: Any, Y: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield matching chunks in double precision, a few megabytes at a time."""
    if np.shape(X) != np.shape(Y):
        raise ValueError(f"images of shape {np.shape(X)} against {np.shape(Y)}: they must agree")
    if 0 in np.shape(X):
        raise ValueError(f"nothing to compare in images of shape {np.shape(X)}")
    size = max(1, chunk_rows(np.shape(X)) // 32)
    for start in range(0, len(X), size):
        rows = slice(start, start + size)
        yield to_unit(X[rows]).astype(np.float64), to_unit(Y[rows]).astype(np.float64)


def _check_range(data_range: float) -> None:
    if not data_range > 0:
        raise ValueError(f"data_range={data_range} must be above 0; 1.0 for images in [0, 1]")
