"""How much every dimension of a Gaussian posterior says, and which have collapsed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def kl_per_dimension(mean: ArrayLike, log_variance: ArrayLike) -> np.ndarray:
    r"""Return how much every dimension of a Gaussian posterior says, in nats an image.

    :math:`\frac12 \mathrm{mean}_i(\mu_{ij}^2 + \sigma_{ij}^2 - \log \sigma_{ij}^2 - 1)`: the
    divergence from N(0, 1), averaged over the images.

    Parameters
    ----------
    mean, log_variance : array_like of shape (n, k)
        Of the posterior of every image.

    Returns
    -------
    ndarray of shape (k,)
        0 where the posterior is the prior.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> kl_per_dimension([[1.0, 0.0], [-1.0, 0.0]], np.zeros((2, 2))).tolist()
    [0.5, 0.0]
    """
    kl: np.ndarray = divergences(mean, log_variance).mean(0)
    return kl


def divergences(mean: ArrayLike, log_variance: ArrayLike) -> np.ndarray:
    """Return what `kl_per_dimension` gives the means of: of every image, (n, k)."""
    mean, log_variance = (np.asarray(a, dtype=np.float64) for a in (mean, log_variance))
    if mean.shape != log_variance.shape or mean.ndim != 2:
        raise ValueError(
            f"means of shape {mean.shape} and log-variances of {log_variance.shape}: expected "
            "(n, k) both"
        )
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)


def active_units(
    mean: ArrayLike, log_variance: ArrayLike | None = None, threshold: float = 0.01
) -> np.ndarray:
    r"""Return which dimensions of a code carry anything: the rest have collapsed to the prior.

    By the variance criterion :math:`\mathrm{Var}_i(\mu_{ij})` exceeds the threshold; where
    log-variances are given, by the KL divergence of the dimension instead, in nats.

    Parameters
    ----------
    mean : array_like of shape (n, k)
        Codes: the posterior means of a VAE.
    log_variance : array_like of shape (n, k), optional
        Of the posterior.
    threshold : float
        What must be exceeded.

    Returns
    -------
    ndarray of bool of shape (k,)

    Raises
    ------
    ValueError
        If the codes are not (n, k) vectors.

    References
    ----------
    Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016 (the variance).

    Examples
    --------
    >>> Z = np.random.default_rng(0).normal(size=(100, 2)) * [1, 0.01]
    >>> active_units(Z).tolist()
    [True, False]
    """
    if log_variance is not None:
        return kl_per_dimension(mean, log_variance) > threshold
    active: np.ndarray = as_vectors(mean).var(0) > threshold
    return active


def as_vectors(Z: ArrayLike) -> np.ndarray:
    """Return codes as a float64 array (n, k), refusing what is none.

    Examples
    --------
    >>> as_vectors([[1, 2]]).dtype
    dtype('float64')
    """
    Z = np.asarray(Z, dtype=np.float64)
    if Z.ndim != 2 or 0 in Z.shape:
        raise ValueError(f"codes of shape {Z.shape}: expected vectors (n, k)")
    if not np.isfinite(Z).all():
        raise ValueError("codes hold NaN or infinity; was the model trained?")
    return Z
