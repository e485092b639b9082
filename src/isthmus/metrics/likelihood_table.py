"""The metrics of how probable images are under a model: lines of the table METRICS."""

from __future__ import annotations

from isthmus.metrics.metric import LIKELIHOOD, Metric

TOLD, NATS = ("likelihoods",), "nats an image"
LIKELIHOOD_METRICS = (
    Metric(
        "log_likelihood", "log p(x)", LIKELIHOOD, "nats", "higher", "", TOLD, NATS,
        "Importance-sampled log-likelihood of held-out images, all where time allows: a lower "
        "bound that rises with the number of samples. It compares with what is of the same kind "
        "and as many samples.", 1,
    ),
    Metric(
        "bound", "Bound", LIKELIHOOD, "nats", "higher", "", TOLD, NATS,
        "Evidence lower bound of log p(x), by the posterior alone: how far it is below tells how "
        "good the posterior is.", 1,
    ),
    Metric(
        "kl", "KL", LIKELIHOOD, "nats", "lower", "", TOLD, NATS,
        "Divergence of the posterior of an image from the prior, over all dimensions: what a code "
        "tells, and how far codes are from where new ones are drawn.", 2,
    ),
    Metric(
        "aggregate", "Codes from prior", LIKELIHOOD, "nats", "lower", "", TOLD, "nats",
        "The part of the KL by which the codes of all images together are not spread like the "
        "prior: new images are drawn where there are no codes. 0 at best.", 2,
    ),
    Metric(
        "active_units", "Active", LIKELIHOOD, "", "higher", "", TOLD, "latent dimensions",
        "Latent dimensions that say more than 0.01 nats; the others have collapsed.", 0,
    ),
)  # fmt: skip
