"""How the images lie about a plane: which class is next to which, and how near."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isthmus.data.images import as_images, to_unit
from isthmus.data.values import Pixels
from isthmus.latent.codes import remade
from isthmus.latent.neighbors import Best
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model

PERMUTED = 999
"""Times that codes are handed to other images, to tell a correlation from chance."""


def nearest_images(decoded: np.ndarray, images: ImagesLike) -> np.ndarray:
    """Return which of the images is nearest, in its pixels, to each of those decoded.

    Examples
    --------
    >>> nearest_images(np.array([[0.1, 0.9], [0.8, 0.2]]), np.eye(2))
    array([1, 0])
    """
    best = Best(np.asarray(decoded, dtype=np.float32).reshape(len(decoded), -1), 1)
    for chunk in as_images(images).chunks():
        best.see(to_unit(chunk).reshape(len(chunk), -1))
    return best.rows[:, 0]


def confusion(model: Model, images: Pixels, copies: np.ndarray) -> np.ndarray:
    r"""Return how often a copy of one image is decoded to what is nearest to another.

    The share of the noisy copies x' of image i for which :math:`\arg\min_j \|g(f(x')) - x_j\|`
    is j: a row for every i, a column for every j.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    images : Images or array of shape (n, ...)
        The images.
    copies : Images or array of shape (m n, ...)
        Noisy copies of all of them in their order, m times one after the other: see
        `isthmus.with_noise`.

    Returns
    -------
    ndarray of shape (n, n)
        Every row adds up to 1.

    Raises
    ------
    ValueError
        If there are no copies, or not as many of every image.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("glyphs")
    >>> pca = ist.PCA(30).fit(images)
    >>> found = ist.confusion(pca, images, ist.with_noise(images, "bit_flip", 0.0))
    >>> bool((found == np.eye(32)).all())
    True
    """
    n, images = len(images), as_images(images)
    if not len(copies) or len(copies) % n:
        raise ValueError(f"{len(copies)} copies of {n} images: expected as many of every image")
    taken = nearest_images(remade(model, copies), images)
    counts = np.zeros((n, n))
    np.add.at(counts, (np.tile(np.arange(n), len(copies) // n), taken), 1)
    return counts / (len(copies) // n)


class Closeness(NamedTuple):
    """Whether images with codes close to each other are taken for each other.

    Attributes
    ----------
    distance : ndarray of shape (n (n - 1) / 2,)
        Between the codes of every pair.
    taken : ndarray of the same shape
        How often they are taken for each other, either way, on average.
    rank : float
        Spearman's rank correlation of the two; NaN where either is always the same.
    chance : float
        How probable a rank correlation at least as far from 0 is where codes have nothing to do
        with confusion: Mantel's test, which hands the codes to other images `PERMUTED` times. The
        pairs share images, so that a test which takes each for an observation of its own would say
        far less than is true.
    """

    distance: np.ndarray
    taken: np.ndarray
    rank: float
    chance: float


def closeness(codes: ArrayLike, confused: ArrayLike) -> Closeness:
    """Return confusion against the distance of codes, pair by pair.

    Parameters
    ----------
    codes : array of shape (n, k)
        Codes of the images.
    confused : array of shape (n, n)
        See `confusion`.

    References
    ----------
    C. Spearman, The proof and measurement of association between two things, 1904.
    N. Mantel, The detection of disease clustering and a generalized regression approach, 1967.

    Examples
    --------
    >>> confused = np.array([[0.7, 0.3, 0.0], [0.2, 0.7, 0.1], [0.0, 0.0, 1.0]])
    >>> found = closeness([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]], confused)
    >>> found.distance.tolist(), found.taken.tolist(), round(found.rank, 2)
    ([1.0, 5.0, 4.0], [0.25, 0.0, 0.05], -1.0)
    """
    codes, confused = np.asarray(codes, dtype=np.float64), np.asarray(confused)
    pairs = np.triu_indices(len(codes), 1)
    distance = np.linalg.norm(codes[pairs[0]] - codes[pairs[1]], axis=1)
    taken = ((confused + confused.T) / 2)[pairs]
    if len(taken) < 2 or not np.ptp(taken) or not np.ptp(distance):
        return Closeness(distance, taken, np.nan, np.nan)
    return Closeness(distance, taken, *_ranked(distance, taken, len(codes)))


def _ranked(a: np.ndarray, b: np.ndarray, n: int) -> tuple[float, float]:
    """Return the rank correlation of two numbers a pair of n images, and Mantel's p-value."""
    first, second = (_squared(_standard_ranks(values), n) for values in (a, b))
    rank = float((first * second).sum()) / 2
    rng, as_far = np.random.default_rng(0), 1
    for _ in range(PERMUTED):
        order = rng.permutation(n)
        other = float((first[np.ix_(order, order)] * second).sum()) / 2
        as_far += abs(other) >= abs(rank) - 1e-9
    return rank, as_far / (PERMUTED + 1)


def _standard_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks about their mean, of length 1: their product is the rank correlation."""
    from scipy.stats import rankdata

    ranks: np.ndarray = rankdata(values) - (len(values) + 1) / 2
    length: float = np.linalg.norm(ranks).item()
    return ranks / length


def _squared(values: np.ndarray, n: int) -> np.ndarray:
    """Return a number a pair as a symmetric matrix."""
    square = np.zeros((n, n))
    square[np.triu_indices(n, 1)] = values
    return square + square.T
