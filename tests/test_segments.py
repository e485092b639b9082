"""Classes and attributes of single pixels, and where on the earth they lie."""

import json

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.geotiff import place_of, write_tiff
from isthmus.metrics.segmentation import mean_iou

tifffile = pytest.importorskip("tifffile", reason="TIFF files are written by tifffile")


@pytest.fixture(scope="module")
def halves():
    """Dark above, bright below, with noise: two classes that a pixel's value nearly tells."""
    rng = np.random.default_rng(0)
    maps = (np.arange(24)[:, None] >= rng.integers(6, 18, (16, 1, 1))) * np.ones((1, 1, 20), int)
    images = np.clip(60 + 120 * maps + rng.normal(0, 20, maps.shape), 0, 255)
    return ist.Images(
        images.astype(np.uint8)[..., None], label_maps=maps, map_classes=["dark", "bright"]
    )


@pytest.fixture(scope="module")
def network(halves):
    return ist.PixelNet(3, channels=16, epochs=30, random_state=0).fit(halves)


def test_a_network_of_label_maps_gives_both(network, halves):
    found = ist.segment(network, halves)
    assert found.attributes.shape == (16, 24, 20, 3)
    np.testing.assert_array_equal(found.label_maps, network.predict(halves))
    assert (found.label_maps == halves.label_maps).mean() > 0.95


def test_prototypes_of_pixels_are_classes(halves):
    model = ist.KMeans(2, random_state=0).fit(halves.pixels())
    found = ist.segment(model, halves)
    assert found.attributes is None
    # the same as a threshold half-way between the two prototypes
    dark, bright = sorted(float(value) for value in model.codebook_.ravel())
    wanted = halves.data[..., 0] / 255 > (dark + bright) / 2
    same = (found.label_maps == wanted).mean()
    assert max(same, 1 - same) == pytest.approx(1, abs=1e-3)


def test_components_of_pixels_are_attributes():
    rng = np.random.default_rng(0)
    raster = ist.Images(rng.normal(size=(1, 9, 7, 5)).astype(np.float32))
    model = ist.PCA(2).fit(raster.pixels())
    found = ist.segment(model, raster)
    assert found.label_maps is None
    pixel = model.encode(raster.data[:, 4, 3])
    np.testing.assert_allclose(found.attributes[0, 4, 3], pixel[0], atol=1e-5)


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        ((20, 4, 4), (2, 4, 4, 1), "says nothing of single pixels"),
        ((20, 5), (1, 4, 4, 3), "fitted on pixels of 5 channels"),
        ((20, 5), (9, 5), "only images have pixels"),
    ],
)
def test_what_cannot_be_segmented(fitted, given, message):
    rng = np.random.default_rng(0)
    model = ist.PCA(2).fit(rng.normal(size=fitted))
    with pytest.raises(ValueError, match=message):
        ist.segment(model, rng.normal(size=given))


def test_a_command_about_photographs(run, network, halves, tmp_path):
    network.save(tmp_path / "n.safetensors")
    folder = tmp_path / "photos"
    folder.mkdir()
    for row in range(2):
        Image.fromarray(halves.data[row, ..., 0]).save(folder / f"{row}.png")
    assert run("segment", "n.safetensors", "photos", "-o", "out")[0] == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    kinds = ("attributes.tif", "attributes.png", "classes.tif", "classes.png")
    each = {f"{row}-{kind}" for row in range(2) for kind in kinds}
    assert names == each | {"segments.json", "command.json", ".isthmus"}
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "out" / "0-classes.tif"), network.predict(halves[:1])[0]
    )
    shares = json.loads((tmp_path / "out" / "segments.json").read_text())["each"][0]["shares"]
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert list(shares) == ["dark", "bright"]  # the model remembers what it was told
    code, _, err = run("segment", "n.safetensors", "photos", "-o", "out")
    assert code == 2
    assert "exists already" in err


