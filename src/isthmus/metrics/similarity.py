"""Structural similarity of reconstructions and their images, at one scale and at several."""

from __future__ import annotations

import numpy as np

from isthmus.data.ranges import Range
from isthmus.data.values import Pixels
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.reconstruction import _pairs, _units, estimate

SIGMA = 1.5
"""Deviation in pixels of the Gaussian window of SSIM."""

RADIUS = 5
"""Pixels from the centre of that window to its edge: 3.5 deviations, a window of 11 x 11."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""What every scale of MS-SSIM counts, the finest first, as observers told Wang et al."""


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
    return float(_likenesses(X, Y, data_range, 1)[0].mean())


def ms_ssim(X: Pixels, Y: Pixels, data_range: float | Range | None = None) -> float:
    r"""Return the structural similarity over scales, the mean over channels and images.

    ``ms_ssim = l_M^w_M prod_j cs_j^w_j`` with the mean of contrast and structure cs, the second
    factor of `ssim`, at scale j, and the first one, l, at the coarsest only, where the two are
    averaged as one. Every scale is half of the one before: means of 2 x 2 pixels, the last row and
    column repeated where their number is odd. The weights w are .0448, .2856, .3001, .2363 and
    .1333; means below 0 count as 0. Scales with a side below 11 pixels, where the window does not
    fit, are left out and the weights of the others brought to a sum of 1: five from 161 pixels on,
    four from 81, three from 41, two from 21. Of smaller images it is `ssim`. It compares between
    images of as many scales, see `scales_of`.

    Parameters
    ----------
    X, Y : ndarray or Images of shape (n, h, w) or (n, h, w, c)
        Images and their reconstructions.
    data_range : float or (float, float), optional
        As for `ssim`.

    Returns
    -------
    float
        0 to 1 (equal); higher is better.

    Raises
    ------
    ValueError
        Where `ssim` raises it.

    References
    ----------
    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment",
    2003.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((2, 24, 24))
    >>> round(ms_ssim(X, X), 6), ms_ssim(X, 1 - X)
    (1.0, 0.0)
    """
    return float(_likenesses(X, Y, data_range, len(WEIGHTS))[1].mean())


def scales_of(height: int, width: int) -> int:
    """Return over how many scales `ms_ssim` of such images is, 1 to 5.

    Examples
    --------
    >>> scales_of(28, 28), scales_of(8, 8), scales_of(161, 500)
    (2, 1, 5)
    """
    side, scales = min(height, width), 1
    while scales < len(WEIGHTS) and (side := -(-side // 2)) > 2 * RADIUS:
        scales += 1
    return scales


def likeness(X: Pixels, Y: Pixels, data_range: float | Range | None = None) -> dict[str, Estimate]:
    """Return `ssim` and `ms_ssim` by their names, with intervals and the figures of every image.

    `ms_ssim` is there where it is of more than one scale.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((2, 24, 24))
    >>> {name: found.each.round(6) for name, found in likeness(X, X).items()}
    {'ssim': array([1., 1.]), 'ms_ssim': array([1., 1.])}
    """
    one, several = _likenesses(X, Y, data_range, len(WEIGHTS))
    found = {"ssim": estimate(one), "ms_ssim": estimate(several)}
    return found if scales_of(*np.shape(X)[1:3]) > 1 else {"ssim": found["ssim"]}


def _likenesses(
    X: Pixels, Y: Pixels, data_range: float | Range | None, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the structural similarity of every image, and over up to `most` scales."""
    white, black, width = _units(X, Y, data_range)
    if len(np.shape(X)) not in (3, 4):
        raise ValueError(
            f"SSIM of shape {np.shape(X)}: vectors have no neighbouring pixels; "
            "give (n, h, w) or (n, h, w, c) images"
        )
    scales = min(most, scales_of(*np.shape(X)[1:3]))
    pairs = ((x - black, y - black) for x, y in _pairs(X, Y, white))
    found = [_over_scales(x, y, width, scales) for x, y in pairs]
    return np.concatenate([one for one, _ in found]), np.concatenate([all_ for _, all_ in found])


def _over_scales(
    x: np.ndarray, y: np.ndarray, width: float, scales: int
) -> tuple[np.ndarray, np.ndarray]:
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    first, contrast = _similarity(x, y, width)
    if scales == 1:
        return first.mean(1), first.mean(1)
    product = np.maximum(contrast, 0) ** weights[0]
    for scale, weight in enumerate(weights[1:], start=2):
        x, y = _half(x), _half(y)
        alike, contrast = _similarity(x, y, width)
        product *= np.maximum(alike if scale == scales else contrast, 0) ** weight
    return first.mean(1), product.mean(1)


def _similarity(x: np.ndarray, y: np.ndarray, data_range: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean similarity of every image and channel, and that of contrast alone."""
    # Only the sum of the two variances is needed, so four blurs do for five moments.
    a, b = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _blur(x * y) - product
    variances = _blur(x**2 + y**2) - squares
    contrast = (2 * covariance + b) / (variances + b)
    return _mean(contrast * (2 * product + a) / (squares + a)), _mean(contrast)


def _blur(x: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    sigma = (0, SIGMA, SIGMA) + (0,) * (x.ndim - 3)
    smooth: np.ndarray = gaussian_filter(x, sigma=sigma, radius=RADIUS, mode="reflect")
    return smooth


def _mean(x: np.ndarray) -> np.ndarray:
    """Return means (n, channels) over pixels whose window lies in the image, if any does."""
    if min(x.shape[1:3]) > 2 * RADIUS:
        x = x[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
    means: np.ndarray = x.mean((1, 2)).reshape(len(x), -1)
    return means


def _half(x: np.ndarray) -> np.ndarray:
    odd = [(0, side % 2 if axis in (1, 2) else 0) for axis, side in enumerate(x.shape)]
    x = np.pad(x, odd, "edge")
    half: np.ndarray = (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
    return half
