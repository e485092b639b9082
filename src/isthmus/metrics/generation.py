"""How good drawn images are: whether they look real, and whether all that is real is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.images import to_unit
from isthmus.data.values import Pixels
from isthmus.latent.projections import components
from isthmus.metrics.halves import over_halves
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.prdc import NEIGHBORS, estimates, neighborhoods

WIDTH = 50
"""Principal components of the real images that distances are measured in."""


class Coverage(NamedTuple):
    """Shares between 0 and 1.

    Attributes
    ----------
    precision : float
        Of drawn images that lie within the real ones: how many look real.
    recall : float
        Of real images that lie within the drawn ones: how much of what is real is drawn.
    """

    precision: float
    recall: float


def precision_recall(real: Pixels, drawn: Pixels, k: int = 3) -> Coverage:
    r"""Return how many drawn images lie within the real ones, and the other way round.

    An image lies within a set if it is no further from one of its members than that one's k-th
    neighbour is. Distances are those of the first 50 principal components of the real images.

    Parameters
    ----------
    real, drawn : ndarray or Images of shape (n, ...) and (m, ...)
        Held-out and drawn images, as many of each, thousands if possible.
    k : int
        At least 1, and below the number of images.

    Raises
    ------
    ValueError
        If images differ in shape, or there are no more than k of either.

    References
    ----------
    T. Kynkaanniemi et al., Improved precision and recall metric for assessing generative models,
    2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real, far = rng.normal(size=(200, 2)), rng.normal(50, 1, size=(200, 2))
    >>> precision_recall(real, real), precision_recall(real, far)
    (Coverage(precision=1.0, recall=1.0), Coverage(precision=0.0, recall=0.0))
    """
    found = neighborhoods(*_projected(real, drawn), k)
    return Coverage(found.precision, found.recall)


def frechet_distance(real: Pixels, drawn: Pixels) -> float:
    r"""Return the distance of two Gaussians, fitted to real and to drawn images.

    .. math:: \|m_1 - m_2\|^2 + \mathrm{tr}(S_1 + S_2 - 2 (S_1 S_2)^{1/2})

    in the first 50 principal components of the real images: of pixels, not of a network trained on
    photographs, so that it means the same for any kind of image, and compares with nothing else.

    Parameters
    ----------
    real, drawn : ndarray or Images of shape (n, ...) and (m, ...)
        Held-out and drawn images, thousands if possible. With no more of them than dimensions the
        distance is too large, which a warning says.

    References
    ----------
    M. Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium, 2017.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(5000, 2))
    >>> round(frechet_distance(real, real + [3, 0]), 3)
    9.0
    """
    one, two = _projected(real, drawn)
    if (fewest := min(len(one), len(two))) <= one.shape[1]:
        warnings.warn(
            f"the Frechet distance of {len(one)} real and {len(two)} drawn images in "
            f"{one.shape[1]} dimensions is too large: {fewest} images do not tell the covariance "
            f"of so many; give more than {one.shape[1]} of each, thousands if possible",
            stacklevel=2,
        )
    return gaussians_apart(one, two)


def gaussians_apart(one: np.ndarray, two: np.ndarray) -> float:
    """Return the Frechet distance of Gaussians fitted to two sets of vectors (n, k), (m, k)."""
    means = float(np.square(one.mean(0) - two.mean(0)).sum())
    first, second = ((each - each.mean(0)) / np.sqrt(len(each) - 1) for each in (one, two))
    if min(len(one), len(two)) < one.shape[1]:  # the same root, of a smaller matrix
        root = float(np.linalg.svd(first @ second.T, compute_uv=False).sum())
    else:
        values = np.linalg.eigvals((first.T @ first) @ (second.T @ second)).real
        root = float(np.sqrt(np.maximum(values, 0)).sum())
    return means + float(np.square(first).sum() + np.square(second).sum()) - 2 * root


def frechet_estimate(real: np.ndarray, drawn: np.ndarray, seed: int = 0) -> Estimate:
    """Return the Frechet distance of two sets of vectors, with half of its 95 % interval.

    Examples
    --------
    >>> real = np.random.default_rng(0).normal(size=(200, 2))
    >>> found = frechet_estimate(real, real + [3, 0])
    >>> round(found.value), 0 < found.within < 2
    (9, True)
    """
    return Estimate(gaussians_apart(real, drawn), over_halves(gaussians_apart, real, drawn, seed))


def coverage(real: np.ndarray, drawn: np.ndarray, k: int = NEIGHBORS) -> float:
    """Return the share of real vectors with a drawn one nearer than their k-th real neighbour.

    Unlike recall it is not fooled by drawn ones that are far from everything and one another.

    References
    ----------
    M. Naeem et al., Reliable fidelity and diversity metrics for generative models, 2020.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(200, 2))
    >>> coverage(real, real), coverage(real, real + 50)
    (1.0, 0.0)
    """
    return neighborhoods(real, drawn, min(k, len(real) - 1, len(drawn) - 1)).coverage


def coverage_estimate(real: np.ndarray, drawn: np.ndarray, seed: int = 0) -> Estimate:
    """Return the same with half of its 95 % interval, by halves of both sets.

    Examples
    --------
    >>> real, drawn = np.random.default_rng(0).normal(size=(2, 200, 2))
    >>> 0.8 < coverage_estimate(real, drawn).value < 1
    True
    """
    return estimates(real, drawn, seed).get("coverage", Estimate(coverage(real, drawn)))


def _projected(real: Pixels, drawn: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets in the principal components of the real one."""
    one, two = _flat(real), _flat(drawn)
    if one.shape[1] != two.shape[1] or min(len(one), len(two)) < 2:
        raise ValueError(
            f"real images of shape {np.shape(real)} and drawn ones of {np.shape(drawn)}: they "
            "must agree, and be at least two each"
        )
    project = projection_of(real)
    return project(real), project(drawn)


def projection_of(real: Pixels, width: int = WIDTH) -> Callable[[Any], np.ndarray]:
    """Return the projection of images on the first principal components of real ones.

    Images of no more numbers than that are only made flat.
    """
    flat = _flat(real)
    if flat.shape[1] <= width:
        return _flat
    middle, axes = components(flat, width)
    return lambda images: (_flat(images) - middle) @ axes.T


def _flat(images: Pixels) -> np.ndarray:
    values = to_unit(np.asarray(images))
    return values.reshape(len(values), -1).astype(np.float64)
