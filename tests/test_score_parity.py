"""Scores of clusters and maps beside scikit-learn's, on ideal, half-way and useless cases."""

import numpy as np
import pytest
from sklearn import metrics as theirs
from sklearn.datasets import make_blobs
from sklearn.manifold import trustworthiness

import isthmus as ist
from isthmus.data.sprites import sprites
from isthmus.metrics import cluster_scores as ours
from isthmus.metrics.map_scores import map_scores
from isthmus.studies.measure import measure


@pytest.fixture(scope="module")
def blobs():
    Z, y = make_blobs(600, n_features=5, centers=4, cluster_std=1.5, random_state=0)
    labels = np.where(np.random.default_rng(0).random(600) < 0.3, (y + 1) % 4, y)
    return Z, y, labels


def test_scores_of_clusters_are_those_of_scikit_learn(blobs):
    Z, y, labels = blobs
    assert ours.silhouette(Z, labels).value == pytest.approx(theirs.silhouette_score(Z, labels))
    found = ours.davies_bouldin(Z, labels).value
    assert found == pytest.approx(theirs.davies_bouldin_score(Z, labels))
    both = ours.agreement_within(y, labels)
    assert both["ami"].value == pytest.approx(theirs.adjusted_mutual_info_score(y, labels))
    assert both["nmi"].value == pytest.approx(theirs.normalized_mutual_info_score(y, labels))
    assert both["ari"].value == pytest.approx(theirs.adjusted_rand_score(y, labels))
    assert both["purity"].value == pytest.approx((y == labels).mean())
    assert all(0 < each.within < 0.2 for each in both.values())


def test_good_clusters_score_high_and_clusters_by_chance_low(blobs):
    Z, y, _ = blobs
    chance = np.random.default_rng(1).integers(0, 4, len(y))
    assert ours.silhouette(Z, y).value > 0.4 > 0.1 > ours.silhouette(Z, chance).value
    assert ours.davies_bouldin(Z, y).value < 1 < ours.davies_bouldin(Z, chance).value
    assert ours.ami_estimate(y, y).value == pytest.approx(1)
    assert abs(ours.ami_estimate(y, chance).value) < 0.05
    assert ours.stability(Z, y).value > 0.9
    noise = np.random.default_rng(2).normal(size=(400, 8))
    assert ours.stability(noise, np.arange(400) % 9).value < 0.6


def test_nothing_is_said_where_there_are_no_two_clusters_or_no_vectors():
    Z = np.random.default_rng(0).normal(size=(20, 2))
    assert ours.silhouette(Z, np.zeros(20, int)) is None
    assert ours.davies_bouldin(np.arange(20), np.arange(20) % 2) is None
    assert ours.stability(Z, np.arange(20)) is None


def test_trustworthiness_is_that_of_scikit_learn_and_continuity_its_mirror():
    Z = np.random.default_rng(0).normal(size=(150, 6))
    points = Z[:, :2] + 0.1 * np.random.default_rng(1).normal(size=(150, 2))
    found = map_scores(Z, points, 7)
    assert found.trustworthiness.value == pytest.approx(trustworthiness(Z, points, n_neighbors=7))
    assert found.continuity.value == pytest.approx(trustworthiness(points, Z, n_neighbors=7))
    near = [
        np.argsort(np.linalg.norm(X[:, None] - X, axis=-1), axis=1)[:, 1:8] for X in (Z, points)
    ]
    shared = [len(set(a) & set(b)) / 7 for a, b in zip(*near, strict=True)]
    assert found.neighbour_overlap.value == pytest.approx(np.mean(shared))
    assert 0 < found.neighbour_overlap.within < 0.1


def test_a_map_of_its_own_codes_is_perfect_and_one_by_chance_is_not():
    Z = np.random.default_rng(0).normal(size=(1500, 2))
    assert [each.value for each in map_scores(Z, 2 * Z)] == [1, 1, 1]
    chance = map_scores(Z, np.random.default_rng(1).permutation(Z))
    assert 0.4 < chance.trustworthiness.value < 0.6
    assert chance.neighbour_overlap.value < 0.03
    with pytest.raises(ValueError, match="at least 5"):
        map_scores(Z[:3], Z[:3])


def test_verbs_tell_them_with_intervals():
    images = ist.load_images("digits").test
    pca = ist.PCA(8).fit(images)
    found = ist.map(pca, images[:200], "pca")
    assert 0.5 < found.scores["trustworthiness"] <= 1
    assert found.record()["continuity_within"] > 0
    groups = ist.cluster(pca, images[:200], verbose=False)
    assert {"ami", "purity", "silhouette", "davies_bouldin", "stability"} <= set(groups.scores)
    assert groups.record()["silhouette_within"] > 0
    assert any("±" in line for line in groups.heading())


def test_a_study_measures_factors_and_clusters_where_there_are_any():
    images = sprites(400, n_test=250)
    found = measure(ist.PCA(4).fit(images.train), images, probes=())
    assert found["mig"] >= 0
    assert found["factor_vae_score_within"] > 0
    assert found["dci_completeness"] >= 0
    assert found["silhouette"] is not None
    plain = measure(ist.PCA(4).fit(images.train), ist.Images(np.asarray(images)), probes=())
    assert plain["mig"] is None
    assert plain["ami"] is None
    assert plain["stability"] is not None
