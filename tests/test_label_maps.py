"""Label maps beside images: what Images checks and carries, and SegNet's layout."""

import os

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.decode import fit_image, fit_labels
from isthmus.data.described import described, in_words
from isthmus.data.images import Images
from isthmus.data.readers import load_images
from isthmus.data.segnet import CLASSES

MAPS = np.arange(4 * 3 * 5).reshape(4, 3, 5) % 4


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))


def mapped(**changes):
    facts = {"label_maps": MAPS, "map_classes": list("abcd"), "ignored_class": 3}
    return Images(np.zeros((4, 3, 5, 3), np.uint8), **(facts | changes))


def test_label_maps_go_where_their_images_go():
    images = mapped(is_test=[False, True, False, True])
    assert images.label_maps.dtype == np.uint8
    for part, rows in (
        (images[1:3], [1, 2]),
        (images[2], [2]),
        (images[np.array([3, 0])][[1, 0]], [0, 3]),
        (images.train, [0, 2]),
        (images.test, [1, 3]),
        (images.evenly(2), [0, 3]),
        (images.split(0.5), range(4)),
    ):
        np.testing.assert_array_equal(part.label_maps, MAPS[list(rows)])
        assert (part.map_classes, part.ignored_class) == (list("abcd"), 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_maps": MAPS[:3]}, r"label maps of another size: \(3, 3, 5\) for images of shape"),
        (
            {"label_maps": MAPS[:, :2]},
            r"another size: \(4, 2, 5\) .* expected one class for every",
        ),
        ({"label_maps": MAPS.transpose(0, 2, 1)}, "label maps of another size"),
        ({"label_maps": MAPS[..., None]}, "label maps of another size"),
        ({"map_classes": list("ab")}, "unknown classes in the label maps: 2; known are 0 to 1"),
        ({"label_maps": MAPS * 100}, "unknown classes in the label maps: 100, 200, 300; known"),
        ({"label_maps": MAPS - 1}, "unknown classes in the label maps: -1; known are 0 to 3"),
        (
            {"label_maps": MAPS * 100, "map_classes": None, "ignored_class": 300},
            "unknown classes in the label maps: 300; known are 0 to 255",
        ),
        ({"label_maps": MAPS / 2}, "label maps of type float64: expected whole numbers"),
        ({"data": np.zeros((4, 15))}, "label maps of another size"),
    ],
)
def test_label_maps_that_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        Images(**(vars(mapped()) | changes))


def test_255_is_no_class():
    maps = np.where(MAPS == 2, np.uint8(255), MAPS)
    images = mapped(label_maps=maps, ignored_class=None)
    assert images.ignored_class == 255
    assert images[1:2].ignored_class == 255
    np.testing.assert_array_equal(images.pixels().y, np.where(maps == 255, -1, MAPS).ravel())
    both = mapped(label_maps=maps)
    assert both.ignored_class == 3
    np.testing.assert_array_equal(both.pixels().y, np.where(maps > 2, -1, MAPS).ravel())
    assert described(both)["label maps"] == "3 classes: a, b, c; d and 255 are ignored"
    unnamed = described(mapped(label_maps=maps, map_classes=None, ignored_class=None))
    assert unnamed["label maps"] == "4 classes: 0, 1, 2, 3; 255 is ignored"


@pytest.mark.parametrize(
    ("names", "ignored", "is_two_classes"),
    [
        (None, None, True),
        (["land", "sea"], None, True),
        (list("abc"), None, False),
        (None, 255, False),
        (["land", "sea"], 1, False),
    ],
)
def test_masks_of_0_and_255_are_two_classes(names, ignored, is_two_classes):
    masks = 255 * (MAPS > 1).astype(np.uint8)
    images = mapped(label_maps=masks, map_classes=names, ignored_class=ignored)
    if is_two_classes:
        np.testing.assert_array_equal(images.label_maps, MAPS > 1)
        assert images.map_classes == (names or ["0", "255"])
        assert images.ignored_class is None
        assert images[:1].label_maps.max() == 1
        np.testing.assert_array_equal(images.pixels().y, (MAPS > 1).ravel())
    else:
        np.testing.assert_array_equal(images.label_maps, masks)
        assert set(images.pixels().y) == {0, -1}


def test_an_ignored_class_needs_no_name():
    maps = np.where(MAPS == 3, 255, MAPS)
    images = mapped(label_maps=maps, map_classes=list("abc"), ignored_class=255)
    assert images.pixels().y.min() == -1
    assert images.label_maps.max() == 255


