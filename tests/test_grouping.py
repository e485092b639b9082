"""Clusters of known shape, of digits, and what the command writes of them."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import silhouette_score

import isthmus as ist
from isthmus.metrics import agreement, ari, cluster_accuracy, group, purity
from isthmus.metrics.groups import METHODS, Groups, middles_and_edges
from isthmus.metrics.how_many import best_of, numbers_tried, ties_of


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(12).fit(images.train)


def blobs(sizes=(300, 200, 100), width=4, spread=0.5, seed=0):
    """Codes around corners of a cube, far from each other, in a random order."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return 10 * np.eye(width)[y] + rng.normal(0, spread, (len(y), width)), y


@pytest.mark.parametrize("method", METHODS)
def test_groups_far_apart_are_found_the_largest_first(method):
    Z, y = blobs()
    groups = group(Z, method, 3, random_state=0)
    inside = groups.labels >= 0
    assert inside.mean() > 0.95
    np.testing.assert_array_equal(groups.labels[inside], y[inside])
    assert groups.certainty[inside].mean() > 0.5
    assert ((groups.certainty >= 0) & (groups.certainty <= 1)).all()
    for cluster in range(3):
        members = Z[groups.labels == cluster]
        distances = np.linalg.norm(members - members.mean(0), axis=1)
        np.testing.assert_allclose(groups.distance[groups.labels == cluster], distances)


def test_certainty_of_k_means_is_one_minus_the_ratio_of_two_distances():
    Z = np.array([[0.0], [2.0], [4.0], [20.0], [22.0], [24.0]])
    groups = group(Z, "kmeans", 2)
    ratio = np.array([2 / 22, 0, 2 / 18, 2 / 18, 0, 2 / 22])
    np.testing.assert_allclose(groups.certainty, 1 - ratio, atol=1e-6)
    assert (group(Z, "kmeans", 1).certainty == 1).all()


def test_a_mixture_finds_long_groups_that_k_means_cuts():
    rng = np.random.default_rng(0)
    y = np.arange(600) % 2
    Z = np.column_stack([rng.normal(0, 4, 600), 3 * y + rng.normal(0, 0.4, 600)])
    assert ari(y, group(Z, "gmm", 2).labels) > 0.95
    assert ari(y, group(Z, "kmeans", 2).labels) < 0.2


def test_hdbscan_finds_rings_and_leaves_strays_out():
    rng = np.random.default_rng(0)
    y = np.arange(800) % 2
    angle, radius = rng.uniform(0, 2 * np.pi, 800), 1 + 3 * y + rng.normal(0, 0.05, 800)
    Z = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    groups = group(np.concatenate([Z, [[30.0, 30.0]]]), "hdbscan", min_size=30)
    assert ari(y, groups.labels[:800]) > 0.95
    assert groups.labels[-1] == -1
    assert np.isnan(groups.distance[-1])
    assert groups.certainty[-1] == 0


def test_hdbscan_of_more_codes_than_it_learns_from(monkeypatch):
    Z, y = blobs((900, 600, 300))
    monkeypatch.setattr("isthmus.metrics.groups.LEARNT", 300)
    groups = group(Z, "hdbscan", min_size=90)
    inside = groups.labels >= 0
    assert inside.mean() > 0.95
    np.testing.assert_array_equal(groups.labels[inside], y[inside])


def test_middles_are_the_nearest_and_edges_the_least_certain():
    Z, _ = blobs()
    groups = group(Z, "kmeans", 3)
    middle, edge = middles_and_edges(groups, 1, 5)
    members = groups.labels == 1
    assert set(middle) == set(np.argsort(np.where(members, groups.distance, np.inf))[:5])
    assert set(edge) == set(np.argsort(np.where(members, groups.certainty, np.inf))[:5])
    both = middles_and_edges(groups, 2, 80)
    assert [len(part) for part in both] == [50, 50]
    assert not set(both[0]) & set(both[1])


