"""scikit-learn's own checks of an estimator, for every family, but for its size as by default."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from isthmus.families import FAMILIES, family
from isthmus.models import inversion
from isthmus.neural import NeuralRepresentation

RIGHT = "check_classifiers_train", "check_classifiers_classes", "check_class_weight_classifiers"
"""Checks that ask for right answers; the others ask how a family behaves."""


SMALL = {
    "autoencoder": {"hidden": (16,)},
    "vae": {"hidden": (16,)},
    "gan": {"generator": (16,), "discriminator": (16,)},
}
"""Layers of few units, where those by default have many; all else is as by default."""


def brief(check):
    """Return passes and steps of a fit: a few where that is enough."""
    return (1, 250) if getattr(check, "func", check).__name__ in RIGHT else (1, 2)


@parametrize_with_checks([family(name)(**SMALL.get(name, {})) for name in FAMILIES])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator, check, monkeypatch):
    if isinstance(estimator, NeuralRepresentation):
        monkeypatch.setattr(type(estimator), "_least", brief(check))
        for steps in ("INVERTING", "INVERTING_ON"):
            monkeypatch.setattr(inversion, steps, (1, 1))
        monkeypatch.setattr(inversion, "MATCHED", 500)
    check(estimator)
