"""Scores: pure functions of arrays that say how good images, codes and clusters are."""

from isthmus.scores.clustering import ari, cluster_accuracy, clusters, nmi, purity
from isthmus.scores.probes import knn_accuracy, linear_accuracy, svm_accuracy
from isthmus.scores.rate import bits_per_image, cross_entropy
from isthmus.scores.reconstruction import mse, psnr, ssim

__all__ = [
    "ari",
    "bits_per_image",
    "cluster_accuracy",
    "clusters",
    "cross_entropy",
    "knn_accuracy",
    "linear_accuracy",
    "mse",
    "nmi",
    "psnr",
    "purity",
    "ssim",
    "svm_accuracy",
]