def test_a_factor_called_y_is_not_the_labels():
    images = Images(np.zeros((2, 3)), y=[5, 6], factors={"y": [0.5, 0.25]})
    assert images.y.tolist() == [5, 6]
    assert images[1:].factors["y"].tolist() == [0.25]
    with pytest.raises(ValueError, match="angle has 3 entries for 2 images"):
        Images(np.zeros((2, 3)), factors={"angle": [1, 2, 3]})


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("there", [(40, 60), (60, 40), (33, 33)])
@pytest.mark.parametrize("size", [(20, 20), (50, 70), (17, 40)])
def test_label_maps_are_fitted_as_their_images_are(fit, there, size):
    down, right = np.mgrid[: there[0], : there[1]]
    labels = (((right - there[1] / 3) ** 2 + (down - there[0] / 2) ** 2) < 150).astype(np.uint8)
    image = fit_image(Image.fromarray(labels * np.uint8(255)), size, fit)
    fitted = fit_labels(labels, size, fit)
    assert fitted.shape == size
    assert set(np.unique(fitted)) == ({0, 1, 255} if (fitted == 255).any() else {0, 1})
    assert ((np.asarray(image) > 127) != (fitted == 1)).mean() < 0.03
    if fit != "pad":
        assert not (fitted == 255).any()


def test_what_pad_adds_is_ignored():
    images = load_images(mapped(), size=(5, 5), resize="pad")
    assert (images.label_maps[:, [0, 4]] == 255).all()
    assert images.ignored_class == 3
    np.testing.assert_array_equal(images.label_maps[:, 1:4], MAPS)
    padded = load_images(mapped(ignored_class=None), size=(5, 5), resize="pad")
    assert (padded.label_maps[:, [0, 4]] == 255).all()
    assert (padded.ignored_class, padded.pixels().y.min()) == (255, -1)
    assert load_images(mapped(), dtype="float32").label_maps is not None


UNKNOWN = (
    "annotation: unknown classes in the label maps: {}; known are 0 to {}, and 255 for no class"
)


