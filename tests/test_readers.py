"""Every reader, against files that other libraries have written."""

import gzip
import io
import json
import os
import struct
import sys
import zipfile
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from isthmus.data import decode, folder, formats
from isthmus.data.images import Images
from isthmus.data.readers import load_images

GREY = np.arange(10 * 4 * 6, dtype=np.uint8).reshape(10, 4, 6)
LABELS = np.array([3, 5, 3, 5, 3, 5, 3, 5, 3, 5])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    return path


def save(path, pixels, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(pixels))
    (image.convert(mode) if mode else image).save(path, **options)


def flat(value, height=4, width=6):
    return np.full((height, width, *np.shape(value)), value, dtype=np.uint8)


def idx_bytes(array):
    kind = {"uint8": 8, ">i4": 12, "int32": 12, "float32": 13}[str(array.dtype)]
    big = array.astype(array.dtype.newbyteorder(">"))
    header = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return header + big.tobytes()


@pytest.mark.parametrize(
    ("shape", "packed"),
    [((5, 7), (5, 7)), ((5, 2, 3), (5, 2, 3, 1)), ((5, 2, 3, 9), (5, 2, 3, 9))],
)
def test_arrays_of_any_shape(shape, packed):
    images = load_images(np.ones(shape, dtype=np.float32))
    assert images.shape == packed
    assert images.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[[False, True]]]), np.array([0, 255], np.uint8)),
        (np.array([[[0, 257, 65535]]], np.uint16), np.array([0, 1, 255], np.uint8)),
        (np.array([[[-3, 300]]], np.int64), np.array([-3, 300], np.float32)),
        (np.array([[[0.25, 7]]], ">f8"), np.array([0.25, 7], np.float64)),
        (np.array([[[0.5, 1]]], np.float16), np.array([0.5, 1], np.float32)),
        (np.array([[9, 300]], np.uint16), np.array([9, 300], np.float32)),
    ],
)
def test_numbers_become_uint8_or_float(values, expected):
    images = load_images(values)
    assert images.dtype == expected.dtype
    assert images.dtype.isnative
    np.testing.assert_array_equal(images.data.ravel(), expected)


def test_float32_on_request():
    assert load_images(GREY, dtype="float32").data.max() == np.float32(239 / 255)
    deep = load_images(np.full((1, 2, 2), 65535, np.uint16), dtype="float32")
    assert (deep.data == 1).all()


def test_images_come_back_as_they_are():
    images = Images(GREY)
    assert load_images(images) is images
    assert load_images(images, size=2).shape == (10, 2, 2, 1)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_are_resized_channel_by_channel(fit, dtype):
    wide = np.zeros((2, 4, 8, 5), dtype=dtype)
    wide[..., 2] = 1
    images = load_images(wide, size=2, resize=fit)
    assert images.shape == (2, 2, 2, 5)
    assert images.dtype == dtype
    expected = np.array([[1, 1], [0, 0]]) if fit == "pad" else np.ones((2, 2))
    np.testing.assert_allclose(images.data[0, ..., 2], expected, atol=1e-6)
    assert not images.data[..., [0, 1, 3, 4]].any()


def test_arrays_change_colour_only_where_that_means_something():
    red = load_images(flat((255, 0, 0))[None], color="grey")
    assert red.shape == (1, 4, 6, 1)
    assert (red.data == 76).all()
    assert load_images(GREY, color="rgb").shape == (10, 4, 6, 3)
    with pytest.raises(ValueError, match=r"color='grey' needs 1 or 3 channels, got 5"):
        load_images(np.zeros((2, 4, 4, 5)), color="grey")


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (np.zeros((0, 3, 3)), {}, r"no images in array: its shape is \(0, 3, 3, 1\)"),
        (np.array([["a"]]), {}, "values of type <U1: expected numbers"),
        (np.array([[None]]), {}, "values of type object: expected numbers"),
        (np.zeros(3), {}, r"images of shape \(3,\): expected"),
        (np.zeros((3, 4)), {"size": 2}, r"size=\(2, 2\) needs images, got vectors"),
        (GREY, {"size": 0}, "size=0: expected a number of pixels, or"),
        (GREY, {"size": (1, 2, 3)}, "size=.* expected a number of pixels"),
        (GREY, {"size": 2.5}, "size=2.5: expected a number of pixels"),
        (GREY, {"resize": "fill"}, "resize='fill' must be one of 'crop', 'pad', 'stretch'"),
        (GREY, {"color": "blue"}, "color='blue' must be one of 'auto', 'grey', 'rgb'"),
        (GREY, {"dtype": "int8"}, "dtype='int8' must be one of 'uint8', 'float32'"),
        ("mnits", {}, "'mnits' is neither a file .* did you mean 'mnist'"),
        ("", {}, "'' is neither a file or folder"),
        ("nowhere/at/all.npy", {}, r"neither a file or folder nor a named set \(digits, "),
    ],
)
def test_errors_say_what_was_given(source, options, message):
    with pytest.raises(ValueError, match=message):
        load_images(source, **options)


