"""ENVI and TIFF rasters, as images of many bands and as vectors per pixel."""

import json
import shutil
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.images import Images
from isthmus.data.readers import load_images
from isthmus.verbs.segment import segment

tifffile = pytest.importorskip("tifffile")

CUBE = np.random.default_rng(0).integers(0, 200, (4, 5, 3))
CODES = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "u2": 12, "u4": 13, "i8": 14, "u8": 15}
AXES = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
HEADER = """ENVI
description = {{
  made for a test, with = signs}}
; a comment
samples = {samples}
lines   = 4
Bands   = 3
header offset = {offset}
file type = ENVI Standard
data type = {code}
interleave = {interleave}
byte order = {order}
wavelength units = Nanometers
wavelength = {{
 400.5, 500,
 600.25}}
{more}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write_envi(folder, kind="i2", interleave="bsq", order=0, header="a.hdr", **changes):
    facts = {"samples": 5, "offset": 0, "code": CODES.get(kind, 6), "more": ""} | changes
    text = HEADER.format(interleave=interleave, order=order, **facts)
    (folder / header).write_text(text, encoding="latin-1")
    array = CUBE.astype(np.dtype(kind).newbyteorder("<>"[order])).transpose(AXES["bsq"])
    if interleave.lower() in AXES:
        array = CUBE.astype(array.dtype).transpose(AXES[interleave.lower()])
    (folder / "a.img").write_bytes(bytes(facts["offset"]) + array.tobytes())
    return folder / header


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("interleave", ["bsq", "bil", "BIP"])
@pytest.mark.parametrize("order", [0, 1])
def test_every_kind_of_envi(tmp_path, kind, interleave, order):
    images = load_images(write_envi(tmp_path, kind, interleave, order, offset=7))
    np.testing.assert_array_equal(images.data[0], CUBE)
    assert images.dtype == {"u1": np.uint8, "f8": [np.float64, np.float32][order]}.get(
        kind, np.float32
    )
    assert images.dtype.isnative
    assert images.meta["wavelengths"] == [400.5, 500, 600.25]
    assert images.meta["wavelength_units"] == "Nanometers"


@pytest.mark.parametrize("header", ["a.hdr", "a.img.hdr", "A.HDR"])
def test_either_file_and_either_name_of_the_header(tmp_path, header):
    path = write_envi(tmp_path, header=header)
    for given in (path, tmp_path / "a.img", str(path)):
        images = load_images(given)
        np.testing.assert_array_equal(images.data[0], CUBE)
        assert images.source == str(given)


@pytest.mark.parametrize("name", ["a", "a.dat", "a.bsq"])
def test_other_names_of_the_numbers(tmp_path, name):
    path = write_envi(tmp_path)
    (tmp_path / "a.img").rename(tmp_path / name)
    np.testing.assert_array_equal(load_images(path).data[0], CUBE)


def test_uint8_stays_on_disk(tmp_path):
    data = load_images(write_envi(tmp_path, "u1", "bil")).data
    while not isinstance(data, np.memmap) and data.base is not None:
        data = data.base
    assert isinstance(data, np.memmap)


def test_large_rasters_are_kept_in_the_cache(tmp_path, cache, monkeypatch):
    monkeypatch.setattr("isthmus.data.cache.IN_MEMORY_BYTES", 10)
    path = write_envi(tmp_path)
    assert isinstance(load_images(path).data, np.memmap)
    np.testing.assert_array_equal(load_images(path).data[0], CUBE)
    assert len(list((cache / "images").glob("*.npy"))) == 1
    write_envi(tmp_path, order=1)
    np.testing.assert_array_equal(load_images(path).data[0], CUBE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"samples": 6},
            r"a.hdr contradicts its file: 4 lines x 6 samples x 3 bands of 2 bytes after 0 are "
            r"144 bytes, a.img has 120",
        ),
        ({"samples": 4}, "are 96 bytes, a.img has 120"),
        ({"samples": 0}, "4 lines, 0 samples and 3 bands"),
        ({"samples": -5}, "4 lines, -5 samples and 3 bands"),
        ({"samples": "many"}, "a.hdr is damaged, or not a readable ENVI file: invalid literal"),
        ({"samples": ""}, "it does not say 'samples'"),
        ({"kind": "c8"}, "data type 6 is not one of 1, 2, 3"),
        ({"interleave": "bsx"}, "interleave 'bsx' is not one of bsq, bil, bip"),
        ({"more": "file compression = 1"}, "the numbers are compressed"),
        ({"more": "band names = {a, b}"}, "it lists 2 band_names for 3 bands"),
        ({"more": "map info = {UTM"}, "a brace is not closed"),
    ],
)
def test_a_header_that_cannot_be(tmp_path, changes, message):
    path = write_envi(tmp_path, **changes)
    for given in (path, tmp_path / "a.img"):
        with pytest.raises(ValueError, match=message):
            load_images(given)


def test_half_of_a_raster(tmp_path):
    path = write_envi(tmp_path)
    (tmp_path / "b.img").write_bytes(b"12")
    message = "b.img has no ENVI header beside it: expected b.img.hdr or b.hdr"
    with pytest.raises(ValueError, match=message):
        load_images(tmp_path / "b.img")
    (tmp_path / "a.img").unlink()
    with pytest.raises(ValueError, match=r"no file of numbers beside it: expected a or a\.img or"):
        load_images(path)
    path.write_bytes(b"#?RADIANCE")
    (tmp_path / "a.img").write_bytes(b"12")
    with pytest.raises(ValueError, match="not a readable ENVI file: its first line is not ENVI"):
        load_images(path)


def test_vectors_per_pixel(tmp_path):
    pixels = load_images(write_envi(tmp_path), per="pixel")
    assert pixels.shape == (20, 3)
    np.testing.assert_array_equal(pixels.data, CUBE.reshape(20, 3))
    places = pixels.factors["row"], pixels.factors["column"]
    np.testing.assert_array_equal(CUBE[places], pixels.data)
    assert pixels.meta["wavelengths"] == [400.5, 500, 600.25]
    with pytest.raises(ValueError, match="per='pixels' must be one of 'image', 'pixel', 'patch'"):
        load_images(tmp_path / "a.hdr", per="pixels")
    with pytest.raises(ValueError, match=r"pixels need images, got vectors of shape \(3, 4\)"):
        load_images(np.zeros((3, 4)), per="pixel")


def test_pixels_of_several_images_with_label_maps():
    images = Images(
        np.arange(2 * 3 * 4).reshape(2, 3, 4),
        is_test=[False, True],
        label_maps=np.arange(24).reshape(2, 3, 4) % 3,
        map_classes=["a", "b", "void"],
        ignored_class=2,
    )
    pixels = images.pixels()
    assert pixels.y.tolist() == [0, 1, -1] * 8
    assert pixels.factors["image"].tolist() == [0] * 12 + [1] * 12
    assert len(pixels.train) == len(pixels.test) == 12
    assert images[1:].pixels().data.ravel().tolist() == list(range(12, 24))
    assert "image" not in images[1:].pixels().factors


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_every_kind_of_tiff(tmp_path, planar, compression, tile, dtype):
    cube = CUBE.astype(dtype)
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.moveaxis(cube, -1, 0) if planar == "separate" else cube,
        photometric="minisblack",
        planarconfig=planar,
        compression=compression,
        tile=tile,
    )
    images = load_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.data[0], cube)
    assert images.dtype == (np.uint8 if dtype == np.uint8 else np.float32)


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_order_and_depth_of_tiff(tmp_path, order):
    tifffile.imwrite(tmp_path / "a.tiff", CUBE[..., 0].astype(np.uint16) * 300, byteorder=order)
    kept = load_images(tmp_path / "a.tiff", value_range="keep")
    np.testing.assert_array_equal(kept.data[0], CUBE[..., :1] * 300)
    assert load_images(tmp_path / "a.tiff").loading["bits"] == 16


def test_pages_are_images_and_overviews_are_not(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for shift in range(3):
            file.write(CUBE.astype(np.uint8) + shift, photometric="rgb", contiguous=False)
        file.write(CUBE[::2, ::2].astype(np.uint8), photometric="rgb", subfiletype=1)
        file.write(CUBE[:, ::2].astype(np.uint8), photometric="rgb")
    images = load_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.data, CUBE + np.arange(3)[:, None, None, None])
    assert images.skipped == [("page 4", "of another shape")]


@pytest.mark.parametrize("mode", ["P", "CMYK", "1", "L", "RGB"])
def test_photographs_as_single_tiff_files(tmp_path, mode):
    picture = Image.fromarray(np.full((4, 6, 3), 255, np.uint8)).convert(mode)
    for compression in (None, "tiff_lzw"):
        picture.save(tmp_path / "a.tif", compression=compression)
        images = load_images(tmp_path / "a.tif")
        assert images.shape == (1, 4, 6, 1 if mode in "1L" else 3)
        assert images.dtype == np.uint8
        assert (images.data == 255).all()


NUMBERS = np.random.default_rng(1).integers(0, 256, (20, 24, 7))
TYPES = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.float32, np.float64]


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_bands_of_tiff_are_all_there_or_the_file_is_refused(
    tmp_path, bands, dtype, planar, compression
):
    """A raster alone keeps its numbers; in a folder or a zip a file is a photograph or skipped."""
    cube = (NUMBERS[..., :bands] // 2).astype(dtype)
    cube = cube / dtype(256) if np.dtype(dtype).kind == "f" else cube
    (tmp_path / "photos").mkdir()
    path = tmp_path / "photos" / "a.tif"
    pages = np.moveaxis(cube, -1, 0) if planar == "separate" else cube
    planes = {"planarconfig": planar} if bands > 1 else {}
    for rgb in {False, bands == 3}:
        tifffile.imwrite(
            path,
            pages if bands > 1 else cube[..., 0],
            photometric="rgb" if rgb else "minisblack",
            compression=compression,
            tile=(16, 16) if compression else None,
            predictor=compression == "deflate" and np.dtype(dtype).kind == "u",
            **planes,
        )
        alone = load_images(path)
        np.testing.assert_array_equal(alone.data[0], cube)
        picture = np.uint8 if dtype == np.uint16 and (bands == 1 or rgb) else np.float32
        assert alone.dtype == (dtype if dtype in (np.uint8, np.float64) else picture)
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(path, "a.tif")
        for source in (tmp_path / "photos", tmp_path / "a.zip"):
            check_photograph(source, cube, may_fail=not (rgb and dtype == np.uint8))


def check_photograph(source, cube, may_fail):
    if may_fail:
        try:
            images = load_images(source)
        except ValueError as error:
            reason = str(error)
            assert "0 of 1 files read" in reason
            return
    images = load_images(source)
    assert images.shape == (1, *cube.shape)
    white = 1 if cube.dtype.kind == "f" else 255
    np.testing.assert_array_equal(images.data[0], np.rint(cube * (255.0 / white)))


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "jpeg", "group4"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "I", "F", "1"])
def test_what_only_pillow_can_decompress(tmp_path, compression, mode):
    values = {"F": np.float32, "I;16": np.uint16, "I": np.int32}.get(mode, np.uint8)
    bands = {"RGB": 3, "RGBA": 4}.get(mode, 1)
    cube = NUMBERS[..., :bands].astype(values) * (200 if mode == "I;16" else 1)
    cube = cube - 100 if mode == "I" else cube
    picture = Image.fromarray(cube[..., 0] if bands == 1 else cube)
    picture = picture.convert("1") if mode == "1" else picture
    try:
        picture.save(tmp_path / "a.tif", compression=compression)
    except OSError as error:
        pytest.skip(f"libtiff cannot write it: {error}")
    images = load_images(tmp_path / "a.tif", value_range="keep")
    assert images.dtype == (np.uint8 if values == np.uint8 else np.float32)
    expected = np.asarray(picture).reshape(cube.shape).astype(np.float32)
    expected *= 255 if mode == "1" else 1
    if compression != "jpeg":
        np.testing.assert_array_equal(images.data[0], expected)
    assert images.shape[1:] == cube.shape


def test_what_nothing_here_can_decompress_says_what_to_install(tmp_path, run):
    path = tmp_path / "a.tif"
    pages = np.moveaxis(NUMBERS, -1, 0).astype(np.uint16)
    tifffile.imwrite(path, pages, planarconfig="separate", photometric="minisblack")
    content = path.read_bytes()
    plain, lerc = (struct.pack("<HHIHH", 259, 3, 1, kind, 0) for kind in (1, 34887))
    assert content.count(plain) == 1
    path.write_bytes(content.replace(plain, lerc))
    with pytest.raises(ImportError, match=r"a.tif: 7 bands of uint16, compressed by LERC, need"):
        load_images(path)
    code, _, err = run("data", path)
    assert (code, err.count("\n")) == (2, 1)
    assert "pip install imagecodecs" in err


def write_picture(path, bands, deep=True, **options):
    """Write a picture of 12 bits in 16, or of 8; return its values."""
    values = (NUMBERS[..., :bands] * 16 + 15).astype(np.uint16)
    values = values if deep else (values // 16).astype(np.uint8)
    kind = {"photometric": "rgb" if bands > 2 else "minisblack"} | options
    tifffile.imwrite(path, values if bands > 1 else values[..., 0], **kind)
    return values


ORIENTATION = {"extratags": [(274, "H", 1, 6, True)]}
PLACED = {"extratags": [(33550, "d", 3, (30.0, 30.0, 0.0), True)]}


@pytest.mark.parametrize("bands", [1, 3, 4])
@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("options", [{}, ORIENTATION, {"compression": "zlib"}], ids=str)
def test_a_picture_is_read_alike_alone_in_a_folder_and_as_an_array(tmp_path, bands, deep, options):
    """With its depth, upright, transparency over white; `value_range="keep"` has the numbers."""
    folder = tmp_path / "photos"
    folder.mkdir()
    values = write_picture(folder / "a.tif", bands, deep, **options)
    one, same = load_images(folder / "a.tif"), load_images(folder)
    np.testing.assert_array_equal(one.data, same.data)
    for name in ("bits", "range_by", "dtype", "fit"):
        assert one.loading.get(name) == same.loading.get(name)
    assert [d.words for d in one.decisions] == [d.words for d in same.decisions]
    if bands < 4 and options is not ORIENTATION:
        np.testing.assert_array_equal(load_images(values[None]).data, one.data)
        np.testing.assert_array_equal(
            load_images(folder / "a.tif", dtype="float32").data[0],
            values / np.float32(4095 if deep else 255),
        )
    kept = load_images(folder / "a.tif", value_range="keep")
    np.testing.assert_array_equal(kept.data[0], values)


def test_pages_of_pictures_are_read_as_an_array_of_them(tmp_path):
    stack = np.stack([NUMBERS[..., 0] * 16, NUMBERS[..., 1] * 4]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    pages = load_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(pages.data, load_images(stack).data)
    assert (pages.loading["bits"], pages.dtype) == (12, np.uint8)
    assert load_images(tmp_path / "a.tif", bits=16).data.max() < 20
    kept = load_images(tmp_path / "a.tif", value_range="keep")
    np.testing.assert_array_equal(kept.data[..., 0], stack)


@pytest.mark.parametrize(
    "options",
    [PLACED, {"extratags": [(42113, "s", 0, "0", True)]}, {"ome": True}],
    ids=["placed", "no data", "ome"],
)
def test_what_was_measured_keeps_its_numbers(tmp_path, options):
    values = write_picture(tmp_path / "a.tif", 1, **options)
    images = load_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.data[0], values)
    assert images.decisions[0].by == "file"
    patches = load_images(tmp_path / "a.tif", per="patch", size=4)
    assert set(np.unique(patches.data)) <= set(np.unique(values))


def test_models_fitted_on_a_picture_as_a_raster_read_it_so_again(tmp_path):
    """As fits before pictures alone were read as in folders have noted it."""
    values = write_picture(tmp_path / "a.tif", 3)
    raster = Images(values[None].astype(np.float32), value_range="keep")
    raster.loading |= {"range_by": "file"}
    before = ist.KMeans(2, random_state=0).fit(raster.pixels())
    again = load_images(tmp_path / "a.tif", like=before)
    np.testing.assert_array_equal(again.data, values.reshape(-1, 3))
    now = ist.KMeans(2, random_state=0).fit(load_images(tmp_path / "a.tif", per="pixel"))
    np.testing.assert_array_equal(
        load_images(tmp_path / "a.tif", like=now).data,
        load_images(tmp_path / "a.tif").data.reshape(-1, 3),
    )


def test_pages_in_a_folder_are_not_lost(tmp_path):
    (tmp_path / "photos").mkdir()
    with tifffile.TiffWriter(tmp_path / "photos" / "a.tif") as file:
        for shift in range(3):
            file.write(NUMBERS[..., :3].astype(np.uint8) + shift, photometric="rgb")
    with tifffile.TiffWriter(tmp_path / "photos" / "b.tif") as file:
        file.write(NUMBERS[..., :3].astype(np.uint8), photometric="rgb")
        file.write(NUMBERS[:10, :12, :3].astype(np.uint8), photometric="rgb")
        file.write(NUMBERS[..., :3].astype(np.uint8), photometric="rgb", subfiletype=1)
    images = load_images(tmp_path / "photos")
    np.testing.assert_array_equal(images.data[0], NUMBERS[..., :3])
    assert images.skipped == [("a.tif", "several pages: give it by its own name")]


def test_tiff_files_in_a_folder_are_photographs(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in "ab":
        Image.fromarray(CUBE.astype(np.uint8)).save(tmp_path / "photos" / f"{name}.tif")
    assert load_images(tmp_path / "photos").shape == (2, 4, 5, 3)


def test_a_folder_of_rasters_says_how_to_read_one(tmp_path):
    write_envi(tmp_path)
    with pytest.raises(ValueError, match=r"give a raster by its own name: .*a\.hdr"):
        load_images(tmp_path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_cut_tiff(tmp_path, compression):
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 4), dtype=np.uint8)
    tifffile.imwrite(path, noise, photometric="rgb", compression=compression)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"header contradicts its file: the pixels end at byte"):
        load_images(path)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ValueError, match=r"a.tif is damaged, or not a readable TIFF file"):
        load_images(path)


def test_a_tiff_of_another_size_than_it_says(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, CUBE.astype(np.uint8), photometric="rgb")
    content = path.read_bytes()
    width, wider = (struct.pack("<HHII", 256, 4, 1, side) for side in (5, 50))
    assert content.count(width) == 1
    path.write_bytes(content.replace(width, wider))
    with pytest.raises(ValueError, match=r"shape \(4, 50, 3\) of uint8 is 600 bytes, 60 are"):
        load_images(path)


def test_jasper_ridge(data_folder):
    images = load_images(data_folder / "hyperspectral" / "jasperRidge2_R198.hdr")
    assert images.shape == (1, 100, 100, 198)
    assert (images.data.min(), images.data.max()) == (-448, 5437)
    stored = np.fromfile(data_folder / "hyperspectral" / "jasperRidge2_R198.img", "<i2")
    np.testing.assert_array_equal(images.data[0, 7, :, 31], stored.reshape(100, 198, 100)[7, 31])
    assert len(images.meta["wavelengths"]) == 198
    assert images.meta["reflectance_scale_factor"] == "10000.000000"
    assert images.meta["shown_bands"] == [31, 16, 3]


def test_samson(data_folder):
    images = load_images(data_folder / "hyperspectral" / "samson_1.img")
    assert images.shape == (1, 95, 95, 156)
    assert (images.data.min(), images.data.max()) == (-17, 1402)
    assert images.meta["map_info"].startswith("UTM, 1.000")
    assert "UTM_Zone_10N" in images.meta["coordinate_system_string"]
    json.dumps(images.meta)
    assert load_images(data_folder / "hyperspectral" / "samson_1.img.hdr", per="pixel").shape == (
        9025,
        156,
    )


def test_a_raster_cut_short(data_folder, tmp_path):
    for name in ("samson_1.img", "samson_1.img.hdr"):
        shutil.copyfile(data_folder / "hyperspectral" / name, tmp_path / name)
    with (tmp_path / "samson_1.img").open("r+b") as file:
        file.truncate(2_000_000)
    with pytest.raises(ValueError, match=r"are 2815800 bytes, samson_1\.img has 2000000"):
        load_images(tmp_path / "samson_1.img")


def test_landsat(data_folder):
    images = load_images(data_folder / "landsat7" / "L7_ETMs.tif")
    assert images.shape == (1, 352, 349, 6)
    assert images.dtype == np.uint8
    assert images.skipped == []
    expected = tifffile.imread(data_folder / "landsat7" / "L7_ETMs.tif")
    np.testing.assert_array_equal(images.data[0], expected)


def test_what_says_where_a_geotiff_lies_can_be_written_again(data_folder, tmp_path):
    images = load_images(data_folder / "landsat7" / "L7_ETMs.tif")
    tags = json.loads(json.dumps(images.meta))["geotiff"]
    extra = [(code, kind, count, value, True) for code, kind, count, value in tags]
    options = {"photometric": "minisblack", "planarconfig": "contig", "extratags": extra}
    tifffile.imwrite(tmp_path / "a.tif", images.data[0], **options)
    again = load_images(tmp_path / "a.tif")
    assert again.meta == images.meta
    np.testing.assert_array_equal(again.data, images.data)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.geotiff_metadata["ModelPixelScale"][0] == pytest.approx(28.5)


EMPTY = (np.mgrid[:12, :15] < [[[4]], [[5]]]).any(0)
"""A collar above and to the left."""
NOTHING = {"u1": [0, 255], "i2": [-9999, 0], "u2": [0, 65535], "f4": [-9999, np.nan, -3.4e38]}
NO_DATA = [(kind, value) for kind, values in NOTHING.items() for value in values]


def scene(kind, value, bands=3):
    """A scene with a collar of no data, and one pixel that lacks a single band."""
    cube = np.random.default_rng(0).integers(1, 200, (12, 15, bands)).astype(kind)
    cube[EMPTY] = value
    cube[8, 9, 1] = value
    empty = EMPTY.copy()
    empty[8, 9] = True
    return cube, empty


def write_scene(folder, kind, value, form, text=None):
    cube, empty = scene(kind, value)
    text = f"{value:g}" if text is None else text
    if form == "tif":
        path = folder / "scene.tif"
        tags = [(42113, "s", 0, text, True), (33550, "d", 3, (30.0, 30.0, 0.0), True)]
        contig = {"planarconfig": "contig", "photometric": "minisblack"}
        tifffile.imwrite(path, cube, extratags=tags, **contig)
        return path, cube, empty
    path = folder / "scene.hdr"
    facts = {"samples": 15, "code": CODES[kind], "interleave": "bip", "order": 0, "offset": 0}
    head = HEADER.format(more=f"data ignore value = {text}", **facts)
    path.write_text(head.replace("lines   = 4", "lines   = 12"))
    (folder / "scene.img").write_bytes(cube.tobytes())
    return path, cube, empty


@pytest.mark.parametrize("form", ["tif", "hdr"])
@pytest.mark.parametrize(("kind", "value"), NO_DATA)
def test_pixels_without_data_are_left_out(tmp_path, form, kind, value):
    path, cube, empty = write_scene(tmp_path, kind, value, form)
    images = load_images(path)
    np.testing.assert_array_equal(images.data[0], cube)
    np.testing.assert_array_equal(images.without_data()[0], empty)
    valid = cube[~empty].astype(float)
    if kind != "u1":
        assert images.value_range == (valid.min(), valid.max())
    pixels = load_images(path, per="pixel")
    np.testing.assert_array_equal(pixels.data, cube[~empty])
    np.testing.assert_array_equal(
        (pixels.factors["row"], pixels.factors["column"]), np.nonzero(~empty)
    )
    assert pixels.meta["left_out"] == empty.sum()
    unit = valid / 255 if kind == "u1" else valid
    variance = np.linalg.eigvalsh(np.cov(unit.T))[::-1]
    np.testing.assert_allclose(ist.PCA(3).fit(pixels).explained_variance_, variance, rtol=1e-3)
    json.dumps(images.meta, allow_nan=False)


@pytest.mark.parametrize("text", ["", "none", "-9999"])
def test_only_what_the_header_says_is_no_data(tmp_path, text):
    path, *_ = write_scene(tmp_path, "u1", 0, "tif", text)
    assert load_images(path).without_data() is None
    assert len(load_images(path, per="pixel")) == 180


def test_nan_needs_no_header(tmp_path):
    cube, empty = scene("f4", np.nan)
    tifffile.imwrite(tmp_path / "a.tif", cube, photometric="minisblack", planarconfig="contig")
    images = load_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.pixels().data, cube[~empty])
    twice = ist.Images(np.repeat(images.data, 2, 0), source="a.tif")
    with pytest.raises(ValueError, match=r"a\.tif: Input contains NaN; per='pixel' .*leaves out"):
        ist.PCA(1).fit(twice)


def test_a_value_of_fewer_digits_than_float32_has(tmp_path):
    """GDAL's lowest float, as it and others write it."""
    lowest = np.finfo(np.float32).min
    for text in ("-3.40282e+38", "-3.4028234663852886e+38"):
        path, _, empty = write_scene(tmp_path, "f4", lowest, "tif", text)
        np.testing.assert_array_equal(load_images(path).without_data()[0], empty)


