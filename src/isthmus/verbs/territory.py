"""Territories: decision regions of a plane of codes, and confusion."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from isthmus.data.corrupt import with_noise
from isthmus.data.images import Images, as_images, evenly_spaced
from isthmus.system.progress import track
from isthmus.validation import able
from isthmus.verbs.closeness import Closeness, closeness, confusion, nearest_images
from isthmus.verbs.parameters import ArrayLike, Code, ImagesLike, Model, Seconds
from isthmus.verbs.planes import (
    Extent,
    checked_extent,
    code_for,
    extent_of,
    grid,
    plane_codes,
    side_within,
)
from isthmus.verbs.result import Result
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    from PIL.Image import Image

BLOCK_BYTES = 32 * 2**20
"""Decoded images, as float32, that are compared at a time."""
MOSAIC = 16
"""Images a side where a plane is decoded as a picture."""
CLOSE = 300
"""Images whose confusion with each other is measured, at most: pairs are many."""


class Plane(NamedTuple):
    """Decision regions of a plane: the numbers of a `Territory`."""

    owners: np.ndarray
    shares: np.ndarray
    extent: Extent


class Noise(NamedTuple):
    """Noise under which images may be taken for each other; see `territory`."""

    kind: str
    level: float
    copies: int
    random_state: int


class Territory(Result, Plane):
    """Decision regions of a plane of codes: ``owners``, ``shares`` and ``extent``, and more.

    Attributes
    ----------
    owners : ndarray of int of shape (resolution, resolution)
        Index of the training image that is nearest to what is decoded there; row 0 is on top,
        where the second latent dimension is highest.
    shares : ndarray of shape (n,)
        Share of the plane that every image owns; they add up to 1.
    extent : tuple of float
        Lowest and highest first number, lowest and highest second.
    model : Representation
        What decoded the plane.
    images : Images
        Those that share it.
    codes : ndarray of shape (n, k)
        Their codes.
    dims : (int, int)
        The latent dimensions that span the plane.
    start : ndarray of shape (k,)
        The code whose other numbers all points share.
    noise : Noise
        What `close` is measured under.
    """

    table_name: ClassVar[str] = "shares"
    evenly: ClassVar[int | None] = 500
    model: Any
    images: Images
    codes: np.ndarray
    dims: tuple[int, int]
    start: np.ndarray
    noise: Noise
    limit: Limit

    @cached_property
    def close(self) -> Closeness:
        """Confusion under noise against the distance of codes, of 300 of the images at most."""
        kind, level, copies, seed = self.noise
        rows = evenly_spaced(len(self.images), CLOSE)
        few = self.images[rows]

        def confused(copies: int) -> np.ndarray:
            many = few[np.tile(np.arange(len(few)), copies)]
            return confusion(self.model, few, with_noise(many, kind, level, seed))

        most = max(1, int(min(copies, self.limit.most(confused, 1))))
        if most < copies:
            self.limit.tell(f"there is time for {most} of {copies} noisy copies")
        return closeness(self.codes[rows], confused(most))

    @property
    def scores(self) -> dict[str, Any]:
        """What the plane is, and whether images with codes close to each other are confused."""
        rank = None if np.isnan(self.close.rank) else round(self.close.rank, 4)
        facts = {"dims": list(self.dims), "images": len(self.images)}
        return facts | {"rank correlation of distance and confusion": rank}

    @property
    def shown(self) -> int:
        """Owners that a person is shown."""
        return 10

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every owner, the greatest share first: classes, where known."""
        from isthmus.verbs.territory_page import owned

        _, shares, names = owned(self, self.images)
        order = np.argsort(-shares, kind="stable").tolist()
        seen = [name if name.isprintable() else repr(name)[1:-1] for name in names]
        return [{"owner": seen[i], "share": round(float(shares[i]), 4)} for i in order]

    def record(self) -> dict[str, Any]:
        """Return all figures, and the greatest shares by their owners."""
        greatest = {row["owner"]: row["share"] for row in self.table()[: self.shown]}
        return {**super().record(), self.table_name: greatest}

    def pictures(self) -> dict[str, Image]:
        """Return the picture by its name."""
        return {"territory": self.picture()}

    def picture(self) -> Image:
        """Return a page: decision regions, decoded images, shares, and confusion."""
        from isthmus.verbs.territory_page import territory_page

        first, second = self.dims
        mosaic = grid(self.start, self.extent, MOSAIC, self.dims)
        return territory_page(
            self, self.codes[:, [first, second]], self.images, self.model.decode(mosaic),
            self.close,
            title=f"The plane of numbers {first} and {second} of the code, {self.images.source}",
            labels=(f"number {first} of the code", f"number {second} of the code"),
            noise=f"{self.noise.kind.replace('_', ' ')} noise of {self.noise.level:g}",
        )  # fmt: skip

    def __repr__(self) -> str:
        side, n = len(self.owners), len(self.shares)
        return f"{type(self).__name__}({side}x{side} points of {n} images)"

    def of_classes(self, y: ArrayLike) -> np.ndarray:
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
    model: Model,
    images: ImagesLike,
    resolution: int = 200,
    extent: tuple[float, float, float, float] | None = None,
    *,
    dims: tuple[int, int] = (0, 1),
    start: Code | None = None,
    noise: str = "gaussian",
    level: float = 0.2,
    copies: int = 20,
    random_state: int = 0,
    budget: Seconds | None = None,
    verbose: bool = False,
) -> Territory:
    r"""Draw a latent plane: decoded images, decision regions, and which images are confused.

    Every point z of a grid is decoded, and belongs to the image that is nearest in its pixels, its
    "attractor": :math:`\arg\min_i \|g(z) - x_i\|`. Images and what is decoded are compared chunk
    by chunk. Confusion under noise is measured once a picture or the scores are asked for.

    Parameters
    ----------
    model : Representation
        Fitted, with codes of two numbers or more.
    images : Images or array of shape (n, ...)
        The images that share the plane among them.
    resolution : int
        Points of the grid along either side, at least 2.
    extent : (float, float, float, float), optional
        Left, right, bottom and top of what is shown, any numbers, in units of the code; by default
        the smallest rectangle that holds all codes, and a tenth of it beyond them.
    dims : (int, int)
        Which two latent dimensions, from 0, span the plane.
    start : array of shape (k,), optional
        The code whose other numbers all points share, that of an image; by default the mean of
        the codes.
    noise : {"gaussian", "salt_and_pepper", "bit_flip", "masking"}
        Noise under which images may be taken for each other: "gaussian" is added to every pixel;
        "salt_and_pepper" sets pixels to black or white, "masking" to 0; "bit_flip" inverts them.
    level : float
        How much noise, at least 0: the deviation in units of the images' range if gaussian, else
        the share of pixels.
    copies : int
        Noisy copies of every image, at least 1.
    random_state : int
        Seed of the noise.
    budget : float, optional
        Time to take, in seconds above 0: the grid is coarser, and noisy copies are fewer, if
        there is no time for all.
    verbose : bool
        Show progress on standard error.

    Returns
    -------
    Territory
        ``owners`` and ``shares``, ``close`` and ``picture()``.

    Raises
    ------
    ValueError
        If codes are not two numbers or more, `dims`, `start` or `resolution` do not fit them, or
        there is no such noise.

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
    images, limit = as_images(images), Limit(budget)
    heard = Noise(noise, level, copies, random_state)
    _check(model, images, resolution, heard)
    codes = plane_codes(model, images, dims)
    start = codes.mean(0) if start is None else code_for(start, codes.shape[1])
    extent = extent_of(codes, dims) if extent is None else checked_extent(extent)

    def points(side: int) -> np.ndarray:
        return grid(start, extent, side, dims)

    resolution = side_within(limit, resolution, lambda side: _owners(model, points(side), images))
    owners = _owners(model, points(resolution), images, verbose)
    shares = np.bincount(owners, minlength=len(codes)) / len(owners)
    found = Territory(owners.reshape(resolution, resolution), shares, extent)
    found.model, found.images, found.codes = model, images, codes
    found.dims, found.start, found.noise, found.limit = dims, start, heard, limit
    return found


def _check(model: Model, images: Images, resolution: int, noise: Noise) -> None:
    able(model, "decode")
    if resolution < 2:
        raise ValueError(f"resolution={resolution} must be at least 2 points a side")
    if noise.copies < 1:
        raise ValueError(f"copies={noise.copies} must be at least 1")
    with_noise(images[:1], noise.kind, noise.level, noise.random_state)


def _owners(model: Model, points: np.ndarray, images: Images, verbose: bool = False) -> np.ndarray:
    """Return which image is nearest to what is decoded from every point."""
    rows = max(1, BLOCK_BYTES // (4 * model.n_features_in_))
    starts = range(0, len(points), rows)
    found = []
    for first in track(starts, "decoding the plane", len(starts), verbose):
        found.append(nearest_images(model.decode(points[first : first + rows]), images))
    return np.concatenate(found)