def test_unreadable_kinds(tmp_path):
    (tmp_path / "table.xyz").write_text("1,2")
    with pytest.raises(ValueError, match=r"table.xyz is of an unknown kind; known are folders"):
        load_images(tmp_path / "table.xyz")


def test_npy_stays_on_disk(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    images = load_images(tmp_path / "a.npy")
    assert isinstance(images.data.base, np.memmap) or isinstance(images.data, np.memmap)
    np.testing.assert_array_equal(images.data[..., 0], GREY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "is damaged, or not a readable .npy file"),
        (b"", "is damaged, or not a readable .npy file"),
        ("objects", "Python objects, which are never unpickled"),
        ("truncated", "is damaged, or not a readable .npy file"),
    ],
)
def test_bad_npy(tmp_path, content, message):
    path = tmp_path / "a.npy"
    if content == "objects":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif content == "truncated":
        np.save(path, GREY)
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_images(path)


def write_npz(path, arrays):
    np.savez_compressed(path, **arrays)


def write_hdf5(path, arrays):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def write_mat(path, arrays):
    import scipy.io

    scipy.io.savemat(path, arrays)


def write_mat73(path, arrays):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = np.atleast_2d(array).T
    head = b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<H", 0x0200) + b"IM"
    with path.open("r+b") as file:
        file.write(head)


WRITERS = pytest.mark.parametrize(
    ("write", "suffix"),
    [(write_npz, ".npz"), (write_hdf5, ".h5"), (write_mat, ".mat"), (write_mat73, ".mat")],
)


@WRITERS
@pytest.mark.parametrize("label", ["y", "labels", "Target"])
def test_the_only_array_and_its_labels(tmp_path, write, suffix, label):
    path = tmp_path / f"a{suffix}"
    write(path, {"pictures": GREY, label: LABELS})
    images = load_images(path)
    np.testing.assert_array_equal(images.data[..., 0], GREY)
    assert images.classes == ["3", "5"]
    np.testing.assert_array_equal(images.y, LABELS == 5)


@WRITERS
def test_a_single_image_is_a_set_of_one(tmp_path, write, suffix):
    write(tmp_path / f"a{suffix}", {"pictures": GREY[:1], "scale": np.array([1.5])})
    assert load_images(tmp_path / f"a{suffix}").shape == (1, 4, 6, 1)


@WRITERS
def test_several_arrays_must_be_named(tmp_path, write, suffix):
    path = tmp_path / f"a{suffix}"
    two = GREY[:5, 1:, :3].astype(np.float32)
    write(path, {"one": GREY, "two": two})
    with pytest.raises(ValueError, match="holds several arrays") as error:
        load_images(path)
    assert f"{path}:one (10, 4, 6) uint8" in str(error.value).replace("((", "(").replace("))", ")")
    assert f"{path}:two" in str(error.value)
    np.testing.assert_array_equal(load_images(f"{path}:two").data[..., 0], two)
    with pytest.raises(ValueError, match=r"holds no 'three'; it holds .*one"):
        load_images(f"{path}:three")


