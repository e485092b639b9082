import errno
import os

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from sklearn import decomposition

import isthmus as ist
from isthmus.data import scratch
from isthmus.models import nmf
from isthmus.verbs.denoise import denoise

UPDATES = ("cd", "mu")


@pytest.fixture(scope="module")
def X():
    return np.asarray(ist.load_images("digits")).reshape(-1, 64) / 255


def error(model, X):
    return np.linalg.norm(model.decode(model.encode(X)) - X)


@pytest.mark.parametrize("init", ["nndsvda", "random"])
@pytest.mark.parametrize("solver", ["cd", "mu"])
def test_the_error_never_rises(X, solver, init, monkeypatch):
    errors = []
    improve = nmf._Factors.improve
    monkeypatch.setattr(
        nmf._Factors, "improve", lambda *given: errors.append(improve(*given)) or errors[-1]
    )
    model = ist.NMF(12, solver=solver, init=init, max_iter=60, tol=0, random_state=0).fit(X)
    assert len(errors) == model.n_iter_ == 60
    assert np.all(np.diff(errors) <= 1e-9)
    assert errors[-1] == model.reconstruction_err_ < 0.7 * errors[0] + 0.3 * np.linalg.norm(X)


@pytest.mark.parametrize("k", [5, 20])
def test_as_good_as_scikit_learn(X, k):
    theirs = decomposition.NMF(k, init="nndsvda", max_iter=1000, tol=1e-6).fit(X)
    ours = ist.NMF(k, max_iter=1000, tol=1e-6, random_state=0).fit(X)
    assert ours.reconstruction_err_ < 1.005 * theirs.reconstruction_err_


def test_multiplicative_updates_come_close_to_coordinate_descent(X):
    given = {"max_iter": 1000, "tol": 1e-6, "random_state": 0}
    cd, mu = (ist.NMF(10, solver=s, **given).fit(X).reconstruction_err_ for s in UPDATES)
    assert cd * 0.99 < mu < cd * 1.03


@pytest.mark.parametrize("solver", UPDATES)
def test_updates_are_their_formulas(solver):
    rng = np.random.default_rng(0)
    x, v, u = rng.random((7, 9)), rng.random((3, 9)), rng.random((7, 3))
    codes = torch.from_numpy(u.T.copy())
    nmf.UPDATES[solver](codes, torch.from_numpy(v @ x.T), torch.from_numpy(v @ v.T))
    if solver == "mu":
        u = u * (x @ v.T) / (u @ v @ v.T)
    else:
        for j in range(3):
            left = x - u @ v + np.outer(u[:, j], v[j])
            u[:, j] = np.maximum(left @ v[j] / (v[j] @ v[j]), 0)
    np.testing.assert_allclose(codes.T, u, atol=1e-12)


def test_a_product_of_two_parts_is_found_again():
    rng = np.random.default_rng(0)
    true = np.array([[1.0, 0.5, 0, 0, 0.2], [0, 0, 1, 0.7, 0.1]])
    U = np.concatenate([np.diag([2.0, 3.0]), rng.random((60, 2))])  # pure images: one answer
    X = U @ true
    model = ist.NMF(2, max_iter=5000, tol=1e-9, random_state=0).fit(X)
    assert error(model, X) < 1e-4 * np.linalg.norm(X)
    order = np.argsort(-model.components_[:, 0])
    np.testing.assert_allclose(model.components_[order], true, atol=2e-3)
    np.testing.assert_allclose(model.encode(X)[:, order], U, atol=5e-3)


def test_codes_are_the_least_squares_ones_and_those_of_the_fit(X, monkeypatch):
    kept = []
    scaled = nmf._Factors.scaled
    monkeypatch.setattr(nmf._Factors, "scaled", lambda self: kept.append(scaled(self)) or kept[-1])
    model = ist.NMF(16, max_iter=3000, tol=1e-8, random_state=0).fit(X)
    codes = model.encode(X)
    exact = np.array([nnls(model.components_.T, x)[0] for x in X[:50]])
    np.testing.assert_allclose(codes[:50], exact, atol=1e-6)
    np.testing.assert_allclose(codes, kept[0][2], atol=2e-2)
    assert error(model, X) == pytest.approx(model.reconstruction_err_, rel=1e-4)


