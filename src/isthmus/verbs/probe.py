"""The verb probe: what simple classifiers read off the codes of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.data.tables import with_labels
from isthmus.fitted.heldout import Halves, halves
from isthmus.latent.codes import features
from isthmus.metrics.few_labels import label_curve, points
from isthmus.metrics.labels import PROBES, Accuracy, averaged, probe_codes
from isthmus.metrics.probes import stratified
from isthmus.system.progress import track
from isthmus.validation import one_of
from isthmus.verbs.parameters import ImagesLike, Labels, Model, Seconds, Words
from isthmus.verbs.probing import Probing, in_words
from isthmus.verbs.repeated import seeds_of
from isthmus.verbs.within import Limit

LABELS = 5000
"""Labels learnt from, where nothing else is said; a support vector machine takes a minute."""
HELD = 10_000
"""Held-out images counted, at most: the interval is then at most 2 points wide."""


def probe(
    model: Model,
    images: ImagesLike,
    labels: Labels | None = None,
    *,
    curve: bool = False,
    repeats: int = 1,
    kinds: Words = ("knn", "linear", "svm"),
    random_state: int = 0,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Probing:
    r"""Measure how accurately simple classifiers predict the labels from codes.

    They learn from codes of training images and are evaluated on held-out ones, which the model
    has not seen either: the share that is right, :math:`\frac 1 n \sum_i [\hat y(z_i) = y_i]`,
    with Wilson's 95 % interval. The classes are the easier to read, the more of what matters the
    code keeps, and the plainer.

    Parameters
    ----------
    model : Representation
        Fitted, and able to encode. Codes per pixel are averaged over an image; an index is read
        as one column per prototype.
    images : Images
        With labels. Without a split a fifth is held out at random.
    labels : int, str or path, optional
        How many training labels to learn from, at least one of each class, every class in its
        proportion; by default 5,000, or all there are. Or an attribute or factor of the images to
        read off, or the table they are in, a .csv file of names and labels.
    curve : bool
        Also go through 10, 30, 100, ... labels up to `labels`, several draws of each.
    repeats : int
        Draws of the labels, at least 1: accuracies are the means, and classifiers are compared
        draw by draw. The curve has draws of its own.
    kinds : sequence of {"knn", "linear", "svm"}
        "knn" is up to five nearest neighbours; "linear" logistic regression; "svm" support vectors
        with a Gaussian kernel, C and gamma sought by cross-validation on training codes.
    random_state : int
        Seed of all choices; that of repeats are the next.
    budget : float, optional
        Time to take, in seconds above 0: after it no further classifier is begun.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Probing
        ``accuracies``, ``measured``, ``curve``, and ``chart()``.

    Raises
    ------
    ValueError
        If there are no labels or fewer than two classes, or more are asked for than there are.

    References
    ----------
    G. Alain and Y. Bengio, Understanding intermediate layers using linear classifier probes, 2016.
    E. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = ist.probe(ist.PCA(16).fit(images.train), images, labels=300, kinds=["linear"])
    >>> found.accuracies["linear"].n_test, found.accuracies["linear"].accuracy > 0.85
    (359, True)
    """
    limit = Limit(budget)
    for kind in kinds:
        one_of("kind", kind, PROBES)
    images, labels = labelled_by(images, labels)
    seeds = seeds_of(random_state, repeats)
    train, test, _, measured = labelled_halves(model, images, labels, random_state)
    codes = [features(model, half, show=verbose) for half in (train, test)]

    def draw(seed: int) -> dict[str, Accuracy]:
        bar = limit.until(track(kinds, "probe", len(kinds), verbose), "classifiers")
        if seed == random_state:
            return probed(codes[0], train, codes[1], test, bar, seed)
        drawn = labelled_halves(model, images, labels, seed).train
        return probed(features(model, drawn), drawn, codes[1], test, bar, seed)

    draws = list(map(draw, limit.until(seeds, "repeats", total=repeats)))
    found = Probing(
        in_words(model),
        images.source,
        averages(draws),
        measured.of(min(HELD, len(test))),
        {kind: [] for kind in kinds} if curve else {},
    )
    found.repeats, found.random_state = scores_of(draws), random_state
    if curve:
        data = (codes[0], train.y, codes[1], test.y)
        total = len(points(len(train))) * len(kinds)
        steps = label_curve(*data, kinds, test_limit=HELD, random_state=random_state)
        for kind, point in limit.until(track(steps, "curve", total, verbose), "curve"):
            found.curve[kind].append(point)
        found.curve = {kind: line for kind, line in found.curve.items() if line}
    return found


def averages(draws: Sequence[Mapping[str, Accuracy]]) -> dict[str, Accuracy]:
    """Return mean accuracies by name over draws of the labels; time may have ended the last."""
    return {key: averaged([each[key] for each in draws if key in each]) for key in draws[0]}


def scores_of(draws: Sequence[Mapping[str, Accuracy]]) -> list[dict[str, float]]:
    """Return the accuracies of every draw as numbers."""
    return [{key: each.accuracy for key, each in one.items()} for one in draws]


def labelled_by(images: ImagesLike, labels: Labels | None) -> tuple[Images, int | None]:
    """Return images and how many labels to learn from; these may be an attribute, or a table."""
    if labels is None or isinstance(labels, int | np.integer):
        return as_images(images), labels
    images = as_images(images)
    if str(labels) in {**images.factors, **images.attributes}:
        return images.by_attribute(str(labels)), None
    return with_labels(images, labels), None


def probed(
    Z: np.ndarray,
    train: Images,
    Z_test: np.ndarray,
    test: Images,
    kinds: Iterable[str] = PROBES,
    random_state: int = 0,
) -> dict[str, Accuracy]:
    """Return the accuracies that `probe` gives, of codes that are known: all labels are used."""
    both = {"limit": len(train), "test_limit": HELD, "random_state": random_state}
    return {kind: probe_codes(Z, train.y, Z_test, test.y, kind, **both) for kind in kinds}


def labelled_halves(
    model: Model,
    images: Images,
    labels: int | None = None,
    random_state: int = 0,
    most: int = LABELS,
) -> Halves:
    """Return training images with so many labels, and labelled images no model has learnt from.

    Parameters
    ----------
    model : Representation
        Fitted.
    images : Images
        With labels. Without a split a fifth is held out by chance.
    labels : int, optional
        How many labels to learn from; by default `most`, or all there are.
    random_state : int
        Seed of the choice, in which every class has its proportion.
    most : int
        See `labels`.

    Raises
    ------
    ValueError
        If there are no labels in either half or fewer than two classes, the halves have no class
        in common, or `labels` is out of its range.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> [len(half) for half in labelled_halves(ist.PCA(4).fit(images), images, 50)[:2]]
    [50, 359]
    """
    images = as_images(images)
    if images.y is None:
        raise ValueError(
            f"{images.source} has no labels: give Images with y, or a folder of class sub-folders"
        )
    found = halves(model, images, np.asarray(images.y) != -1)
    train, test = found.train, found.test
    n_classes = len(np.unique(train.y))
    if n_classes < 2 or not len(test):
        raise ValueError(
            f"{images.source} has {n_classes} class(es) in {len(train)} labelled training images "
            f"and {len(test)} labelled held-out images: at least 2 and 1 are needed"
        )
    if not np.isin(test.y, train.y).any():
        raise ValueError(
            f"{images.source} has no held-out image of a class that training images have: every "
            "class needs images in both halves"
        )
    if labels is not None and not n_classes <= labels <= len(train):
        raise ValueError(
            f"labels={labels} must be {n_classes}, one a class, to {len(train)}, all there are"
        )
    rows = stratified(np.asarray(train.y), labels or most, random_state)
    return found._replace(train=train[np.sort(rows)])
