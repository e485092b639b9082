"""What a code is good for, written once over the verbs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.images import with_channels
from isthmus.words import one_of

Extent = tuple[float, float, float, float]
"""Lowest and highest first number of a code, lowest and highest second."""

MARGIN = 0.1
"""Share of its width that a plane goes on beyond the outermost codes."""


def reconstruct(model: Any, X: Any) -> np.ndarray:
    """Return what is left of images after the narrow code: ``decode(encode(X))``.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    X : Images or array of shape (n, ...)
        Images of the shape the model was fitted on.

    Returns
    -------
    ndarray
        Float, in the shape of the images fitted on.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> ist.reconstruct(ist.PCA(10).fit(images.train), images.test).shape
    (359, 8, 8, 1)
    """
    return model.decode(model.encode(X))


def morph(model: Any, a: Any, b: Any, steps: int = 9, how: str = "linear") -> np.ndarray:
    r"""Return the images on the way from one image to another.

    They are decoded from codes between theirs, :math:`(1 - t) z_a + t z_b`, or on the arc between
    them: the one in the middle is the "semantic average" of both.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode vectors.
    a, b : array or Images of one image
        The first and the last; each comes back as its reconstruction.
    steps : int
        How many images, at least 2.
    how : {"linear", "spherical"}
        Straight, or round the origin: the length of the codes then changes evenly, which suits
        models whose codes lie on a shell around the origin (VAE, GAN).

    Returns
    -------
    ndarray of shape (steps, ...)

    Raises
    ------
    ValueError
        If a code of the model is an index, an image is of another shape, or `steps` or `how` is
        out of its range.

    References
    ----------
    T. White, Sampling generative networks, 2016 (the arc).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> ist.morph(ist.PCA(10).fit(images.train), images.test[0], images.test[1], 5).shape
    (5, 8, 8, 1)
    """
    return model.decode(between(code_of(model, a), code_of(model, b), steps, how))


def between(a: Any, b: Any, steps: int = 9, how: str = "linear") -> np.ndarray:
    """Return codes on the way from one to another, (steps, k); see `morph`.

    Examples
    --------
    >>> between([1.0, 0.0], [0.0, 1.0], 3, "spherical").round(3)
    array([[1.   , 0.   ],
           [0.707, 0.707],
           [0.   , 1.   ]], dtype=float32)
    """
    one_of("how", how, ("linear", "spherical"))
    if steps < 2:
        raise ValueError(f"steps={steps} must be at least 2: both ends belong to the way")
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = float(a @ b) / max(float(lengths[0] * lengths[1]), 1e-12)
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    straight = how == "linear" or min(lengths) == 0 or math.sin(angle) < 1e-6
    if straight:  # an arc through the origin, or of no angle, is a line
        return ((1 - t) * a + t * b).astype(np.float32)
    directions = np.sin((1 - t) * angle) * a / lengths[0] + np.sin(t * angle) * b / lengths[1]
    length = (1 - t) * lengths[0] + t * lengths[1]
    return (length * directions / math.sin(angle)).astype(np.float32)


def traverse(
    model: Any,
    start: Any,
    dims: Sequence[int] | None = None,
    steps: int = 9,
    *,
    values: Any = None,
    among: Any = None,
) -> np.ndarray:
    """Return what becomes of an image when one number of its code is changed, and no other.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode vectors.
    start : array or Images of one image, or array of shape (k,)
        The image, or the code, to start from.
    dims : sequence of int, optional
        Which numbers of the code; by default all.
    steps : int
        How many values each of them takes, evenly spaced from the lowest to the highest.
    values : array of shape (steps,) or (len(dims), steps), optional
        The values themselves.
    among : Images or array of shape (n, ...), optional
        Images whose codes say how low and high: from their 1st to their 99th percentile. Without
        them the span is 2.5 standard deviations of the training codes around their mean where
        the model knows these, and else from -2.5 to 2.5.

    Returns
    -------
    ndarray of shape (len(dims), steps, ...)
        A row of images for every number of the code.

    Raises
    ------
    ValueError
        If a code of the model is an index, or a dimension is not one of its numbers.

    References
    ----------
    I. Higgins et al., beta-VAE: learning basic visual concepts with a constrained variational
    framework, 2017.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> ist.traverse(pca, images.test[0], dims=[0, 1], steps=7).shape
    (2, 7, 8, 8, 1)
    """
    z = code_of(model, start)
    dims = list(range(len(z)) if dims is None else dims)
    unknown = [dim for dim in dims if not 0 <= dim < len(z)]
    if unknown or not dims:
        raise ValueError(f"dims={dims} must be some of 0 to {len(z) - 1}, the numbers of a code")
    if values is None:
        if steps < 2:
            raise ValueError(f"steps={steps} must be at least 2")
        values = np.linspace(*_span(model, len(z), among), steps).T[dims]
    values = np.asarray(values, dtype=np.float32)
    values = np.broadcast_to(values, (len(dims), values.shape[-1]))
    codes = np.tile(z, (*values.shape, 1))
    for row, dim in enumerate(dims):
        codes[row, :, dim] = values[row]
    images = model.decode(codes.reshape(-1, len(z)))
    return images.reshape(*values.shape, *images.shape[1:])


def _span(model: Any, width: int, among: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return how low and how high every number of the code goes."""
    if among is not None:
        low, high = np.percentile(model.encode(among), [1, 99], axis=0)
        return low, high
    mean = np.asarray(getattr(model, "code_mean_", np.zeros(width)))
    reach = 2.5 * np.asarray(getattr(model, "code_deviation_", np.ones(width)))
    return mean - reach, mean + reach


