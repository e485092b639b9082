"""Likelihoods of VAEs: against closed forms, and never of two kinds together."""

import math

import numpy as np
import pytest
from sklearn import decomposition

import isthmus as ist
from isthmus.metrics.likelihood import KINDS, aggregate_posterior, likelihood
from isthmus.metrics.table import METRICS
from isthmus.studies.evidence import Evidence
from isthmus.studies.summary import summary


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


def test_the_aggregate_posterior_of_a_linear_gaussian_model_is_the_prior():
    # z ~ N(0, 1), x = w z + s e: the posterior is N(b x, v), and over all x it is the prior
    rng, w, s = np.random.default_rng(5), np.array([3.0, 1.0]), 0.7
    z = rng.normal(size=(2000, 2))
    x = w * z + s * rng.normal(size=z.shape)
    v = s**2 / (w**2 + s**2)
    mean, log_variance = x * w / (w**2 + s**2), np.tile(np.log(v), (len(x), 1))
    apart, told = aggregate_posterior(mean, log_variance)
    assert told == pytest.approx(-0.5 * np.log(v).sum(), abs=0.05)  # I(x; z) of a Gaussian channel
    assert apart == pytest.approx(0, abs=0.05)
    far, same = aggregate_posterior(mean + 2, log_variance)
    assert far == pytest.approx(apart + 4, abs=0.3)  # half of 2^2 in both dimensions
    assert same == pytest.approx(told, abs=1e-6)
    assert apart + told == pytest.approx(
        0.5 * (mean**2 + v - np.log(v) - 1).sum(1).mean(), abs=0.1
    )


def test_what_a_code_tells_is_at_most_which_image_it_is():
    apart_from_all = np.arange(300.0)[:, None] * 50
    assert aggregate_posterior(apart_from_all, np.zeros((300, 1)))[1] == pytest.approx(
        math.log(300), abs=1e-6
    )


def vae(digits, **parameters):
    """A model after one step of next to nothing: one that begins as probabilistic PCA is that."""
    still = {"learning_rate": 1e-12, "max_steps": 1, "validation_fraction": 0, "random_state": 0}
    return ist.VAE(4, **{"hidden": (16,)} | still | parameters).fit(digits.train)


def test_the_likelihood_of_a_linear_model_is_that_of_probabilistic_pca(digits):
    train, test = (
        np.asarray(part).reshape(len(part), -1) / 255 for part in (digits.train, digits.test)
    )
    exact = decomposition.PCA(4, svd_solver="full").fit(train)
    model = vae(digits)
    model.sigma_ = math.sqrt(exact.noise_variance_)
    found = likelihood(model, digits.test, 20)
    assert (found.kind, found.images, found.draws) == ("density", len(digits.test), 20)
    each = exact.score_samples(test)
    assert found.log_likelihood.value == pytest.approx(each.mean(), abs=0.3)
    assert found.log_likelihood.within == pytest.approx(
        1.96 * each.std(ddof=1) / math.sqrt(len(each)), rel=0.1
    )
    assert found.bound.value <= found.log_likelihood.value + 0.3
    assert found.active.all()
    assert found.aggregate + found.information == pytest.approx(found.kl.sum(), rel=0.1)
    assert found.aggregate < 0.3 * found.information  # the codes of all images are the prior
    assert KINDS["density"] in found.words


def test_what_a_likelihood_is_of_is_said_and_follows_the_model(digits):
    half = digits[::20]
    drawn = vae(digits, binarize="draw", likelihood="bernoulli")
    found = {how: likelihood(drawn, half, 2, binarize=how) for how in (None, "threshold", "none")}
    assert [each.kind for each in found.values()] == ["draw", "threshold", "gray"]
    assert len({each.bound.value for each in found.values()}) == 3
    black = ist.Images((np.asarray(half) > np.asarray(half).max() / 2).astype(np.float32))
    assert likelihood(drawn, black, 2, binarize="none").kind == "binary"
    assert likelihood(drawn, half, 2).bound.value == found[None].bound.value
    with pytest.raises(ValueError, match="PCA has no bound"):
        likelihood(ist.PCA(2).fit(digits.train), half)
    with pytest.raises(ValueError, match="binarize='no'"):
        likelihood(drawn, half, 2, binarize="no")


