"""Every pixel of an image given a class, or a few attributes: photographs and rasters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.data.nodata import with_means
from isthmus.latent.codes import mapped
from isthmus.validation import renamed
from isthmus.verbs.parameters import ImagesLike, Model, Seconds
from isthmus.verbs.segments import Planes, Segments, segments_of
from isthmus.verbs.within import Limit

NOTHING: dict[str, Any] = {"i": -1, "f": np.nan}
"""What stands for no data, by the kind of the numbers."""


@renamed(X="images")
def segment(
    model: Model,
    images: ImagesLike,
    *,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Segments:
    """Give every pixel a class, attributes, or both, in images of any size.

    Parameters
    ----------
    model : Representation
        Fitted: a per-pixel network, or any family fitted on single pixels (``--per pixel``,
        `Images.pixels`) or with ``patch=1``. A codebook of pixels gives label maps, all others
        attributes; a network that learned label maps gives both.
    images : Images or array of shape (n, h, w) or (n, h, w, c)
        Images, with as many channels as the model knows.
    budget : float, optional
        Time to take, in seconds above 0: no more images, evenly spaced, than it allows.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Segments
        `label_maps`, `attributes`, and the `scores` of label maps where the true ones are known.

    Raises
    ------
    ValueError
        If the model knows nothing of single pixels, or other channels.

    Examples
    --------
    >>> import isthmus as ist
    >>> from sklearn.datasets import load_sample_images  # two photographs, 427 x 640
    >>> images = ist.Images(np.stack(load_sample_images().images)[:, ::8, ::8])
    >>> model = ist.KMeans(4, random_state=0).fit(images.pixels())
    >>> segment(model, images).label_maps.shape
    (2, 54, 80)
    """
    images = given = as_images(images)
    if images.ndim != 4:
        raise ValueError(
            f"only images have pixels to segment, got vectors of shape {images.shape}"
        )
    work = partial(_by_pixel, model) if not model.can("segment") else model.encode
    rows = Limit(budget).rows(images, work)
    images = given = images if rows is None else images[rows]
    if not model.can("segment"):
        return segments_of(model, images, *_by_pixel(model, images))
    empty = images.without_data()
    images = _without_gaps(images, empty)
    learned = model.can("predict")
    label_maps = mapped(model.predict, images, "classes", verbose) if learned else None
    attributes = mapped(model.encode, images, "attributes", verbose)
    return segments_of(model, given, _emptied(label_maps, empty), _emptied(attributes, empty))


def _emptied(planes: np.ndarray | None, empty: np.ndarray | None) -> np.ndarray | None:
    """Return planes with -1, or NaN of attributes, where pixels have no data."""
    if planes is None or empty is None:
        return planes
    planes = planes.astype(np.int64) if planes.dtype.kind in "iu" else planes.copy()
    planes[empty] = NOTHING[planes.dtype.kind]
    return planes


def _without_gaps(images: Images, empty: np.ndarray | None) -> Images:
    """Return images with something in place of pixels without data."""
    if empty is None:
        return images
    return replace(images, data=with_means(np.asarray(images), empty), rows=None)


def _by_pixel(model: Model, images: Images) -> Planes:
    """Return what a model of single pixels makes of each of them."""
    empty = images.without_data()
    if model.patch == 1:
        planes = model.encode(_without_gaps(images, empty))
        return _planes(planes if empty is None else np.asarray(_emptied(planes, empty)))
    name, shape = type(model).__name__, tuple(model.image_shape_)
    if len(shape) != 1:
        raise ValueError(
            f"this {name} was fitted on whole images of shape {shape} and says nothing of single "
            "pixels: use a PixelNet, or fit it with --per pixel"
        )
    if shape[0] != images.shape[3]:
        raise ValueError(
            f"this {name} was fitted on pixels of {shape[0]} channels, got images of shape "
            f"{images.shape}"
        )
    codes = model.encode(images.pixels())
    planes = np.full((*images.shape[:3], *codes.shape[1:]), NOTHING[codes.dtype.kind], codes.dtype)
    planes[np.ones(images.shape[:3], bool) if empty is None else ~empty] = codes
    return _planes(planes)


def _planes(planes: np.ndarray) -> Planes:
    """Return codes of all pixels as label maps if they are indices, else as attributes."""
    return Planes(planes, None) if planes.ndim == 3 else Planes(None, planes)
