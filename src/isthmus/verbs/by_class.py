"""New images of every class: a sampler a class over codes, and how a probe tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.data.readers import load_images
from isthmus.data.tables import with_labels
from isthmus.fitted.heldout import Halves, halves, judged
from isthmus.latent.codes import flattened
from isthmus.metrics.generation import projection_of
from isthmus.metrics.labels import Accuracy, counted
from isthmus.metrics.probes import classifier, stratified
from isthmus.verbs.parameters import ImagesLike, Model

Draw = Callable[[int, np.random.Generator, float], np.ndarray]
"""From a number, a source of chance and a temperature to so many codes."""
FEWEST = 2
"""Training codes that a class needs."""
ALONE = 40
"""Codes from which a class has a mixture of its own; of fewer it leans on the others."""
LENT = 10
"""How many codes of its own what all classes have in common is worth to a class."""
POOLED = 2000
"""Codes that say what classes have in common, at most."""
NUMBERS = 2**25
"""Numbers in all codes together, at most, for memory."""
WIDEST = 128
"""Latent dimensions up to which there are mixtures: of more a Gaussian of few directions."""
LABELS, HELD = 5000, 10_000
"""Images that the probe learns from and is evaluated on, at most."""


class ClassCodes(NamedTuple):
    """Codes of training images, flat, and the class of each.

    Attributes
    ----------
    codes : ndarray of shape (n,) or (n, k)
        Indices or vectors.
    y : ndarray of shape (n,)
        Numbers of classes.
    names : list of str
        What classes 0, 1, ... are called.
    shape : tuple
        Of one code, as `decode` takes it.
    """

    codes: np.ndarray
    y: np.ndarray
    names: list[str]
    shape: tuple[int, ...]

    @property
    def counts(self) -> np.ndarray:
        """How many codes there are of every class."""
        return np.bincount(self.y, minlength=len(self.names))


def labelled_source(model: Model, among: ImagesLike | None, labels: Any) -> Images:
    """Return images with labels: those given, or those that the model has learnt from.

    Raises
    ------
    ValueError
        If there are none.
    """
    images = remembered(model, "per_class") if among is None else as_images(among)
    images = images if labels is None else with_labels(images, labels)
    if images.y is None or not (np.asarray(images.y) >= 0).any():
        raise ValueError(
            f"per_class needs labels, and {images.source} has none: give among=SOURCE with a "
            "sub-folder a class, or labels=TABLE"
        )
    return images


def remembered(model: Model, asked: str) -> Images:
    """Return the images that a model has learnt from, read again from where they were."""
    needed = "images with labels" if asked == "per_class" else "images to compare with"
    source = getattr(model, "source_", None)
    why = f"does not say what it learnt from ({source or 'nothing'})"
    try:
        images = load_images(str(source), like=model, verbose=False)
        if judged(model, images).seen != 0:
            return images
        why = f"learnt from other images of {source} than are there now"
    except (ValueError, OSError):
        if source not in (None, "array"):
            why = f"learnt from {source}, which cannot be read again"
    raise ValueError(f"{asked} needs {needed}, and the model {why}: give among=SOURCE") from None


def labelled_parts(model: Model, images: Images) -> Halves:
    """Return labelled images to draw others like, and some to be measured on; see `halves`.

    Of images that are all held out all are drawn others like.
    """
    parts = halves(model, images, np.asarray(images.y) >= 0)
    return parts if len(parts.train) else parts._replace(train=parts.test, test=parts.test[:0])


def class_codes(model: Model, images: Images, known: Images) -> ClassCodes:
    """Return codes of labelled images to train on, up to this many as memory holds."""
    some = known[np.sort(stratified(np.asarray(known.y), _most(model, known), 0))]
    codes = flattened(model, model.encode(some))
    shape = codes.shape[1:]
    names = images.classes or list(map(str, range(int(np.max(images.y)) + 1)))
    flat = codes.reshape(len(codes), -1) if codes.ndim > 2 else codes
    return ClassCodes(flat, np.asarray(some.y).astype(int), list(map(str, names)), shape)


def _most(model: Model, images: Images) -> int:
    width = int(np.prod(model.code_shape_of(images.shape[1:]))) if len(images) else 1
    return max(2, min(20_000, NUMBERS // max(1, width)))


def drawn_by_class(
    found: ClassCodes,
    labels: np.ndarray,
    fit: Callable[[np.ndarray], Draw],
    mixed: bool,
    rng: np.random.Generator,
    temperature: float,
) -> np.ndarray:
    """Return a code like those of its class for every label.

    Parameters
    ----------
    found : ClassCodes
        Codes of training images.
    labels : ndarray of int of shape (n,)
        The classes wanted, those of one class one after another.
    fit : callable
        From the codes of a class to what draws more of them.
    mixed : bool
        Whether classes of many codes are drawn from by `fit`, and not from a Gaussian.
    rng : Generator
        Source of chance.
    temperature : float
        Below 1: nearer to the middle of a class.

    Returns
    -------
    ndarray of shape (n, ...)
        Within the lowest and the highest value of every number of the training codes.
    """
    codes, y = found.codes, found.y
    index = codes.dtype.kind in "iu"
    common = None if index else _in_common(codes, y)
    drawn = []
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        own = codes[y == label]
        if common is None:
            drawn.append(rng.choice(own, count))
        elif mixed and len(own) >= ALONE and codes.shape[1] <= WIDEST:
            drawn.append(fit(own)(count, rng, temperature))
        else:
            drawn.append(own.mean(0) + temperature * _noise(own, common, count, rng))
    together = np.concatenate(drawn)
    if not index:
        together = np.clip(together, codes.min(0), codes.max(0)).astype(np.float32)
    return together.reshape(len(together), *found.shape)


def _in_common(codes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how some codes differ from the mean of their class, scaled to be a covariance's root.

    Its noise, normal numbers times this, has the covariance within classes.
    """
    rows = np.linspace(0, len(codes) - 1, min(POOLED, len(codes))).astype(int)
    means = {label: codes[y == label].mean(0) for label in np.unique(y)}
    apart = codes[rows] - np.stack([means[label] for label in y[rows]])
    scaled: np.ndarray = apart / np.sqrt(max(1, len(rows) - len(means)))
    return scaled


