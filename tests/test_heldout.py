"""Held out means held out: splits, what a model has seen, and what every verb measures on."""

import json
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import isthmus as ist
from isthmus.codec.compress import fingerprint, packed_model
from isthmus.data.images import Images
from isthmus.families import FAMILIES, family
from isthmus.fitted.heldout import MeasuredOn, halves, judged, labels_seen, row_hashes
from isthmus.metrics.intervals import wilson
from isthmus.studies.measure import measure


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
    held = np.flatnonzero(images.split(0.2, seed=0).is_test)
    assert rows_of(images.test, images) == held.tolist()
    assert sorted(rows_of(images.train, images) + held.tolist()) == list(range(200))
    assert np.bincount(images.test.y).tolist() == [10, 10, 10, 10]
    assert images.is_test is None


def test_one_image_is_told_of_as_one():
    assert MeasuredOn(1, 1).words == "on 1 image, which the model learnt from"
    assert MeasuredOn(1, 0).words == "on 1 image the model never saw"
    assert MeasuredOn(2, 1, unit="pixels").words == "on 2 pixels, 1 of which the model learnt from"


def test_a_half_is_not_split_again():
    images = noise()
    for whole in (images, images.split(0.4, seed=3)):
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
    expected = ist.rate_distortion({"p": ist.load_model("p.safetensors")}, images, [])
    found = [row["psnr"] for row in json.loads(Path("a.json").read_text())]
    assert found == pytest.approx([point.psnr for point in expected], rel=1e-3)


def test_a_part_with_nothing_in_it_is_one_clear_error(run, tmp_path):
    np.save(tmp_path / "one.npy", np.asarray(noise(1)))
    np.save(tmp_path / "two.npy", np.asarray(noise(2)))
    ist.PCA(4).fit(noise()).save(tmp_path / "p.safetensors")
    for line, words in [
        (("rd", "p.safetensors", "one.npy", "-o", "a.png"), "--split 'all' takes what there is"),
        (("encode", "p.safetensors", "one.npy", "--split", "test", "-o", "z.npy"), "none is held"),
        (("fit", "pca", "two.npy", "-o", "q"), "--split all takes all"),
        (("fit", "pca", "two.npy", "-o", "q", "--split", "some"), "--split 'some'"),
    ]:
        code, out, err = run(*line)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err


def fitted(images, **settings):
    return ist.PCA(4, **settings).fit(images)


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 3), (3, 8, 8, 1), (6, 7, 5, 3), (9, 1), (2, 8)])
def test_a_hash_follows_from_the_values_of_an_image_alone(shape):
    X = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = row_hashes(X)
    assert expected.dtype == np.uint32
    others = [X / 255, (X / np.float64(255)).astype(np.float32), X.reshape(len(X), -1)]
    others += [X[::-1].copy()[::-1], np.asfortranarray(X)]
    for same in others:
        np.testing.assert_array_equal(row_hashes(same), expected)
    np.testing.assert_array_equal(row_hashes(Images(X)[::-1]), expected[::-1])
    floats = np.random.default_rng(1).normal(size=shape)
    np.testing.assert_array_equal(row_hashes(floats), row_hashes(floats.astype(np.float32)))
    assert not np.isin(row_hashes(floats), expected).any()


def test_subsets_have_the_hashes_of_their_set_and_changed_images_their_own():
    X = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)
    images = Images(X).split()
    hashes = row_hashes(images)
    for half, mask in ((images.train, ~images.is_test), (images.test, images.is_test)):
        assert half.hashes is not None
        np.testing.assert_array_equal(half.hashes, hashes[mask])
        np.testing.assert_array_equal(half[::-1].hashes, row_hashes(np.asarray(half)[::-1]))
    changed = replace(images, data=255 - X)
    np.testing.assert_array_equal(row_hashes(changed), row_hashes(255 - X))


def test_hashes_never_change():
    rows = np.arange(24, dtype=np.uint8).reshape(3, 8)
    assert row_hashes(rows).tolist() == [4027094480, 1105424807, 2478722429]
    assert row_hashes(rows - 0.5).tolist() == [863489947, 2888019361, 3766846673]