def test_a_raster_without_any_data(tmp_path):
    path, *_ = write_scene(tmp_path, "f4", np.nan, "tif")
    images = load_images(path)
    images.data = np.full_like(images.data, np.nan)
    with pytest.raises(ValueError, match="none of its 180 pixels has data"):
        images.pixels()


@pytest.mark.parametrize(("kind", "value"), NO_DATA)
def test_a_smaller_raster_has_no_data_where_nothing_was_mixed_in(tmp_path, kind, value):
    cube = np.random.default_rng(0).integers(60, 200, (60, 50, 3)).astype(kind)
    cube[:20] = value
    tags = [(42113, "s", 0, f"{value:g}", True)]
    contig = {"planarconfig": "contig", "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", cube, extratags=tags, **contig)
    for dtype in ("uint8", "float32"):
        small = load_images(tmp_path / "a.tif", size=(30, 25), dtype=dtype)
        empty = small.without_data()[0]
        assert empty[:10].all()
        assert not empty[14:].any()
        known = small.data[0][~empty] * (255 if kind == "u1" and dtype == "float32" else 1)
        assert known.min() > 20
        assert known.max() < 240


@pytest.mark.parametrize("family", ["kmeans", "pca", "pixelnet"])
def test_segments_of_a_raster_with_a_collar(tmp_path, run, family):
    path, cube, empty = write_scene(tmp_path, "f4", -9999, "tif")
    images = load_images(path)
    if family == "pixelnet":
        valid = ist.Images(np.tile(cube[4:, 5:], (2, 1, 1, 1))[:, :7, :8])
        model = ist.PixelNet(2, channels=4, max_steps=2, random_state=0).fit(valid)
    else:
        model = {"kmeans": ist.KMeans(2, random_state=0), "pca": ist.PCA(2)}[family]
        model.fit(images.pixels())
    found = segment(model, images)
    planes = found.label_maps if family == "kmeans" else found.attributes
    assert planes.shape[:3] == (1, 12, 15)
    if family == "kmeans":
        np.testing.assert_array_equal(planes[0] == -1, empty)
        np.testing.assert_array_equal(planes[0][~empty], model.encode(images.pixels()))
    else:
        np.testing.assert_array_equal(np.isnan(planes[0]).all(-1), empty)
    model.save(tmp_path / "m.safetensors")
    code, _, err = run("segment", "m.safetensors", path, "-o", "out", "--json")
    assert code == 0
    assert f"{empty.sum()} of 180 pixels have no data (-9999)" in err
    kind = "classes" if family == "kmeans" else "attributes"
    with tifffile.TiffFile(tmp_path / "out" / f"scene-{kind}.tif") as file:
        written = file.asarray()
        said = file.pages[0].tags[42113].value
        assert 33550 in file.pages[0].tags
    assert said == ("255" if kind == "classes" else "nan")
    nothing = written == 255 if kind == "classes" else np.isnan(written).all(-1)
    np.testing.assert_array_equal(nothing, empty)
    again = load_images(tmp_path / "out" / f"scene-{kind}.tif")
    np.testing.assert_array_equal(again.without_data()[0], empty)
    if family == "kmeans":
        facts = json.loads((tmp_path / "out" / "segments.json").read_text())["each"][0]
        assert sum(facts["shares"].values()) == pytest.approx(1, abs=1e-3)
        assert facts["without data"] == empty.sum()


