"""Territories: who owns which part of a plane of codes, and who is taken for whom."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isthmus.codes import flattened
from isthmus.data.images import Images, as_images, to_unit
from isthmus.neighbors import Best
from isthmus.progress import track

Extent = tuple[float, float, float, float]
"""Lowest and highest first number of a code, lowest and highest second."""

MARGIN = 0.1
"""Share of its width that a plane goes on beyond the outermost codes."""
BLOCK_BYTES = 32 * 2**20
"""Decoded images, as float32, that are compared at a time."""


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

    def of_classes(self, y: Any) -> np.ndarray:
        """Return the share of the plane that every class owns, by the labels (n,) of the images.

        Images without a label (-1) own what is left of 1.

        Examples
        --------
        >>> shares = np.array([0.25, 0.25, 0.5])
        >>> found = Territory(np.array([[0, 1], [2, 2]]), shares, (0, 1, 0, 1))
        >>> found.of_classes([1, 0, 0])
        array([0.75, 0.25])
        """
        y = np.asarray(y)
        if y.shape != self.shares.shape:
            raise ValueError(f"labels of shape {y.shape} for {len(self.shares)} images")
        return np.bincount(y[y >= 0], self.shares[y >= 0])


def territory(
    model: Any,
    images: Any,
    resolution: int = 200,
    extent: Extent | None = None,
    *,
    dims: tuple[int, int] = (0, 1),
    start: Any = None,
    verbose: bool = False,
) -> Territory:
    r"""Return which training image owns which part of a latent plane: its "attractors".

    Every point z of a grid is decoded, and belongs to the image that is nearest in its pixels:
    :math:`\arg\min_i \|g(z) - x_i\|`. Images and what is decoded are compared chunk by chunk.

    Parameters
    ----------
    model : Representation
        Fitted, with codes of two numbers or more.
    images : Images or array of shape (n, ...)
        The images that share the plane among them.
    resolution : int
        Points of the grid along either side, at least 2.
    extent : (float, float, float, float), optional
        What part of the plane; by default the smallest rectangle that holds all codes, and a
        tenth of it beyond them.
    dims : (int, int)
        Which two numbers of the code span the plane.
    start : array of shape (k,), optional
        The code whose other numbers all points share; by default the mean of the codes.
    verbose : bool
        Show progress on standard error.

    Returns
    -------
    Territory

    Raises
    ------
    ValueError
        If codes are not two numbers or more, or `dims`, `start` or `resolution` do not fit them.

    References
    ----------
    A. Radhakrishnan, M. Belkin and C. Uhler, Overparameterized neural networks implement
    associative memory, 2020 (training images as attractors).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("glyphs")
    >>> found = territory(ist.PCA(2).fit(images), images, resolution=20)
    >>> found.owners.shape, round(float(found.shares.sum()), 6)
    ((20, 20), 1.0)
    """
    if resolution < 2:
        raise ValueError(f"resolution={resolution} must be at least 2 points a side")
    images = as_images(images)
    codes = plane_codes(model, images, dims)
    start = codes.mean(0) if start is None else _start(start, codes.shape[1])
    extent = extent or extent_of(codes, dims)
    points = grid(start, extent, resolution, dims)
    owners = _owners(model, points, images, verbose)
    shares = np.bincount(owners, minlength=len(codes)) / len(owners)
    return Territory(owners.reshape(resolution, resolution), shares, extent)


def plane_codes(model: Any, images: Any, dims: tuple[int, int]) -> np.ndarray:
    """Return the codes of images, having checked that two numbers of them span a plane."""
    codes = flattened(model, model.encode(images))
    if codes.ndim != 2 or codes.shape[1] < 2:
        raise ValueError(
            f"{type(model).__name__} has codes of shape {codes.shape[1:]}: a territory needs two "
            "numbers an image, or more"
        )
    width = codes.shape[1]
    if len(dims) != 2 or dims[0] == dims[1] or not all(0 <= dim < width for dim in dims):
        raise ValueError(
            f"dims={tuple(dims)} must be two different ones of 0 to {width - 1}, the numbers of a "
            "code"
        )
    return codes


def _start(start: Any, width: int) -> np.ndarray:
    start = np.asarray(start, dtype=np.float32)
    if start.shape != (width,):
        raise ValueError(f"start of shape {start.shape} must be a code of {width} numbers")
    return start


def _owners(model: Any, points: np.ndarray, images: Images, verbose: bool) -> np.ndarray:
    """Return which image is nearest to what is decoded from every point."""
    rows = max(1, BLOCK_BYTES // (4 * model.n_features_in_))
    starts = range(0, len(points), rows)
    found = []
    for first in track(starts, "decoding the plane", len(starts), verbose):
        found.append(nearest_images(model.decode(points[first : first + rows]), images))
    return np.concatenate(found)


def nearest_images(decoded: np.ndarray, images: Any) -> np.ndarray:
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


def extent_of(codes: Any, dims: tuple[int, int] = (0, 1)) -> Extent:
    """Return the rectangle that holds all codes in two of their numbers, and a margin.

    Examples
    --------
    >>> extent_of([[0.0, 0.0], [10.0, 1.0]])
    (-1.0, 11.0, -0.1, 1.1)
    """
    codes = np.asarray(codes, dtype=np.float64)[:, list(dims)]
    low, high = codes.min(0), codes.max(0)
    edge = MARGIN * np.maximum(high - low, 1e-6)
    x, y = np.column_stack([low - edge, high + edge]).tolist()
    return (*x, *y)


def grid(
    start: Any, extent: Extent, resolution: int, dims: tuple[int, int] = (0, 1)
) -> np.ndarray:
    """Return codes (resolution^2, k): a grid in two of the numbers, the others as in `start`.

    They are in the order in which pictures are laid out: from left to right, then downwards, the
    second number being highest on top.

    Examples
    --------
    >>> grid([0.0, 0.0, 7.0], (0, 1, 2, 3), 2).tolist()
    [[0.0, 3.0, 7.0], [1.0, 3.0, 7.0], [0.0, 2.0, 7.0], [1.0, 2.0, 7.0]]
    """
    x, y = np.linspace(*extent[:2], resolution), np.linspace(*extent[2:], resolution)[::-1]
    codes = np.tile(np.asarray(start, dtype=np.float32), (resolution**2, 1))
    codes[:, dims[0]], codes[:, dims[1]] = np.tile(x, resolution), np.repeat(y, resolution)
    return codes


def confusion(model: Any, images: Any, copies: Any) -> np.ndarray:
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
    taken = nearest_images(model.decode(model.encode(copies)), images)
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
        The p-value of that.
    """

    distance: np.ndarray
    taken: np.ndarray
    rank: float
    chance: float


def closeness(codes: Any, confused: Any) -> Closeness:
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

    Examples
    --------
    >>> confused = np.array([[0.7, 0.3, 0.0], [0.2, 0.7, 0.1], [0.0, 0.0, 1.0]])
    >>> found = closeness([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]], confused)
    >>> found.distance.tolist(), found.taken.tolist(), round(found.rank, 2)
    ([1.0, 5.0, 4.0], [0.25, 0.0, 0.05], -1.0)
    """
    from scipy.stats import spearmanr

    codes, confused = np.asarray(codes, dtype=np.float64), np.asarray(confused)
    pairs = np.triu_indices(len(codes), 1)
    distance = np.linalg.norm(codes[pairs[0]] - codes[pairs[1]], axis=1)
    taken = ((confused + confused.T) / 2)[pairs]
    if len(taken) < 2 or not np.ptp(taken) or not np.ptp(distance):
        return Closeness(distance, taken, np.nan, np.nan)
    rank, chance = spearmanr(distance, taken)
    return Closeness(distance, taken, float(rank), float(chance))
