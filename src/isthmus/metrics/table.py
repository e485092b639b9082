"""The table of metrics: what each is, its unit, which way is better, what it is computed from.

A study computes those whose needs it can meet; the report, scores.csv, scores.json, command lines
and the explorer show whatever is in the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from isthmus.metrics.intervals import Estimate
from isthmus.metrics.needs import NEEDS
from isthmus.metrics.units import brief, percent, short, significant

ANOMALIES = "Anomalies"
RECONSTRUCTION, SAMPLES, PROBES = "Reconstruction", "Samples", "Labels from codes"
CLUSTERS, COST, VERBS = "Clusters", "Cost", "Of a verb alone"


@dataclass(frozen=True)
class Metric:
    """One line of the table.

    Attributes
    ----------
    key : str
        Its name in scores, files and JSON.
    title : str
        Its name in tables.
    group : str
        Under which heading it stands.
    unit : str
        Its unit; "%" of a share, which is 0 to 1 and written as a percentage; "" if it has none.
    better : {"higher", "lower"}
        Which way is better.
    function : str
        The function of `isthmus.metrics`, as ``module.name``. It returns a number, an `Estimate`,
        or None; "" where what is needed is the figure itself.
    needs : tuple of str
        What the function is given, in this order: names of `NEEDS`, if a study is to compute it.
    scale : str
        The unit in words.
    meaning : str
        What it says, in a sentence or two.
    decimals : int or None
        Decimals that are written; None for three significant digits.
    """

    key: str
    title: str
    group: str
    unit: str
    better: str
    function: str
    needs: tuple[str, ...]
    scale: str
    meaning: str
    decimals: int | None = None

    @property
    def arrow(self) -> str:
        """Direction of better values."""
        return "↓" if self.better == "lower" else "↑"

    @property
    def hint(self) -> str:
        """The words of a tooltip."""
        return f"{self.meaning} Unit: {self.scale}. {self.better.capitalize()} is better."

    @property
    def heading(self) -> str:
        """Title, unit and direction, for the head of a column."""
        unit = f", {self.unit}" if self.unit not in ("", "%") else ""
        return f"{self.title}{unit} {self.arrow}"

    @property
    def studied(self) -> bool:
        """Whether a study computes it."""
        return set(self.needs) <= set(NEEDS)

    def write(self, value: float) -> str:
        """Write a value without its unit; a share as a percentage."""
        if not math.isfinite(value):
            return "∞" if value > 0 else "\N{EN DASH}"
        if self.unit in ("%", "s"):
            return percent(value) if self.unit == "%" else brief(value)
        return significant(value) if self.decimals is None else f"{value:,.{self.decimals}f}"

    def said(self, value: float) -> str:
        """Write a value with its unit."""
        return self.write(value) + (f" {self.unit}" if self.unit not in ("", "%") else "")

    def of(self, known: Mapping[str, Any]) -> Estimate | None:
        """Compute it from what is known; None where something that it needs is not."""
        given = []
        for name in self.needs:  # what costs most comes last, and is not asked for in vain
            if (value := known[name]) is None:
                return None
            given.append(value)
        found = self.compute(*given)
        return found if found is None or isinstance(found, Estimate) else Estimate(float(found))

    def compute(self, *given: Any) -> Any:
        """Call the function of the metric with what it needs."""
        if not self.function:
            return given[0]
        module, _, name = self.function.rpartition(".")
        return getattr(import_module(f"isthmus.metrics.{module}"), name)(*given)


HELD = "share of held-out images"
PAIR, CLUSTERED = ("images", "reconstructions"), ("classes", "clusters")
FACTORS = ("codes", "factors")
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
            "psnr", "PSNR", RECONSTRUCTION, "dB", "higher", "reconstruction.psnr_estimate",
            (*PAIR, "value_range"), "dB",
            "Peak signal-to-noise ratio: the same error on a logarithmic scale; 10 dB more means "
            "a tenth of the squared error.", 1,
        ),
        Metric(
            "ssim", "SSIM", RECONSTRUCTION, "", "higher", "similarity.ssim_estimate",
            ("pictures", "reconstructions", "value_range"), "1 is identical",
            "Structural similarity: compares local brightness, contrast and structure in small "
            "windows, nearer to what the eye notices than a squared error.", 3,
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
            "variety", "Variety", SAMPLES, "%", "higher", "generation.coverage",
            ("real", "drawn"), HELD,
            "Of held-out images, the share that have a drawn one nearer than their fifth "
            "neighbour among themselves: low where all samples are alike, or none looks real.",
        ),
        Metric(
            "feature_frechet", "Fréchet, features", SAMPLES, "", "lower", "",
            ("feature_frechet",), "squared deviations",
            "The same distance in features of a small network that learned from the images at "
            "hand, which sees any pattern: too large where images are few.",
        ),
        Metric(
            "kid", "KID", SAMPLES, "", "lower", "", ("kid",), "0 where drawn like real images",
            "Kernel distance in the same features, right for few images too: 0 on average, and "
            "by chance below, where samples are like real images.",
        ),
        Metric(
            "precision", "Precision", SAMPLES, "%", "higher", "", ("precision",),
            "share of samples",
            "Samples within the neighborhood of a real image: how many look real.",
        ),
        Metric(
            "recall", "Recall", SAMPLES, "%", "higher", "", ("recall",), HELD,
            "Real images within the neighborhood of a sample. One far sample can raise it.",
        ),
        Metric(
            "density", "Density", SAMPLES, "", "higher", "", ("density",),
            "1 where drawn like real images",
            "Neighborhoods of real images that a sample lies in, as a share of what is expected: "
            "above 1 where samples keep to the middle of what is real.", 2,
        ),
        Metric(
            "coverage", "Coverage", SAMPLES, "%", "higher", "", ("coverage",), HELD,
            "Real images with a sample nearby: low where a kind of image is never drawn.",
        ),
        Metric(
            "copied", "Copies", SAMPLES, "%", "lower", "", ("copied",), "share of samples",
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
            "nmi", "NMI", CLUSTERS, "", "higher", "clustering.nmi", CLUSTERED, "0 to 1",
            "Normalised mutual information of clusters and classes: 0 is unrelated, 1 is "
            "identical.", 3,
        ),
        Metric(
            "ari", "ARI", CLUSTERS, "", "higher", "clustering.ari", CLUSTERED,
            "0 by chance, 1 identical",
            "Adjusted Rand index: how many pairs of images clusters and classes agree on, "
            "corrected for chance.", 3,
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
            "What the file takes that `isthmus compress` makes of held-out images, header and "
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
            "accuracy", "Accuracy", VERBS, "%", "higher", "labels.accuracy",
            ("labels", "predicted"), "share of labelled images",
            "How often the class that is named is the right one.",
        ),
        Metric(
            "auroc", "AUROC", VERBS, "", "higher", "outliers.auroc", ("truth", "scores"),
            "0.5 by chance, 1 perfect",
            "Area under the ROC curve: how often something new has a higher score than something "
            "ordinary.", 3,
        ),
        Metric(
            "precision_at_k", "Precision at k", VERBS, "%", "higher", "retrieval.precision_at_k",
            ("labels", "found"), "share of what is found",
            "How many of the k nearest images have the class that was looked for.",
        ),
        Metric(
            "global_accuracy", "Global accuracy", VERBS, "%", "higher",
            "segmentation.global_accuracy", ("maps", "predicted_maps"), "share of pixels",
            "How many pixels are given the right class.",
        ),
        Metric(
            "class_accuracy", "Class accuracy", VERBS, "%", "higher",
            "segmentation.class_accuracy", ("maps", "predicted_maps"), "share of pixels",
            "How many pixels of a class are given that class, averaged over classes.",
        ),
        Metric(
            "mean_iou", "Mean IoU", VERBS, "%", "higher", "segmentation.mean_iou",
            ("maps", "predicted_maps"), "share of pixels",
            "Intersection over union: of the pixels that are, or are said to be, of a class, "
            "those that are both; averaged over classes.",
        ),
        Metric(
            "bd_rate", "BD-rate", VERBS, "%", "lower", "bjontegaard.bd_rate",
            ("curve", "reference"), "share of the rate of a reference, 0 is as much",
            "Bjøntegaard's delta: how much more or fewer bytes than another codec the same "
            "quality takes, over all qualities that both reach.",
        ),
        Metric(
            "bd_psnr", "BD-PSNR", VERBS, "dB", "higher", "bjontegaard.bd_psnr",
            ("curve", "reference"), "dB, 0 is as good",
            "Bjøntegaard's delta: how much better than another codec the same bytes are.", 2,
        ),
        Metric(
            "factor_vae_score", "FactorVAE", VERBS, "%", "higher",
            "interventions.factor_vae_score", FACTORS, "share of votes; 1 in m by chance",
            "How often the latent dimension that varies least tells which of m factors was fixed.",
        ),
        Metric(
            "beta_vae_score", "beta-VAE", VERBS, "%", "higher", "interventions.beta_vae_score",
            FACTORS, "share of votes; 1 in m by chance",
            "How often a linear classifier tells from differences of codes which of m factors "
            "pairs of images share: easily high, as each factor may lie in many dimensions.",
        ),
        Metric(
            "mig", "MIG", VERBS, "", "higher", "information.mig", FACTORS, "0 to 1",
            "Mutual information gap: how much more one latent dimension alone knows of a factor "
            "than the next, as a share of the factor. 1: one dimension for each; 0: spread, or "
            "unknown.", 3,
        ),
        Metric(
            "sap", "SAP", VERBS, "", "higher", "factors.sap", FACTORS, "0 to 1",
            "Separated attribute predictability: how much better a line through one latent "
            "dimension follows a factor than a line through the next.", 3,
        ),
        Metric(
            "irs", "IRS", VERBS, "", "higher", "interventions.irs", FACTORS, "0 to 1",
            "Interventional robustness: how still every latent dimension stays while all factors "
            "but its own change.", 3,
        ),
        Metric(
            "modularity", "Modularity", VERBS, "", "higher", "factors.modularity", FACTORS,
            "0 to 1",
            "How far every latent dimension knows of one factor only, however little: noise that "
            "by chance knows of one scores too.", 3,
        ),
        Metric(
            "explicitness", "Explicitness", VERBS, "", "higher", "factors.explicitness", FACTORS,
            "0 by chance to 1",
            "How well linear classifiers of all latent dimensions together tell the values of the "
            "factors (2 AUC - 1): what is there, parted or not.", 3,
        ),
        Metric(
            "dci_disentanglement", "DCI: disentangled", VERBS, "", "higher", "", ("forests",),
            "0 to 1",
            "How far every latent dimension matters for one factor only, by forests that tell the "
            "factors from codes.", 3,
        ),
        Metric(
            "dci_completeness", "DCI: complete", VERBS, "", "higher", "", ("forests",), "0 to 1",
            "How far every factor is told by one latent dimension only, by these forests.", 3,
        ),
        Metric(
            "dci_informativeness", "DCI: informative", VERBS, "%", "higher", "", ("forests",),
            "share of values told rightly",
            "How often these forests tell the values of the factors rightly, on other images.",
        ),
        Metric(
            "udr", "UDR", VERBS, "", "higher", "udr.udr", ("several",), "0 to 1",
            "How far a model has the same latent dimensions as others of its family and other "
            "seeds, up to order and sign: what all find is likely to be there. Needs no factors; "
            "models that all say nothing, or all the same mixture, are not told apart.", 3,
        ),
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


def said(name: str, value: Any, default: str = "") -> str:
    """Write a figure of any name as a person reads it: of a metric with its unit.

    Floats of names that are no metric are written as those of `default`, if that is given.

    Examples
    --------
    >>> said("psnr", 21.53), said("accuracy", 0.972), said("images", 1797)
    ('21.5 dB', '97.2 %', '1797')
    >>> said("accuracy of the sure", 1.0)
    '100.0 %'
    """
    known = metric_of(name) or metric_of(name.partition(" of ")[0])
    metric = known or (metric_of(default) if isinstance(value, float) else None)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return metric.said(value) if metric and number else short(value)


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
