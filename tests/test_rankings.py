"""A ranking of models for every purpose: in words, with ties, and as a script reads it."""

import json

import numpy as np
import pytest

import isthmus as ist
from isthmus.metrics.altered import altered, altered_auroc
from isthmus.studies.answers import answers
from isthmus.studies.evidence import anomaly_scores

PURPOSES = ["reconstruct", "compress", "generate", "classify", "cluster", "explain",
            "spot anomalies", "speed"]  # fmt: skip


@pytest.fixture(scope="module")
def study():
    images = ist.load_images("digits").evenly(400)
    made = {"small": ist.PCA(2), "same": ist.PCA(8), "again": ist.PCA(8),
            "groups": ist.KMeans(5, random_state=0)}  # fmt: skip
    with pytest.MonkeyPatch.context() as few:
        few.setattr("isthmus.metrics.features.MOST", 40)  # steps, of which nothing here depends
        return ist.study(images, made)


def test_every_purpose_has_its_order_and_its_reason(study):
    found = {each["purpose"]: each for each in study.rankings()}
    assert list(found) == PURPOSES
    kept = found["reconstruct"]
    assert kept["best"] == ["same", "again"]
    assert kept["tie"]
    assert [(row["rank"], row["model"]) for row in kept["ranking"][:2]] == [
        (1, "same"), (1, "again")
    ]  # fmt: skip
    assert kept["ranking"][-1]["rank"] > 2
    for each in found.values():
        assert {row["model"] for row in each["ranking"]} <= set(study.models)
        assert each["reason"]
        assert each["sure"]
    record = json.loads(json.dumps(study.record()))
    assert [each["purpose"] for each in record["rankings"]] == PURPOSES


def test_how_many_labels_probes_saw_is_said(study):
    labels = study.scores["same"]["labels"]
    assert labels == len(study.images.train)
    said = next(line for line in study.remarks() if "Classify" in line)
    assert said
    sure = next(each["sure"] for each in study.rankings() if each["purpose"] == "classify")
    assert f"Learned from {labels:,} labels." in sure


def test_who_comes_next_is_so_much_behind_as_is_known():
    hard = np.random.default_rng(0).gamma(2, 0.01, 300)
    scores = [{"model": name, "psnr": -10 * np.log10(scale * hard.mean()), "numbers": 4,
               "held_out": 300, "each": {0: {"mse": scale * hard, "of": np.zeros(1)}}}
              for name, scale in (("near", 1.0), ("far", 2.0))]  # fmt: skip
    found = answers(scores, {})[0]
    assert found.order == "near > far"
    assert ", 3.0 ± 0.17 dB behind." in found.words


def test_a_foreign_block_is_that_of_another_image():
    images = np.random.default_rng(0).random((9, 8, 6, 2))
    found = altered(images, 3)
    changed = (found != images).any(-1)
    assert (changed.sum((1, 2)) == 12).all()
    for image, at in zip(found, changed, strict=True):
        same = (images[:, at] == image[at]).all((1, 2))
        assert same.sum() == 1
    np.testing.assert_array_equal(found, altered(images, 3))
    table = altered(images.reshape(9, -1))
    assert ((table != images.reshape(9, -1)).sum(1) == 48).all()


def test_altered_images_are_told_by_their_scores():
    from sklearn.metrics import roc_auc_score

    chance = np.random.default_rng(0)
    whole, foreign = chance.integers(0, 9, 40), chance.integers(3, 12, 40)
    found = altered_auroc(whole, foreign)
    both = np.concatenate([whole, foreign])
    assert found.value == pytest.approx(roc_auc_score(np.arange(80) >= 40, both))
    assert found.each.mean() == pytest.approx(found.value)
    assert altered_auroc(whole, whole + 20).value == 1.0
    assert altered_auroc(whole, whole).value == 0.5


def test_the_interval_of_altered_images_is_held():
    from scipy.stats import norm

    chance = np.random.default_rng(0)
    truth, held = norm.cdf(1 / np.sqrt(2 * (1 + 0.5))), 0
    for _ in range(400):
        image = chance.normal(0, np.sqrt(0.5), 100)  # what an image and its altered one share
        whole, foreign = image + chance.normal(size=100), image + chance.normal(1.0, 1, 100)
        found = altered_auroc(whole, foreign)
        held += abs(found.value - truth) <= found.within
    assert 0.93 <= held / 400 <= 0.975


def test_scores_of_altered_images_take_ten_of_them():
    images = ist.load_images("digits").evenly(200)
    model = ist.SOM((2, 2), random_state=0).fit(images.train)
    found = anomaly_scores(model, images.test, images.train)
    assert altered_auroc(*found).value > 0.5
    assert anomaly_scores(model, images.test[:4], images.train) is None
