"""What simple classifiers read off codes, with intervals, from many labels and from few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.classification import guessed, judged
from isthmus.metrics.intervals import Estimate, over_fits, wilson
from isthmus.metrics.probes import answers, chosen_codes, classifier, stratified
from isthmus.validation import one_of

if TYPE_CHECKING:
    from isthmus.base import Representation

PROBES = ("knn", "linear", "svm")
"""The nearest neighbours, logistic regression, support vectors with a Gaussian kernel."""
NEIGHBOURS = 5
"""Neighbours that vote; fewer where there are fewer labels a class."""
SEARCHED = 600
"""Training codes among which C and gamma are sought, at most: their best values hardly move."""
FOLDS = 3
RECORDED = ("accuracy", "low", "high", "n_labels", "n_test", "settings")
BY_CLASS = ("balanced", "macro_f1")
PENALTIES, WIDTHS = (1.0, 10.0, 100.0), (0.25, 1.0, 4.0)


class Accuracy(NamedTuple):
    """How often a classifier is right on held-out images, and how sure that is.

    Attributes
    ----------
    accuracy : float
        Share of the held-out images whose label is found, 0 to 1.
    low, high : float
        Wilson's 95 % interval: what other held-out images of the same kind would give.
    n_labels, n_test : int
        Labels learnt from, and images counted.
    settings : dict
        What a search has chosen.
    right : bytes
        A byte for every image counted, 1 where it is named rightly, in their order: by these two
        classifiers are compared. Empty where that is not known.
    balanced, macro_f1 : Estimate, optional
        Accuracy averaged over classes, and F1; see `isthmus.metrics.classification`.
    chance : float, optional
        How often the most frequent class of the images counted is right.
    fits : tuple of Accuracy
        Of a mean over several draws of the labels: each of them. `low` and `high` are over images.
    """

    accuracy: float
    low: float
    high: float
    n_labels: int
    n_test: int
    settings: dict[str, float]
    right: bytes = b""
    balanced: Estimate | None = None
    macro_f1: Estimate | None = None
    chance: float | None = None
    fits: tuple[Accuracy, ...] = ()

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.record().items())
        return f"Accuracy({told})"

    def record(self) -> dict[str, Any]:
        """Return the figures by their names."""
        return {name: value for name, value in self._asdict().items() if name in RECORDED}

    @property
    def hits(self) -> np.ndarray:
        """Which images are named rightly, (n,) bool."""
        return np.frombuffer(self.right, dtype=bool)

    @property
    def over_fits(self) -> float | None:
        """Half of the 95 % interval of a mean over draws of the labels, None of one draw."""
        return over_fits([each.accuracy for each in self.fits])[1] if self.fits else None


def counted(
    right: np.ndarray, n_labels: int, settings: dict[str, float] | None = None
) -> Accuracy:
    """Return the accuracy, with its interval, of answers that are right or not, (n,) bool.

    Examples
    --------
    >>> counted(np.array([True, True, True, False]), 10)[:3]
    (0.75, 0.300..., 0.954...)
    """
    n_right, n = int(np.sum(right)), len(right)
    each = np.asarray(right, dtype=bool).tobytes()
    return Accuracy(n_right / n, *wilson(n_right, n), n_labels, n, settings or {}, each)


def averaged(fits: Sequence[Accuracy]) -> Accuracy:
    """Return the mean of accuracies of several draws of the labels; of one draw itself.

    Examples
    --------
    >>> one, two = (counted(np.arange(10) < right, 5) for right in (6, 8))
    >>> found = averaged([one, two])
    >>> round(found.accuracy, 3), found.low == counted(np.arange(10) < 7, 5).low
    (0.7, True)
    """
    first, n = fits[0], fits[0].n_test
    if len(fits) == 1:
        return first
    mean = float(np.mean([each.accuracy for each in fits]))
    low, high = wilson(round(mean * n), n)
    balanced, f1 = (_mean_of([getattr(each, key) for each in fits]) for key in BY_CLASS)
    means = first._replace(accuracy=mean, low=low, high=high, balanced=balanced, macro_f1=f1)
    return means._replace(fits=tuple(fits))


def _mean_of(found: Sequence[Estimate | None]) -> Estimate | None:
    known = [each.value for each in found if each is not None]
    return Estimate(float(np.mean(known))) if len(known) == len(found) else None


def probe_codes(
    Z_train: ArrayLike,
    y_train: ArrayLike,
    Z_test: ArrayLike,
    y_test: ArrayLike,
    kind: str = "svm",
    *,
    limit: int = 5000,
    test_limit: int = 10_000,
    random_state: int = 0,
) -> Accuracy:
    """Return what one probe reads off codes, with a 95 % interval.

    "knn" is the vote of the 5 nearest codes (of fewer where there are fewer labels a class),
    "linear" logistic regression, "svm" a support vector machine with
    ``k(u, v) = exp(-gamma ||u - v||^2)``; the last two on standardised codes. C (1, 10, 100) and
    gamma (1/4, 1 and 4 over the width of the code) are sought by 3-fold cross-validation on
    training codes only, where every class has labels for 2 folds.

    Parameters
    ----------
    Z_train, Z_test : array_like of shape (n, k), (n, h, w, k) or (n,)
        Codes; dense codes are flattened, and one integer per image becomes one-hot.
    y_train, y_test : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    kind : {"knn", "linear", "svm"}
        The probe.
    limit, test_limit : int
        Most images used to learn and to test, every class in its proportion.
    random_state : int
        Seed of that choice and of the folds.

    Returns
    -------
    Accuracy

    Raises
    ------
    ValueError
        If `kind` is another, lengths or code shapes disagree, fewer than 2 classes can be learnt
        from, or no test image is labelled.

    References
    ----------
    Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016.
    Hsu, Chang and Lin, "A practical guide to support vector classification", 2003 (the search).

    Examples
    --------
    >>> Z, y = [[0.0], [0.1], [1.0], [1.1], [2.0], [2.1]], [0, 0, 1, 1, 0, 0]
    >>> probe_codes(Z, y, Z, y).accuracy
    1.0
    """
    one_of("kind", kind, PROBES)
    chosen = chosen_codes(Z_train, y_train, Z_test, y_test, limit, test_limit, random_state)
    found = _probed(kind, *chosen, random_state)
    order = np.argsort(stratified(np.asarray(y_test), test_limit, random_state))
    return found._replace(right=found.hits[order].tobytes())


def _probed(
    kind: str, Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray, seed: int
) -> Accuracy:
    k = min(NEIGHBOURS, max(1, len(y) // len(np.unique(y))))  # of one label a class, one votes
    model = classifier(kind, len(y), k)
    settings: dict[str, float] = {"k": k} if kind == "knn" else {}
    if kind == "svm":
        settings = _sought(model, Z, y, seed)
        model.set_params(**{f"svc__{name}": value for name, value in settings.items()})
    found = answers(model, Z, y, Z_test)
    by_class = judged(y_test, found)
    return counted(found == y_test, len(y), settings)._replace(
        balanced=by_class["balanced_accuracy"],
        macro_f1=by_class["macro_f1"],
        chance=guessed(y_test),
    )


def _sought(model: Representation, Z: np.ndarray, y: np.ndarray, seed: int) -> dict[str, float]:
    """Return the C and gamma that do best in cross-validation, or none if labels are too few."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    rows = stratified(y, SEARCHED, seed)
    fewest = int(np.unique(y[rows], return_counts=True)[1].min())
    if fewest < 2:
        return {}
    folds = StratifiedKFold(min(FOLDS, fewest), shuffle=True, random_state=seed)
    gammas = [width / Z.shape[1] for width in WIDTHS]
    grid = {"svc__C": PENALTIES, "svc__gamma": gammas}
    found = GridSearchCV(model, grid, cv=folds, refit=False).fit(Z[rows], y[rows])
    return {name.removeprefix("svc__"): value for name, value in found.best_params_.items()}


