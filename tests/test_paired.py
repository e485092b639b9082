"""Differences of models on the same images: how sure they are, and what is called a tie."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.metrics import reconstruction
from isthmus.metrics.clustering import cluster_accuracy, cluster_accuracy_estimate
from isthmus.metrics.intervals import wilson
from isthmus.metrics.labels import knn_read, probe_codes
from isthmus.metrics.paired import apart, difference
from isthmus.metrics.similarity import likeness, ssim
from isthmus.studies.each import FILE, read_each
from isthmus.studies.summary import marked, summary
from isthmus.studies.ties import against, best_and_ties

RUNS, N = 400, 150
COVERED = 0.93, 0.975
"""Where the share of 400 intervals of 95 % that hold the truth lies, but once in 60."""


def held(intervals, truth):
    return np.mean([low <= truth <= high for low, high in intervals])


def is_covered(intervals, truth):
    return COVERED[0] <= held(intervals, truth) <= COVERED[1]


def errors(chance, scale, hard):
    """Return errors that are large where an image is hard, as those of all models are."""
    return scale * hard * chance.gamma(8, 1 / 8, len(hard))


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says():
    chance = np.random.default_rng(0)
    found = []
    for _ in range(RUNS):
        each = errors(chance, 0.1, chance.gamma(4, 1 / 4, N))
        half = reconstruction.mean_within(each)
        found.append((each.mean() - half, each.mean() + half))
    assert is_covered(found, 0.1)


def test_the_interval_of_a_share_holds_it_as_often_as_it_says():
    chance = np.random.default_rng(0)
    ends = {right: wilson(right, N) for right in range(N // 2, N + 1)}
    assert is_covered([ends[right] for right in chance.binomial(N, 0.9, 10 * RUNS)], 0.9)


@pytest.mark.parametrize(("form", "truth"), [("mean", -0.01), ("dB", 10 * np.log10(1.1))])
def test_a_paired_difference_of_errors_is_held_and_is_narrow(form, truth):
    chance = np.random.default_rng(0)
    found, alone = [], []
    for _ in range(RUNS):
        hard = chance.gamma(2, 1 / 2, N)
        one, two = errors(chance, 0.1, hard), errors(chance, 0.11, hard)
        d = difference([(one, two)], form)
        found.append((d.low, d.high))
        alone.append(difference([(one, chance.permutation(two))], form).within / d.within)
    assert is_covered(found, truth)
    assert np.mean(alone) > 1.5, "by the same images much less is unsure"


def test_a_paired_difference_of_accuracies_is_held():
    chance = np.random.default_rng(1)
    found = []
    for _ in range(RUNS):
        easy = chance.random(N) < 0.8
        one = np.where(easy, chance.random(N) < 0.98, chance.random(N) < 0.6)
        two = np.where(easy, chance.random(N) < 0.95, chance.random(N) < 0.5)
        d = difference([(one, two)], "share")
        found.append((d.low, d.high))
    assert is_covered(found, 0.8 * 0.03 + 0.2 * 0.1)


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_a_difference_over_images_and_seeds_is_held(seeds):
    chance = np.random.default_rng(2)
    found = []
    for _ in range(RUNS):
        shared = chance.normal(0.1, 0.3, N)  # how much better an image is, by whatever fit
        lucky = chance.normal(0, 0.05, seeds)  # how much better a fit is, on whatever image
        d = difference([(shared + one, np.zeros(N)) for one in lucky])
        found.append((d.low, d.high))
    assert COVERED[0] <= held(found, 0.1) <= 0.985  # of 2 seeds nobody knows much


def test_of_several_comparisons_each_has_to_be_surer():
    chance = np.random.default_rng(3)
    wrong = 0
    for _ in range(200):
        each = chance.normal(size=(8, N))
        wrong += any(not difference([(each[0], e)], times=7).is_tie for e in each[1:])
    assert wrong / 200 < 0.08
    one, two = each[:2]
    assert difference([(one, two)], times=7).within > 1.2 * difference([(one, two)]).within


def test_what_no_image_tells_apart_is_a_tie_and_no_error_is_beyond_all():
    same = np.full(20, 0.3)
    assert difference([(same, same)], "dB").is_tie
    assert difference([(np.ones(20, bool), np.ones(20, bool))], "share").is_tie
    assert apart(np.zeros(5), np.ones(5), "dB").value == np.inf
    for wrong in ([], np.zeros(3)):
        with pytest.raises(ValueError, match="one an image"):
            apart(np.zeros(4), wrong)
    with pytest.raises(ValueError, match="no fits"):
        difference([])


def test_the_share_of_every_image_makes_the_figure():
    chance = np.random.default_rng(0)
    X, Y = chance.random((2, 5, 12, 12))
    found = reconstruction.mse_estimate(X, Y)
    assert found.each.mean() == pytest.approx(found.value) == pytest.approx(np.mean((X - Y) ** 2))
    alike = likeness(X, Y)["ssim"]
    assert alike.each.tolist() == pytest.approx([ssim(x[None], y[None]) for x, y in zip(X, Y)])  # noqa: B905
    y, labels = chance.integers(0, 3, (2, 40)) - 1
    assert cluster_accuracy_estimate(y, labels).value == cluster_accuracy(y, labels)


def test_hits_of_a_probe_are_in_the_order_of_its_images():
    Z, y = np.arange(60.0)[:, None], np.arange(60) // 30
    wrong = y.copy()
    wrong[[3, 40]] = 1 - wrong[[3, 40]]
    wrong[7] = -1  # of no label
    right = knn_read(Z, y, Z, wrong).each
    assert np.flatnonzero(~right).tolist() == [3, 39]
    found = probe_codes(Z, y, Z, wrong, "linear")
    assert "right=" not in repr(found)
    assert found == probe_codes(Z, y, Z, wrong, "linear")


def scored(name, fits, **figures):
    each = {seed: {k: np.asarray(v) for k, v in one.items()} | {"of": np.zeros(1)}
            for seed, one in enumerate(fits)}  # fmt: skip
    usual = {"numbers": 8, "image_numbers": 64, "held_out": N, "probed_on": N, "flags": []}
    return {"model": name, "each": each, **usual, **figures}


def hundred_studies(gap):
    """Return how often two models are told apart by 3 fits of each; seeds move them by 1 %."""
    found = 0
    for seed in range(100):
        chance = np.random.default_rng(seed)
        hard = chance.gamma(2, 1 / 2, N)
        both = []
        for name, scale in (("one", 0.1), ("two", 0.1 * (1 + gap))):
            fits = [{"mse": errors(chance, scale * chance.normal(1, 0.01), hard)}
                    for _ in range(3)]  # fmt: skip
            db = [-10 * np.log10(fit["mse"].mean()) for fit in fits]
            both.append(scored(name, fits, psnr=float(np.mean(db)), psnr_within=0.5))
        found += len(best_and_ties(both, lambda s: s["psnr"], lambda s: 0.5, "psnr")) == 1
    return found


def test_two_of_a_kind_are_a_tie_and_what_differs_is_none():
    assert hundred_studies(0.0) <= 5
    assert hundred_studies(0.3) >= 95


def test_stars_are_shared_by_those_that_cannot_be_told_apart():
    chance = np.random.default_rng(0)
    hard = chance.gamma(2, 1 / 2, N)
    made = {"a": 0.1, "b": 0.1001, "c": 0.2}
    scores = []
    for name, scale in made.items():
        each = errors(chance, scale, hard)
        scores.append(scored(name, [{"mse": each}] * 1, mse=each.mean(), psnr=20 - scale))
    assert marked(scores, "mse") == marked(scores, "psnr") == {"a", "b"}
    marks = [row["cells"][0]["best"] for row in summary(scores)["tables"][0]["rows"]]
    assert marks == [True, True, False]
    assert marked(scores[:2], "mse") == set(), "all of them would have it"


def test_models_are_compared_on_the_same_images_only():
    one, two = (scored(name, [{"mse": np.full(9, 0.1)}]) for name in "ab")
    assert against(one, two, "psnr").n == 9
    two["each"][0]["of"] = np.ones(1)
    assert against(one, two, "psnr") is None
    assert against(one, {"model": "c"}, "psnr") is against(one, two, "nmi") is None


def test_a_study_keeps_the_figures_of_every_image(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "isthmus.metrics.features.MOST", 40
    )  # steps, of which nothing here depends
    images = ist.load_images("digits").evenly(150)
    made = {"a": ist.PCA(3), "b": ist.PCA(3), "c": ist.KMeans(3, random_state=0)}
    study = ist.study(images, made, folder=tmp_path / "study")
    back = ist.load_study(tmp_path / "study", images)
    assert back.each.keys() == {"a", "b", "c"}
    figures = back.each["a"][0]
    assert figures["mse"].mean() == pytest.approx(study.scores["a"]["mse"], rel=1e-5)
    assert figures["svm_accuracy"].mean() == pytest.approx(study.scores["a"]["svm_accuracy"])
    by_name = {score["model"]: score for score in back.judged()[0]}
    assert not against(by_name["a"], by_name["c"], "psnr").is_tie
    assert [line for line in back.remarks() if "tie: a, b" in line]
    (tmp_path / "study" / FILE).write_bytes(b"no tensors")
    assert "same images" in " ".join(ist.load_study(tmp_path / "study", images).notes)
    (tmp_path / "study" / FILE).unlink()
    assert read_each(tmp_path / "study") == ({}, [])
    assert ist.load_study(tmp_path / "study", images).each == {}


def test_classifiers_are_compared_on_the_same_images():
    from isthmus.metrics.compared import as_record, in_words
    from isthmus.metrics.labels import Accuracy, counted

    chance = np.random.default_rng(0)
    easy = chance.random(400)
    found = {name: counted(easy < share, 10) for name, share in (("a", 0.9), ("b", 0.895))}
    found["c"] = counted(easy < 0.7, 10)
    told = as_record(found)
    assert (told["b"]["tie"], told["c"]["tie"]) == (True, False)
    assert told["c"]["behind"] == pytest.approx(0.2, abs=0.05)
    assert in_words(found)[0].endswith("points behind; b cannot be told from it")
    assert in_words({"a": Accuracy(0.9, 0.8, 1.0, 5, 10, {}), "b": found["b"]}) == []


def test_the_interval_of_an_roc_curve_holds_its_area_as_often_as_it_says():
    from scipy.stats import norm

    from isthmus.metrics.outliers import auroc_estimate

    chance, held = np.random.default_rng(0), 0
    truth, new = norm.cdf(1 / np.sqrt(2)), np.arange(200) >= 150
    for _ in range(RUNS):
        found = auroc_estimate(new, chance.normal(size=200) + new)
        held += abs(found.value - truth) <= found.within
    assert COVERED[0] <= held / RUNS <= COVERED[1]


def test_what_a_verb_compares_has_an_interval():
    images = ist.load_images("digits").evenly(300)
    model = ist.PCA(4).fit(images.train)
    found = ist.probe(model, images, kinds=["knn", "linear"])
    assert len(found.record()["compared"]) == 1
    assert "on the same images" in found.remarks()[0]
    new = ist.novelty(model, images, truth=images.y == 8)
    assert 0 < new.within["auroc"] < 0.2
