"""Held out means held out: splits, what a model has seen, and what every verb measures on."""

import json
from pathlib import Path

import numpy as np
import pytest

import isthmus as ist
from isthmus.codec.rates import rate_distortion
from isthmus.data.images import Images


def noise(n=200, seed=0, **known):
    data = np.random.default_rng(seed).integers(0, 256, (n, 6, 5), dtype=np.uint8)
    return Images(data, source="noise", **known)


def rows_of(images, whole):
    """Return which rows of a set of different images some of them are."""
    places = {row.tobytes(): i for i, row in enumerate(np.asarray(whole))}
    return [places[row.tobytes()] for row in np.asarray(images)]


def test_a_set_without_a_split_has_the_default_one():
    y = np.repeat([0, 1, 2, 3], 50)
    images = noise(y=y)
    held = np.flatnonzero(images.split(0.2, random_state=0).is_test)
    assert rows_of(images.test, images) == held.tolist()
    assert sorted(rows_of(images.train, images) + held.tolist()) == list(range(200))
    assert np.bincount(images.test.y).tolist() == [10, 10, 10, 10]
    assert images.is_test is None


def test_a_half_is_not_split_again():
    images = noise()
    for whole in (images, images.split(0.4, random_state=3)):
        assert rows_of(whole.train.train, images) == rows_of(whole.train, images)
        assert rows_of(whole.test.test, images) == rows_of(whole.test, images)
        assert len(whole.train.test) == len(whole.test.train) == 0


def test_of_one_image_nothing_is_held_out():
    one = noise(1)
    assert (len(one.train), len(one.test)) == (1, 0)
    assert len(one.train.train) == 1


@pytest.mark.parametrize("labels", [list, np.asarray])
def test_fit_learns_from_the_part_to_train_on(labels):
    images = noise(y=np.arange(200) % 4, is_test=np.arange(200) % 3 == 0)
    whole, part = (ist.PCA(5).fit(each) for each in (images, images.train))
    np.testing.assert_array_equal(whole.components_, part.components_)
    given = labels(images.y[::-1])
    settings = {"hidden": (8,), "epochs": 2, "random_state": 0}
    beside = ist.Classifier(4, **settings).fit(images, given)
    own = ist.Classifier(4, **settings).fit(images.train, images.y[::-1][~images.is_test])
    np.testing.assert_array_equal(beside.predict_proba(images), own.predict_proba(images))
    with pytest.raises(ValueError, match="y has 3 entries for 200 images"):
        ist.Classifier(4).fit(images, [0, 1, 0])


def test_fit_learns_from_all_that_it_is_given_where_no_split_is_known():
    images = noise()
    expected = ist.PCA(5).fit(np.asarray(images)).components_
    np.testing.assert_array_equal(ist.PCA(5).fit(images).components_, expected)
    test = images.split().test
    expected = ist.PCA(5).fit(np.asarray(test)).components_
    np.testing.assert_array_equal(ist.PCA(5).fit(test).components_, expected)


def test_label_maps_go_with_the_images_learnt_from():
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    maps = (data[..., 0] > 128).astype(np.uint8)
    images = Images(data, is_test=np.arange(12) >= 8)
    settings = {"channels": 4, "epochs": 1, "random_state": 0}
    beside = ist.PixelNet(3, **settings).fit(images, maps)
    own = ist.PixelNet(3, **settings).fit(data[:8], maps[:8])
    np.testing.assert_array_equal(beside.encode(data), own.encode(data))


@pytest.fixture
def source(tmp_path):
    """A file of 100 images without a split."""
    np.save(tmp_path / "noise.npy", np.asarray(noise(100)))
    return "noise.npy"


@pytest.mark.parametrize(
    ("split", "words", "part"),
    [
        ("train", "80 of 100, 20 are held out (a fifth by chance, seed 0)", "train"),
        ("all", "all 100, none is held out", None),
        ("test", "the 20 of 100 that others hold out", "test"),
    ],
)
def test_the_command_fit_says_what_it_learns_from(run, source, split, words, part):
    code, out, _ = run("fit", "pca", source, "--n-components", 4, "-o", "p", "--split", split)
    assert code == 0
    assert f"learnt from {words}" in out
    images = ist.load_images(source)
    expected = ist.PCA(4).fit(np.asarray(getattr(images, part) if part else images))
    np.testing.assert_array_equal(ist.load_model("p").components_, expected.components_)


def test_rd_measures_the_held_out_images_of_a_folder_without_a_split(run, source):
    run("fit", "pca", source, "--n-components", 4, "-o", "p.safetensors")
    code, _, err = run("rd", "p.safetensors", source, "--formats", "none", "-o", "a.json")
    assert code == 0, err
    images = ist.load_images(source).test
    expected = rate_distortion({"p": ist.load_model("p.safetensors")}, images, [])
    found = [row["psnr"] for row in json.loads(Path("a.json").read_text())]
    assert found == pytest.approx([point.psnr for point in expected], rel=1e-3)


def test_a_part_with_nothing_in_it_is_one_clear_error(run, tmp_path):
    np.save(tmp_path / "one.npy", np.asarray(noise(1)))
    np.save(tmp_path / "two.npy", np.asarray(noise(2)))
    ist.PCA(4).fit(noise()).save(tmp_path / "p.safetensors")
    for line, words in [
        (("rd", "p.safetensors", "one.npy", "-o", "a.png"), "--split all takes what there is"),
        (("encode", "p.safetensors", "one.npy", "--split", "test", "-o", "z.npy"), "none is held"),
        (("fit", "pca", "two.npy", "-o", "q"), "--split all takes all"),
        (("fit", "pca", "two.npy", "-o", "q", "--split", "some"), "--split 'some'"),
    ]:
        code, out, err = run(*line)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err