def code_of(model: Any, image: Any) -> np.ndarray:
    """Return the code (k,) of one image, or what is a code already as it is.

    Raises
    ------
    ValueError
        If it is neither one image of the shape fitted on nor one code, or codes are not vectors.
    """
    shape, name = tuple(model.image_shape_), type(model).__name__
    array = np.asarray(image)
    one = array[None] if with_channels(array.shape) == with_channels(shape) else array
    if array.ndim == 1 and len(one) == model._n_features_out:
        return array.astype(np.float32)
    if len(one) != 1:
        raise ValueError(
            f"{name} was fitted on images of shape {shape}, got an array of shape {array.shape}: "
            "expected one of them"
        )
    code = model.encode(one)
    if code.ndim != 2:
        raise ValueError(
            f"{name} has codes of shape {code.shape[1:]} an image, not a vector of numbers: there "
            "is no way between them"
        )
    return code[0]


class Directions(NamedTuple):
    """Two directions in the space of codes along which something grows."""

    mean: np.ndarray
    probe: np.ndarray


def directions(codes: Any, labels: Any) -> Directions:
    r"""Return the directions in which codes of one group differ from those of the other.

    The mean difference is :math:`\bar z_1 - \bar z_0`. The probe is the normal of the plane by
    which a logistic regression tells the groups apart, as long as the mean difference is in its
    direction: adding either to a code moves it, on average, from one group to the other.

    Parameters
    ----------
    codes : array of shape (n, k)
        Codes of images.
    labels : array of shape (n,)
        0 or False for those without, 1 or True for those with; -1 for those of neither group.

    Returns
    -------
    Directions
        ``mean`` and ``probe``, each (k,).

    Raises
    ------
    ValueError
        If a group is empty, or the labels are others.

    References
    ----------
    L. Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016 (mean).
    Y. Shen et al., Interpreting the latent space of GANs for semantic face editing, 2020 (probe).

    Examples
    --------
    >>> codes = np.array([[0.0, 1.0], [0.0, 2.0], [3.0, 1.0], [3.0, 2.0]])
    >>> directions(codes, [0, 0, 1, 1]).mean
    array([3., 0.])
    """
    from sklearn.linear_model import LogisticRegression

    codes, labels = np.asarray(codes, dtype=np.float64), np.asarray(labels).astype(int)
    if codes.ndim != 2 or labels.shape != (len(codes),) or not set(labels) <= {-1, 0, 1}:
        raise ValueError(
            f"codes of shape {codes.shape} and labels of shape {labels.shape}: expected (n, k), "
            "and n labels 0 or 1, or -1 for neither"
        )
    if not {0, 1} <= set(labels):
        raise ValueError("a group is empty: labels must be 0 for some codes and 1 for others")
    mean = codes[labels == 1].mean(0) - codes[labels == 0].mean(0)
    grouped = labels >= 0
    scale = codes[grouped].std(0) + 1e-12
    probe = LogisticRegression(max_iter=500).fit(codes[grouped] / scale, labels[grouped])
    normal = probe.coef_[0] / scale
    normal /= max(np.linalg.norm(normal), 1e-12)
    return Directions(mean, normal * (normal @ mean))


