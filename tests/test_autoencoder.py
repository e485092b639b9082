import numpy as np
import pytest
import torch
from sklearn.base import clone

import isthmus as ist
from isthmus.data.corrupt import warped
from isthmus.data.images import to_unit
from isthmus.nets.dense import ACTIVATIONS

PLAIN = {"init": "glorot_uniform"}  # no linear path


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def test_parameter_count_of_the_lesson():
    """784 -> 20 -> 784 has 32,164 parameters."""
    X = np.random.default_rng(0).integers(0, 256, (10, 28, 28), dtype=np.uint8)
    model = ist.Autoencoder(20, hidden=(), code_activation="relu", epochs=1).fit(X)
    assert count(model.encoder_) + count(model.decoder_) == 32_164


def test_layers_are_mirrored(images):
    model = ist.Autoencoder(3, hidden=(20, 7), epochs=1, **PLAIN).fit(images.train)
    widths = [layer.weight.shape for layer in model.encoder_ if hasattr(layer, "weight")]
    mirrored = [layer.weight.shape[::-1] for layer in model.decoder_ if hasattr(layer, "weight")]
    assert widths == mirrored[::-1] == [(20, 64), (7, 20), (3, 7)]


def test_linear_autoencoder_spans_the_subspace_of_pca(images):
    X = (np.asarray(images.train).reshape(-1, 64) / 255).astype(np.float32)
    model = ist.Autoencoder(
        4, hidden=(), activation="linear", output="linear", epochs=300, learning_rate=0.01,
        validation_fraction=0, random_state=0, **PLAIN,
    ).fit(X)  # fmt: skip
    learned = np.linalg.qr(model.decoder_[0].weight.detach().numpy())[0]
    principal = ist.PCA(4).fit(X).components_
    cosines = np.linalg.svd(principal @ learned)[1]
    assert cosines.min() > 0.999
    assert model.score(X) == pytest.approx(ist.PCA(4).fit(X).score(X), rel=2e-3)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_activations(images, activation):
    model = ist.Autoencoder(
        4, hidden=(16,), activation=activation, epochs=2, random_state=0, **PLAIN
    )
    assert model.fit(images.train).history_["loss"][-1] < model.history_["loss"][0]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw"])
def test_optimisers_lower_the_loss(images, optimizer):
    rate = {"sgd": 0.5, "momentum": 0.5, "adagrad": 0.05}.get(optimizer, 1e-3)
    model = ist.Autoencoder(
        4, hidden=(32,), optimizer=optimizer, learning_rate=rate, epochs=6, random_state=0, **PLAIN
    ).fit(images.train)
    assert model.history_["loss"][-1] < 0.98 * model.history_["loss"][0]


@pytest.mark.parametrize("loss", ["mse", "mae", "bce"])
def test_losses_are_what_they_say(images, loss):
    settings = {"hidden": (16,), "epochs": 2, "random_state": 0, **PLAIN}
    model = ist.Autoencoder(4, loss=loss, **settings).fit(images.train)
    x = torch.from_numpy(np.asarray(images.test).reshape(-1, 64) / np.float32(255))
    y = torch.from_numpy(ist.reconstruct(model, images.test).reshape(-1, 64))
    by_hand = {
        "mse": ((x - y) ** 2).mean(),
        "mae": (x - y).abs().mean(),
        "bce": -(x * y.log() + (1 - x) * (1 - y).log()).mean(),
    }[loss]
    with torch.no_grad():
        _, value, _ = next(model.losses(x, torch.Generator()))
    assert float(value) == pytest.approx(float(by_hand), rel=1e-4)


@pytest.mark.parametrize(
    ("X", "output"),
    [
        (np.random.default_rng(0).integers(0, 256, (60, 9), dtype=np.uint8), "sigmoid"),
        (np.random.default_rng(0).random((60, 9)), "sigmoid"),
        (np.random.default_rng(0).uniform(-1, 1, (60, 9)), "tanh"),
        (np.random.default_rng(0).normal(500, 90, (60, 9)), "linear"),
    ],
)
def test_output_follows_the_data(X, output):
    settings = {"hidden": (8,), "epochs": 150, "learning_rate": 5e-3, "random_state": 0, **PLAIN}
    model = ist.Autoencoder(3, **settings).fit(X)
    assert model.output_ == output
    back = ist.reconstruct(model, X)
    scale = 255 if X.dtype == np.uint8 else 1
    assert ((back - X / scale) ** 2).mean() < 0.9 * (X / scale).var()