@pytest.mark.parametrize("solver", UPDATES)
def test_chunks_add_up_to_the_whole(X, solver, monkeypatch):
    whole = ist.NMF(8, solver=solver, max_iter=20, random_state=0).fit(X)
    monkeypatch.setattr(ist.NMF, "_rows", lambda self, images: 100)
    chunked = ist.NMF(8, solver=solver, max_iter=20, random_state=0).fit(X)
    if solver == "cd":
        np.testing.assert_allclose(chunked.components_, whole.components_, atol=1e-8)
    assert chunked.reconstruction_err_ == pytest.approx(whole.reconstruction_err_, rel=1e-2)


def test_codes_of_many_images_lie_in_a_file_while_it_fits(X, monkeypatch, tmp_path):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path))
    known = ist.NMF(4, max_iter=5, random_state=0).fit(X)
    monkeypatch.setattr(scratch, "SCRATCH_BYTES", 100)
    assert isinstance(scratch.scratch((3, 20), np.float32), np.memmap)
    found = ist.NMF(4, max_iter=5, random_state=0).fit(X)
    for name in ("components_", "use_", "code_quantiles_", "code_spread_"):
        np.testing.assert_array_equal(getattr(found, name), getattr(known, name))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_disks_that_give_no_room_beforehand_will_do(monkeypatch, tmp_path):
    def unsupported(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path))
    monkeypatch.setattr(scratch, "SCRATCH_BYTES", 100)
    monkeypatch.setattr(os, "posix_fallocate", unsupported, raising=False)
    room = scratch.scratch((3, 20), np.float32)
    room[:] = 1
    assert isinstance(room, np.memmap)
    assert room.sum() == 60


def test_samples_are_like_the_codes(X):
    model = ist.NMF(10, random_state=0).fit(X)
    codes = model.encode(X)
    drawn = model.sample(3000, random_state=0)
    assert drawn.min() >= 0
    np.testing.assert_allclose(drawn.mean(0), (codes @ model.components_).mean(0), atol=0.02)
    back = model.encode(drawn)
    np.testing.assert_allclose((back < 1e-6).mean(0), (codes < 1e-6).mean(0), atol=0.03)
    assert np.corrcoef(np.corrcoef(back.T).ravel(), np.corrcoef(codes.T).ravel())[0, 1] > 0.9


def test_parts_have_a_largest_value_of_one(X):
    parts = ist.NMF(6, random_state=0).fit(X).parts()["parts"]
    np.testing.assert_allclose(parts.max(1), 1)
    assert parts.min() == 0


def test_float32_images_have_float32_codes(X):
    model = ist.NMF(4, random_state=0).fit(X.astype(np.float32))
    assert model.components_.dtype == model.encode(X.astype(np.float32)).dtype == np.float32
    assert ist.NMF(4, random_state=0).fit(X).components_.dtype == np.float64


def test_findings():
    X = np.zeros((20, 4))
    model = ist.NMF(2, random_state=0).fit(X)
    assert "all 20 images are the same" in model.health_[0]
    assert (model.encode(X) == 0).all()
    rough = ist.NMF(4, max_iter=1, random_state=0).fit(np.random.default_rng(0).random((50, 9)))
    assert "not settled after 1 passes (max_iter=1)" in rough.health_[0]


