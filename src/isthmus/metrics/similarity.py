"""Structural similarity of reconstructions and their images."""

from __future__ import annotations

import numpy as np

from isthmus.data.ranges import Range
from isthmus.data.values import Pixels
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.reconstruction import _pairs, _units, mean_within

SIGMA = 1.5
"""Deviation in pixels of the Gaussian window of SSIM."""

RADIUS = 5
"""Pixels from the centre of that window to its edge: 3.5 deviations, a window of 11 x 11."""


def ssim(X: Pixels, Y: Pixels, data_range: float | Range | None = None) -> float:
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
        Images and their reconstructions.
    data_range : float or (float, float), optional
        As for `psnr`. Black, where it is known, is taken off all values first, so that -1..1 has
        the scores of 0..1.

    Returns
    -------
    float
        -1 to 1 (equal); higher is better.

    Raises
    ------
    ValueError
        If the arrays are vectors rather than images, and where `psnr` raises it.

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
    return float(similarities(X, Y, data_range).mean())


def ssim_estimate(X: Pixels, Y: Pixels, data_range: float | Range | None = None) -> Estimate:
    """Return the mean structural similarity, with its interval and that of every image.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((2, 16, 16))
    >>> ssim_estimate(X, X).each.round(6)
    array([1., 1.])
    """
    each = similarities(X, Y, data_range)
    return Estimate(float(each.mean()), mean_within(each), each)


def similarities(X: Pixels, Y: Pixels, data_range: float | Range | None = None) -> np.ndarray:
    """Return the structural similarity of every image, (n,); see `ssim`."""
    white, black, width = _units(X, Y, data_range)
    if len(np.shape(X)) not in (3, 4):
        raise ValueError(
            f"SSIM of shape {np.shape(X)}: vectors have no neighbouring pixels; "
            "give (n, h, w) or (n, h, w, c) images"
        )
    pairs = ((x - black, y - black) for x, y in _pairs(X, Y, white))
    return np.concatenate([_similarity(x, y, width) for x, y in pairs])


def _similarity(x: np.ndarray, y: np.ndarray, data_range: float) -> np.ndarray:
    # Only the sum of the two variances is needed, so four blurs do for five moments.
    a, b = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _blur(x * y) - product
    variances = _blur(x**2 + y**2) - squares
    similarity = (2 * product + a) * (2 * covariance + b)
    similarity /= (squares + a) * (variances + b)
    inside = _inside(similarity)
    means: np.ndarray = inside.reshape(len(inside), -1).mean(1)
    return means


def _blur(x: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    sigma = (0, SIGMA, SIGMA) + (0,) * (x.ndim - 3)
    smooth: np.ndarray = gaussian_filter(x, sigma=sigma, radius=RADIUS, mode="reflect")
    return smooth


def _inside(x: np.ndarray) -> np.ndarray:
    if min(x.shape[1:3]) <= 2 * RADIUS:
        return x
    return x[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
