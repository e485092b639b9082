"""Every score of METRICS reaches its top in an ideal case, and its bottom in a useless one."""

from functools import cache

import numpy as np
import pytest

from isthmus import metrics
from isthmus.metrics import (
    altered,
    bjontegaard,
    classification,
    cluster_scores,
    clustering,
    detection,
    generation,
    kernel,
    labels,
    map_scores,
    outliers,
    prdc,
    reconstruction,
    retrieval,
    segmentation,
    similarity,
    udr,
)
from isthmus.metrics.copies import copies
from isthmus.metrics.likelihood import aggregate_posterior
from isthmus.metrics.posterior import active_units, kl_per_dimension
from isthmus.metrics.table import METRICS

INF = np.inf
ENDLESS = {
    **dict.fromkeys(("seconds", "peak_memory_mb", "bits_per_image", "file_kb"), "a cost, above 0"),
    **dict.fromkeys(("encode_rate", "decode_rate"), "a speed: more can be had"),
    "learned_numbers": "a cost, above 0",
    **dict.fromkeys(("log_likelihood", "bound"), "nats: beside closed forms in test_likelihood"),
}
"""What has no best value that could be reached."""

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 2, (60, 24, 24, 1)) * 1.0  # black or white, so the contrary is the worst
NOISE = rng.integers(0, 2, PIXELS.shape) * 1.0
MEAN = np.broadcast_to(PIXELS.mean(0), PIXELS.shape)
REAL, DRAWN, FAR = rng.normal(size=(2, 300, 3)), rng.normal(size=(300, 3)), np.full((300, 3), 50.0)
CLASSES = np.repeat([0, 1, 2, 3], 75)
CHANCE = rng.permutation(CLASSES)
BLOBS = 50.0 * np.eye(4)[CLASSES] + 1e-3 * rng.normal(size=(300, 4))
TRUTH = np.arange(100) < 30
SURE, FLAT = TRUTH * 1.0, np.zeros(100)
FACTORS = np.column_stack([rng.integers(0, 6, 900) for _ in range(3)])
CODES, BLIND = FACTORS * 1.0, rng.normal(size=(900, 3))
MANY = rng.normal(size=(2, 20_000, 3))
MAPS = rng.integers(0, 3, (4, 9, 9))
PSNR = np.array([20.0, 24.0, 28.0])
RATES = np.array([1.0, 2.0, 4.0])


def read(kind):
    """Return what a probe reads off codes that say the class, and off others."""
    half = np.arange(300) % 2 == 0
    return [
        lambda Z=Z: (
            labels.probe_codes(Z[half], CLASSES[half], Z[~half], CLASSES[~half], kind).accuracy
        )
        for Z in (BLOBS, np.random.default_rng(1).normal(size=(300, 4)))
    ]


def of_clusters(score):
    return lambda: score(CLASSES, CLASSES + 7), lambda: score(CLASSES, CHANCE)


def of_codes(score, *more):
    found = [lambda own=own: score(BLOBS, own, *more).value for own in (CLASSES, CHANCE)]
    return found[0], found[1]


def of_drawn(key):
    at = prdc.Neighborhoods._fields.index(key)
    return lambda: prdc.neighborhoods(REAL[0], REAL[0])[at], lambda: prdc.neighborhoods(
        REAL[0], FAR + DRAWN
    )[at]


@cache
def dci_of(codes):
    return metrics.dci({"own": CODES, "noise": BLIND}[codes], FACTORS, trees=8)


def of_factors(score):
    return lambda: score(CODES, FACTORS), lambda: score(BLIND, FACTORS)


def of_dci(at):
    return lambda: dci_of("own")[at], lambda: dci_of("noise")[at]


def of_found(score, right, wrong):
    return lambda: score(*right), lambda: score(*wrong)


