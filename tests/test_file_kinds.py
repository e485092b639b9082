"""Kinds of files x types of values x layouts: what is read, against what another library reads."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

import isthmus as ist

tifffile = pytest.importorskip("tifffile")
h5py = pytest.importorskip("h5py")
scipy_io = pytest.importorskip("scipy.io")

RNG = np.random.default_rng(0)
SIDES = 7, 9


def numbers(kind, *shape):
    return RNG.integers(0, 200, (*SIDES, *shape)).astype(kind)


def upright(array):
    """Return what another library read as (n, h, w, c)."""
    array = np.asarray(array)
    array = array[..., None] if array.ndim == 2 else array
    return array[None] if array.ndim == 3 else array


TIFFS = [
    (kind, bands, planar, packed)
    for kind in ("u1", "u2", "i2", "f4", ">u2", "f8")
    for bands, planar in ((1, None), (3, "contig"), (5, "separate"))
    for packed in (None, "zlib")
    if packed is None or kind in ("u1", "u2")
]


@pytest.mark.parametrize(("kind", "bands", "planar", "packed"), TIFFS)
def test_bands_of_tiff(tmp_path, kind, bands, planar, packed):
    array = numbers(kind, bands)
    array = np.moveaxis(array, -1, 0) if planar == "separate" else array
    path = tmp_path / "a.tif"
    options = {"planarconfig": planar} if planar else {}
    tifffile.imwrite(
        path,
        array[..., 0] if bands == 1 else array,
        photometric="minisblack",
        compression=packed,
        byteorder=">" if ">" in kind else "<",
        **options,
    )
    other = tifffile.imread(path)
    other = np.moveaxis(other, 0, -1) if planar == "separate" else other
    same(ist.load_images(path), other)


def same(images, other):
    """Hold shape, range and every pixel, the first of them too, against another library."""
    other = upright(other)
    assert images.shape == other.shape
    np.testing.assert_array_equal(np.asarray(images)[0, 0, 0], other[0, 0, 0])
    np.testing.assert_array_equal(np.asarray(images), other)
    if images.dtype != np.uint8:
        low, high = images.value_range
        assert low <= other.min() <= other.max() <= high


COLORS = Image.fromarray(numbers("u1", 3))
CLEAR = Image.fromarray(numbers("u1", 4))
PHOTOS = {
    "1.png": COLORS.convert("1"),
    "L.png": COLORS.convert("L"),
    "LA.png": CLEAR.convert("LA"),
    "P.png": COLORS.quantize(16),
    "RGB.png": COLORS,
    "RGBA.png": CLEAR,
    "CMYK.jpg": COLORS.convert("CMYK"),
    "L.jpg": COLORS.convert("L"),
    "RGB.jpg": COLORS,
    "CMYK.tif": COLORS.convert("CMYK"),
    "P.bmp": COLORS.quantize(16),
    "RGB.webp": COLORS,
    "RGBA.webp": CLEAR,
    "P.gif": COLORS.quantize(16),
    "RGB.jp2": COLORS,
    "L.pgm": COLORS.convert("L"),
    "RGB.ppm": COLORS,
    "LZW.tif": COLORS,
}


@pytest.mark.parametrize("name", PHOTOS)
def test_modes_of_photographs(tmp_path, name):
    options = {"compression": "tiff_lzw"} if name == "LZW.tif" else {}
    lossless = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    PHOTOS[name].save(tmp_path / name, **options, **lossless)
    images = ist.load_images(tmp_path / name)
    with Image.open(tmp_path / name) as image:
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        same(images, image.convert("L" if images.shape[3] == 1 else "RGB"))
    assert images.value_range == (0, 1)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_orientations(tmp_path, turn, suffix):
    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / f"a.{suffix}"
    COLORS.save(path, exif=exif, lossless=True)
    with Image.open(path) as image:
        same(ist.load_images(path), ImageOps.exif_transpose(image))


@pytest.mark.parametrize("clear", [3, b"\0\x40\x80\xff"])
@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_palettes_with_transparency(tmp_path, clear, suffix):
    if suffix == "gif" and clear != 3:
        clear = 0
    path = tmp_path / f"a.{suffix}"
    COLORS.quantize(16).save(path, transparency=clear)
    with Image.open(path) as image:
        image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    images = ist.load_images(path)
    same(images, Image.alpha_composite(white, image).convert("RGB"))
    assert "transparency laid over white" in images.changed


def deep_png(array):
    """Return the bytes of a PNG file of 16 bits a value, which Pillow does not write."""
    kind = {1: 0, 3: 2}[array.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)

    def chunk(name, data):
        said = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + said

    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, kind, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_of_16_bits(tmp_path, channels):
    array = (numbers("u2", channels) * 327).astype("u2")
    array[0, 0] = 65535
    (tmp_path / "a.png").write_bytes(deep_png(array))
    images = ist.load_images(tmp_path / "a.png", dtype="float32")
    np.testing.assert_allclose(np.asarray(images)[0], array / 65535, rtol=1e-6)
    if channels == 1:
        with Image.open(tmp_path / "a.png") as image:
            np.testing.assert_array_equal(np.asarray(image), array[..., 0])


def swapped_profile():
    """Return sRGB with the places of red and green exchanged, under another name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    at = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = at[b"rXYZ"] + 4, at[b"gXYZ"] + 4
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data).replace("sRGB".encode("utf-16-be"), "wxyz".encode("utf-16-be"))


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_colors_of_a_profile_become_srgb(tmp_path, suffix):
    profile, path = swapped_profile(), tmp_path / f"a.{suffix}"
    COLORS.save(path, icc_profile=profile, lossless=True)
    images = ist.load_images(tmp_path)
    srgb = ImageCms.createProfile("sRGB")
    same(images, ImageCms.profileToProfile(COLORS, io.BytesIO(profile), srgb))
    assert (np.asarray(images)[0, 0, 0] != np.asarray(COLORS)[0, 0]).any()


