"""The packed array that Images are, checked and read by one rule when they are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from isthmus.data import fitting
from isthmus.data.decided import Decision, decisions_of
from isthmus.data.label_maps import MASK_CLASSES, NO_CLASS, check_classes, is_mask
from isthmus.data.labels import attributes_from, labels_from
from isthmus.data.layout import laid_out
from isthmus.data.nodata import empty_pixels, known_values
from isthmus.data.numbers import Asked
from isthmus.data.ondisk import OnDisk, on_disk, release
from isthmus.data.ranges import Range, range_of
from isthmus.data.values import as_array, as_values, is_deep, range_asked, to_array

CHUNK_BYTES = 16 * 2**20
"""Size of one chunk once it is float32: large enough for one good matrix product, small enough
that a few of them stay in the cache or fit beside anything."""

AXES = {2: "(n, d) vectors", 3: "(n, h, w) grey images", 4: "(n, h, w, c) images"}


@dataclass(eq=False, repr=False, init=False)
class PackedImages:
    """Images packed in one array, in memory or memory-mapped; see `isthmus.Images`."""

    data: Any
    y: Any = None
    classes: list[str] | None = None
    factors: dict[str, np.ndarray] = field(default_factory=dict)
    names: Any = None
    is_test: Any = None
    skipped: list[tuple[str, str]] = field(default_factory=list)
    source: str = "array"
    rows: np.ndarray | None = None
    label_maps: Any = None
    map_classes: list[str] | None = None
    ignored_class: int | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    sizes: Any = None
    changes: Any = None
    loading: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, np.ndarray] = field(default_factory=dict)
    hashes: Any = field(default=None, init=False)  # see `isthmus.fitted.heldout.row_hashes`

    def __init__(
        self,
        data: Any,
        y: Any = None,
        classes: list[str] | None = None,
        factors: Mapping[str, Any] | None = None,
        names: Any = None,
        is_test: Any = None,
        skipped: list[tuple[str, str]] | None = None,
        source: str = "array",
        rows: np.ndarray | None = None,
        label_maps: Any = None,
        map_classes: list[str] | None = None,
        ignored_class: int | None = None,
        meta: dict[str, Any] | None = None,
        sizes: Any = None,
        changes: Any = None,
        loading: dict[str, Any] | None = None,
        attributes: Any = None,
        *,
        value_range: Asked | None = None,
        layout: str = "auto",
    ) -> None:
        self.source, self.skipped = source, [] if skipped is None else skipped
        self.meta, self.loading = meta or {}, loading or {}
        self.rows = None if rows is None else np.ascontiguousarray(rows)
        self.changes = changes
        self._read(data, value_range, layout)
        for name, values in [("names", names), ("is_test", is_test), ("sizes", sizes),
                             ("changes", self.changes)]:  # fmt: skip
            setattr(self, name, self._beside(name, values))
        if self.is_test is not None:
            self.is_test = self.is_test.astype(bool, copy=False)
        self._label(y, classes, factors or {}, attributes)
        self.label_maps, self.map_classes, self.ignored_class = None, map_classes, ignored_class
        if label_maps is not None:
            self.label_maps = self._checked_maps(np.asarray(as_array(label_maps)))

    def _read(self, data: Any, value_range: Asked | None, layout: str) -> None:
        """Pack the numbers by the rule of `as_values`, and note in `loading` how they are read."""
        given = to_array(data, self.source)
        laid = dict[str, str]()
        if not isinstance(given, OnDisk):
            given, laid = laid_out(given, layout, "layout" not in self.loading, self.source)
            given = given[..., None] if given.ndim == 3 else given
        rows = on_disk(given)
        asked = range_asked(rows, value_range, "range_by" not in self.loading)
        known = {} if value_range is None else {k: v for k, v in asked.items() if k != "bits"}
        self.loading = asked | self.loading | known | laid
        packed: Any = as_values(
            rows, self._packed_as, self.source, self.loading.get("bits"), asked["value_range"]
        )
        self.data = given if packed is rows else packed  # a map of such numbers stays one
        if self.data.ndim not in AXES:
            raise ValueError(
                f"images of shape {self.data.shape}: expected {AXES[2]}, {AXES[3]} or {AXES[4]}"
            )
        if self.changes is None and self.dtype == np.uint8 and is_deep(given):
            self.changes = np.full(len(self), fitting.ROUNDED, np.uint8)

    def _label(self, y: Any, classes: Any, factors: Mapping[str, Any], attributes: Any) -> None:
        """Keep labels of any kind as numbers and classes, or as attributes and factors."""
        self.y, self.classes = None, None if classes is None else list(classes)
        more: Mapping[str, Any] = {}
        if y is not None:
            labels = labels_from(y, classes)
            self.y, self.classes = self._beside("y", labels.y), labels.classes
            factors, more = {**factors, **labels.factors}, labels.attributes
        every = {**more, **attributes_from({} if attributes is None else attributes)}
        self.factors = {name: self._beside(name, values) for name, values in factors.items()}
        self.attributes = {name: self._beside(name, values) for name, values in every.items()}

    @property
    def _packed_as(self) -> str:
        """What 16-bit images are packed as: float32, unless it was asked to load them as uint8."""
        return str(self.loading.get("dtype", "float32"))

    def _beside(self, name: str, values: Any) -> Any:
        """Return what is known of every image as an array, one entry an image."""
        if values is None:
            return None
        values = np.asarray(as_array(values))
        if len(values) != len(self):
            raise ValueError(f"{name} has {len(values)} entries for {len(self)} images")
        return values

    def _checked_maps(self, maps: np.ndarray) -> np.ndarray:
        if self.ndim == 2 or maps.shape != self.shape[:3]:
            raise ValueError(
                f"label maps of another size: {maps.shape} for images of shape {self.shape}; "
                "expected one class for every pixel, (n, h, w)"
            )
        if maps.dtype.kind not in "iu":
            raise ValueError(
                f"label maps of type {maps.dtype}: expected whole numbers, the classes"
            )
        n_classes = None if self.map_classes is None else len(self.map_classes)
        if is_mask(maps, self.ignored_class, n_classes):
            maps, self.map_classes = maps == NO_CLASS, self.map_classes or MASK_CLASSES
        check_classes(maps, n_classes or 256, self.ignored_class)
        if self.ignored_class is None and maps.size and maps.max() == NO_CLASS:
            self.ignored_class = NO_CLASS
        return maps.astype(np.uint8, copy=False)

    def __len__(self) -> int:
        return len(self.data if self.rows is None else self.rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.data if self.rows is None else self.data[self.rows]
        return np.array(array, dtype=dtype, copy=copy)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the packed array, the number of images first."""
        return (len(self), *self.data.shape[1:])

    @property
    def ndim(self) -> int:
        """4 for images, 2 for vectors."""
        return int(self.data.ndim)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values: uint8 is 0 to 255, float is as given."""
        dtype: np.dtype[Any] = self.data.dtype
        return dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the values as they are packed."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    @cached_property
    def value_range(self) -> Range:
        """What black and white are, as models see them: uint8 is read as 0..1.

        (0, 1) or (-1, 1) where all values lie within it, else their least and greatest. Scores,
        noise, pictures and files go by it, or by the `range_` of the model at hand.
        """
        return range_of(known_values(self.chunks(), self.meta.get("no_data")))

    @property
    def decisions(self) -> list[Decision]:
        """How the numbers and the axes were read, who decided it, and what says otherwise.

        Examples
        --------
        >>> from isthmus import Images
        >>> for each in Images(np.full((4, 1, 8, 8), 200.0)).decisions:
        ...     print(each.words)
        range 0 to 255: a guess, all numbers lie within it and some above 127 (value_range)
        layout nchw: a guess, its second axis is of 1 to 4, its last is not (layout)
        """
        return decisions_of(self)

    @property
    def changed(self) -> str:
        """One sentence on how many images were changed as they were loaded, and how; "" if none.

        Examples
        --------
        >>> from isthmus import Images
        >>> Images(np.zeros((2, 8, 8)), sizes=[[8, 8], [16, 16]], changes=[0, 1]).changed
        '1 of 2 images were changed: 1 scaled (from 16x16 to 8x8)'
        """
        if self.changes is None:
            return str(self.loading.get("changed", ""))
        return fitting.in_words(self.changes, self.sizes, self.shape[1:3])

    def without_data(self) -> np.ndarray | None:
        """Return which pixels (n, h, w) have no data, None where all have.

        These are NaN in a band or more, or the value that the header of a raster names.

        Examples
        --------
        >>> from isthmus import Images
        >>> raster = np.zeros((1, 2, 2, 3), dtype=np.float32)
        >>> raster[0, 0, 1, 2] = np.nan
        >>> Images(raster).without_data().tolist()
        [[[False, True], [False, False]]]
        """
        value = self.meta.get("no_data")
        if self.ndim == 2 or (value is None and self.dtype.kind != "f"):
            return None
        parts = (empty_pixels(chunk, value) for chunk in self.chunks())
        first, seen = 0, list[np.ndarray]()
        for part in parts:  # a large set has none, as a rule
            if seen or part.any():
                seen.append(part)
            else:
                first += len(part)
        return np.concatenate([np.zeros((first, *self.shape[1:3]), bool), *seen]) if seen else None

    def chunks(self, size: int | None = None) -> Iterator[np.ndarray]:
        """Yield the packed values in order, `size` images at a time.

        Parameters
        ----------
        size : int, optional
            Images in one chunk; by default what fits in `CHUNK_BYTES` as float32.
        """
        size = size or chunk_rows(self.shape)
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            rows = slice(start, stop) if self.rows is None else self.rows[start:stop]
            yield np.asarray(self.data[rows])
            release(self.data)

    def batches(self, size: int, random_state: int | None = None) -> Iterator[np.ndarray]:
        """Yield the values once in a random order, `size` images at a time."""
        order = np.random.default_rng(random_state).permutation(len(self))
        for start in range(0, len(self), size):
            rows = order[start : start + size]
            yield np.asarray(self.data[rows if self.rows is None else self.rows[rows]])


def chunk_rows(shape: tuple[int, ...]) -> int:
    """Return how many images of `shape` (n first) make one chunk."""
    return max(1, CHUNK_BYTES // (4 * max(1, int(np.prod(shape[1:])))))
