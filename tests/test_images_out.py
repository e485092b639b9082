"""Images go out as they came in: to PyTorch, to tables, to files, joined, chosen, pickled."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import isthmus as ist
from isthmus.explorer.manifest import View

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 6, 7, 3), dtype=np.uint8)
NAMES_12 = [f"image {row:02}" for row in range(12)]
NAMES = ["dog", "cat", None, "bird"] * 3


@pytest.fixture
def images():
    return ist.Images(PIXELS, y=NAMES, factors={"angle": np.arange(12)}).split(0.25)


class Nothing:
    """As pandas' NA: it compares as nothing, and is neither true nor false."""

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    def __repr__(self):
        return "<NA>"

    __hash__ = None


NA = Nothing()


@pytest.mark.parametrize(
    ("given", "classes", "y", "names"),
    [
        (np.array(["b", "a", NA, "b"], object), None, [1, 0, -1, 1], ["a", "b"]),
        (np.array([True, NA, False, True], object), None, [1, -1, 0, 1], ["False", "True"]),
        (["b", "a", None, "b"], None, [1, 0, -1, 1], ["a", "b"]),
        ([2**70, 1, 1, 2**70], None, [1, 0, 0, 1], ["1", str(2**70)]),
        (np.array(["10", "9", "10", "9"]), None, [1, 0, 1, 0], ["9", "10"]),
        (["b", "a", np.nan, ""], ["b", "a"], [0, 1, -1, -1], ["b", "a"]),
        (np.array([b"x", b"y", b"x", b"x"]), None, [0, 1, 0, 0], ["x", "y"]),
        ([1.0, np.nan, 0.0, 2.0], None, [1, -1, 0, 2], None),
        ([2, None, 0, 1], list("abc"), [2, -1, 0, 1], ["a", "b", "c"]),
        ([True, False, True, True], None, [1, 0, 1, 1], ["False", "True"]),
        (torch.tensor([0, 1, 1, 0]), None, [0, 1, 1, 0], None),
        (np.array([[0], [1], [1], [0]]), None, [0, 1, 1, 0], None),
        (np.eye(4, dtype=int)[[2, 0, 1, 3]], None, [2, 0, 1, 3], ["0", "1", "2", "3"]),
        ([-5, 5, 5, -5], None, [0, 1, 1, 0], ["-5", "5"]),
    ],
)
def test_labels_of_any_kind(given, classes, y, names):
    images = ist.Images(PIXELS[:4], y=given, classes=classes)
    assert images.y.tolist() == y
    assert images.classes == names
    assert images[1:].y.tolist() == y[1:]


@pytest.mark.parametrize(
    ("given", "classes", "message"),
    [
        ([0, 1, 2, 11], list("abc"), "y holds the label 11, and classes names 3, that is 0 to 2"),
        (["cat", "cow", "cat", "cat"], ["cat", "dog"], "'cow', which is none of the classes cat"),
        ([0.5, 1, 0, 0], ["a", "b"], "y holds fractions as 0.5, which are no classes"),
        ([0, 1], None, "y has 2 entries for 4 images"),
        ([2.0**60, 1, 0, 0], None, "y holds the label 1.15.*e.18, which is too large for"),
    ],
)
def test_labels_that_cannot_be(given, classes, message):
    with pytest.raises(ValueError, match=message):
        ist.Images(PIXELS[:4], y=given, classes=classes)


def test_several_columns_are_attributes():
    table = np.array([[1, 1], [0, 1], [1, 0], [0, 0]])
    columns = {"red": table[:, 0], "round": table[:, 1]}
    listed = [["red", "round"], ["round"], ["red"], []]
    for given in (table, columns, listed):
        classes = ["red", "round"] if given is table else None
        images = ist.Images(PIXELS[:4], y=given, classes=classes)
        assert images.y is None
        assert {k: v.tolist() for k, v in images.attributes.items()} == {
            "red": [1, 0, 1, 0], "round": [1, 1, 0, 0]}  # fmt: skip
        chosen = images[1:3].by_attribute("round")
        assert (chosen.y.tolist(), chosen.classes) == ([1, 0], ["0", "1"])
    fractions = ist.Images(PIXELS[:4], y=[0.5, 1.5, None, 2])
    np.testing.assert_array_equal(fractions.factors["target"], [0.5, 1.5, np.nan, 2])
    with pytest.raises(ValueError, match="did you mean 'round'"):
        images.by_attribute("rond")


