"""Probes against their definitions and scikit-learn, and what the command writes of them."""

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

import isthmus as ist
from isthmus.metrics import wilson
from isthmus.metrics.few_labels import label_curve, points
from isthmus.metrics.labels import probe_codes
from isthmus.metrics.probes import stratified


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(12).fit(images.train)


def halves(model, images):
    return (
        *(model.encode(images.train), images.train.y),
        *(model.encode(images.test), images.test.y),
    )


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (90, 100), (9920, 10_000)])
def test_the_ends_of_an_interval_are_z_standard_errors_from_what_was_counted(right, n):
    for end in wilson(right, n):
        assert abs(right / n - end) == pytest.approx(
            1.959964 * math.sqrt(end * (1 - end) / n), abs=1e-7
        )


def test_an_interval_holds_the_true_share_as_often_as_it_says():
    counts = np.random.default_rng(0).binomial(80, 0.93, 4000)
    held = [low <= 0.93 <= high for low, high in (wilson(int(c), 80, 0.9) for c in counts)]
    assert 0.87 < np.mean(held) < 0.93


@pytest.mark.parametrize("arguments", [(1, 0), (5, 4), (-1, 4), (1, 4, 1.0)])
def test_intervals_of_nothing_are_refused(arguments):
    with pytest.raises(ValueError, match=r"expected at least 1|confidence"):
        wilson(*arguments)


def test_few_labels_leave_no_class_out_and_fewer_are_some_of_them():
    y = np.repeat([-1, 0, 1, 2], [50, 900, 95, 5])
    ten, thirty = (stratified(y, count, 3) for count in (10, 30))
    assert set(y[ten]) == {0, 1, 2}
    assert set(ten) < set(thirty)
    assert not (y[thirty] == -1).any()


def test_neighbours_agree_with_scikit_learn_on_the_codes(pca, images):
    Z, y, Z_test, y_test = halves(pca, images)
    expected = KNeighborsClassifier(5).fit(Z, y).predict(Z_test) == y_test
    found = ist.probe(pca, images, kinds=["knn"]).accuracies["knn"]
    assert found.accuracy == pytest.approx(expected.mean(), abs=1 / 359)
    assert (found.n_labels, found.n_test) == (len(y), 359)
    assert found.low < found.accuracy < found.high


def rings(n, seed):
    """Codes on two circles around one point: no plane tells them apart."""
    rng = np.random.default_rng(seed)
    y, angle = np.arange(n) % 2, rng.uniform(0, 2 * np.pi, n)
    radius = 1 + 2 * y + rng.normal(0, 0.1, n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), y


def test_rings_are_read_by_a_kernel_and_not_by_a_plane():
    data = (*rings(200, 0), *rings(200, 1))
    assert probe_codes(*data, "svm").accuracy > 0.98
    assert probe_codes(*data, "linear").accuracy < 0.7


def test_the_search_sees_no_held_out_label():
    Z, y, Z_test, y_test = (*rings(200, 0), *rings(50, 1))
    settings = probe_codes(Z, y, Z_test, y_test).settings
    assert set(settings) == {"C", "gamma"}
    assert probe_codes(Z, y, Z_test, 1 - y_test).settings == settings
    assert probe_codes(Z, y, 9 * Z_test, y_test).settings == settings


def test_one_label_a_class_needs_no_folds_and_one_neighbour():
    Z, y, Z_test, y_test = (*rings(200, 0), *rings(50, 1))
    assert probe_codes(Z, y, Z_test, y_test, "svm", limit=2).settings == {}
    assert probe_codes(Z, y, Z_test, y_test, "knn", limit=2).settings == {"k": 1}
    assert probe_codes(Z, y, Z_test, y_test, "knn", limit=6).settings == {"k": 3}


def test_a_curve_is_the_mean_and_the_ends_of_its_draws():
    data = (*rings(120, 0), *rings(80, 1))
    curve = [point for _, point in label_curve(*data, ["knn"], counts=[40, 120])]
    assert [point.draws for point in curve] == [10, 1]
    assert curve[0].low < curve[0].accuracy < curve[0].high
    whole = probe_codes(*data, "knn")
    assert curve[1].accuracy == curve[1].low == curve[1].high == whole.accuracy
    with pytest.raises(ValueError, match="121 labels: expected 2 to 120"):
        list(label_curve(*data, ["knn"], counts=[121]))
    assert points(3000)[-2:] == [1000, 3000]


