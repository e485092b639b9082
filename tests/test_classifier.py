import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import isthmus as ist
from isthmus.data.images import Images
from isthmus.models.classifier import _shifted

QUICK = {"epochs": 30, "learning_rate": 5e-3, "random_state": 0}


@pytest.fixture(scope="module")
def model(images):
    return ist.Classifier(16, **QUICK).fit(images.train)


@pytest.fixture(scope="module")
def autoencoder(images):
    return ist.Autoencoder(8, hidden=(32,), epochs=30, random_state=0).fit(images.train)


def count(*nets):
    return sum(weight.numel() for net in nets for weight in net.parameters())


def test_parameter_count_of_the_lesson():
    """784 -> 20 -> 10 has 15,910 parameters."""
    X = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    model = ist.Classifier(epochs=1).fit(X, np.arange(20) % 10)
    assert count(model.encoder_, model.head_) == 15_910


def test_it_is_the_twin_of_the_autoencoder(images):
    twin = ist.Autoencoder(20, hidden=(), code_activation="relu", epochs=1).fit(images.train)
    model = ist.Classifier(epochs=1).fit(images.train)
    assert repr(model.encoder_) == repr(twin.encoder_)


@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_learns_digits(images, architecture):
    settings = {"hidden": (64,), "channels": (16, 32), "epochs": 30, "learning_rate": 3e-3}
    model = ist.Classifier(16, architecture=architecture, random_state=0, **settings)
    assert model.fit(images.train).score(images.test) > 0.95
    assert model.encode(images.test).shape == (359, 16)
    assert model.history_["val_accuracy"][-1] > 0.9


def test_probabilities_features_and_labels_belong_together(model, images):
    Z, P = model.encode(images.test), model.predict_proba(images.test)
    weight, bias = (p.detach().numpy() for p in model.head_.parameters())
    logits = Z @ weight.T + bias
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(P, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(P.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(images.test), P.argmax(1))
    assert (Z >= 0).all()
    right = (model.predict(images.test) == images.test.y).mean()
    assert model.score(images.test) == pytest.approx(right)
    assert model.score(np.asarray(images.test), images.test.y) == pytest.approx(right)
    assert not hasattr(model, "decode")
    assert not hasattr(model, "sample")


def test_loss_is_the_weighted_mean_of_cross_entropy(images):
    model = ist.Classifier(8, class_weight={**dict.fromkeys(range(10), 1), 3: 5}, epochs=1)
    model.fit(images.train)
    x = model._tensor(np.asarray(images.test))
    y = torch.from_numpy(images.test.y)
    with torch.no_grad():
        _, loss, logs = next(model.losses(x, torch.Generator(), y))
    p = model.predict_proba(images.test)[np.arange(len(y)), images.test.y]
    weights, of_all = (np.where(y == 3, 5, 1) for y in (images.test.y, images.train.y))
    # over the mean weight of the training images, of whatever classes a batch is
    assert float(loss) == pytest.approx(-(weights * np.log(p)).mean() / of_all.mean(), rel=1e-4)
    assert float(logs["accuracy"]) == pytest.approx(model.score(images.test))


def test_of_every_class_the_same_share_is_held_out():
    y = np.repeat([0, 1, 2, 3], [200, 60, 20, 2])
    images = ist.Images(np.random.default_rng(0).random((len(y), 3)), y=y)
    model = ist.Classifier(max_steps=1, random_state=0).fit(images)
    order = model._dealt(torch.randperm(len(y)), images)
    assert sorted(order.tolist()) == list(range(len(y)))
    assert np.bincount(y[order[:28]], minlength=4).tolist() == [20, 6, 2, 0]


def test_balanced_classes_share_the_loss(images):
    y = (images.train.y == 0).astype(int)
    model = ist.Classifier(8, class_weight="balanced", epochs=1).fit(images.train, y)
    np.testing.assert_allclose(model.class_weights_, len(y) / (2 * np.bincount(y)), rtol=1e-6)


def test_labels_may_be_words(images, tmp_path):
    words = np.array([f"digit {label}" for label in images.train.y])
    model = ist.Classifier(16, **QUICK).fit(np.asarray(images.train), words)
    assert set(model.predict(images.test)) <= set(words)
    expected = [f"digit {label}" for label in images.test.y]
    assert model.score(np.asarray(images.test), expected) > 0.9
    model.save(tmp_path / "words.safetensors")
    back = ist.load_model(tmp_path / "words.safetensors")
    np.testing.assert_array_equal(back.predict(images.test), model.predict(images.test))


def test_unlabelled_images_are_left_out(images):
    some = images.train[:400]
    labelled = some.y.copy()
    labelled[::2] = -1
    X = np.asarray(some)
    model = ist.Classifier(8, **QUICK).fit(X, labelled)
    assert model.classes_.tolist() == list(range(10))
    again = ist.Classifier(8, **QUICK).fit(X[1::2], some.y[1::2])
    np.testing.assert_array_equal(again.encode(X), model.encode(X))
    held = Images(X, y=labelled)
    assert model.score(held) == pytest.approx((model.predict(X) == some.y)[1::2].mean())


def test_minus_one_and_one_are_two_classes(images):
    y = np.where(images.train.y < 5, -1, 1)
    assert ist.Classifier(8, **QUICK).fit(images.train, y).classes_.tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        (ist.Autoencoder, {"hidden": (32,)}),
        (ist.Autoencoder, {"architecture": "conv", "channels": (8, 16), "hidden": ()}),
        (ist.VAE, {"hidden": (32,)}),
        (ist.VAE, {"architecture": "conv", "channels": (8, 16), "hidden": (20,)}),
        (ist.Classifier, {"hidden": (32,)}),
    ],
)
def test_starts_from_another_encoder(images, tmp_path, family, settings):
    before = family(8, epochs=2, random_state=0, **settings).fit(images.train)
    codes = before.encode(images.test)
    frozen = ist.Classifier(pretrained=before, frozen=True, epochs=3, random_state=0)
    frozen.fit(images.train)
    np.testing.assert_allclose(frozen.encode(images.test), codes, rtol=1e-5, atol=1e-6)
    tuned = ist.Classifier(pretrained=before, epochs=3, random_state=0).fit(images.train)
    assert tuned.encode(images.test).shape == codes.shape
    assert not np.allclose(tuned.encode(images.test), codes)
    np.testing.assert_array_equal(before.encode(images.test), codes)
    for model in (frozen, tuned):
        model.save(tmp_path / "model.safetensors")
        back = ist.load_model(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(back.encode(images.test), model.encode(images.test))
        np.testing.assert_array_equal(back.predict(images.test), model.predict(images.test))


def test_head_on_a_frozen_encoder_is_logistic_regression(images):
    before = ist.Autoencoder(12, hidden=(64,), epochs=60, random_state=0).fit(images.train)
    settings = {"epochs": 150, "learning_rate": 0.03, "validation_fraction": 0, "random_state": 0}
    model = ist.Classifier(pretrained=before, frozen=True, **settings).fit(images.train)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=1e3, max_iter=2000))
    reference.fit(before.encode(images.train), images.train.y)
    Z = before.encode(images.test)
    agree = (model.predict(images.test) == reference.predict(Z)).mean()
    assert agree > 0.9
    loss = log_loss(images.train.y, model.predict_proba(images.train))
    best = log_loss(images.train.y, reference.predict_proba(before.encode(images.train)))
    assert best <= loss < 1.5 * best