def _noise(
    own: np.ndarray, common: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return normal noise like that of a class, and the more like all others' the fewer it has.

    Its covariance is that of regularized discriminant analysis, ``(1 - a) S + a S_all`` with
    ``a = LENT / (LENT + n)``; no matrix is made of it, so codes may be of any width.

    References
    ----------
    J. Friedman, Regularized discriminant analysis, 1989.
    """
    share = LENT / (LENT + len(own))
    root = (own - own.mean(0)) / np.sqrt(max(1, len(own) - 1))
    one, two = rng.normal(size=(count, len(own))), rng.normal(size=(count, len(common)))
    made: np.ndarray = np.sqrt(1 - share) * one @ root + np.sqrt(share) * two @ common
    return made


class Judged(NamedTuple):
    """How well images of every class are told apart by a probe of real ones.

    Attributes
    ----------
    right : ndarray of bool of shape (n,)
        Which of the drawn images it names as they were asked for.
    drawn, real : Accuracy or None
        Of all of them, and of real held-out images; None where there are none of these.
    words : str
        Which images these are.
    """

    right: np.ndarray
    drawn: Accuracy
    real: Accuracy | None
    words: str


def judge(parts: Halves, drawn: np.ndarray, labels: np.ndarray) -> Judged | None:
    """Return how well support vectors, fitted on real training images, name drawn ones.

    They see the first 50 principal components of the pixels: neither the model nor its codes.
    None where fewer than two classes are known.
    """
    train = parts.train[stratified(np.asarray(parts.train.y), LABELS, 0)]
    if len(np.unique(train.y)) < 2:
        return None
    project = projection_of(np.asarray(train))
    probe = classifier("svm", len(train)).fit(project(np.asarray(train)), train.y)
    right = probe.predict(project(drawn.reshape(len(drawn), *train.shape[1:]))) == labels
    test = parts.test.evenly(HELD)
    real = None
    if len(test):
        real = counted(probe.predict(project(np.asarray(test))) == np.asarray(test.y), len(train))
    return Judged(right, counted(right, len(train)), real, parts.measured.words)


def spread(drawn: np.ndarray, real: np.ndarray) -> float:
    """Return how much drawn images vary, as a share of how much decoded real ones do.

    Examples
    --------
    >>> spread(np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]]))
    0.25
    """
    one, two = (each.reshape(len(each), -1).var(0).sum() for each in (drawn, real))
    return float(one / two) if two > 0 else 1.0
