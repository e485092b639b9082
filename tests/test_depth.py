"""Files and arrays of more than 8 bits a value: every level is kept, in every kind of file."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data import folder as folders
from isthmus.data.depth import depth_of, scaled
from isthmus.data.readers import load_images

CHANNELS = {"grey": (0, 1), "grey and alpha": (4, 2), "rgb": (2, 3), "rgba": (6, 4)}
"""Colour type and channels of PNG."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    return path


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def write_png16(path, values, kind, *chunks):
    """Write a PNG of 16 bits by hand (no library here writes colour); rows differ in filter."""
    height, width, channels = values.shape
    step, lines, above = 2 * channels, [], bytes(2 * channels * width)
    for number, row in enumerate(values.astype(">u2")):
        line = row.tobytes()
        left, number = bytes(step) + line[:-step], number % 3
        less = [bytes(len(line)), left, above][number]
        lines.append(
            bytes([number]) + bytes((a - b) % 256 for a, b in zip(line, less, strict=True))
        )
        above = line
    header = struct.pack(">IIBBBBB", width, height, 16, CHANNELS[kind][0], 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def deep(channels, highest, seed=0, size=(9, 7)):
    """Random values of all levels up to `highest`, which occurs."""
    values = np.random.default_rng(seed).integers(0, highest + 1, (*size, channels))
    values[0, 0] = highest
    return values


def rounded(values, bits):
    return np.floor(np.float64(255) * values / (2**bits - 1) + 0.5)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["grey", "rgb"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_the_depth_of_a_set_is_found(photos, bits, kind, suffix):
    channels = CHANNELS[kind][1]
    stacks = [deep(channels, 2**bits - 1 if i == 2 else 200, seed=i) for i in range(4)]
    for i, values in enumerate(stacks):
        if suffix == "png":
            write_png16(photos / f"{i}.png", values, kind)
        else:
            tifffile = pytest.importorskip("tifffile")
            photometric = "rgb" if channels == 3 else "minisblack"
            pixels = values.astype(np.uint16).squeeze()
            tifffile.imwrite(photos / f"{i}.tif", pixels, photometric=photometric)
    images = load_images(photos)
    assert images.loading["bits"] == bits
    np.testing.assert_array_equal(images.data, rounded(np.stack(stacks), bits))
    unit = load_images(photos, dtype="float32")
    np.testing.assert_allclose(unit.data, np.stack(stacks) / (2**bits - 1), rtol=1e-6)
    assert len(np.unique(unit.data)) == len(np.unique(stacks))
    full = load_images(photos, bits=16)
    np.testing.assert_array_equal(full.data, rounded(np.stack(stacks), 16))


@pytest.mark.parametrize("part", [2**18, 20])
@pytest.mark.parametrize("kind", CHANNELS)
def test_transparency_is_laid_over_white(photos, kind, part, monkeypatch):
    monkeypatch.setattr("isthmus.data.decode.PART", part)  # pixels that are scaled at once
    channels = CHANNELS[kind][1]
    values = deep(channels, 65535)
    write_png16(photos / "a.png", values, kind)
    colours, alpha = values / 65535, 1.0
    if channels in (2, 4):
        colours, alpha = colours[..., :-1], colours[..., -1:]
    images = load_images(photos, dtype="float32")
    np.testing.assert_allclose(images.data[0], colours * alpha + 1 - alpha, atol=1e-6)
    grey = load_images(photos, dtype="float32", color="grey")
    over = colours * alpha + 1 - alpha
    luma = over @ [0.299, 0.587, 0.114] if over.shape[2] == 3 else over[..., 0]
    np.testing.assert_allclose(grey.data[0, ..., 0], luma, atol=1e-6)


def test_opaque_images_of_12_bits_stay_opaque(photos):
    values = deep(4, 4095)
    values[..., 3] = 65535
    write_png16(photos / "a.png", values, "rgba")
    images = load_images(photos, dtype="float32")
    assert images.loading["bits"] == 12
    np.testing.assert_allclose(images.data[0], values[..., :3] / 4095, rtol=1e-6)


def test_a_transparent_colour_of_png(photos):
    values = deep(3, 65535)
    key = values[2, 3]
    write_png16(photos / "a.png", values, "rgb", (b"tRNS", struct.pack(">3H", *key)))
    expected = np.where((values == key).all(-1, keepdims=True), 65535, values) / 65535
    np.testing.assert_allclose(load_images(photos, dtype="float32").data[0], expected, rtol=1e-6)


def test_files_of_8_bits_beside_them_keep_their_range(photos):
    values = deep(1, 4095)
    write_png16(photos / "a.png", values, "grey")
    Image.fromarray(np.full((9, 7), 255, np.uint8)).save(photos / "b.png")
    images = load_images(photos)
    np.testing.assert_array_equal(images.data[0], rounded(values, 12))
    assert (images.data[1] == 255).all()


def test_one_brighter_file_outside_the_sample_is_not_clipped(photos, monkeypatch):
    monkeypatch.setattr(folders, "SAMPLED", 1)
    stacks = [deep(1, 65535 if i == 3 else 1000, seed=i) for i in range(5)]
    for i, values in enumerate(stacks):
        write_png16(photos / f"{i}.png", values, "grey")
    images = load_images(photos)
    assert images.loading["bits"] == 16
    np.testing.assert_array_equal(images.data, rounded(np.stack(stacks), 16))
    with pytest.raises(ValueError, match=r"a value of 65535 needs 16 bits, and bits=12 was given"):
        load_images(photos, bits=12)


def test_the_depth_is_kept_in_the_cache_and_in_a_zip(photos, tmp_path, monkeypatch):
    write_png16(photos / "a.png", deep(3, 4095), "rgb")
    monkeypatch.setattr(folders, "memory_allowed", lambda: 0)
    first, again = load_images(photos), load_images(photos)
    assert first.loading["bits"] == again.loading["bits"] == 12
    np.testing.assert_array_equal(first.data, again.data)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(photos / "a.png", "a.png")
    np.testing.assert_array_equal(load_images(tmp_path / "a.zip").data, first.data)
    assert (load_images(photos, bits=16).data < 17).all()


@pytest.mark.parametrize("orientation", [3, 6])
def test_deep_colour_is_turned_and_resized(photos, orientation):
    values = np.zeros((8, 12, 3), int)
    values[:4, :6] = [65535, 0, 30000]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = exif.tobytes().removeprefix(b"Exif\x00\x00")
    write_png16(photos / "a.png", values, "rgb", (b"eXIf", content))
    plain = io.BytesIO()
    Image.fromarray((values >> 8).astype(np.uint8)).save(plain, "png", exif=exif)
    (photos / "b.png").write_bytes(plain.getvalue())
    images = load_images(photos, size=(6, 4) if orientation == 6 else (4, 6))
    assert images.skipped == []
    assert np.abs(images.data[0].astype(int) - images.data[1]).max() <= 6  # 8 bits are cut twice


def test_depth_of_tiff_in_either_byte_order_and_compressed(photos):
    tifffile = pytest.importorskip("tifffile")
    values = deep(3, 65535).astype(np.uint16)
    for order in "<>":
        for compression in (None, "deflate"):
            tifffile.imwrite(
                photos / "a.tif",
                values,
                photometric="rgb",
                byteorder=order,
                compression=compression,
            )
            np.testing.assert_array_equal(load_images(photos).data[0], rounded(values, 16))


@pytest.mark.parametrize("values", [np.full((9, 7), -3), np.full((9, 7), 70000)])
def test_whole_numbers_beyond_16_bits_are_skipped_and_listed(photos, values):
    Image.fromarray(values.astype(np.int32)).save(photos / "a.tif")
    with pytest.raises(ValueError, match="whole numbers outside 0 to 65535"):
        load_images(photos)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".mat", "array"])
