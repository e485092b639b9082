"""Lines of the table METRICS that verbs say of what they did, and a study does not."""

from __future__ import annotations

from isthmus.metrics.metric import VERBS, Metric

VERB_METRICS = (
    Metric(
        "accuracy", "Accuracy", VERBS, "%", "higher", "labels.accuracy",
        ("labels", "predicted"), "share of labelled images",
        "How often the class that is named is the right one.",
    ),
    Metric(
        "balanced_accuracy", "Balanced accuracy", VERBS, "%", "higher",
        "classification.balanced_accuracy", ("labels", "predicted"),
        "mean share of a class; 1 in C by chance",
        "How often a class is named rightly, averaged over classes: rare ones count alike.",
    ),
    Metric(
        "macro_f1", "Macro-F1", VERBS, "", "higher", "classification.macro_f1",
        ("labels", "predicted"), "0 to 1",
        "Harmonic mean of how many of a class are found and how many that are called so are "
        "of it, averaged over classes.", 3,
    ),
    Metric(
        "calibration_error", "Calibration error", VERBS, "%", "lower",
        "classification.calibration_error", ("right", "sure"), "0 at best",
        "How far probabilities are from how often they are right (ECE, 15 cells): of images "
        "called 80 % sure, 80 % should be. Of few images it is above 0 by chance.",
    ),
    Metric(
        "brier", "Brier score", VERBS, "", "lower", "classification.brier",
        ("labels", "probabilities"), "0 at best, 2 if surely wrong",
        "Squared error of the probabilities of all classes: right and well calibrated.", 3,
    ),
    Metric(
        "average_precision", "Average precision", VERBS, "%", "higher",
        "detection.average_precision", ("truth", "scores"), "the share of the new by chance",
        "Of those with the highest scores how many are new, averaged over all that are: says "
        "more than AUROC where few are new.",
    ),
    Metric(
        "false_alarms", "False alarms", VERBS, "%", "lower", "detection.false_alarms",
        ("truth", "scores"), "share of the ordinary; 95 % by chance",
        "How much of what is ordinary is called new where 95 % of the new is caught (FPR at "
        "95 % TPR).",
    ),
    Metric(
        "recall_at_k", "Recall at k", VERBS, "%", "higher", "retrieval.recall_at_k",
        ("labels", "found"), "share of queries",
        "How often at least one of the k nearest images has the class that was looked for.",
    ),
    Metric(
        "mean_average_precision", "mAP", VERBS, "%", "higher",
        "retrieval.average_precision_at_k", ("labels", "found", "there"), "0 to 100 %",
        "How early images of the class that was looked for come among the k nearest.",
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
        "trustworthiness", "Trustworthiness", VERBS, "", "higher", "map_scores.map_scores",
        ("codes", "points"), "about 0.5 by chance, 1 perfect",
        "Whether images that are near on a map have near codes.", 3,
    ),
    Metric(
        "continuity", "Continuity", VERBS, "", "higher", "map_scores.map_scores",
        ("codes", "points"), "about 0.5 by chance, 1 perfect",
        "Whether images of near codes are near on a map.", 3,
    ),
    Metric(
        "neighbour_overlap", "Neighbour overlap", VERBS, "%", "higher",
        "map_scores.map_scores", ("codes", "points"), "share of the 10 nearest",
        "How many of the nearest codes are among the nearest on a map.",
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
)  # fmt: skip
