"""Files that hold named arrays, and the labels beside them: npy, npz, MATLAB, HDF5."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from isthmus.data.beside import KINDS, is_told
from isthmus.data.cache import check_unpacked
from isthmus.data.decode import Rule
from isthmus.data.hdf5 import Dataset, datasets
from isthmus.data.images import Images
from isthmus.data.kept import MAPS, NAMES, READING, facts_in, reading_in, retold
from isthmus.data.labels import Labels, labels_from
from isthmus.data.layout import arranged, layout_as_fitted, matlab_layout, stored_axes
from isthmus.data.matlab import CELL, CHAR, variables
from isthmus.data.ondisk import OnDisk, in_a_row, is_small

if TYPE_CHECKING:
    from isthmus.data.values import ArrayLike

LABEL_NAMES = ("y", "label", "labels", "target", "targets", "gnd")
"""What labels beside the images may be called, in either case; gnd is usual in MATLAB files."""

PART_NAMES = ("x_{}", "y_{}"), ("{}_images", "{}_labels")
"""How one file calls the images and the labels of train, val and test."""


Rows: TypeAlias = "tuple[OnDisk, dict[str, str]]"
"""Images that stay in their file, and what `Images.loading` says of their layout."""


class Stored(NamedTuple):
    """An array inside a file, not read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]
    rows: Callable[[str], Rows] | None = None  # of what can be read in parts, by its layout
    layout: str = "auto"

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