def test_samples_are_drawn_with_the_covariance_of_the_codes(images):
    model = ist.Autoencoder(3, hidden=(16,), epochs=5, random_state=0).fit(images.train)
    Z = model.encode(images.train)
    z = torch.randn(100_000, 3, generator=torch.Generator().manual_seed(0)).numpy()
    drawn = z @ model.code_spread_.T + model.code_mean_
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(Z.T), atol=0.02 * np.abs(np.cov(Z.T)).max())


def test_unscaled_input_is_noticed():
    X = np.random.default_rng(0).normal(500, 90, (60, 9))
    model = ist.Autoencoder(3, hidden=(8,), epochs=2, random_state=0).fit(X)
    assert any("scaled" in finding for finding in model.health_)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"latent_dim": 0}, "latent_dim=0 must be between 1 and n_features="),
        ({"hidden": (4, 0)}, "hidden=\\(4, 0\\)"),
        ({"activation": "rely"}, "did you mean 'relu'"),
        ({"loss": "mxe"}, "loss='mxe' must be one of"),
        ({"optimizer": "adamm"}, "did you mean 'adam"),
        ({"init": "xavier"}, "init='xavier' must be one of"),
        ({"epochs": 0}, "epochs=0"),
        ({"learning_rate": -1}, "learning_rate=-1"),
        ({"validation_fraction": 1.0}, "validation_fraction=1.0"),
        ({"loss": "bce", "output": "linear"}, "loss='bce' needs"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.Autoencoder(**{"latent_dim": 4} | parameters).fit(
            np.random.default_rng(0).random((20, 10))
        )


def test_cross_entropy_refuses_values_outside_the_unit_interval():
    with pytest.raises(ValueError, match="run from -3 to 12"):
        ist.Autoencoder(2, loss="bce", output="sigmoid").fit(
            np.array([[-3.0, 0], [1, 12], [2, 2]])
        )


def test_convolutional(images):
    model = ist.Autoencoder(
        8, architecture="conv", hidden=(32,), channels=(16, 32), epochs=10, batch_size=32,
        precision="float32", random_state=0,
    ).fit(images.train)  # fmt: skip
    X = np.asarray(images.test) / 255
    mean = (np.asarray(images.train) / 255).mean(0)
    back = ist.reconstruct(model, images.test)
    assert np.mean((back - X) ** 2) < 0.5 * np.mean((mean - X) ** 2)


@pytest.mark.parametrize("shape", [(40, 9, 7, 3), (40, 8, 12)])
def test_convolutional_of_any_size(shape):
    X = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    model = ist.Autoencoder(3, architecture="conv", channels=(4, 4), hidden=(), epochs=1)
    assert ist.reconstruct(model.fit(X), X).shape == shape


@pytest.mark.parametrize(
    ("X", "words"), [(np.zeros((9, 64)), "needs images"), (np.zeros((9, 4, 4)), "at least 8x8")]
)
def test_convolutions_need_images_that_are_large_enough(X, words):
    with pytest.raises(ValueError, match=words):
        ist.Autoencoder(2, architecture="conv").fit(X)


def test_codes_of_warped_images_stay_closer_where_they_were_trained_to(images):
    X = torch.from_numpy(to_unit(np.asarray(images))).flatten(1)
    moved = warped(X, (8, 8, 1), 0.2, torch.Generator().manual_seed(9)).view(-1, 8, 8, 1).numpy()
    apart = {}
    for warp in (0.0, 0.2):
        model = ist.Autoencoder(
            8,
            hidden=(64,),
            warp=warp,
            epochs=30,
            batch_size=64,
            learning_rate=2e-3,
            random_state=0,
        ).fit(images)
        codes = model.encode(X.view(-1, 8, 8, 1).numpy())
        apart[warp] = float(np.mean((model.encode(moved) - codes) ** 2) / codes.var(0).mean())
    assert apart[0.2] < 0.8 * apart[0.0], apart


def test_vectors_cannot_be_warped():
    with pytest.raises(ValueError, match="0 for vectors"):
        ist.Autoencoder(2, warp=0.1).fit(np.random.default_rng(0).random((20, 5)))


def test_denoising_removes_noise_that_it_was_trained_on(images):
    rng = np.random.default_rng(0)
    X = np.asarray(images.test) / np.float32(255)
    noisy = X + rng.normal(0, 0.4, X.shape).astype(np.float32)
    errors = {}
    for noise in (0.0, 0.4):
        model = ist.Autoencoder(
            16,
            hidden=(64,),
            noise=noise,
            epochs=30,
            batch_size=64,
            learning_rate=2e-3,
            random_state=0,
        ).fit((np.asarray(images.train) / np.float32(255)).astype(np.float32))
        errors[noise] = float(np.mean((ist.reconstruct(model, noisy) - X) ** 2))
    assert errors[0.4] < 0.8 * errors[0.0]
    assert errors[0.4] < 0.3 * float(np.mean((noisy - X) ** 2))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"noise": -0.1}, "-0.1"),
        ({"noise": (0.5, 0.1)}, "lowest and the highest"),
        ({"noise": 1.5, "noise_kind": "masking"}, "at most 1"),
        ({"noise_kind": "snow"}, "snow"),
        ({"warp": 1.0}, "below 1"),
        ({"warp": -0.1}, "at least 0"),
        ({"architecture": "cov"}, "did you mean 'conv'"),
        ({"channels": (0,)}, "channels"),
        ({"pretrain_epochs": -1}, "pretrain_epochs"),
        ({"latent_dim": 65}, "between 1 and n_features=64"),
    ],
)
def test_new_parameters_are_checked(images, parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.Autoencoder(**{"latent_dim": 4} | parameters).fit(images.train)


@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_pretraining_trains_one_layer_at_a_time_from_the_outside(images, architecture):
    settings = {
        "hidden": (24, 12), "channels": (6,), "architecture": architecture, "epochs": 1,
        "max_steps": 1, "precision": "float32", "random_state": 0, **PLAIN,
    }  # fmt: skip
    plain = ist.Autoencoder(4, **settings).fit(images.train)
    staged = ist.Autoencoder(4, pretrain_epochs=8, **settings).fit(images.train)
    assert staged.score(images.train) > plain.score(images.train) + 0.01


def test_pretraining_is_a_stage_of_the_fit_for_every_layer_but_the_innermost(images):
    """The outermost layer and its mirror image first, then those within as well."""
    model = ist.Autoencoder(4, hidden=(20, 9), pretrain_epochs=2, epochs=1, batch_size=500)
    model.fit(images.train)
    stages = model._stages(images.train)
    sizes = [[w.numel() for net in s.players["model"] for w in net.parameters()] for s in stages]
    outer, inner = [64 * 20, 20], [20 * 9, 9]
    assert sizes[0] == [*outer, 20 * 64, 64]
    assert sizes[1] == [*outer, *inner, 9 * 20, 20, 20 * 64, 64]
    assert [stage.name for stage in stages] == ["layer 1", "layer 2", "fit"]
    lengths = {name: len(h["val_loss"]) for name, h in model.pretraining_history_.items()}
    assert lengths == {"layer 1": 2, "layer 2": 2}
    assert len(model.history_["loss"]) == 1
    shares = [stage.until for stage in stages]
    assert shares == pytest.approx([2 / 5, 4 / 5, 1.0])
    again = model.set_params(pretrain_epochs=0).fit(images.train)
    assert not hasattr(again, "pretraining_history_")


def test_a_deep_convolutional_network_learns_more_than_the_mean_image(data_folder):
    # with weights too small for eight rectified layers it ends in black, or in the mean image
    images = ist.load_images("mnist").train[:1280]
    settings = {"architecture": "conv", "channels": (16, 32, 64), "random_state": 0}
    settings |= {"max_steps": 80, "epochs": 50, "batch_size": 64}
    model = ist.Autoencoder(32, **settings).fit(images)
    assert -model.score(images) < 0.9 * (np.asarray(images) / 255).var(0).mean()
    assert not any("mean image" in finding for finding in model.health_)
    stuck = ist.Autoencoder(32, init="glorot_uniform", **settings).fit(images)
    assert any("no better than if their mean image" in f for f in stuck.health_)


@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_it_begins_as_pca(images, architecture):
    """With a learning rate of nothing it stays where it began: PCA of the same width."""
    few = images.evenly(150)
    model = ist.Autoencoder(
        6, architecture=architecture, hidden=(9,), channels=(4,), precision="float32",
        learning_rate=1e-30, max_steps=1, random_state=0,
    ).fit(few)  # fmt: skip
    pca = ist.PCA(6).fit(few)
    back = pca.decode(pca.encode(images)).clip(0, 1)
    np.testing.assert_allclose(ist.reconstruct(model, images), back, atol=2e-5)
    unit = np.sqrt(pca.explained_variance_.mean())
    np.testing.assert_allclose(
        np.abs(model.encode(images)), np.abs(pca.encode(images)) / unit, atol=2e-4
    )


@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(0).normal(1e4, 3, (90, 12)),
        np.random.default_rng(0).uniform(-1, 1, (90, 5, 7)),
        np.random.default_rng(0).integers(0, 2**16, (90, 6, 4, 2), dtype=np.uint16),
        np.random.default_rng(0).random((5, 30)),
        np.full((20, 9), 0.5),
    ],
    ids=["far", "signed", "16-bit", "few", "constant"],
)
def test_it_is_at_least_as_good_as_pca_on_what_it_learnt_from(X):
    width = 2
    settings = {"hidden": (16,), "max_steps": 30, "validation_fraction": 0.0}
    model = ist.Autoencoder(width, random_state=0, **settings).fit(X)
    pca = ist.PCA(width).fit(X)
    slack = 1e-6 * np.square(np.asarray(model.range_)).max()
    assert model.score(X) >= 1.02 * pca.score(X) - slack


