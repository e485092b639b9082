"""Scores of classes, searches and anomalies beside scikit-learn's, with intervals and chance."""

import numpy as np
import pytest
from sklearn import metrics as theirs

import isthmus as ist
from isthmus.metrics import classification as classes
from isthmus.metrics import detection, retrieval
from isthmus.metrics.parts import by_bootstrap


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(0)
    y = rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05])
    p = rng.dirichlet([0.3] * 4, 300) + 1.2 * np.eye(4)[y] * rng.random(300)[:, None]
    return y, p / p.sum(1, keepdims=True)


def test_scores_of_classes_are_those_of_scikit_learn(answers):
    y, p = answers
    found = p.argmax(1)
    judged = classes.judged(y, found)
    assert judged["balanced_accuracy"].value == pytest.approx(
        theirs.balanced_accuracy_score(y, found)
    )
    assert judged["macro_f1"].value == pytest.approx(theirs.f1_score(y, found, average="macro"))
    assert classes.confusion(y, found)[1].tolist() == theirs.confusion_matrix(y, found).tolist()
    assert classes.balanced_accuracy(y, found) == judged["balanced_accuracy"].value
    assert classes.macro_f1(y, found) == judged["macro_f1"].value
    two = np.minimum(y, 1)
    both = np.column_stack([1 - p[:, 1], p[:, 1]])
    half = theirs.brier_score_loss(two, both[:, 1])
    assert classes.brier(two, both) == pytest.approx(2 * half)
    resampled = by_bootstrap(lambda rows: classes.macro_f1(y[rows], found[rows]), len(y))
    assert judged["macro_f1"].within == pytest.approx(resampled.within, rel=0.3)


def test_the_top_is_reached_by_what_is_right_and_chance_by_what_guesses(answers):
    y, _ = answers
    right, most = classes.judged(y, y), classes.judged(y, np.zeros(300, int))
    assert right["balanced_accuracy"].value == right["macro_f1"].value == 1
    assert most["balanced_accuracy"].value == 0.25
    assert most["macro_f1"].value < classes.guessed(y) / 2
    sure = np.eye(4)[y]
    assert {name: each.value for name, each in classes.believed(y, sure).items()} == {
        "calibration_error": 0.0, "brier": 0.0,
    }  # fmt: skip
    assert classes.brier(y, np.roll(sure, 1, axis=1)) == 2
    assert classes.brier(y, np.full((300, 4), 0.25)) == pytest.approx(0.75)


def test_calibration_sees_what_is_too_sure():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 20_000)
    assert classes.calibration_error(rng.random(20_000) < sure, sure) < 0.02
    assert classes.calibration_error(rng.random(20_000) < 0.5, sure) == pytest.approx(
        0.25, abs=0.02
    )


def test_detection_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.random(500) < 0.1
    scores = np.round(rng.normal(size=500) + 1.5 * truth, 1)  # with equal ones
    assert detection.average_precision(truth, scores) == pytest.approx(
        theirs.average_precision_score(truth, scores)
    )
    passed, caught, _ = theirs.roc_curve(truth, scores, drop_intermediate=False)
    assert detection.false_alarms(truth, scores) == pytest.approx(passed[caught >= 0.95 - 1e-9][0])
    found = detection.detected(truth, scores)
    assert found["auroc"].value == pytest.approx(theirs.roc_auc_score(truth, scores))
    assert all(0 < each.within < 0.3 for each in found.values())
    chance = detection.detected(truth, rng.normal(size=500))
    assert abs(chance["average_precision"].value - truth.mean()) < 0.1
    assert chance["false_alarms"].value > 0.6


def test_a_search_of_all_has_the_average_precision_of_scikit_learn():
    rng = np.random.default_rng(0)
    there, y = rng.integers(0, 4, 60), rng.integers(0, 4, 20)
    orders = np.array([rng.permutation(60) for _ in y])
    found = retrieval.average_precision_at_k(y, there[orders], there)
    places = np.argsort(orders, axis=1)
    wanted = [
        theirs.average_precision_score(there == label, -place)
        for label, place in zip(y, places, strict=True)
    ]
    assert found == pytest.approx(np.mean(wanted))
    few = retrieval.retrieved(y, there[orders][:, :3], there)
    chance = retrieval.found_by_chance(y, there, 3)
    precision = retrieval.precision_at_k(y, there[orders][:, :3])
    assert few["precision at k"].value == pytest.approx(precision)
    assert few["recall at k"].value == pytest.approx(chance["recall"], abs=0.3)
    assert retrieval.recall_at_k([1], [[0, 0, 1]]) == 1


def test_intervals_by_bootstrap_hold_the_truth():
    rng = np.random.default_rng(0)
    held = []
    for draw in range(200):
        x = rng.normal(size=120)
        value, within, _ = by_bootstrap(
            lambda rows, x=x: float(np.median(x[rows])), len(x), draws=60, random_state=draw
        )
        held.append(abs(value) < within)
    assert 0.9 <= np.mean(held) <= 1
    assert by_bootstrap(lambda rows: 1.0, 10).within is None


def test_verbs_tell_them_with_intervals_and_chance(tmp_path):
    images = ist.load_images("digits")
    train, test = images.train[:300], images.test[:150]
    pca = ist.PCA(8).fit(train)
    found = ist.nearest(pca, test, train, k=5)
    assert found.scores["precision at k"] > 0.5 > found.scores["precision at k of chance"]
    assert found.scores["recall at k"] >= found.scores["mean average precision"]
    assert found.record()["recall at k_within"] > 0
    new = ist.novelty(pca, test, train, truth=test.y == 8, verbose=False)
    assert new.scores["average_precision"] > new.scores["new"]
    assert new.record()["false_alarms_within"] > 0
    probe = ist.probe(pca, images[:600], 200, kinds=["linear"], verbose=False)
    (row,) = probe.table()
    assert row["searched"] == "nothing"
    assert row["most frequent class"] < 0.3 < row["balanced_accuracy"]
    model = ist.Classifier(8, hidden=(32,), max_steps=60, random_state=0).fit(train)
    said = ist.predict(model, test)
    assert said.scores["balanced_accuracy"] > said.scores["accuracy of guessing"]
    assert {"accuracy", "brier", "calibration_error", "macro_f1"} <= set(said.within)
    assert sum(row["0"] for row in said.record()["confusion"]) == (said.labels == 0).sum()
    assert (said.save(tmp_path / "it") / "confusion.csv").exists()