def test_starts_from_a_file(images, autoencoder, tmp_path):
    path = tmp_path / "before.safetensors"
    autoencoder.save(path)
    settings = {"epochs": 2, "random_state": 0}
    by_path = ist.Classifier(pretrained=str(path), **settings).fit(images.train)
    by_model = ist.Classifier(pretrained=autoencoder, **settings).fit(images.train)
    np.testing.assert_array_equal(by_path.encode(images.test), by_model.encode(images.test))
    by_path.save(tmp_path / "after.safetensors")
    path.unlink()
    back = ist.load_model(tmp_path / "after.safetensors")
    np.testing.assert_array_equal(back.encode(images.test), by_path.encode(images.test))


def test_scaling_of_the_encoder_is_kept():
    rng = np.random.default_rng(0)
    X = rng.normal(500, 90, (60, 9))
    before = ist.Autoencoder(3, hidden=(), epochs=2, random_state=0).fit(X)
    settings = {"pretrained": before, "frozen": True, "epochs": 1}
    model = ist.Classifier(**settings).fit(X[:30] + 100, np.arange(30) % 2)
    np.testing.assert_allclose(model.encode(X), before.encode(X), rtol=1e-5)


def test_copies_start_from_the_same_fitted_model(images, autoencoder):
    model = ist.Classifier(pretrained=autoencoder, frozen=True, epochs=2, random_state=0)
    assert clone(model).pretrained is autoencoder
    assert clone(model).get_params()["frozen"] is True
    assert model.get_params()["pretrained__hidden"] == (32,)
    X, y = np.asarray(images.train)[:200].reshape(200, -1) / 255.0, images.train.y[:200]
    flat = ist.Autoencoder(8, hidden=(), epochs=2, random_state=0).fit(X)
    assert len(cross_val_score(model.set_params(pretrained=flat), X, y, cv=2)) == 2


