import numpy as np
import pytest
from sklearn import decomposition
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

import isthmus as ist


@pytest.fixture(scope="module")
def X():
    return np.asarray(ist.load_images("digits")).reshape(-1, 64) / 255


@pytest.mark.parametrize("solver", ["covariance", "gram"])
@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize(("n", "k"), [(1797, 20), (40, 39)])
def test_equals_scikit_learn(X, solver, whiten, n, k):
    X = X[:n]
    ours = ist.PCA(k, solver=solver, whiten=whiten).fit(X)
    theirs = decomposition.PCA(k, svd_solver="full", whiten=whiten).fit(X)
    for name in (
        "mean_", "explained_variance_", "explained_variance_ratio_", "singular_values_"
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-8)
    np.testing.assert_allclose(ours.components_, theirs.components_, atol=1e-5)
    Z = theirs.transform(X)
    np.testing.assert_allclose(ours.encode(X), Z, atol=1e-5)
    np.testing.assert_allclose(ours.decode(Z), theirs.inverse_transform(Z), atol=1e-8)


def test_float32_and_uint8_equal_float64(X):
    exact = ist.PCA(20).fit(X)
    single = ist.PCA(20).fit(X.astype(np.float32))
    packed = ist.PCA(20).fit(np.round(X * 255).astype(np.uint8))
    for model in (single, packed):
        assert model.components_.dtype == np.float32
        np.testing.assert_allclose(model.components_, exact.components_, atol=1e-5)
        np.testing.assert_allclose(model.explained_variance_, exact.explained_variance_, rtol=1e-5)


@pytest.mark.parametrize("integers", [True, False])
def test_integer_products_are_exact(X, monkeypatch, integers):
    packed = np.round(X * 255).astype(np.uint8)
    monkeypatch.setattr("isthmus.models.pca.has_int8_products", lambda device: integers)
    monkeypatch.setattr("torch._int_mm", lambda a, b: a.int() @ b.int())  # exact anywhere
    monkeypatch.setattr("isthmus.models.pca.INTEGER_ROWS", 500)
    mean, scatter = ist.PCA(4).fit(packed)._scatter(ist.Images(packed))
    exact = packed.astype(np.float64) / 255
    tolerance = {"rtol": 1e-12, "atol": 1e-9} if integers else {"rtol": 1e-5, "atol": 1e-3}
    np.testing.assert_allclose(mean, exact.mean(0), **tolerance)
    centred = exact - exact.mean(0)
    np.testing.assert_allclose(scatter, centred.T @ centred, **tolerance)


def test_far_from_the_origin_is_as_exact(X):
    moved = ist.PCA(5).fit((X + 1000).astype(np.float32))
    np.testing.assert_allclose(
        moved.explained_variance_, ist.PCA(5).fit(X).explained_variance_, rtol=1e-2
    )


def test_wide_images_use_the_small_side():
    X = np.random.default_rng(0).normal(size=(30, 9000)).astype(np.float32)
    model = ist.PCA(10).fit(X)
    theirs = decomposition.PCA(10, svd_solver="full").fit(X)
    np.testing.assert_allclose(model.explained_variance_, theirs.explained_variance_, rtol=1e-4)
    np.testing.assert_allclose(model.components_ @ model.components_.T, np.eye(10), atol=1e-5)


def test_randomized_finds_the_leading_subspace(X):
    model = ist.PCA(10, solver="randomized", random_state=0).fit(X)
    exact = ist.PCA(10).fit(X)
    np.testing.assert_allclose(model.explained_variance_, exact.explained_variance_, rtol=1e-4)
    np.testing.assert_allclose(
        model.explained_variance_ratio_, exact.explained_variance_ratio_, rtol=1e-4
    )
    overlap = np.linalg.svd(model.components_ @ exact.components_.T)[1]
    assert overlap.min() > 0.999


def test_chunks_change_nothing(X, monkeypatch):
    whole = ist.PCA(12).fit(X)
    monkeypatch.setattr("isthmus.data.images.CHUNK_BYTES", 64 * 4 * 100)
    np.testing.assert_allclose(ist.PCA(12).fit(X).components_, whole.components_, atol=1e-9)


def test_all_components_lose_nothing(X):
    model = ist.PCA(64).fit(X)
    np.testing.assert_allclose(ist.reconstruct(model, X), X, atol=1e-9)
    assert "carry no variance" in model.health_[0]  # corners of the digits are always black


def test_samples_have_the_mean_and_covariance_of_the_codes(X):
    model = ist.PCA(6).fit(X)
    Z = model.encode(model.sample(20_000, random_state=0))
    np.testing.assert_allclose(Z.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(Z.var(0), model.explained_variance_, rtol=0.05)


def test_pipeline_with_an_svm_on_mnist(data_folder):
    images = ist.load_images("mnist")
    train, test = images.train[:6000], images.test[:2000]
    pipe = make_pipeline(ist.PCA(n_components=20), SVC(C=10, gamma=0.05)).fit(train, train.y)
    assert pipe.score(test, test.y) > 0.94


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_components": 11}, "n_components=11 must be between 1 and the smaller of"),
        ({"n_components": 0}, "n_components=0"),
        ({"n_components": 2, "solver": "svd"}, "solver='svd' must be"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.PCA(**parameters).fit(np.random.default_rng(0).random((20, 10)))
