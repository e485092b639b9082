import functools
import itertools
import math

import numpy as np
import pytest
import torch
from sklearn import decomposition
from torch import distributions

import isthmus as ist
from isthmus import metrics as scores
from isthmus.models import as_pca, ppca
from isthmus.models.pretrained import narrowed
from isthmus.nets import bounds
from isthmus.nets.coders import decoder, encoder
from isthmus.tensors import generator


@pytest.fixture(scope="module")
def binary(images):
    """A fitted model of pixels that are 0 or 1, and held-out images of that kind."""
    model = ist.VAE(
        6, hidden=(64,), binarize="threshold", epochs=25, batch_size=32, random_state=0
    )
    return model.fit(images.train), (np.asarray(images.test) >= 128).astype(np.float32)


def vae(images, latent_dim=6, **parameters):
    settings = {"hidden": (64,), "epochs": 15, "batch_size": 64, "random_state": 0}
    settings["learning_rate"] = 2e-3
    settings["init"] = "glorot_uniform"  # each of these has to find its way alone
    return ist.VAE(latent_dim, **settings | parameters).fit(images.train)


@functools.cache
def with_beta(beta):
    """A model that several tests compare others with."""
    return vae(ist.load_images("digits"), beta=beta)


def posteriors(n=40, d=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    mean, log_var = torch.randn(2, n, d, generator=rng, dtype=torch.float64)
    return mean, log_var - 1, rng


def test_kl_is_the_closed_form():
    mean, log_var, _ = posteriors()
    q = distributions.Normal(mean, (0.5 * log_var).exp())
    expected = distributions.kl_divergence(q, distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(bounds.kl_divergence(mean, log_var), expected)
    z = q.sample()
    torch.testing.assert_close(bounds.log_normal(z, mean, log_var), q.log_prob(z))
    ratio = distributions.Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)
    torch.testing.assert_close(bounds.log_ratio(z, mean, log_var), ratio.sum(-1))


def test_gradients_pass_through_the_draw():
    mean, log_var, rng = posteriors()
    mean.requires_grad_(), log_var.requires_grad_()
    z = bounds.reparameterize(mean, log_var, rng, 20_000)
    z.square().mean(0).sum().backward()  # E z^2 = mean^2 + variance
    torch.testing.assert_close(mean.grad, 2 * mean.detach(), atol=0.08, rtol=0.02)
    torch.testing.assert_close(log_var.grad, log_var.detach().exp(), atol=0.08, rtol=0.05)


def test_bernoulli_error_and_its_gradient():
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(3, 5, 7, generator=rng, dtype=torch.float64, requires_grad=True)
    x = torch.rand(5, 7, generator=rng, dtype=torch.float64)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        a, x.expand_as(a), reduction="none"
    ).sum(-1)
    torch.testing.assert_close(bounds.BernoulliError.apply(a, x), expected)
    assert torch.autograd.gradcheck(lambda a: bounds.BernoulliError.apply(a, x), a)


def test_gaussian_error_is_minus_the_log_density():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(5, 7, generator=rng)
    expected = -distributions.Normal(0.0, 0.3).log_prob(x).sum(1)
    torch.testing.assert_close(bounds.gaussian_error(x.square().sum(1), 7, 0.3), expected)


def test_the_terms_of_the_kl_add_up():
    mean, log_var, rng = posteriors()
    z = bounds.reparameterize(mean, log_var, rng)[0]
    for n_images in (40, 1000):
        total = sum(bounds.kl_terms(z, mean, log_var, n_images))
        torch.testing.assert_close(total, -bounds.log_ratio(z, mean, log_var).mean())


def test_the_terms_of_the_kl_are_the_true_ones_on_the_whole_set():
    """With every image in the batch the mixture q(z) is known: compare with its own densities."""
    mean, log_var, rng = posteriors()
    whole = distributions.Normal(mean, (0.5 * log_var).exp())
    found = []
    for _ in range(400):
        z = bounds.reparameterize(mean, log_var, rng)[0]
        found.append(torch.stack(bounds.kl_terms(z, mean, log_var, len(mean))))
    information, correlation, rest = torch.stack(found).mean(0)
    z = whole.sample((500,))
    logs = whole.log_prob(z.view(-1, 1, 3))
    joint = (logs.sum(2).logsumexp(1) - math.log(40)).mean()
    single = (logs.logsumexp(1) - math.log(40)).sum(1).mean()
    kl = bounds.kl_divergence(mean, log_var).sum(1).mean()
    assert float(information + correlation + rest) == pytest.approx(float(kl), rel=0.03)
    assert float(correlation) == pytest.approx(float(joint - single), abs=0.05)
    assert float(information) == pytest.approx(
        float(whole.log_prob(z).sum(-1).mean() - joint), abs=0.08
    )


