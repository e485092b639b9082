"""The GAN: its losses, its average, its pictures, its inversion."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus.data.images import to_unit
from isthmus.models.starts import match_moments
from isthmus.nets.batch_norm import batch_normed
from isthmus.nets.descent import descend
from isthmus.nets.games import loss_of_discriminator, loss_of_generator, slope, steepness
from isthmus.nets.norms import Spectral, spectral
from isthmus.nets.paths import Paths, set_linear, still

SMALL = {
    "latent_dim": 8,
    "generator": (32, 64),
    "discriminator": (64, 32),
    "learning_rate": 2e-3,
    "epochs": 6,
    "encoder_epochs": 6,
    "batch_size": 64,
    "random_state": 0,
}

PLAIN = SMALL | {"init": "glorot_uniform", "loss": "non_saturating"}


@pytest.fixture(scope="module")
def model(images):
    return ist.GAN(**SMALL, picture_every=50).fit(images.train)


def vectors(n=40, d=6):
    return np.random.default_rng(0).random((n, d)).astype(np.float32)


def linear(weights):
    layer = nn.Linear(len(weights), 1, bias=False)
    layer.weight.data = torch.tensor([weights])
    return layer


def test_non_saturating_losses_by_hand():
    real, drawn = torch.tensor([[1.0], [3.0]]), torch.tensor([[-2.0], [0.5]])

    def sigmoid(a):
        return 1 / (1 + np.exp(-np.asarray(a)))

    loss = loss_of_discriminator(nn.Identity(), real, drawn, "non_saturating", 10.0, None)
    by_hand = -np.log(sigmoid([1, 3])).mean() - np.log(1 - sigmoid([-2, 0.5])).mean()
    assert float(loss) == pytest.approx(by_hand, rel=1e-6)
    loss = loss_of_generator(drawn, real, "non_saturating")
    assert float(loss) == pytest.approx(-np.log(sigmoid([-2, 0.5])).mean(), rel=1e-6)


def test_wasserstein_losses_by_hand():
    critic, rng = linear([0.6, 0.8]), torch.Generator().manual_seed(0)  # a slope of 1: no penalty
    real, drawn = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 1.0], [0.0, 0.0]])
    loss = loss_of_discriminator(critic, real, drawn, "wgan_gp", 10.0, rng)
    assert float(loss.detach()) == pytest.approx((2.0 + 0.0) / 2 - (0.6 + 0.8) / 2, rel=1e-6)
    loss = loss_of_generator(critic(drawn), critic(real), "wgan_gp")
    assert float(loss.detach()) == pytest.approx(-1.0, rel=1e-6)


def test_gradient_penalty_of_a_linear_critic_is_exact():
    rng = torch.Generator().manual_seed(0)
    real, drawn = torch.rand(5, 3, generator=rng), torch.rand(5, 3, generator=rng)
    critic = linear([1.0, 2.0, 2.0])
    penalty = steepness(critic, real, drawn, rng)
    assert float(penalty.detach()) == pytest.approx((3 - 1) ** 2, rel=1e-6)
    penalty.backward()  # 2 (|w| - 1) w / |w|
    np.testing.assert_allclose(critic.weight.grad[0], np.array([1, 2, 2]) * 4 / 3, rtol=1e-6)


@pytest.mark.parametrize(
    "layer", [nn.Linear(30, 12), nn.Conv2d(3, 8, 4, 2, 1)], ids=["linear", "conv"]
)
def test_spectral_norm_against_svd(layer):
    torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    normed = Spectral(layer)
    x = torch.rand(2, 30) if isinstance(layer, nn.Linear) else torch.rand(2, 3, 8, 8)
    for _ in range(100):
        out = normed(x)
    weight = layer.weight.detach().flatten(1).numpy()
    largest = np.linalg.svd(weight)[1][0]
    effective = normed.weight().detach().flatten(1).numpy()
    assert np.linalg.svd(effective)[1][0] == pytest.approx(1, rel=1e-3)
    np.testing.assert_allclose(effective, weight / largest, rtol=1e-3)
    with torch.no_grad():
        bias = layer.bias.reshape(-1, *[1] * (out.ndim - 2))
        np.testing.assert_allclose(out - bias, (layer(x) - bias) / largest, rtol=1e-2, atol=1e-4)


def test_spectral_norm_stays_as_it_is_in_evaluation():
    net = spectral(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1)))
    net(torch.rand(2, 4))
    before = copy.deepcopy(net.state_dict())
    assert set(before) == {f"{i}.{name}" for i in (0, 2) for name in
                           ("u", "layer.weight", "layer.bias")}  # fmt: skip
    net.eval()(torch.rand(2, 4))
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    net.train()(torch.rand(2, 4))
    assert not torch.equal(net.state_dict()["0.u"], before["0.u"])


def test_discriminator_is_lipschitz(images):
    quick = PLAIN | {"learning_rate": 1e-2, "epochs": 3, "encoder_epochs": 0}
    model = ist.GAN(**quick).fit(images.train)
    weights = [layer.weight().detach() for layer in model.discriminator_
               if isinstance(layer, Spectral)]  # fmt: skip
    assert len(weights) == 3
    assert max(np.linalg.svd(w.numpy())[1][0] for w in weights) < 1.1
    plain = ist.GAN(**quick | {"spectral_norm": False}).fit(images.train)
    raw = [layer.weight for layer in plain.discriminator_ if isinstance(layer, nn.Linear)]
    assert max(np.linalg.svd(w.detach().numpy())[1][0] for w in raw) > 1.5


def test_batch_norm_after_all_but_the_last():
    net = batch_normed(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.ConvTranspose2d(3, 2, 4),
                                     nn.ReLU(), nn.ConvTranspose2d(2, 1, 4)))  # fmt: skip
    names = [type(layer).__name__ for layer in net]
    assert names == ["Linear", "BatchNorm", "ReLU", "ConvTranspose2d", "BatchNorm", "ReLU",
                     "ConvTranspose2d"]  # fmt: skip


@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_a_last_batch_of_one_image_does_not_stop_the_fit(architecture, images):
    model = ist.GAN(4, architecture=architecture, batch_size=16, epochs=1, random_state=0)
    model.set_params(validation_fraction=0.0, encoder_epochs=1).fit(images.train[:33])
    assert all(np.isfinite(values).all() for values in model.history_.values())
    assert np.isfinite(model.sample(2)).all()


def count(net):
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    return sum(weight.numel() for layer in layers for weight in layer.parameters())


@pytest.mark.parametrize(
    ("latent_dim", "generator", "discriminator", "counts"),
    [
        (10, (128, 256, 512), (256, 128), (568_208, 233_985)),
        (100, (256, 512, 1024), (512, 256), (1_486_352, 533_505)),
    ],
)
def test_layers_of_the_deck(latent_dim, generator, discriminator, counts):
    X = np.random.default_rng(0).integers(0, 256, (10, 28, 28, 1), dtype=np.uint8)
    model = ist.GAN(
        latent_dim, generator=generator, discriminator=discriminator, epochs=1, encoder_epochs=0,
        init="glorot_uniform",
    ).fit(X)  # fmt: skip
    widths = [layer.out_features for layer in model.generator_ if isinstance(layer, nn.Linear)]
    assert widths == [*generator, 784]
    judges = [m.out_features for m in model.discriminator_.modules() if isinstance(m, nn.Linear)]
    assert judges == [*discriminator, 1]
    assert (count(model.generator_), count(model.discriminator_)) == counts


def test_average_follows_its_formula():
    """With w_t the generator after step t, the average is a w + (1 - a) w_t, a growing to ema."""
    model = ist.GAN(2, generator=(4,), discriminator=(3,), epochs=1, max_steps=3, ema=0.3,
                    batch_size=8, encoder_epochs=0, random_state=0,
                    init="glorot_uniform")  # fmt: skip
    seen, follow = [], model._follow

    def spy():
        before = model.average_[0].weight.clone()
        follow()
        seen.append((before, model.generator_[0].weight.clone(), model.average_[0].weight.clone()))

    model._follow = spy
    model.fit(vectors())
    assert len(seen) == 3
    for step, (before, generator, after) in enumerate(seen):
        stays = min(0.3, (1 + step) / (10 + step))
        expected = stays * before + (1 - stays) * generator
        np.testing.assert_allclose(after.detach(), expected.detach(), rtol=1e-5, atol=1e-7)


def test_without_ema_the_average_is_the_generator(images):
    model = ist.GAN(**SMALL | {"ema": 0.0, "epochs": 2, "init": "glorot_uniform"})
    model.fit(images.train)
    ours, theirs = model.average_.state_dict(), model.generator_.state_dict()
    for name in ours:
        if "num_batches" not in name:
            assert torch.equal(ours[name], theirs[name])


def test_pictures_of_the_same_codes(model, images):
    steps = 6 * -(-len(images.train) // 64)
    assert model.progress_steps_ == [50, 100, steps]
    assert model.progress_.shape == (3, 16, 8, 8, 1)
    assert model.progress_.dtype == np.float16
    assert 0 <= model.progress_.min() <= model.progress_.max() <= 1
    assert not np.array_equal(model.progress_[0], model.progress_[1])
    (title,) = model.parts()
    assert title == f"the same codes after 50, 100, {steps} steps"
    assert model.parts()[title].shape == (3, 9, 8, 8, 1)


def test_pictures_are_not_too_many():
    model = ist.GAN(2, generator=(4,), discriminator=(3,), epochs=150, batch_size=40,
                    picture_every=1, encoder_epochs=0).fit(vectors())  # fmt: skip
    assert 32 <= len(model.progress_steps_) <= 64
    assert model.progress_steps_[-1] == 150
    assert model.progress_steps_ == sorted(model.progress_steps_)


def test_steps_are_capped(images):
    model = ist.GAN(**SMALL | {"epochs": 100, "max_steps": 30}).fit(images.train)
    assert model.stopped_ == "all steps done"
    assert model.progress_steps_ == [30]


def test_history_holds_both_players(model):
    assert set(model.history_) == {"epoch", "seconds", "discriminator_loss", "generator_loss"}
    assert {len(values) for values in model.history_.values()} == {6}
    assert set(model.inversion_history_) == {"epoch", "seconds", "loss", "val_loss"}


def test_critic_moves_more_often(images):
    turns = []
    model = ist.GAN(**SMALL | {"n_critic": 3, "loss": "wgan_gp", "epochs": 1, "max_steps": 2})
    game = model.losses
    model.losses = lambda x, rng: (turns.append(turn[0]) or turn for turn in game(x, rng))
    model.fit(images.train)
    assert turns == 2 * [*["discriminator"] * 3, "generator"]


def test_wasserstein_learns(images):
    model = ist.GAN(**SMALL | {"loss": "wgan_gp", "n_critic": 2, "epochs": 12}).fit(images.train)
    assert model.variety_ > 0.25
    assert model.inversion_error_ < 0.75 * model.spread_


def test_descent_lowers_the_error_of_every_image(images):
    model = ist.GAN(**PLAIN | {"epochs": 2}).fit(images.train)
    X = np.asarray(images.test[:60]) / 255
    errors = []
    for steps in (0, 5, 50):
        refined = copy.deepcopy(model).set_params(invert_steps=steps)
        back = refined.decode(refined.encode(images.test[:60]))
        errors.append(((back - X) ** 2).reshape(60, -1).mean(1))
    assert (errors[1] <= errors[0] * 1.0001).all()
    assert (errors[2] <= errors[1] * 1.0001).all()
    assert errors[2].mean() < 0.9 * errors[0].mean()


def test_descent_does_not_depend_on_the_batch(model, images):
    refined = copy.deepcopy(model).set_params(invert_steps=10)
    whole = refined.encode(images.test[:12])
    single = np.concatenate([refined.encode(images.test[i]) for i in range(12)])
    np.testing.assert_allclose(single, whole, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(refined.encode(images.test[:12]), whole)


def test_descent_finds_the_inverse_of_a_matrix():
    matrix = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    z = torch.tensor([[0.3, -0.6], [1.0, 0.5]])
    found = descend(lambda z: z @ matrix, z @ matrix, torch.zeros(2, 2), 400)
    np.testing.assert_allclose(found, z, atol=1e-2)


def test_inversion_error_is_that_of_the_training_images(model, images):
    train = images.train.evenly(1000)
    error = ((ist.reconstruct(model, train) - np.asarray(train) / 255) ** 2).mean()
    assert model.inversion_error_ == pytest.approx(error, rel=1e-4)


def test_codes_of_drawn_images_are_near_their_own(images):
    model = ist.GAN(**SMALL | {"latent_dim": 2, "epochs": 8, "encoder_epochs": 20})
    model.fit(images.train)
    z = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    error = ((model.encode(model.decode(z)) - z) ** 2).mean()
    assert error < 0.5  # a guess of zero would have 1


def test_without_encoder_encode_says_what_to_do(images):
    model = ist.GAN(**SMALL | {"encoder_epochs": 0, "epochs": 2}).fit(images.train)
    assert model.inversion_error_ is None
    assert any("invert_steps" in finding for finding in model.health_)
    for verb in (model.encode, model.score):
        with pytest.raises(ValueError, match=r"set_params\(invert_steps=200\)"):
            verb(images.test)
    model.set_params(invert_steps=20)
    X = np.asarray(images.test[:50]) / 255
    start = ((model.decode(np.zeros((50, 8), np.float32)) - X) ** 2).mean()
    assert ((ist.reconstruct(model, images.test[:50]) - X) ** 2).mean() < start


def test_values_out_of_range_are_refused(model, images):
    X = np.asarray(images.test, dtype=np.float32)
    with pytest.raises(ValueError, match=r"run from 0 to 765, but this GAN .* from 0 to 1"):
        model.encode(3 * X)
    model.encode(X / 255 + 0.05)  # a little beyond is no matter


def ring(n=2000, modes=8):
    rng = np.random.default_rng(0)
    angles = 2 * np.pi * rng.integers(0, modes, n) / modes
    return np.stack([np.cos(angles), np.sin(angles)], 1) + 0.05 * rng.normal(size=(n, 2))


def modes_hit(X, modes=8):
    angles = 2 * np.pi * np.arange(modes) / modes
    centres = np.stack([np.cos(angles), np.sin(angles)], 1)
    distance = np.linalg.norm(X[:, None] - centres, axis=2)
    near = distance.min(1) < 0.25
    return len(np.unique(distance.argmin(1)[near])), near.mean()


@pytest.mark.parametrize(
    "parameters",
    [{"spectral_norm": False}, {"loss": "wgan_gp", "n_critic": 3, "gradient_penalty": 0.1}],
)
def test_ring_of_eight_gaussians_is_covered(parameters):
    model = ist.GAN(
        4, generator=(64, 64), discriminator=(64, 64), epochs=40, encoder_epochs=1,
        learning_rate=2e-3, random_state=0, **parameters,
    ).fit(ring())  # fmt: skip
    hit, near = modes_hit(model.sample(1000, random_state=0))
    assert hit == 8
    assert near > 0.5  # points spread evenly over the disc would have 0.2
    assert model.variety_ > 0.6


def test_collapse_is_noticed(images):
    model = ist.GAN(**PLAIN | {"epochs": 1, "max_steps": 2}).fit(images.train)
    assert model.variety_ < 0.5
    assert any("mode collapse" in finding for finding in model.health_)
    assert any("mean image" in finding for finding in model.health_)


def test_a_discriminator_that_won_is_noticed(model):
    beaten = copy.deepcopy(model)
    beaten.history_["discriminator_loss"][-1] = 0.01
    assert any("discriminator won" in finding for finding in beaten._health(None))


def test_nan_stops_with_finite_weights(images):
    model = ist.GAN(**SMALL | {"learning_rate": 1e30, "spectral_norm": False}).fit(images.train)
    assert model.stopped_ == "diverged"
    assert "NaN" in model.health_[0]
    assert np.isfinite(model.sample(3, random_state=0)).all()
    assert np.isfinite(model.encode(images.test)).all()


@pytest.mark.parametrize("loss", ["non_saturating", "wgan_gp"])
@pytest.mark.parametrize("shape", [(9, 7), (12, 12, 3)])
def test_conv_draws_any_size(loss, shape, tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (40, *shape), dtype=np.uint8)
    model = ist.GAN(5, architecture="conv", channels=(4, 8), loss=loss, epochs=2,
                    encoder_epochs=2, batch_size=20, random_state=0).fit(X)  # fmt: skip
    assert model.sample(3, random_state=0).shape == (3, *shape)
    assert model.decode(model.encode(X)).shape == X.shape
    model.save(tmp_path / "gan.safetensors")
    back = ist.load_model(tmp_path / "gan.safetensors")
    np.testing.assert_array_equal(back.encode(X), model.encode(X))
    for name, value in model.discriminator_.state_dict().items():
        assert torch.equal(back.discriminator_.state_dict()[name], value)
    np.testing.assert_array_equal(back.progress_, model.progress_)


def test_conv_refuses_vectors_and_small_images():
    with pytest.raises(ValueError, match="needs images"):
        ist.GAN(architecture="conv").fit(vectors())
    with pytest.raises(ValueError, match="too small"):
        ist.GAN(architecture="conv").fit(np.zeros((9, 2, 2), np.uint8))


@pytest.mark.parametrize("spectral_norm", [True, False])
def test_global_random_state_is_left_alone(images, spectral_norm):
    before = torch.get_rng_state()
    parameters = SMALL | {"epochs": 1, "spectral_norm": spectral_norm}
    models = [ist.GAN(**parameters).fit(images.train) for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    first, second = (model.sample(5, random_state=0) for model in models)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("steps", "epochs"), [(3, 1), (30, 1)])  # the first is cut short
def test_ctrl_c_leaves_a_model_that_can_encode(images, steps, epochs):
    model = ist.GAN(**SMALL)
    game = model.losses

    def interrupted(x, rng):
        if model._step == steps:
            raise KeyboardInterrupt
        return game(x, rng)

    model.losses = interrupted
    model.fit(images.train)
    assert model.stopped_ == "interrupted"
    assert len(model.history_["epoch"]) == epochs
    assert len(model.inversion_history_["epoch"]) == 1
    assert np.isfinite(model.encode(images.test)).all()


def test_a_fit_is_resumed(images, tmp_path):
    path = str(tmp_path / "state")
    half = {"checkpoint": path, "schedule": "constant", "picture_every": 10_000}
    ist.GAN(**SMALL | half | {"epochs": 2}).fit(images.train)
    resumed = ist.GAN(**SMALL | half | {"epochs": 4}).fit(images.train)
    whole = ist.GAN(**SMALL | half | {"epochs": 4, "checkpoint": None}).fit(images.train)
    for name, value in whole.average_.state_dict().items():
        assert torch.equal(resumed.average_.state_dict()[name], value), name
    np.testing.assert_array_equal(resumed.encode(images.test), whole.encode(images.test))


def test_study_sizes(images):
    model = ist.GAN.for_study(images.train, 10, max_seconds=3)
    assert (model.latent_dim, model.max_seconds) == (10, 3)
    assert 1000 <= model.max_steps <= model.study_steps
    assert 8 <= model.max_steps // model.picture_every <= 9


def test_slope_of_a_linear_judge_is_exact():
    """Of D(x) = w x it is |w|^2 times the variance of x, and its gradient 2 w times that."""
    judge, x = linear([1.0, 2.0, 2.0]), torch.rand(50, 3, generator=torch.Generator())
    steep = slope(judge, x)
    power = float(x.var(0, correction=0).sum())
    assert float(steep.detach()) == pytest.approx(9 * power, rel=1e-5)
    steep.backward()
    np.testing.assert_allclose(judge.weight.grad[0], 2 * power * np.array([1, 2, 2]), rtol=1e-5)


def test_slope_is_the_same_in_any_units():
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    x = torch.rand(20, 3)
    again = slope(lambda y: net(y / 7 - 2), 7 * (x + 2))
    assert float(again.detach()) == pytest.approx(float(slope(net, x).detach()), rel=1e-4)


def test_relativistic_losses_by_hand():
    real, drawn = torch.tensor([[1.0], [3.0]]), torch.tensor([[-2.0], [0.5]])
    loss = loss_of_discriminator(nn.Identity(), real, drawn, "relativistic", 10.0, None)
    apart = np.array([3.0, 2.5])
    assert float(loss) == pytest.approx(np.log1p(np.exp(-apart)).mean(), rel=1e-6)
    loss = loss_of_generator(drawn, real, "relativistic")
    assert float(loss) == pytest.approx(np.log1p(np.exp(apart)).mean(), rel=1e-6)


BEGUN = {"epochs": 1, "max_steps": 1, "batch_size": 8, "learning_rate": 1e-12, "encoder_epochs": 1}


@pytest.mark.parametrize("architecture", ["dense", "conv"])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_it_begins_as_the_gaussian_of_the_components(images, architecture, scale):
    X = np.asarray(images.train.evenly(300), dtype=np.float32) * (scale / 255) - (scale > 1)
    model = ist.GAN(6, architecture=architecture, channels=(4,), **BEGUN, random_state=0)
    model._match = lambda: None  # of 6 components it would make what all have
    model.fit(X)
    pca = ist.PCA(6).fit(X)
    z = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    signs = np.sign(np.sum(_directions(model) * pca.components_, 1))
    drawn = pca.decode(z * signs * np.sqrt(pca.explained_variance_))
    drawn = np.clip(drawn, *model.range_) if scale == 1 else drawn
    np.testing.assert_allclose(model.decode(z), drawn, rtol=1e-3, atol=1e-3 * scale)
    codes = pca.encode(X) * signs / np.sqrt(pca.explained_variance_)
    np.testing.assert_allclose(model.encode(X), codes, rtol=1e-2, atol=1e-2)


def _directions(model):
    """Return the image that every number of the code adds, before any clipping."""
    with torch.no_grad():
        both = model.average_(torch.cat((torch.eye(6), torch.zeros(1, 6))))
    return (both[:6] - both[6:]).numpy()


def test_a_wrong_start_is_refused():
    for parameters in ({"loss": "wgan_gp"}, {"spectral_norm": True}, {"output": "sigmoid"}):
        with pytest.raises(ValueError, match="init='pca' is not possible"):
            ist.GAN(2, init="pca", **parameters).fit(vectors())


def test_a_short_game_keeps_all_kinds(model):
    assert 60 < model.n_axes_ <= 64
    assert model.variety_ > 0.5
    assert not any("collapse" in finding for finding in model.health_)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"latent_dim": 0}, "latent_dim=0 must be a whole number of at least 1"),
        ({"generator": (4, 0)}, "generator=\\(4, 0\\)"),
        ({"discriminator": (0,)}, "discriminator=\\(0,\\)"),
        ({"channels": (-1,)}, "channels=\\(-1,\\)"),
        ({"loss": "wgan"}, "did you mean 'wgan_gp'"),
        ({"architecture": "convv"}, "did you mean 'conv'"),
        ({"output": "relu"}, "output='relu' must be one of"),
        ({"n_critic": 0}, "n_critic=0 must be at least 1"),
        ({"ema": 1.0}, "ema=1.0 must be at least 0 and below 1"),
        ({"ema": -0.1}, "ema=-0.1"),
        ({"picture_every": 0}, "picture_every=0"),
        ({"encoder_epochs": -1}, "encoder_epochs=-1"),
        ({"invert_steps": -1}, "invert_steps=-1"),
        ({"gradient_penalty": -1}, "gradient_penalty=-1"),
        ({"learning_rate": 0}, "learning_rate=0"),
        ({"max_seconds": -4}, "max_seconds=-4 must"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.GAN(**parameters).fit(vectors())


def test_what_is_drawn_has_the_mean_and_the_covariance_of_the_images():
    images = ist.load_images("digits").train
    few = {"max_steps": 40, "encoder_epochs": 1, "random_state": 0}
    model = ist.GAN(16, generator=(64,), discriminator=(64,), **few)
    matched = model.fit(images).sample(4000, random_state=0).reshape(4000, -1)
    far = ist.GAN(16, generator=(64,), discriminator=(64,), **few)
    far._match = lambda: None
    drawn = far.fit(images).sample(4000, random_state=0).reshape(4000, -1)
    real = to_unit(np.asarray(images)).reshape(len(images), -1)

    def apart(x):
        wrong = x.mean(0) - real.mean(0), np.cov(x.T) - np.cov(real.T)
        return [np.square(each).sum() for each in wrong]

    assert all(one < 0.7 * other for one, other in zip(apart(matched), apart(drawn), strict=True))
    assert model._told is None


def test_matched_moments_leave_a_generator_alone_that_has_them():
    paths = Paths(3, 3, still(nn.Sequential(nn.Linear(3, 3))))
    variance = torch.tensor([4.0, 2.0, 0.5])
    set_linear(paths.linear, torch.diag(variance.sqrt()), torch.zeros(3))
    z = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0))
    before = paths(z[:5]).detach()
    match_moments(paths, z, variance)
    assert torch.allclose(paths(z[:5]), before, atol=0.1)
    set_linear(paths.linear, torch.diag(2 * variance.sqrt()), torch.ones(3))
    match_moments(paths, z, variance)
    assert torch.allclose(paths(z).var(0), variance, rtol=0.2)
    assert paths(z).mean(0).abs().max() < 0.05
