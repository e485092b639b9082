"""Damaged and forged files: one line each, in little time and memory, and no crash."""

import gzip
import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
import scipy.io
from PIL import Image

from fuzz.sources import ENVI
from isthmus.data.matlab import variables
from isthmus.data.readers import load_images

GREY = np.arange(12 * 8 * 9, dtype=np.uint16).reshape(12, 8, 9).astype(np.uint8)
LABELS = np.arange(12) % 3


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def idx(_path):
    return struct.pack(">HBB3I", 0, 8, 3, *GREY.shape) + GREY.tobytes()


def write_mat(path):
    scipy.io.savemat(path, {"x": GREY, "y": LABELS, "t": np.array(["ab", "c"])})


def write_packed_mat(path):
    cells = np.array(["ab", "c"], object)
    scipy.io.savemat(path, {"x": GREY, "y": LABELS, "c": cells}, do_compression=True)


def write_old_mat(path):
    scipy.io.savemat(path, {"x": GREY.reshape(12, 72), "y": LABELS}, format="4")


def write_h5(path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["y"] = LABELS
        file.create_dataset("x", data=GREY, compression="gzip")


def write_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        for row in range(3):
            archive.writestr(f"{row}.png", png(GREY[row]))


def write_tiff(path):
    tifffile = pytest.importorskip("tifffile")
    tags = [(42113, "s", 0, "7", True)]
    options = {"photometric": "minisblack", "compression": "zlib", "extratags": tags}
    tifffile.imwrite(path, GREY.transpose(1, 2, 0), planarconfig="contig", **options)


def write_envi(path):
    path.write_text(ENVI)
    path.with_suffix(".img").write_bytes(GREY.tobytes())


WRITERS = {
    "a.mat": write_mat,
    "packed.mat": write_packed_mat,
    "old.mat": write_old_mat,
    "a.h5": write_h5,
    "a.npz": lambda path: np.savez(path, x=GREY, y=LABELS),
    "packed.npz": lambda path: np.savez_compressed(path, x=GREY, y=LABELS),
    "a.npy": lambda path: np.save(path, GREY),
    "a.zip": write_zip,
    "a.tif": write_tiff,
    "a.hdr": write_envi,
    "a-idx3-ubyte": lambda path: path.write_bytes(idx(path)),
    "a.gz": lambda path: path.write_bytes(gzip.compress(idx(path))),
}


def mutants(content, count, seed):
    """Bytes set, filled, taken out, and ends cut off, more often near the beginning."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        changed = bytearray(content)
        for _ in range(rng.integers(1, 6)):
            most = len(changed) if rng.random() < 0.4 else min(len(changed), 400)
            at, how = int(rng.integers(most)), rng.random()
            if how < 0.7:
                changed[at] = int(rng.integers(256)) if how < 0.5 else 255
            elif how < 0.8:
                changed[at : at + 4] = struct.pack("<I", int(rng.integers(2**32)))
            elif how < 0.9:
                del changed[at : at + int(rng.integers(1, 30))]
            else:
                del changed[at + 1 :]
            changed = changed or bytearray(b"x")
        yield bytes(changed)


@pytest.mark.parametrize("name", WRITERS)
def test_mutants_are_read_or_refused(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    refused = 0
    for content in mutants(path.read_bytes(), 60, seed=len(name)):
        path.write_bytes(content)
        try:
            load_images(path)
        except (ValueError, OSError, ImportError, MemoryError) as error:
            refused += 1
            reason = str(error) or "not enough memory"
            assert reason
    assert refused


def damaged_h5(path):
    """A data set that claims a gigabyte and holds nothing."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1200, 1000, 1000), "u1", chunks=(1, 1000, 1000))


def bomb(path):
    """A few kilobytes of PNG that unpack to 70 MB."""
    side = 4200
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    body = zlib.compressobj(9)
    rows = b"".join(body.compress(bytes(1 + 4 * side)) for _ in range(side)) + body.flush()
    parts = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", content)


def newer_zip(path):
    write_zip(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"PK\x01\x02\x14\x03\x14\x00", b"PK\x01\x02\x14\x03\x6d\x00"))


def long_npz(path):
    """A header that claims more than the member holds."""
    array = io.BytesIO()
    np.save(array, GREY)
    content = array.getvalue().replace(b"(12, 8, 9)", b"(99999, 8)")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content)


