"""A few labels on top of an encoder: what is kept, what is learnt, what is written."""

import json

import numpy as np
import pytest
from PIL import Image

import isthmus as ist


@pytest.fixture(scope="module")
def start(images):
    settings = {"hidden": (64,), "noise": 0.5, "noise_kind": "masking", "epochs": 40}
    return ist.Autoencoder(24, **settings, random_state=0).fit(images.train)


def weights(model):
    return {name: value.numpy().copy() for name, value in model.encoder_.state_dict().items()}


def test_a_frozen_encoder_stays_and_another_goes_on(start, images):
    before = weights(start)
    frozen = ist.finetune(start, images, 50, frozen=True, scratch=False).model
    free = ist.finetune(start, images, 50, scratch=False).model
    for name, value in before.items():
        np.testing.assert_array_equal(weights(frozen)[name], value)
        np.testing.assert_array_equal(weights(start)[name], value)
    assert any(not np.array_equal(weights(free)[name], value) for name, value in before.items())
    np.testing.assert_allclose(frozen.encode(images.test), start.encode(images.test), atol=1e-6)


def test_accuracies_are_those_of_the_models_on_held_out_images(start, images):
    made = ist.finetune(start, images, 60)
    best = made.accuracies()[made.best]
    assert best.accuracy == pytest.approx(made.model.score(images.test))
    assert {each.n_test for each in made.held_back.values()} == {15}
    most = max(each.accuracy for each in made.held_back.values())
    assert made.held_back[made.best].accuracy == most
    assert made.recommended.startswith(f"{made.best}, by 15 labels held back")
    assert (made.tuned.n_labels, made.tuned.n_test) == (60, 359)
    assert made.tuned.low < made.tuned.accuracy < made.tuned.high
    assert set(made.accuracies()) == {"finetuned", "linear probe", "from scratch"}
    again = ist.finetune(start, images, 60)
    assert again.accuracies() == made.accuracies()
    assert made.chart().axes[0].get_xlabel().startswith("accuracy on 359")


def test_it_says_what_it_does_and_chooses_by_labels_alone(start, images, capsys, monkeypatch):
    counted = []
    monkeypatch.setattr(
        "isthmus.verbs.finetune._counted",
        lambda model, train, test: counted.append(len(test)) or _right(model, train, test),
    )
    ist.finetune(start, images, 40, epochs=1, verbose=True)
    assert counted == [10, 10, 10, 359, 359, 359]
    said = [line for line in capsys.readouterr().err.splitlines() if "isthmus: " in line]
    assert "isthmus: 40 labels: 30 to learn from, 10 to choose by" in said
    assert sum("of these 10 are right" in line for line in said) == 3
    few = ist.finetune(start, images, 12, epochs=1, verbose=False)
    assert few.recommended == "finetuned; there are too few labels to choose by"


def _right(model, train, test):
    from isthmus.metrics.labels import counted

    return counted(model.predict(test) == test.y, len(train))


def test_pre_training_helps_on_mnist_where_labels_are_few(data_folder):
    whole = ist.load_images("mnist")
    few = whole[np.sort(np.r_[0:60_000:10, 60_000:70_000:5])]
    settings = {"hidden": (256, 128), "noise": 0.75, "noise_kind": "masking", "epochs": 15}
    settings |= {"init": "glorot_uniform"}
    start = ist.Autoencoder(64, **settings, random_state=0).fit(few.train)
    pairs = [ist.finetune(start, few, random_state=seed).accuracies() for seed in range(3)]
    gains = [pair["finetuned"].accuracy - pair["from scratch"].accuracy for pair in pairs]
    assert np.mean(gains) > 0.005


@pytest.mark.parametrize(
    "family",
    [
        lambda: ist.VAE(6, hidden=(32,), init="he_normal", epochs=3, random_state=0),
        lambda: ist.Classifier(12, hidden=(32,), epochs=3, random_state=0),
        lambda: ist.Autoencoder(
            6, architecture="conv", channels=(4,), hidden=(), init="he_normal", epochs=1
        ),
    ],
    ids=["vae", "classifier", "conv"],
)
def test_the_network_from_scratch_is_the_same_one(family, images):
    model = family().fit(images.train[:200])
    made = ist.finetune(model, images, 40, epochs=1)
    parameters = made.model.encoder_.parameters()
    fresh = ist.Classifier(**_same(model), epochs=1, random_state=0).fit(images.train[:40])
    assert [p.shape for p in parameters] == [p.shape for p in fresh.encoder_.parameters()]
    assert made.scratch is not None


def _same(model):
    from isthmus.verbs.finetune import _same_network

    return _same_network(model)


