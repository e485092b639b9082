"""Scores: pure functions of arrays that say how good images, codes and clusters are."""

from isthmus.metrics.bjontegaard import bd_psnr, bd_rate
from isthmus.metrics.clustering import ari, cluster_accuracy, nmi, purity
from isthmus.metrics.disentanglement import rank_correlation, variance_explained
from isthmus.metrics.factors import dci, explicitness, modularity, sap
from isthmus.metrics.few_labels import label_curve
from isthmus.metrics.generation import frechet_distance, precision_recall
from isthmus.metrics.groups import agreement, clusters, group
from isthmus.metrics.information import mig, mutual_information
from isthmus.metrics.intervals import over_fits, wilson
from isthmus.metrics.interventions import beta_vae_score, factor_vae_score, irs
from isthmus.metrics.kernel import kernel_distance, kernel_over_subsets
from isthmus.metrics.labels import probe_codes
from isthmus.metrics.likelihood import aggregate_posterior
from isthmus.metrics.outliers import auroc, mahalanobis, neighbour_distance
from isthmus.metrics.posterior import active_units, kl_per_dimension
from isthmus.metrics.prdc import neighborhoods
from isthmus.metrics.probes import knn_accuracy, linear_accuracy, svm_accuracy
from isthmus.metrics.rate import bits_per_image, cross_entropy
from isthmus.metrics.reconstruction import mae, mse, psnr
from isthmus.metrics.retrieval import precision_at_k
from isthmus.metrics.segmentation import (
    class_accuracy,
    class_iou,
    confusion_matrix,
    global_accuracy,
    mean_iou,
)
from isthmus.metrics.similarity import ms_ssim, ssim
from isthmus.metrics.table import METRICS, Metric

__all__ = [
    "METRICS",
    "Metric",
    "active_units",
    "aggregate_posterior",
    "agreement",
    "ari",
    "auroc",
    "bd_psnr",
    "bd_rate",
    "beta_vae_score",
    "bits_per_image",
    "class_accuracy",
    "class_iou",
    "cluster_accuracy",
    "clusters",
    "confusion_matrix",
    "cross_entropy",
    "dci",
    "explicitness",
    "factor_vae_score",
    "frechet_distance",
    "global_accuracy",
    "group",
    "irs",
    "kernel_distance",
    "kernel_over_subsets",
    "kl_per_dimension",
    "knn_accuracy",
    "label_curve",
    "linear_accuracy",
    "mae",
    "mahalanobis",
    "mean_iou",
    "mig",
    "modularity",
    "ms_ssim",
    "mse",
    "mutual_information",
    "neighborhoods",
    "neighbour_distance",
    "nmi",
    "over_fits",
    "precision_at_k",
    "precision_recall",
    "probe_codes",
    "psnr",
    "purity",
    "rank_correlation",
    "sap",
    "ssim",
    "svm_accuracy",
    "variance_explained",
    "wilson",
]
