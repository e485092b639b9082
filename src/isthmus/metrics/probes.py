"""How well simple classifiers read the labels off the codes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from isthmus.base import Representation

SMALL = 10**6
"""Numbers in the codes that a probe learns from, up to which one thread is faster than two."""


def knn_accuracy(
    Z_train: ArrayLike,
    y_train: ArrayLike,
    Z_test: ArrayLike,
    y_test: ArrayLike,
    k: int = 5,
    *,
    limit: int = 5000,
    test_limit: int = 10000,
    random_state: int = 0,
) -> float:
    """Return the accuracy of the majority vote of the k nearest codes.

    ``accuracy = mean_i [mode(y of the k nearest of Z_i) = y_i]``, in Euclidean distance between
    the codes as they are: the scale of every dimension counts.

    Parameters
    ----------
    Z_train, Z_test : array_like of shape (n, k), (n, h, w, k) or (n,)
        Codes; dense codes are flattened, and one integer per image becomes one-hot: the vote is
        then taken among k images of the same index, chosen by chance.
    y_train, y_test : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    k : int
        Number of neighbours that vote, at least 1; all of them where there are fewer.
    limit, test_limit : int
        Most images used to learn and to test, every class in its proportion.
    random_state : int
        Seed of that choice.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If `k` is below 1, lengths or code shapes disagree, fewer than 2 classes can be learnt
        from, or no test image is labelled.

    References
    ----------
    Cover and Hart, "Nearest neighbor pattern classification", 1967.

    Examples
    --------
    >>> Z, y = np.array([[0.0], [0.1], [5.0], [5.1]]), [0, 0, 1, 1]
    >>> knn_accuracy(Z, y, Z + 0.2, y, k=1)
    1.0
    """
    if k < 1:
        raise ValueError(f"k={k} neighbours: at least 1 must vote")
    chosen = chosen_codes(Z_train, y_train, Z_test, y_test, limit, test_limit, random_state)
    return float(hits(classifier("knn", len(chosen[1]), k), *chosen).mean())


def linear_accuracy(
    Z_train: ArrayLike,
    y_train: ArrayLike,
    Z_test: ArrayLike,
    y_test: ArrayLike,
    *,
    limit: int = 5000,
    test_limit: int = 10000,
    random_state: int = 0,
) -> float:
    """Return the accuracy of logistic regression on standardised codes.

    ``p(y | z) = softmax(W (z - mean) / std + b)``, with an L2 penalty of weight 1 and at most
    200 steps of L-BFGS.

    Parameters
    ----------
    Z_train, Z_test : array_like of shape (n, k), (n, h, w, k) or (n,)
        Codes; dense codes are flattened, and one integer per image becomes one-hot.
    y_train, y_test : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    limit, test_limit : int
        Most images used to learn and to test, every class in its proportion.
    random_state : int
        Seed of that choice.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If lengths or code shapes disagree, fewer than 2 classes can be learnt from, or no test
        image is labelled.

    References
    ----------
    Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016.

    Examples
    --------
    >>> linear_accuracy([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1], [[-1.0], [4.0]], [0, 1])
    1.0
    """
    chosen = chosen_codes(Z_train, y_train, Z_test, y_test, limit, test_limit, random_state)
    return float(hits(classifier("linear", len(chosen[1])), *chosen).mean())


def svm_accuracy(
    Z_train: ArrayLike,
    y_train: ArrayLike,
    Z_test: ArrayLike,
    y_test: ArrayLike,
    *,
    limit: int = 5000,
    test_limit: int = 10000,
    random_state: int = 0,
) -> float:
    """Return the accuracy of a support vector machine with a Gaussian kernel.

    ``k(u, v) = exp(-||u - v||^2 / d)`` on standardised codes of d dimensions, with ``C = 10``.

    Parameters
    ----------
    Z_train, Z_test : array_like of shape (n, k), (n, h, w, k) or (n,)
        Codes; dense codes are flattened, and one integer per image becomes one-hot.
    y_train, y_test : array_like of int of shape (n,)
        Classes; images with -1 are unlabelled and left out.
    limit, test_limit : int
        Most images used to learn and to test, every class in its proportion.
    random_state : int
        Seed of that choice.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If lengths or code shapes disagree, fewer than 2 classes can be learnt from, or no test
        image is labelled.

    References
    ----------
    Cortes and Vapnik, "Support-vector networks", 1995.

    Examples
    --------
    >>> svm_accuracy([[0.0], [1.0], [2.0], [3.0]], [0, 1, 1, 0], [[0.1], [1.5]], [0, 1])
    1.0
    """
    chosen = chosen_codes(Z_train, y_train, Z_test, y_test, limit, test_limit, random_state)
    return float(hits(classifier("svm", len(chosen[1])), *chosen).mean())


def classifier(kind: str, n_train: int, k: int = 5) -> Any:
    """Return an unfitted probe by its name, as scikit-learn's estimator.

    Examples
    --------
    >>> classifier("knn", n_train=3)
    KNeighborsClassifier(algorithm='brute', n_neighbors=3)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    if kind == "knn":
        return KNeighborsClassifier(min(k, n_train), algorithm="brute")
    made = LogisticRegression(max_iter=200) if kind == "linear" else SVC(C=10, random_state=0)
    return make_pipeline(StandardScaler(), made)