def test_features_go_into_a_pipeline(images):
    pipeline = make_pipeline(ist.Classifier(16, **QUICK), SVC())
    assert pipeline.fit(images.train, images.train.y).score(images.test, images.test.y) > 0.9


def test_images_are_moved_and_their_edge_fills_the_gap():
    x = torch.arange(2 * 4 * 5 * 2.0).view(2, -1)
    seen = set()
    for seed in range(40):
        moved = _shifted(x, (4, 5, 2), 1, torch.Generator().manual_seed(seed))
        image, first = moved[0].view(4, 5, 2), x[0].view(4, 5, 2)
        padded = np.pad(first.numpy(), ((1, 1), (1, 1), (0, 0)), mode="edge")
        places = [
            (i, j)
            for i in range(3)
            for j in range(3)
            if np.array_equal(padded[i : i + 4, j : j + 5], image.numpy())
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) == 9


def test_moving_is_for_training_only(images):
    settings = {"shift": 1, "epochs": 3, "random_state": 0}
    model = ist.Classifier(8, **settings).fit(images.train)
    np.testing.assert_array_equal(model.encode(images.test), model.encode(images.test))
    plain = ist.Classifier(8, epochs=3, random_state=0).fit(images.train)
    assert model.history_["loss"] != plain.history_["loss"]


def test_findings_about_a_fit_that_learnt_nothing(images):
    y = np.random.default_rng(0).permutation(images.train.y)
    findings = ist.Classifier(4, epochs=1, learning_rate=1e-6, random_state=0).fit(
        images.train, np.where(y < 9, 0, 1)
    )
    assert any("most frequent class" in finding for finding in findings.health_)


def test_dead_features_are_found(images):
    model = ist.Classifier(4, epochs=1, random_state=0).fit(images.train)
    model.encoder_[0].bias.data[1] = -100
    assert any(finding.startswith("1 of 4") for finding in model._health(images.train))


@pytest.mark.parametrize(
    ("y", "parameters", "words"),
    [
        (None, {}, "requires y to be passed"),
        (np.arange(19) % 2, {}, "inconsistent numbers"),
        (np.zeros(20, int), {}, "at least 2 classes .* got 1 class"),
        (np.full(20, -1), {}, "got 0 class"),
        (np.linspace(0, 1, 20), {}, "Unknown label type"),
        (np.full(20, np.nan), {}, "NaN"),
        (np.arange(20) % 2, {"n_features": 0}, "n_features=0"),
        (np.arange(20) % 2, {"architecture": "cnn"}, "architecture='cnn'"),
        (np.arange(20) % 2, {"architecture": "conv"}, "needs images"),
        (np.arange(20) % 2, {"hidden": (3, 0)}, "hidden"),
        (np.arange(20) % 2, {"shift": 1}, "0 for vectors"),
        (np.arange(20) % 2, {"frozen": True}, "needs pretrained"),
        (np.arange(20) % 2, {"class_weight": "balance"}, "class_weight"),
        (np.arange(20) % 2, {"pretrained": "nowhere.safetensors"}, "nowhere.safetensors"),
    ],
)
def test_bad_input(y, parameters, words):
    X = np.random.default_rng(0).random((20, 12))
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        ist.Classifier(**{"epochs": 1} | parameters).fit(X, y)


def test_models_that_cannot_be_started_from(images, autoencoder):
    with pytest.raises(ValueError, match="PCA has no encoder network"):
        ist.Classifier(pretrained=ist.PCA(3).fit(images.train)).fit(images.train)
    with pytest.raises(ValueError, match="PixelNet has no encoder network"):
        net = ist.PixelNet(2, channels=2, epochs=1).fit(images.train[:8])
        ist.Classifier(pretrained=net).fit(images.train)
    with pytest.raises(NotFittedError):
        ist.Classifier(pretrained=ist.Autoencoder()).fit(images.train)
    with pytest.raises(ValueError, match="fitted on images of shape"):
        ist.Classifier(pretrained=autoencoder).fit(np.zeros((9, 4, 4)), np.arange(9) % 2)


def test_features_of_a_study_do_not_die_of_images_far_from_zero():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    pixels = 0.8 + 0.2 * rng.random((300, 8, 8, 3)) * (labels == 1)[:, None, None, None]
    images = ist.Images(np.float32(pixels), y=labels)
    model = ist.Classifier.for_study(images, 16, random_state=0).set_params(max_steps=100)
    assert model.code_activation == "leaky_relu"
    assert not any("dead" in note for note in model.fit(images).health_)