FOUND = np.column_stack([CLASSES] * 5)
OTHERS = (FOUND + 1) % 4
ENDS = {
    # ideal, its value, useless, its least and its greatest value
    "mse": (*of_found(reconstruction.mse, (PIXELS, PIXELS), (PIXELS, 1 - PIXELS)), 0, 1, 1),
    "mae": (*of_found(reconstruction.mae, (PIXELS, PIXELS), (PIXELS, 1 - PIXELS)), 0, 1, 1),
    "psnr": (*of_found(reconstruction.psnr, (PIXELS, PIXELS), (PIXELS, 1 - PIXELS)), INF, 0, 0),
    "ssim": (*of_found(similarity.ssim, (PIXELS, PIXELS), (PIXELS, NOISE)), 1, -0.02, 0.02),
    "ms_ssim": (*of_found(similarity.ms_ssim, (PIXELS, PIXELS), (PIXELS, NOISE)), 1, 0, 0.05),
    "leading": (
        lambda: reconstruction.told(PIXELS, PIXELS).value,
        lambda: reconstruction.told(PIXELS, MEAN).value,
        1, 0, 1e-9,
    ),
    "frechet": (
        lambda: generation.gaussians_apart(REAL[0], REAL[0]),
        lambda: generation.gaussians_apart(REAL[0], FAR + DRAWN),
        0, 3 * 49**2, INF,
    ),
    "variety": (
        *of_found(generation.coverage, (REAL[0], REAL[0]), (REAL[0], FAR + DRAWN)), 1, 0, 0
    ),
    "feature_frechet": (
        lambda: generation.gaussians_apart(BLOBS, BLOBS[::-1]),
        lambda: generation.gaussians_apart(BLOBS, BLOBS + 9),
        0, 4 * 80, 4 * 82,
    ),
    "kid": (
        *of_found(kernel.kernel_distance, (REAL[0], REAL[1]), (REAL[0], FAR + DRAWN)), 0, 1e3, INF
    ),
    **{key: (*of_drawn(key), 1, 0, 0) for key in ("precision", "recall", "coverage")},
    "density": (
        lambda: prdc.neighborhoods(*REAL).density, of_drawn("density")[1], 1, 0, 0
    ),
    "copied": (
        lambda: copies(REAL[0], DRAWN[:100], REAL[1][:100]).copied.value,
        lambda: copies(REAL[0], REAL[0][:100] + 1e-4, REAL[1][:100]).copied.value,
        0.01, 1, 1,
    ),
    "knn_accuracy": (*read("knn"), 1, 0.1, 0.4),
    "linear_accuracy": (*read("linear"), 1, 0.1, 0.4),
    "svm_accuracy": (*read("svm"), 1, 0.1, 0.4),
    "cluster_accuracy": (*of_clusters(clustering.cluster_accuracy), 1, 0.25, 0.36),
    "nmi": (*of_clusters(clustering.nmi), 1, 0, 0.05),
    "ari": (*of_clusters(clustering.ari), 1, -0.02, 0.02),
    "ami": (*of_clusters(clustering.adjusted_information), 1, -0.02, 0.02),
    "purity": (*of_clusters(clustering.purity), 1, 0.25, 0.36),
    "silhouette": (*of_codes(cluster_scores.silhouette), 1, -0.2, 0.02),
    "davies_bouldin": (*of_codes(cluster_scores.davies_bouldin), 0, 5, INF),
    "stability": (
        lambda: cluster_scores.stability(BLOBS[:150], CLASSES[:150]).value,
        lambda: cluster_scores.stability(
            np.random.default_rng(1).normal(size=(200, 40)), np.arange(200) % 20
        ).value,
        1, 0, 0.25,
    ),
    "altered": (
        lambda: altered.altered_auroc(np.zeros(50), np.ones(50)).value,
        lambda: altered.altered_auroc(np.ones(50), np.ones(50)).value,
        1, 0.5, 0.5,
    ),
    "quantization_error": (
        lambda: reconstruction.estimate(np.zeros(9)).value,
        lambda: reconstruction.estimate(np.full(9, 7.0)).value,
        0, 7, 7,
    ),
    "topographic_error": (
        lambda: reconstruction.estimate(np.zeros(9)).value,
        lambda: reconstruction.estimate(np.ones(9)).value,
        0, 1, 1,
    ),
    "kl": (
        lambda: kl_per_dimension(np.zeros((9, 2)), np.zeros((9, 2))).sum(),
        lambda: kl_per_dimension(np.full((9, 2), 30.0), np.zeros((9, 2))).sum(),
        0, 900, 900,
    ),
    "aggregate": (
        lambda: aggregate_posterior(np.zeros((99, 2)), np.zeros((99, 2)))[0],
        lambda: aggregate_posterior(np.full((99, 2), 30.0), np.zeros((99, 2)))[0],
        0, 800, 1000,
    ),
    "active_units": (
        lambda: active_units(REAL[0], np.full((300, 3), -9.0)).sum(),
        lambda: active_units(0 * REAL[0], np.zeros((300, 3))).sum(),
        3, 0, 0,
    ),
    "accuracy": (*of_found(labels.accuracy, (CLASSES, CLASSES), (CLASSES, CHANCE)), 1, 0.15, 0.35),
    "balanced_accuracy": (
        *of_found(classification.balanced_accuracy, (CLASSES, CLASSES), (TRUTH, 0 * TRUTH)),
        1, 0.5, 0.5,
    ),
    "macro_f1": (
        *of_found(classification.macro_f1, (CLASSES, CLASSES), (TRUTH, ~TRUTH)), 1, 0, 0
    ),
    "calibration_error": (
        *of_found(
            classification.calibration_error,
            (np.ones(50), np.ones(50)),
            (np.zeros(50), np.ones(50)),
        ),
        0, 1, 1,
    ),
    "brier": (
        *of_found(
            classification.brier,
            (CLASSES, np.eye(4)[CLASSES]),
            (CLASSES, np.eye(4)[(CLASSES + 1) % 4]),
        ),
        0, 2, 2,
    ),
    "average_precision": (
        *of_found(detection.average_precision, (TRUTH, SURE), (TRUTH, FLAT)), 1, 0.3, 0.3
    ),
    "false_alarms": (
        *of_found(detection.false_alarms, (TRUTH, SURE), (TRUTH, FLAT)), 0, 1, 1
    ),
    "auroc": (*of_found(outliers.auroc, (TRUTH, SURE), (TRUTH, FLAT)), 1, 0.5, 0.5),
    "recall_at_k": (
        *of_found(retrieval.recall_at_k, (CLASSES, FOUND), (CLASSES, OTHERS)), 1, 0, 0
    ),
    "precision_at_k": (
        *of_found(retrieval.precision_at_k, (CLASSES, FOUND), (CLASSES, OTHERS)), 1, 0, 0
    ),
    "mean_average_precision": (
        *of_found(
            retrieval.average_precision_at_k, (CLASSES, FOUND, CLASSES), (CLASSES, OTHERS, CLASSES)
        ),
        1, 0, 0,
    ),
    **{
        key: (
            lambda key=key: getattr(map_scores.map_scores(DRAWN, 2 * DRAWN), key).value,
            lambda key=key: getattr(map_scores.map_scores(DRAWN, REAL[1]), key).value,
            1, *ends,
        )
        for key, ends in {
            "trustworthiness": (0.4, 0.6), "continuity": (0.4, 0.6), "neighbour_overlap": (0, 0.1)
        }.items()
    },
    "global_accuracy": (
        *of_found(segmentation.global_accuracy, (MAPS, MAPS), (MAPS, (MAPS + 1) % 3)), 1, 0, 0
    ),
    "class_accuracy": (
        lambda: segmentation.class_accuracy(MAPS, MAPS).mean(),
        lambda: segmentation.class_accuracy(MAPS, (MAPS + 1) % 3).mean(),
        1, 0, 0,
    ),
    "mean_iou": (*of_found(segmentation.mean_iou, (MAPS, MAPS), (MAPS, (MAPS + 1) % 3)), 1, 0, 0),
    "bd_rate": (
        *of_found(bjontegaard.bd_rate, ((1e-9 * RATES, PSNR), (RATES, PSNR)),
                  ((RATES, PSNR), (RATES, PSNR))),
        -1, 0, 0,
    ),
    "bd_psnr": (
        *of_found(bjontegaard.bd_psnr, ((RATES, PSNR + 9), (RATES, PSNR)),
                  ((RATES, PSNR), (RATES, PSNR))),
        9, 0, 0,
    ),
    "factor_vae_score": (*of_factors(metrics.factor_vae_score), 1, 0.2, 0.5),
    "beta_vae_score": (*of_factors(metrics.beta_vae_score), 1, 0.2, 0.5),
    "mig": (*of_factors(metrics.mig), 1, 0, 0.05),
    "sap": (*of_factors(metrics.sap), 1, 0, 0.05),
    "irs": (*of_factors(metrics.irs), 1, 0, 0.2),
    "modularity": (*of_factors(metrics.modularity), 1, 0, 0.6),
    "explicitness": (  # a line for every value
        lambda: metrics.explicitness(np.eye(6)[FACTORS].reshape(900, -1), FACTORS),
        lambda: metrics.explicitness(BLIND, FACTORS),
        1, 0, 0.15,
    ),
    "dci_disentanglement": (*of_dci(0), 1, 0, 0.15),
    "dci_completeness": (*of_dci(1), 1, 0, 0.15),
    "dci_informativeness": (*of_dci(2), 1, 0.1, 0.25),
    "udr": (
        lambda: udr.udr([MANY[0], -MANY[0][:, ::-1]]).min(),
        lambda: udr.udr(MANY).max(),
        1, 0, 0.1,
    ),
}  # fmt: skip


def test_no_metric_is_left_out():
    assert not ENDS.keys() & ENDLESS.keys()
    assert ENDS.keys() | ENDLESS.keys() == METRICS.keys()


@pytest.mark.parametrize("key", ENDS)
def test_the_ideal_reaches_the_top_and_the_useless_the_bottom(key):
    ideal, useless, top, low, high = ENDS[key]
    best, worst = float(ideal()), float(useless())
    assert best == pytest.approx(top, abs=0.08 if key in CHANCY else 0.02), best
    assert low - 1e-6 <= worst <= high + 1e-6, worst
    assert (best < worst) == (METRICS[key].better == "lower")


CHANCY = ("kid", "density")
"""Right on average: two draws of the same are a little apart."""