def test_arrays_of_16_bits_follow_the_same_rule(tmp_path, suffix):
    values = np.stack([deep(1, 4095 if i else 100, seed=i)[..., 0] for i in range(4)])
    values = values.astype(np.uint16)
    path = tmp_path / f"a{suffix}"
    labels = np.arange(4) % 2
    if suffix == ".npy":
        np.save(path, values)
    elif suffix == ".npz":
        np.savez(path, x=values)
    elif suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["x"] = values
    elif suffix == ".mat":
        import scipy.io

        scipy.io.savemat(path, {"x": values, "y": labels})
    source = values if suffix == "array" else path
    images = load_images(source)
    assert images.loading["bits"] == 12
    np.testing.assert_array_equal(images.data[..., 0], rounded(values, 12))
    np.testing.assert_array_equal(load_images(source, bits=16).data[..., 0], rounded(values, 16))
    unit = load_images(source, dtype="float32", bits=14).data[..., 0]
    np.testing.assert_allclose(unit, values / (2**14 - 1), rtol=1e-6)
    with pytest.raises(ValueError, match="a value of 4095 needs 12 bits, and bits=10 was given"):
        load_images(source, bits=10)


def test_a_model_reads_later_images_by_the_depth_it_learnt(photos, tmp_path):
    for i in range(4):
        write_png16(photos / f"{i}.png", deep(1, 4095, seed=i), "grey")
    images = load_images(photos)
    ist.KMeans(2, random_state=0).fit(images).save(tmp_path / "k.safetensors")
    model = ist.load_model(tmp_path / "k.safetensors")
    assert model.fitting_["bits"] == 12
    dark = tmp_path / "dark"
    dark.mkdir()
    values = deep(1, 900)
    write_png16(dark / "a.png", values, "grey")
    np.testing.assert_array_equal(load_images(dark, like=model).data[0], rounded(values, 12))
    np.testing.assert_array_equal(load_images(dark).data[0], rounded(values, 10))