@pytest.mark.parametrize(("write", "suffix"), [(write_npz, ".npz"), (write_hdf5, ".hdf5")])
@pytest.mark.parametrize("names", [("x_{}", "y_{}"), ("{}_images", "{}_labels")])
def test_a_split_inside_one_file(tmp_path, write, suffix, names):
    parts = {"train": slice(0, 6), "val": slice(6, 7), "test": slice(7, 10)}
    arrays = {names[0].format(part): GREY[rows] for part, rows in parts.items()}
    arrays |= {names[1].format(part): LABELS[rows, None] for part, rows in parts.items()}
    write(tmp_path / f"a{suffix}", arrays)
    images = load_images(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(images.data[..., 0], GREY)
    assert (len(images.train), len(images.test)) == (7, 3)
    np.testing.assert_array_equal(images.y, LABELS == 5)


def test_half_of_a_split_may_lack_labels(tmp_path):
    write_npz(tmp_path / "a.npz", {"x_train": GREY[:6], "y_train": LABELS[:6], "x_test": GREY[6:]})
    images = load_images(tmp_path / "a.npz")
    np.testing.assert_array_equal(images.y, [0, 1, 0, 1, 0, 1, -1, -1, -1, -1])


def test_halves_of_different_shape(tmp_path):
    write_npz(tmp_path / "a.npz", {"x_train": GREY, "x_test": GREY[:, 1:]})
    with pytest.raises(ValueError, match="train and test differ in shape"):
        load_images(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("labels", "y", "classes"),
    [
        (np.array(["b", "a", "b"]), [1, 0, 1], ["a", "b"]),
        (np.array([b"b", b"a", b"b"]), [1, 0, 1], ["a", "b"]),
        (np.array([1, -1, 2]), [0, -1, 1], ["1", "2"]),
        (np.array([1, -1, 1]), [1, 0, 1], ["-1", "1"]),
        (np.array([1.0, np.nan, 2.0]), [0, -1, 1], ["1", "2"]),
    ],
)
def test_labels_of_any_kind(tmp_path, labels, y, classes):
    write_npz(tmp_path / "a.npz", {"x": GREY[:3], "y": labels})
    images = load_images(tmp_path / "a.npz")
    assert images.y.tolist() == y
    assert images.classes == classes


def test_fractions_are_no_classes(tmp_path):
    write_npz(tmp_path / "a.npz", {"x": GREY[:3], "y": np.array([0.5, 1.5, 2])})
    images = load_images(tmp_path / "a.npz")
    assert images.y is None
    assert images.factors["target"].tolist() == [0.5, 1.5, 2]


def test_an_array_in_a_group_of_hdf5(tmp_path):
    write_hdf5(tmp_path / "a.h5", {"train/data": GREY, "train/label": LABELS, "test/data": GREY})
    images = load_images(f"{tmp_path}/a.h5:train/data")
    assert images.classes == ["3", "5"]
    assert load_images(f"{tmp_path}/a.h5:/test/data").y is None
    with pytest.raises(ValueError, match=r"a.h5:train/data \(\(10, 4, 6\) uint8\)"):
        load_images(tmp_path / "a.h5")


@pytest.mark.parametrize("write", [write_mat, write_mat73])
def test_matlab_may_count_the_images_last(tmp_path, write):
    last = np.moveaxis(GREY, 0, -1)
    write(tmp_path / "a.mat", {"X": last, "y": LABELS[:, None]})
    np.testing.assert_array_equal(load_images(tmp_path / "a.mat").data[..., 0], GREY)


MATLAB = pytest.mark.parametrize("write", [write_mat, write_mat73])
COLOUR = np.random.default_rng(0).integers(0, 256, (9, 5, 6, 3), dtype=np.uint8)


@MATLAB
@pytest.mark.parametrize("label", ["y", "gnd"])
@pytest.mark.parametrize("images", [GREY, GREY.reshape(10, 24), COLOUR])
def test_the_labels_of_matlab_tell_the_axis_of_the_images(tmp_path, write, label, images):
    labels = np.arange(len(images))[:, None] % 2
    packed = images[..., None] if images.ndim == 3 else images
    for array in (images, np.moveaxis(images, 0, -1)):
        for shape in (labels, labels.T):
            write(tmp_path / "a.mat", {"X": array, label: shape})
            got = load_images(tmp_path / "a.mat")
            np.testing.assert_array_equal(got.data, packed)
            np.testing.assert_array_equal(got.y, labels.ravel())


@MATLAB
def test_both_halves_of_a_split_in_matlab_may_count_the_images_last(tmp_path, write):
    rows = GREY.reshape(10, 24)
    parts = {"x_train": rows[:7].T, "y_train": LABELS[None, :7], "x_test": rows[7:].T}
    write(tmp_path / "a.mat", parts | {"y_test": LABELS[None, 7:]})
    images = load_images(tmp_path / "a.mat")
    np.testing.assert_array_equal(images.data, rows)
    np.testing.assert_array_equal(images.y, LABELS == 5)
    assert len(images.test) == 3


@MATLAB
@pytest.mark.parametrize(
    ("shape", "ways"),
    [
        ((7, 9), ["7 images of 9 numbers by layout='nd'", "9 images of 7 numbers by layout='dn'"]),
        (
            (7, 8, 9),
            [
                "7 images of 8x9 by layout='nhw'",
                "9 images of 7x8 by layout='hwn'",
                "one image of 7x8 with 9 bands by layout='hwc'",
            ],
        ),
        ((8, 8, 20), ["20 images of 8x8 by layout='hwn'"]),
        ((8, 3, 5, 5), ["8 images of 5x5 with 3 channels by layout='nchw'"]),
    ],
)
def test_what_matlab_may_have_meant_is_asked(tmp_path, write, shape, ways):
    write(tmp_path / "a.mat", {"ff": np.zeros(shape)})
    with pytest.raises(ValueError, match=r"a.mat:ff has the shape .* several ways") as error:
        load_images(tmp_path / "a.mat")
    assert all(way in str(error.value) for way in ways)
    assert "\n" not in str(error.value)


@MATLAB
@pytest.mark.parametrize("images", [GREY[:, :, :4], COLOUR])
def test_what_matlab_must_have_meant_is_not_asked(tmp_path, write, images):
    write(tmp_path / "a.mat", {"X": images})
    got = load_images(tmp_path / "a.mat")
    np.testing.assert_array_equal(got.data, images.reshape(got.shape))
    write(tmp_path / "b.mat", {"X": np.moveaxis(COLOUR, 0, -1)})
    np.testing.assert_array_equal(load_images(tmp_path / "b.mat").data, COLOUR)


LAYOUTS = [
    ("nd", GREY.reshape(10, 24)),
    ("dn", GREY.reshape(10, 24)),
    ("hwn", GREY),
    ("WHN", GREY),
    ("nhwc", COLOUR),
    ("NCHW", COLOUR),
    ("cwhn", COLOUR),
]


@WRITERS
@pytest.mark.parametrize(("layout", "images"), LAYOUTS)
def test_layouts_of_arrays(tmp_path, write, suffix, layout, images):
    order = {2: "nd", 3: "nhw", 4: "nhwc"}[images.ndim]
    array = images.transpose([order.index(axis) for axis in layout.lower()])
    packed = images[..., None] if images.ndim == 3 else images
    path = tmp_path / f"a{suffix}"
    write(path, {"X": array})
    np.save(tmp_path / "a.npy", array)
    for source in (path, f"{path}:X", tmp_path / "a.npy", array):
        np.testing.assert_array_equal(load_images(source, layout=layout).data, packed)


@WRITERS
def test_a_cube_of_bands_is_one_image(tmp_path, write, suffix):
    cube = COLOUR[0].astype(np.float32)
    for layout, array in (("hwc", cube), ("chw", cube.transpose(2, 0, 1)), ("hw", cube[..., 0])):
        write(tmp_path / f"a{suffix}", {"X": array})
        images = load_images(tmp_path / f"a{suffix}", layout=layout)
        np.testing.assert_array_equal(images.data, cube[None, ..., : 3 if "c" in layout else 1])


def test_layouts_that_cannot_be(tmp_path, photos):
    for layout in ("rows", "nn", "ndw", "", 3, "nhwcd"):
        with pytest.raises(ValueError, match=r"layout=.*: expected 'auto', or a letter for every"):
            load_images(GREY, layout=layout)
    with pytest.raises(ValueError, match=r"layout='dn' is of 2 axes, but the array has the shape"):
        load_images(GREY, layout="dn")
    np.savez(tmp_path / "a.npz", x=GREY)
    with pytest.raises(ValueError, match=r"a\.npz:x has the shape \(10, 4, 6\)"):
        load_images(tmp_path / "a.npz", layout="dn")
    save(photos / "a.png", flat(0))
    for source in (photos, "digits", Images(GREY)):
        with pytest.raises(ValueError, match=r"layout='nhw' is for arrays, in memory or in \.npy"):
            load_images(source, layout="nhw")


def test_h5_files_are_row_major(tmp_path):
    write_hdf5(tmp_path / "a.h5", {"X": GREY[:, :, 1:]})
    np.testing.assert_array_equal(load_images(tmp_path / "a.h5").data[..., 0], GREY[:, :, 1:])


def test_the_command_line_has_layouts(run, tmp_path):
    write_mat(tmp_path / "a.mat", {"ff": GREY.reshape(10, 24).T})
    code, _, err = run("data", tmp_path / "a.mat")
    assert code == 2
    assert "10 images of 24 numbers by layout='dn'" in err
    code, out, _ = run("data", f"{tmp_path}/a.mat:ff", "--layout", "dn", "--json")
    facts = json.loads(out)
    assert (code, facts["shape"]) == (0, [24])
    options = ("-o", "pca.safetensors", "--json", "--n-components", "2")
    assert run("fit", "pca", tmp_path / "a.mat", "--layout", "dn", *options)[0] == 0
    code, out, _ = run("encode", "pca.safetensors", tmp_path / "a.mat", "-o", "z.npy", "--json")
    assert (code, np.load("z.npy").shape) == (0, (10, 2))  # the model knows how long images are


def test_objects_in_npz_are_never_unpickled(tmp_path):
    arrays = {"x": GREY, "meta": np.array([{"a": 1}], dtype=object)}
    write_npz(tmp_path / "a.npz", arrays)
    assert load_images(tmp_path / "a.npz").shape == (10, 4, 6, 1)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        load_images(f"{tmp_path}/a.npz:meta")


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".mat", ".parquet", ".zip", ".gz"])
@pytest.mark.parametrize("content", [b"", b"not what its name says, not at all" * 20])
def test_damaged_files_give_one_error_with_the_path(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"a{suffix} is .*damaged"):
        load_images(path)