def test_srgb_and_damaged_profiles_change_nothing(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("a", srgb), ("b", b"no profile"), ("c", srgb[:200])):
        COLORS.save(tmp_path / f"{name}.png", icc_profile=profile)
    same(ist.load_images(tmp_path), np.stack([np.asarray(COLORS)] * 3))


FRAMES = [Image.fromarray(numbers("u1", 3)) for _ in range(5)]


@pytest.mark.parametrize("nth", [None, 1, 2])
@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_frames_of_animations_and_pages(tmp_path, suffix, nth):
    path = tmp_path / f"a.{suffix}"
    lossless = {"lossless": True} if suffix == "webp" else {}
    FRAMES[0].save(path, save_all=True, append_images=FRAMES[1:], **lossless)
    wanted = []
    with Image.open(path) as image:
        every = range(0, 1 if nth is None and suffix != "tif" else 5, nth or 1)
        for number in every:
            image.seek(number)
            wanted.append(np.asarray(image.convert("RGB")))
    images = ist.load_images(path, nth=nth)
    same(images, np.stack(wanted))
    if nth == 2 and suffix != "tif":
        assert images.names.tolist() == [f"a.{suffix}#{i:06d}" for i in (0, 2, 4)]


def write_video(path, rotated=False):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(7):
            picture = np.full((16, 32, 3), 30 * number, np.uint8)
            picture[:8, :16] = 200, 30 * number, 40
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            file.mux(list(stream.encode_lazy(frame)))
        file.mux(list(stream.encode_lazy(None)))
    if rotated:  # as a telephone that was held upright
        data = path.read_bytes()
        at = data.index(b"tkhd") + 44
        matrix = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 16 << 16, 0, 1 << 30)
        path.write_bytes(data[:at] + matrix + data[at + 36 :])
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