def test_as_good_as_scikit_learn_on_mnist_after_equal_passes(data_folder):
    images = ist.load_images("mnist").train[:4000]
    X = np.asarray(images).reshape(len(images), -1) / np.float32(255)
    ours = ist.NMF(20, max_iter=20, tol=0, random_state=0).fit(images)
    theirs = decomposition.NMF(20, init="nndsvda", max_iter=20, tol=1e-12, random_state=0)
    with pytest.warns(match="Maximum number of iterations"):
        theirs.fit(X)
    assert ours.reconstruction_err_ < 1.002 * theirs.reconstruction_err_


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_components": 0}, "n_components=0 must be between 1 and"),
        ({"n_components": 5}, "n_features=4"),
        ({"n_components": 2, "solver": "hals"}, "solver='hals' must be one of 'cd', 'mu'"),
        ({"n_components": 2, "init": "nndsvd"}, "did you mean 'nndsvda'"),
        ({"n_components": 2, "max_iter": 0}, "max_iter=0 must be at least 1"),
        ({"n_components": 2, "tol": -1}, "tol=-1 must be at least 0"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.NMF(**parameters).fit(np.random.default_rng(0).random((20, 4)))


@pytest.mark.parametrize("verb", ["fit", "encode", "transform", "score"])
def test_negative_values_are_refused_in_words(verb):
    rng = np.random.default_rng(0)
    model = ist.NMF(2, random_state=0).fit(rng.random((20, 4)))
    with pytest.raises(
        ValueError, match=r"Negative values in data passed to NMF \(such as -.*PCA"
    ):
        getattr(model, verb)(rng.normal(size=(20, 4)))


def test_denoising_takes_negative_values_for_0(X):
    model = ist.NMF(6, random_state=0).fit(X)
    noisy = X[:20] + np.random.default_rng(0).normal(0, 0.3, X[:20].shape)
    expected = model.decode(model.encode(np.float32(noisy).clip(min=0))).clip(0, 1)
    np.testing.assert_allclose(denoise(model, noisy), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [1e-30, 1e-20, 1e17, 1e30, 1e37])
def test_the_unit_of_the_values_does_not_matter(X, value, dtype):
    X = X[:60]
    small = ist.NMF(4, random_state=0).fit(X.astype(dtype))
    model = ist.NMF(4, random_state=0).fit((X * value).astype(dtype))
    assert model.health_ == small.health_ == []
    assert model.reconstruction_err_ == pytest.approx(small.reconstruction_err_ * value, rel=1e-2)
    assert model.reconstruction_err_ == pytest.approx(error(model, X * value), rel=1e-2)
    assert np.isfinite(model.sample(5, random_state=0)).all()
    assert model.sample(50, random_state=0).max() < 5 * value


@pytest.mark.parametrize("solver", UPDATES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_small_errors_are_measured_and_made_smaller(X, solver, dtype, offset):
    """Beside values this large the error vanishes in the rounding of their squares."""
    X = (X[:100] + offset).astype(dtype)
    model = ist.NMF(5, solver=solver, max_iter=100, random_state=0).fit(X)
    about = X.astype(np.float64) - X.mean(0, dtype=np.float64)
    # as good as two components of PCA: a part is spent on the offset
    left = np.sqrt(np.cumsum(np.linalg.svd(about)[1][::-1] ** 2)[::-1])
    assert model.reconstruction_err_ < left[2 if solver == "cd" else 0]
    exact = np.array([nnls(model.components_.T.astype(float), x)[1] for x in X.astype(float)])
    best = np.linalg.norm(exact)  # codes of the fit come near it, multiplied ones slowly
    assert 0.99 * best < model.reconstruction_err_ < (1.1 if solver == "cd" else 1.3) * best


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
@pytest.mark.parametrize("solver", UPDATES)
@pytest.mark.parametrize("value", [0, 51, 255])
def test_constant_images(value, solver, dtype):
    X = np.full((20, 9), value).astype(dtype) / (1 if dtype == np.uint8 else dtype(255))
    X = X.astype(dtype)
    model = ist.NMF(3, solver=solver, random_state=0).fit(X)
    exact = np.full((20, 9), value / 255)
    assert model.reconstruction_err_ < 1e-5
    np.testing.assert_allclose(model.decode(model.encode(X)), exact, atol=2e-5)
    np.testing.assert_allclose(model.sample(5, random_state=0), exact[:5], atol=1e-4)
    assert model.encode(X[:1] * 0).max() == 0