def test_images_in_no_cluster_count_as_wrong():
    y, labels = np.array([0, 0, 1, 1, -1]), np.array([5, 5, -1, 2, 0])
    assert agreement(y, labels)["accuracy"] == 0.75
    assert cluster_accuracy(y, labels) == 0.75
    assert purity(y, labels) == 0.75
    assert purity(y, np.full(5, -1)) == 0
    assert agreement(y, np.full(5, -1)) == {"accuracy": 0.0, "nmi": 0.0, "ari": 0.0}
    assert agreement([0, 0, 1], [1, 1, 0]) == {"accuracy": 1.0, "nmi": 1.0, "ari": 1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "kmedoids"}, "kmedoids"),
        ({"on": "pixels"}, "pixels"),
        ({"n_clusters": 0}, "n_clusters=0 must be at least 1"),
        ({"n_clusters": 360}, "n_clusters=360 must be 1 to 359"),
        ({"method": "hdbscan", "n_clusters": 5}, "hdbscan finds the number"),
        ({"method": "gmm", "min_size": 5}, "gmm has no smallest cluster"),
        ({"method": "hdbscan", "min_size": 1}, "min_size=1 must be at least 2"),
    ],
)
def test_what_cannot_be_clustered_is_said(pca, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        ist.cluster(pca, images.test, **arguments)


@pytest.mark.parametrize("Z", [np.zeros(5), np.zeros((0, 2)), np.array([[0.0], [np.nan]])])
def test_codes_that_are_no_vectors_are_refused(Z):
    with pytest.raises(ValueError, match="expected finite vectors"):
        group(Z)


@pytest.mark.parametrize(("method", "least"), [("kmeans", 0.6), ("gmm", 0.6)])
def test_digits_fall_into_as_many_clusters_as_classes(pca, images, method, least):
    found = ist.cluster(pca, images, method, random_state=0, verbose=False)
    assert found.scores["clusters"] == 10
    assert found.scores["unclustered"] == 0
    assert found.scores["accuracy"] > least
    again = ist.cluster(pca, images, method, random_state=0, verbose=False)
    np.testing.assert_array_equal(again.labels, found.labels)


def test_density_on_a_map_finds_digits(pca, images):
    found = ist.cluster(pca, images.test, "hdbscan", on="map", min_size=8, verbose=False)
    assert found.map.shape == (359, 2)
    assert found.scores["nmi"] > 0.75
    assert found.map_picture().width > 700


def test_images_that_are_not_on_the_map_join_their_neighbours(pca, images, monkeypatch):
    monkeypatch.setattr("isthmus.verbs.cluster.MAPPED", 100)
    twice = ist.Images(np.repeat(np.asarray(images.test[:100]), 2, axis=0))
    found = ist.cluster(pca, twice, "kmeans", 4, on="map", verbose=False)
    assert len(found.map) == len(found.mapped) == 100
    assert len(found.labels) == 200
    shown = np.isin(np.arange(200), found.mapped)
    pairs = shown[::2] != shown[1::2]  # of two equal images one is on the map
    assert pairs.any()
    assert (found.labels[::2] == found.labels[1::2])[pairs].all()


def test_a_codebook_is_clustered_by_its_prototypes(images):
    model = ist.KMeans(40, random_state=0).fit(images.train)
    found = ist.cluster(model, images.test, verbose=False)
    assert found.scores["accuracy"] > 0.5
    assert len(np.unique(found.groups.certainty)) > 300  # an index alone would give 40
    codes = model.encode(images.test)
    assert all(len(set(found.labels[codes == code])) == 1 for code in set(codes))
    spread = group(model.codebook_.reshape(40, -1)[codes], "kmeans", 10)
    assert agreement(spread.labels, found.labels)["accuracy"] > 0.8


def test_a_codebook_of_as_many_prototypes_as_clusters_is_these_clusters(images):
    for model in (ist.KMeans(10, random_state=0), ist.SOM((2, 5), random_state=0)):
        codes = model.fit(images.train).encode(images.test)
        found = ist.cluster(model, images.test, verbose=False)
        assert agreement(codes, found.labels) == pytest.approx({"accuracy": 1, "nmi": 1, "ari": 1})
    few = ist.KMeans(3, random_state=0).fit(images.train)
    assert ist.cluster(few, images.test, verbose=False).scores["clusters"] == 3


def test_codes_given_once_with_how_often_they_occur():
    Z, _ = blobs((30, 20, 10))
    times = np.random.default_rng(0).integers(1, 5, len(Z))
    once, each = group(Z, "kmeans", 3, times=times), group(np.repeat(Z, times, 0), "kmeans", 3)
    for name in Groups._fields:
        spread = np.repeat(getattr(once, name), times)
        np.testing.assert_allclose(spread, getattr(each, name), rtol=1e-6, atol=1e-9)
    with pytest.raises(ValueError, match="times are for kmeans"):
        group(Z, "gmm", 3, times=times)


@pytest.mark.parametrize("method", METHODS)
def test_groups_far_from_the_origin_and_of_any_scale(method):
    Z, y = blobs()
    for far in (1e6 + Z, 1e-6 * Z, 1e12 * Z):
        groups = group(far, method, 3)
        inside = groups.labels >= 0
        assert inside.mean() > 0.95
        np.testing.assert_array_equal(groups.labels[inside], y[inside])


def test_images_without_labels_are_ten_clusters_and_no_score(pca, images):
    found = ist.cluster(pca, np.asarray(images.test), verbose=False)
    assert not {"accuracy", "nmi", "ami", "purity"} & set(found.scores)
    assert found.scores["clusters"] == 10
    with pytest.raises(ValueError, match="no map"):
        found.map_picture()


def test_the_command_writes_labels_distances_and_pictures(run, tmp_path):
    run("fit", "pca", "digits", "--n-components", 8, "-o", "p.safetensors")
    cluster = ("cluster", "p.safetensors", "digits", "--split", "test")
    code, out, err = run(*cluster, "--n-clusters", 7, "-o", "k")
    assert (code, err) == (0, "")
    assert "accuracy" in out
    labels = np.load(tmp_path / "k" / "labels.npy")
    assert set(labels) == set(range(7))
    with (tmp_path / "k" / "clusters.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["cluster"]) for row in rows] == labels.tolist()
    assert [row["name"] for row in rows[:2]] == ["0", "1"]
    assert all(float(row["distance"]) >= 0 for row in rows)
    assert {path.name for path in (tmp_path / "k").iterdir()} == {
        ".isthmus", "command.json", "labels.npy", "clusters.csv", "clusters.png"
    }  # fmt: skip
    code, out, _ = run(
        *cluster,
        "--method",
        "hdbscan",
        "--on",
        "map",
        "--min-size",
        9,
        "-o",
        "k",
        "--force",
        "--json",
    )
    assert code == 0
    facts = json.loads(out)
    assert facts["clusters"] == np.load(tmp_path / "k" / "labels.npy").max() + 1
    assert Image.open(tmp_path / "k" / "map.png").width > 700


def test_no_cluster_is_a_finding(run, tmp_path):
    run("fit", "pca", "digits", "--n-components", 8, "-o", "p.safetensors")
    cluster = ("cluster", "p.safetensors", "digits", "--split", "test", "--method", "hdbscan")
    code, out, err = run(*cluster, "--min-size", 200, "-o", "k")
    assert (code, err) == (0, "")
    assert "no cluster was found" in out
    assert (np.load(tmp_path / "k" / "labels.npy") == -1).all()
    assert not (tmp_path / "k" / "clusters.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "kmean", "-o", "k"], "kmean"),
        (["--on", "plane", "-o", "k"], "plane"),
        (["--n-clusters", "2000", "-o", "k"], "--n-clusters 2000"),
        (["-o", "k.jpg"], "be a folder"),
        (["-o", "taken"], "--force"),
    ],
)
def test_command_errors_are_one_line(run, tmp_path, arguments, words):
    run("fit", "pca", "digits", "--n-components", 4, "-o", "p.safetensors")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    code, out, err = run("cluster", "p.safetensors", "digits", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert {path.name for path in tmp_path.iterdir()} == {"p.safetensors", "taken"}


def test_numbers_of_clusters_are_compared_by_silhouette_and_stability(tmp_path):
    rng = np.random.default_rng(0)
    middles = 12 * np.eye(4, 6)
    codes = middles[np.arange(160) % 4] + rng.normal(size=(160, 6))
    found = numbers_tried(codes, most=6)
    assert [each.clusters for each in found] == [2, 3, 4, 5, 6]
    best = best_of(found)
    assert (best.clusters, ties_of(found)) == (4, [])
    assert best.silhouette.value == pytest.approx(silhouette_score(codes, np.arange(160) % 4))
    assert best.stability.value == 1 > found[-1].stability.value
    again = [*found, best._replace(clusters=9)]
    assert ties_of(again) == [9]
    model = ist.PCA(6).fit(codes)
    told = ist.cluster(model, codes, n_clusters="auto")
    assert told.scores["clusters"] == 4
    assert told.scores["chosen"] == "by the mean silhouette, of 2 to 20"
    numbers = told.record()["numbers"]
    assert [each["clusters"] for each in numbers] == list(range(2, 21))
    assert numbers[2]["silhouette_within"] > 0 < numbers[-1]["stability_within"]
    assert told.remarks()[2].startswith(" 4 clusters: silhouette 0.")
    assert "numbers" not in ist.cluster(model, codes, n_clusters=3).record()
