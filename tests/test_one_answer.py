"""One question has one answer: a study, the verbs, the explorer and the report say the same."""

import json
from dataclasses import replace

import numpy as np
import pytest

import isthmus as ist
from isthmus.explorer.manifest import View
from isthmus.metrics import mse
from isthmus.studies import summary

SEED = 3
MODELS = {
    "kmeans": ist.KMeans(24, random_state=0),
    "som": ist.SOM((5, 5), max_iter=5, random_state=0),
    "pca": ist.PCA(6),
    "autoencoder": ist.Autoencoder(6, hidden=(32,), epochs=3, random_state=0),
    "vae": ist.VAE(4, hidden=(32,), epochs=3, random_state=0),
}


@pytest.fixture(scope="module")
def study():
    return ist.study("digits", MODELS, random_state=SEED)


@pytest.fixture(scope="module")
def view(study, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    scores = {record["model"]: record for record in study.scores}
    return View(study.models, study.images, scores=scores, cache=cache)


def record_of(study, name):
    return next(record for record in study.scores if record["model"] == name)


def colour_of(view, name, kind):
    ident = f"{kind}-{name}"
    colour = next(c for c in view.manifest["colours"] if c["id"] == ident)
    return np.fromfile(
        view.files[f"data/{colour['file']}"](), f"<{'u2' if kind == 'cluster' else 'f4'}"
    )


@pytest.mark.parametrize("name", MODELS)
def test_study_and_verbs_say_the_same(study, name):
    model, record, images = study.models[name], record_of(study, name), study.images
    clusters = ist.cluster(model, images.test, random_state=SEED, verbose=False).scores
    assert record["cluster_accuracy"] == clusters["accuracy"]
    assert (record["nmi"], record["ari"]) == (clusters["nmi"], clusters["ari"])
    found = ist.probe(model, images, random_state=SEED, verbose=False).accuracies
    for kind in ("knn", "linear", "svm"):
        assert record[f"{kind}_accuracy"] == found[kind].accuracy
    back = model.decode(model.encode(images.test)).reshape(images.test.shape)
    assert record["mse"] == pytest.approx(mse(images.test, back), rel=1e-6)
    errors = ist.novelty(model, images.test, by="error", verbose=False).scores
    assert record["mse"] == pytest.approx(errors.mean(), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_explorer_and_verbs_say_the_same(study, view, name):
    model = study.models[name]
    groups = ist.cluster(model, view.images, verbose=False)
    np.testing.assert_array_equal(colour_of(view, name, "cluster"), groups.labels)


def test_explorer_and_report_show_the_scores_of_the_study(study, view, tmp_path):
    for entry in view.manifest["models"]:
        record = record_of(study, entry["name"])
        assert entry["scores"] == record
    record = record_of(study, "pca")
    replace(study, models={"pca": study.models["pca"]}, scores=[record]).report(tmp_path / "pca")
    (written,) = json.loads((tmp_path / "pca" / "scores.json").read_text())["scores"]
    assert written == record
    page = (tmp_path / "pca" / "report.html").read_text()
    for key in ("cluster_accuracy", "nmi", "svm_accuracy", "linear_accuracy", "mse", "psnr"):
        assert summary.written(record, key) in page


@pytest.mark.parametrize("name", MODELS)
def test_novelty_of_the_explorer_is_that_of_the_verb(study, view, name):
    found = ist.novelty(study.models[name], view.images, verbose=False)
    assert found.by == "error"
    np.testing.assert_allclose(colour_of(view, name, "novelty"), found.scores, rtol=1e-5)
    np.testing.assert_array_equal(colour_of(view, name, "error"), colour_of(view, name, "novelty"))


def test_novelty_of_codes_alone_is_the_same_too(study, tmp_path):
    model = ist.Classifier(6, epochs=2, random_state=0).fit(study.images.train)
    view = View({"classifier": model}, study.images, cache=tmp_path)
    found = ist.novelty(model, view.images, verbose=False)
    assert found.by == "neighbours"
    np.testing.assert_allclose(colour_of(view, "classifier", "novelty"), found.scores, rtol=1e-5)


NOVEL = {
    "kmeans": ist.KMeans(40, random_state=0),
    "som": ist.SOM((6, 6), max_iter=8, random_state=0),
    "pca": ist.PCA(16),
    "nmf": ist.NMF(16, random_state=0),
    "autoencoder": ist.Autoencoder(8, hidden=(64,), epochs=15, random_state=0),
    "vae": ist.VAE(8, hidden=(64,), epochs=15, random_state=0),
    "classifier": ist.Classifier(16, epochs=10, random_state=0),
}


@pytest.mark.parametrize("name", NOVEL)
def test_a_class_never_seen_and_noise_are_novel_to_every_family(name):
    """By the default score of the verb, which the explorer shows, and beside a reference."""
    digits = ist.load_images("digits")
    noises, classes, beside = [], [], []
    for new in (1, 6):
        images = digits.where(~((digits.y == new) & ~digits.is_test))
        model = NOVEL[name].fit(images.train)
        truth = images.y == new
        classes.append(ist.novelty(model, images, truth=truth, verbose=False).auroc)
        noise = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
        mixed = np.concatenate([np.asarray(images.test), noise])
        last = np.arange(len(mixed)) >= len(mixed) - 60
        noises.append(ist.novelty(model, mixed, truth=last, verbose=False).auroc)
        referred = ist.novelty(model, images.test, images.train, truth=images.test.y == new)
        assert referred.by == "neighbours"
        beside.append(referred.auroc)
    assert np.mean(classes) > 0.6
    assert np.mean(noises) > 0.9
    assert np.mean(beside) > 0.65
