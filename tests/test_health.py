"""Findings that all families share: said where they are so, and nowhere else."""

import copy

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.fitted import health

TINY = {"hidden": (16,), "random_state": 0, "init": "glorot_uniform"}
GAME = {"generator": (16,), "discriminator": (16,), "encoder_epochs": 1, "random_state": 0,
        "init": "glorot_uniform"}  # fmt: skip


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").train


def mean_image_error(images):
    x = np.asarray(images) / 255
    return ((x - x.mean(0)) ** 2).mean()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ist.Autoencoder(4, epochs=1, learning_rate=1e-9, **TINY),
        lambda: ist.VAE(4, epochs=1, learning_rate=1e-9, **TINY),
        lambda: ist.GAN(4, epochs=1, learning_rate=1e-9, **GAME),
        lambda: ist.PixelNet(3, channels=4, max_steps=1, learning_rate=1e-9, random_state=0),
        lambda: ist.KMeans(1, random_state=0),
    ],
    ids=["autoencoder", "vae", "gan", "pixelnet", "kmeans"],
)
def test_every_family_says_that_it_is_no_better_than_the_mean_image(make, images):
    few = images.evenly(200)
    model = make().fit(few)
    assert -model.score(few) > 0.95 * mean_image_error(few)
    assert any("mean image" in finding for finding in model.health_)


def test_a_good_fit_is_not_called_worse_than_the_mean(images):
    few = images.evenly(60)  # that they are few must not matter
    small = {"hidden": (48,), "random_state": 0}
    for model in (ist.PCA(8), ist.VAE(8, **small), ist.Autoencoder(8, **small)):
        model.fit(few)
        assert -model.score(few) < 0.4 * mean_image_error(few)
        assert not any("mean image" in finding for finding in model.health_)


@pytest.mark.parametrize("n", [12, 2000])
def test_constant_images_have_no_mean_to_be_worse_than(n):
    X = np.full((n, 3, 3), 7.0)
    assert health.error_share(ist.PCA(1).fit(X), ist.Images(X)) == 0


def test_share_of_spread_equals_its_definition(images):
    model = ist.PCA(3).fit(images)
    some = health.few_of(images)
    x = np.asarray(some) / 255
    # of a part of the images the mean is estimated, which costs a degree of freedom
    spread = x.reshape(len(x), -1).var(0, ddof=1).mean()
    expected = ((ist.reconstruct(model, some) - x) ** 2).mean() / spread
    assert health.error_share(model, images) == pytest.approx(expected, rel=1e-6)


def test_few_images_get_as_many_steps_as_many_do(images):
    model = ist.Autoencoder(4, **TINY).fit(images.evenly(60))
    assert model._step == 1000
    assert len(model.history_["loss"]) == 1000
    many = ist.Autoencoder(4, batch_size=16, **TINY).fit(images.evenly(400))
    assert len(many.history_["loss"]) == 50
    assert many._step == 50 * 23


def test_epochs_that_are_given_are_kept(images):
    model = ist.VAE(4, epochs=7, **TINY).fit(images.evenly(60))
    assert model._step == len(model.history_["loss"]) == 7
    assert ist.VAE(4, max_steps=70, **TINY).fit(images.evenly(60))._step == 70
    assert ist.VAE(4).get_params()["epochs"] is None


def test_models_saved_when_the_default_was_50_keep_it(images, tmp_path):
    model = ist.Autoencoder(4, epochs=50, **TINY).fit(images.evenly(60))
    model.save(tmp_path / "old.safetensors")
    back = ist.load_model(tmp_path / "old.safetensors")
    assert back.epochs == 50
    assert back.fit(images.evenly(60))._step == 50


