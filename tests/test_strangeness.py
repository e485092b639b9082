"""Scores of strangeness against their definitions, and what the command writes of them."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

import isthmus as ist
from isthmus.metrics import auroc, mahalanobis, neighbour_distance


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(12).fit(images.train)


@pytest.fixture(scope="module")
def spoilt(images):
    """Held-out digits, every third with its pixels in another order, and which these are."""
    X = np.asarray(images.test).copy()
    truth = np.arange(len(X)) % 3 == 0
    mixed = np.random.default_rng(0).permutation(64)
    X[truth] = X[truth].reshape(-1, 64)[:, mixed].reshape(-1, 8, 8, 1)
    return X, truth


def test_mahalanobis_agrees_with_scikit_learn_and_ignores_the_scale_of_axes():
    rng = np.random.default_rng(0)
    reference, Z = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)), rng.normal(size=(9, 6))
    expected = np.sqrt(LedoitWolf().fit(reference).mahalanobis(Z))
    np.testing.assert_allclose(mahalanobis(Z, reference), expected)
    many = rng.normal(size=(20_000, 3))
    far = mahalanobis([[2.0, 0, 0], [0, 0, 2.0]], many * [1, 1, 1])
    np.testing.assert_allclose(far, 2, atol=0.05)


def test_mahalanobis_has_an_inverse_for_fewer_codes_than_dimensions():
    rng = np.random.default_rng(0)
    distances = mahalanobis(rng.normal(size=(5, 50)), rng.normal(size=(10, 50)))
    assert np.isfinite(distances).all()
    with pytest.raises(ValueError, match="all 10 reference codes are equal"):
        mahalanobis(np.zeros((1, 3)), np.ones((10, 3)))


def test_distances_to_neighbours_agree_with_all_distances(monkeypatch):
    rng = np.random.default_rng(0)
    Z, others = rng.normal(size=(50, 4)), rng.normal(size=(30, 4))
    expected = np.sort(cdist(Z, others), axis=1)[:, :5].mean(1)
    monkeypatch.setattr("isthmus.latent.neighbors.BLOCK", 2)
    np.testing.assert_allclose(neighbour_distance(Z, others), expected, rtol=1e-6)
    expected = np.sort(cdist(Z, Z), axis=1)[:, 1:4].mean(1)  # not itself
    np.testing.assert_allclose(neighbour_distance(Z, k=3), expected, rtol=1e-6)
    np.testing.assert_allclose(neighbour_distance(Z, Z, k=1), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: neighbour_distance(np.eye(3), k=0), "k=0"),
        (lambda: neighbour_distance(np.eye(1)), "at least 2"),
        (lambda: neighbour_distance(np.eye(3), np.eye(2)), "of one width"),
        (lambda: mahalanobis(np.arange(3), np.arange(3)), "vectors"),
        (lambda: auroc([True, True], [0, 1]), "2 of 2 are new"),
        (lambda: auroc([True, False], [0]), "one each"),
    ],
)
def test_scores_of_nothing_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_auroc_agrees_with_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    truth, scores = rng.random(300) < 0.2, rng.integers(0, 12, 300)
    assert auroc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))
    assert auroc(truth, -scores) == pytest.approx(1 - auroc(truth, scores))


def test_the_error_is_that_of_the_reconstruction(pca, images):
    found = ist.novelty(pca, images.test, verbose=False)
    assert found.by == "error"
    assert found.scores.mean() == pytest.approx(-pca.score(images.test), rel=1e-5)
    worst = found.strangest(1)[0]
    back = ist.reconstruct(pca, images.test[worst])[0]
    expected = np.mean((np.asarray(images.test[worst])[0] / 255 - back) ** 2)
    assert found.scores[worst] == found.scores.max() == pytest.approx(expected, rel=1e-5)


def test_errors_of_bytes_are_those_of_their_floats(images):
    bytes_ = np.rint(np.asarray(images) * 255).astype(np.uint8)
    model = ist.PCA(12).fit(bytes_)
    as_floats = ist.novelty(model, bytes_ / np.float32(255), verbose=False).scores
    np.testing.assert_allclose(ist.novelty(model, bytes_, verbose=False).scores, as_floats)


@pytest.mark.parametrize(
    ("by", "least"), [("error", 0.95), ("distance", 0.7), ("neighbours", 0.95)]
)
def test_mixed_pixels_are_found(pca, images, spoilt, by, least):
    X, truth = spoilt
    reference = None if by == "error" else images.train
    found = ist.novelty(pca, X, reference, by, truth=truth, verbose=False)
    assert found.auroc > least
    assert truth[found.strangest(30)].mean() > least


def test_the_likelihood_is_the_bound_of_the_vae(images, spoilt):
    X, truth = spoilt
    model = ist.VAE(6, hidden=(64,), epochs=30, random_state=0).fit(images.train)
    found = ist.novelty(model, X, by="likelihood", truth=truth, verbose=False)
    np.testing.assert_allclose(found.scores, -model.elbo(X, 10), rtol=1e-4)
    assert found.auroc > 0.9


def test_what_auto_is_depends_on_model_and_reference(pca, images):
    classifier = ist.Classifier(8, epochs=2, random_state=0).fit(images.train)
    assert ist.novelty(classifier, images.test, verbose=False).by == "neighbours"
    assert ist.novelty(pca, images.test, images.train, verbose=False).by == "neighbours"
    assert ist.novelty(classifier, images.test, verbose=False).picture(5).width > 300


def test_images_are_compared_with_all_others_where_nothing_else_is_ordinary(pca, images):
    X = np.concatenate([np.asarray(images.test), np.asarray(images.test[:1])])
    found = ist.novelty(pca, X, by="neighbours", verbose=False)
    np.testing.assert_allclose(found.scores[0], found.scores[-1], rtol=1e-6)
    assert (found.scores > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "surprise"}, "surprise"),
        ({"by": "likelihood"}, "PCA has no 'likelihood'.*error, distance, neighbours"),
        ({"by": "error", "reference": np.zeros((5, 8, 8))}, "looks at no reference"),
        ({"truth": np.zeros(3)}, "one each"),
        ({"reference": np.zeros((5, 9, 9))}, "fitted on images of shape"),
    ],
)
def test_what_cannot_be_judged_is_said(pca, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        ist.novelty(pca, images.test, **arguments)


def test_a_codebook_has_no_covariance(images):
    model = ist.KMeans(30, random_state=0).fit(images.train)
    with pytest.raises(ValueError, match="KMeans has no 'distance'"):
        ist.novelty(model, images.test, by="distance")
    found = ist.novelty(model, images.test, images.train, verbose=False)
    assert len(np.unique(found.scores)) > 300  # an index alone would give 30


def test_images_stream(pca, images, monkeypatch):
    monkeypatch.setattr("isthmus.latent.codes.PIECE_BYTES", 4 * 64 * 50)
    seen = []
    reads = ist.Images.__array__

    def watched(self, dtype=None, copy=None):
        seen.append(len(self))
        return reads(self, dtype, copy)

    whole = ist.novelty(pca, images, verbose=False).scores
    monkeypatch.setattr(ist.Images, "__array__", watched)
    scores = ist.novelty(pca, images, verbose=False).scores
    assert max(seen) == 50
    np.testing.assert_allclose(scores, whole, rtol=1e-5)


def test_the_command_ranks_every_image(run, tmp_path):
    run("fit", "pca", "digits", "--n-components", 8, "-o", "p.safetensors")
    novelty = ("novelty", "p.safetensors", "digits")
    code, out, err = run(*novelty, "-n", 5, "-o", "found")
    assert (code, err) == (0, "")
    assert "mean squared error" in out
    with (tmp_path / "found" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    model, images = ist.load_model(tmp_path / "p.safetensors"), ist.load_images("digits")
    expected = ist.novelty(model, images, verbose=False).scores
    assert [int(row["name"]) for row in rows[:5]] == np.argsort(-expected)[:5].tolist()
    assert [row["label"] for row in rows[:5]] == [
        images.classes[label] for label in images.y[np.argsort(-expected)[:5]]
    ]
    code, out, _ = run(
        *novelty, "--split", "test", "--by", "neighbours", "-n", 3, "-o", "n.png", "--json"
    )
    assert code == 0
    facts = json.loads(out)
    assert (facts["by"], facts["images"], len(facts["strangest"])) == ("neighbours", 359, 3)
    beside = ist.novelty(model, images.test, images.train, "neighbours", verbose=False).scores
    assert facts["strangest"][0]["score"] == pytest.approx(beside.max(), rel=1e-5)
    assert Image.open(tmp_path / "n.png").width > 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--by", "likelihood", "-o", "n.png"], "has no 'likelihood'"),
        (["--count", "0", "-o", "n.png"], "--count 0"),
        (["--among", "nowhere", "-o", "n.png"], "neither a file or folder"),
        (["--split", "half", "-o", "n.png"], "--split 'half'"),
        (["-o", "n.svg"], "must end in .png or .csv"),
        (["-o", "taken.png"], "--force"),
    ],
)
def test_command_errors_are_one_line(run, tmp_path, arguments, words):
    run("fit", "pca", "digits", "--n-components", 4, "-o", "p.safetensors")
    (tmp_path / "taken.png").write_text("mine")
    code, out, err = run("novelty", "p.safetensors", "digits", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert {path.name for path in tmp_path.iterdir()} == {"p.safetensors", "taken.png"}


def test_a_mnist_digit_never_seen_is_found(data_folder):
    images = ist.load_images("mnist")
    known, judged = images.train.evenly(4000), images.test.evenly(1000)
    model = ist.PCA(32).fit(known[known.y != 8])
    found = ist.novelty(model, judged, known[known.y != 8], truth=judged.y == 8, verbose=False)
    assert found.by == "neighbours"
    assert found.auroc > 0.85