def test_the_density_of_a_batch_is_an_unbiased_estimate():
    """Averaged over all batches that hold an image, its density is that under all images."""
    mean, log_var, rng = posteriors(6, 2)
    z = bounds.reparameterize(mean, log_var, rng)[0]
    q = distributions.Normal(mean, (0.5 * log_var).exp()).log_prob(z[:, None]).sum(2).exp()
    estimates = []
    for others in itertools.combinations(range(1, 6), 2):
        rows = [0, *others]
        density = q[rows][:, rows] * (5 / 12) * (1 - torch.eye(3)) + torch.diag(q.diag()[rows]) / 6
        expected = (q.diag()[rows].log() - density.sum(1).log()).mean()
        found = bounds.kl_terms(z[rows], mean[rows], log_var[rows], 6)[0]
        assert float(found) == pytest.approx(float(expected))
        estimates.append(float(density.sum(1)[0]))
    assert np.mean(estimates) == pytest.approx(float(q[0].mean()))


def test_shuffled_columns_keep_their_values():
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    mixed = bounds.permuted(z, torch.Generator().manual_seed(1))
    torch.testing.assert_close(mixed.sort(0).values, z.sort(0).values)
    assert not torch.equal(mixed[:, 0].argsort(), mixed[:, 1].argsort())
    assert not torch.equal(mixed, z)


def linear_gaussian(sigma, images):
    """A VAE with a linear decoder: p(x) is Gaussian, and so is the true posterior."""
    model = ist.VAE(
        2, hidden=(), activation="linear", likelihood="gaussian", sigma=sigma, epochs=120,
        batch_size=40, learning_rate=0.01, validation_fraction=0, random_state=0,
        init="glorot_uniform",
    ).fit(images)  # fmt: skip
    w = model.decoder_[0].weight.detach().double().numpy() * model.scale_
    b = model.decoder_[0].bias.detach().double().numpy() * model.scale_ + model.offset_
    covariance = torch.from_numpy(w @ w.T + sigma**2 * np.eye(len(w)))
    return model, distributions.MultivariateNormal(torch.from_numpy(b), covariance)


def test_importance_sampling_finds_the_exact_likelihood_of_a_linear_model():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 5)) * 3 + rng.normal(size=(400, 5)) + 4
    model, exact = linear_gaussian(1.0, X)
    expected = exact.log_prob(torch.from_numpy(X[:50])).numpy()
    found = model.log_likelihood(X[:50], 5000)
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert np.median(np.abs(found - expected)) < 0.02
    assert found.mean() == pytest.approx(expected.mean(), abs=0.02)
    bound = model.elbo(X[:50], 5000)
    assert (bound < expected + 0.1).all()
    assert bound.mean() > expected.mean() - 1


def test_the_bound_lies_below_and_tightens(binary):
    model, X = binary
    bound = model.elbo(X, 50).mean()
    likelihoods = [model.log_likelihood(X, k).mean() for k in (1, 10, 200)]
    assert likelihoods[0] == pytest.approx(bound, abs=0.25)  # in expectation they are the same
    assert bound < likelihoods[1] < likelihoods[2]


def test_a_refined_posterior_tightens_the_bound(binary):
    model, X = binary
    mean, log_var = (torch.from_numpy(part) for part in model.posterior(X[:80]))
    worse = bounds.refined((mean + 0.5, log_var), lambda z: z.sum(2) * 0, 0, torch.Generator())
    torch.testing.assert_close(worse, (mean + 0.5, log_var))
    bound, refined = (model.elbo(X[:80], 200, refine=steps).mean() for steps in (0, 100))
    likelihood = model.log_likelihood(X[:80], 2000).mean()
    assert bound + 0.1 < refined < likelihood
    with pytest.raises(ValueError, match="refine=-1"):
        model.elbo(X, refine=-1)