@pytest.mark.parametrize(
    ("suffix", "nth"), [("mp4", None), ("mp4", 3), ("mkv", 2), ("mov", 1), ("avi", 7)]
)
def test_frames_of_videos(tmp_path, suffix, nth):
    path = tmp_path / f"a.{suffix}"
    frames = write_video(path)
    images = ist.load_images(path, nth=nth)
    same(images, frames[:: nth or 1])
    model = ist.PCA(1).fit(ist.load_images(path, nth=3))
    assert len(ist.load_images(path, like=model)) == 3


def test_a_video_of_a_telephone_is_upright(tmp_path):
    frames = write_video(tmp_path / "a.mp4", rotated=True)
    same(ist.load_images(tmp_path / "a.mp4"), np.rot90(frames, -1, (1, 2)))


def test_a_folder_of_videos_animations_and_images(tmp_path, monkeypatch):
    frames = write_video(tmp_path / "b.mp4")
    COLORS.save(tmp_path / "c.png")
    FRAMES[0].save(tmp_path / "a.gif", save_all=True, append_images=FRAMES[1:])
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    still = ist.load_images(tmp_path)
    assert still.names.tolist() == ["a.gif", "c.png"]
    assert [name for name, _ in still.skipped] == ["b.mp4", "broken.mp4"]
    images = ist.load_images(tmp_path, nth=3, size=(16, 32))
    clips = [name.split("#")[0] for name in images.names]
    assert clips == ["a.gif"] * 2 + ["b.mp4"] * 3 + ["c.png"]
    np.testing.assert_array_equal(np.asarray(images)[2:5], frames[::3])
    assert [name for name, _ in images.skipped] == ["broken.mp4"]
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / ".cache"))
    monkeypatch.setattr("isthmus.data.moving.memory_allowed", lambda: 0)
    for _ in range(2):  # packed, and from there
        packed = ist.load_images(tmp_path, nth=3, size=(16, 32))
        assert isinstance(packed.data, np.memmap)
        np.testing.assert_array_equal(np.asarray(packed), np.asarray(images))
        assert packed.names.tolist() == images.names.tolist()


def test_a_video_without_av_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"\0")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match=r"av: pip install \"isthmus\[video\]\""):
        ist.load_images(tmp_path / "a.mp4")


def test_heic_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    from isthmus.data import formats

    formats.formats.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(ValueError, match=r"HEIC needs pillow-heif: pip install"):
        ist.load_images(tmp_path / "a.heic")
    COLORS.save(tmp_path / "b.png")
    assert "pillow-heif" in ist.load_images(tmp_path).skipped[0][1]
    formats.formats.cache_clear()


def write_envi(folder, array, more=b"", interleave="bip"):
    code = {"uint8": 1, "int16": 2, "float32": 4, "uint16": 12}[str(array.dtype)]
    axes = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}[interleave]
    (folder / "a.hdr").write_text(
        f"ENVI\nsamples = {SIDES[1]}\nlines = {SIDES[0]}\nbands = {array.shape[2]}\n"
        f"data type = {code}\ninterleave = {interleave}\n"
    )
    (folder / "a.img").write_bytes(array.transpose(axes).tobytes() + more)
    return folder / "a.hdr"


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("kind", ["u1", "i2", "f4", "u2"])
def test_envi_files_with_a_remainder(tmp_path, interleave, kind):
    array = numbers(kind, 4)
    images = ist.load_images(write_envi(tmp_path, array, b"\0" * 11, interleave))
    same(images, array)
    assert images.skipped == [("a.img", "its last 11 bytes, which a.hdr does not count")]


def test_envi_files_of_another_header_are_refused(tmp_path):
    array = numbers("u1", 3)
    with pytest.raises(ValueError, match="contradicts its file"):
        ist.load_images(write_envi(tmp_path, array, bytes(SIDES[0] * SIDES[1])))


