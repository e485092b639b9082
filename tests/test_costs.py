"""Bits of a study are those of the file that `compress` writes, header and tables counted."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.codec.costs import DECODED, Costs
from isthmus.codec.entropy import encoded
from isthmus.studies.evidence import Evidence
from isthmus.studies.measure import measure

MODELS = {
    "pca": ist.PCA(16),
    "kmeans": ist.KMeans(16, random_state=0, max_iter=20),
    "vae": ist.VAE(2, hidden=(16,), max_steps=20, random_state=0),
}


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


@pytest.fixture(scope="module", params=MODELS)
def model(request, digits):
    return MODELS[request.param].fit(digits.train)


def test_bits_are_those_of_the_file(model, digits, tmp_path):
    found = measure(model, digits, probes=())
    written = ist.compress(model, digits.test, tmp_path / "digits.isth")
    assert found["bits_per_image"] == pytest.approx(8 * written.bytes_per_image, rel=1e-9)
    assert found["coded_psnr"] == pytest.approx(written.psnr, abs=1e-3)
    assert found["coded"] == len(digits.test)
    assert 0 < found["shared_bits"] < found["bits_per_image"]


def test_points_of_a_curve_are_files_too(digits, tmp_path):
    model = ist.PCA(16).fit(digits.train)
    costs = Costs(model, digits.test)
    bits, db = map(list, zip(*costs.curve, strict=True))
    assert bits == sorted(bits, reverse=True)
    assert db == sorted(db, reverse=True)
    written = ist.compress(model, digits.test, tmp_path / "few.isth", quality=db[2])
    assert written.bytes_per_image * 8 == pytest.approx(bits[2], rel=0.02)


def test_the_error_of_rounding_is_measured_on_some_of_many_images(digits, monkeypatch):
    model = ist.PCA(16).fit(digits.train)
    every = Costs(model, digits.test).curve
    monkeypatch.setattr("isthmus.codec.costs.DECODED", 100)
    few = Costs(model, digits.test, model.encode(digits.test)).curve
    assert [bits for bits, _ in few] == [bits for bits, _ in every]
    np.testing.assert_allclose([db for _, db in few], [db for _, db in every], atol=0.1)
    assert DECODED > 100


def test_half_of_an_interval_holds_other_images(digits):
    """Of two halves of a set each tells the other's bits, but for 1 in 20."""
    model = ist.PCA(8).fit(digits.train)
    rng, hits = np.random.default_rng(0), 0
    symbols = np.rint(4 * model.encode(digits)).astype(int)
    _, bits = encoded(symbols)
    for _ in range(200):
        drawn = bits[rng.choice(len(bits), 60)]
        hits += abs(drawn.mean() - bits.mean()) < 1.96 * drawn.std(ddof=1) / 60**0.5
    assert 0.9 < hits / 200 <= 0.99
    costs = Costs(model, digits.test)
    assert 0 < costs.usual.within < 0.1 * costs.usual.per_image


def test_own_bits_are_the_length_but_for_tables():
    rng = np.random.default_rng(0)
    symbols = np.rint(rng.normal(0, [[0.4, 3, 40]], (5000, 3))).astype(int)
    content, bits = encoded(symbols)
    assert bits.shape == (5000,)
    assert (bits > 0).all()
    assert 0 < 8 * len(content) - bits.sum() < 0.02 * bits.sum()


def test_codes_that_are_not_finite_have_no_size(digits):
    known = Evidence(ist.PCA(4).fit(digits.train), digits, 400, 0, {})
    known.codes = np.full((len(known.images), 4), np.nan, np.float32)
    assert known["coded_bits"] is None
