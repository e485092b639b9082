"""Map: images drawn where their codes lie, and new ones among those a map was made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.data.images import Images, as_images, evenly_spaced
from isthmus.latent.codes import vectors
from isthmus.metrics.map_scores import SAMPLED, Faithful, map_scores
from isthmus.validation import hint, renamed
from isthmus.verbs.layouts import Map
from isthmus.verbs.mapped import Mapped, known_of
from isthmus.verbs.parameters import ImagesLike, Model, Seconds
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    import numpy as np

FEWEST = 20
"""Images on a map, of fewer of which neighbours say nothing."""


@renamed(color="color_by", on="onto")
def map(
    model: Model,
    images: ImagesLike,
    method: str = "auto",
    dimensions: int = 2,
    *,
    color_by: str | None = None,
    place: ImagesLike | None = None,
    onto: Map | str | Path | None = None,
    random_state: int = 0,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Mapped:
    """Lay images out by their codes, and place new ones on the map.

    Parameters
    ----------
    model : Representation
        A fitted model that encodes.
    images : Images or array of shape (n, ...)
        What to lay out; with `onto` what to place.
    method : {"auto", "pca", "tsne", "umap", "grid"}
        How codes are projected to the plane: "tsne", "umap", "pca" (principal components), or the
        "grid" of a self-organising map. "auto" takes the grid of such a map, codes of two numbers
        as they are, t-SNE from 50 images on, and else principal components.
    dimensions : {2, 3}
        2 for a plane, 3 for space.
    color_by : str, optional
        What colours say: label, or a known factor; by default label, if there are any.
    place : Images or array, optional
        New images to place on the map.
    onto : Map, str or Path, optional
        A map saved as .npz: place the images on it.
    random_state : int
        Seed of the layout.
    budget : float, optional
        Time to take, in seconds above 0, by t-SNE: it is left as it is then.
    verbose : bool, optional
        Show progress on standard error.

    Returns
    -------
    Mapped
        Places, and a picture of the images there.

    Raises
    ------
    ValueError
        If `place` and `onto` are both given, nothing is known of `color_by`, or the codes cannot
        be laid out so; see `Map.of`.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(16).fit(images.train)
    >>> found = ist.map(pca, images.train.evenly(200), "pca")
    >>> found
    Mapped(method=pca, shape=200, 2, trustworthiness=..., continuity=..., neighbour_overlap=...)
    >>> ist.map(pca, images.test, onto=found.on).points.shape
    (359, 2)
    """
    limit = Limit(budget)
    if place is not None and onto is not None:
        raise ValueError("place= and onto=: give one; with onto= it is images that are placed")
    images = as_images(images)
    shown = images if place is None else as_images(place)
    color = _color(shown, color_by)
    if isinstance(onto, str | Path):
        onto = Map.load(onto)
    found = onto or Map.of(
        model, images, method, dimensions, random_state, bool(verbose), limit.is_over
    )
    if place is None and onto is None:
        return Mapped(found.points, images, found, color, kept=_kept(model, images, found.points))
    others = None if place is None else images
    points = found.place(model, shown)
    return Mapped(points, shown, found, color, True, others, kept=_kept(model, shown, points))


def _kept(model: Model, images: Images, points: np.ndarray) -> Faithful | None:
    """Return how far the map keeps the neighbours of codes, of some images; None of very few."""
    if len(points) < FEWEST:
        return None
    rows = evenly_spaced(len(points), SAMPLED)
    return map_scores(vectors(model, images[rows]), points[rows])


def _color(images: Images, by: str | None) -> str | None:
    """Return by what images are coloured, checked; None if nothing is asked for or known."""
    known = known_of(images)
    if by is None:
        return "label" if "label" in known else None
    if by not in known:
        listed = ", ".join(sorted(known)) or "nothing"
        raise ValueError(
            f"color_by={by!r}: of {images.source} is known: {listed}{hint(by, known)}"
        )
    return by