def test_the_loss_between_components_is_that_of_the_pixels(images):
    X = np.random.default_rng(0).normal(50, 9, (400, 300)).astype(np.float32)  # more than 256
    model = ist.Autoencoder(4, hidden=(16,), max_steps=20, random_state=0).fit(X)
    assert model.n_axes_ == 256
    x = torch.from_numpy(X)
    with torch.no_grad():
        _, loss, _ = next(model.losses(x, torch.Generator()))
    wrong = np.square(ist.reconstruct(model, X) - X).mean() / model.scale_**2
    assert float(loss) == pytest.approx(wrong, rel=1e-4)


def test_a_start_that_is_never_beaten_is_kept(images):
    """What jumps about ends where it began, and not worse: as PCA."""
    few = images.evenly(200)
    settings = {"learning_rate": 5.0, "schedule": "constant", "random_state": 0}
    model = ist.Autoencoder(6, hidden=(9,), epochs=3, **settings).fit(few)
    assert model.score(images) == pytest.approx(ist.PCA(6).fit(few).score(images), rel=0.05)


@pytest.mark.parametrize(
    "other",
    [{"output": "sigmoid"}, {"loss": "bce"}, {"pretrain_epochs": 1}, {"architecture": "deep"}],
)
def test_what_has_no_linear_path_says_so(images, other):
    (name,) = other
    with pytest.raises(ValueError, match=f"init='pca' is not possible: {name}="):
        ist.Autoencoder(4, init="pca", **other).fit(images.evenly(20))


