"""Every pixel of an image given a class, or a few attributes: photographs and rasters."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.data.label_maps import without_class
from isthmus.data.nodata import with_means
from isthmus.heldout import MeasuredOn, judged
from isthmus.metrics.segmentation import agreement, summed

NOTHING: dict[str, Any] = {"i": -1, "f": np.nan}
"""What stands for no data, by the kind of the numbers."""


class Planes(NamedTuple):
    """Classes and attributes of pixels, as they are."""

    label_maps: np.ndarray | None
    attributes: np.ndarray | None


class Segments(Planes):
    """What a model says of every pixel; of those without data -1, or NaN.

    Attributes
    ----------
    label_maps : ndarray of int of shape (n, h, w) or None
        Its class, or the index of its prototype.
    attributes : ndarray of float32 of shape (n, h, w, k) or None
        Its code, where that is a vector.
    model : Representation
        Who says so.
    images : Images
        What was segmented.
    """

    model: Any
    images: Images

    @property
    def classes(self) -> list[str]:
        """Names of the classes in the label maps; where none are known, "class 0" and so on.

        They are those of the images, or else of the images that the model learned from.
        """
        if self.label_maps is None:
            return []
        n, known = self._n_learned, list[str]()
        if n:
            known += self.images.map_classes or self.model.class_labels_
        return known + [f"class {k}" for k in range(len(known), n or self.model.code_width_)]

    @property
    def _n_learned(self) -> int:
        """Number of classes that the model learned; none, if it has prototypes."""
        return len(self.model.class_labels_ or ())

    @cached_property
    def confusion(self) -> np.ndarray | None:
        """How many pixels of every class (rows) were given every class (columns).

        ndarray of int of shape (c, c); None where the images have no true label maps, or the model
        prototypes, which stand for no class. Pixels of no class or without data are not counted.
        """
        truth, given = self.images.label_maps, self.label_maps
        if truth is None or given is None or not self._n_learned:
            return None
        known = (given >= 0) & ~without_class(truth, self.images.ignored_class)
        n = max(len(self.classes), int(truth[known].max(initial=0)) + 1)
        pairs = truth[known].astype(np.int64) * n + given[known]
        return np.bincount(pairs, minlength=n * n).reshape(n, n)

    @property
    def scores(self) -> dict[str, float]:
        """Global accuracy, class accuracy and mean iou where true label maps are known.

        See `isthmus.metrics.segmentation.agreement`.
        """
        return agreement(summed([self.confusion]), self.images.ignored_class)

    @property
    def measured(self) -> MeasuredOn:
        """Which images the scores are of."""
        return judged(self.model, self.images)

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every image: the shares of its classes, and what is right."""
        return [self.of(row)._record(row) for row in range(len(self.images))]

    def of(self, row: int) -> Segments:
        """Return what is said of one of the images."""
        parts = (None if planes is None else planes[row : row + 1] for planes in self)
        return _segments(self.model, self.images[row : row + 1], *parts)

    def _record(self, row: int) -> dict[str, Any]:
        """Return the record of the only image, which is in that row of others."""
        names, empty, table = self.images.names, self.images.without_data(), self.confusion
        facts: dict[str, Any] = {"image": str(row if names is None else names[0])}
        if self.label_maps is not None:
            facts["shares"] = self._shares(self.label_maps)
        if table is not None:
            facts |= {"right": int(table.trace()), "known": int(table.sum())}
        return facts if empty is None else facts | {"without data": int(empty.sum())}

    def _shares(self, label_maps: np.ndarray) -> dict[str, float]:
        """Return the share of every class in the pixels that have data."""
        names, seen = self.classes, label_maps[label_maps >= 0]
        shares = np.bincount(seen, minlength=len(names)) / max(1, len(seen))
        return dict(zip(names, shares.round(4).tolist(), strict=True))


def _segments(
    model: Any, images: Images, label_maps: np.ndarray | None, attributes: np.ndarray | None
) -> Segments:
    found = Segments(label_maps, attributes)
    found.model, found.images = model, images
    return found


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
    images = given = as_images(X)
    if images.ndim != 4:
        raise ValueError(
            f"only images have pixels to segment, got vectors of shape {images.shape}"
        )
    if not model.can("segment"):
        return _segments(model, images, *_by_pixel(model, images))
    empty = images.without_data()
    if empty is not None:
        images = replace(images, data=with_means(np.asarray(images), empty), rows=None)
    label_maps = model.predict(images) if model.can("predict") else None
    attributes = _emptied(model.encode(images), empty)
    return _segments(model, given, _emptied(label_maps, empty), attributes)


def _emptied(planes: np.ndarray | None, empty: np.ndarray | None) -> np.ndarray | None:
    """Return planes with -1, or NaN of attributes, where pixels have no data."""
    if planes is None or empty is None:
        return planes
    planes = planes.astype(np.int64) if planes.dtype.kind in "iu" else planes.copy()
    planes[empty] = NOTHING[planes.dtype.kind]
    return planes


def _by_pixel(model: Any, images: Images) -> Planes:
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
    return Planes(planes, None) if planes.ndim == 3 else Planes(None, planes)
