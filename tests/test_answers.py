"""What a study says a representation is good for: measured, and chosen by the figures alone."""

from dataclasses import replace

import numpy as np
import pytest

import isthmus as ist
from isthmus.metrics.generation import coverage, frechet_estimate
from isthmus.metrics.reconstruction import psnr_within, told
from isthmus.metrics.table import METRICS
from isthmus.studies.advice import advice
from isthmus.studies.answers import answers, too_few
from isthmus.studies.evidence import from_leading, samples
from isthmus.studies.flags import flags_of, judged
from isthmus.studies.measure import measure
from isthmus.studies.summary import summary


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(16).fit(images.train)


def test_leading_numbers_are_the_variance_of_leading_components(images, pca):
    few = images.test.evenly(300)
    share, within, _ = told(few, from_leading(pca, pca.encode(images.train), pca.encode(few)))
    assert 0.005 < within < 0.1
    assert share == pytest.approx(pca.explained_variance_ratio_[:5].sum(), abs=0.05)


def test_a_psnr_of_few_images_is_less_sure():
    errors = np.random.default_rng(0).uniform(0, 0.5, (400, 1)).astype(np.float32)
    X = np.zeros((400, 3), np.float32)
    few, many = psnr_within(X[:100], X[:100] + errors[:100]), psnr_within(X, X + errors)
    assert few == pytest.approx(2 * many, rel=0.2)
    assert psnr_within(X[:1], X[:1]) is None


def test_samples_are_judged_by_likeness_and_by_variety(images, pca):
    class Same(type(pca)):
        def sample(self, n, random_state=0):
            return np.repeat(np.asarray(images.test[:1]), n, axis=0) / np.float32(255)

    same = Same(16).fit(images.train)
    good, bad = samples(pca, images.test), samples(same, images.test)
    assert frechet_estimate(*good).value < frechet_estimate(*bad).value / 5
    assert coverage(*good) > 10 * coverage(*bad)
    assert samples(pca, images.test[:20]) is None
    far = np.random.default_rng(0).normal(50, 30, (50, 2))
    assert coverage(np.random.default_rng(1).normal(size=(50, 2)), far) == 0


def test_an_index_and_a_pixel_code_have_what_they_can_have(images):
    kmeans = ist.KMeans(8, random_state=0).fit(images.train)
    found = measure(kmeans, images, probes=["knn"])
    assert found["numbers"] == 1
    assert found["frechet"] > found["frechet_within"] > 0
    assert found["knn_accuracy"] > 0.5
    assert found["svm_accuracy"] is found["leading"] is None
    assert "rate" not in found


MEAN = {"mse": 0.1, "psnr": 10.0}


def score(model, **figures):
    """Return a record as a report judges it: 8 numbers a code, 64 an image, nothing wrong."""
    usual = {"numbers": 8, "image_numbers": 64, "held_out": 400, "probed_on": 400, "flags": []}
    return {"model": model, "code": "8 numbers", **usual, **figures}


def best(use, *scores):
    return next((found for found in answers(scores, MEAN) if found.use == use), None)


def test_a_code_larger_than_the_image_cannot_be_best():
    pixels = score("pixels", psnr=40.0, numbers=1280, svm_accuracy=1.0)
    small = score("small", psnr=20.0, psnr_within=0.3, svm_accuracy=0.7)
    assert best("Reconstruct", pixels, small).models == ("small",)
    assert best("Classify", pixels, small).models == ("small",)
    alone = best("Reconstruct", pixels)
    assert alone.models == ()
    assert alone.head == "none"
    assert "no smaller than the image" in alone.sure
    index = score("index", psnr=15.0, numbers=1, code="index, 1 of 3", image_numbers=1)
    assert best("Reconstruct", index).models == ("index",)


def test_a_poor_inversion_is_said_and_is_not_below_the_mean_image():
    note = "the inversion is poor: images come back with 55% of what their mean image would have"
    flags = flags_of({"mse": 0.05}, [note], MEAN)
    assert [(flag.short, flag.bars) for flag in flags] == [("poor inversion", False)]


