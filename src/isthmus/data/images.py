"""Images: one packed array, with what is known about every image beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from isthmus.data import fitting
from isthmus.data.label_maps import MASK_CLASSES, NO_CLASS, check_classes, is_mask, pixel_labels
from isthmus.data.nodata import empty_pixels, known_values
from isthmus.data.ranges import Range, range_of
from isthmus.data.values import as_array, as_values, depth_if_deep, is_deep, to_array
from isthmus.validation import renamed

CHUNK_BYTES = 16 * 2**20
"""Size of one chunk once it is float32: large enough for one good matrix product, small enough
that a few of them stay in the cache or fit beside anything."""


@dataclass(eq=False, repr=False)
class Images:
    """Images packed in one array, in memory or memory-mapped, with labels, names and a split.

    Parameters
    ----------
    data : ndarray, tensor, or list of pictures of one size
        ``(n, h, w, c)`` or ``(n, h, w)`` images, or ``(n, d)`` vectors; packed as uint8 (0 to 255)
        or native floats by the rule of `isthmus.data.values.as_values`: booleans become 0 and 255,
        uint16 images 0 to 1 from their full range, other integers floats of the same numbers.
    y : ndarray of shape (n,), optional
        Integer labels, 0 to ``len(classes) - 1``; -1 where an image has none.
    classes : list of str, optional
        The name of every label.
    factors : dict of str to ndarray of shape (n, ...), optional
        Known factors of variation, such as a rotation angle.
    names : ndarray of str of shape (n,), optional
        Where every image came from: its path inside the source.
    is_test : ndarray of bool of shape (n,), optional
        Which images are held out. Where nothing is said, `train` and `test` are those of
        ``split()``.
    skipped : list of (str, str)
        What could not be read, and why.
    source : str
        What the images were read from.
    rows : ndarray of int, optional
        Which rows of `data` are meant, in order; all when None. A subset of a memory-mapped set
        so stays on disk until it is read.
    label_maps : ndarray of uint8 of shape (n, h, w), optional
        The class of every pixel; 255 stands for no class. Masks of 0 and 255 alone are two
        classes, 0 and 1, where neither `ignored_class` nor other than two names are given.
    map_classes : list of str, optional
        The name of every class of a pixel.
    ignored_class : int, optional
        A class of pixels that is neither to be learnt nor scored, beside 255; 255 where that
        occurs and no other is given.
    meta : dict
        What else the source says of all images, as JSON can hold it: the wavelengths of a raster,
        where on the earth it lies, which value stands for no data ("no_data").
    sizes : ndarray of int of shape (n, 2), optional
        Height and width of every image as it was read, the right way up.
    changes : ndarray of uint8 of shape (n,), optional
        What was done to every image since it was read, as bits; `changed` says it in words.
    loading : dict
        By which rule `load_images` loaded the images; a model fitted on them remembers it.

    Examples
    --------
    >>> import numpy as np
    >>> images = Images(np.zeros((6, 5, 7), dtype=np.uint8), y=[0, 1, 0, 1, 0, 1])
    >>> images.shape, len(images[images.y == 1])
    ((6, 5, 7, 1), 3)
    """

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
    hashes: Any = field(default=None, init=False)  # see `isthmus.fitted.heldout.row_hashes`

    def __post_init__(self) -> None:
        if self.rows is not None:
            self.rows = np.ascontiguousarray(self.rows)
        given = to_array(self.data, self.source)
        if bits := depth_if_deep(given):
            self.loading = {"bits": bits} | self.loading
        self.data = as_values(given, self._packed_as, self.source, self.loading.get("bits"))
        if self.data.ndim not in (2, 3, 4):
            raise ValueError(
                f"images of shape {self.data.shape}: expected (n, d) vectors, (n, h, w) grey "
                "images or (n, h, w, c) images"
            )
        if self.data.ndim == 3:
            self.data = self.data[..., None]
        for name in ("y", "names", "is_test", "sizes", "changes"):
            setattr(self, name, self._beside(name, getattr(self, name)))
        if self.is_test is not None:
            self.is_test = self.is_test.astype(bool, copy=False)
        if self.changes is None and self.dtype == np.uint8 and is_deep(given):
            self.changes = np.full(len(self), fitting.ROUNDED, np.uint8)
        self.factors = {name: self._beside(name, values) for name, values in self.factors.items()}
        if self.label_maps is not None:
            self.label_maps = self._checked_maps(np.asarray(as_array(self.label_maps)))

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

    def __repr__(self) -> str:
        labels = f", {len(self.classes)} classes" if self.classes else ""
        return f"Images({self.source!r}, shape={self.shape}, dtype={self.dtype}{labels})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.data if self.rows is None else self.data[self.rows]
        return np.array(array, dtype=dtype, copy=copy)

    def __getitem__(self, index: Any) -> Images:
        """Return the chosen images (a slice, a mask or an array of indices) as Images."""
        index = [index] if isinstance(index, int | np.integer) else index
        if self.rows is None and isinstance(index, slice) and index.step in (None, 1):
            data, rows = self.data[index], None
        else:
            every = np.arange(len(self)) if self.rows is None else self.rows
            data, rows = self.data, every[index]

        def pick(values: np.ndarray | None) -> Any:
            return None if values is None else values[index]

        beside = ("y", "names", "is_test", "sizes", "changes", "label_maps")
        chosen = replace(
            self,
            data=data,
            rows=rows,
            factors={name: values[index] for name, values in self.factors.items()},
            **{name: pick(getattr(self, name)) for name in beside},
        )
        chosen.hashes = pick(self.hashes)
        return chosen

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
    def changed(self) -> str:
        """One sentence on how many images were changed as they were loaded, and how; "" if none.

        Examples
        --------
        >>> Images(np.zeros((2, 8, 8)), sizes=[[8, 8], [16, 16]], changes=[0, 1]).changed
        '1 of 2 images were changed: 1 scaled (from 16x16 to 8x8)'
        """
        if self.changes is None:
            return str(self.loading.get("changed", ""))
        return fitting.in_words(self.changes, self.sizes, self.shape[1:3])

    @property
    def train(self) -> Images:
        """The images to learn from; where no split is known, those of `split()`."""
        parts = self.with_split()
        return parts.where(~parts.is_test)

    @property
    def test(self) -> Images:
        """The held-out images; where no split is known, those of `split()`, of one image none."""
        parts = self.with_split()
        return parts.where(parts.is_test)

    def with_split(self) -> Images:
        """Return the images with the split they have, or with the default one."""
        if self.is_test is not None:
            return self
        return self.split() if len(self) > 1 else replace(self, is_test=[False] * len(self))

    def where(self, mask: np.ndarray) -> Images:
        """Return the images for which a mask (n,) is true, a slice where they lie together."""
        where = np.flatnonzero(mask)
        contiguous = len(where) and where[-1] - where[0] + 1 == len(where)
        return self[where[0] : where[-1] + 1] if contiguous else self[where]

    @renamed(test_fraction="test", random_state="seed")
    def split(self, test: float = 0.2, seed: int = 0) -> Images:
        """Return the same images with a random test split, stratified where there are labels.

        With its defaults this is the one split of a set that has none of its own, in every verb.

        Parameters
        ----------
        test : float
            Share of images held out, between 0 and 1.
        seed : int
            Seed of the choice.
        """
        if not 0 < test < 1:
            raise ValueError(f"test={test} must be between 0 and 1: the share that is held out")
        if len(self) < 2:
            raise ValueError(f"a split needs at least 2 images, got {len(self)}")
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self))
        if self.y is not None:  # every label is spread evenly over the order, so over the split
            place = np.empty(len(self))
            for label in np.unique(self.y):
                members = order[self.y[order] == label]
                place[members] = (np.arange(len(members)) + rng.random()) / len(members)
            order = np.argsort(place, kind="stable")
        n_test = min(max(1, round(test * len(self))), len(self) - 1)
        return replace(self, is_test=np.isin(np.arange(len(self)), order[:n_test]))

    def evenly(self, most: int) -> Images:
        """Return up to this many of the images, evenly spaced over all."""
        return self if len(self) <= most else self[evenly_spaced(len(self), most)]

    def pixels(self) -> Images:
        """Return the vector of every pixel as a sample of its own, (n h w, c).

        Where a pixel was is kept as the factors "row", "column" and, of several images, "image";
        label maps become labels, -1 where the class is to be ignored. Pixels without data are left
        out (`without_data`); ``meta["left_out"]`` says how many.

        Examples
        --------
        >>> Images(np.zeros((1, 20, 30, 198), dtype=np.float32)).pixels().shape
        (600, 198)
        """
        if self.ndim != 4:
            raise ValueError(f"pixels need images, got vectors of shape {self.shape}")
        n, height, width, n_channels = self.shape
        maps = self.label_maps
        places = np.indices((n, height, width), dtype=np.int32).reshape(3, -1)
        names = ("image", "row", "column")[n == 1 :]
        pixels = Images(
            np.asarray(self).reshape(-1, n_channels),
            y=None if maps is None else pixel_labels(maps, self.ignored_class),
            classes=None if maps is None else self.map_classes,
            factors=dict(zip(names, places[n == 1 :], strict=True)),
            is_test=None if self.is_test is None else np.repeat(self.is_test, height * width),
            skipped=self.skipped,
            source=self.source,
            meta=self.meta,
            loading=self.loading | {"per": "pixel", "changed": self.changed},
        )
        empty = self.without_data()
        if empty is None:
            return pixels
        if empty.all():
            raise ValueError(f"{self.source}: none of its {empty.size:,} pixels has data")
        kept = pixels[~empty.ravel()]
        left_out = {"left_out": int(empty.sum())}
        return replace(kept, data=np.asarray(kept), rows=None, meta=self.meta | left_out)

    def without_data(self) -> np.ndarray | None:
        """Return which pixels (n, h, w) have no data, None where all have.

        These are NaN in a band or more, or the value that the header of a raster names.

        Examples
        --------
        >>> raster = np.zeros((1, 2, 2, 3), dtype=np.float32)
        >>> raster[0, 0, 1, 2] = np.nan
        >>> Images(raster).without_data().tolist()
        [[[False, True], [False, False]]]
        """
        value = self.meta.get("no_data")
        if self.ndim == 2 or (value is None and self.dtype.kind != "f"):
            return None
        empty = empty_pixels(np.asarray(self), value)
        return empty if empty.any() else None

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
            yield self.data[start:stop] if self.rows is None else self.data[self.rows[start:stop]]

    def batches(self, size: int, random_state: int | None = None) -> Iterator[np.ndarray]:
        """Yield the values once in a random order, `size` images at a time."""
        order = np.random.default_rng(random_state).permutation(len(self))
        for start in range(0, len(self), size):
            rows = order[start : start + size]
            yield self.data[rows if self.rows is None else self.rows[rows]]


def evenly_spaced(n: int, most: int) -> np.ndarray:
    """Return up to this many of n rows, evenly spaced over all."""
    return np.linspace(0, n - 1, max(1, min(n, most))).round().astype(int)


def chunk_rows(shape: tuple[int, ...]) -> int:
    """Return how many images of `shape` (n first) make one chunk."""
    return max(1, CHUNK_BYTES // (4 * max(1, int(np.prod(shape[1:])))))


def as_images(X: Any) -> Images:
    """Return `X` itself if it is Images, else the array packed as Images."""
    return X if isinstance(X, Images) else Images(X)


def to_unit(array: np.ndarray) -> np.ndarray:
    """Return float values: uint8 0..255 becomes 0..1, anything else keeps its numbers.

    Examples
    --------
    >>> to_unit(np.array([0, 51, 255], dtype=np.uint8))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    array = to_array(array)
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    return array.astype(np.float32, copy=False)


def with_channels(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of one image with its channels written out: (28, 28) is (28, 28, 1).

    Examples
    --------
    >>> with_channels((28, 28)), with_channels((5,))
    ((28, 28, 1), (5,))
    """
    return (*shape, 1) if len(shape) == 2 else tuple(shape)
