"""Walks through the space of codes, written once over the verbs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from isthmus.codes import code_of, codes_of
from isthmus.validation import one_of

HOWS = ("linear", "spherical")


def morph(model: Any, a: Any, b: Any = None, steps: int = 9, how: str = "linear") -> np.ndarray:
    r"""Return the images on the way from one image to another, or through several.

    They are decoded from codes between theirs, :math:`(1 - t) z_a + t z_b`, or on the arc between
    them: the one in the middle is the "semantic average" of both. All are decoded together.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode vectors.
    a, b : array or Images of one image
        The first and the last; each comes back as its reconstruction.
        Without `b`, `a` is a sequence of two or more images, which the way goes through in order.
    steps : int
        How many images from one to the next, both included: at least 2.
    how : {"linear", "spherical"}
        Straight, or round the origin: the length of the codes then changes evenly, which suits
        models whose codes lie on a shell around the origin (VAE, GAN).

    Returns
    -------
    ndarray of shape ((n - 1) (steps - 1) + 1, ...)
        For n images; (steps, ...) for two.

    Raises
    ------
    ValueError
        If a code of the model is an index, an image is of another shape, there are fewer than
        two, or `steps` or `how` is out of its range.

    References
    ----------
    T. White, Sampling generative networks, 2016 (the arc).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> ist.morph(pca, images.test[0], images.test[1], 5).shape
    (5, 8, 8, 1)
    >>> ist.morph(pca, images.test[:3], steps=5).shape
    (9, 8, 8, 1)
    """
    codes = codes_of(model, a) if b is None else [code_of(model, a), code_of(model, b)]
    return model.decode(through(codes, steps, how))


def through(codes: Any, steps: int = 9, how: str = "linear") -> np.ndarray:
    """Return codes on the way through several, ((n - 1) (steps - 1) + 1, k); see `morph`.

    Examples
    --------
    >>> through([[0.0], [1.0], [3.0]], 3).ravel()
    array([0. , 0.5, 1. , 2. , 3. ], dtype=float32)
    """
    codes = np.asarray(codes)
    if len(codes) < 2:
        raise ValueError(f"a way needs at least 2 images, got {len(codes)}")
    legs = [between(a, b, steps, how) for a, b in itertools.pairwise(codes)]
    return np.concatenate([legs[0][:1], *(leg[1:] for leg in legs)])


def between(a: Any, b: Any, steps: int = 9, how: str = "linear") -> np.ndarray:
    """Return codes on the way from one to another, (steps, k); see `morph`.

    Examples
    --------
    >>> between([1.0, 0.0], [0.0, 1.0], 3, "spherical").round(3)
    array([[1.   , 0.   ],
           [0.707, 0.707],
           [0.   , 1.   ]], dtype=float32)
    """
    one_of("how", how, HOWS)
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
