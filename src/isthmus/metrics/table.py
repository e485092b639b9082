"""The table of metrics: what each is, its unit, which way is better, what it is computed from.

A study computes those whose needs it can meet; the report, scores.csv, scores.json, command lines
and the explorer show whatever is in the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from isthmus.metrics.factor_table import FACTOR_METRICS
from isthmus.metrics.likelihood_table import LIKELIHOOD_METRICS
from isthmus.metrics.metric import (
    ANOMALIES,
    CLUSTERS,
    COST,
    PROBES,
    RECONSTRUCTION,
    SAMPLES,
    UNITS,
)
from isthmus.metrics.metric import Metric as Metric
from isthmus.metrics.needs import NEEDS as NEEDS
from isthmus.metrics.units import short
from isthmus.metrics.verb_table import VERB_METRICS

HELD = "share of held-out images"
PAIR, CLUSTERED = ("images", "reconstructions"), ("classes", "clusters")
SAMPLED = ("samples",)
READ = ("probe_codes", "probe_labels", "test_codes", "test_labels", "seed")

METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            "mse", "MSE", RECONSTRUCTION, "", "lower", "reconstruction.mse_estimate", PAIR,
            "squared value, where uint8 counts as 0 to 1",
            "Mean squared error between a held-out image and its reconstruction, over all pixels.",
        ),
        Metric(
            "mae", "MAE", RECONSTRUCTION, "", "lower", "reconstruction.mae_estimate", PAIR,
            "values, where uint8 counts as 0 to 1",
            "Mean absolute error of a pixel: a few far ones count for less than in MSE.",
        ),
        Metric(
            "psnr", "PSNR", RECONSTRUCTION, "dB", "higher", "reconstruction.psnr_estimate",
            (*PAIR, "value_range"), "dB",
            "Peak signal-to-noise ratio: the same error on a logarithmic scale; 10 dB more means "
            "a tenth of the squared error.", 1,
        ),
        Metric(
            "ssim", "SSIM", RECONSTRUCTION, "", "higher", "", ("likeness",),
            "0 for unrelated, 1 identical",
            "Structural similarity: compares local brightness, contrast and structure in small "
            "windows, nearer to what the eye notices than a squared error.", 3,
        ),
        Metric(
            "ms_ssim", "MS-SSIM", RECONSTRUCTION, "", "higher", "", ("likeness",),
            "0 for unrelated, 1 identical",
            "The same over up to five scales, each half of the one before, as far as a window of "
            "11 pixels fits: coarse shapes count as fine ones do. It compares between images of "
            "as many scales, and is left out where there is only one.", 3,
        ),
        Metric(
            "leading", "5 numbers", RECONSTRUCTION, "%", "higher", "reconstruction.told",
            ("few_images", "from_leading"), "share of what differs between images",
            "What the 5 leading latent dimensions alone tell of the differences between images; "
            "0 is no more than the mean image.",
        ),
        Metric(
            "frechet", "Fréchet", SAMPLES, "", "lower", "generation.frechet_estimate",
            ("real", "drawn", "seed"), "squared values",
            "Distance of two Gaussians, fitted to drawn and to held-out images in the leading "
            "principal components of the latter: compares with other models of this study only.",
        ),
        Metric(
            "variety", "Variety", SAMPLES, "%", "higher", "generation.coverage_estimate",
            ("real", "drawn", "seed"), HELD,
            "Of held-out images, the share that have a drawn one nearer than their fifth "
            "neighbour among themselves: low where all samples are alike, or none looks real.",
        ),
        Metric(
            "feature_frechet", "Fréchet, features", SAMPLES, "", "lower", "",
            SAMPLED, "squared deviations",
            "The same distance in features of a small network that learned from the images at "
            "hand, which sees any pattern: too large where images are few.",
        ),
        Metric(
            "kid", "KID", SAMPLES, "", "lower", "", SAMPLED, "0 where drawn like real images",
            "Kernel distance in the same features, right for few images too: 0 on average, and "
            "by chance below, where samples are like real images.",
        ),
        Metric(
            "precision", "Precision", SAMPLES, "%", "higher", "", SAMPLED,
            "share of samples",
            "Samples within the neighborhood of a real image: how many look real.",
        ),
        Metric(
            "recall", "Recall", SAMPLES, "%", "higher", "", SAMPLED, HELD,
            "Real images within the neighborhood of a sample. One far sample can raise it.",
        ),
        Metric(
            "density", "Density", SAMPLES, "", "higher", "", SAMPLED,
            "1 where drawn like real images",
            "Neighborhoods of real images that a sample lies in, as a share of what is expected: "
            "above 1 where samples keep to the middle of what is real.", 2,
        ),
        Metric(
            "coverage", "Coverage", SAMPLES, "%", "higher", "", SAMPLED, HELD,
            "Real images with a sample nearby: low where a kind of image is never drawn.",
        ),
        Metric(
            "copied", "Copies", SAMPLES, "%", "lower", "", SAMPLED, "share of samples",
            "Samples nearer to one training image, against the 50 around it, than 99 of 100 "
            "held-out images are: about 1 % where none is memorised.",
        ),
        Metric(
            "knn_accuracy", "k-NN", PROBES, "%", "higher", "labels.knn_read", READ, HELD,
            "How often the vote of the nearest training codes names the right class. Tells "
            "whether alike images have alike codes.",
        ),
        Metric(
            "linear_accuracy", "Linear", PROBES, "%", "higher", "labels.linear_read", READ, HELD,
            "How often a linear classifier trained on the codes is right. Tells whether classes "
            "can be parted by planes.",
        ),
        Metric(
            "svm_accuracy", "SVM", PROBES, "%", "higher", "labels.svm_read", READ, HELD,
            "How often a support vector machine with a radial kernel is right: what the codes "
            "still know of the class, however it is folded.",
        ),
        Metric(
            "cluster_accuracy", "Accuracy", CLUSTERS, "%", "higher",
            "clustering.cluster_accuracy_estimate", CLUSTERED, HELD,
            "Share of images in the right class when every cluster of codes is matched to a "
            "class. The labels are not used to find the clusters.",
        ),
        Metric(
            "nmi", "NMI", CLUSTERS, "", "higher", "cluster_scores.nmi_estimate", CLUSTERED,
            "0 to 1",
            "Normalised mutual information of clusters and classes: 0 is unrelated, 1 is "
            "identical.", 3,
        ),
        Metric(
            "ari", "ARI", CLUSTERS, "", "higher", "cluster_scores.ari_estimate", CLUSTERED,
            "0 by chance, 1 identical",
            "Adjusted Rand index: how many pairs of images clusters and classes agree on, "
            "corrected for chance.", 3,
        ),
        Metric(
            "ami", "AMI", CLUSTERS, "", "higher", "cluster_scores.ami_estimate", CLUSTERED,
            "0 by chance, 1 identical",
            "Adjusted mutual information of clusters and classes: as NMI, but corrected for "
            "chance, so that many small clusters do not raise it.", 3,
        ),
        Metric(
            "purity", "Purity", CLUSTERS, "%", "higher", "cluster_scores.purity_estimate",
            CLUSTERED, HELD,
            "Share of images of the most frequent class of their cluster. It grows with the "
            "number of clusters: compare it only where that is equal.",
        ),
        Metric(
            "silhouette", "Silhouette", CLUSTERS, "", "higher", "cluster_scores.silhouette",
            ("codes", "clusters"), "-1 to 1; 0 where clusters touch",
            "How much nearer a code is to its own cluster than to the next. Asks for no labels, "
            "and compares within one space of codes.", 3,
        ),
        Metric(
            "davies_bouldin", "Davies-Bouldin", CLUSTERS, "", "lower",
            "cluster_scores.davies_bouldin", ("codes", "clusters"), "0 for points far apart",
            "How wide clusters are beside the distance to the one they are least apart from. Asks "
            "for no labels.", 3,
        ),
        Metric(
            "stability", "Stability", CLUSTERS, "", "higher", "cluster_scores.stability",
            ("codes", "clusters", "seed"), "0 by chance, 1 always the same",
            "How far k-means finds the same clusters from other seeds (mean ARI of any two of 4): "
            "low where there are no clusters to be found, or not as many.", 3,
        ),
        Metric(
            "altered", "Altered", ANOMALIES, "", "higher", "altered.altered_auroc",
            ("whole", "foreign"), "0.5 by chance, 1 perfect",
            "Area under the ROC curve of telling held-out images with a block of another image "
            "in them from whole ones, by the error of their reconstruction, or where there is "
            "none by the distance to the nearest codes.", 3,
        ),
        Metric(
            "bits_per_image", "Rate", COST, "bits", "lower", "", ("coded_bits",),
            "bits for one image",
            "What the file takes that isthmus compress makes of held-out images, header and "
            "tables counted, the model not: codes are rounded so that the error grows by a "
            "twentieth.",
        ),
        Metric(
            "seconds", "Time", COST, "s", "lower", "", ("seconds",), "seconds to fit",
            "Wall-clock time to fit the model on this machine.",
        ),
        Metric(
            "peak_memory_mb", "Memory", COST, "MB", "lower", "", ("peak_memory_mb",), "MB",
            "Most memory that fitting needed beyond what the process held before.", 0,
        ),
        Metric(
            "encode_rate", "Encode", COST, "images/s", "higher", "", ("encode_rate",),
            "images a second", "Images that are encoded in a second, many at once, on this "
            "machine, as busy as it was.",
        ),
        Metric(
            "decode_rate", "Decode", COST, "images/s", "higher", "", ("decode_rate",),
            "images a second", "Codes that are decoded in a second, many at once, on this "
            "machine, as busy as it was.",
        ),
        Metric(
            "learned_numbers", "Parameters", COST, "", "lower", "", ("learned_numbers",),
            "numbers", "Numbers that the model has learned: weights of networks, components, "
            "prototypes.", 0,
        ),
        Metric(
            "file_kb", "File", COST, "kB", "lower", "", ("file_kb",), "thousands of bytes",
            "What the file of the model takes, which isthmus compress needs beside its own.",
        ),
        Metric(
            "quantization_error", "Quantization error", UNITS, "", "lower",
            "reconstruction.estimate", ("unit_distances",), "distance in pixel values; 0 at best",
            "Mean distance of a held-out image to the nearest unit of a self-organizing map. It "
            "falls with the number of units: compare it where that is equal.",
        ),
        Metric(
            "topographic_error", "Topographic error", UNITS, "%", "lower",
            "reconstruction.estimate", ("units_apart",), HELD,
            "How often the two nearest units of an image are no neighbors on the map: high where "
            "it is folded or torn, 1 less the share of neighbors by chance.",
        ),
        *LIKELIHOOD_METRICS,
        *VERB_METRICS,
        *FACTOR_METRICS,
    )
}  # fmt: skip
"""Every metric by its key, in the order of tables."""


def studied() -> tuple[Metric, ...]:
    """Return the metrics that a study computes."""
    return tuple(metric for metric in METRICS.values() if metric.studied)


def metric_of(name: str) -> Metric | None:
    """Return the metric of a name in scores, if it is one.

    Examples
    --------
    >>> metric_of("precision at k").title, metric_of("images")
    ('Precision at k', None)
    """
    return METRICS.get(name.replace(" ", "_"))


def said(name: str, value: Any, default: str = "", within: float | None = None) -> str:
    """Write a figure of any name as a person reads it: of a metric with its unit.

    Floats of names that are no metric are written as those of `default`, if that is given. Half
    of its interval comes after it, if that is known.

    Examples
    --------
    >>> said("psnr", 21.53), said("accuracy", 0.972), said("images", 1797)
    ('21.5 dB', '97.2 %', '1797')
    >>> said("accuracy of the sure", 1.0)
    '100.0 %'
    >>> said("accuracy", 0.5, within=0.025)
    '50.0 ± 2.5 %'
    """
    known = metric_of(name) or metric_of(name.partition(" of ")[0])
    metric = known or (metric_of(default) if isinstance(value, float) else None)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not metric or not number:
        return short(value)
    if within is None:
        return metric.said(value)
    return f"{metric.write(value).removesuffix(' %')} ± {metric.said(within)}"


def described(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what a machine is to know of the metrics among these names.

    Examples
    --------
    >>> described(["model", "psnr"])["psnr"]["unit"]
    'dB'
    """
    chosen = [METRICS[name] for name in names if name in METRICS]
    kept = ("title", "unit", "better", "decimals", "meaning")
    return {metric.key: {name: getattr(metric, name) for name in kept} for metric in chosen}