def test_large_images_are_hashed_block_after_block(monkeypatch):
    X = np.random.default_rng(0).integers(0, 256, (50, 12, 11, 3), dtype=np.uint8)
    whole = row_hashes(X)
    monkeypatch.setattr("isthmus.fitted.heldout.BLOCK", 7)
    found = row_hashes(X)
    assert not (found == whole).any()
    np.testing.assert_array_equal(row_hashes(X / 255), found)
    X[np.arange(50), np.arange(50) % 12, np.arange(50) % 11, 0] ^= 1  # any block tells
    assert not (row_hashes(X) == found).any()


def test_images_that_differ_in_one_place_have_different_hashes():
    width = 21
    X = np.zeros((width * 255 + 1, width), dtype=np.uint8)
    for place in range(width):
        X[place * 255 : (place + 1) * 255, place] = np.arange(1, 256)
    assert len(np.unique(row_hashes(X))) >= len(X) - 1  # once in 2^32 two of them agree
    column = np.zeros((20_000, 64), dtype=np.uint8)
    column[:, 7::8] = np.random.default_rng(0).integers(0, 2, (20_000, 8)) * 255
    assert len(np.unique(row_hashes(column))) == len(np.unique(column, axis=0))


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_family_knows_what_it_learnt_from(name, tmp_path):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    images = Images(data, y=np.arange(60) % 3).split()
    few = {"max_steps": 2, "epochs": 1, "encoder_epochs": 1}
    small = {key: n for key, n in few.items() if key in family(name)().get_params()}
    model = family(name).for_study(images.train, 3, random_state=0, **small).fit(images)
    model.save(tmp_path / "m.safetensors")
    for each in (model, ist.load_model(tmp_path / "m.safetensors")):
        assert halves(each, images).measured == MeasuredOn(12, 0)
        assert judged(each, images.train).seen == 48  # what chose the epoch is among them
        assert judged(each, np.asarray(images.train) / 255).seen == 48
    assert labels_seen(model) == (48 if family(name).needs_labels else 0)


def test_held_out_images_that_were_learnt_from_are_left_out():
    images = noise(y=np.arange(200) % 4, is_test=np.arange(200) % 2 == 1)
    model = fitted(np.asarray(images)[:151])
    found = halves(model, images)
    assert found.rows.tolist() == list(range(151, 200, 2))
    assert rows_of(found.train, images) == list(range(0, 200, 2))
    assert found.measured == MeasuredOn(25, 0, 75)
    assert found.measured.words == (
        "on 25 images the model never saw; 75 more, learnt from, are left out"
    )


def test_other_images_take_their_place_where_the_split_is_the_default_one():
    images = noise(y=np.arange(200) % 4)
    other = images.split(seed=7)
    found = halves(fitted(other), images)
    assert sorted(rows_of(found.test, images)) == np.flatnonzero(other.is_test).tolist()
    assert sorted(rows_of(found.train, images)) == np.flatnonzero(~other.is_test).tolist()
    assert found.measured == MeasuredOn(40, 0)
    nothing = halves(fitted(noise(seed=5)), images)
    assert rows_of(nothing.test, images) == rows_of(images.test, images)


def test_where_nothing_is_unseen_the_figures_are_of_training_images():
    images = noise(y=np.arange(200) % 4)
    found = halves(fitted(np.asarray(images)), images)
    assert rows_of(found.test, images) == rows_of(images.test, images)
    assert found.measured == MeasuredOn(40, 40)
    assert (found.measured.held_out, found.measured.name) == (False, "training images")
    assert found.measured.words == "on 40 images, all of which the model learnt from"
    few = halves(fitted(np.asarray(images)[5:]), images)  # of five images nothing can be said
    assert few.measured.held_out is False
    assert few.measured.seen < few.measured.count == 40


