"""Classical filters that take noise out: median, non-local means, principal components."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

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
COMPONENTS = (8, 16, 32, 64, 128)
"""Principal components that are tried."""


def median(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield medians over windows of a few sizes."""
    from scipy.ndimage import median_filter

    for side in WINDOWS:
        window = (1, side, side, 1)[: noisy.ndim]
        yield f"median {side}x{side}", median_filter(noisy, window)


def non_local_means(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield non-local means of a few patches and cut-offs, told the deviation of the noise."""
    try:
        from skimage.restoration import denoise_nl_means
    except ImportError:
        raise ImportError(
            "non-local means needs scikit-image: pip install 'isthmus[filters]'"
        ) from None
    for patch, cutoff in itertools.product(PATCHES, CUTOFFS):
        options = {"patch_size": patch, "patch_distance": 7, "h": cutoff * sigma, "sigma": sigma}
        found = [denoise_nl_means(image, channel_axis=-1, **options) for image in noisy]
        yield f"non-local means {patch}x{patch}, {cutoff:g} sigma", np.reshape(found, noisy.shape)


def principal(reference: ImagesLike | None) -> Filter:
    """Return a filter that keeps a few principal components of clean images."""
    images = as_images(reference)
    widest = min(len(images), int(np.prod(images.shape[1:])))
    pca = PCA(min(max(COMPONENTS), widest)).fit(images)

    def attempts(noisy: np.ndarray, sigma: float) -> Iterator[tuple[str, np.ndarray]]:
        codes = pca.encode(noisy)
        for width in (width for width in COMPONENTS if width <= pca.n_components_):
            kept = np.where(np.arange(codes.shape[1]) < width, codes, 0)
            yield f"PCA {width}", pca.decode(kept).reshape(noisy.shape)

    return attempts
