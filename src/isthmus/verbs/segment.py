"""Every pixel of an image given a class, or a few attributes: photographs and rasters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.data.nodata import with_means

NOTHING: dict[str, Any] = {"i": -1, "f": np.nan}
"""What stands for no data, by the kind of the numbers."""


class Segments(NamedTuple):
    """What a model says of every pixel; of those without data -1, or NaN.

    Attributes
    ----------
    label_maps : ndarray of int of shape (n, h, w) or None
        Its class, or the index of its prototype.
    attributes : ndarray of float32 of shape (n, h, w, k) or None
        Its code, where that is a vector.
    """

    label_maps: np.ndarray | None
    attributes: np.ndarray | None


def segment(model: Any, X: Any) -> Segments:
    """Return the class of every pixel, its attributes, or both, for images of any size.

    Parameters
    ----------
    model : Representation
        Fitted: a per-pixel network, or any family fitted on single pixels (``--per pixel``,
        `Images.pixels`). A codebook of pixels gives label maps, all others attributes; a network
        that learned label maps gives both.
    X : Images or array of shape (n, h, w) or (n, h, w, c)
        Images, with as many channels as the model knows.

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
    images = as_images(X)
    if images.ndim != 4:
        raise ValueError(
            f"only images have pixels to segment, got vectors of shape {images.shape}"
        )
    if not getattr(model, "any_size", False):
        return _by_pixel(model, images)
    empty = images.without_data()
    if empty is not None:
        images = replace(images, data=with_means(np.asarray(images), empty), rows=None)
    label_maps = model.predict(images) if hasattr(model, "predict") else None
    return Segments(_emptied(label_maps, empty), _emptied(model.encode(images), empty))


def _emptied(planes: np.ndarray | None, empty: np.ndarray | None) -> np.ndarray | None:
    """Return planes with -1, or NaN of attributes, where pixels have no data."""
    if planes is None or empty is None:
        return planes
    planes = planes.astype(np.int64) if planes.dtype.kind in "iu" else planes.copy()
    planes[empty] = NOTHING[planes.dtype.kind]
    return planes


def _by_pixel(model: Any, images: Images) -> Segments:
    """Return what a model of single pixels makes of each of them."""
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
    empty, codes = images.without_data(), model.encode(images.pixels())
    planes = np.full((*images.shape[:3], *codes.shape[1:]), NOTHING[codes.dtype.kind], codes.dtype)
    planes[np.ones(images.shape[:3], bool) if empty is None else ~empty] = codes
    return Segments(planes, None) if planes.ndim == 3 else Segments(None, planes)