@pytest.mark.parametrize(
    ("make", "with_labels"),
    [
        (lambda **p: ist.Autoencoder(4, **TINY, **p), False),
        (lambda **p: ist.VAE(4, **TINY, **p), False),
        (lambda **p: ist.GAN(4, **GAME, **p), False),
        (lambda **p: ist.Classifier(4, random_state=0, **p), True),
        (lambda **p: ist.PixelNet(3, channels=4, random_state=0, **p), False),
    ],
    ids=["autoencoder", "vae", "gan", "classifier", "pixelnet"],
)
def test_too_few_steps_are_said(make, with_labels, images):
    few = images.evenly(30)
    model = make(epochs=2).fit(few)
    assert any(f"only {model._step} optimiser steps" in finding for finding in model.health_)
    assert not any("overfitting" in finding for finding in model.health_)


def rising(n, start, low, end):
    half = n // 2
    return [*np.linspace(start, low, half), *np.linspace(low, end, n - half)]


def test_overfitting_is_said_only_where_it_is_so():
    falling = list(np.linspace(1, 0.1, 40))
    history = {"loss": falling, "val_loss": rising(40, 1, 0.3, 0.6)}
    assert health.overfitting(history, 1000, 100)
    assert not health.overfitting(history, 40, 100)  # it has hardly begun
    assert not health.overfitting(history, 1000, 1)  # chance of a single image
    assert not health.overfitting(history | {"val_loss": falling}, 1000, 100)
    rises = {"loss": rising(40, 1, 0.3, 0.6), "val_loss": rising(40, 1, 0.3, 0.6)}
    assert not health.overfitting(rises, 1000, 100)  # so does the training loss: no overfitting
    spike = {"loss": falling, "val_loss": [*falling[:-1], 0.9]}
    assert not health.overfitting({"loss": falling * 2, "val_loss": spike["val_loss"]}, 1000, 0)


def test_a_collapsed_code_is_said(images):
    model = ist.Autoencoder(4, epochs=1, **TINY).fit(images)
    model.encoder_[-1].weight.data.zero_()
    z = model.encode(images).astype(np.float64)
    model.code_mean_, model.code_deviation_ = z.mean(0), z.std(0)
    assert any("collapsed" in finding for finding in model._health(images))
    labelled = ist.Classifier(4, epochs=1, random_state=0).fit(images)
    labelled.encoder_[0].weight.data.zero_()
    assert any("collapsed" in finding for finding in labelled._health(images))
    pixels = ist.PixelNet(3, channels=4, max_steps=1, random_state=0).fit(images.evenly(20))
    for weight in pixels.encoder_.parameters():
        weight.data.zero_()
    assert any("collapsed" in finding for finding in pixels._health(images.evenly(20)))


def test_a_gan_whose_images_are_all_alike_is_found(images):
    model = ist.GAN(4, epochs=1, **GAME).fit(images.evenly(12))
    stuck = copy.deepcopy(model)
    stuck.average_[-1].weight.data.zero_()
    with torch.no_grad():
        stuck._measure(images.evenly(12), torch.Generator().manual_seed(0))
    assert any("all drawn images are alike" in finding for finding in stuck._health(None))


def test_a_classifier_below_the_most_frequent_class_is_found(images):
    few = images.evenly(40)
    y = (np.arange(40) < 4).astype(int)
    model = ist.Classifier(4, epochs=1, learning_rate=1e-9, random_state=0).fit(few, y)
    model.history_["accuracy"][-1] = 0.9
    assert any(
        "most frequent class" in finding
        for finding in model._health(ist.Images(np.asarray(few), y=y))
    )
    model.history_["accuracy"][-1] = 0.95
    assert not any(
        "most frequent class" in finding
        for finding in model._health(ist.Images(np.asarray(few), y=y))
    )


def test_dead_numbers_have_a_scale():
    mean, deviation = np.array([5.0, 5.0, 5.0]), np.array([1.0, 1e-4, 0.0])
    assert health.dead_numbers(mean, deviation) == 2
    assert health.dead_numbers(1000 * mean, np.full(3, 1e-3)) == 3  # noise of rounding
    assert health.dead_numbers(0 * mean, np.full(3, 1e-3)) == 0