def test_a_study_says_it_of_all_held_out_images_and_never_of_two_kinds_in_one_table(digits):
    models = {
        "gaussian": vae(digits),
        "drawn": vae(digits, binarize="draw", likelihood="bernoulli"),
    }
    scores = []
    for name, model in models.items():
        known = Evidence(model, digits, 100, 0, {})
        figures = {key: each.value for key, each in known.likelihoods.items()}
        assert figures == {k: METRICS[k].of(known).value for k in figures}
        scores.append({"model": name, **figures, **known.beside_likelihoods()})
        whole = likelihood(model, digits.test, scores[-1]["likelihood_draws"])
        assert scores[-1]["likelihood_images"] == len(digits.test) > len(known.images)
        assert figures["bound"] == pytest.approx(whole.bound.value)
        assert figures["kl"] == pytest.approx(whole.kl.sum(), rel=1e-4)
        assert figures["active_units"] == whole.active.sum()
        assert sum(scores[-1]["kl_dimensions"]) == pytest.approx(figures["kl"], rel=1e-3)
    tables = [t for t in summary(scores)["tables"] if t["title"].startswith("Likelihood")]
    assert [[row["name"] for row in t["rows"]] for t in tables] == [["gaussian"], ["drawn"]]
    assert KINDS["draw"] in tables[1]["title"]
    assert not any(cell["best"] for t in tables for row in t["rows"] for cell in row["cells"])
    alike = [scores[0], {**scores[0], "model": "worse", "bound": -1e6}]
    best = next(t for t in summary(alike)["tables"] if t["title"].startswith("Likelihood"))
    assert [row["cells"][1]["best"] for row in best["rows"]] == [True, False]


def test_what_would_take_long_is_not_said(digits, monkeypatch):
    monkeypatch.setattr("isthmus.studies.probable.WORK", 5e4)
    known = Evidence(vae(digits), digits, 2000, 0, {})
    assert known.likelihoods == known.beside_likelihoods() == {}
    assert Evidence(ist.PCA(2).fit(digits.train), digits, 100, 0, {}).likelihoods == {}


@pytest.fixture(scope="module")
def convolutional(digits):
    settings = {"architecture": "conv", "channels": (4,), "hidden": (), "likelihood": "bernoulli"}
    model = ist.VAE(1, **settings, binarize="threshold", epochs=15, random_state=0)
    return model.fit(digits.train[:300])


def test_the_likelihood_of_convolutions_is_the_integral_over_their_code(digits, convolutional):
    """log p(x) of one latent dimension by trapezoids over it, from what it decodes alone."""
    x = (np.asarray(digits.test[:20]).reshape(20, -1) > 127).astype(float)
    z = np.linspace(-8, 8, 1601)[:, None]
    p = np.clip(convolutional.decode(z.astype(np.float32)).reshape(len(z), -1), 1e-7, 1 - 1e-7)
    given = x @ np.log(p).T + (1 - x) @ np.log1p(-p).T - z[:, 0] ** 2 / 2
    high = given.max(1, keepdims=True)
    exact = high[:, 0] + np.log(np.exp(given - high).sum(1) * 0.01 / np.sqrt(2 * np.pi))
    found = convolutional.log_likelihood(x.reshape(20, 8, 8, 1), 10_000)
    np.testing.assert_allclose(found, exact, atol=0.5)  # draws by chance are few far out
    assert np.mean(found) == pytest.approx(np.mean(exact), abs=0.05)


def test_of_convolutions_as_many_images_are_judged_as_time_allows(
    digits, convolutional, monkeypatch
):
    monkeypatch.setattr("isthmus.studies.probable.WORK", 250 * 5 * 64 * 9)
    known = Evidence(convolutional, digits, 2000, 0, {})
    beside = known.beside_likelihoods()
    assert (beside["likelihood_images"], beside["likelihood_draws"]) == (250, 5)
    some = likelihood(convolutional, digits.test.evenly(250), 5)
    assert known.likelihoods["log_likelihood"].value == some.log_likelihood.value
    assert known.likelihoods["log_likelihood"].each is None  # of other images than those measured
    every = Evidence(vae(digits), digits, 2000, 0, {}).beside_likelihoods()
    assert every["likelihood_images"] == len(digits.test)
    scores = [
        {"model": name, "bound": -1.0, **each} for name, each in {"a": beside, "b": every}.items()
    ]
    tables = [t for t in summary(scores)["tables"] if t["title"].startswith("Likelihood")]
    assert [t["title"].rpartition(", ")[2] for t in tables] == ["250 images", "359 images"]
