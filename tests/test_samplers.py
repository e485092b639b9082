"""Codes drawn anew, against the distributions they were fitted to."""

import warnings

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.metrics import frechet_distance, precision_recall
from isthmus.verbs.generate import fitted, generate


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


@pytest.fixture(scope="module")
def two_moons():
    from sklearn.datasets import make_moons

    return make_moons(4000, noise=0.05, random_state=0)[0]


def draw(codes, sampler, n=4000, temperature=1.0, seed=0):
    return fitted(codes, sampler)(n, np.random.default_rng(seed), temperature)


@pytest.mark.parametrize("sampler", ["gaussian", "mixture", "flow"])
def test_mean_and_covariance_are_those_of_the_codes(sampler, monkeypatch):
    if sampler == "flow":
        pytest.importorskip("zuko", reason="flows are zuko's")
        monkeypatch.setattr("isthmus.verbs.generate.MOST", 150)  # steps; a Gaussian needs few
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 3)) @ np.array([[2, 1, 0], [0, 1, 0.5], [0, 0, 0.1]]) + 5
    drawn = draw(codes, sampler)
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.2)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.45)


@pytest.mark.parametrize(("sampler", "least"), [("mixture", 0.9), ("flow", 0.9)])
def test_what_is_not_gaussian_is_followed(sampler, least, two_moons):
    if sampler == "flow":
        pytest.importorskip("zuko", reason="flows are zuko's")
    drawn, held = draw(two_moons[:2000], sampler, 1000), two_moons[2000:3000]
    found = precision_recall(held, drawn)
    assert min(found) > least
    plain = precision_recall(held, draw(two_moons[:2000], "gaussian", 1000))
    assert plain.precision < 0.75 < found.precision


@pytest.mark.parametrize("sampler", ["gaussian", "mixture"])
def test_temperature_draws_in(sampler):
    codes = np.random.default_rng(0).normal(size=(2000, 2))
    cold, warm = (draw(codes, sampler, temperature=t).std() for t in (0.5, 1.0))
    assert cold < 0.99 * warm
    if sampler == "gaussian":
        assert cold == pytest.approx(0.5 * warm, rel=1e-3)


def test_indices_are_drawn_as_often_as_they_occur(digits):
    codes = np.array([3] * 900 + [7] * 100)
    drawn = draw(codes, "mixture")
    assert set(drawn) == {3, 7}
    assert (drawn == 3).mean() == pytest.approx(0.9, abs=0.02)
    model = ist.KMeans(10, random_state=0).fit(digits.train)
    images = generate(model, 5, digits.train)
    assert all((image.ravel() == model.codebook_).all(1).any() for image in images)


@pytest.mark.parametrize("sampler", ["prior", "gaussian", "mixture"])
def test_the_same_seed_draws_the_same(sampler, digits):
    model = ist.PCA(6).fit(digits.train)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one, two = (generate(model, 3, digits.train, sampler, random_state=4) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert torch.equal(before[0], torch.random.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_a_flow_leaves_the_global_generator_alone(monkeypatch):
    pytest.importorskip("zuko", reason="flows are zuko's")
    monkeypatch.setattr("isthmus.verbs.generate.MOST", 20)  # steps: the next would be drawn alike
    before = torch.random.get_rng_state()
    codes = np.random.default_rng(0).normal(size=(300, 2))
    np.testing.assert_array_equal(draw(codes, "flow", 5), draw(codes, "flow", 5))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_mixture_draws_better_digits_than_a_gaussian(digits):
    model = ist.PCA(16).fit(digits.train)
    far = {
        sampler: frechet_distance(digits.test, generate(model, 359, digits.train, sampler))
        for sampler in ("gaussian", "mixture")
    }
    real = np.asarray(digits.test)
    right = {
        sampler: precision_recall(real, generate(model, 359, digits.train, sampler)).precision
        for sampler in ("gaussian", "mixture")
    }
    assert right["mixture"] > right["gaussian"]
    assert far["mixture"] < 2 * far["gaussian"]


def test_frechet_distance_of_two_known_gaussians():
    # diagonal covariances: sum of (deviation - deviation)^2, and the distance of the means
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(50_000, 3)), rng.normal(size=(50_000, 3)) * [1, 2, 3] + [1, 0, 0]
    assert frechet_distance(one, two) == pytest.approx(1 + 0 + 1 + 4, rel=0.03)


def test_precision_and_recall_tell_too_few_from_too_many():
    rng = np.random.default_rng(0)
    both = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(20, 1, (300, 2))])
    half = rng.normal(0, 1, (600, 2))
    dropped, invented = precision_recall(both, half), precision_recall(half, both)
    assert dropped.precision > 0.9
    assert dropped.recall == pytest.approx(0.5, abs=0.05)
    assert invented.recall > 0.9
    assert invented.precision == pytest.approx(0.5, abs=0.05)


BAD = [
    ({"sampler": "fog"}, "sampler"),
    ({"count": 0}, "count=0"),
    ({"temperature": 0.0}, "temperature=0.0"),
    ({"among": None, "sampler": "mixture"}, "needs images to go by"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_what_is_wrong_is_said(options, message, digits):
    model = ist.PCA(4).fit(digits.train)
    with pytest.raises(ValueError, match=message):
        generate(model, **{"count": 2, "among": digits.train} | options)


def test_who_cannot_draw(digits):
    model = ist.Classifier(4, epochs=1, random_state=0).fit(digits.train[:100])
    with pytest.raises(ValueError, match="has no prior"):
        generate(model, 2, sampler="prior")
    with pytest.raises(ValueError, match="a model that decodes: got Classifier"):
        generate(model, 2, digits.train)


@pytest.mark.parametrize("k", [0, 40])
def test_neighbours_that_are_not_there(k):
    with pytest.raises(ValueError, match="below the number of images"):
        precision_recall(np.zeros((40, 2)), np.zeros((40, 2)), k)


def test_command(run):
    assert run("fit", "pca", "digits", "--n-components", 8, "-o", "p.safetensors")[0] == 0
    options = ("--among", "digits", "--sampler", "gaussian", "--temperature", 0.7, "-n", 3)
    assert run("generate", "p.safetensors", "-o", "x.npy", *options)[0] == 0
    model, images = ist.load_model("p.safetensors"), ist.load_images("digits").train
    wanted = ist.generate(model, 3, images, "gaussian", temperature=0.7)
    np.testing.assert_array_equal(np.load("x.npy"), wanted)
    code, _, err = run("generate", "p.safetensors", "-o", "y.npy", "--sampler", "flow")
    assert code == 2
    assert "needs images to go by" in err


def test_a_frechet_distance_of_too_few_images_warns_with_the_numbers():
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=(2, 30, 40)), rng.normal(size=(2, 900, 40))
    with pytest.warns(UserWarning, match="30 real and 900 drawn images in 40 dimensions"):
        wrong = frechet_distance(few[0], many[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = frechet_distance(*many)
    assert wrong > 3 * right  # both are of the same distribution