def cut_mat(path):
    write_mat(path)
    path.write_bytes(path.read_bytes()[:300])


def typeless_mat(path):
    """Numbers of a type that there is not: scipy reads beyond its tables there, and dies."""
    write_mat(path)
    content = bytearray(path.read_bytes())
    at = content.index(GREY.tobytes(order="F")) - 8
    content[at : at + 4] = struct.pack("<I", 128)
    path.write_bytes(content)


def long_tiff(path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(path, GREY[0], photometric="minisblack", compression="zlib")
    content = path.read_bytes()
    width, wide = (struct.pack("<HHII", 256, 4, 1, side) for side in (9, 3_000_000_000))
    assert content.count(width) == 1
    path.write_bytes(content.replace(width, wide))


def blank_envi(path):
    write_envi(path)
    path.write_text("ENVI\n" + " " * 30_000 + "\n" + "a" * 30_000)


def offset_envi(path):
    write_envi(path)
    path.write_text(ENVI.replace("header offset = 0", "header offset = -864"))
    path.with_suffix(".img").write_bytes(b"")


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("a.h5", damaged_h5, "1,200,000,000 bytes, 0 are there"),
        ("a.zip", bomb, "unpacked it is 70,560,000 bytes"),
        ("a.zip", newer_zip, "zip file version 10.9"),
        ("a.npz", long_npz, "is longer than the"),
        ("a.mat", cut_mat, "goes on beyond the end of the file"),
        ("a.mat", typeless_mat, "numbers of type 128"),
        ("a.tif", long_tiff, "the header contradicts its file"),
        ("a.hdr", blank_envi, "it does not say 'lines'"),
        ("a.hdr", offset_envi, "a header offset of -864"),
    ],
)
def test_forged_files_cost_nothing(tmp_path, run, name, write, words):
    write(tmp_path / name)
    code, _, err = run("data", tmp_path / name)
    assert (code, err.count("\n")) == (2, 1)
    assert words in err


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_matlab_files_are_read_as_scipy_reads_them(tmp_path, packed, dtype):
    rng = np.random.default_rng(0)
    shapes = {"a": (3, 4), "b": (3, 4, 5), "c": (1, 1), "d": (2, 3, 4, 5), "long": (1, 7)}
    arrays = {name: rng.integers(0, 100, shape).astype(dtype) for name, shape in shapes.items()}
    scipy.io.savemat(tmp_path / "a.mat", arrays, do_compression=packed)
    found = variables(tmp_path / "a.mat")
    for name, wanted in scipy.io.loadmat(tmp_path / "a.mat").items():
        if not name.startswith("__"):
            assert (found[name].shape, found[name].dtype) == (wanted.shape, wanted.dtype)
            np.testing.assert_array_equal(found[name].read(), wanted)
    flat = {name: array for name, array in arrays.items() if array.ndim == 2}
    if dtype in ("u1", "u2", "i2", "i4", "f4", "f8"):
        scipy.io.savemat(tmp_path / "b.mat", flat, format="4")
        found = variables(tmp_path / "b.mat")
        for name, wanted in flat.items():
            np.testing.assert_array_equal(found[name].read(), wanted)


def test_other_things_in_matlab_files(tmp_path):
    cells = np.array(["cat", "dog", "cat"], object)[:, None]
    things = {"y": cells, "s": {"k": 1}, "z": np.array([[1 + 2j]]), "x": GREY[:3, :, :8]}
    scipy.io.savemat(tmp_path / "a.mat", things)
    images = load_images(tmp_path / "a.mat")
    np.testing.assert_array_equal(images.data[..., 0], GREY[:3, :, :8])
    assert images.classes == ["cat", "dog"]
    assert images.y.tolist() == [0, 1, 0]
    scipy.io.savemat(tmp_path / "b.mat", {"y": np.array(["cat", "ox"]), "x": GREY[:2, :, :8]})
    assert load_images(tmp_path / "b.mat").classes == ["cat", "ox"]
    scipy.io.savemat(tmp_path / "c.mat", {"x": GREY[:3, :, :8] > 90})
    assert set(np.unique(load_images(tmp_path / "c.mat").data)) == {0, 255}