def test_more_labels_are_read_better_and_the_same_seed_repeats(pca, images):
    found = ist.probe(pca, images, 300, curve=True, kinds=["linear"], verbose=False)
    means = [point.accuracy for point in found.curve["linear"]]
    assert means == sorted(means)
    assert means[-1] == found.accuracies["linear"].accuracy
    again = ist.probe(pca, images, 300, curve=True, kinds=["linear"], verbose=False)
    assert again.table() == found.table()
    other = ist.probe(pca, images, 300, kinds=["linear"], random_state=1, verbose=False)
    assert other.accuracies != found.accuracies


def test_unlabelled_images_and_indices_as_codes(images):
    y = np.where(np.arange(len(images)) % 3 == 0, -1, images.y)
    some = ist.Images(images.data, y=y, is_test=images.is_test)
    found = ist.probe(ist.KMeans(60, random_state=0).fit(some.train), some, kinds=["knn"])
    assert found.accuracies["knn"].n_test == int((some.test.y != -1).sum())
    assert found.accuracies["knn"].n_labels == int((some.train.y != -1).sum())
    assert found.accuracies["knn"].accuracy > 0.7


def test_images_without_a_split_are_split(pca, images):
    whole = ist.Images(images.data, y=images.y)
    assert ist.probe(pca, whole, 100, kinds=["knn"]).accuracies["knn"].n_test == 359


def test_no_more_images_than_needed_are_ever_in_memory(pca, images, tmp_path, monkeypatch):
    path = tmp_path / "many.npy"
    np.save(path, np.tile(np.asarray(images), (20, 1, 1, 1)))
    many = ist.Images(np.load(path, mmap_mode="r"), y=np.tile(images.y, 20)).split()
    seen = []
    chunks = ist.Images.chunks
    monkeypatch.setattr("isthmus.data.packing.CHUNK_BYTES", 2**18)

    def watched(self, size=None):
        for chunk in chunks(self, size):
            seen.append(len(chunk))
            yield chunk

    monkeypatch.setattr(ist.Images, "chunks", watched)
    monkeypatch.setattr(ist.Images, "__array__", None)
    ist.probe(pca, many, 200, kinds=["knn"], verbose=False)
    assert max(seen) <= 2**18 // (4 * 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": 9}, "labels=9 must be 10"),
        ({"labels": 5000}, "to 1438, all there are"),
        ({"kinds": ["knn", "lienar"]}, "lienar"),
        ({"y": None}, "digits has no labels"),
        ({"y": 0}, "1 class"),
    ],
)
def test_what_cannot_be_probed_is_said(pca, images, change, message):
    if "y" in change:
        y = change.pop("y")
        y = y if y is None else np.full(len(images), y)
        images = ist.Images(images.data, y=y, is_test=images.is_test, source="digits")
    with pytest.raises(ValueError, match=message):
        ist.probe(pca, images, **change)


def test_the_command_writes_charts_tables_and_json(run, tmp_path):
    run("fit", "pca", "digits", "--n-components", 6, "-o", "p.safetensors")
    probe = ("probe", "p.safetensors", "digits", "--labels", 60)
    code, out, err = run(*probe, "-o", "c.svg")
    assert (code, err) == (0, "")
    assert "digits: on 359 images the model never saw" in out
    assert (tmp_path / "c.svg").read_text().count("accuracy on 359 held-out images") == 1
    code, out, _ = run(*probe, "--curve", "-o", "found", "--json")
    assert code == 0
    rows = json.loads(out)["probes"]
    with (tmp_path / "found" / "probes.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [row["labels"] for row in written] == [str(row["labels"]) for row in rows]
    assert [row["labels"] for row in rows if row["probe"] == "svm"] == [60, 10, 30, 60]
    assert Image.open(tmp_path / "found" / "probes.png").width > 600
    assert len(list((tmp_path / "found").glob("probes.*"))) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--labels", "3"], "--labels 3 must be 10"),
        (["-o", "chart.jpg"], ".png or .svg"),
        (["-o", "p.safetensors"], "be a folder"),
        (["-o", "taken.png"], "--force"),
    ],
)
def test_command_errors_are_one_line(run, tmp_path, arguments, words):
    run("fit", "pca", "digits", "--n-components", 4, "-o", "p.safetensors")
    (tmp_path / "taken.png").write_text("mine")
    code, out, err = run("probe", "p.safetensors", "digits", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert (tmp_path / "taken.png").read_text() == "mine"


def test_mnist_is_read_off_32_components(data_folder):
    images = ist.load_images("mnist")
    model = ist.PCA(32).fit(images.train.evenly(5000))
    found = ist.probe(model, images, 1000, kinds=["svm"], verbose=False).accuracies["svm"]
    assert found.n_test == 10_000
    assert 0.90 < found.low < found.high < 0.95
    assert found.high - found.low < 0.015