def _read(
    Z: ArrayLike, y: ArrayLike, Z_test: ArrayLike, y_test: ArrayLike, kind: str, seed: int
) -> Estimate:
    found = probe_codes(Z, y, Z_test, y_test, kind, random_state=seed)
    return Estimate(found.accuracy, None, found.hits)


def knn_read(
    Z: ArrayLike, y: ArrayLike, Z_test: ArrayLike, y_test: ArrayLike, seed: int = 0
) -> Estimate:
    """Return the accuracy of the vote of the nearest codes; see `probe_codes`.

    Examples
    --------
    >>> knn_read([[0.0], [1.0]], [0, 1], [[0.2], [0.9]], [0, 1]).each
    array([ True,  True])
    """
    return _read(Z, y, Z_test, y_test, "knn", seed)


def linear_read(
    Z: ArrayLike, y: ArrayLike, Z_test: ArrayLike, y_test: ArrayLike, seed: int = 0
) -> Estimate:
    """Return the accuracy of logistic regression on codes; see `probe_codes`."""
    return _read(Z, y, Z_test, y_test, "linear", seed)


def svm_read(
    Z: ArrayLike, y: ArrayLike, Z_test: ArrayLike, y_test: ArrayLike, seed: int = 0
) -> Estimate:
    """Return the accuracy of a support vector machine on codes; see `probe_codes`."""
    return _read(Z, y, Z_test, y_test, "svm", seed)


def accuracy(y: ArrayLike, found: ArrayLike) -> float:
    """Return the share of images of which the class that is found is the right one.

    Parameters
    ----------
    y : array_like of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    found : array_like of shape (n,)
        What is said.

    Examples
    --------
    >>> accuracy([0, 1, -1, 1], [0, 1, 1, 0])
    0.6666666666666666
    """
    y = np.asarray(y)
    return float((np.asarray(found) == y)[y != -1].mean())