def test_a_missing_library_says_what_to_install(tmp_path, monkeypatch):
    for name, file in (("h5py", "a.h5"), ("pyarrow", "a.parquet")):
        (tmp_path / file).write_bytes(b"")
        monkeypatch.setitem(sys.modules, name, None)
        message = rf'reading \.\w+ needs {name}: pip install "isthmus\[files\]"'
        with pytest.raises(ImportError, match=message):
            load_images(tmp_path / file)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dot", ["-", "."])
def test_the_usual_four_idx_files(tmp_path, zipped, dot):
    def write(name, array):
        content = idx_bytes(array)
        name = name.replace("-idx", f"{dot}idx") + (".gz" if zipped else "")
        (tmp_path / name).write_bytes(gzip.compress(content) if zipped else content)

    write("train-images-idx3-ubyte", GREY[:7])
    write("train-labels-idx1-ubyte", LABELS[:7].astype(np.uint8))
    pair = load_images(tmp_path)
    assert (len(pair), pair.is_test, pair.classes) == (7, None, ["3", "5"])
    write("t10k-images-idx3-ubyte", GREY[7:])
    write("t10k-labels-idx1-ubyte", LABELS[7:].astype(np.uint8))
    images = load_images(tmp_path)
    np.testing.assert_array_equal(images.data[..., 0], GREY)
    np.testing.assert_array_equal(images.y, LABELS == 5)
    assert len(images.test) == 3
    one = next(tmp_path.glob("t10k-images*"))
    np.testing.assert_array_equal(load_images(one).data[..., 0], GREY[7:])
    np.testing.assert_array_equal(load_images(one).y, LABELS[7:] == 5)
    with pytest.raises(ValueError, match="holds labels: give the file of images"):
        load_images(next(tmp_path.glob("t10k-labels*")))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_idx_of_wider_numbers(tmp_path, dtype):
    (tmp_path / "a.idx").write_bytes(idx_bytes(GREY.astype(dtype) * 2))
    images = load_images(tmp_path / "a.idx")
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images.data[..., 0], GREY.astype(np.float32) * 2)


