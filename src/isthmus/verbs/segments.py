"""What segment returns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from isthmus.data.images import Images
from isthmus.data.label_maps import without_class
from isthmus.data.nodata import with_nan
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.metrics.segmentation import agreement, summed
from isthmus.system.files import plain
from isthmus.verbs.parameters import Model
from isthmus.verbs.result import Result, name_of

if TYPE_CHECKING:
    from PIL.Image import Image


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

        meta = self.images.meta
        has_gaps = "no_data" in meta or self.images.without_data() is not None
        if self.attributes is not None:
            nothing = "nan" if has_gaps else None
            write_tiff(folder / f"{stem}-attributes.tif", self.attributes[0], meta, nothing)
        if self.label_maps is not None:
            label_map = self._indices()
            nothing = str(np.iinfo(label_map.dtype).max) if has_gaps else None
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
        return segments_of(self.model, self.images[row : row + 1], *parts)

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


def _stem(images: Images, row: int) -> str:
    """Return what the files about an image begin with."""
    from isthmus.plots.pngs import stem_of

    if images.names is not None:
        return stem_of(name_of(images, row)).replace("/", "-").lstrip(".")
    source = Path(images.source).stem if len(images) == 1 else ""
    return source or f"{row:0{len(str(len(images) - 1))}d}"


def segments_of(
    model: Model, images: Images, label_maps: np.ndarray | None, attributes: np.ndarray | None
) -> Segments:
    """Return what was found, with the model that found it and the images."""
    found = Segments(label_maps, attributes)
    found.model, found.images = model, images
    return found
