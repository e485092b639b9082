"""Whether drawn images are copies of training images: how near the nearest one is."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images, to_unit
from isthmus.latent.neighbors import Best
from isthmus.metrics.intervals import Estimate, wilson
from isthmus.metrics.outliers import delong, placements

AROUND = 50
"""Nearest training images whose mean distance says what is near."""
RARE = 0.01
"""Share of held-out images that are as near to one training image as what counts as a copy."""
PRODUCTS = 3e10
"""Products that looking for the nearest may take: fewer images are looked at where it is more."""
FEWEST = 50
"""Images that are looked at all the same."""
CHUNK_NUMBERS = 2**24
"""Numbers in the training images, and in the distances to them, held at a time."""


class Nearest(NamedTuple):
    """The nearest training image of each image.

    Attributes
    ----------
    row : ndarray of int of shape (n,)
        Which one.
    distance : ndarray of shape (n,)
        How far it is: the root of the sum of squared differences of pixels.
    around : ndarray of shape (n,)
        The mean distance of the 50 nearest.
    """

    row: np.ndarray
    distance: np.ndarray
    around: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """How far the nearest is as a share of how far those around it are, 0 to 1."""
        share: np.ndarray = self.distance / np.maximum(self.around, 1e-12)
        return share


class Copies(NamedTuple):
    """What drawn and held-out images say of copies; see `copies`.

    Attributes
    ----------
    drawn, held : Nearest
        The nearest training images of drawn and of held-out images.
    copied, copied_held : Estimate
        Share of either that are copies.
    nearer : Estimate
        How often a drawn image is nearer to its nearest training image than a held-out one.
    z : float
        The same by Mann and Whitney's test, in standard deviations from one half, and so that
        copying is negative: Meehan's C_T.
    """

    drawn: Nearest
    held: Nearest
    copied: Estimate
    copied_held: Estimate
    nearer: Estimate
    z: float


def copies(train: Any, drawn: Any, held: Any | Nearest, products: float = PRODUCTS) -> Copies:
    r"""Return whether drawn images are nearer to training images than held-out ones are.

    Two questions. How often is a drawn image nearer to its nearest training image than a held-out
    one is to its own? In half of all pairs where images are drawn like real ones; more often where
    they are copied, but where they are only plainer, too. And is a drawn image less than half as
    far from its nearest training image as from the 50 nearest on average? That only copies are,
    and of real images those that the set has twice.

    Parameters
    ----------
    train, drawn, held : Images or ndarray of shape (n, ...)
        Images to train on, drawn ones, and ones that are held out, or what is nearest to these if
        it is known.
    products : float
        Multiplications that it may take: of many or of large images fewer drawn and held-out ones
        are looked at, evenly spaced, but always all training images.

    Returns
    -------
    Copies

    Raises
    ------
    ValueError
        If images differ in shape, or there are fewer than two of any.

    References
    ----------
    C. Meehan et al., A non-parametric test to detect data-copying in generative models, 2020.
    N. Carlini et al., Extracting training data from diffusion models, 2023 (the distance as a
    share of that of those around).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> train, held = rng.normal(size=(200, 9)), rng.normal(size=(100, 9))
    >>> found = copies(train, train[:100] + 0.01, held)
    >>> found.copied.value, found.nearer.value, found.z < -10
    (1.0, 1.0, True)
    """
    train, drawn = as_images(train), as_images(drawn)
    of_held = held if isinstance(held, Nearest) else nearest_of(held, train, products)
    of_drawn = nearest_of(drawn, train, products)
    found, expected = (_share(which_copied(each, of_held)) for each in (of_drawn, of_held))
    return Copies(
        of_drawn, of_held, found, expected, *_nearer(of_drawn.distance, of_held.distance)
    )


def nearest_of(images: Any, train: Images, products: float = PRODUCTS) -> Nearest:
    """Return the nearest training image of as many images as there are products for, or of 50.

    Raises
    ------
    ValueError
        If images differ in shape, or there are fewer than two of any.
    """
    images = as_images(images)
    numbers = math.prod(train.shape[1:])
    if math.prod(images.shape[1:]) != numbers or min(len(images), len(train)) < 2:
        raise ValueError(
            f"images of shape {images.shape} and training images of {train.shape}: they must "
            "agree, and be at least two each"
        )
    most = max(FEWEST, int(products / (2 * len(train) * max(1, numbers))))
    return nearest(images.evenly(most), train)


def nearest(images: Images, train: Images) -> Nearest:
    """Return the nearest training image of each image, and how far those around it are.

    Examples
    --------
    >>> found = nearest(Images([[0.0], [5.0]]), Images([[1.0], [4.5], [9.0]]))
    >>> found.row.tolist(), found.distance.tolist()
    ([0, 1], [1.0, 0.5])
    """
    points = _flat(np.asarray(images))
    best = Best(points, min(AROUND, len(train)))
    for part in train.chunks(max(best.k, CHUNK_NUMBERS // max(points.shape[1], len(points)))):
        best.see(_flat(part))
    rows, distances = best.found()
    around = distances.mean(1, dtype=np.float64)
    return Nearest(rows[:, 0], distances[:, 0].astype(np.float64), around)


def _flat(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(to_unit(values).reshape(len(values), -1), dtype=np.float32)


def which_copied(found: Nearest, held: Nearest) -> np.ndarray:
    """Return which images are nearer to one training image than 99 of 100 held-out ones are.

    Examples
    --------
    >>> near = Nearest(np.arange(3), np.array([1.0, 0.1, 2.0]), np.array([2.0, 2.0, 2.0]))
    >>> which_copied(near, near).tolist()
    [False, True, False]
    """
    copied: np.ndarray = found.ratio <= np.quantile(held.ratio, RARE, method="lower")
    return copied


def share_of_copies(found: Nearest, held: Nearest) -> float:
    """Return the share of images that are copies."""
    return float(which_copied(found, held).mean())


def _share(which: np.ndarray) -> Estimate:
    """Return a share with half of Wilson's interval."""
    low, high = wilson(int(which.sum()), len(which))
    return Estimate(float(which.mean()), (high - low) / 2)


def _nearer(drawn: np.ndarray, held: np.ndarray) -> tuple[Estimate, float]:
    """Return how often a drawn image is nearer than a held-out one, and Mann and Whitney's z.

    The half-width is that of DeLong: by how the share differs among drawn, and among held-out
    images.
    """
    of_held, of_drawn = placements(held, drawn)
    value = float(of_drawn.mean())
    n, m = len(drawn), len(held)
    deviation = math.sqrt((n + m + 1) / (12 * n * m))
    return Estimate(value, delong(of_drawn, of_held)), (0.5 - value) / deviation


def most_copied(found: Nearest, count: int) -> np.ndarray:
    """Return which images are the likeliest copies, the likeliest first.

    Examples
    --------
    >>> near = Nearest(np.arange(3), np.array([1.0, 0.1, 2.0]), np.array([2.0, 2.0, 2.0]))
    >>> most_copied(near, 2).tolist()
    [1, 0]
    """
    return np.argsort(found.ratio, kind="stable")[:count]
