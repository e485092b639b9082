"""What a study says a representation is good for: measured, and chosen by the figures alone."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.scores.generation import coverage
from isthmus.uses import leading, psnr_within, rate_curve, samples, uses


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits")


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(16).fit(images.train)


def test_a_coarser_code_is_smaller_and_further_away(images, pca):
    few = images.test.evenly(200)
    curve = rate_curve(pca.encode(images.train), pca.encode(few), pca.decode, few)
    bits, db = zip(*curve, strict=True)
    assert list(bits) == sorted(bits, reverse=True)
    assert list(db) == sorted(db, reverse=True)


def test_leading_numbers_are_the_variance_of_leading_components(images, pca):
    few = images.test.evenly(300)
    share = leading(pca, pca.encode(images.train), pca.encode(few), few)
    assert share == pytest.approx(pca.explained_variance_ratio_[:5].sum(), abs=0.05)


def test_a_psnr_of_few_images_is_less_sure():
    errors = np.random.default_rng(0).uniform(0, 0.5, (400, 1)).astype(np.float32)
    X = np.zeros((400, 3), np.float32)
    few, many = psnr_within(X[:100], X[:100] + errors[:100]), psnr_within(X, X + errors)
    assert few == pytest.approx(2 * many, rel=0.2)
    assert psnr_within(X[:1], X[:1]) is None


def test_samples_are_judged_by_likeness_and_by_variety(images, pca):
    class Same(type(pca)):
        def sample(self, n, random_state=0):
            return np.repeat(np.asarray(images.test[:1]), n, axis=0) / np.float32(255)

    same = Same(16).fit(images.train)
    good, bad = samples(pca, images.test), samples(same, images.test)
    assert good["frechet"] < bad["frechet"] / 5
    assert good["variety"] > 10 * bad["variety"]
    assert samples(pca, images.test[:20]) == {}
    far = np.random.default_rng(0).normal(50, 30, (50, 2))
    assert coverage(np.random.default_rng(1).normal(size=(50, 2)), far) == 0


def test_an_index_and_a_pixel_code_have_what_they_can_have(images):
    kmeans = ist.KMeans(8, random_state=0).fit(images.train)
    codes = kmeans.encode(images.test)
    found = uses(kmeans, images.test, codes, codes)
    assert found["numbers"] == 1
    assert "frechet" in found
    assert "rate" not in found