def test_the_best_posterior_of_a_linear_model_is_the_exact_one():
    weights = torch.tensor([[1.0, 0.5, 0.0], [0.0, 2.0, 1.0]])
    x = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]])
    precision = torch.eye(2) + weights @ weights.T
    expected = x @ weights.T @ torch.linalg.inv(precision)
    start = (torch.zeros(2, 2), torch.zeros(2, 2))
    rng = torch.Generator().manual_seed(0)

    def error(z):
        return 0.5 * (z @ weights - x).square().sum(2)

    mean, log_var = bounds.refined(start, error, 1500, rng)
    torch.testing.assert_close(mean, expected, atol=0.05, rtol=0)
    torch.testing.assert_close(log_var.exp(), 1 / precision.diag().expand(2, 2), atol=0.05, rtol=0)


def test_estimates_are_per_image_seeded_and_follow_the_order(binary):
    model, X = binary
    assert model.log_likelihood(X[:7], 5).shape == model.elbo(X[:7]).shape == (7,)
    np.testing.assert_array_equal(model.elbo(X), model.elbo(X))
    assert not np.array_equal(model.elbo(X), model.elbo(X, random_state=1))
    whole, alone = model.log_likelihood(X, 2000), model.log_likelihood(X[100:101], 2000)
    assert alone[0] == pytest.approx(whole[100], abs=0.2)


def test_likelihood_memory_is_bounded(binary, monkeypatch):
    model, X = binary
    sizes = []
    decoded = ist.VAE._decoded
    monkeypatch.setattr(
        ist.VAE, "_decoded", lambda self, z: sizes.append(z[..., 0].numel()) or decoded(self, z)
    )
    model.log_likelihood(np.concatenate([X] * 6), 3)
    model.log_likelihood(X[:3], 700)
    assert max(sizes) <= 1000


def test_binarised_evaluation(binary, images):
    model, X = binary
    np.testing.assert_allclose(
        model.elbo(images.test, binarize="threshold"), model.elbo(X), rtol=1e-5
    )
    drawn = model.elbo(images.test, 100, binarize="draw")
    assert drawn.mean() < model.log_likelihood(images.test, 100, binarize="draw").mean()
    with pytest.raises(ValueError, match="values in \\[0, 1\\]"):
        model.elbo(1.5 * X)
    with pytest.raises(ValueError, match="did you mean 'draw'"):
        model.elbo(X, binarize="drawn")
    with pytest.raises(ValueError, match="n_samples=0"):
        model.log_likelihood(X, 0)


def test_history_is_in_nats_and_adds_up(binary):
    history = binary[0].history_
    total = np.add(history["reconstruction"], history["kl"])
    np.testing.assert_allclose(history["loss"], total, rtol=1e-5)
    assert history["loss"][-1] < history["loss"][0]


def test_encode_is_the_mean_of_the_posterior(binary):
    model, X = binary
    mean, log_var = model.posterior(X)
    np.testing.assert_array_equal(model.encode(X), mean)
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)
    np.testing.assert_allclose(model.kl_, kl.mean(0), rtol=0.3, atol=0.1)
    assert model.activity_.shape == model.kl_.shape == (6,)


def test_a_larger_beta_says_less():
    nats = [with_beta(beta).kl_.sum() for beta in (0.3, 1.0, 4.0)]
    assert nats[0] > 1.2 * nats[1] > 1.44 * nats[2]


def test_capacity_is_filled(images):
    model = vae(images, capacity=6.0, beta=100.0, warmup=0.5, epochs=40)
    assert model.history_["kl"][-1] == pytest.approx(6, abs=0.5)
    assert model.history_["kl"][2] < 3