def hits(
    model: Representation,
    Z_train: np.ndarray,
    y_train: np.ndarray,
    Z_test: np.ndarray,
    y_test: np.ndarray,
) -> np.ndarray:
    """Return which test labels a classifier gets right once it is fitted, (n,) bool."""
    return np.asarray(answers(model, Z_train, y_train, Z_test) == y_test)


def answers(
    model: Representation, Z_train: np.ndarray, y_train: np.ndarray, Z_test: np.ndarray
) -> np.ndarray:
    """Return the classes that a classifier names once it is fitted, (n,)."""
    from threadpoolctl import threadpool_limits

    few = 1 if Z_train.size <= SMALL else None  # threads wait for each other at every product
    # a fit cut short is still a score, and not the user's fault
    with threadpool_limits(few, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(model.fit(Z_train, y_train).predict(Z_test))


def chosen_codes(
    Z_train: ArrayLike,
    y_train: ArrayLike,
    Z_test: ArrayLike,
    y_test: ArrayLike,
    limit: int,
    test_limit: int,
    random_state: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the codes as float features and the labels of the images that take part."""
    train, y_train = _labelled_part(Z_train, y_train, limit, random_state)
    test, y_test = _labelled_part(Z_test, y_test, test_limit, random_state)
    if train.shape[1:] != test.shape[1:]:
        raise ValueError(f"test codes of shape {test.shape} for train codes of {train.shape}")
    if len(np.unique(y_train)) < 2:
        raise ValueError(
            f"{len(y_train)} labelled train images of {len(np.unique(y_train))} class(es): "
            "a classifier needs at least 2 classes"
        )
    if not len(y_test):
        raise ValueError("no test image is labelled (y is -1 where a label is unknown)")
    return _features(train, train), y_train, _features(test, train), y_test


def _labelled_part(
    Z: ArrayLike, y: ArrayLike, limit: int, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    Z, y = np.asarray(Z), np.asarray(y)
    if y.shape != Z.shape[:1]:
        raise ValueError(f"y of shape {y.shape} for codes of shape {Z.shape}: one label per image")
    if limit < 1:
        raise ValueError(f"limit={limit} images: at least 1 must take part")
    rows = stratified(y, limit, random_state)
    return Z[rows], y[rows]


def stratified(y: np.ndarray, limit: int, random_state: int) -> np.ndarray:
    """Return at most `limit` labelled rows in a random order, every class in its proportion.

    No class is left out while there are as many rows as classes. Fewer rows of the same seed are
    some of the same rows.

    Examples
    --------
    >>> np.bincount(np.repeat([0, 1], [900, 4])[stratified(np.repeat([0, 1], [900, 4]), 10, 0)])
    array([9, 1])
    """
    rng = np.random.default_rng(random_state)
    rows = rng.permutation(np.flatnonzero(y != -1))
    if len(rows) <= limit:
        return rows
    place = np.empty(len(rows))  # how early a row is taken: evenly spread over its class
    for label in np.unique(y[rows]):
        members = np.flatnonzero(y[rows] == label)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
        place[members[0]] = 0
    chosen = rows[np.argsort(place, kind="stable")[:limit]]
    # Back to a random order: neighbours at equal distance must not be taken class by class.
    return rng.permutation(chosen)


def _features(Z: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return (n, d) floats: a column per index seen in training, or the flattened vectors."""
    if train.ndim == 1 and train.dtype.kind in "iu":
        one_hot: np.ndarray = (Z[:, None] == np.unique(train)).astype(np.float64)
        return one_hot
    return Z.reshape(len(Z), -1).astype(np.float64)