@pytest.mark.parametrize("make", [ist.Autoencoder, ist.VAE, ist.GAN])
def test_components_found_beforehand_are_those_that_the_first_layer_finds(make, monkeypatch):
    images = ist.load_images("digits").train[:300]
    few = {"encoder_epochs": 1} if make is ist.GAN else {}
    model = make(4, max_steps=3, batch_size=300, random_state=0, **few)
    before = model.fit(images).encode(images)
    assert not model._of_components
    monkeypatch.setattr("isthmus.models.components.KEPT", 0)
    after = clone(model).fit(images).encode(images)
    np.testing.assert_allclose(before, after, atol=2e-2 * before.std())


def test_losses_of_ones_own_are_given_images(images):
    class Own(ist.Autoencoder):
        def losses(self, x, rng, targets=None):
            assert x.shape[1] == 64
            assert 0 <= float(x.min()) <= float(x.max()) == 1
            yield from super().losses(x, rng, targets)

    few = images.train[:100]
    settings = {"latent_dim": 2, "max_steps": 2, "batch_size": 50, "random_state": 0}
    own, plain = Own(**settings).fit(few), ist.Autoencoder(**settings).fit(few)
    np.testing.assert_allclose(own.encode(few), plain.encode(few), atol=1e-3)


def test_images_that_are_altered_at_every_step_are_not_put_into_components(monkeypatch):
    images = ist.load_images("digits").train[:60]
    plain = ist.Autoencoder(2, max_steps=1, random_state=0)
    assert plain.fit(images)._as_learned(images).shape == (60, plain.n_axes_)
    noisy = clone(plain).set_params(noise=0.3)
    assert noisy.fit(images)._as_learned(images) is images