def test_images_that_a_set_holds_twice_are_not_left_out_of_its_own_split():
    data = np.repeat(np.asarray(noise(50)), 4, axis=0)
    images = Images(data, is_test=np.arange(200) % 4 == 0)
    assert halves(fitted(images), images).measured == MeasuredOn(50, 0)
    assert halves(fitted(images.train[:60]), images).measured == MeasuredOn(50, 0)
    assert halves(fitted(data), images[:100]).measured.held_out is False


def test_of_very_many_rows_a_sample_is_kept(monkeypatch):
    monkeypatch.setattr("isthmus.fitted.heldout.MOST", 280)
    images = noise(400)
    model = fitted(images.split())
    assert len(model.train_hashes_) == 280
    assert halves(model, images.split()).measured == MeasuredOn(80, 0)
    other = images.split(seed=3)
    found = halves(model, other)
    seen = rows_of(images.train, images)
    assert not set(found.rows) & set(seen)
    assert found.measured.held_out
    assert 10 <= found.measured.count < 20 < found.measured.left_out


def test_several_models_are_measured_on_what_none_of_them_saw():
    images = noise(200, is_test=np.arange(200) >= 100)
    models = [fitted(np.asarray(images)[:120]), fitted(np.asarray(images)[110:150])]
    found = halves(models, images)
    assert found.rows.tolist() == list(range(150, 200))
    assert found.measured.words.startswith("on 50 images the models never saw")


def test_an_older_model_does_not_say(tmp_path):
    images = noise(y=np.arange(200) % 4)
    model = ist.Classifier(4, hidden=(8,), epochs=1, random_state=0).fit(images)
    del model.train_hashes_, model.labels_seen_
    model.save(tmp_path / "m.safetensors")
    model = ist.load_model(tmp_path / "m.safetensors")
    found = halves(model, images).measured
    assert (found.held_out, found.name) == (None, "images")
    assert "whether the model learnt from them cannot be said" in found.words
    made = ist.finetune(model, images, 20, epochs=1, scratch=False)
    assert made.labels_seen is None
    assert "of how many it does not say" in made.started_from
    assert halves(made.model, images).measured.held_out is None


@pytest.fixture(scope="module")
def by_heart():
    """Images with labels by chance, and a classifier that learnt all it was to by heart."""
    y = np.random.default_rng(1).integers(0, 4, 400)
    images = noise(400, y=y)
    settings = {"hidden": (256, 256), "epochs": 60, "learning_rate": 0.003, "batch_size": 32}
    settings |= {"random_state": 0, "validation_fraction": 0.0}
    return images, ist.Classifier(32, **settings).fit(images.train)


def test_labels_by_chance_are_read_by_chance(by_heart):
    images, model = by_heart
    assert model.score(images.train) > 0.99
    found = ist.probe(model, images, kinds=["knn", "linear"])
    assert found.measured == MeasuredOn(80, 0)
    for each in found.accuracies.values():
        assert 0.05 < each.accuracy < 0.45  # four deviations around a quarter
    everything = ist.Classifier(**model.get_params()).fit(np.asarray(images), images.y)
    found = ist.probe(everything, images, kinds=["knn"])
    assert found.accuracies["knn"].accuracy > 0.9
    assert found.measured == MeasuredOn(80, 80)
    assert "80 training images" in found.chart().axes[0].get_xlabel()