def test_gzip_of_several_members(tmp_path):
    content = idx_bytes(GREY)
    (tmp_path / "a.gz").write_bytes(gzip.compress(content[:50]) + gzip.compress(content[50:]))
    np.testing.assert_array_equal(load_images(tmp_path / "a.gz").data[..., 0], GREY)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">HBB3I", 0, 7, 3, 1, 2, 2) + bytes(4),
        idx_bytes(GREY)[:-1],
        idx_bytes(GREY) + b"more",
        struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31),
        b"\0\0",
    ],
)
def test_damaged_idx(tmp_path, zipped, content):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ValueError, match="idx3-ubyte is damaged, or not a readable IDX file"):
        load_images(path)


def test_truncated_gzip(tmp_path):
    rng = np.random.default_rng(0)
    content = gzip.compress(idx_bytes(rng.integers(0, 255, (9, 9, 9), dtype=np.uint8)))
    for end in (-1, -9, 15, 3):
        (tmp_path / "a.gz").write_bytes(content[:end])
        with pytest.raises(ValueError, match=r"a.gz is damaged"):
            load_images(tmp_path / "a.gz")


def test_labels_of_another_length(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(GREY))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:4].astype(np.uint8)))
    with pytest.raises(ValueError, match=r"holds \(4,\) labels for 10 images"):
        load_images(tmp_path)


