"""What a study says of its models beside JPEG, WebP and AVIF."""

import json
from dataclasses import replace

import numpy as np
import pytest

import isthmus as ist
from isthmus.codec.costs import Costs
from isthmus.codec.rate_curves import Point, resampled_of
from isthmus.data.images import Images
from isthmus.metrics.bjontegaard import at_quality, bd_rate
from isthmus.studies.beside_formats import (
    BEYOND,
    beside,
    compared,
    format_curves,
    format_points,
    in_words,
)


def test_formats_are_tried_from_their_lowest_quality_to_what_models_reach(images):
    few = images.test.evenly(60)
    found = format_curves(format_points(few, [{"psnr": 18.0, "bits_per_image": 40.0}]))
    assert {"jpeg", "webp"} <= set(found)
    for curve in found.values():
        bits, quality = zip(*curve, strict=True)
        assert list(bits) == sorted(bits)
        assert list(quality) == sorted(quality)
        assert quality[-1] > 18 + BEYOND
    rd = ist.rate_distortion(ist.PCA(4).fit(images.train), few, ["jpeg"], points=2, split="all")
    lowest = min(8 * p.bytes_per_image for p in rd if p.codec == "jpeg, one sheet")
    assert found["jpeg"][0][0] == pytest.approx(lowest, rel=1e-4)
    assert format_points(images.test, [{"psnr": None}]) == []
    assert format_points(Images(np.zeros((4, 9))), [{"psnr": 9.0, "bits_per_image": 1}]) == []


def test_a_model_is_compared_at_its_best_quality_and_over_all_that_both_have():
    rate = [(10.0, -20.0), (20.0, -16.0), (40.0, -12.0)]  # dB below a range of 1
    score = {"model": "m", "psnr": 30.0, "mse": 1e-3, "bits_per_image": 40.0, "rate": rate}
    peak = 30 + 10 * np.log10(1e-3)
    ours = [(b, q + peak) for b, q in rate]
    twice = [(2 * b, q) for b, q in ours]
    found = compared([score, {"model": "none"}], {"jpeg": twice, "webp": [(90.0, 40.0)]})
    (row,) = found
    assert (row["at"], row["bits"]) == (ours[-1][1], 40.0)
    assert row["formats"]["jpeg"]["bits"] == pytest.approx(80.0)
    assert row["formats"]["jpeg"]["bd_rate"] == pytest.approx(-0.5)
    assert row["formats"]["jpeg"]["bd_rate"] == pytest.approx(
        bd_rate(np.transpose(ours), np.transpose(twice))
    )
    assert row["formats"]["webp"]["bits"] == 90.0  # nothing cheaper is to be had
    said = in_words(row)
    assert said["jpeg"][1].startswith("BD-rate -50.0 %")
    assert said["webp"] == ["44.4 % of 90.0 bits, at 40.0 dB", "no quality in common"]


def test_models_and_formats_are_of_the_same_images_with_intervals(images):
    few = images.test.evenly(150)
    models = {"pca": ist.PCA(16).fit(images.train), "kmeans": ist.KMeans(8).fit(images.train)}
    score = {"model": "pca", "psnr": 19.0, "mse": 0.012, "bits_per_image": 60.0}
    points = format_points(few, [score])
    told = beside(points, few, models)
    (row,) = compared([score], format_curves(points), told)
    cost = Costs(models["pca"], few)
    assert row["bits"] == pytest.approx(cost.curve[0][0], rel=1e-3)  # of the images formats saw
    assert row["at"] == pytest.approx(cost.curve[0][1], abs=1e-3)
    jpeg = row["formats"]["jpeg"]
    low, high = jpeg["share_ends"]
    assert low < row["bits"] / jpeg["bits"] < high < 1.2 * low
    name, own = "jpeg, one sheet", points_of(models["pca"], few)
    ours, theirs = resampled_of(own, "pca"), resampled_of(points, name)
    exact = [
        rates[-1] / at_quality(r, q, psnr[-1])
        for rates, psnr, r, q in zip(*ours, *theirs, strict=True)
    ]
    assert np.ptp(np.quantile(exact, (0.025, 0.975))) == pytest.approx(high - low, rel=0.1)
    assert jpeg["bd_rate_ends"][0] < jpeg["bd_rate"] < jpeg["bd_rate_ends"][1]
    share, rate = in_words(row)["jpeg"]
    assert share.count(" to ") == 1
    assert rate.startswith(f"BD-rate {100 * jpeg['bd_rate']:+.1f} % (-")
    assert set(told["kmeans"]["ends"]) == set(told["pca"]["ends"])  # a single point has a share
    json.dumps(told)


def points_of(model, images):
    return [
        Point("pca", 0.0, each.rate, each.psnr, 1.0, each=each)
        for each in Costs(model, images).points
    ]


def test_too_little_in_common_is_no_bd_rate():
    score = {"model": "m", "psnr": 20.0, "mse": 0.01, "rate": [(1.0, 10.0), (9.0, 20.0)]}
    found = compared([score], {"jpeg": [(5.0, 19.5), (50.0, 30.0)]})[0]
    assert found["formats"]["jpeg"]["bd_rate"] is None
    assert in_words(found)["jpeg"][1] == "too little in common for BD-rate: 19.5 to 20.0 dB"
    short = compared([score], {"jpeg": [(5.0, 11.0), (7.0, 15.0)]})[0]
    assert in_words(short)["jpeg"][0] == "it ends at 15.0 dB"


def test_a_study_that_is_written_keeps_them(images, tmp_path):
    few = replace(images[::15], y=None)  # labels take long to measure
    result = ist.study(few, models=["pca"], width=8)
    assert result.formats is None  # they take their time
    page = result.report(tmp_path / "s").read_text(encoding="utf-8")
    assert "Beside image formats" in page
    kept = json.loads((tmp_path / "s/scores.json").read_text())["formats"]
    again = ist.load_study(tmp_path / "s", few)
    assert list(kept) == list(again.formats) == list(result.formats)
    assert again.record()["formats"][0]["model"] == "pca"
    assert again.record()["formats"][0]["formats"]["jpeg"]["share_ends"] is not None
    assert again.beside == result.beside
