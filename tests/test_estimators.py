"""scikit-learn's own checks of an estimator, for every family."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from isthmus.models import FAMILIES, family

# small enough for scikit-learn's toy data; everything else is the default
SETTINGS = {
    "kmeans": {"n_clusters": 2},
    "pca": {"n_components": 1},
    "nmf": {"n_components": 2},
    "som": {"grid": (2, 2)},
    "autoencoder": {"latent_dim": 2, "hidden": (8,), "epochs": 3},
    "vae": {"latent_dim": 2, "hidden": (8,), "epochs": 3},
    "gan": {"latent_dim": 2, "generator": (8,), "discriminator": (8,), "epochs": 3}
    | {"encoder_epochs": 1},
    "classifier": {"n_features": 4, "hidden": (16,), "epochs": 30, "learning_rate": 0.01},
    "pixelnet": {"n_attributes": 2, "channels": 2, "epochs": 1},
}

EXPECTED_FAILURES: dict[str, dict[str, str]] = {}
"""Checks that a family cannot pass, each with its reason."""


def models():
    return [family(name)(random_state=0, **SETTINGS.get(name, {})) for name in FAMILIES]


@parametrize_with_checks(
    models(), expected_failed_checks=lambda model: EXPECTED_FAILURES.get(type(model).__name__, {})
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator, check):
    check(estimator)
