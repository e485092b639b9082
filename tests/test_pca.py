from contextlib import nullcontext as nothing

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


def of_rank(rank, n, d):
    """Images of a rank, their axes of clearly different strengths."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(m, rank)))[0] for m in (n, d))
    return left * 0.8 ** np.arange(rank) @ right.T * np.sqrt(n * d / rank) / 12 + 0.5


KINDS = {
    "tall": lambda: of_rank(20, 90, 20),
    "wide": lambda: of_rank(24, 25, 60),
    "low rank, tall": lambda: of_rank(5, 90, 30),
    "low rank, wide": lambda: of_rank(5, 30, 90),
    "repeated": lambda: np.tile(of_rank(4, 4, 50), (6, 1)),
    "one pair": lambda: of_rank(2, 2, 40),
    "constant": lambda: np.full((20, 30), 77 / 255),
    "constant, wide": lambda: np.linspace(0, 1, 40).repeat(9).reshape(40, 9).T.copy(),
    "pixels that never change": lambda: np.pad(of_rank(6, 40, 10), ((0, 0), (15, 5))),
}
DTYPES = {"float64": 1e-9, "float32": 2e-5, "uint8": 2e-5}


@pytest.mark.parametrize("solver", ["auto", "covariance", "gram", "randomized"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
@pytest.mark.parametrize("kind", KINDS)
def test_any_rank_anywhere_equals_scikit_learn(kind, offset, dtype, solver):
    """Subspace, order and reconstruction; axes beyond the rank are orthogonal, of variance 0."""
    if dtype == "uint8":
        if offset:
            pytest.skip("bytes have no offset")
        X = np.round(np.clip(KINDS[kind](), 0, 1) * 255).astype(np.uint8)
    else:
        X = (KINDS[kind]() + offset).astype(dtype)
    exact = X.astype(np.float64) / (255 if dtype == "uint8" else 1)
    k = min(X.shape)
    theirs = decomposition.PCA(k, svd_solver="full").fit(exact)
    ours = ist.PCA(k, solver=solver, random_state=0).fit(X)
    scale = max(float(theirs.explained_variance_[0]), 1e-12)
    grain = float(np.spacing(ours.mean_.max()))  # what the values themselves are good for
    near = DTYPES[dtype] * np.sqrt(scale) + 2 * grain
    np.testing.assert_allclose(ours.components_ @ ours.components_.T, np.eye(k), atol=1e-5)
    np.testing.assert_allclose(
        ours.explained_variance_, theirs.explained_variance_, atol=near * np.sqrt(scale), rtol=1e-4
    )
    assert np.all(np.diff(ours.explained_variance_) <= 0)
    deviation = np.sqrt(theirs.explained_variance_)
    known = deviation > max(1e-3 * deviation[0], 40 * grain)
    if dtype != "float64" or not offset:
        assert np.all((ours.explained_variance_ > 0) >= known)
    if not offset:  # nothing but the rank has a variance
        rank = np.linalg.matrix_rank(
            exact - exact.mean(0), tol=1e-6 * np.sqrt(len(X) * scale) + 1e-12
        )
        assert np.all(ours.explained_variance_[rank:] == 0)
    gaps = np.diff(deviation, append=0) < -0.02 * deviation[0]
    for j in np.flatnonzero(known & gaps & np.roll(gaps, 1)):
        assert abs(ours.components_[j] @ theirs.components_[j]) > 1 - 1e-4
    errors = []
    for width in (1, 2, 5, k):
        model = ist.PCA(min(width, k), solver=solver, random_state=0).fit(X)
        error = np.sqrt(np.mean((ist.reconstruct(model, X).astype(np.float64) - exact) ** 2))
        best = decomposition.PCA(min(width, k), svd_solver="full").fit(exact)
        lost = best.inverse_transform(best.transform(exact)) - exact
        assert error == pytest.approx(np.sqrt(np.mean(lost**2)), rel=1e-3, abs=near + 9 * grain)
        errors.append(error)
    assert np.all(np.diff(errors) <= near)  # more components are never worse


@pytest.mark.parametrize("solver", ["covariance", "gram", "randomized"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
@pytest.mark.parametrize("value", [0, 77, 255])
def test_whitened_codes_of_constant_images_are_0(solver, dtype, value):
    X = np.full((20, 5, 5), value).astype(dtype)
    X = X if dtype == np.uint8 else X / dtype(255)
    model = ist.PCA(3, whiten=True, solver=solver, random_state=0).fit(X)
    codes = model.encode(X)
    assert (codes == 0).all()
    scaled = X / 255 if dtype == np.uint8 else X
    np.testing.assert_allclose(model.decode(codes), scaled, atol=1e-6)
    np.testing.assert_allclose(model.decode(codes + 1), scaled, atol=1e-6)
    np.testing.assert_allclose(model.sample(20, random_state=0), scaled, atol=1e-6)
    assert (model.encode(X[:2] // 2) == 0).all() if dtype == np.uint8 else True


@pytest.mark.parametrize("solver", ["covariance", "gram", "randomized"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", [0, 1e3])
def test_whitening_leaves_out_what_is_but_rounding(solver, dtype, offset):
    X = (np.pad(of_rank(3, 60, 8), ((0, 0), (0, 2)), mode="edge") + offset).astype(dtype)
    model = ist.PCA(6, whiten=True, solver=solver, random_state=0).fit(X)
    codes = model.encode(X)
    deviation = codes.std(0, ddof=1, dtype=np.float64)
    np.testing.assert_allclose(deviation[:3], 1, rtol=5e-3)
    assert np.all(deviation[3:] < 1.1)
    if not offset:
        assert np.all(deviation[3:] == 0)
    np.testing.assert_allclose(model.decode(codes), X, atol=1e-5 + 2 * np.spacing(dtype(offset)))


@pytest.mark.parametrize(
    ("n", "d", "solver"),
    [
        (60_000, 784, "covariance"),
        (1_797, 64, "covariance"),
        (801, 3_072, "gram"),
        (2_000, 3_072, "gram"),
        (100, 200_000, "gram"),
        (50_000, 3_072, "covariance"),
        (10_000, 12_288, "randomized"),
    ],
)
def test_auto_takes_the_cheapest_solver(n, d, solver):
    assert ist.PCA._choose(n, d) == solver


def test_what_is_taken_for_auto(monkeypatch):
    taken = []
    by_gram = ist.PCA._by_gram
    monkeypatch.setattr(ist.PCA, "_by_gram", lambda self, X: taken.append(1) or by_gram(self, X))
    ist.PCA(2).fit(np.random.default_rng(0).random((10, 200)))
    assert taken == [1]
    ist.PCA(2).fit(np.random.default_rng(0).random((200, 10)))
    assert taken == [1]


@pytest.mark.parametrize("solver", ["covariance", "gram", "randomized"])
def test_tiny_values_keep_their_shares(solver, X):
    X = X[:100].astype(np.float32)
    plain, tiny = (
        ist.PCA(5, solver=solver, random_state=0).fit(X * np.float32(v)) for v in (1, 1e-25)
    )
    np.testing.assert_allclose(tiny.components_, plain.components_, atol=1e-5)
    for name in ("explained_variance_ratio_", "singular_values_"):
        scale = 1e-25 if name == "singular_values_" else 1
        np.testing.assert_allclose(getattr(tiny, name) / scale, getattr(plain, name), rtol=1e-5)


@pytest.mark.parametrize("solver", ["covariance", "gram", "randomized"])
@pytest.mark.parametrize("value", [1e17, 1e30, 1e38])
def test_huge_values_are_right_or_refused(value, solver, X):
    X = X[:100]
    huge = ist.PCA(5, solver=solver, random_state=0).fit(X * value)
    plain = ist.PCA(5, solver=solver, random_state=0).fit(X)
    np.testing.assert_allclose(huge.components_, plain.components_, atol=1e-6)
    np.testing.assert_allclose(huge.encode(X * value) / value, plain.encode(X), atol=1e-6)
    model = ist.PCA(5, solver=solver, random_state=0)
    with pytest.raises(ValueError, match="values are too large") if value > 1e18 else nothing():
        model.fit((X * value).astype(np.float32))
        np.testing.assert_allclose(model.components_, plain.components_, atol=1e-4)
    wide = np.full((1, 64), 3e38, np.float32)
    with pytest.raises(ValueError, match="values are too large"):
        ist.PCA(5).fit(X.astype(np.float32)).encode(
            wide * np.sign(plain.components_[:1]).astype(np.float32)
        )


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
    monkeypatch.setattr("isthmus.data.packing.CHUNK_BYTES", 64 * 4 * 100)
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


def test_one_byte_an_image_has_the_variance_it_has():
    X = np.array([[10], [100], [60]], np.uint8)
    for n in (2, 3):
        expected = (X[:n] / 255).var(ddof=1)
        assert ist.PCA().fit(X[:n]).explained_variance_[0] == pytest.approx(expected, rel=1e-6)
