"""Layouts: where images lie in the plane or in space by their codes, and where new ones belong."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.latent.codes import vectors
from isthmus.latent.map_files import read_map, write_map
from isthmus.latent.projections import (
    QUICK,
    STEPS,
    around,
    components,
    flat,
    place_tsne,
    place_umap,
    roomy,
    spread,
    tsne,
    umap,
)
from isthmus.validation import one_of
from isthmus.verbs.parameters import ImagesLike, Model

METHODS = ("auto", "pca", "tsne", "umap", "grid")
TSNE_FROM = 50
"""Fewer codes than this are laid out by their principal components: t-SNE needs neighbours."""
WIDEST = 50
"""Wider codes are reduced to this many principal components before t-SNE, for speed."""


@dataclass(eq=False, repr=False)
class Map:
    r"""Where images lie in the plane or in space, for the eye, and how new ones are placed there.

    A map is made by `Map.of`, kept in a file by `save`, and read back by `Map.load`. Its methods:

    - "as is": codes two wide (three, for a map in space) need no layout; one number is the first
      axis, and the second only spreads the images;
    - "pca": the projection on the strongest principal components; new codes are projected;
    - "tsne": neighbours stay neighbours; distances and the sizes of groups mean nothing;
    - "umap": the same in kind, by umap-learn, an optional extra;
    - "grid": the units of a self-organising map, row 0 on top, images of one unit around it.

    New codes come onto a map of t-SNE or UMAP by the library's own ``transform``, which moves them
    and no others; without openTSNE they go to the weighted mean of their neighbors. Nothing is
    pickled: the file holds the codes and their places, of which the index of neighbors is made
    again, so a map that was loaded places as the one that was saved.

    Parameters
    ----------
    points : ndarray of shape (n, 2) or (n, 3), float32
        The places.
    method : {"as is", "pca", "tsne", "umap", "grid"}
        How they were found.
    codes : ndarray of shape (n, m)
        What was laid out: the codes (for an index, the distances to all prototypes), those wider
        than 50 reduced to so many principal components; of a grid the place of the unit.
    mean, axes : ndarray of shape (k,) and (m, k)
        That reduction or projection; without axes there was none.
    random_state : int
        Seed of the layout and of placing.
    y : ndarray of int of shape (n,), optional
        Labels of the images.
    classes : list of str, optional
        Their names.

    References
    ----------
    L. van der Maaten and G. Hinton, Visualizing data using t-SNE, 2008.
    P. Policar, M. Strazar and B. Zupan, openTSNE: a modular Python library for t-SNE, 2024
    (placing).
    L. McInnes, J. Healy and J. Melville, UMAP: uniform manifold approximation and projection
    for dimension reduction, 2018.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(16).fit(images.train)
    >>> found = ist.Map.of(pca, images.train, method="pca")
    >>> found.points.shape, found.place(pca, images.test).shape
    ((1438, 2), (359, 2))
    """

    points: np.ndarray
    method: str
    codes: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    random_state: int = 0
    y: np.ndarray | None = None
    classes: list[str] | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        images: ImagesLike,
        method: str = "auto",
        dimensions: int = 2,
        random_state: int = 0,
        verbose: bool = False,
        is_over: Callable[[], bool] | None = None,
    ) -> Map:
        """Lay images out by their codes.

        Parameters
        ----------
        model : Representation
            Fitted.
        images : Images or array of shape (n, ...)
            What to lay out; labels are kept.
        method : {"auto", "pca", "tsne", "umap", "grid"}
            "auto" takes the grid of a self-organising map, codes as narrow as the map as they
            are, t-SNE from 50 images on, and else principal components.
        dimensions : {2, 3}
            Plane or space.
        random_state : int
            Seed.
        verbose : bool
            Show progress on standard error.
        is_over : callable, optional
            Whether t-SNE is to be left as it is, asked every 50 steps.

        Raises
        ------
        ValueError
            If an option is not one of these, codes are narrower than the map or not finite, or a
            grid is asked of a model without one.
        ImportError
            If UMAP is asked for and umap-learn is not installed.
        """
        one_of("method", method, METHODS)
        images = as_images(images)
        if method == "auto" and model.can("locate") and dimensions == 2:
            method = "grid"
        codes = _positions(model, images) if method == "grid" else vectors(model, images)
        if method == "grid" and dimensions != 2:
            raise ValueError(
                "a grid has 2 dimensions: leave out dimensions=3, or use method='pca'"
            )
        found = cls.of_codes(codes, method, dimensions, random_state, verbose, is_over=is_over)
        found.y, found.classes = images.y, images.classes
        return found

    @classmethod
    def of_codes(
        cls,
        codes: np.ndarray,
        method: str = "auto",
        dimensions: int = 2,
        random_state: int = 0,
        verbose: bool = False,
        steps: tuple[int, int] = STEPS,
        is_over: Callable[[], bool] | None = None,
    ) -> Map:
        """Lay codes (n, k) out; codes per pixel (n, h, w, k) are read as vectors. See `of`.

        `steps` are those of t-SNE, see `isthmus.latent.projections.STEPS`.
        """
        one_of("method", method, METHODS)
        if dimensions not in (2, 3):
            raise ValueError(f"dimensions={dimensions!r} must be 2, a plane, or 3, space")
        codes = np.asarray(codes, dtype=np.float32)
        codes = codes.reshape(len(codes), -1)
        if not np.isfinite(codes).all():
            raise ValueError(
                "codes with NaN or infinity cannot be laid out; was the model trained?"
            )
        method = _suited(codes, method, dimensions)
        mean, axes = np.zeros(codes.shape[1]), np.zeros((0, codes.shape[1]))
        width = {"pca": dimensions, "tsne": WIDEST, "umap": WIDEST}.get(method, codes.shape[1])
        if method == "pca" or codes.shape[1] > width:
            mean, axes = components(codes, width)
        found = cls(codes[:, :0], method, codes, mean, axes, random_state)
        found.codes = roomy(found._reduced(codes), method, random_state)
        found.points = found._laid_out(dimensions, verbose, steps, is_over).astype(np.float32)
        return found

    def _reduced(self, codes: np.ndarray) -> np.ndarray:
        return (codes - self.mean) @ self.axes.T if len(self.axes) else codes

    def _laid_out(
        self,
        dimensions: int,
        verbose: bool,
        steps: tuple[int, int],
        is_over: Callable[[], bool] | None,
    ) -> np.ndarray:
        if self.method == "as is":
            return spread(self.codes) if self.codes.shape[1] == 1 else self.codes
        if self.method == "tsne":
            return tsne(self.codes, dimensions, self.random_state, verbose, steps, is_over)
        if self.method == "umap":
            places: np.ndarray = umap(self.codes, dimensions, self.random_state).embedding_
            return places
        return self.codes if self.method == "pca" else around(self.codes)

    def place(self, model: Model, images: ImagesLike) -> np.ndarray:
        """Return where new images belong, (m, 2) or (m, 3); those on the map stay where they are.

        Parameters
        ----------
        model : Representation
            The one whose codes were laid out.
        images : Images or array of shape (m, ...)
            What to place.

        Raises
        ------
        ValueError
            If codes are of another width than those laid out.
        """
        images = as_images(images)
        if self.method == "grid":
            return around(_positions(model, images)).astype(np.float32)
        return self.place_codes(vectors(model, images))

    def place_codes(self, codes: np.ndarray) -> np.ndarray:
        """Return where codes (m, k) belong; see `place`."""
        codes = np.asarray(codes, dtype=np.float32)
        width = len(self.mean)
        if codes.ndim != 2 or codes.shape[1] != width:
            raise ValueError(
                f"codes of shape {codes.shape}: this map is of codes of {width} numbers; place "
                "images by the model that it was made with"
            )
        codes = self._reduced(codes)
        if self.method in ("tsne", "umap"):
            place = place_tsne if self.method == "tsne" else place_umap
            return place(self.points, self.codes, codes, self.random_state).astype(np.float32)
        return (flat(codes) if self.method == "as is" else codes).astype(np.float32)

    def save(self, path: str | Path) -> None:
        """Write the map to one .npz file, which holds no pickled objects."""
        write_map(path, vars(self))

    @classmethod
    def load(cls, path: str | Path) -> Map:
        """Read a map written by `save`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged, no map, or written by a newer isthmus.
        """
        return cls(**read_map(path))


def lay_out(
    codes: Mapping[str, np.ndarray],
    seconds: float = math.inf,
    random_state: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Map]:
    """Return a plane map of the codes of every model, by quick t-SNE as long as there is time.

    Parameters
    ----------
    codes : dict of str to ndarray of shape (n, k)
        By the name of the model.
    seconds : float
        Time for all of them; those for which none is left are projected.
    random_state : int
        Seed of t-SNE.
    clock : callable
        Where the time comes from.
    """
    until, longest = clock() + seconds, 0.0

    def laid_out(of: np.ndarray) -> Map:
        nonlocal longest
        began = clock()
        method = "auto" if began + 1.2 * longest < until else "pca"
        found = Map.of_codes(of, method, 2, random_state, steps=QUICK)
        longest = max(longest, clock() - began)
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # t-SNE leaves the interpreter free
        return dict(zip(codes, pool.map(laid_out, codes.values()), strict=True))


def _suited(codes: np.ndarray, method: str, dimensions: int) -> str:
    """Return by which method codes can be laid out."""
    width = codes.shape[1]
    if method == "grid":
        return method
    if width == dimensions or (width, dimensions) == (1, 2):
        return "as is"
    if width < dimensions:
        raise ValueError(
            f"codes of {width} numbers have no map in {dimensions} dimensions: use dimensions=2"
        )
    enough = len(codes) >= (TSNE_FROM if method == "auto" else 4)
    if method == "pca" or not enough or np.ptp(codes, axis=0).max() == 0:
        return "pca"
    return "tsne" if method == "auto" else method


def _positions(model: Model, images: Images) -> np.ndarray:
    """Return where on the grid of a map every image's best-matching unit lies, row 0 on top."""
    if not model.can("locate"):
        raise ValueError(
            f"method='grid' needs a self-organising map, {type(model).__name__} has no grid: use "
            "'pca', 'tsne' or 'umap'"
        )
    return grid_places(model, model.locate(images))


