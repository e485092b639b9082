"""Who owns a plane of codes, and who is taken for whom, against what can be worked out."""

import numpy as np
import pytest
from scipy.stats import spearmanr

import isthmus as ist
from isthmus.data.corrupt import with_noise
from isthmus.data.images import Images
from isthmus.verbs import territory as territories
from isthmus.verbs.closeness import closeness, confusion, nearest_images
from isthmus.verbs.territory import Territory, extent_of, grid


@pytest.fixture(scope="module")
def glyphs():
    return ist.load_images("glyphs")


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(1).normal(size=(12, 2)) * [2, 1]


def on_a_plane(points, width=5):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(width, width)))[0]
    return points @ turn[: points.shape[1]]


def test_territory_of_a_linear_model_is_a_voronoi_diagram(points):
    images = on_a_plane(points)  # a plane among vectors of five numbers
    model = ist.PCA(2).fit(images)
    found = ist.territory(model, images, resolution=40)
    places = grid(np.zeros(2), found.extent, 40)
    nearest = ((places[:, None] - model.encode(images)) ** 2).sum(2).argmin(1)
    assert (found.owners.ravel() == nearest).mean() > 0.999
    np.testing.assert_allclose(found.shares, np.bincount(nearest, minlength=12) / 1600, atol=1e-3)
    assert extent_of(model.encode(images)) == found.extent


def test_other_numbers_than_the_two_stay_as_they_are():
    images = on_a_plane(np.random.default_rng(3).normal(size=(20, 3)) * [3, 2, 1])
    model = ist.PCA(3).fit(images)
    codes = model.encode(images)
    found = ist.territory(model, images, 15, dims=(2, 0), start=codes[4])
    places = grid(codes[4], found.extent, 15, (2, 0))
    assert (places[:, 1] == np.float32(codes[4, 1])).all()
    nearest = ((places[:, None] - codes) ** 2).sum(2).argmin(1)
    assert (found.owners.ravel() == nearest).mean() > 0.99
    assert found.extent == extent_of(codes, (2, 0))
    middle = ist.territory(model, images, 15)
    again = ist.territory(model, images, 15, start=codes.mean(0))
    np.testing.assert_array_equal(middle.owners, again.owners)


def test_blocks_and_chunks_make_no_difference(points, monkeypatch):
    images = Images(on_a_plane(points).astype(np.float32))
    model = ist.PCA(2).fit(images)
    whole = ist.territory(model, images, 20)
    monkeypatch.setattr(territories, "BLOCK_BYTES", 700)
    chunks = Images.chunks
    monkeypatch.setattr(Images, "chunks", lambda self, size=None: chunks(self, 5))
    np.testing.assert_array_equal(ist.territory(model, images, 20).owners, whole.owners)


def test_classes_share_what_their_images_own():
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    found = Territory(np.zeros((2, 2), int), shares, (0, 1, 0, 1))
    np.testing.assert_allclose(found.of_classes([1, 0, 1, -1]), [0.2, 0.4])
    with pytest.raises(ValueError, match="4 images"):
        found.of_classes([0, 1])


def test_nearest_images_read_bytes_as_they_read_floats(glyphs):
    decoded = np.asarray(glyphs)[::-1] / np.float32(255)
    np.testing.assert_array_equal(nearest_images(decoded, glyphs), np.arange(32)[::-1])


def test_confusion_counts_what_noise_does(glyphs):
    model = ist.PCA(3).fit(glyphs)
    many = glyphs[np.tile(np.arange(32), 6)]
    copies = with_noise(many, "bit_flip", 0.1, 5)
    found = confusion(model, glyphs, copies)
    np.testing.assert_allclose(found.sum(1), 1)
    own = np.asarray(glyphs).reshape(32, -1) / 255
    decoded = ist.reconstruct(model, copies).reshape(192, 1, -1)
    nearest = ((decoded - own) ** 2).sum(2).argmin(1).reshape(6, 32)
    for row in range(32):
        np.testing.assert_allclose(found[row], np.bincount(nearest[:, row], minlength=32) / 6)
    assert 0 < np.trace(found) < 32


def test_noise_is_what_was_asked_for_and_repeats(glyphs):
    clean = np.asarray(glyphs) / np.float32(255)
    flipped = with_noise(glyphs, "bit_flip", 0.2, 1)
    assert np.mean(flipped != clean) == pytest.approx(0.2, abs=0.04)
    np.testing.assert_array_equal(flipped, with_noise(glyphs, "bit_flip", 0.2, 1))
    assert (flipped != with_noise(glyphs, "bit_flip", 0.2, 2)).any()


def test_closeness_is_spearmans_rank_over_pairs():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(9, 2))
    apart = np.linalg.norm(codes[:, None] - codes, axis=2)
    confused = np.exp(-apart) * rng.uniform(0.8, 1.2, apart.shape)
    found = closeness(codes, confused)
    pairs = np.triu_indices(9, 1)
    theirs = spearmanr(apart[pairs], ((confused + confused.T) / 2)[pairs])
    assert found.rank == pytest.approx(theirs.statistic)
    assert found.rank < -0.8
    assert found.chance < 0.02
    assert np.isnan(closeness(codes, np.eye(9)).rank)  # nothing was ever taken for another


def test_chance_is_even_where_codes_have_nothing_to_do_with_confusion():
    """Pairs share images: Spearman's own p-value finds far too much in them."""
    chances, theirs = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        loud = rng.random(12) ** 2  # images that are taken for all others, or for none
        found = closeness(rng.normal(size=(12, 2)), np.outer(loud, loud))
        chances.append(found.chance)
        theirs.append(spearmanr(found.distance, found.taken).pvalue)
    assert np.mean(np.array(theirs) < 0.05) > 0.15
    assert np.mean(np.array(chances) < 0.05) < 0.12


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda m, x: ist.territory(ist.PCA(1).fit(x), x), "two numbers an image"),
        (lambda m, x: ist.territory(ist.KMeans(3, random_state=0).fit(x), x), "two numbers"),
        (lambda m, x: ist.territory(m, x, dims=(0, 3)), "0 to 2"),
        (lambda m, x: ist.territory(m, x, dims=(1, 1)), "two different"),
        (lambda m, x: ist.territory(m, x, start=[0.0]), "a code of 3 numbers"),
        (lambda m, x: ist.territory(m, x, 1), "resolution=1"),
        (lambda m, x: confusion(m, x, x[:5]), "5 copies of 32 images"),
        (lambda m, x: with_noise(x, "bits", 0.1), "bit_flip"),
    ],
)
def test_bad_input(glyphs, wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong(ist.PCA(3).fit(glyphs), glyphs)