def test_an_interval_holds_the_share_it_is_of():
    for n in (1, 7, 80, 10_000):
        for right in (0, n // 2, n):
            low, high = wilson(right, n)
            assert 0 <= low <= right / n <= high <= 1


def test_finetune_says_which_labels_its_encoder_has_seen(by_heart):
    images, model = by_heart
    made = ist.finetune(model, images, 40, epochs=30, scratch=False)
    assert 0.05 < made.tuned.accuracy < 0.45
    assert (made.labels_seen, made.measured) == (320, MeasuredOn(80, 0))
    assert made.started_from == "the model started from had learnt from 320 labels already"
    assert labels_seen(made.model) == 360
    assert judged(made.model, images).seen == 320  # those of the encoder too
    start = ist.Autoencoder(4, hidden=(8,), epochs=1, random_state=0).fit(images)
    fresh = ist.finetune(start, images, 20, epochs=1, scratch=False)
    assert fresh.started_from == "the model started from had seen no label"
    assert fresh.measured.held_out is False


def test_measure_leaves_out_what_was_learnt_from():
    images = noise(200, is_test=np.arange(200) >= 100)
    model = fitted(np.asarray(images)[:150])
    expected = -model.score(images[150:])
    assert measure(model, images)["mse"] == pytest.approx(expected, rel=1e-5)


def test_a_study_says_which_model_started_from_held_out_images():
    images = noise(100, y=np.arange(100) % 4, is_test=np.arange(100) >= 60)
    start = ist.Autoencoder(4, hidden=(8,), epochs=1, random_state=0).fit(np.asarray(images)[:80])
    models = {
        "fresh": ist.PCA(4),
        "started": ist.Classifier(4, pretrained=start, epochs=1, random_state=0),
    }
    notes = ist.study(images, models).notes
    assert [note for note in notes if "was measured" in note] == [
        "started was measured on 20 images the model never saw; 20 more, learnt from, are left "
        "out."
    ]


@pytest.fixture
def labelled(tmp_path, run):
    """A file of labelled images without a split; a model of its part to train on, one of all."""
    images = noise(100, y=np.arange(100) % 4)
    np.savez(tmp_path / "n.npz", images=np.asarray(images), labels=images.y)
    run("fit", "pca", "n.npz", "--n-components", 4, "-o", "train.safetensors")
    run("fit", "pca", "n.npz", "--n-components", 4, "--split", "all", "-o", "all.safetensors")
    return images


VERBS = [
    ("probe",),
    ("rd", "--formats", "none", "-o", "a.json"),
    ("denoise", "--noise", "gaussian:0.1", "-o", "a.png"),
    ("edit", "--from", 1, "--to", 2, "-o", "a.png"),
    ("cluster", "--split", "test", "-o", "folder"),
    ("novelty", "--split", "test", "-o", "a.png"),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_every_verb_says_what_it_measured_on(run, labelled, verb):
    name, *options = verb
    n = 3 if name == "edit" else 20
    code, out, err = run(name, "train.safetensors", "n.npz", *options)
    assert (code, err) == (0, "")
    assert f"on {n} images the model never saw" in out
    code, out, err = run(name, "all.safetensors", "n.npz", *options, "--force")
    assert code == 0
    assert f"on {n} images, all of which the model learnt from" in out
    assert name not in ("cluster", "novelty") or "--split test is 20 images, all of" in err
    assert not out.partition("all of which")[0].count("held-out")


def test_the_command_finetune_says_it_too(run, labelled):
    small = ("--n-features", 4, "--hidden", 8, "--epochs", 1)
    run("fit", "classifier", "n.npz", *small, "-o", "c.safetensors")
    tune = ("finetune", "c.safetensors", "n.npz", "--labels", 8, "--epochs", 1)
    code, out, _ = run(*tune, "-o", "t.safetensors")
    assert code == 0
    assert out.startswith("n.npz: on 20 images the model never saw\n")
    assert "the model started from had learnt from 80 labels already" in out
    facts = json.loads(run(*tune, "-o", "u.safetensors", "--json")[1])
    assert facts["labels_seen_before"] == 80


def test_models_in_files_of_codes_do_not_hold_hashes(tmp_path):
    images = noise(2000)
    model = fitted(images)
    bare = copy(model)
    del bare.train_hashes_
    assert packed_model(model) == packed_model(bare)
    assert fingerprint(model) == fingerprint(bare)
    ist.compress(model, images[:20], tmp_path / "a.isth", embed=True)
    assert ist.decompress(tmp_path / "a.isth", bare).shape == (20, 6, 5, 1)
    assert hasattr(model, "train_hashes_")


def test_the_command_data_says_who_chose_the_split(run, source):
    assert "80 train, 20 test, by chance: the source has none" in run("data", source)[1]
    assert "1438 train, 359 test\n" in run("data", "digits")[1]