def test_more_than_255_classes_of_pixels_do_not_wrap(tmp_path, run):
    cube = np.arange(300, dtype=np.float32).reshape(15, 20, 1) * 10
    tifffile.imwrite(tmp_path / "a.tif", cube[..., 0])
    model = ist.KMeans(300, random_state=0, n_init=1).fit(
        load_images(tmp_path / "a.tif", per="pixel")
    )
    model.save(tmp_path / "k.safetensors")
    assert run("segment", "k.safetensors", "a.tif", "-o", "out")[0] == 0
    written = tifffile.imread(tmp_path / "out" / "a-classes.tif")
    assert len(np.unique(written)) == 300


def test_commands_say_how_many_pixels_have_no_data(tmp_path, run):
    path, _, empty = write_scene(tmp_path, "i2", -9999, "tif")
    words = f"{empty.sum()} of 180 pixels have no data (-9999)"
    code, out, err = run("data", path, "-o", "a.png")
    assert code == 0
    assert words in out
    assert f"isthmus: {words}; --per pixel leaves them out\n" in err
    assert "-9999 " not in out
    code, out, err = run("data", path, "--per", "pixel", "-o", "b.png")
    assert f"isthmus: {empty.sum()} pixels without data are left out\n" in err


def test_pixels_without_data_are_in_no_patch_and_no_fit(tmp_path):
    pytest.importorskip("tifffile")
    import tifffile

    scene = np.random.default_rng(0).uniform(50, 200, (40, 30, 3)).astype(np.float32)
    scene[:9] = scene[:, 25:] = -9999
    options = {"photometric": "minisblack", "extratags": [(42113, "s", 0, "-9999", True)]}
    tifffile.imwrite(tmp_path / "a.tif", scene, planarconfig="contig", **options)
    patches = ist.load_images(tmp_path / "a.tif", per="patch", size=8)
    assert (np.asarray(patches).min() > 0, len(patches)) == (True, (31 - 7) * (25 - 7))
    assert patches.loading["value_range"] == "keep"
    tifffile.imwrite(tmp_path / "b.tif", np.stack([scene] * 3), planarconfig="contig", **options)
    pages = ist.load_images(tmp_path / "b.tif")
    with pytest.raises(ValueError, match=r"1,275 of 3,600 pixels have no data \(-9999\); per='p"):
        ist.PCA(1).fit(pages)
    maps = np.full((3, 40, 30), 1)
    maps[:, :, 15:] = 0
    net = ist.PixelNet(epochs=1, random_state=0).fit(replace(pages, label_maps=maps))
    assert net.range_[0] >= 50
    again = ist.load_images(pages.save(tmp_path / "b.npz"))
    assert (again.meta["no_data"], again.without_data().sum()) == (-9999, 1275)
    kept = ist.segment(ist.KMeans(2, random_state=0).fit(again.pixels()), pages[:1])
    kept.save(tmp_path / "out")
    with tifffile.TiffFile(next((tmp_path / "out").glob("*classes.tif"))) as file:
        assert file.pages[0].tags[42113].value == "255"