@pytest.fixture
def scenes(tmp_path):
    """Six images with annotations in SegNet's layout."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "scenes"
    lists = {"train": 3, "val": 1, "test": 2}
    for part, n in lists.items():
        lines = []
        for i in range(n):
            save(folder / part / f"{i}.png", rng.integers(0, 256, (6, 8, 3)))
            save(folder / f"{part}annot" / f"{i}.png", rng.integers(0, 12, (6, 8)))
            lines.append(f"/SegNet/CamVid/{part}/{i}.png /SegNet/CamVid/{part}annot/{i}.png\n")
        (folder / f"{part}.txt").write_text("".join(lines) + "\n")
    return folder


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path)


def check_scenes(images, folder):
    assert images.shape == (6, 6, 8, 3)
    assert (len(images.train), len(images.test)) == (4, 2)
    assert images.map_classes == CLASSES
    assert images.ignored_class == 11
    for name, pixels, labels in zip(images.names, images.data, images.label_maps, strict=True):
        np.testing.assert_array_equal(pixels, Image.open(folder / name))
        beside = folder / name.replace("/", "annot/")
        np.testing.assert_array_equal(labels, Image.open(beside))


def test_lists_of_pairs(scenes):
    images = load_images(scenes)
    check_scenes(images, scenes)
    assert images.names.tolist() == [
        "train/0.png", "train/1.png", "train/2.png", "val/0.png", "test/0.png", "test/1.png"
    ]  # fmt: skip
    (scenes / "train.txt").write_text("train/2.png trainannot/2.png\ntrain/0.png\n")
    with pytest.raises(ValueError, match=r"train.txt, line 2: expected an image and its annotat"):
        load_images(scenes)


def test_folders_of_pairs(scenes):
    for path in scenes.glob("*.txt"):
        path.unlink()
    check_scenes(load_images(scenes), scenes)


def test_lists_name_nothing_outside_the_folder(scenes, tmp_path):
    save(tmp_path / "secret.png", np.zeros((6, 8)))
    (scenes / "test.txt").write_text(f"{tmp_path}/secret.png ../secret.png\n")
    skipped = load_images(scenes).skipped
    assert [why for _, why in skipped] == ["No such file or directory"]


def test_scenes_of_another_size(scenes):
    images = load_images(scenes, size=(3, 4))
    assert images.shape == (6, 3, 4, 3)
    assert images.label_maps.shape == (6, 3, 4)
    whole = load_images(scenes)
    np.testing.assert_array_equal(images.label_maps, whole.label_maps[:, 1::2, 1::2])


def test_annotations_that_cannot_be_are_skipped_and_listed(scenes):
    annotations = scenes / "trainannot"
    (annotations / "0.png").unlink()
    save(annotations / "1.png", np.zeros((6, 9)))
    save(annotations / "2.png", np.full((6, 8), 12))
    save(scenes / "valannot" / "0.png", np.zeros((6, 8, 3)))
    (scenes / "testannot" / "0.png").write_text("hello")
    images = load_images(scenes)
    assert images.names.tolist() == ["test/1.png"]
    np.testing.assert_array_equal(images.label_maps[0], Image.open(scenes / "testannot/1.png"))
    assert images.skipped == [
        ("test/0.png", "annotation: damaged, or of a kind Pillow cannot read"),
        ("train/0.png", "annotation: No such file or directory"),
        ("train/1.png", "annotation: of another size, 6x9 for an image of 6x8"),
        ("train/2.png", UNKNOWN.format(12, 11)),
        ("val/0.png", "annotation: a colour picture, expected one class a pixel"),
    ]
    os.remove(scenes / "test" / "1.png")
    with pytest.raises(ValueError, match=r"no images in .*: 0 of 6 files read, .* an"):
        load_images(scenes)


def test_a_legend_beside_the_images(scenes):
    (scenes / "classes.txt").write_text("void\n" + "\n".join(f"kind {i}" for i in range(20)))
    images = load_images(scenes)
    assert len(images.map_classes) == 21
    assert images.ignored_class == 0
    for content, words in (
        (b"\xff\xfe", "not a readable UTF-8 text file"),
        (b"\n", "names no class"),
    ):
        (scenes / "classes.txt").write_bytes(content)
        with pytest.raises(ValueError, match=f"classes.txt .*{words}"):
            load_images(scenes)
    (scenes / "classes.txt").write_text("a\nb\n")
    with pytest.raises(
        ValueError, match=r"annotation: unknown classes .*: 2, 3, .*known are 0 to 1"
    ):
        load_images(scenes)


def annotate(folder, values, mode=None):
    """Write maps of these values, each image having a few of them; return the maps."""
    written = []
    for path in sorted(folder.glob("*annot/*.png")):
        labels = np.full((6, 8), values[0], np.uint8)
        labels[1:5, 2:6] = values[-1]
        labels[2:3, 3:5] = values[len(values) // 2]
        picture = Image.fromarray(labels)
        if mode == "P":  # as VOC writes them: the colours mean nothing
            picture.putpalette(list(np.random.default_rng(0).integers(0, 256, 768)))
        elif mode == "I;16":
            picture = Image.fromarray(labels.astype(np.uint16))
        picture.save(path)
        written.append(labels)
    return np.stack(written)


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_maps_with_255_as_voc_has_them(scenes, mode):
    (scenes / "classes.txt").write_text("ground\nsquare\n")
    maps = annotate(scenes, [0, 1, 255], mode)
    images = load_images(scenes)
    np.testing.assert_array_equal(images.label_maps, maps)
    assert (images.map_classes, images.ignored_class) == (["ground", "square"], 255)
    assert sorted(set(images.pixels().y.tolist())) == [-1, 0, 1]


def test_an_image_of_ground_and_255_alone_is_no_mask_where_others_have_classes(scenes):
    (scenes / "classes.txt").write_text("ground\nsquare\n")
    maps = annotate(scenes, [0, 255])
    save(scenes / "testannot" / "0.png", np.tile([0, 1, 255, 0], (6, 2)))
    images = load_images(scenes)
    assert images.ignored_class == 255
    row = images.names.tolist().index("test/0.png")
    rest = [r for r in range(6) if r != row]
    np.testing.assert_array_equal(images.label_maps[rest], maps[rest])
    assert set(np.unique(images.label_maps[row])) == {0, 1, 255}


@pytest.mark.parametrize("names", [None, "ground\nsquare\n"])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_a_folder_of_masks(scenes, names, fit):
    if names:
        (scenes / "classes.txt").write_text(names)
    maps = annotate(scenes, [0, 255])
    images = load_images(scenes, size=(8, 8), resize=fit)
    assert images.map_classes == (names.split() if names else ["0", "255"])
    if fit == "pad":
        np.testing.assert_array_equal(images.label_maps[:, 1:7], maps // 255)
        assert (images.label_maps[:, [0, 7]] == 255).all()
        assert images.ignored_class == 255
    else:
        assert set(np.unique(images.label_maps)) == {0, 1}
        assert images.ignored_class is None


def test_masks_of_a_set_with_more_classes_are_void(scenes):
    (scenes / "classes.txt").write_text("ground\nsquare\ncircle\n")
    maps = annotate(scenes, [0, 255])
    images = load_images(scenes)
    np.testing.assert_array_equal(images.label_maps, maps)
    assert images.ignored_class == 255


def test_camvid(data_folder):
    images = load_images("camvid")
    assert images.shape == (110, 360, 480, 3)
    assert (len(images.train), len(images.test)) == (80, 30)
    assert images.skipped == []
    assert images.label_maps.shape == (110, 360, 480)
    assert images.map_classes[3] == "Road"
    assert images.map_classes[images.ignored_class] == "Unlabelled"
    road, sky = images.label_maps == 3, images.label_maps == 0
    assert road[:, 180:].mean() > 0.2 > 0.02 > road[:, :90].mean()
    assert sky[:, :90].mean() > 0.2 > 0.02 > sky[:, 270:].mean()


def test_the_command_line_says_it_in_words():
    facts = described(mapped(factors={"angle": [0.5, -3, 2, 1], "row": [0, 4, 4, 1]}))
    assert facts["label maps"] == "3 classes: a, b, c; d is ignored"
    assert in_words(facts["factors"]) == "angle -3 to 2, row 0 to 4 (3 values)"
    raster = Images(np.zeros((1, 2, 2, 4), np.float32), meta={"wavelengths": [400, 500, 600, 700]})
    assert described(raster)["bands"] == "4, 400 to 700"
    raster.meta["shown_bands"] = [3, 1, 0]
    raster.data[..., 3] = 1
    sheet = ist.contact_sheet(raster, gap=0, limits=(0, 1))
    assert np.asarray(sheet.convert("RGB"))[0, 0].tolist() == [255, 0, 0]
