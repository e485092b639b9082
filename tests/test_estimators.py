"""scikit-learn's own checks of an estimator, for every family as it is made without arguments."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from isthmus.families import FAMILIES, family
from isthmus.models import inversion
from isthmus.neural import NeuralRepresentation

RIGHT = "check_classifiers_train", "check_classifiers_classes", "check_class_weight_classifiers"
"""Checks that ask for right answers; the others ask how a family behaves."""


def brief(check):
    """Return passes and steps of a fit: a few where that is enough."""
    return (1, 250) if getattr(check, "func", check).__name__ in RIGHT else (1, 2)


@parametrize_with_checks([family(name)() for name in FAMILIES])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator, check, monkeypatch):
    if isinstance(estimator, NeuralRepresentation):
        monkeypatch.setattr(type(estimator), "_least", brief(check))
        for steps in ("INVERTING", "INVERTING_ON"):
            monkeypatch.setattr(inversion, steps, (1, 1))
    check(estimator)
