"""Every pixel of an image given a class, or a few attributes: photographs and rasters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.data.label_maps import without_class
from isthmus.data.nodata import with_means, with_nan
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.latent.codes import mapped
from isthmus.metrics.segmentation import agreement, summed
from isthmus.system.files import plain
from isthmus.validation import renamed
from isthmus.verbs.parameters import ImagesLike, Model, Seconds
from isthmus.verbs.result import Result, name_of
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    from PIL.Image import Image

NOTHING: dict[str, Any] = {"i": -1, "f": np.nan}
"""What stands for no data, by the kind of the numbers."""


class Planes(NamedTuple):
    """Classes and attributes of pixels, as they are."""

    label_maps: np.ndarray | None
    attributes: np.ndarray | None


class Segments(Result, Planes):
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
    parts : tuple of Segments
        Those of images of other sizes that belong to them, itself the first; () for itself alone.
    """

    saves: ClassVar[tuple[str, ...]] = (".json", ".png", "")
    table_name: ClassVar[str] = "each"
    own_sizes: ClassVar[bool] = True
    per: ClassVar[str] = "image"
    model: Any
    images: Images
    parts: tuple[Segments, ...] = ()

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
    def all(self) -> tuple[Segments, ...]:
        """Itself, and those of other sizes."""
        return self.parts or (self,)

    @property
    def scores(self) -> dict[str, float]:
        """Global accuracy, class accuracy and mean iou where true label maps are known.

        See `isthmus.metrics.segmentation.agreement`.
        """
        tables = [part.confusion for part in self.all]
        return agreement(summed(tables), self.images.ignored_class)

    @property
    def measured(self) -> MeasuredOn:
        """Which images the scores are of."""
        return judged(self.model, *(part.images for part in self.all))

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every image: the shares of its classes, and what is right."""
        return [part.of(row)._record(row) for part in self.all for row in range(len(part.images))]

    def record(self) -> dict[str, Any]:
        """Return how many images there are, all figures, and those of every image."""
        return {"images": sum(len(part.images) for part in self.all), **super().record()}

    def picture(self) -> Image:
        """Return the first image, its classes or attributes, as a picture."""
        stem, first = next(self._each())
        return list(first._drawn(stem).values())[-1]

    def pictures(self) -> dict[str, Image]:
        """Return pictures of all images by their names."""
        drawn = (one._drawn(stem) for stem, one in self._each())
        return {name: picture for pictures in drawn for name, picture in pictures.items()}

    @classmethod
    def joined(cls, results: Sequence[Self]) -> Self:
        """Return the segments of images of several sizes as one result."""
        first, *others = results
        first.parts = (first, *others) if others else ()
        return first

    def _each(self) -> Iterator[tuple[str, Segments]]:
        """Yield every image with what the names of its files begin with."""
        from isthmus.plots.pngs import unused

        taken: set[str] = set()
        for part in self.all:
            for row in range(len(part.images)):
                yield unused(_stem(part.images, row), taken), part.of(row)

    def _to_folder(self, folder: Path) -> None:
        """Write label maps and attributes as TIFF files and pictures, and what is known of all."""
        stems = []
        for stem, one in self._each():
            one._write(stem, folder)
            stems.append(stem)
        record = self.record()
        record["each"] = [
            row | {"image": stem} for row, stem in zip(record["each"], stems, strict=True)
        ]
        (folder / "segments.json").write_text(json.dumps(plain(record), indent=1), "utf-8")

    def _write(self, stem: str, folder: Path) -> None:
        """Write what is said of the only image; what lies on the earth stays there."""
        from isthmus.data.geotiff import write_tiff

        meta, empty = self.images.meta, self.images.without_data()
        if self.attributes is not None:
            nothing = None if empty is None else "nan"
            write_tiff(folder / f"{stem}-attributes.tif", self.attributes[0], meta, nothing)
        if self.label_maps is not None:
            label_map = self._indices()
            nothing = None if empty is None else str(np.iinfo(label_map.dtype).max)
            write_tiff(folder / f"{stem}-classes.tif", label_map, meta, nothing)
        for name, picture in self._drawn(stem).items():
            picture.save(folder / f"{name}.png")

    def _indices(self) -> Any:
        """Return the only label map in few bits: what has no data becomes the highest."""
        kind: Any = np.uint8 if len(self.classes) < 256 else np.uint16
        return None if self.label_maps is None else self.label_maps[0].astype(kind)

    def _drawn(self, stem: str) -> dict[str, Image]:
        """Return pictures of the only image by the names of their files."""
        from isthmus.plots.overlays import draw_attributes, draw_segments

        shown, found = self._visible(), dict[str, Any]()
        if self.attributes is not None:
            title = f"{stem}: {self.model.code_}"
            found[f"{stem}-attributes"] = draw_attributes(shown, self.attributes[0], title)
        if self.label_maps is not None:
            title = f"{stem}: image, classes over it, classes"
            picture = draw_segments(shown, self._indices(), self.classes, title)
            found[f"{stem}-classes"] = picture
        return found

    def _visible(self) -> np.ndarray:
        """Return the only image as it is drawn: the bands that its header wants shown."""
        first = self.images.meta.get("shown_bands", [])
        shown = with_nan(np.asarray(self.images), self.images.without_data())[0]
        colours: np.ndarray = shown[..., first] if len(first) == 3 else shown
        return colours

    def of(self, row: int) -> Segments:
        """Return what is said of one of the images."""
        parts = (None if planes is None else planes[row : row + 1] for planes in self)
        return _segments(self.model, self.images[row : row + 1], *parts)

    def _record(self, row: int) -> dict[str, Any]:
        """Return the record of the only image, which is in that row of others."""
        empty, table = self.images.without_data(), self.confusion
        named = self.images.names is not None
        facts: dict[str, Any] = {"image": name_of(self.images, 0) if named else str(row)}
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
    model: Model, images: Images, label_maps: np.ndarray | None, attributes: np.ndarray | None
) -> Segments:
    found = Segments(label_maps, attributes)
    found.model, found.images = model, images
    return found


def _stem(images: Images, row: int) -> str:
    """Return what the files about an image begin with."""
    from isthmus.plots.pngs import stem_of

    if images.names is not None:
        return stem_of(name_of(images, row)).replace("/", "-").lstrip(".")
    source = Path(images.source).stem if len(images) == 1 else ""
    return source or f"{row:0{len(str(len(images) - 1))}d}"


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
        `Images.pixels`). A codebook of pixels gives label maps, all others attributes; a network
        that learned label maps gives both.
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
        return _segments(model, images, *_by_pixel(model, images))
    empty = images.without_data()
    if empty is not None:
        images = replace(images, data=with_means(np.asarray(images), empty), rows=None)
    learned = model.can("predict")
    label_maps = mapped(model.predict, images, "classes", verbose) if learned else None
    attributes = mapped(model.encode, images, "attributes", verbose)
    return _segments(model, given, _emptied(label_maps, empty), _emptied(attributes, empty))


def _emptied(planes: np.ndarray | None, empty: np.ndarray | None) -> np.ndarray | None:
    """Return planes with -1, or NaN of attributes, where pixels have no data."""
    if planes is None or empty is None:
        return planes
    planes = planes.astype(np.int64) if planes.dtype.kind in "iu" else planes.copy()
    planes[empty] = NOTHING[planes.dtype.kind]
    return planes


def _by_pixel(model: Model, images: Images) -> Planes:
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