def objective(model, done):
    """The loss at a point of the fit, and its parts."""
    model._done = done
    x = torch.rand(32, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, loss, logs = next(model.losses(x, torch.Generator().manual_seed(0)))
    return float(loss), {name: float(value) for name, value in logs.items()}


def test_warm_up_and_capacity_rise_with_the_fit(images):
    model = vae(images, epochs=1, beta=2.0, warmup=0.5)
    for done, weight in ((0, 0), (0.25, 1), (0.5, 2), (1, 2)):
        loss, logs = objective(model, done)
        assert loss == pytest.approx(logs["reconstruction"] + weight * logs["kl"], rel=1e-5)
        assert logs["loss"] == pytest.approx(logs["reconstruction"] + 2 * logs["kl"], rel=1e-5)
    model = vae(images, epochs=1, beta=3.0, warmup=0.5, capacity=8.0)
    for done, capacity in ((0, 0), (0.25, 4), (0.5, 8), (1, 8)):
        loss, logs = objective(model, done)
        expected = logs["reconstruction"] + 3 * abs(logs["kl"] - capacity)
        assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("tc", ["tcvae", "factor"])
def test_with_beta_1_total_correlation_makes_no_difference(images, tc):
    model = vae(images, epochs=1, tc=tc)
    loss, logs = objective(model, 1.0)
    assert loss == pytest.approx(logs["reconstruction"] + logs["kl"], rel=1e-5)


@pytest.mark.parametrize("tc", ["tcvae", "factor"])
def test_beside_total_correlation_the_capacity_is_a_ceiling(images, tc):
    model = vae(images, epochs=1, beta=3.0, warmup=0.5, tc=tc)
    free, logs = objective(model, 0.25)
    correlation = (free - logs["reconstruction"] - 0.5 * logs["kl"]) / (0.5 * 2)
    for room in (1000.0, 0.0):
        model.capacity = room
        loss, _ = objective(model, 0.25)
        over = logs["kl"] if room == 0 else 0
        expected = logs["reconstruction"] + logs["kl"] + 2 * (correlation + over)
        assert loss == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("tc", ["tcvae", "factor"])
def test_total_correlation_alone_is_weighed_down(images, tc):
    """Latents become less dependent, and say more than under the same beta on all of the KL."""

    def correlation(model):
        mean, log_var = (torch.from_numpy(part) for part in model.posterior(images.train))
        rng = torch.Generator().manual_seed(0)
        terms = bounds.kl_terms(
            bounds.reparameterize(mean, log_var, rng)[0], mean, log_var, len(mean)
        )
        return float(terms[1])

    ours = vae(images, tc=tc, beta=8.0, discriminator=(64, 64))
    assert correlation(ours) < 0.8 * correlation(with_beta(1.0))
    assert ours.kl_.sum() > 1.5 * with_beta(8.0).kl_.sum()


def test_importance_weighted_training(images):
    model = vae(images, importance_samples=8, binarize="threshold", epochs=25)
    X = (np.asarray(images.test) >= 128).astype(np.float32)
    assert model.log_likelihood(X, 100).mean() > model.elbo(X, 20).mean() + 0.3
    loss, logs = objective(model, 1.0)
    assert logs["loss"] == loss < logs["reconstruction"] + logs["kl"]


def test_one_importance_sample_is_the_bound():
    """In expectation; log of one weight is log p(x|z) + log p(z) - log q(z|x)."""
    mean, log_var, rng = posteriors()
    z = bounds.reparameterize(mean, log_var, rng, 4000)
    single = bounds.importance_bound(bounds.log_ratio(z, mean, log_var)[:1])
    torch.testing.assert_close(single, bounds.log_ratio(z, mean, log_var)[0])
    average = bounds.log_ratio(z, mean, log_var).mean()
    assert float(average) == pytest.approx(
        -float(bounds.kl_divergence(mean, log_var).sum(1).mean()), rel=0.02
    )


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def test_the_two_networks_of_deck_d():
    shape = (64, 64, 1)
    x = torch.rand(3, 4096)
    for name, sizes in {"burgess": (382_932, 381_313), "deep": (587_444, 584_609)}.items():
        down = encoder(name, shape, (), (99, 20), "relu")
        up = decoder(name, shape, (), (99, 10), "relu")
        assert (count(down), count(up)) == sizes
        assert down(x).shape == (3, 20)
        assert up(torch.zeros(3, 10)).shape == (3, 4096)


def test_deep_ends_at_one_pixel_of_256_numbers():
    net = encoder("deep", (64, 64), (), (20,), "relu")
    assert net[-1].in_features == 256
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in net) == 7


@pytest.mark.parametrize("architecture", ["burgess", "deep"])
def test_named_architectures_learn_and_can_be_saved(architecture, tmp_path):
    rng = np.random.default_rng(0)
    X = (rng.random((97, 1, 1, 1)) < np.linspace(0.1, 0.9, 16)[:, None, None]) * np.ones(
        (16, 16, 1)
    )
    model = ist.VAE(3, architecture=architecture, epochs=2, batch_size=32, random_state=0)
    model.set_params(validation_fraction=0.0).fit(X)  # the last batch is one image
    assert model.likelihood_ == "bernoulli"
    model.save(tmp_path / "model.safetensors")
    back = ist.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(back.encode(X), model.encode(X))
    np.testing.assert_array_equal(back.log_likelihood(X, 5), model.log_likelihood(X, 5))
    np.testing.assert_array_equal(back.kl_, model.kl_)


