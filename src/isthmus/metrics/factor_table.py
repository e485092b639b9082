"""The metrics of known factors in codes: lines of the table METRICS."""

from __future__ import annotations

from isthmus.metrics.metric import DISENTANGLED, VERBS, Metric

FACTORS, TOLD = ("codes", "factors"), ("factor_scores",)
FACTOR_METRICS = (
    Metric(
        "factor_vae_score", "FactorVAE", DISENTANGLED, "%", "higher", "", TOLD,
        "share of votes; 1 in m by chance",
        "How often the latent dimension that varies least tells which of m factors was fixed.",
    ),
    Metric(
        "beta_vae_score", "beta-VAE", DISENTANGLED, "%", "higher", "", TOLD,
        "share of votes; 1 in m by chance",
        "How often a linear classifier tells from differences of codes which of m factors "
        "pairs of images share: easily high, as each factor may lie in many dimensions.",
    ),
    Metric(
        "mig", "MIG", DISENTANGLED, "", "higher", "", TOLD, "0 to 1",
        "Mutual information gap: how much more one latent dimension alone knows of a factor "
        "than the next, as a share of the factor. 1: one dimension for each; 0: spread, or "
        "unknown.", 3,
    ),
    Metric(
        "sap", "SAP", DISENTANGLED, "", "higher", "", TOLD, "0 to 1",
        "Separated attribute predictability: how much better a line through one latent "
        "dimension follows a factor than a line through the next.", 3,
    ),
    Metric(
        "irs", "IRS", DISENTANGLED, "", "higher", "", TOLD, "0 to 1",
        "Interventional robustness: how still every latent dimension stays while all factors "
        "but its own change.", 3,
    ),
    Metric(
        "modularity", "Modularity", DISENTANGLED, "", "higher", "", TOLD,
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
        "dci_disentanglement", "DCI: disentangled", DISENTANGLED, "", "higher", "", TOLD,
        "0 to 1",
        "How far every latent dimension matters for one factor only, by forests that tell the "
        "factors from codes.", 3,
    ),
    Metric(
        "dci_completeness", "DCI: complete", DISENTANGLED, "", "higher", "", TOLD,
        "0 to 1",
        "How far every factor is told by one latent dimension only, by these forests.", 3,
    ),
    Metric(
        "dci_informativeness", "DCI: informative", DISENTANGLED, "%", "higher", "", TOLD,
        "share of values told rightly",
        "How often these forests tell the values of the factors rightly, on other images.",
    ),
    Metric(
        "udr", "UDR", VERBS, "", "higher", "udr.udr", ("several",), "0 to 1",
        "How far a model has the same latent dimensions as others of its family and other "
        "seeds, up to order and sign: what all find is likely to be there. Needs no factors; "
        "models that all say nothing, or all the same mixture, are not told apart.", 3,
    ),
)  # fmt: skip
"""As a study and `isthmus.disentangle` tell them."""