def grid_places(model: Model, located: np.ndarray) -> np.ndarray:
    """Return the places of units on the grid of a map, given by row and column, row 0 on top."""
    row, column = located.T.astype(np.float64)
    if model.topology == "hexagonal":
        return np.column_stack([column + 0.5 * (row % 2), -row * math.sqrt(0.75)])
    return np.column_stack([column, -row])


def layout(codes: np.ndarray, method: str = "auto", random_state: int = 0) -> np.ndarray:
    """Lay codes out in the plane; `Map` also places new ones, and fills space.

    Codes two wide are returned as they are. Codes one wide keep their axis; the second axis only
    spreads them, evenly and without chance, so that they can be told apart.

    Parameters
    ----------
    codes : array of shape (n, k)
        Vectors; for a codebook pass the distances that `transform` returns. Dense codes
        (n, h, w, k) are read as vectors.
    method : {"auto", "pca", "tsne"}
        "auto" is t-SNE from 50 codes on, principal components below.
    random_state : int
        Seed of t-SNE.

    Returns
    -------
    ndarray of shape (n, 2), float32

    Examples
    --------
    >>> layout([[0.0, 1.0, 2.0], [0.0, 3.0, 6.0]]).shape
    (2, 2)
    """
    one_of("method", method, ("auto", "pca", "tsne"))
    return Map.of_codes(codes, method, 2, random_state).points