def test_scores_of_label_maps_are_those_of_all_pixels(network, halves):
    found = ist.segment(network, halves)
    right = found.label_maps == halves.label_maps
    assert found.scores["global accuracy"] == pytest.approx(right.mean())
    each = [right[halves.label_maps == label].mean() for label in (0, 1)]
    assert found.scores["class accuracy"] == pytest.approx(np.mean(each))
    wanted = mean_iou(halves.label_maps, found.label_maps)
    assert found.scores["mean iou"] == pytest.approx(wanted)
    assert [row["right"] for row in found.table()] == right.sum((1, 2)).tolist()
    maps, attributes = found  # as before there were scores
    assert maps is found.label_maps
    assert attributes is found.attributes


def test_an_ignored_class_is_not_scored(network, halves):
    void = halves.label_maps.copy()
    void[:, :, :10] = 2
    images = ist.Images(halves.data, label_maps=void, ignored_class=2)
    found = ist.segment(network, images)
    assert found.classes == ["dark", "bright"]
    assert found.confusion.sum() == void.size // 2
    right = (found.label_maps == void)[:, :, 10:].mean()
    assert found.scores["global accuracy"] == pytest.approx(right)
    assert found.scores["mean iou"] > 0.8


def test_prototypes_stand_for_no_class_and_are_not_scored(halves):
    found = ist.segment(ist.KMeans(3, random_state=0).fit(halves.pixels()), halves)
    assert found.classes == ["class 0", "class 1", "class 2"]
    assert found.scores == {}
    assert set(found.table()[0]) == {"image", "shares"}


def test_the_command_gives_the_scores_of_python(run, network, halves, tmp_path):
    network.save(tmp_path / "n.safetensors")
    for row in range(3):
        for part, image in (("test", halves.data[row, ..., 0]), ("testannot", halves.label_maps)):
            shown = image if part == "test" else image[row].astype(np.uint8)
            (tmp_path / "maps" / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(shown).save(tmp_path / "maps" / part / f"{row}.png")
    code, out, _ = run("segment", "n.safetensors", "maps", "-o", "out", "--json")
    assert code == 0
    found = ist.segment(network, ist.load_images("maps"))
    said = json.loads(out)
    assert {name: said[name] for name in found.scores} == found.scores
    assert len(found.scores) == 3
    each = json.loads((tmp_path / "out" / "segments.json").read_text())["each"]
    assert [row["right"] for row in each] == [row["right"] for row in found.table()]


def test_a_satellite_image_keeps_its_place(run, data_folder, tmp_path):
    source = data_folder / "landsat7" / "L7_ETMs.tif"
    options = ("--per", "pixel", "--n-clusters", 4, "-o", "k.safetensors")
    assert run("fit", "kmeans", source, *options)[0] == 0
    assert run("segment", "k.safetensors", source, "-o", "out")[0] == 0
    with tifffile.TiffFile(source) as one, tifffile.TiffFile("out/L7_ETMs-classes.tif") as two:
        assert two.geotiff_metadata == one.geotiff_metadata
        assert two.pages[0].shape == one.pages[0].shape[:2]
    model, images = ist.load_model("k.safetensors"), ist.load_images(source)
    np.testing.assert_array_equal(
        tifffile.imread("out/L7_ETMs-classes.tif"), ist.segment(model, images).label_maps[0]
    )


def test_map_info_of_envi_becomes_tags(tmp_path):
    meta = {"map_info": "UTM, 1.5, 2.5, 600015, 4099985, 30, 20, 33, South, WGS-84, units=Meters"}
    write_tiff(tmp_path / "a.tif", np.zeros((4, 5, 2), np.float32), meta)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        place = file.geotiff_metadata
    assert place["ModelPixelScale"] == [30, 20, 0]
    assert place["ModelTiepoint"] == [0.5, 1.5, 0, 600015, 4099985, 0]
    assert int(place["ProjectedCSTypeGeoKey"]) == 32733
    degrees = {"map_info": "Geographic Lat/Lon, 1, 1, 10.5, 50, 0.01, 0.01, WGS-84"}
    write_tiff(tmp_path / "b.tif", np.zeros((4, 5), np.uint8), degrees)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert int(file.geotiff_metadata["GeographicTypeGeoKey"]) == 4326


@pytest.mark.parametrize("info", ["", "Arbitrary, 1, 1, 0, 0, 1, 1", "UTM, 1, 1", "UTM, a"])
def test_a_place_that_is_not_understood_is_left_out(info):
    assert place_of({"map_info": info}) == []
