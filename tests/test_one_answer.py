"""One question has one answer: a study, the verbs, the explorer and the report say the same."""

import json
from dataclasses import replace

import numpy as np
import pytest

import isthmus as ist
from isthmus.explorer.view import View
from isthmus.scores import mse
from isthmus.views import table

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
        assert table.written(record, key) in page
