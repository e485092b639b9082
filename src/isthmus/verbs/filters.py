"""Classical filters that take noise out: medians, means, variation, principal components."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from isthmus.data.images import as_images
from isthmus.models.pca import PCA
from isthmus.verbs.parameters import ImagesLike

Filter = Callable[[np.ndarray, float], Iterator[tuple[str, np.ndarray]]]
"""From noisy images and the deviation of their noise to settings, and what each makes of them."""

WINDOWS = (3, 5)
"""Sides of the median's window that are tried."""
PATCHES = (3, 5)
"""Sides of the patches that non-local means compares."""
CUTOFFS = (0.4, 0.6, 0.8, 1.0)
"""Of non-local means, in deviations of the noise."""
WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Of total variation, in deviations of the noise."""
COMPONENTS = (8, 16, 32, 64, 128, 256, 512)
"""Principal components that are tried."""
WIDEST = 1024
"""Principal components that are shrunk, at most: what lies beyond is taken for noise."""


def median(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield medians over windows of a few sizes."""
    from scipy.ndimage import median_filter

    for side in WINDOWS:
        window = (1, side, side, 1)[: noisy.ndim]
        yield f"median {side}x{side}", median_filter(noisy, window)


def non_local_means(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield non-local means of a few patches and cut-offs, told the deviation of the noise."""
    for patch, cutoff in itertools.product(PATCHES, CUTOFFS):
        options = {"patch_size": patch, "patch_distance": 7, "h": cutoff * sigma, "sigma": sigma}
        name = f"non-local means {patch}x{patch}, {cutoff:g} sigma"
        yield name, _each("denoise_nl_means", noisy, **options)


def total_variation(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the images of least total variation about as far away as the noise has moved them.

    References
    ----------
    L. Rudin, S. Osher and E. Fatemi, Nonlinear total variation based noise removal algorithms,
    1992.
    A. Chambolle, An algorithm for total variation minimization and applications, 2004.
    """
    for weight in WEIGHTS:
        name = f"total variation {weight:g} sigma"
        yield name, _each("denoise_tv_chambolle", noisy, weight=max(weight * sigma, 1e-6))


def _each(name: str, noisy: np.ndarray, **options: Any) -> np.ndarray:
    """Return what a function of scikit-image makes of every image, in turn."""
    try:
        from skimage import restoration
    except ImportError:
        raise ImportError(
            "the filters beside the models need scikit-image: pip install 'isthmus[filters]'"
        ) from None
    filtered = getattr(restoration, name)
    return np.reshape([filtered(x, channel_axis=-1, **options) for x in noisy], noisy.shape)


def principal(reference: ImagesLike) -> tuple[Filter, Filter]:
    r"""Return two filters by the principal components of clean images.

    One keeps a few of them. The other, Wiener's, shrinks each by what it holds of images and of
    noise, :math:`\lambda_i / (\lambda_i + \sigma^2)`: no filter that is linear does better on
    images of these variances.

    References
    ----------
    N. Wiener, Extrapolation, interpolation, and smoothing of stationary time series, 1949.
    """
    images = as_images(reference)
    widest = min(len(images), int(np.prod(images.shape[1:])))
    pca = PCA(min(WIDEST, widest)).fit(images)

    def kept(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
        codes = pca.encode(noisy)
        for width in (width for width in COMPONENTS if width <= pca.n_components_):
            some = np.where(np.arange(codes.shape[1]) < width, codes, 0)
            yield f"PCA {width}", pca.decode(some).reshape(noisy.shape)

    def shrunk(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
        variance = pca.explained_variance_
        shares = variance / np.maximum(variance + sigma**2, 1e-12)
        codes = (pca.encode(noisy) * shares).astype(np.float32)
        yield f"Wiener {pca.n_components_}", pca.decode(codes).reshape(noisy.shape)

    return kept, shrunk
