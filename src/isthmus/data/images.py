"""Images: one packed array, with what is known about every image beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.joined import joined_with
from isthmus.data.label_maps import pixel_labels
from isthmus.data.labels import labels_from, numbers_of
from isthmus.data.packing import CHUNK_BYTES as CHUNK_BYTES
from isthmus.data.packing import PackedImages
from isthmus.data.packing import chunk_rows as chunk_rows
from isthmus.data.shown import as_columns, in_html
from isthmus.data.values import to_array
from isthmus.validation import one_of, renamed

if TYPE_CHECKING:
    import pandas as pd

    from isthmus.data.torch_images import TorchImages


class Images(PackedImages):
    """Images packed in one array, in memory or memory-mapped, with labels, names and a split.

    Parameters
    ----------
    data : ndarray, tensor, or list of pictures of one size
        ``(n, h, w, c)`` or ``(n, h, w)`` images, or ``(n, d)`` vectors; packed as uint8 (0 to 255)
        or native floats by the rule of `isthmus.data.values.as_values`: booleans become 0 and 255,
        uint16 images 0 to 1 by their depth, numbers from 0 to 255 of other types as those of
        uint8, all else floats of the same numbers.
    y : array, list, Series or DataFrame, optional
        Labels, kept as numbers from 0 to ``len(classes) - 1``, -1 where an image has none (None,
        NaN, ""); names become `classes`, fractions the factor "target", several columns
        `attributes`: see `isthmus.data.labels.labels_from`.
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
    attributes : dict of str to array of shape (n,), or DataFrame, optional
        Labels of more kinds than one, as "smiling"; `by_attribute` makes one of them the labels.
    value_range : (float, float) or {"auto", "keep"}, optional
        The numbers that are black and white: they become 0 and 1, what lies beyond is cut off.
        "keep" leaves numbers as they are. By default, "auto", as the type says, or a guess:
        `decisions` says which.
    layout : str, optional
        The order of the axes of `data`, as "NCHW" or "hwn": see `load_images`. By default images
        come first and channels last; (n, c, h, w) with 1 to 4 channels is told from it.

    Examples
    --------
    >>> import numpy as np
    >>> images = Images(np.zeros((6, 5, 7), dtype=np.uint8), y=[0, 1, 0, 1, 0, 1])
    >>> images.shape, len(images[images.y == 1])
    ((6, 5, 7, 1), 3)
    """

    def __repr__(self) -> str:
        labels = f", {len(self.classes)} classes" if self.classes else ""
        return f"Images({self.source!r}, shape={self.shape}, dtype={self.dtype}{labels})"

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
            attributes={name: values[index] for name, values in self.attributes.items()},
            **{name: pick(getattr(self, name)) for name in beside},
        )
        chosen.hashes = pick(self.hashes)
        return chosen

    @property
    def train(self) -> Images:
        """The images to learn from; where no split is known, those of `split()`."""
        return (parts := self.with_split()).where(~parts.is_test)

    @property
    def test(self) -> Images:
        """The held-out images; where no split is known, those of `split()`, of one image none."""
        return (parts := self.with_split()).where(parts.is_test)

    def with_split(self) -> Images:
        """Return the images with the split they have, or with the default one."""
        if self.is_test is not None:
            return self
        return self.split() if len(self) > 1 else replace(self, is_test=[False] * len(self))

    def where(self, mask: np.ndarray | None = None, *, label: Any = None) -> Images:
        """Return the images for which a mask (n,) is true, a slice where they lie together.

        Parameters
        ----------
        mask : ndarray of bool of shape (n,), optional
            Which images; all by default.
        label : str, int or list of these, optional
            Only images of this class, or of these, by name or number.

        Examples
        --------
        >>> images = Images(np.zeros((3, 2, 2)), y=["cat", "dog", "cat"])
        >>> len(images.where(label="cat"))
        2
        """
        chosen = np.ones(len(self), dtype=bool) if mask is None else np.asarray(mask)
        if label is not None:
            chosen = chosen & np.isin(np.asarray(self.y), numbers_of(self, label))
        where = np.flatnonzero(chosen)
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
        parted = replace(self, is_test=np.isin(np.arange(len(self)), order[:n_test]))
        parted.hashes = self.hashes
        return parted

    def sample(self, n: int, seed: int = 0) -> Images:
        """Return n of the images, drawn by chance and in their order.

        Parameters
        ----------
        n : int
            How many, from 1 to all there are.
        seed : int
            Seed of the choice.
        """
        if not 1 <= n <= len(self):
            raise ValueError(f"n={n} must be between 1 and {len(self)}, all there are")
        return self[np.sort(np.random.default_rng(seed).permutation(len(self))[:n])]

    def __add__(self, other: Images) -> Images:
        """Return both sets of images as one; classes are the same where their names are."""
        return Images(**joined_with(self, as_images(other)))

    def by_attribute(self, name: str) -> Images:
        """Return the images labelled by one of their attributes, or of their factors.

        Numbers and text that differ are classes of their own.

        Examples
        --------
        >>> images = Images(np.zeros((2, 4, 4)), attributes={"smiling": ["yes", "no"]})
        >>> images.by_attribute("smiling").classes
        ['no', 'yes']
        """
        known = {**self.factors, **self.attributes}
        one_of("attribute", name, known)
        labels = labels_from(known[name], every=True)
        if labels.y is None:
            raise ValueError(f"attribute={name!r} holds fractions, which are no classes")
        split = self.with_split().is_test  # as of the images, whichever labels they have
        return replace(self, y=labels.y, classes=labels.classes, is_test=split)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: of a subset its own rows, not all that it is of."""
        return vars(self) | {"data": np.asarray(self), "rows": None}

    def to_torch(self, transform: Callable[[Any], Any] | None = None) -> TorchImages:
        """Return the images as a `torch.utils.data.Dataset`.

        Parameters
        ----------
        transform : callable, optional
            Called with every image, a float tensor (c, h, w) from 0 to 1.

        Examples
        --------
        >>> from torch.utils.data import DataLoader
        >>> import isthmus as ist
        >>> x, labels = next(iter(DataLoader(ist.load_images("digits").to_torch(), 32)))
        >>> x.shape, labels.shape
        (torch.Size([32, 1, 8, 8]), torch.Size([32]))
        """
        from isthmus.data.torch_images import TorchImages

        return TorchImages(self, transform)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return a batch as `torch.utils.data.DataLoader(images)` asks for it; see `to_torch`."""
        return self.to_torch().__getitems__(indices)

    def __dlpack__(self, **options: Any) -> Any:
        """Hand the values to other libraries: `torch.as_tensor(images)` has them."""
        values = np.asarray(self)
        return (values if values.flags.writeable else values.copy()).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the processor's memory

    def to_pandas(self) -> pd.DataFrame:
        """Return what is known of every image as a table: name, label, split, attributes."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("a table of pandas needs pandas: pip install pandas") from error
        return pd.DataFrame(as_columns(self), index=range(len(self)))

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the images so that `load_images` reads the same again.

        Parameters
        ----------
        path : str or Path
            A folder of PNG files, below train and test and in a folder a class where these are
            known, with attributes and factors in its metadata.csv, label maps in SegNet's layout;
            or a .npz or .parquet file, which keep numbers of any type, `meta`, and classes in
            their order.
        force : bool
            Whether to write over what is there.

        Returns
        -------
        Path
            What was written.
        """
        from isthmus.data.saving import write_images

        return write_images(self, Path(path), force)

    def _repr_html_(self) -> str:
        return in_html(self)

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


def evenly_spaced(n: int, most: int) -> np.ndarray:
    """Return up to this many of n rows, evenly spaced over all."""
    return np.linspace(0, n - 1, max(1, min(n, most))).round().astype(int)


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