@pytest.mark.parametrize(
    ("X", "likelihood", "output"),
    [
        (np.random.default_rng(0).integers(0, 2, (60, 9)), "bernoulli", "sigmoid"),
        (np.random.default_rng(0).random((60, 9)), "gaussian", "sigmoid"),
        (np.random.default_rng(0).uniform(-1, 1, (60, 9)), "gaussian", "tanh"),
        (np.random.default_rng(0).normal(500, 90, (60, 9)), "gaussian", "linear"),
    ],
)  # fmt: skip
def test_likelihood_follows_the_data(X, likelihood, output):
    model = ist.VAE(3, hidden=(8,), epochs=3, init="he_normal", random_state=0).fit(X)
    assert (model.likelihood_, model.output_, model.n_axes_) == (likelihood, output, 0)
    assert np.isfinite(model.elbo(X)).all()
    model.set_params(init="auto").fit(X)
    assert (model.likelihood_, model.output_, model.n_axes_) == ("gaussian", "linear", 9)
    assert np.isfinite(model.elbo(X)).all()
    np.testing.assert_allclose(model.elbo(X), model.set_params(init="pca").fit(X).elbo(X))


def test_sigma_is_the_deviation_of_a_pixel(images):
    X = np.random.default_rng(0).normal(5, 3, (500, 6))
    model = ist.VAE(
        1, hidden=(), beta=100.0, epochs=60, batch_size=60, learning_rate=0.02, random_state=0
    ).fit(X)
    assert model.sigma_ == pytest.approx(3, rel=0.05)  # with so much beta nothing is said of x
    expected = distributions.Normal(5.0, 3.0).log_prob(torch.from_numpy(X)).sum(1).mean()
    assert model.elbo(X).mean() == pytest.approx(float(expected), rel=0.01)
    assert ist.VAE(2, hidden=(8,), sigma=0.5, epochs=1).fit(X).sigma_ == 0.5


def test_collapse_is_reported(images):
    model = vae(images, beta=1000.0)
    assert any("all 6 latents say nothing" in finding for finding in model.health_)
    assert not any("say nothing" in finding for finding in vae(images, 3).health_)
    (most,), (some,) = model._collapse(5), model._collapse(2)
    assert most.startswith("most of the code has collapsed: 5 of 6 latents say nothing")
    assert some.startswith("2 of 6 latents")
    assert "if the others are not enough, lower beta=" in some
    model.set_params(beta=1.0, beta_norm=0.5)
    assert not model._collapse(1)
    assert "lower beta_norm=0.5" in model._collapse(6)[0]