def test_torch_takes_images(images):
    np.testing.assert_array_equal(torch.as_tensor(images[3:9]).numpy(), PIXELS[3:9])
    for given in (images, images.to_torch()):
        x, labels = next(iter(DataLoader(given, batch_size=5)))
        np.testing.assert_allclose(x.numpy(), PIXELS[:5].transpose(0, 3, 1, 2) / 255, atol=1e-6)
        assert labels.tolist() == images.y[:5].tolist()
    bare = ist.Images(PIXELS / 255)
    assert next(iter(DataLoader(bare.to_torch(lambda x: x + 1), batch_size=4))).min() >= 1
    assert len(list(bare.to_torch())) == 12


def test_a_pickle_of_a_few_holds_a_few():
    images = ist.Images(np.zeros((1000, 32, 32), np.uint8), y=np.arange(1000) % 10)
    part = pickle.dumps(images[[3, 5, 700]])
    assert len(part) < 2 * len(pickle.dumps(ist.Images(np.zeros((3, 32, 32), np.uint8))))
    again = pickle.loads(part)
    assert (again.shape, again.y.tolist()) == ((3, 32, 32, 1), [3, 5, 0])


def test_images_are_chosen_and_joined(images):
    cats = images.where(label="cat")
    assert set(cats.y.tolist()) == {images.classes.index("cat")}
    assert len(images.where(label=["cat", "dog"])) == 6
    assert len(images.where(np.arange(12) < 4, label="cat")) == 1
    few = images.sample(5, seed=1)
    assert len(few) == 5
    assert (np.diff(few.factors["angle"]) > 0).all()
    other = ist.Images(PIXELS, y=["cow", "cat"] * 6)
    both = images + other
    assert both.classes == ["bird", "cat", "dog", "cow"]
    assert [both.classes[k] for k in both.y[12:14]] == ["cow", "cat"]
    np.testing.assert_array_equal(np.asarray(both)[12:], PIXELS)
    for wrong, message in (
        (ist.Images(PIXELS[:, :3]), "one size"),
        (ist.Images(PIXELS / 255), "one dtype"),
    ):
        with pytest.raises(ValueError, match=message):
            images + wrong
    with pytest.raises(ValueError, match="did you mean 'cat'"):
        images.where(label="cats")


@pytest.mark.parametrize("suffix", ["", ".npz", ".parquet"])
def test_what_is_saved_is_read_again(suffix, images, tmp_path):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    known = images.where(images.y >= 0) if not suffix else images
    path = known.save(tmp_path / f"kept{suffix}")
    again = ist.load_images(path)
    order = np.arange(len(known))
    if not suffix:  # files come in the order of their paths
        order = np.array([int(name.rpartition("/")[2][:-4]) for name in again.names])
    np.testing.assert_array_equal(np.asarray(again), np.asarray(known)[order])
    assert again.classes == known.classes
    np.testing.assert_array_equal(again.y, known.y[order])
    np.testing.assert_array_equal(again.is_test, known.is_test[order])
    with pytest.raises(FileExistsError):
        known.save(path)


