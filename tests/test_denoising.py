"""Noise taken out by models and by filters, each against what is known of it."""

import json

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.corrupt import with_noise
from isthmus.data.images import to_unit
from isthmus.verbs.filters import median, non_local_means, principal, total_variation


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


def test_projection_keeps_the_share_of_noise_that_the_plane_has(digits):
    # images of rank 5 in 64 numbers: a projection leaves 5 of 64 shares of white noise
    rng = np.random.default_rng(0)
    images = (rng.normal(size=(3000, 5)) @ rng.normal(size=(5, 64)) * 0.05 + 0.5).reshape(-1, 8, 8)
    model = ist.PCA(5).fit(images)
    noisy = images + rng.normal(scale=0.1, size=images.shape)
    left = np.square(model.decode(model.encode(noisy)) - images).mean()
    assert left == pytest.approx(0.1**2 * 5 / 64, rel=0.05)
    if images.min() >= 0 and images.max() <= 1:
        assert np.square(ist.denoise(model, noisy) - images).mean() <= left


def test_values_beyond_the_images_are_kept_within(digits):
    model = ist.Autoencoder(16, epochs=3, random_state=0).fit(digits.train)
    noisy = with_noise(digits.test, "gaussian", 0.5)
    assert noisy.min() < 0 < 1 < noisy.max()
    found = ist.denoise(model, noisy)
    assert found.shape == (359, 8, 8, 1)
    assert 0 <= found.min() <= found.max() <= 1


def test_training_with_noise_helps(digits):
    kinds = {"with": 0.4, "without": 0.0}
    settings = {"hidden": (64,), "epochs": 80, "random_state": 0}
    models = {k: ist.Autoencoder(40, noise=v, **settings).fit(digits.train)
              for k, v in kinds.items()}  # fmt: skip
    found = ist.denoise(models, digits.test, "gaussian:0.4", digits.train, split="all")
    assert found.shape == (2, *digits.test.shape)
    rows = found.table()
    after = {row["method"].split(" ")[0]: row["after"] for row in rows}
    assert list(after) == ["with", "without", "median", "non-local", "total", "PCA", "Wiener"]
    assert after["with"] > after["without"] + 0.5
    assert after["with"] > max(after["median"], after["non-local"], after["total"])
    assert all(row["before"] == rows[0]["before"] for row in rows)


def test_median_takes_out_single_wrong_pixels():
    image = np.zeros((1, 9, 9, 1), dtype=np.float32)
    image[0, 4, 4] = 1
    for _, found in median(image, 0.1):
        assert not found.any()


def test_non_local_means_of_a_flat_image_is_its_mean():
    noisy = with_noise(np.full((2, 24, 24, 1), 0.5, np.float32), "gaussian", 0.1)
    found = dict(non_local_means(noisy, 0.1))
    best = min(float(np.square(images - 0.5).mean()) for images in found.values())
    assert best < 0.1**2 / 20


def test_principal_components_of_the_full_width_change_nothing(digits):
    test = to_unit(np.asarray(digits.test))
    kept, shrunk = principal(digits.train)
    found = [list(filtered(test, 0.0))[-1] for filtered in (kept, shrunk)]
    assert [name for name, _ in found] == ["PCA 64", "Wiener 64"]
    for _, images in found:
        assert np.square(images - test).mean() < 1e-10


def test_wieners_filter_leaves_what_the_closed_form_says():
    """For variances l and noise s^2 the error is the mean of l s^2 / (l + s^2)."""
    rng, sigma = np.random.default_rng(0), 0.3
    turn, _ = np.linalg.qr(rng.normal(size=(9, 9)))
    variances = np.geomspace(1, 0.001, 9)
    draws = (rng.normal(size=(40_000, 9)) * np.sqrt(variances)) @ turn.T
    clean = draws.astype(np.float32).reshape(-1, 3, 3, 1)
    noisy = clean[20_000:] + rng.normal(0, sigma, (20_000, 3, 3, 1)).astype(np.float32)
    kept, shrunk = principal(clean[:20_000])
    ((_, found),) = shrunk(noisy, sigma)
    error = np.square(found - clean[20_000:]).mean()
    assert error == pytest.approx((variances * sigma**2 / (variances + sigma**2)).mean(), rel=0.02)
    assert error < min(np.square(x - clean[20_000:]).mean() for _, x in kept(noisy, sigma))


def test_total_variation_keeps_an_edge_that_a_mean_would_blur():
    clean = np.zeros((1, 24, 24, 1), np.float32)
    clean[:, :, 12:] = 1
    noisy = with_noise(clean, "gaussian", 0.2)
    found = dict(total_variation(noisy, 0.2))
    assert min(np.square(x - clean).mean() for x in found.values()) < 0.2**2 / 12


def test_the_table_has_a_row_for_every_noise(digits):
    model = ist.PCA(8).fit(digits.train)
    found = ist.denoise(model, digits, "gaussian:0.2,masking:0.3")
    assert found.measured.words == "on 359 images the model never saw"
    table = found.listed()
    others = {"non-local means", "total variation", "PCA filter", "Wiener"}
    assert [row["noise"] for row in table] == ["gaussian 0.2", "masking 0.3"]
    assert all(set(row) == {"noise", "before", "PCA", "median", *others} for row in table)


def test_what_cannot_denoise(digits):
    model = ist.Classifier(4, epochs=1, random_state=0).fit(digits.train[:100])
    with pytest.raises(ValueError, match="Classifier cannot decode, so it cannot denoise"):
        ist.denoise(model, digits.test)


def test_commands(run):
    assert run("fit", "pca", "digits", "--n-components", 12, "-o", "p.safetensors")[0] == 0
    np.save("few.npy", np.asarray(ist.load_images("digits"))[:100])
    assert run("denoise", "p.safetensors", "few.npy", "-o", "clean.npy")[0] == 0
    assert np.load("clean.npy").shape == (100, 8, 8, 1)
    noise = ("--noise", "gaussian:0.3,bit_flip:0.1")
    code, out, _ = run("denoise", "p.safetensors", "few.npy", "-o", "n.png", *noise)
    assert code == 0
    assert "gaussian 0.3" in out
    assert "non-local means" in out
    with Image.open("n.png") as picture:
        assert picture.height > 200
    one = ("--noise", "gaussian:0.3", "--json")
    code, out, _ = run("denoise", "p.safetensors", "few.npy", "-o", "m.png", *one)
    assert len(json.loads(out)["rows"]) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "-o", "x.npy"), "Missing argument 'MODEL...'"),
        (("p.safetensors", "digits", "-o", "x.csv"), "no table where no noise is added"),
        (("p.safetensors", "digits", "-o", "x.png", "--noise", "fog:0.1"), "--noise 'fog'"),
        (("p.safetensors", "digits", "-o", "x.png", "--noise", "gaussian"), "as gaussian:0.3"),
        (("p.safetensors", "p.safetensors", "digits", "-o", "x.zip"), "x.zip must end in .npy"),
        (("p.safetensors", "./p.safetensors", "digits", "-o", "x.npy"), "takes one model"),
    ],
)
def test_bad_commands_are_one_line(arguments, message, run):
    assert run("fit", "pca", "digits", "--n-components", 4, "-o", "p.safetensors")[0] == 0
    code, _, err = run("denoise", *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