@pytest.mark.parametrize("value", [-9999, np.nan])
def test_verbs_take_pixels_without_data_as_fits_do(tmp_path, value):
    """A model of whole images refuses them in one line; one of pixels passes over them."""
    clean = np.random.default_rng(0).uniform(50, 200, (6, 12, 15, 3)).astype(np.float32)
    gaps = np.where(EMPTY[None, ..., None], np.float32(value), clean)
    options = {"extratags": [(42113, "s", 0, f"{value:g}", True)], "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", gaps, planarconfig="contig", **options)
    given, known = load_images(tmp_path / "a.tif"), Images(clean, value_range="keep")
    pca = ist.PCA(2).fit(known)
    for verb in (ist.encode, ist.reconstruct, ist.novelty):
        with pytest.raises(ValueError, match=r"a\.tif: .*(no data|NaN).*per='pixel' .*leaves out"):
            verb(pca, given)
    net = ist.PixelNet(2, channels=4, max_steps=2, random_state=0).fit(known)
    codes = ist.encode(net, given)
    assert np.isfinite(np.asarray(codes)).all()
    np.testing.assert_allclose(ist.encode(net, given[3:4]), np.asarray(codes)[3:4], atol=1e-4)
    assert np.abs(ist.reconstruct(net, given)).max() < 1000
