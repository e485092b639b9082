"""The verb novelty: anomaly scores of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images, as_images, evenly_spaced, to_unit
from isthmus.fitted.heldout import half_of
from isthmus.latent.codes import mapped, vectors
from isthmus.metrics.detection import detected
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.outliers import mahalanobis, neighbour_distance
from isthmus.validation import one_of
from isthmus.verbs.parameters import ArrayLike, ImagesLike, Model, Seconds
from isthmus.verbs.scored import Novelty
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    from isthmus.base import Representation

WAYS = ("auto", "error", "distance", "neighbours", "likelihood")
REFERRED = 10_000
"""Images to train on that others are compared with where no reference is given, at most."""
DRAWS = 10
"""Draws of the code by which the bound of the likelihood of an image is estimated."""


def novelty(
    model: Model,
    images: ImagesLike,
    reference: ImagesLike | None = None,
    by: str = "auto",
    *,
    truth: ArrayLike | None = None,
    split: str = "all",
    count: int = 20,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Novelty:
    r"""Give every image an anomaly score, and draw the most anomalous.

    "error" is what a reconstruction gets wrong, :math:`\frac 1 d |x - \hat x|^2`; "distance" how
    far a code is from the middle of the reference codes in their own deviations,
    :math:`\sqrt{(z - \mu)^T \Sigma^{-1} (z - \mu)}` with a shrunk covariance; "neighbours" the
    mean distance to the 5 nearest reference codes; "likelihood" minus the evidence lower bound of
    :math:`\log p(x)` in nats.

    Parameters
    ----------
    model : Representation
        Fitted on what is ordinary.
    images : Images or array of shape (n, ...)
        What to judge.
    reference : Images or array of shape (m, ...), optional
        What is ordinary, for "distance" and "neighbours": the images fitted on, as a rule. By
        default the part to train on where `images` have a split (10,000 of it at most, evenly
        chosen; none is its own neighbour), else `images` themselves: what is rare among them is
        anomalous then, and a new class with many images is not. With ``split="test"`` the part to
        train on, all of it.
    by : {"auto", "error", "distance", "neighbours", "likelihood"}
        The score: "error" is that of the reconstruction, "distance" the Mahalanobis distance of
        the code, "neighbours" the mean distance to the nearest codes of the reference,
        "likelihood" minus the log-likelihood under a VAE. "auto" is the neighbours where there is
        a reference or the model cannot decode, else the error. A codebook has no "distance", and
        only a VAE a "likelihood".
    truth : array of bool of shape (n,), optional
        True for what is new: the scores are then judged by the area under their ROC curve, by
        average precision, and by false alarms where 95 % of the new is caught.
    split : {"all", "train", "test"}
        Which of the images to judge.
    count : int
        How many of the most anomalous are drawn, at least 1.
    budget : float, optional
        Time to take, in seconds above 0: no more images are scored, evenly spaced, than it allows.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Novelty
        ``scores`` of the images judged, ``auroc``, and ``picture()``.

    Raises
    ------
    ValueError
        If `by` is another or not for this model, or `truth` is of another length or of one kind.

    References
    ----------
    M. Sakurada and T. Yairi, Anomaly detection using autoencoders with nonlinear dimensionality
    reduction, 2014 (error). K. Lee et al., A simple unified framework for detecting
    out-of-distribution samples, 2018 (distance). E. Nalisnick et al., Do deep generative models
    know what they don't know?, 2019 (when the likelihood misleads).

    Examples
    --------
    >>> import isthmus as ist
    >>> digits = ist.load_images("digits").train
    >>> model = ist.PCA(16).fit(digits[digits.y != 8])
    >>> round(ist.novelty(model, digits, truth=digits.y == 8).auroc, 1)
    0.9
    """
    limit = Limit(budget)
    one_of("by", by, WAYS)
    if count < 1:
        raise ValueError(f"count={count} must be at least 1")
    whole = as_images(images)
    images = half_of(whole, split)
    by = _chosen(model, by, reference is not None)
    if reference is None and split == "test" and by in ("distance", "neighbours"):
        reference = whole.train
    rows = limit.rows(images, WORK.get(by, vectors_of)(model))
    if rows is not None:
        known = None if truth is None else np.asarray(truth)
        truth = known[rows] if known is not None and len(known) == len(images) else truth
        images = images[rows]
    if by in WORK:
        scores = mapped(WORK[by](model), images, by, verbose)
    else:
        scores = _distances(model, images, reference, by, verbose)
    if truth is None:
        return Novelty(scores, by, images, model, None, count)
    found = detected(np.asarray(truth), scores)
    found["new"] = Estimate(float(np.asarray(truth).astype(bool).mean()))
    return Novelty(scores, by, images, model, found["auroc"].value, count, found)


def _chosen(model: Model, by: str, referred: bool) -> str:
    """Return the score to use, or say which ones there are for this model and reference."""
    lacks = {
        "error": not model.can("decode"),
        "likelihood": not model.can("elbo"),
        "distance": model.code_kind_ == "index",
        "neighbours": False,
    }
    if by == "auto":
        return "neighbours" if referred or lacks["error"] else "error"
    if referred and by in ("error", "likelihood"):
        raise ValueError(f"by={by!r} looks at no reference: leave it out, or use 'neighbours'")
    if lacks[by]:
        can = ", ".join(way for way, missing in lacks.items() if not missing)
        raise ValueError(f"{type(model).__name__} has no {by!r} to judge by; it has: {can}")
    return by


def errors_of(model: Model, piece: Images, codes: np.ndarray | None = None) -> np.ndarray:
    """Return the mean squared error of a pixel of every image, from its code if that is known."""
    x = to_unit(np.asarray(piece)).reshape(len(piece), -1)
    codes = model.encode(piece) if codes is None else codes
    back = model.decode_as(codes, piece.shape[1:])
    error: np.ndarray = ((x - back.reshape(len(piece), -1)) ** 2).mean(1)
    return error


def _error(model: Representation) -> Callable[[Images], np.ndarray]:
    return lambda piece: errors_of(model, piece)


def _unlikely(model: Representation) -> Callable[[Images], np.ndarray]:
    return lambda piece: -model.elbo(piece, DRAWS)


def vectors_of(model: Representation) -> Callable[[Images], np.ndarray]:
    """Return what is worked out of every image for a distance: its code."""
    return lambda piece: vectors(model, piece)


WORK = {"error": _error, "likelihood": _unlikely}
"""What is worked out of every image alone, by the way to judge."""


def _distances(
    model: Model, images: Images, reference: ImagesLike | None, by: str, verbose: bool | None
) -> np.ndarray:
    codes = vectors(model, images, show=verbose)
    others, own = None, None
    if reference is not None:
        others = vectors(model, as_images(reference), show=verbose)
    elif images.is_test is not None and len(set(images.is_test.tolist())) == 2:
        rows = np.flatnonzero(~images.is_test)
        rows = rows[evenly_spaced(len(rows), REFERRED)]
        own = np.full(len(images), -1)
        others, own[rows] = codes[rows], np.arange(len(rows))
    if by == "neighbours":
        return neighbour_distance(codes, others, own=own, show=verbose)
    return mahalanobis(codes, codes if others is None else others)
