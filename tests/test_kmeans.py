import numpy as np
import pytest
from sklearn import cluster

import isthmus as ist
from isthmus.models import kmeans


@pytest.fixture(scope="module")
def X():
    return np.asarray(ist.load_images("digits")).reshape(-1, 64) / 255


def start(X, k, seed=0):
    return X[np.random.default_rng(seed).choice(len(X), k, replace=False)]


@pytest.mark.parametrize("k", [2, 10, 37])
def test_equal_starts_end_where_scikit_learn_ends(X, k):
    ours = ist.KMeans(k, init=start(X, k), max_iter=500, tol=0).fit(X)
    theirs = cluster.KMeans(k, init=start(X, k), n_init=1, max_iter=500, tol=0).fit(X)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-9)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-9)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-6)


@pytest.mark.parametrize("most", [kmeans.BOUND_BYTES, 32_000])
def test_bounds_leave_out_work_but_change_nothing(X, monkeypatch, most):
    """Every pass must give what a pass over all images with all distances gives."""
    monkeypatch.setattr(kmeans, "BOUND_BYTES", most)  # fewer of them where memory is short
    lloyd = kmeans._Lloyd
    looked_at = []
    assign = lloyd.assign

    def checked(self):
        looked_at.append(sum(len(rows) for rows in self._doubtful()))
        changed = assign(self)
        distance = ((X[:, None] - self.centers.numpy()[None]) ** 2).sum(2)
        np.testing.assert_array_equal(self.labels.numpy(), distance.argmin(1))
        return changed

    monkeypatch.setattr(lloyd, "assign", checked)
    ist.KMeans(20, init=start(X, 20), tol=0).fit(X)
    assert len(looked_at) > 5
    assert looked_at[0] == len(X)
    assert sum(looked_at) < 0.8 * len(X) * len(looked_at)


def test_inertia_never_rises_with_more_passes(X):
    inertia = [
        ist.KMeans(15, init=start(X, 15), max_iter=n, tol=0).fit(X).inertia_ for n in range(1, 9)
    ]
    assert np.all(np.diff(inertia) <= 1e-9)


def test_inertia_and_labels_belong_to_the_final_centroids(X):
    model = ist.KMeans(12, max_iter=3, random_state=0).fit(X)
    distance = model.transform(X)
    np.testing.assert_array_equal(model.labels_, distance.argmin(1))
    np.testing.assert_array_equal(model.labels_, model.predict(X))
    assert model.inertia_ == pytest.approx((distance.min(1) ** 2).sum())


def test_plus_plus_is_as_good_as_scikit_learns_and_better_than_random(X):
    def mean(estimator, **given):
        return np.mean([estimator(30, **given, random_state=s).fit(X).inertia_ for s in range(5)])

    ours, theirs = mean(ist.KMeans), mean(cluster.KMeans, n_init=1)
    assert ours < 1.01 * theirs
    few = {"max_iter": 1}
    assert mean(ist.KMeans, **few) < mean(ist.KMeans, init="random", **few)


def test_empty_clusters_start_again():
    X = np.repeat(np.array([[0.0], [1.0], [10.0], [11.0]]), 10, axis=0)
    bad = np.array([[0.5], [10.5], [1000.0], [2000.0]])
    model = ist.KMeans(4, init=bad).fit(X)
    assert (model.counts_ > 0).all()
    assert model.inertia_ == pytest.approx(0)
    assert not model.health_


def test_fewer_different_images_than_clusters_are_reported():
    X = np.repeat(np.eye(3), 20, axis=0)
    assert "empty" in ist.KMeans(5, random_state=0).fit(X).health_[0]


def test_samples_are_centroids_with_noise(X):
    model = ist.KMeans(5, noise=0.05, random_state=0).fit(X)
    drawn = model.sample(4000, random_state=0)
    nearest = model.codebook_[model.encode(drawn)]
    assert (drawn - nearest).std() == pytest.approx(0.05, rel=0.02)
    still = model.set_params(noise=0).sample(50, random_state=0)
    assert np.abs(still[:, None] - model.codebook_[None]).sum(2).min(1).max() == 0


def test_more_starts_are_not_worse(X):
    one = ist.KMeans(20, random_state=0).fit(X).inertia_
    assert ist.KMeans(20, n_init=5, random_state=0).fit(X).inertia_ <= one


def test_mnist_quality(data_folder):
    images = ist.load_images("mnist").train[:10_000]
    model = ist.KMeans(50, max_iter=100, tol=1e-3, random_state=0).fit(images)
    X = np.asarray(images).reshape(len(images), -1) / np.float32(255)
    theirs = cluster.KMeans(50, n_init=1, max_iter=100, tol=1e-3, random_state=0).fit(X)
    assert model.inertia_ < 1.005 * theirs.inertia_


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_clusters": 99}, "n_clusters=99 must be between 1 and n_samples=20"),
        ({"n_clusters": 2, "init": "kmeans"}, "init='kmeans' must be"),
        ({"n_clusters": 2, "init": np.zeros((3, 4))}, "expected 2 centroids of 4 numbers"),
        ({"n_clusters": 2, "max_iter": 0}, "max_iter=0"),
        ({"n_clusters": 2, "tol": -1}, "tol=-1"),
        ({"n_clusters": 2, "noise": -0.1}, "noise=-0.1"),
        ({"n_clusters": 2, "n_init": 0}, "n_init=0"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(ValueError, match=words):
        ist.KMeans(**parameters).fit(np.random.default_rng(0).random((20, 4)))