CONTAINERS = [
    (suffix, kind, layout)
    for suffix in ("mat", "h5", "npy", "npz")
    for kind in ("u1", "f4", "i4", "?")
    for layout in ("nhw", "hwn", "nchw", "dn")
    if (kind == "u1") or layout == "nhw"
]


@pytest.mark.parametrize(("suffix", "kind", "layout"), CONTAINERS)
def test_arrays_in_files(tmp_path, suffix, kind, layout):
    images = RNG.integers(0, 2 if kind == "?" else 200, (6, *SIDES, 3)).astype(kind)
    stored = {
        "nhw": images[..., 0],
        "hwn": np.moveaxis(images[..., 0], 0, -1),
        "nchw": np.moveaxis(images, -1, 1),
        "dn": images.reshape(6, -1).T,
    }[layout]
    path = tmp_path / f"a.{suffix}"
    if suffix == "mat":
        scipy_io.savemat(path, {"x": stored})
        other = scipy_io.loadmat(path)["x"]
    elif suffix == "h5":
        with h5py.File(path, "w") as file:
            file["x"] = stored
        with h5py.File(path) as file:
            other = file["x"][()]
    else:
        np.save(path, stored) if suffix == "npy" else np.savez(path, x=stored)
        other = np.load(path) if suffix == "npy" else np.load(path)["x"]
    other = other.astype(bool) * np.uint8(255) if kind == "?" else other
    found = ist.load_images(path, layout=layout)
    wanted = {
        "nhw": lambda a: a[..., None],
        "hwn": lambda a: np.moveaxis(a, -1, 0)[..., None],
        "nchw": lambda a: np.moveaxis(a, 1, -1),
        "dn": lambda a: a.T,
    }[layout](other)
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(np.asarray(found), wanted)


def test_readers_of_ones_own(tmp_path, monkeypatch):
    from isthmus.data import registered

    monkeypatch.setattr(registered, "_own", {})
    array = numbers("u1", 3)
    path = tmp_path / "a.Own.gz"
    path.write_bytes(array.tobytes())
    with pytest.raises(ValueError, match="gz"):
        ist.load_images(path)
    ist.register_reader("own.gz", lambda p: np.fromfile(p, np.uint8).reshape(1, *SIDES, 3))
    same(ist.load_images(path), array)
    assert ist.load_images(path, size=4, color="grey").shape == (1, 4, 4, 1)

    @ist.register_reader(".own.gz")
    def read(p):
        return ist.Images(array[None], y=[0], classes=["cat"])

    images = ist.load_images(path)
    assert (images.source, images.classes) == (str(path), ["cat"])
    Image.fromarray(array).save(tmp_path / "b.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in ("a.Own.gz", "b.png"):
            file.write(tmp_path / name, name)
    (tmp_path / "a.zip").rename(other := tmp_path.parent / f"{tmp_path.name}.zip")
    for among in (tmp_path, other):
        found = ist.load_images(among)
        assert found.names.tolist() == ["a.Own.gz", "b.png"]
        same(found[:1], array)
    with pytest.raises(ValueError, match="suffix"):
        ist.register_reader("")
    with pytest.raises(TypeError, match="function"):
        ist.register_reader(".own", 3)


def test_readers_that_a_package_offers(tmp_path, monkeypatch):
    from importlib.metadata import EntryPoint

    from isthmus.data import registered

    points = {
        ".offered": EntryPoint("offered", "numpy:load", registered.GROUP),
        ".absent": EntryPoint("absent", "no_such_package:read", registered.GROUP),
    }
    monkeypatch.setattr(registered, "_offered", lambda: points)
    with (tmp_path / "a.offered").open("wb") as file:
        np.save(file, numbers("u1", 3)[None])
    assert ist.load_images(tmp_path / "a.offered").shape == (1, *SIDES, 3)
    (tmp_path / "a.absent").touch()
    with pytest.raises(ValueError, match="no_such_package:read"):
        ist.load_images(tmp_path / "a.absent")