def test_commands_say_the_depth_and_take_it(photos, run):
    write_png16(photos / "a.png", deep(1, 4095), "grey")
    code, out, err = run("data", photos, "-o", "a.png")
    assert code == 0
    assert "12 bits of 16, 4095 is white; --bits 16 if they are dark images" in out
    assert err.count("12 bits of 16") == 1
    code, out, err = run("data", photos, "-o", "b.png", "--bits", 16, "--dtype", "float32")
    assert (code, err) == (0, "")
    assert "16 bits of 16" in out
    assert "float32" in out
    code, _, err = run("data", photos, "-o", "c.png", "--bits", 7)
    assert (code, err.count("\n")) == (2, 1)
    assert "bits=7: expected 8 to 16" in err


def test_depths():
    assert [depth_of(2**bits - 1) for bits in range(1, 17)] == [8] * 8 + [10] * 2 + [12] * 2 + [
        14
    ] * 2 + [16] * 2
    levels = np.arange(65536, dtype=np.uint16)[None]
    np.testing.assert_array_equal(scaled(levels)[0], rounded(levels[0], 16))


def test_a_model_scales_arrays_by_the_depth_it_learnt():
    values = np.stack([deep(1, 4095, seed=i)[..., 0] for i in range(12)]).astype(np.uint16)
    values[3] //= 8
    model = ist.PCA(3).fit(values)
    unit = ist.PCA(3).fit(values / np.float32(4095))
    close = {"rtol": 1e-4, "atol": 1e-5}
    codes = unit.encode(values / np.float32(4095))
    np.testing.assert_allclose(model.encode(values), codes, **close)
    np.testing.assert_allclose(model.encode(values[3:4]), codes[3:4], **close)
    brighter = values[:1] * np.uint16(4)
    codes = unit.encode(brighter / np.float32(4095))
    np.testing.assert_allclose(model.encode(brighter), codes, **close)
    with pytest.raises(ValueError, match=r"images of 10 bits, this PCA was fitted on 12: load"):
        model.encode(ist.Images(values[3:4]))
    part = ist.Images(values)[3:4]
    np.testing.assert_allclose(model.encode(part), model.encode(values[3:4]), **close)