def test_epochs_are_enough_steps_or_as_many_as_given(start, images):
    steps = ist.finetune(start, images, 100, scratch=False).model
    assert len(steps.history_["epoch"]) * -(-100 // 64) >= 300
    assert (
        len(ist.finetune(start, images, 100, scratch=False, epochs=2).model.history_["epoch"]) == 2
    )


@pytest.mark.parametrize(
    "model",
    [ist.PCA(4), ist.KMeans(5), ist.NMF(4), ist.SOM()],
    ids=lambda model: type(model).__name__,
)
def test_families_without_an_encoder_network_say_so(model, images):
    name = type(model).__name__
    with pytest.raises(ValueError, match=f"{name} has no encoder network.*make_pipeline") as error:
        ist.finetune(model.fit(images.train), images)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": 9}, "labels=9 must be 10"),
        ({"labels": 10_000}, "to 1438, all there are"),
        ({"epochs": 0}, "epochs=0"),
    ],
)
def test_numbers_out_of_range_are_said(start, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        ist.finetune(start, images, **arguments)


def test_images_of_another_shape_are_refused(start):
    with pytest.raises(ValueError, match="pretrained was fitted on images of shape"):
        ist.finetune(start, ist.Images(np.zeros((40, 9, 9)), y=np.arange(40) % 2), 10)


def test_the_command_writes_a_model_that_loads(run, tmp_path, start, images):
    start.save(tmp_path / "a.safetensors")
    finetune = ("finetune", "a.safetensors", "digits", "--labels", 50)
    code, out, err = run(*finetune, "-o", "c.safetensors", "--chart", "c.png")
    assert code == 0
    assert err.startswith("isthmus: finetune --chart is called --out now\n")
    assert "a head alone" in err  # says what it does, a terminal or not
    assert "from scratch" in out
    made = ist.finetune(start, images, 50)
    assert f"{100 * made.tuned.accuracy:.1f} %" in out
    model = ist.load_model(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(model.predict(images.test), made.model.predict(images.test))
    assert Image.open(tmp_path / "c.png").width > 600
    code, out, _ = run(*finetune, "--frozen", "-o", "h.safetensors", "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["head only"]["n_labels"] == 50
    assert ist.load_model(tmp_path / "h.safetensors").score(images.test) == pytest.approx(
        facts["head only"]["accuracy"]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["p.safetensors", "digits", "-o", "c.safetensors"], "PCA has no encoder network"),
        (["a.safetensors", "digits", "-o", "c.pkl"], ".safetensors"),
        (["a.safetensors", "digits", "-o", "p.safetensors"], "--force"),
        (["a.safetensors", "digits", "-o", "c.safetensors", "--chart", "c.jpg"], ".png or .svg"),
        (["a.safetensors", "digits", "-o", "c.safetensors", "--labels", "4"], "--labels 4"),
        (["a.safetensors", "digits", "-o", "c.safetensors", "--labels", "1439"], "to 1438, all"),
    ],
)
def test_command_errors_are_one_line(run, tmp_path, start, images, arguments, words):
    start.save(tmp_path / "a.safetensors")
    ist.PCA(4).fit(images.train).save(tmp_path / "p.safetensors")
    code, out, err = run("finetune", *arguments)
    lines = [line for line in err.splitlines() if "images were changed" not in line]
    lines = [line for line in lines if "is called --out now" not in line]
    assert (code, out, len(lines)) == (2, "", 1)
    assert words in err
    assert {path.name for path in tmp_path.iterdir()} == {"a.safetensors", "p.safetensors"}


def test_a_large_network_gets_fewer_steps(start):
    from isthmus.verbs.finetune import _training

    assert _training(start, 100, None) == {
        "batch_size": 64, "validation_fraction": 0.0, "epochs": 150, "max_steps": None
    }  # fmt: skip
    settings = {"channels": (16, 32), "hidden": (), "init": "he_normal", "epochs": 1}
    large = ist.Autoencoder(6, architecture="conv", **settings)
    large.fit(np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8))
    each = 48**2 * 16 * 48 + 24**2 * 32 * 16 * 16 + 24**2 * 32 * 6  # two convolutions, the code
    assert _training(large, 100, None)["max_steps"] == 10**11 // (64 * each)
    assert _training(large, 100, 7)["epochs"] == 7
    assert "max_steps" not in _training(large, 100, 7)


def test_time_is_shared_with_the_network_from_scratch(start, images, monkeypatch):
    given = []
    fit = ist.Classifier.fit
    monkeypatch.setattr(
        ist.Classifier, "fit", lambda self, X: given.append(self.max_seconds) or fit(self, X)
    )
    made = ist.finetune(start, images, 40, epochs=10**6, budget=0.4)
    assert len(given) == 6
    assert given[0] <= 0.4 / 6
    assert all(0 < each <= 0.4 for each in given)
    assert made.model.stopped_ == "out of time"
    with pytest.raises(ValueError, match="budget=0"):
        ist.finetune(start, images, 40, budget=0)
