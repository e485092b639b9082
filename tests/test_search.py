"""Search, against scikit-learn's neighbours."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

import isthmus as ist
from isthmus.contract import Contract
from isthmus.latent import neighbors as search
from isthmus.latent.neighbors import Best, Index, nearest_codes
from isthmus.metrics import precision_at_k


def theirs(model, queries, images, k):
    index = NearestNeighbors(algorithm="brute").fit(model.transform(images))
    distances, rows = index.kneighbors(model.transform(queries), k)
    return rows, distances


@pytest.mark.parametrize("family", [ist.PCA(8), ist.KMeans(12, random_state=0)])
def test_the_nearest_are_those_of_scikit_learn(family, images):
    model = family.fit(images.train)
    found = ist.nearest(model, images.test, images.train, k=6)
    rows, distances = theirs(model, images.test, images.train, 6)
    np.testing.assert_allclose(found.distances, distances, atol=1e-3)
    assert (found.rows == rows).mean() > 0.999  # but for ties


def test_small_chunks_and_blocks_find_the_same(pca, images, monkeypatch):
    whole = ist.nearest(pca, images.test, images.train, k=5)
    monkeypatch.setattr("isthmus.verbs.nearest.chunk_rows", lambda shape: 37)
    monkeypatch.setattr(search, "BLOCK", 50)
    parts = ist.nearest(pca, images.test, images.train, k=5)
    np.testing.assert_array_equal(parts.rows, whole.rows)
    np.testing.assert_allclose(parts.distances, whole.distances, atol=1e-5)


def test_a_set_is_never_encoded_as_a_whole(pca, images, monkeypatch):
    seen = []

    class Watching(Contract):
        code_shape_ = (1,)

        def encode(self, some):
            seen.append(len(some))
            return pca.encode(some)

    monkeypatch.setattr("isthmus.verbs.nearest.chunk_rows", lambda shape: 100)
    ist.nearest(Watching(), images.test[:3], images.train, k=2)
    assert max(seen) == 100


def test_an_image_does_not_find_itself(pca, images):
    asked = [5, 9, 700]
    plain = ist.nearest(pca, images[asked], images, 4)
    assert plain.rows[:, 0].tolist() == asked
    without = ist.nearest(pca, images[asked], images, 3, without=asked)
    np.testing.assert_array_equal(without.rows, plain.rows[:, 1:])
    mixed = ist.nearest(pca, images[asked], images, 3, without=[5, -1, 700])
    assert mixed.rows[1, 0] == 9


@pytest.mark.parametrize("method", ["exact", "tree", "auto", "faiss"])
def test_an_index_finds_what_a_search_finds(pca, images, method):
    if method == "faiss":
        pytest.importorskip("faiss", reason="faiss is not installed")
    index = Index(pca.encode(images.train), method)
    assert len(index) == 1438
    own = np.arange(40)
    for without in (None, own):
        found = ist.nearest(pca, images.train[own], index, 5, without=without)
        exact = ist.nearest(pca, images.train[own], images.train, 5, without=without)
        least = 0.98 if method == "faiss" else 0.999  # faiss may miss some
        assert (found.rows == exact.rows).mean() >= least
        np.testing.assert_allclose(
            found.distances[:, 0], exact.distances[:, 0], atol=0.02 if method == "faiss" else 1e-2
        )


def test_an_index_of_wide_codes_compares_with_all():
    rng = np.random.default_rng(0)
    assert Index(rng.normal(size=(20, 12))).method == "tree"
    assert Index(rng.normal(size=(20, 13))).method == "exact"


def test_of_equals_the_first_comes_first():
    best = Best(np.zeros((1, 2)), 3)
    best.see(np.ones((2, 2)))
    best.see(np.ones((1, 2)))
    assert best.found().rows.tolist() == [[0, 1, 2]]


def test_precision_counts_labels(pca, images):
    own = np.arange(len(images.test))
    found = ist.nearest(pca, images.test, images.test, 5, without=own)
    y = images.test.y
    by_hand = np.mean(
        [(y[rows] == label).mean() for rows, label in zip(found.rows, y, strict=True)]
    )
    assert precision_at_k(y, y[found.rows]) == pytest.approx(by_hand)
    assert by_hand > 0.85
    assert precision_at_k([2, -1], [[2, -1], [2, 2]]) == 0.5
    for wrong in (([1, 2], [[1]]), ([1], [1]), ([-1], [[1]])):
        with pytest.raises(ValueError, match=r"\(q, k\)|labelled"):
            precision_at_k(*wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda m, x: ist.nearest(m, x[:2], x, 0), "k=0 must be 1 to 359"),
        (lambda m, x: ist.nearest(m, x[:2], x, 360), "k=360 must be 1 to 359"),
        (lambda m, x: ist.nearest(m, x[:2], x, 359, without=[0, 1]), "1 to 358"),
        (lambda m, x: ist.nearest(m, x[:2], x, 3, without=[0]), "each of 2 queries"),
        (lambda m, x: ist.nearest(m, np.zeros((2, 5, 5)), x), "fitted on images of shape"),
        (lambda m, x: Index(m.encode(x), "ball"), "'tree'"),
        (lambda m, x: Index([[np.nan]]), "finite"),
        (lambda m, x: Index(m.encode(x)).search(np.zeros((1, 3)), 2), "8 numbers wide"),
    ],
)
def test_bad_input(pca, images, wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong(pca, images.test)


def by_definition(queries, codes, k):
    """Rows by distance in float64, the first of equals first."""
    apart = ((queries[:, None].astype(np.float64) - codes[None].astype(np.float64)) ** 2).sum(2)
    rows = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return rows, np.sqrt(np.take_along_axis(apart, rows, 1))


@pytest.mark.parametrize("method", ["exact", "tree"])
@pytest.mark.parametrize("offset", [0, 1, 3000, 1e6, -1e7])
def test_a_code_is_its_own_nearest_at_any_offset(method, offset):
    rng = np.random.default_rng(0)
    codes = (rng.integers(0, 60, (400, 6)) + offset).astype(np.float32)
    found = Index(codes, method).search(codes, 4)
    rows, distances = by_definition(codes, codes, 4)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9)
    assert (found.distances[:, 0] == 0).all()


@pytest.mark.parametrize("method", ["exact", "tree"])
def test_duplicates_and_ties_come_in_the_order_of_their_rows(method, monkeypatch):
    monkeypatch.setattr("isthmus.latent.neighbors.BLOCK", 7)
    rng = np.random.default_rng(1)
    codes = np.tile(rng.integers(0, 3, (40, 3)), (4, 1)).astype(np.float32)
    queries = np.concatenate([codes[:50], codes[:20] + 0.5])
    for k in (1, 3, 30, 159):
        found = Index(codes, method).search(queries, k)
        rows, distances = by_definition(queries, codes, k)
        np.testing.assert_array_equal(found.rows, rows)
        np.testing.assert_allclose(found.distances, distances, atol=1e-12)
    own = np.arange(50)
    found = Index(codes, method).search(codes[:50], 3, own)
    assert not (found.rows == own[:, None]).any()
    wide = np.tile(rng.normal(size=(30, 40)), (5, 1)).astype(np.float32)
    again = Index(wide).search(wide, 5)
    np.testing.assert_array_equal(again.rows, np.arange(150)[:, None] % 30 + 30 * np.arange(5))


def test_codes_of_any_scale_and_two_far_clouds():
    rng = np.random.default_rng(2)
    codes = rng.normal(size=(300, 20)) * 1e-3 + 1e5 * (np.arange(300) % 2)[:, None]
    found = nearest_codes(codes, codes, 3)
    rows, distances = by_definition(codes, codes, 3)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9)
    for scale in (1e-20, 1e12):
        np.testing.assert_array_equal(nearest_codes(scale * codes, scale * codes, 3).rows, rows)


def test_images_far_from_the_origin_are_their_own_nearest(images):
    X = np.asarray(images.test[:80], dtype=np.float32).reshape(80, -1)
    twice = np.concatenate([X, X]) + 3000
    for model in (ist.PCA(8), ist.KMeans(9, random_state=0)):
        model.fit(twice)
        found = ist.nearest(model, twice, twice, 2)
        assert (np.sort(found.rows % 80, 1) == (np.arange(160) % 80)[:, None]).all()
