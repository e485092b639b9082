"""Verbs done with several seeds: means over them, intervals, and who is ahead, draw by draw."""

import json

import numpy as np
import pytest
from scipy.stats import t

import isthmus as ist
from isthmus.metrics.compared import ahead, behind_best, in_words
from isthmus.metrics.labels import averaged, counted


def half(values):
    """Return half of Student's interval."""
    k = len(values)
    return t.ppf(0.975, k - 1) * np.std(values, ddof=1) / np.sqrt(k)


def test_a_probe_repeated_is_the_mean_of_probes_with_the_next_seeds(pca, images):
    given = {"labels": 40, "kinds": ["knn", "linear"], "verbose": False}
    found = ist.probe(pca, images, **given, repeats=3, random_state=4)
    alone = [ist.probe(pca, images, **given, random_state=seed) for seed in (4, 5, 6)]
    for kind in given["kinds"]:
        values = [each.accuracies[kind].accuracy for each in alone]
        assert found.scores[kind] == pytest.approx(np.mean(values))
        assert found.accuracies[kind].over_fits == pytest.approx(half(values))
        assert [each[kind] for each in found.repeats] == values
    record = found.record()
    assert record["linear_seeds"] == pytest.approx(half(values))
    assert [row["random_state"] for row in record["repeats"]] == [4, 5, 6]
    assert {row["draws"] for row in found.table()} == {3}
    assert "± " in found.heading()[1]
    assert "over 3 draws" in found.remarks()[0]
    assert (
        found.chart().axes[0].get_xlabel().startswith("accuracy on 359 held-out images, %, mean")
    )
    assert not {"repeats", "knn_seeds"} & set(alone[0].record())
    assert not {"over_draws"} & set(alone[0].table()[0])


def test_finetuning_repeated_says_how_far_it_is_ahead(images):
    start = ist.Autoencoder(6, hidden=(16,), epochs=2, init="he_normal", random_state=0)
    start.fit(images.train[:300])
    given = {"labels": 20, "epochs": 2, "verbose": False}
    found = ist.finetune(start, images, **given, repeats=2)
    alone = [ist.finetune(start, images, **given, random_state=seed) for seed in (0, 1)]
    for name, each in found.accuracies().items():
        values = [one.accuracies()[name].accuracy for one in alone]
        assert each.accuracy == pytest.approx(np.mean(values))
        assert found.record()[f"{name}_seeds"] == pytest.approx(half(values))
    gains = [each.gain.value for each in alone]
    assert found.gain.value == pytest.approx(np.mean(gains))
    assert found.record()["gain"]["tie"] == found.gain.is_tie
    assert any(line.startswith("finetuned less from scratch: ") for line in found.remarks())
    assert found.model.score(images.test) == alone[0].model.score(images.test)
    assert found.best == alone[0].best
    assert not {"repeats", "gain"} & set(alone[0].record())


def test_clusters_repeated_are_those_of_the_first_seed(pca, images):
    given = {"n_clusters": 10, "verbose": False}
    found = ist.cluster(pca, images.test, **given, repeats=3)
    alone = [ist.cluster(pca, images.test, **given, random_state=seed) for seed in range(3)]
    np.testing.assert_array_equal(found.labels, alone[0].labels)
    for name in ("accuracy", "nmi", "ari", "silhouette", "davies_bouldin"):
        values = [each.scores[name] for each in alone]
        assert found.scores[name] == pytest.approx(np.mean(values))
        assert found.record()[f"{name}_seeds"] == pytest.approx(half(values))
        assert found.record()[f"{name}_within"] == alone[0].within[name]
    assert found.remarks() == ["means of 3 starts, seeds 0 to 2; clusters are those of seed 0"]
    assert alone[0].remarks() == []
    assert not {"repeats", "nmi_seeds"} & set(alone[0].record())


def test_classifiers_are_compared_draw_by_draw():
    chance = np.random.default_rng(0)
    easy = [chance.random(500) < share for share in (0.7, 0.8, 0.9)]  # draws differ by far more
    few = np.arange(500) < 40
    better = averaged([counted(hits | few, 5) for hits in easy])
    worse = averaged([counted(hits & ~few, 5) for hits in easy])
    assert better.accuracy - worse.accuracy < worse.over_fits
    found = ahead(better, worse)
    assert found.seeds == 3
    assert not found.is_tie
    assert ahead(worse, worse).is_tie
    assert ahead(worse, None) is None
    assert not behind_best({"a": better, "b": worse})["b"].is_tie
    assert "over 3 draws: b cannot be told" in in_words({"a": worse, "b": worse})[0]


def test_one_draw_is_as_it_was():
    one = counted(np.arange(10) < 7, 5)
    assert averaged([one]) is one
    assert one.over_fits is None


def test_repeats_of_nothing_are_refused_in_a_line(run, pca, tmp_path):
    pca.save(tmp_path / "p.safetensors")
    for verb in ("probe", "cluster"):
        code, out, err = run(verb, "p.safetensors", "digits", "--repeats", 0)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "--repeats 0 must be at least 1" in err
    code, out, _ = run("cluster", "p.safetensors", "digits", "-k", 3, "--repeats", 2, "--json")
    assert [row["random_state"] for row in json.loads(out)["repeats"]] == [0, 1]
