"""What simple classifiers read off codes, with intervals, from many labels and from few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from isthmus.metrics.intervals import wilson
from isthmus.metrics.probes import chosen_codes, classifier, hits, stratified
from isthmus.validation import one_of

if TYPE_CHECKING:
    from isthmus.base import Representation

PROBES = ("knn", "linear", "svm")
"""The nearest neighbours, logistic regression, support vectors with a Gaussian kernel."""
NEIGHBOURS = 5
"""Neighbours that vote; fewer where there are fewer labels a class."""
COUNTS = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
"""Labels at the points of a curve, as far as there are so many."""
DRAWS = 3000
"""A point of n labels is drawn DRAWS / n times, 3 times at least and 10 at most."""
SEARCHED = 600
"""Training codes among which C and gamma are sought, at most: their best values hardly move."""
FOLDS = 3
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
    """

    accuracy: float
    low: float
    high: float
    n_labels: int
    n_test: int
    settings: dict[str, float]


class Point(NamedTuple):
    """Accuracy at one number of labels: the mean over the draws, the worst and the best one."""

    n_labels: int
    accuracy: float
    low: float
    high: float
    draws: int


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
    return Accuracy(n_right / n, *wilson(n_right, n), n_labels, n, settings or {})


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
    return _probed(kind, *chosen, random_state)


def _probed(
    kind: str, Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray, seed: int
) -> Accuracy:
    k = min(NEIGHBOURS, max(1, len(y) // len(np.unique(y))))  # of one label a class, one votes
    model = classifier(kind, len(y), k)
    settings: dict[str, float] = {"k": k} if kind == "knn" else {}
    if kind == "svm":
        settings = _sought(model, Z, y, seed)
        model.set_params(**{f"svc__{name}": value for name, value in settings.items()})
    return counted(hits(model, Z, y, Z_test, y_test), len(y), settings)


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


def knn_read(
    Z: ArrayLike, y: ArrayLike, Z_test: ArrayLike, y_test: ArrayLike, seed: int = 0
) -> float:
    """Return the accuracy of the vote of the nearest codes; see `probe_codes`.

    Examples
    --------
    >>> knn_read([[0.0], [1.0]], [0, 1], [[0.2], [0.9]], [0, 1])
    1.0
    """
    return probe_codes(Z, y, Z_test, y_test, "knn", random_state=seed).accuracy


def linear_read(
    Z: ArrayLike, y: ArrayLike, Z_test: ArrayLike, y_test: ArrayLike, seed: int = 0
) -> float:
    """Return the accuracy of logistic regression on codes; see `probe_codes`."""
    return probe_codes(Z, y, Z_test, y_test, "linear", random_state=seed).accuracy


def svm_read(
    Z: ArrayLike, y: ArrayLike, Z_test: ArrayLike, y_test: ArrayLike, seed: int = 0
) -> float:
    """Return the accuracy of a support vector machine on codes; see `probe_codes`."""
    return probe_codes(Z, y, Z_test, y_test, "svm", random_state=seed).accuracy


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


def label_curve(
    Z_train: ArrayLike,
    y_train: ArrayLike,
    Z_test: ArrayLike,
    y_test: ArrayLike,
    kinds: Sequence[str] = PROBES,
    *,
    counts: Sequence[int] | None = None,
    test_limit: int = 10_000,
    random_state: int = 0,
) -> Iterator[tuple[str, Point]]:
    """Yield how accuracy grows with the number of labels, point by point.

    At n labels every probe learns from n codes drawn in the proportion of their classes, 3000 / n
    times (3 at least, 10 at most), from all labels there are once.

    Parameters
    ----------
    Z_train, y_train, Z_test, y_test, test_limit
        See `probe_codes`.
    kinds : sequence of {"knn", "linear", "svm"}
        The probes.
    counts : sequence of int, optional
        Numbers of labels; by default 10, 30, 100, ... up to all there are.
    random_state : int
        Seed of the first draw; the next have the seeds after it.

    Yields
    ------
    (str, Point)
        The probe, and one point of its curve.

    Raises
    ------
    ValueError
        As `probe_codes`, or if a count is not between 2 and the labels there are.

    References
    ----------
    Henaff, "Data-efficient image recognition with contrastive predictive coding", 2020.

    Examples
    --------
    >>> Z, y = np.arange(40.0)[:, None], np.arange(40) // 20
    >>> [point.n_labels for _, point in label_curve(Z, y, Z, y, ["linear"])]
    [10, 30, 40]
    """
    for kind in kinds:
        one_of("kind", kind, PROBES)
    everything = len(np.asarray(Z_train))
    chosen = chosen_codes(Z_train, y_train, Z_test, y_test, everything, test_limit, random_state)
    for count in points(len(chosen[1]), counts):
        seeds = [random_state + draw for draw in range(n_draws(count, len(chosen[1])))]
        for kind in kinds:
            yield kind, _averaged([_few(kind, count, seed, *chosen) for seed in seeds])


def points(n: int, counts: Sequence[int] | None = None) -> list[int]:
    """Return at which numbers of labels a curve has its points where `n` labels are known.

    Examples
    --------
    >>> points(1500)
    [10, 30, 100, 300, 1000, 1500]
    """
    if counts is None:
        return [*(count for count in COUNTS if count < n), n]
    wrong = [count for count in counts if not 2 <= count <= n]
    if wrong:
        raise ValueError(f"{wrong[0]} labels: expected 2 to {n}, the labels there are")
    return sorted(counts)


def n_draws(count: int, n: int) -> int:
    """Return how often `count` of `n` labels are drawn: the more often, the fewer they are.

    Examples
    --------
    >>> n_draws(30, 5000), n_draws(3000, 5000), n_draws(5000, 5000)
    (10, 3, 1)
    """
    return 1 if count == n else min(10, max(3, DRAWS // count))


def _few(
    kind: str,
    count: int,
    seed: int,
    Z: np.ndarray,
    y: np.ndarray,
    Z_test: np.ndarray,
    y_test: np.ndarray,
) -> Accuracy:
    rows = np.arange(count) if count == len(y) else stratified(y, count, seed)
    return _probed(kind, Z[rows], y[rows], Z_test, y_test, seed)


def _averaged(found: list[Accuracy]) -> Point:
    values = [each.accuracy for each in found]
    return Point(found[0].n_labels, float(np.mean(values)), min(values), max(values), len(values))