@pytest.mark.parametrize(
    ("figures", "health", "flag"),
    [
        ({"mse": 0.2}, [], "below the mean image"),
        ({"mse": 0.05, "bits_per_image": 0.0}, [], "collapsed code"),
        ({"mse": 0.05}, ["8 of 8 latents have collapsed (below .01 nats)"], "collapsed code"),
        ({"mse": 0.05}, ["too few steps: only 9 optimiser steps"], "too few steps"),
        ({"mse": 0.05}, ["loss rose again (overfitting): more images"], "overfitted"),
        ({"mse": 0.05}, ["mode collapse: all drawn images are alike"], "mode collapse"),
    ],
)
def test_a_model_with_a_problem_is_flagged_and_never_best(figures, health, flag):
    bad = score("bad", psnr=30.0, frechet=0.1, svm_accuracy=1.0, **figures)
    bad["flags"] = flags_of(bad, health, MEAN)
    assert [each.short for each in bad["flags"]] == [flag]
    good = score("good", psnr=12.0, frechet=9.0, svm_accuracy=0.2)
    for use in ("Reconstruct", "Generate", "Classify"):
        assert best(use, bad, good).models == ("good",)
        assert best(use, bad).models == ()
    assert f"bad (30.0 dB) does not count: {flag}." in best("Reconstruct", bad, good).sure
    assert [row["name"] for row in summary([bad, good])["tables"][0]["rows"]] == ["bad", "good"]
    assert not any(cell["best"] for cell in summary([bad, good])["tables"][0]["rows"][0]["cells"])


def test_some_idle_numbers_are_said_and_do_not_bar():
    found = flags_of(score("vae"), ["3 of 8 latents have collapsed (below .01 nats)"], MEAN)
    assert [(each.short, each.bars) for each in found] == [("idle numbers", False)]


def test_what_lies_within_its_interval_is_a_tie():
    near = score("near", psnr=20.0, psnr_within=0.3, svm_accuracy=0.90)
    top = score("top", psnr=20.4, psnr_within=0.3, svm_accuracy=0.92)
    far = score("far", psnr=19.0, psnr_within=0.3, svm_accuracy=0.50)
    found = best("Reconstruct", near, far, top)
    assert found.models == ("top", "near")
    assert found.head == "tie: top, near"
    assert "± 0.3 dB" in found.words
    assert best("Classify", near, far, top).models == ("top", "near")
    sure = [{**each, "psnr_within": 0.01, "probed_on": 100_000} for each in (near, far, top)]
    assert best("Reconstruct", *sure).models == ("top",)
    assert best("Classify", *sure).models == ("top",)


def test_codes_are_compared_at_equal_size():
    eight, nine = score("eight", psnr=20.0), score("nine", psnr=21.0)
    wide = score("wide", psnr=30.0, numbers=32)
    assert best("Reconstruct", eight, wide, nine).models == ("nine",)


def test_rates_are_compared_at_equal_quality():
    curve = [[10, 12.0], [20, 16.0], [40, 20.0]]
    cheap = score("cheap", mse=0.01, psnr=20.0, bits_per_image=40, rate=curve)
    dear = score("dear", mse=0.01, psnr=20.0, rate=[[2 * bits, db] for bits, db in curve])
    poor = score("poor", mse=0.08, psnr=11.0, bits_per_image=1.0)
    found = best("Compress", dear, poor, cheap)
    assert found.models == ("cheap",)
    assert found.at == 20.0
    assert "poor" not in found.words


def test_samples_without_variety_are_not_the_best():
    alike = score("alike", frechet=1.0, variety=0.1)
    varied = score("varied", frechet=2.0, variety=0.9)
    assert best("Generate", alike, varied).models == ("varied",)


def test_who_learnt_from_labels_is_said_and_finds_no_groups():
    taught = score("taught", svm_accuracy=0.99, cluster_accuracy=0.99, supervised=True)
    other = score("other", svm_accuracy=0.5, cluster_accuracy=0.5)
    assert "taught learnt from the labels" in best("Classify", taught, other).words
    assert best("Cluster", taught, other).models == ("other",)