class Territory(NamedTuple):
    """Who owns which part of a plane of codes.

    Attributes
    ----------
    owners : ndarray of int of shape (resolution, resolution)
        Index of the training image that is nearest to what is decoded there; row 0 is on top,
        where the second number of the code is highest.
    shares : ndarray of shape (n,)
        Share of the plane that every image owns; they add up to 1.
    extent : tuple of float
        Lowest and highest first number, lowest and highest second.
    """

    owners: np.ndarray
    shares: np.ndarray
    extent: Extent


def territory(
    model: Any, images: Any, resolution: int = 200, extent: Extent | None = None
) -> Territory:
    """Return which training image owns which part of a latent plane: its "attractors".

    Every point of a grid is decoded, and belongs to the image that is nearest in its pixels.

    Parameters
    ----------
    model : Representation
        Fitted, with codes of two numbers.
    images : Images or array of shape (n, ...)
        The images that share the plane among them.
    resolution : int
        Points of the grid along either side.
    extent : (float, float, float, float), optional
        What part of the plane; by default the smallest rectangle that holds all codes, and a
        tenth of it beyond them.

    Returns
    -------
    Territory

    Raises
    ------
    ValueError
        If codes are not two numbers.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("glyphs")
    >>> found = territory(ist.PCA(2).fit(images), images, resolution=20)
    >>> found.owners.shape, round(float(found.shares.sum()), 6)
    ((20, 20), 1.0)
    """
    from isthmus.data.images import to_unit

    codes = model.encode(images)
    if codes.ndim != 2 or codes.shape[1] != 2:
        raise ValueError(
            f"{type(model).__name__} has codes of shape {codes.shape[1:]}: a territory needs two "
            "numbers an image"
        )
    extent = extent or extent_of(codes)
    own = to_unit(np.asarray(images)).reshape(len(codes), -1).astype(np.float32)
    decoded = model.decode(grid(codes[0], extent, resolution)).reshape(resolution**2, -1)
    nearest = (own**2).sum(1) - 2 * decoded @ own.T  # without what all images have in common
    owners = nearest.argmin(1)
    shares = np.bincount(owners, minlength=len(codes)) / len(owners)
    return Territory(owners.reshape(resolution, resolution), shares, extent)


def extent_of(codes: Any) -> Extent:
    """Return the rectangle that holds all codes in their first two numbers, and a margin.

    Examples
    --------
    >>> extent_of([[0.0, 0.0], [10.0, 1.0]])
    (-1.0, 11.0, -0.1, 1.1)
    """
    codes = np.asarray(codes, dtype=np.float64)[:, :2]
    low, high = codes.min(0), codes.max(0)
    edge = MARGIN * np.maximum(high - low, 1e-6)
    x, y = np.column_stack([low - edge, high + edge]).tolist()
    return (*x, *y)


def grid(start: Any, extent: Extent, resolution: int) -> np.ndarray:
    """Return codes (resolution^2, k): a grid in the first two numbers, the others as in `start`.

    They are in the order in which pictures are laid out: from left to right, then downwards, the
    second number being highest on top.

    Examples
    --------
    >>> grid([0.0, 0.0, 7.0], (0, 1, 2, 3), 2).tolist()
    [[0.0, 3.0, 7.0], [1.0, 3.0, 7.0], [0.0, 2.0, 7.0], [1.0, 2.0, 7.0]]
    """
    x, y = np.linspace(*extent[:2], resolution), np.linspace(*extent[2:], resolution)[::-1]
    codes = np.tile(np.asarray(start, dtype=np.float32), (resolution**2, 1))
    codes[:, 0], codes[:, 1] = np.tile(x, resolution), np.repeat(y, resolution)
    return codes
