"""scikit-learn's bases of an estimator, with types beside them in `estimators.pyi`.

scikit-learn has no types, and a class one of whose bases is unknown accepts every parameter:
without these a misspelt one goes unnoticed by type checkers and editors.
"""

from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if

__all__ = [
    "BaseEstimator",
    "ClassNamePrefixFeaturesOutMixin",
    "ClassifierMixin",
    "ClusterMixin",
    "TransformerMixin",
    "available_if",
]