def test_nothing_measured_is_no_answer():
    assert answers([], MEAN) == []
    assert answers([{"model": "a"}], {}) == []
    assert answers([score("a", psnr=None, svm_accuracy=None)], MEAN) == []
    assert best("Reconstruct", {"model": "a", "psnr": np.inf}).models == ("a",)
    table = score("table", psnr=None, kept=0.9)
    assert "90.0 %" in best("Reconstruct", table).words


def test_codes_of_few_numbers_have_no_leading_ones():
    few = score("few", numbers=3, leading=0.9, leading_within=0.1)
    assert best("Explain", few).words.startswith("All 3 numbers of few tell 90")
    many = score("many", numbers=30, leading=0.9, leading_within=0.1)
    assert best("Explain", many).words.startswith("The 5 leading numbers of many tell 90")


def test_what_is_no_better_than_chance_is_no_answer():
    blind = score("blind", svm_accuracy=0.3, chance=0.3, leading=0.1, leading_within=0.2)
    assert best("Classify", blind).models == ()
    assert "30.0 %" in best("Classify", blind).words
    assert best("Explain", blind).models == ()
    few = score("few", cluster_accuracy=1.0, per_class=1.0)
    assert "too few" in best("Cluster", few).words


def test_few_held_out_images_are_said_in_a_line_and_leave_no_empty_answers():
    scores = [
        score("pca", psnr=20.0, psnr_within=2.0, leading=0.1, leading_within=0.5, held_out=4)
    ]
    assert [answer.use for answer in answers(scores, {})] == ["Reconstruct"]
    assert too_few(scores) == (
        "Only 4 held-out images cannot tell the models apart: it would take about 64 for "
        "a PSNR that is sure to 0.5 dB."
    )
    assert advice(scores, {}).startswith("only 4 held-out images cannot")
    many = [{**scores[0], "held_out": 40}]
    assert [answer.head for answer in answers(many, {})] == ["pca", "none"]
    assert not too_few(many)
    without = [score("som", held_out=1)]
    assert too_few(without).endswith("there should be 10 or more.")


def test_images_a_class_are_of_those_that_were_measured():
    images = ist.load_images("digits").evenly(300)
    study = ist.study(images, [ist.PCA(2)])
    whole, part = (
        judged(replace(study, scores=[study.scores[0] | {"held_out": n}]))[0]["per_class"]
        for n in (len(images.test), len(images.test) // 2)
    )
    assert whole == len(images.test) / 10
    assert part == pytest.approx(whole / 2, rel=0.05)


def test_nothing_is_read_off_codes_of_classes_that_nobody_has_learnt_from():
    images = ist.load_images("digits").evenly(10)
    alone = ist.Images(np.asarray(images), y=np.arange(10), is_test=np.arange(10) > 6)
    [record] = ist.study(alone, [ist.PCA(2)]).scores
    assert record["knn_accuracy"] is record["cluster_accuracy"] is record["nmi"] is None
    with pytest.raises(ValueError, match="every class needs images in both halves"):
        ist.probe(ist.PCA(2).fit(alone.train), alone)


def test_where_all_are_alike_none_is_marked_as_the_best():
    rows = summary([{"model": "a", "psnr": 20.0}, {"model": "b", "psnr": 20.0}])["tables"][0][
        "rows"
    ]
    assert not any(cell["best"] for row in rows for cell in row["cells"])


def test_what_figures_compare_with_stands_below_them():
    scores = [
        {"model": "a", "psnr": 20.0, "mse": 0.01, "coverage": 0.5, "coverage_real": 0.9,
         "svm_accuracy": 0.8, "chance": 0.1},
        {"model": "b", "psnr": 19.0},
    ]  # fmt: skip
    tables = {table["title"]: table for table in summary(scores, MEAN)["tables"]}
    below = {title: [row["name"] for row in table["beside"]] for title, table in tables.items()}
    assert below == {
        "Reconstruction": ["the mean image"],
        "Samples": ["other real images"],
        "Labels from codes": ["the most frequent class"],
    }
    assert tables["Reconstruction"]["beside"][0]["texts"] == ["0.100", "10.0"]
    assert tables["Samples"]["beside"][0]["texts"] == ["90.0 %"]


def test_no_figure_is_written_with_the_marks_of_code():
    assert not any("`" in metric.hint for metric in METRICS.values())