def test_pixels_are_drawn_anew_while_fitting(images):
    model = vae(images, binarize="draw", epochs=2)
    assert model.likelihood_ == "bernoulli"
    x = torch.full((1000, 3), 0.3)
    drawn = bounds.binarized(x, "draw", torch.Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert float(drawn.mean()) == pytest.approx(0.3, abs=0.03)
    assert not bounds.binarized(x, "threshold", torch.Generator()).any()


def at_its_start(latent_dim, X, **parameters):
    """A model that has had one step of next to nothing."""
    still = {"learning_rate": 1e-12, "max_steps": 1, "validation_fraction": 0, "random_state": 0}
    return ist.VAE(latent_dim, **{"hidden": (16,), "channels": (4,)} | still | parameters).fit(X)


def exact(latent_dim, images):
    """scikit-learn's PCA, whose score_samples is the likelihood of probabilistic PCA."""
    X = np.asarray(images.train, dtype=float).reshape(len(images.train), -1) / 255
    return decomposition.PCA(latent_dim, svd_solver="full").fit(X)


@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_it_begins_as_probabilistic_pca(images, architecture, monkeypatch):
    monkeypatch.setattr(as_pca, "AXES", 20)  # of 64: the rest counts as well
    model, expected = at_its_start(8, images.train, architecture=architecture), exact(8, images)
    sigma = math.sqrt(expected.noise_variance_)
    assert model.sigma_ == pytest.approx(sigma, rel=0.01)  # measured on draws
    model.sigma_ = sigma
    X = np.asarray(images.test, dtype=float).reshape(len(images.test), -1) / 255
    likelihood = expected.score_samples(X)
    # the posterior is exact: every draw weighs the same, and the bound is the likelihood
    np.testing.assert_allclose(model.log_likelihood(images.test, 2), likelihood, atol=0.02)
    assert model.elbo(images.test, 200).mean() == pytest.approx(likelihood.mean(), abs=0.05)
    mean, log_var = model.posterior(images.test)
    values = expected.explained_variance_
    np.testing.assert_allclose(np.exp(log_var), np.tile(sigma**2 / values, (359, 1)), rtol=1e-3)
    linear = expected.transform(X) * np.sqrt(values - sigma**2) / values
    np.testing.assert_allclose(np.abs(mean), np.abs(linear), atol=2e-3)


@torch.no_grad()
def test_the_error_of_components_is_that_of_pixels(images, monkeypatch):
    monkeypatch.setattr(as_pca, "AXES", 20)
    model = at_its_start(8, images.train)
    x = torch.from_numpy(np.asarray(images.train)).float().flatten(1) / 255
    z = torch.from_numpy(model.encode(images.train))[None]
    pixels, components = model._error(x, z), model._normal(model._apart(model.encoder_[0](x), z))
    assert float(components.mean()) == pytest.approx(float(pixels.mean()), rel=2e-3)


def test_directions_below_the_threshold_begin_as_the_prior():
    start = ppca.probabilistic_pca([4.0, 3.0, 0.5, 0.1], 0.6, 10, 4, sigma=1.0)
    np.testing.assert_allclose(start.up**2, [3, 2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(np.exp(start.log_var), [0.25, 1 / 3, 1, 1])
    assert not start.down[2:].any()
    for beta in (1.0, 2.0, 4.0):  # sigma is the deviation of a pixel under its own posterior
        start = ppca.probabilistic_pca([4.0, 3.0, 0.5, 0.1], 0.6, 20, 4, beta)
        told = np.array([4.0, 3.0, 0.5, 0.1])
        error = told * (1 - start.up * start.down) ** 2 + start.up**2 * np.exp(start.log_var)
        assert start.sigma**2 == pytest.approx((error.sum() + 0.6) / 20)
    assert np.isfinite(ppca.probabilistic_pca([1.0], 0.0, 5, 3).log_var).all()  # no noise at all


def test_few_steps_leave_pca_behind(images):
    model = ist.VAE(16, hidden=(128,), max_steps=300, random_state=0).fit(images.train)
    pca = ist.PCA(16).fit(images.train)
    assert model.score(images.test) > 0.85 * pca.score(images.test)
    assert not any("say nothing" in finding for finding in model.health_)


@pytest.mark.parametrize("name", ["digits", "glyphs"])
def test_a_normalised_beta_leaves_five_latents_or_more(name):
    images = ist.load_images(name)
    model = ist.VAE(12, beta_norm=1.0, hidden=(64,), max_steps=200, random_state=0).fit(images)
    assert (model.kl_ > 0.01).sum() >= 5
    assert model.kl_.sum() < 15
    assert -model.score(images) < 0.9 * np.var(np.asarray(images) / 255, axis=0).mean()


def test_a_normalised_beta_is_that_of_the_paper_unless_too_little_would_be_left():
    rng = np.random.default_rng(0)
    even, steep = np.ones(30), np.r_[100, 10, 1, 0.1, 0.1, np.full(25, 1e-3)]
    X = rng.normal(size=(400, 30)) * np.sqrt(even)
    model = at_its_start(10, X, beta_norm=0.1)
    assert model.beta_ == pytest.approx(0.1 * 30 / 10)
    model = at_its_start(10, 1000 * X, beta_norm=0.1)  # whatever the unit
    assert model.beta_ == pytest.approx(0.1 * 30 / 10)
    model = at_its_start(10, rng.normal(size=(400, 30)) * np.sqrt(steep), beta_norm=0.5)
    assert model.beta_ < 0.1 * 30 / 10
    assert (model.kl_ > 0.01).sum() == 5
    bernoulli = ist.VAE(2, beta_norm=1.0, likelihood="bernoulli", hidden=(4,), epochs=1)
    assert bernoulli.fit((X > 0).astype(float)).beta_ == 15


def test_samples_are_like_images(images, tmp_path):
    model = ist.VAE(16, hidden=(128,), max_steps=300, random_state=0).fit(images.train)
    drawn = model.sample(300, random_state=0)
    model.save(tmp_path / "model.safetensors")
    back = ist.load_model(tmp_path / "model.safetensors")
    np.testing.assert_allclose(back.sample(300, random_state=0), drawn, atol=1e-5)
    model._fit_mixture(*model.set_params(prior="normal").posterior(images.train))
    plain = model.sample(300, random_state=0)
    z = torch.randn(300, 16, generator=generator(0, torch.device("cpu"))).numpy()
    np.testing.assert_allclose(plain, model.decode(z), atol=1e-5)
    distances = [scores.frechet_distance(images.test, X) for X in (drawn, plain)]
    assert distances[0] < 0.9 * distances[1]


def test_another_start_leaves_nothing_behind(images):
    model = ist.VAE(4, hidden=(8,), max_steps=2, random_state=0).fit(images.train)
    assert model.n_axes_
    assert hasattr(model, "mixture_means_")
    model.set_params(init="he_normal").fit(images.train)
    assert not model.n_axes_
    assert not hasattr(model, "mixture_means_")


@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_a_classifier_goes_on_from_the_means(images, architecture):
    settings = {"architecture": architecture, "channels": (4,), "hidden": (8,), "max_steps": 5}
    model = ist.VAE(4, random_state=0, **settings).fit(images.train)
    x = torch.from_numpy(np.asarray(images.test)).float().flatten(1) / 255
    with torch.no_grad():
        found = narrowed(model.encoder_, 4)(x)
    np.testing.assert_allclose(found.numpy(), model.encode(images.test), atol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"beta": -1}, "beta=-1 must be at least 0"),
        ({"capacity": -2.0}, "capacity=-2.0"),
        ({"warmup": 1.5}, "warmup=1.5"),
        ({"sigma": 0.0}, "sigma=0.0"),
        ({"beta": float("nan")}, "beta=nan"),
        ({"beta_norm": -1.0}, "beta_norm=-1.0 must be at least 0"),
        ({"beta_norm": 0.1, "beta": 4.0}, "beta=4.0 and beta_norm=0.1: give one"),
        ({"prior": "mixed"}, "prior='mixed' must be one of"),
        ({"init": "pca", "likelihood": "bernoulli"}, "init='pca' is not possible"),
        ({"importance_samples": 0}, "importance_samples=0 must be at least 1"),
        ({"importance_samples": 5, "tc": "tcvae"}, "another objective"),
        ({"likelihood": "bernouli"}, "did you mean 'bernoulli'"),
        ({"tc": "tc-vae"}, "did you mean 'tcvae'"),
        ({"architecture": "burges"}, "did you mean 'burgess'"),
        ({"binarize": "random"}, "binarize='random' must be one of"),
        ({"likelihood": "gaussian", "binarize": "draw"}, "needs likelihood='bernoulli'"),
        ({"latent_dim": 11}, "latent_dim=11 must be between 1 and n_features=10"),
        ({"architecture": "conv"}, "needs images"),
        ({"hidden": (0,)}, "hidden"),
    ],
)
def test_bad_parameters(parameters, words):
    X = np.random.default_rng(0).random((20, 10))
    with pytest.raises(ValueError, match=words):
        ist.VAE(**{"latent_dim": 2} | parameters).fit(X)


def test_images_too_small_for_the_network(images):
    with pytest.raises(ValueError, match="8x8 pixels are too small for 4 strided"):
        ist.VAE(3, architecture="burgess").fit(images.train)


def test_bernoulli_refuses_values_outside_the_unit_interval():
    X = np.array([[-3.0, 0], [1, 12], [2, 2]])
    with pytest.raises(ValueError, match="run from -3 to 12"):
        ist.VAE(1, likelihood="bernoulli").fit(X)


def test_mnist_trend(data_folder):
    """A short fit of a small network is on its way to 90 nats."""
    images = ist.load_images("mnist")
    model = ist.VAE(
        16, hidden=(256,), binarize="draw", epochs=2, learning_rate=2e-3, random_state=0
    ).fit(images.train[:20_000])
    held = images.test[:500]
    bound = model.elbo(held, binarize="draw").mean()
    assert -150 < bound < model.log_likelihood(held, 20, binarize="draw").mean() < -90