@pytest.mark.parametrize("suffix", ["", ".npz", ".parquet"])
def test_attributes_and_factors_are_saved(suffix, tmp_path):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    told = {
        "factors": {"angle": np.arange(12) / 7, "at": RNG.normal(size=(12, 2)).astype("f4")},
        "attributes": {
            "smiling": ["yes", "no", None] * 4,
            "label": np.arange(12) % 2,
            "a, word": [f"w {row}" for row in range(12)],
            "age": [1.5, np.nan, 2] * 4,
        },
    }
    kept = ist.Images(PIXELS, y=["dog", None, "cat"] * 4, **told)
    again = ist.load_images(kept.save(tmp_path / f"kept{suffix}"))
    for name in told:
        here, there = getattr(kept, name), getattr(again, name)
        assert list(here) == list(there)
        for key, values in here.items():
            np.testing.assert_array_equal(there[key], values)
    assert again.classes == ["cat", "dog"]
    np.testing.assert_array_equal(again.y, kept.y)
    np.testing.assert_array_equal(np.asarray(again), PIXELS)
    one = ist.Images(PIXELS / np.float32(255), attributes={"one": np.arange(12)}, names=NAMES_12)
    again = ist.load_images(one.save(tmp_path / f"one{suffix}"))
    assert (again.y, list(again.attributes)) == (None, ["one"])
    assert [Path(name).stem for name in again.names] == NAMES_12


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("shape", [(4, 8, 9, 5), (4, 8, 9, 1), (4, 8, 9, 3), (4, 70)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_numbers_of_any_unit_are_saved_as_they_are(tmp_path, suffix, shape, dtype):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    meta = {"no_data": 7, "wavelengths": [400.5, 500.25], "geotiff": [[33550, 12, 3, [3.0] * 3]]}
    own = ist.Images(RNG.uniform(0, 200, shape).astype(dtype), value_range="keep", meta=meta)
    again = ist.load_images(own.save(tmp_path / f"own{suffix}"))
    np.testing.assert_array_equal(np.asarray(again), np.asarray(own))
    assert (again.dtype, again.meta, again.value_range) == (own.dtype, meta, own.value_range)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": '["bee"]'}, "of its labels 'ant' is not in list"),
        ({"classes": "[3]"}, r"'classes' is \[3\], expected a list of text or null"),
        ({"meta": "{"}, "what it says of its images is Expecting property name"),
        ({"label_maps": np.zeros((2, 4, 4), np.uint8)}, "2 label maps for 3 images"),
    ],
)
def test_what_is_said_of_images_may_be_damaged(tmp_path, changes, words):
    path = ist.Images(np.zeros((3, 4, 4)), y=["ant", "ant", "bee"]).save(tmp_path / "a.npz")
    with np.load(path) as archive:
        np.savez(path, **{**archive, **changes})
    with pytest.raises(ValueError, match=rf"a\.npz.*{words}"):
        ist.load_images(path)


def test_what_a_folder_would_lose_is_refused(tmp_path):
    own = ist.Images(RNG.uniform(0, 200, (4, 8, 9, 5)).astype(np.float32), value_range="keep")
    maps = {"label_maps": np.ones((12, 6, 7), int), "map_classes": ["sky", "sea"]}
    for images, words in (
        (ist.Images(PIXELS / 255, meta={"no_data": float(PIXELS[0, 0, 0, 0] / 255)}), "without"),
        (ist.Images(PIXELS, y=NAMES, **maps), "labels, attributes or factors beside label maps"),
        (ist.Images(PIXELS, ignored_class=1, **maps), "which class of label maps is to be"),
    ):
        with pytest.raises(ValueError, match=rf"does not keep .*{words}.* as \.npz or \.parquet"):
            images.save(tmp_path / "folder")
        assert not (tmp_path / "folder").exists()
    with pytest.raises(ValueError, match=r"no PNG files: save them as \.npz or \.parquet"):
        own.save(tmp_path / "folder")


VOID = np.where(RNG.random((12, 6, 7)) < 0.1, 255, RNG.integers(0, 3, (12, 6, 7)))
MAPPED = {
    "void": {"label_maps": VOID, "map_classes": ["sky", "sea", "land"], "ignored_class": 255},
    "by name": {"label_maps": VOID % 3, "map_classes": ["a b", "void", "c"], "ignored_class": 1},
    "masks": {"label_maps": (VOID == 255) * 255},
    "one": {"label_maps": VOID * 0 + 2, "map_classes": ["sky", "sea", "land"]},
}


