"""Every kind of source, type of values and layout: what is read, against what others read of it.

A row names a source, writes it, and has another library read it (numpy, h5py, scipy, Pillow, ...):
shape, range, every pixel and the labels have to be the same. Add rows to a list of your own, and
the list to `ROWS`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

import isthmus as ist
from held_rows import files, in_python
from isthmus.data.items import is_array, is_pil

RNG = np.random.default_rng(0)
N, H, W = 6, 8, 9
UNIT, SIGNED = (0, 1), (-1, 1)


class Row(NamedTuple):
    """One source."""

    source: str
    """What kind it is."""
    values: str
    """Which type and range its values have."""
    layout: str
    """The order of its axes, and other things of note."""
    make: Callable[[Any], Any]
    """Writes it into a folder, if it is a file, and returns what `load_images` is given."""
    theirs: Callable[[Any], np.ndarray]
    """Reads that by another library; returns images (n, h, w, c), from 0, black, to 1, white."""
    range: tuple[float, float] | None = UNIT
    """Black and white; None is the least and the greatest value."""
    options: dict[str, Any] | None = None
    labels: list[str | None] | None = None
    """What the images are called, None where one has no label."""


def same(images, row, wanted):
    assert images.shape == wanted.shape
    deep = images.dtype == np.uint8 and "16" in row.values
    atol = 0.51 / 255 if deep else 1e-6 * max(1, np.abs(wanted).max())
    np.testing.assert_allclose(ist.data.images.to_unit(np.asarray(images)), wanted, atol=atol)
    ends = row.range or (wanted.min(), wanted.max())
    assert images.value_range == pytest.approx(ends, abs=1e-5)
    named = images.classes or [str(label) for label in range(100)]
    found = None if images.y is None else [None if k < 0 else named[k] for k in images.y]
    assert found == row.labels


def check(row, folder):
    source = row.make(folder)
    wanted = np.asarray(row.theirs(folder if row in FILES_NAMED else source), dtype=np.float64)
    options = row.options or {}
    images = ist.load_images(source, **options)
    same(images, row, wanted)
    if is_array(source) or is_pil(source):
        made = {k: v for k, v in options.items() if k in ("layout", "value_range")}
        same(ist.Images(source, **made), row, wanted)
        if not made and len(images) > 1:  # fit says the same, and encode after it
            model = ist.PCA(1).fit(source)
            np.testing.assert_allclose(
                model.mean_.ravel(), wanted.mean(0).ravel(), rtol=1e-4, atol=1e-5
            )
            np.testing.assert_allclose(model.encode(source), model.encode(images), atol=0.05)


def numbers(shape, low, high, dtype):
    """Return numbers that reach from `low` to `high`."""
    values = RNG.uniform(low, high, shape)
    values.flat[:2] = low, high
    return (np.rint(values) if np.dtype(dtype).kind in "iu" else values).astype(dtype)


def by(white, black=0.0):
    return lambda raw: (raw.astype(np.float64) - black) / (white - black)


def as_it_is(raw):
    return raw.astype(np.float64)


# values: type, least, greatest, how they are read, the range they are read with
VALUES = {
    "uint8": ("u1", 0, 255, by(255), UNIT),
    "dark uint8": ("u1", 0, 60, by(255), UNIT),
    "bool": ("?", 0, 1, as_it_is, UNIT),
    "uint16": ("u2", 0, 65535, by(65535), UNIT),
    "10 bits in uint16": ("u2", 0, 1000, by(1023), UNIT),
    "12 bits in uint16": ("u2", 0, 4000, by(4095), UNIT),
    "big-endian uint16": (">u2", 0, 65535, by(65535), UNIT),
    "int8": ("i1", -128, 127, as_it_is, None),
    "int16 of 0..255": ("i2", 0, 255, by(255), UNIT),
    "int32 of 0..255": ("i4", 0, 255, by(255), UNIT),
    "int64 of 0..255": ("i8", 0, 255, by(255), UNIT),
    "big-endian int32 of 0..255": (">i4", 0, 255, by(255), UNIT),
    "int16 reflectances": ("i2", -448, 5437, as_it_is, None),
    "int64 of 0..16": ("i8", 0, 16, as_it_is, None),
    "uint32 of 20 bits": ("u4", 0, 2**20, as_it_is, None),
    "float16": ("f2", 0, 1, as_it_is, UNIT),
    "float32": ("f4", 0, 1, as_it_is, UNIT),
    "float64": ("f8", 0, 1, as_it_is, UNIT),
    "big-endian float32": (">f4", 0, 1, as_it_is, UNIT),
    "signed float32": ("f4", -1, 1, as_it_is, SIGNED),
    "float32 of 0..255": ("f4", 0, 255, by(255), UNIT),
    "whole float32 of 0..255": ("i4", 0, 255, by(255), UNIT),
    "float64 of 0..200.5": ("f8", 0, 200.5, by(255), UNIT),
    "float32 z-scores": ("f4", -2.5, 3.5, as_it_is, None),
    "float32 of 0..1000": ("f4", 0, 1000, as_it_is, None),
}

# containers: how an array gets there, and how another library reads it
CONTAINERS = {}


def container(name):
    return lambda pair: CONTAINERS.setdefault(name, pair())


@container("array")
def _():
    return (lambda array, folder: array), (lambda source: source)


@container("tensor")
def _():
    return (lambda array, folder: torch.from_numpy(array)), (lambda source: source.numpy())


@container("list of arrays")
def _():
    return (lambda array, folder: list(array)), np.stack


@container("npy")
def _():
    def write(array, folder):
        np.save(folder / "x.npy", array)
        return folder / "x.npy"

    return write, np.load


@container("npz")
def _():
    def write(array, folder):
        np.savez(folder / "x.npz", x=array)
        return folder / "x.npz"

    return write, (lambda path: np.load(path)["x"])


@container("HDF5")
def _():
    def write(array, folder):
        h5py = pytest.importorskip("h5py")
        with h5py.File(folder / "x.h5", "w") as file:
            file["x"] = array
        return folder / "x.h5"

    def read(path):
        with pytest.importorskip("h5py").File(path) as file:
            return file["x"][()]

    return write, read


@container("MATLAB")
def _():
    from scipy import io

    def write(array, folder):
        io.savemat(folder / "x.mat", {"x": array})
        return folder / "x.mat"

    return write, (lambda path: io.loadmat(path)["x"])


# layouts: shape of the source, the axes that give (n, h, w, c), and what has to be said
LAYOUTS = {
    "nhw": ((N, H, W), lambda x: x[..., None], {}),
    "nhwc": ((N, H, W, 3), lambda x: x, {}),
    "nhwc of 1": ((N, H, W, 1), lambda x: x, {}),
    "nhwc of 9 bands": ((N, H, W, 9), lambda x: x, {}),
    "nchw of 1": ((N, 1, H, W), lambda x: x.transpose(0, 2, 3, 1), {}),
    "nchw of 3": ((N, 3, H, W), lambda x: x.transpose(0, 2, 3, 1), {}),
    "nchw of 13 bands": ((N, 13, 16, 16), lambda x: x.transpose(0, 2, 3, 1), {}),
    "NCHW said": ((N, 9, H, W), lambda x: x.transpose(0, 2, 3, 1), {"layout": "NCHW"}),
    "nhwc said": ((N, 1, H, W), lambda x: x, {"layout": "nhwc"}),
    "hwn said": ((H, W, N), lambda x: x.transpose(2, 0, 1)[..., None], {"layout": "hwn"}),
    "hwcn said": ((H, W, 3, N), lambda x: x.transpose(3, 0, 1, 2), {"layout": "hwcn"}),
    "hwc of one": ((18, 20, 3), lambda x: x[None], {}),
    "chw said": ((3, 18, 20), lambda x: x.transpose(1, 2, 0)[None], {"layout": "chw"}),
    "nd": ((N, 12), lambda x: x, {}),
    "nd of 100": ((N, 100), lambda x: x, {}),
    "dn said": ((100, N), lambda x: x.T, {"layout": "dn"}),
}


def row(where, what, layout="nhw", **changes):
    """Return the row of an array: a container, values and a layout of the tables."""
    dtype, low, high, read, ends = VALUES[what]
    shape, turned, options = LAYOUTS[layout]
    array = numbers(shape, low, high, dtype)
    array = array.astype("f4") if what.startswith("whole") else array
    write, theirs = CONTAINERS[where]
    made = Row(
        where, what, layout,
        lambda folder: write(array, folder),
        lambda source: turned(read(np.asarray(theirs(source)))),
        ends, options,
    )  # fmt: skip
    return made._replace(**changes)


def told(where, what, asked, read, ends=UNIT):
    """Return the row of an array whose range is said."""
    made = row(where, what, options={"value_range": asked}, range=ends)
    theirs = CONTAINERS[where][1]
    return made._replace(
        layout=f"nhw, value_range={asked}",
        theirs=lambda source: read(np.asarray(theirs(source)))[..., None],
    )


TENSORS = (
    "uint8", "bool", "int8", "int16 of 0..255", "int32 of 0..255", "int64 of 0..255", "float16",
    "float32", "signed float32", "float32 of 0..255",
)  # fmt: skip
FILES = ("uint8", "bool", "12 bits in uint16", "int64 of 0..255", "float64 of 0..200.5",
         "float32", "int16 reflectances")  # fmt: skip

ARRAYS = [
    *(row("array", values) for values in VALUES),
    *(row("tensor", values) for values in TENSORS),
    *(row("tensor", "uint8", layout) for layout in ("nchw of 1", "nchw of 3", "NCHW said")),
    *(row("tensor", "float32 of 0..255", layout) for layout in ("nchw of 3", "nchw of 13 bands")),
    *(row("list of arrays", values) for values in ("uint8", "float32", "int64 of 0..255")),
    row("list of arrays", "uint8", "nhwc"),
    *(row(where, values) for where in ("npy", "npz", "HDF5") for values in FILES),
    *(row("MATLAB", values, "nhwc") for values in FILES if values != "bool"),
    *(row("array", "uint8", layout) for layout in LAYOUTS),
    *(row("array", "float32", layout) for layout in ("nchw of 1", "nchw of 3", "hwn said", "nd")),
    *(row("npy", "uint8", layout) for layout in ("nchw of 3", "hwn said", "dn said")),
    *(row("HDF5", "12 bits in uint16", layout) for layout in ("nchw of 1", "hwcn said")),
    row("MATLAB", "uint8", "hwn said"),
    row("MATLAB", "float32", "dn said"),
    row("array", "int64 of 0..255", "nd of 100"),
    row("array", "whole float32 of 0..255", "nd of 100"),
    row("array", "float64", "nd of 100"),
    row("array", "int64 of 0..255", "nd")._replace(
        theirs=as_it_is, range=None, layout="nd of 12: columns of a table"
    ),
    row("array", "uint16", "nd of 100")._replace(theirs=as_it_is, range=None),
    told("array", "float32 of 0..255", (0, 255), by(255)),
    told("array", "float32 of 0..255", "keep", as_it_is, None),
    told("array", "int64 of 0..16", (0, 16), by(16)),
    told("array", "int16 reflectances", (-448, 5437), by(5437, -448)),
    told("array", "12 bits in uint16", (0, 65535), by(65535)),
    told("array", "uint8", (0, 510), by(510)),
    told("array", "signed float32", (-1, 1), by(1, -1)),
    told("array", "uint16", "keep", as_it_is, None),
    told("tensor", "int16 of 0..255", (0, 300), by(300)),
    told("npy", "float32 of 0..1000", (0, 1000), by(1000)),
    told("npz", "int16 reflectances", (0, 5000), lambda raw: (raw / 5000).clip(0, 1)),
    told("HDF5", "float32 of 0..255", "keep", as_it_is, None),
]

PHOTO = numbers((H, W, 3), 0, 255, "u1")
PICTURES = [
    Row("picture of Pillow", "uint8", "RGB", lambda _: Image.fromarray(PHOTO),
        lambda image: np.asarray(image)[None] / 255),
    Row("picture of Pillow", "uint8", "L", lambda _: Image.fromarray(PHOTO[..., 0]),
        lambda image: np.asarray(image)[None, ..., None] / 255),
    Row("picture of Pillow", "1 bit", "1", lambda _: Image.fromarray(PHOTO[..., 0] > 99),
        lambda image: np.asarray(image)[None, ..., None] * 1.0),
    Row("list of pictures", "uint8", "RGB", lambda _: [Image.fromarray(PHOTO)] * 3,
        lambda images: np.stack([np.asarray(image) / 255 for image in images])),
]  # fmt: skip


HELD = [Row(*first, range=ends, labels=labels)
        for *first, ends, labels in in_python(numbers, VALUES)]  # fmt: skip
FILES_NAMED = [Row(*first, range=ends, labels=labels) for *first, ends, labels in files()]
"""Pillow reads the files in their folder."""

ROWS = [*ARRAYS, *PICTURES, *HELD, *FILES_NAMED]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}-{row.values}-{row.layout}")
def test_a_source_is_read_as_others_read_it(row, tmp_path):
    check(row, tmp_path)