def png_bytes(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("as_struct", [True, False])
def test_parquet_of_encoded_images(tmp_path, as_struct):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    cells = [png_bytes(image) for image in GREY] + [b"no image", None]
    if as_struct:
        cells = [{"bytes": cell, "path": f"{i}.png"} for i, cell in enumerate(cells)]
    table = pa.table({"image": cells, "label": [*(LABELS // 5).tolist(), 1, None]})
    feature = {"label": {"names": ["three", "five"], "_type": "ClassLabel"}}
    facts = json.dumps({"info": {"features": feature}})
    pq.write_table(table.replace_schema_metadata({"huggingface": facts}), tmp_path / "a.parquet")
    images = load_images(tmp_path / "a.parquet")
    np.testing.assert_array_equal(images.data[..., 0], GREY)
    np.testing.assert_array_equal(images.y, LABELS == 5)
    assert images.classes == ["three", "five"]
    reasons = [why for _, why in images.skipped]
    assert sorted(reasons) == sorted(
        ["damaged, or of a kind Pillow cannot read" if as_struct else "not an image", "empty file"]
    )


@pytest.mark.parametrize("kind", ["list", "large", "fixed", "nested"])
def test_parquet_of_lists(tmp_path, kind):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    types = {
        "list": pa.list_(pa.uint8()),
        "large": pa.large_list(pa.uint8()),
        "fixed": pa.list_(pa.uint8(), 24),
        "nested": pa.list_(pa.list_(pa.uint8())),
    }
    rows = (GREY if kind == "nested" else GREY.reshape(10, 24)).tolist()
    table = pa.table({"pixels": pa.array(rows, types[kind]), "y": ["a", None] * 5})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=4)
    images = load_images(tmp_path / "a.parquet")
    assert images.shape == ((10, 4, 6, 1) if kind == "nested" else (10, 24))
    np.testing.assert_array_equal(images.data.ravel(), GREY.ravel())
    assert images.y.tolist() == [0, -1] * 5


def test_parquet_that_cannot_be_meant(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [[1], [2, 3]], "b": [[1], [2]]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a.parquet:a \(list<.*int64>\), .*a.parquet:b"):
        load_images(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="the lists differ in length"):
        load_images(f"{tmp_path}/a.parquet:a")
    assert load_images(f"{tmp_path}/a.parquet:b").shape == (2, 1)


def test_every_kind_of_pixel(photos):
    save(photos / "a_grey.png", flat(100))
    save(photos / "b_rgb.png", flat((10, 20, 30)))
    save(photos / "c_rgba.png", flat((255, 0, 0, 0)))
    save(photos / "d_grey_alpha.png", flat(0), "LA")
    save(photos / "e_palette.gif", flat((0, 0, 255)), "P")
    save(photos / "f_deep.png", np.full((4, 6), 65535, np.uint16))
    save(photos / "g_bits.png", flat(255), "1")
    save(photos / "h_ink.tif", flat((0, 0, 0)), "CMYK")
    save(photos / "i_float.tif", np.full((4, 6), 0.2, np.float32))
    image = Image.fromarray(flat(0)).convert("P")
    image.save(photos / "j_transparent.png", transparency=0)
    images = load_images(photos)
    expected = [100, (10, 20, 30), 255, 0, (0, 0, 255), 255, 255, 0, 51, 255]
    assert images.shape == (10, 4, 6, 3)
    assert images.skipped == []
    for name, pixels, value in zip(images.names, images.data, expected, strict=True):
        assert (pixels == np.uint8(value)).all(), name


@pytest.mark.parametrize("values", [[0, 128, 257, 65535], [1, 300, 40000, 65534]])
def test_deep_grey_is_scaled_from_its_full_range(photos, values):
    save(photos / "a.png", np.array([values], np.uint16))
    np.testing.assert_array_equal(
        load_images(photos).data.ravel(), np.rint(np.array(values) / 257)
    )
    deep = load_images(photos, dtype="float32")
    np.testing.assert_allclose(deep.data.ravel(), np.array(values) / 65535, atol=1e-7)
    array = np.array([values], np.uint16)[None]
    np.testing.assert_array_equal(load_images(array).data, load_images(photos).data)


def test_grey_stays_grey_unless_one_file_is_not(photos):
    save(photos / "a.png", flat(100))
    save(photos / "b.png", flat(0), "1")
    image = Image.fromarray(flat(90)).convert("P")
    image.putpalette([v for v in range(256) for _ in range(3)])
    image.save(photos / "c.png")
    assert load_images(photos).shape == (3, 4, 6, 1)
    assert load_images(photos, color="rgb").shape == (3, 4, 6, 3)
    save(photos / "d.png", flat((255, 0, 0)))
    assert load_images(photos).shape == (4, 4, 6, 3)
    grey = load_images(photos, color="grey")
    assert grey.data[:, 0, 0, 0].tolist() == [100, 0, 90, 76]


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_images(photos, suffix, orientation):
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16] = 255
    turned = [
        None,
        None,
        np.fliplr,
        lambda a: np.rot90(a, 2),
        np.flipud,
        np.transpose,
        np.rot90,
        lambda a: np.rot90(a, 2).T,
        lambda a: np.rot90(a, -1),
    ][orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(photos / f"a.{suffix}", turned(upright) if turned else upright, exif=exif)
    pixels = load_images(photos).data
    assert pixels.shape == (1, 16, 32, 1)
    np.testing.assert_array_equal(pixels[0, ..., 0] > 127, upright > 127)


def bomb_bytes(side):
    def block(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = block(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    pixels = block(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + block(b"IEND", b"")


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_read_is_skipped_and_listed(photos, tmp_path):
    save(photos / "good.png", flat(7))
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    save(tmp_path / "whole.jpg", noise)
    (photos / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:1500])
    (photos / "head.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:50])
    (photos / "empty.png").touch()
    (photos / "notes.txt").write_text("hello")
    (photos / "labels.csv").write_text("a,b")
    (photos / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (photos / ".thumb.png").write_bytes((photos / "good.png").read_bytes())
    (photos / ".git").mkdir()
    save(photos / ".git" / "in.png", flat(7))
    (photos / "bomb.png").write_bytes(bomb_bytes(100_000))
    (photos / "large.png").write_bytes(bomb_bytes(10_500))
    save(photos / "thumbnail.tif", flat(9))
    (photos / "thumbnail.tif").rename(photos / "IMG_1.DNG")
    os.symlink(photos / "gone.png", photos / "link.png")
    os.symlink(photos, photos / "loop")
    images = load_images(photos, size=(4, 6))
    assert images.names.tolist() == ["good.png"]
    assert (images.data == 7).all()
    reasons = dict(images.skipped)
    assert len(reasons) == len(images.skipped)
    assert reasons == {
        ".git": "hidden",
        ".thumb.png": "hidden",
        "bomb.png": "more than 100,000,000 pixels",
        "cut.jpg": "damaged: its end is missing",
        "empty.png": "empty file",
        "head.jpg": "damaged: its end is missing",
        "IMG_1.DNG": "raw data of a camera: develop it to JPEG or TIFF first",
        "labels.csv": "is empty: expected names of columns, and a line for every image",
        "large.png": "more than 100,000,000 pixels",
        "link.png": "No such file or directory",
        "notes.txt": "not an image",
        "page.eps": "not an image",
    }


def test_gaps_are_closed_when_decoding_fails(photos, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    for i, name in enumerate(["a/0.jpg", "a/1.png", "b/2.jpg", "b/3.png"]):
        save(photos / name, noise // (i + 1))
    whole = load_images(photos)
    for name in ("a/0.jpg", "b/2.jpg"):
        (photos / name).write_bytes((photos / name).read_bytes()[:1500])
    images = load_images(photos)
    assert images.names.tolist() == ["a/1.png", "b/3.png"]
    assert images.y.tolist() == [0, 1]
    np.testing.assert_array_equal(images.data, whole.data[[1, 3]])


def test_nothing_readable(photos):
    with pytest.raises(ValueError, match="photos has no files in it: expected images"):
        load_images(photos)
    for i in range(5):
        (photos / f"{i}.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"0 of 5 files read, 5 not an image \(0.txt, \.\.\.\)"):
        load_images(photos)
    save(photos / "a.png", np.random.default_rng(0).integers(0, 255, (50, 50), dtype=np.uint8))
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes()[:999])
    with pytest.raises(ValueError, match="0 of 6 files read"):
        load_images(photos)


@pytest.mark.parametrize(
    ("names", "y", "classes", "is_test"),
    [
        (["a.png", "b.png"], None, None, None),
        (["cat/a.png", "dog/a.png", "dog/deep/b.png"], [0, 1, 1], ["cat", "dog"], None),
        (["cat/a.png", "cat/b.png"], None, None, None),
        (["cat/a.png", "dog/b.png", "stray.png"], None, None, None),
        (["all/cat/a.png", "all/dog/b.png"], [0, 1], ["cat", "dog"], None),
        (["test/a.png", "train/a.png"], None, None, [1, 0]),
        (["Testing/c/a.png", "Training/d/a.png"], [0, 1], ["c", "d"], [1, 0]),
        (["test/a.png", "train/a.png", "val/b.png"], None, None, [1, 0, 0]),
        (["train/a.png", "val/b.png"], None, None, [0, 1]),
        (["test/a.png", "train/a.png", "x/b.png"], [0, 1, 2], ["test", "train", "x"], None),
    ],
)
def test_sub_folders_are_classes_or_a_split(photos, names, y, classes, is_test):
    for name in names:
        save(photos / name, flat(1))
    (photos / "readme.txt").write_text("about")
    images = load_images(photos)
    assert images.names.tolist() == names
    assert images.classes == classes
    assert y is None or images.y.tolist() == y
    assert is_test is None or images.is_test.tolist() == is_test
    assert (y is None, is_test is None) == (images.y is None, images.is_test is None)


def test_size_is_shared_or_the_median(photos):
    for i, (height, width) in enumerate([(10, 8), (20, 30), (12, 60)]):
        save(photos / f"{i}.png", flat(50, height, width))
    assert load_images(photos).shape == (3, 12, 30, 1)
    assert load_images(photos, size=5).shape == (3, 5, 5, 1)
    assert load_images(photos, size=(5, 9)).shape == (3, 5, 9, 1)
    assert (load_images(photos).data == 50).all()


def test_crop_keeps_the_centre_and_every_pixel_of_it(photos):
    pixels = np.arange(4 * 9, dtype=np.uint8).reshape(4, 9)
    save(photos / "a.png", pixels)
    np.testing.assert_array_equal(load_images(photos, size=4).data[0, ..., 0], pixels[:, 2:6])


def test_pad_is_black_around_the_whole_image(photos):
    save(photos / "a.png", flat(200, 4, 8))
    padded = load_images(photos, size=8, resize="pad").data[0, ..., 0]
    assert (padded[2:6] == 200).all()
    assert not padded[[0, 1, 6, 7]].any()
    small = load_images(photos, size=(2, 2), resize="pad").data[0, ..., 0]
    assert small.tolist() == [[200, 200], [0, 0]]


def test_stretch_scales_each_side(photos):
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, 8:] = 240
    save(photos / "a.png", pixels)
    stretched = load_images(photos, size=(64, 2), resize="stretch").data[0, ..., 0]
    assert stretched.shape == (64, 2)
    assert (np.ptp(stretched, axis=0) == 0).all()
    assert stretched[0, 0] < 20
    assert stretched[0, 1] > 220


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_shrinking_averages(photos, suffix):
    board = np.indices((256, 256)).sum(axis=0) % 2 * 255
    save(photos / f"a.{suffix}", board.astype(np.uint8))
    small = load_images(photos, size=8).data
    assert abs(small.astype(float) - 127.5).max() <= 3


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_jpeg_shortcuts_do_not_move_the_picture(photos, fit, orientation):
    across, down = np.meshgrid(np.linspace(0, 20, 1001), np.linspace(0, 15, 745))
    waves = np.rint(127.5 + 100 * np.sin(across) * np.sin(down)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(photos / "a.jpg", waves, quality=95, exif=exif)
    save(photos / "a.png", waves, exif=exif)
    jpeg, png = load_images(photos, size=(40, 30), resize=fit).data.astype(int)
    assert abs(jpeg - png).max() <= 3


def test_deep_images_are_resized_too(photos):
    save(photos / "a.png", np.full((64, 64), 30000, np.uint16))
    np.testing.assert_allclose(
        load_images(photos, size=5, dtype="float32").data, 30000 / 65535, atol=1e-6
    )


def test_zip_is_read_like_the_folder(photos, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat/a.png", "cat/b.jpg", "dog/c.png"):
        save(photos / name, rng.integers(0, 255, (9, 7, 3), dtype=np.uint8))
    (photos / "notes.txt").write_text("hello")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in photos.rglob("*"):
            archive.write(path, f"pictures/{path.relative_to(photos)}")
        archive.writestr("__MACOSX/pictures/cat/._a.png", b"what a Mac adds")
    images, same = load_images(tmp_path / "a.zip"), load_images(photos)
    np.testing.assert_array_equal(images.data, same.data)
    assert images.y.tolist() == same.y.tolist() == [0, 0, 1]
    assert images.classes == same.classes
    assert images.skipped == [
        ("__MACOSX/pictures/cat/._a.png", "hidden"),
        ("pictures/notes.txt", "not an image"),
    ]


def test_a_damaged_member_of_a_zip_is_skipped(tmp_path):
    first = png_bytes(GREY[0])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", first)
        archive.writestr("b.png", png_bytes(GREY[1]))
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(first) + 45] ^= 255
    (tmp_path / "a.zip").write_bytes(bytes(content))
    images = load_images(tmp_path / "a.zip")
    assert images.names.tolist() == ["b.png"]
    assert [name for name, _ in images.skipped] == ["a.png"]


def test_an_encrypted_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", png_bytes(GREY[0]))
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"a.zip is encrypted: unpack it and give the folder"):
        load_images(tmp_path / "a.zip")


@pytest.fixture
def mixed(photos):
    rng = np.random.default_rng(0)
    for i in range(6):
        pixels = rng.integers(0, 255, (40 + i, 50, 3), dtype=np.uint8)
        save(photos / f"{'ab'[i % 2]}/{i}.jpg", pixels)
    cut = photos / "a" / "2.jpg"
    cut.write_bytes(cut.read_bytes()[:1500])
    (photos / "notes.txt").write_text("hello")
    return photos


def test_a_large_folder_is_packed_on_disk_once(mixed, cache, monkeypatch):
    in_memory = load_images(mixed)
    assert not cache.exists()
    monkeypatch.setattr(folder, "memory_allowed", lambda: 1000)
    packed = load_images(mixed)
    files = sorted(path.name for path in (cache / "images").iterdir())
    assert len(files) == 2
    monkeypatch.setattr(folder, "read_image", None)  # a second decoding would fail
    again = load_images(mixed)
    for images in (packed, again):
        assert isinstance(images.data, np.memmap)
        np.testing.assert_array_equal(images.data, in_memory.data)
        assert images.names.tolist() == in_memory.names.tolist()
        assert images.y.tolist() == in_memory.y.tolist()
        assert images.skipped == in_memory.skipped
    assert files == sorted(path.name for path in (cache / "images").iterdir())


def test_the_cache_follows_files_and_options(mixed, cache, monkeypatch):
    monkeypatch.setattr(folder, "memory_allowed", lambda: 0)
    load_images(mixed)
    assert load_images(mixed, size=7).shape == (5, 7, 7, 3)
    assert load_images(mixed, dtype="float32").dtype == np.float32
    save(mixed / "b" / "9.jpg", flat((1, 2, 3)))
    assert len(load_images(mixed)) == 6
    assert len(list((cache / "images").glob("*.npy"))) == 4


def test_a_cut_off_packing_leaves_nothing(mixed, cache, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "memory_allowed", lambda: 0)
    monkeypatch.setattr(folder, "_decode_into", stop)
    with pytest.raises(KeyboardInterrupt):
        load_images(mixed)
    assert list((cache / "images").iterdir()) == []


def test_a_full_disk_is_noticed_before(mixed, monkeypatch):
    monkeypatch.setattr(folder, "memory_allowed", lambda: 0)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(OSError, match=r"need .* MiB, and .* has only .* MiB free; ask for"):
        load_images(mixed)


def test_pixels_are_limited_by_a_constant(photos, monkeypatch):
    save(photos / "a.png", flat(1))
    save(photos / "b.png", flat(1, 40, 60))
    for module in (decode, formats):
        monkeypatch.setattr(module, "MAX_PIXELS", 100)
    assert load_images(photos).skipped == [("b.png", "more than 100 pixels")]


def test_flowers(data_folder):
    images = load_images(data_folder / "flowers-oxford-224px" / "train")
    assert images.shape == (120, 224, 224, 3)
    assert images.skipped == []
    assert len(images.classes) == 12
    assert np.bincount(images.y).tolist() == [10] * 12


def test_flowers_with_their_split(data_folder):
    images = load_images(data_folder / "flowers-oxford-224px", size=32)
    assert (images.train.shape, images.test.shape) == ((120, 32, 32, 3), (60, 32, 32, 3))
    assert [name for name, _ in images.skipped] == ["SHA256SUMS"]


def test_a_split_holds_out_the_same_share_of_every_label():
    y = np.repeat([0, 1, 2], [50, 100, 7])
    counts = np.bincount(Images(np.zeros((157, 2)), y=y).split(0.2, seed=3).test.y)
    assert counts.sum() == 31
    assert (abs(counts - 0.2 * np.bincount(y)) <= 1).all()


def test_a_folder_of_arrays_says_how_to_read_one(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    with pytest.raises(
        ValueError, match=r"not an image .*; give an array by its own name: .*a\.npy"
    ):
        load_images(tmp_path)
