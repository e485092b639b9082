"""Probabilistic PCA: the best VAE with linear networks, at which others begin."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from isthmus.nets.bounds import LEAST_SIGMA


class LinearVAE(NamedTuple):
    """The best VAE with linear networks: numbers of every latent, and the noise of a pixel.

    Attributes
    ----------
    down, up : ndarray of shape (k,)
        From the component along an axis to the posterior mean, and from the latent back.
    log_var : ndarray of shape (k,)
        Logarithm of the posterior variance, the same for all images.
    sigma : float
        Deviation of a pixel.
    """

    down: np.ndarray
    up: np.ndarray
    log_var: np.ndarray
    sigma: float


def probabilistic_pca(
    variance: np.ndarray, rest: float, d: int, k: int, beta: float = 1.0, sigma: float = 0.0
) -> LinearVAE:
    r"""Return the linear VAE with the highest bound, in closed form: probabilistic PCA.

    With eigenvalues :math:`l_i` of the covariance, of which the a largest are told,

    .. math::
        \sigma^2 = \frac{\sum_{i>a} l_i}{d - \beta a}, \quad t = \beta \sigma^2, \quad
        x = \mu + \sum_i \sqrt{l_i - t}\, z_i v_i, \quad
        q(z_i|x) = N\Bigl(\frac{\sqrt{l_i - t}}{l_i} v_i^T (x - \mu), \frac{t}{l_i}\Bigr)

    For ``beta=1`` that is the maximum likelihood, :math:`\sigma^2` the mean variance of the
    directions left out, and q the exact posterior: the bound is the likelihood. Any other beta
    moves the threshold t: a direction is told where it has more variance, else its latent is the
    prior.

    Parameters
    ----------
    variance : array of shape (m,)
        Along the leading axes, the largest first.
    rest : float
        Variance along all other directions, together.
    d, k : int
        Numbers in an image and in a code.
    beta : float
        Weight of the KL.
    sigma : float
        Deviation of a pixel, where it is known; 0 for the one that fits best.

    References
    ----------
    M. Tipping and C. Bishop, Probabilistic principal component analysis, 1999.
    J. Lucas et al., Don't blame the ELBO! A linear VAE perspective on posterior collapse, 2019.

    Examples
    --------
    >>> start = probabilistic_pca([4.0, 1.0], 1.0, 4, 1)  # 2 of variance in 3 other directions
    >>> round(start.sigma**2, 3), start.up.round(3).tolist()
    (0.667, [1.826])
    """
    told = np.zeros(k)
    most = min(k, len(variance), d - 1)
    told[:most] = np.asarray(variance, float)[:most]
    total = float(np.sum(np.asarray(variance, float))) + rest
    if not sigma:
        sigma = _fitting_sigma(told[:most], total, d, beta)
    threshold = max(beta * sigma**2, LEAST_SIGMA**2)
    signal = np.sqrt(np.maximum(told - threshold, 0))
    speaks = signal > 0
    down = np.divide(signal, told, out=np.zeros(k), where=speaks)
    log_var = np.log(np.divide(threshold, told, out=np.ones(k), where=speaks))
    return LinearVAE(down, signal, log_var, sigma)


def _fitting_sigma(told: np.ndarray, total: float, d: int, beta: float) -> float:
    """Return the deviation at which just the directions above the threshold are told."""
    for count in range(len(told), -1, -1):
        if d <= beta * count:
            continue
        square = max(0.0, total - float(told[:count].sum())) / (d - beta * count)
        if not count or told[count - 1] > beta * square:
            break
    return max(math.sqrt(square), LEAST_SIGMA)