@pytest.mark.parametrize("suffix", ["", ".npz", ".parquet"])
@pytest.mark.parametrize("kind", MAPPED)
@pytest.mark.parametrize("split", [True, False])
def test_label_maps_are_saved(tmp_path, suffix, kind, split):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    own = ist.Images(PIXELS, names=[f"a {row:02}.png" for row in range(12)], **MAPPED[kind])
    own = own.split(0.25) if split else own
    again = ist.load_images(own.save(tmp_path / f"own{suffix}"))
    order = np.argsort([Path(name).name for name in again.names])
    np.testing.assert_array_equal(np.asarray(again)[order], PIXELS)
    np.testing.assert_array_equal(again.label_maps[order], own.label_maps)
    assert (again.map_classes, again.ignored_class) == (own.map_classes, own.ignored_class)
    assert (again.is_test is None) == (not split)
    if split:
        np.testing.assert_array_equal(again.is_test[order], own.is_test)
    small = ist.load_images(tmp_path / f"own{suffix}", size=(4, 4), resize="pad")
    wide = ist.load_images(own, size=(4, 4), resize="pad")
    np.testing.assert_array_equal(small.label_maps[order], wide.label_maps)
    assert small.ignored_class == wide.ignored_class


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([1, 0, 1, -1], ["dog", "cat"]),
        ([3, 0, 0, 3], ["d", "c", "b", "a", "none of these"]),
        ([0, 3, 10, 3], None),
        ([-1, -1, -1, -1], ["dog", "cat"]),
        ([1, 0, 1, 1], ["10", "9"]),
    ],
)
def test_labels_keep_their_numbers(tmp_path, suffix, y, classes):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    own = ist.Images(PIXELS[:4], y=y, classes=classes)
    again = ist.load_images(own.save(tmp_path / f"own{suffix}"))
    assert (again.y.tolist(), again.classes) == (y, classes)


def test_a_notebook_shows_images(images):
    shown = images._repr_html_()
    for words in ("data:image/png;base64", "bird 3, cat 3, dog 3", "0 to 1", "6x7x3", "held out"):
        assert words in shown
    assert "<img" not in ist.Images(np.zeros((3, 5)))._repr_html_()


def test_what_was_guessed_is_said():
    said = {
        each.about: (each.value, each.by)
        for each in ist.Images(np.full((3, 1, 9, 9), 200, np.int64)).decisions
    }
    assert said == {"range": ("0 to 255", "guess"), "layout": ("nchw", "guess")}
    told = ist.load_images(np.full((3, 4, 4), 300.0), value_range=(0, 200)).decisions[0]
    assert told.words == "range 0 to 200: as asked, 48 numbers beyond it are cut off (value_range)"
    deep = ist.load_images(np.full((3, 4, 4), 4000, np.uint16)).decisions[1]
    assert (deep.value, deep.by) == ("12 bits, 4095 is white", "guess")
    assert ist.Images(PIXELS).decisions[0].by == "type"


def test_attributes_are_probed_edited_and_colored():
    digits = ist.load_images("digits")[:200]
    wide = (np.asarray(digits)[:, :, :2].sum((1, 2, 3)) > 600).astype(int)
    images = ist.Images(np.asarray(digits), y={"wide": wide, "odd": digits.y % 2})
    model = ist.PCA(8).fit(images)
    probed = ist.probe(model, images, "wide", kinds=["linear"])
    assert probed.accuracies["linear"].accuracy > 0.8
    edited = ist.edit(model, images, attribute="odd", strengths=(0, 1), rows=[0, 1])
    assert edited.shape == (2, 2, 8, 8, 1)
    titles = [colour["title"] for colour in View({"pca": model}, images).manifest["colours"]]
    assert {"Wide", "Odd"} <= set(titles)


def test_the_page_of_sources_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs/sources.md").read_text(encoding="utf-8")
    known = {}
    for block in page.split("```python\n")[1:]:
        exec(block.split("```")[0], known)
    again = ist.load_images("few.npz")
    assert (len(again), again.classes) == (40, list("0123456789"))
    assert set(again.y.tolist()) == {3, 5}


def test_a_table_of_pandas_has_a_row_for_every_image():
    pandas = pytest.importorskip("pandas")
    images = ist.Images(np.zeros((3, 4, 4)), y=["ant", None, "bee"], names=["a", "b", "c"])
    images.attributes["age"] = np.array([1, 2, 3])
    table = images.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert list(table.columns) == ["name", "label", "age"]
    assert table.label.isna().tolist() == [False, True, False]
    assert table.age.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="none names files"):
        ist.load_images(table[["name"]])