def read_npy(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read a .npy file: it stays on disk, memory-mapped."""
    with damage_explained(path, ".npy"):
        array = np.lib.format.open_memmap(path, mode="r")  # never unpickles
    rule = laid_as_fitted(array.shape, rule)
    data = arranged(array, rule.layout, str(path))
    return Images(data, source=str(path), **rule.numbers)


def laid_as_fitted(shape: tuple[int, ...], rule: Rule) -> Rule:
    """Return the rule for an array: with the layout told, or as a model knows it."""
    if rule.layout != "auto":
        return rule
    return rule._replace(layout=layout_as_fitted(shape, rule.usual, rule.expected))


def read_npz(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the array of images in a .npz file, with labels and split beside it."""
    with damage_explained(path, ".npz"):
        archive = zipfile.ZipFile(path)
    with archive:
        with damage_explained(path, ".npz"):
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            stored = {name.removesuffix(".npy"): stored_npy(archive, name) for name in names}
        return _images_in(path, stored, inside, rule)


def read_hdf5(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the array of images in an HDF5 file, with labels and split beside it."""
    with library("h5py", path):
        import h5py
    with damage_explained(path, "HDF5"):
        file = h5py.File(path, "r")
    with file:
        return _images_in(path, _stored_hdf5(path, file), inside, rule)


def read_mat(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the array of images in a MATLAB file of any version, with the labels beside it."""
    try:
        with damage_explained(path, ".mat", but=(PermissionError, NotImplementedError)):
            found = variables(path)
            stored = {
                name: Stored(
                    one.shape[:-1] if one.kind == CHAR else one.shape, one.dtype, one.read
                )
                for name, one in found.items()
                if one.dtype != object or one.kind == CELL
            }
    except NotImplementedError:
        return _read_mat_hdf5(path, inside, rule)
    return _images_in(path, stored, inside, rule, by_matlab=True)


def held_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays of a .npz file by name, none larger than what is there can be.

    Raises
    ------
    Exception
        If it is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return {n.removesuffix(".npy"): stored_npy(archive, n).read() for n in names}


def choose(
    path: Path, wanted: str | None, may_be_images: dict[str, str], every: Iterable[Any]
) -> str:
    """Return the one name that is meant, or raise a ValueError that lists what there is."""
    every = list(every)
    if wanted is not None and wanted not in every:
        raise ValueError(f"{path} holds no {wanted!r}; it holds {_listed(every)}")
    if wanted is not None:
        return wanted
    if not may_be_images:
        raise ValueError(f"{path} holds no array of images; it holds {_listed(every)}")
    if len(may_be_images) > 1:
        listed = _listed([f"{path}:{name} ({what})" for name, what in may_be_images.items()])
        raise ValueError(f"{path} holds several arrays, name the one you mean: {listed}")
    return next(iter(may_be_images))


def labelled(
    path: Path,
    data: Any,
    labels: ArrayLike | None = None,
    classes: list[str] | None = None,
    **known: Any,
) -> Images:
    """Return Images with `labels` of any kind turned into `y` and `classes`.

    Without `classes`, every different label is a class of its own. None, NaN and -1 mean that an
    image has no label, unless -1 and 1 are all there is. Fractions are no classes: they are kept
    as the factor "target".
    """
    found = Labels() if labels is None else labels_from(labels, classes, every=True)
    factors = {**known.pop("factors", {}), **found.factors}
    attributes = {**found.attributes, **known.pop("attributes", {})}
    known |= {"factors": factors, "attributes": attributes}
    return Images(data, y=found.y, classes=found.classes, source=str(path), **known)


def joined(path: Path, parts: list[tuple[Any, Any]], n_train: int, **known: Any) -> Images:
    """Return the parts of a split, each images and labels or None, as one set."""
    shapes = [images.shape[1:] for images, _ in parts]
    if len(set(shapes)) > 1:
        raise ValueError(f"{path}: train and test differ in shape: {shapes[0]} and {shapes[-1]}")
    on_disk = isinstance(parts[0][0], OnDisk)
    data = (in_a_row if on_disk else np.concatenate)([images for images, _ in parts])
    labels: Any = None
    if any(part is not None for _, part in parts):
        none = np.full(1, None)
        columns = [np.repeat(none, len(x)) if part is None else part.ravel() for x, part in parts]
        labels = np.concatenate(columns)
    return labelled(path, data, labels, is_test=np.arange(len(data)) >= n_train, **known)


@contextmanager
def damage_explained(
    path: Path, kind: str, but: type[Exception] | tuple[type[Exception], ...] = PermissionError
) -> Iterator[None]:
    """Turn what a library raises on a damaged file into one ValueError with the path."""
    try:
        yield
    except Exception as error:
        if isinstance(error, but):
            raise
        words = (str(error) or type(error).__name__).splitlines()[0]
        words = f"it holds no {words}" if type(error) is KeyError else words
        if "objects in dtype" in words:
            words = "it holds Python objects, which are never unpickled; save an array of numbers"
        raise ValueError(f"{path} is damaged, or not a readable {kind} file: {words}") from error


@contextmanager
def library(name: str, path: Path, extra: str = "files") -> Iterator[None]:
    """Say how to install the optional library that reads `path`, if it is missing."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f'reading {path.suffix} needs {name}: pip install "isthmus[{extra}]"'
        ) from error


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more or "nothing"


def _images_in(
    path: Path, stored: dict[str, Stored], wanted: str | None, rule: Rule, by_matlab: bool = False
) -> Images:
    def turned(name: str) -> Stored:
        return _turned(path, stored, name, rule, by_matlab)

    facts, maps = _facts_in(path, stored)
    if wanted is None and (parts := _parts_of(stored)):
        return _read_parts(path, stored | {name: turned(name) for name, _ in parts}, parts, rule)
    may = {name: str(array) for name, array in stored.items() if _may_be_images(name, array)}
    name = choose(path, wanted and wanted.strip("/"), may, stored)
    stored = stored | {name: turned(name)}
    (data,), note = _read_images(path, [stored[name]])
    label = _label_beside(stored, name)
    labels = None if label is None else _read(path, stored[label]).ravel()
    known = rule.numbers
    known["loading"] |= reading_in(facts, rule) | note
    images = labelled(path, data, labels, **_saved(path, stored, len(data)), **known)
    return retold(images, facts, None if maps is None else _read(path, maps), rule)


def _facts_in(path: Path, stored: dict[str, Stored]) -> tuple[dict[str, Any], Stored | None]:
    """Take out what `Images.save` noted beside the arrays, and the label maps."""
    if READING not in stored or stored[READING].dtype.kind != "U":
        return {}, None
    facts = {name: stored.pop(name) for name in NAMES if name in stored}
    texts = {name: str(_read(path, fact)) for name, fact in facts.items()}
    return facts_in(texts, path), stored.pop(MAPS, None)


def _saved(path: Path, stored: dict[str, Stored], n: int) -> dict[str, Any]:
    """Return names, split, attributes and factors as `Images.save` writes them."""
    found = {
        name: _read(path, stored[name])
        for name in ("name", "split")
        if name in stored and stored[name].shape == (n,) and stored[name].dtype.kind == "U"
    }
    known: dict[str, Any] = {"names": found["name"]} if "name" in found else {}
    for kind, kept in KINDS.items():
        begins = f"{kind}:"
        known[kept] = {
            name.removeprefix(begins): _read(path, array)
            for name, array in stored.items()
            if name.startswith(begins) and array.shape[:1] == (n,)
        }
    return known | ({"is_test": found["split"] == "test"} if "split" in found else {})


def _turned(
    path: Path, stored: dict[str, Stored], name: str, rule: Rule, by_matlab: bool
) -> Stored:
    """Return an array with the images first, as the layout says or the labels of MATLAB show."""
    array, source = stored[name], f"{path}:{name}"
    layout = laid_as_fitted(array.shape, rule).layout
    if layout == "auto" and by_matlab and len(array.shape) in (2, 3, 4):
        n_labels = {max(stored[label].shape) for label in _labels_beside(stored, name)}
        fitting = n_labels & {array.shape[0], array.shape[-1]}
        layout = matlab_layout(array.shape, min(fitting, default=None), source, rule.expected)
    if layout == "auto":
        return array
    shape = arranged(np.broadcast_to(np.int8(0), array.shape), layout, source).shape
    return Stored(
        shape, array.dtype, lambda: arranged(array.read(), layout, source), array.rows, layout
    )


def _read_images(path: Path, parts: Sequence[Stored]) -> tuple[list[Any], dict[str, str]]:
    """Return images of several arrays, and what is to be noted of them; of large ones rows."""
    found = [part.rows(part.layout) for part in parts if part.rows is not None]
    every: list[Any] = [rows for rows, _ in found]
    if len(every) < len(parts) or is_small(*every):
        return [_read(path, part) for part in parts], {}
    return every, found[0][1]


def _read(path: Path, stored: Stored) -> np.ndarray:
    with damage_explained(path, path.suffix):
        return stored.read()


def _is_numbers(array: Stored | Dataset) -> bool:
    return array.dtype.kind in "buif" and len(array.shape) in (2, 3, 4)


def _may_be_images(name: str, array: Stored) -> bool:
    if not _is_numbers(array) or is_told(name):
        return False
    is_vector = len(array.shape) == 2 and 1 in array.shape  # MATLAB has no arrays of one axis
    return name.rpartition("/")[2].lower() not in LABEL_NAMES and not is_vector


def _label_beside(stored: dict[str, Stored], name: str) -> str | None:
    """Return the name of the labels in the same group, one for every image of `name`."""
    n = stored[name].shape[0]
    beside = _labels_beside(stored, name)
    return next((label for label in beside if _is_column(stored[label], n)), None)


def _labels_beside(stored: dict[str, Stored], name: str) -> list[str]:
    """Return the names of what may be the labels of `name`, in the same group."""
    group, _, last = name.rpartition("/")
    partners = [
        of_labels.format(part)
        for part in ("train", "val", "test")
        for of_images, of_labels in PART_NAMES
        if of_images.format(part) == last.lower()
    ]
    parts = [(key, *key.rpartition("/")[::2]) for key in stored]
    return [
        key
        for key, key_group, key_last in parts
        if key_group == group
        and key_last.lower() in (*partners, *LABEL_NAMES)
        and _is_column(stored[key], max(stored[key].shape, default=0))
    ]


def _is_column(array: Stored, n: int) -> bool:
    return sorted(array.shape) in ([n], sorted([1, n]))


def _parts_of(stored: dict[str, Stored]) -> list[tuple[str, str | None]]:
    """Return the names of images and labels of train, val and test, if there is such a split."""
    lower = {name.lower(): name for name in stored}
    for of_images, of_labels in PART_NAMES:
        if {of_images.format("train"), of_images.format("test")} <= lower.keys():
            return [
                (lower[of_images.format(part)], lower.get(of_labels.format(part)))
                for part in ("train", "val", "test")
                if of_images.format(part) in lower
            ]
    return []


def _read_parts(
    path: Path, stored: dict[str, Stored], parts: list[tuple[str, str | None]], rule: Rule
) -> Images:
    found, note = _read_images(path, [stored[images] for images, _ in parts])
    labels = [None if label is None else _read(path, stored[label]) for _, label in parts]
    n_train = sum(len(images) for images in found[:-1])
    known = rule.numbers
    known["loading"] |= note
    return joined(path, list(zip(found, labels, strict=True)), n_train, **known)


def stored_npy(archive: zipfile.ZipFile, name: str) -> Stored:
    """Return an array in a .npz file, of which only the header was read."""
    with archive.open(name) as file:
        old = np.lib.format.read_magic(file) == (1, 0)
        header = (
            np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = header(file)

    def read() -> np.ndarray:
        said, member = prod(shape) * dtype.itemsize, archive.getinfo(name)
        check_unpacked(f"{name} of {shape}", said, member.compress_size)
        if said > member.file_size and dtype.kind != "O":
            raise ValueError(f"{name} of {shape} is longer than the {member.file_size:,} bytes")
        with archive.open(name) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    return Stored(shape, dtype, read)


def _stored_hdf5(path: Path, file: Any, by_matlab: bool = False) -> dict[str, Stored]:
    """Return the arrays of an HDF5 file; those of MATLAB have their axes in reverse."""
    with damage_explained(path, "HDF5"):
        found = datasets(path, file)
    step = -1 if by_matlab else 1

    def rows(one: Dataset, layout: str) -> Rows:
        axes, note = stored_axes(one.shape[::step], one.dtype, layout, f"{path}:{one.name}")
        return one.rows(axes[::step]), note

    return {
        name: Stored(
            one.shape[::step],
            one.dtype,
            lambda one=one: one[()].T if by_matlab else one[()],  # type: ignore[misc]
            partial(rows, one) if _is_numbers(one) else None,
        )
        for name, one in found.items()
    }


def _read_mat_hdf5(path: Path, inside: str | None, rule: Rule) -> Images:
    """Read MATLAB 7.3, which is HDF5 with the axes in reverse."""
    with library("h5py", path):
        import h5py
    with damage_explained(path, ".mat"):
        file = h5py.File(path, "r")
    with file:
        return _images_in(path, _stored_hdf5(path, file, True), inside, rule, by_matlab=True)
