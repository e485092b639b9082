"""Edits: directions in the space of codes along which something grows, and steps along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isthmus.codes import codes_of

STRENGTHS = (-1.0, 0.0, 1.0, 2.0)


class Directions(NamedTuple):
    """Two directions in the space of codes along which something grows."""

    mean: np.ndarray
    probe: np.ndarray


def directions(codes: Any, labels: Any) -> Directions:
    r"""Return the directions in which codes of one group differ from those of the other.

    The mean difference is :math:`\bar z_1 - \bar z_0`. The probe is the normal of the plane by
    which a logistic regression tells the groups apart, as long as the mean difference is in its
    direction: adding either to a code moves it, on average, from one group to the other.

    Parameters
    ----------
    codes : array of shape (n, k)
        Codes of images.
    labels : array of shape (n,)
        0 or False for those without, 1 or True for those with; -1 for those of neither group.

    Returns
    -------
    Directions
        ``mean`` and ``probe``, each (k,).

    Raises
    ------
    ValueError
        If a group is empty, or the labels are others.

    References
    ----------
    L. Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016 (mean).
    Y. Shen et al., Interpreting the latent space of GANs for semantic face editing, 2020 (probe).

    Examples
    --------
    >>> codes = np.array([[0.0, 1.0], [0.0, 2.0], [3.0, 1.0], [3.0, 2.0]])
    >>> directions(codes, [0, 0, 1, 1]).mean
    array([3., 0.])
    """
    from sklearn.linear_model import LogisticRegression

    codes, labels = np.asarray(codes, dtype=np.float64), np.asarray(labels).astype(int)
    if codes.ndim != 2 or labels.shape != (len(codes),) or not set(labels) <= {-1, 0, 1}:
        raise ValueError(
            f"codes of shape {codes.shape} and labels of shape {labels.shape}: expected (n, k), "
            "and n labels 0 or 1, or -1 for neither"
        )
    if not {0, 1} <= set(labels):
        raise ValueError("a group is empty: labels must be 0 for some codes and 1 for others")
    mean = codes[labels == 1].mean(0) - codes[labels == 0].mean(0)
    grouped = labels >= 0
    scale = codes[grouped].std(0) + 1e-12
    probe = LogisticRegression(max_iter=500).fit(codes[grouped] / scale, labels[grouped])
    normal = probe.coef_[0] / scale
    normal /= max(np.linalg.norm(normal), 1e-12)
    return Directions(mean, normal * (normal @ mean))


def edit(
    model: Any, images: Any, direction: Any, strengths: Sequence[float] = STRENGTHS
) -> np.ndarray:
    r"""Return images whose codes were moved along a direction, :math:`z + s\,d`.

    Along a direction of `directions` a strength of 1 is the whole way from the middle of one
    group to that of the other; 0 is the reconstruction, below 0 leads away from the group.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode vectors.
    images : Images or array of shape (n, ...), or codes of shape (n, k)
        What to edit.
    direction : array of shape (k,)
        ``directions(...).mean``, ``directions(...).probe``, or any other.
    strengths : sequence of float
        How far to go: one edited image for each.

    Returns
    -------
    ndarray of shape (n, len(strengths), ...)
        A row of images for every image, in the order of the strengths; all are decoded together.

    Raises
    ------
    ValueError
        If a code of the model is an index, an image is of another shape, the direction is not as
        wide as a code, or there are no strengths or infinite ones.

    References
    ----------
    L. Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(10).fit(images.train)
    >>> threes_and_eights = np.select([images.train.y == 3, images.train.y == 8], [0, 1], -1)
    >>> found = ist.directions(pca.encode(images.train), threes_and_eights)
    >>> ist.edit(pca, images.test[:5], found.mean, strengths=[0, 1, 2]).shape
    (5, 3, 8, 8, 1)
    """
    codes = codes_of(model, images)
    direction = np.asarray(direction, dtype=np.float32)
    steps = np.asarray(strengths, dtype=np.float32)
    if direction.shape != codes.shape[1:]:
        raise ValueError(
            f"direction of shape {direction.shape}: {type(model).__name__} has codes of "
            f"{codes.shape[1]} numbers, so it must have the shape {codes.shape[1:]}; "
            "directions(codes, labels).mean is one"
        )
    if steps.ndim != 1 or not len(steps) or not np.isfinite(steps).all():
        raise ValueError(f"strengths={strengths!r} must be some finite numbers, as (-1, 0, 1, 2)")
    moved = codes[:, None] + steps[:, None] * direction
    edited = model.decode(moved.reshape(-1, codes.shape[1]))
    return edited.reshape(len(codes), len(steps), *edited.shape[1:])
