"""Principal components of what a model learns from, found once for all models of a set."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from isthmus.data.images import Images
from isthmus.models.pca import PCA

if TYPE_CHECKING:
    from isthmus.neural import NeuralRepresentation

AXES = 256
"""Principal components that networks begin at, at most."""
PRODUCTS = 2**34
"""Multiplications that looking for the components of one set may take, by order of magnitude."""
ROWS = 4000, 20_000
"""Images that components are found from, at least and at most."""
EXACT = 512
"""Images, or numbers in one, up to which components are found exactly."""
KEPT = 2**26
"""Numbers in the components of all images, up to which they are found before a fit."""
LEAST_VARIANCE = 1e-10
"""Share of the largest variance from which on a direction is one of rounding."""


class Principal(NamedTuple):
    """Mean and leading principal components of images, in the units that networks learn in.

    Attributes
    ----------
    mean : Tensor of shape (d,)
        The mean image.
    axes : Tensor of shape (m, d)
        Orthonormal rows, that of the largest variance first.
    variance : Tensor of shape (m,)
        Along each of them, above 0.
    rest : float
        Variance along all directions that are left out, together.
    """

    mean: torch.Tensor
    axes: torch.Tensor
    variance: torch.Tensor
    rest: float

    def spread(self, k: int) -> float:
        """Return the deviation along the first k axes, taken together; 1 where there is none."""
        return math.sqrt(float(self.variance[:k].mean())) or 1.0


def principal(images: Images, model: NeuralRepresentation, most: int = AXES) -> Principal:
    """Return the leading principal components of what a model learns from.

    Parameters
    ----------
    images : Images
        Up to 20,000 of them, evenly spaced, are looked at; fewer of large ones.
    model : NeuralRepresentation
        Whose scaling and device they are for.
    most : int
        Components at most; there are no more than the images have directions.
    """
    found = _components(images, model.device)
    m = min(most, len(found.axes))
    left_out = float(found.variance[m:].sum())
    on = model.device_
    return Principal(
        ((found.mean - model.offset_) / model.scale_).to(on),
        found.axes[:m].to(on),
        (found.variance[:m] / model.scale_**2).to(on),
        (found.rest + left_out) / model.scale_**2,
    )


def look_at_components(model: NeuralRepresentation, images: Images, most: int = AXES) -> None:
    """Find the components that a model begins at, if it does: so many where it is dense."""
    if model.starts_linear:
        width = model.latent_dim_
        most = max(most, width) if model.architecture == "dense" else width
        model._principal = principal(images, model, most)
        model.n_axes_ = len(model._principal.axes)


def as_components(images: Images, model: NeuralRepresentation) -> Images:
    r"""Return what a model begun at components sees of images, once for all of its steps.

    Its first layer does not learn, so what that makes of an image stays the same: with a mean
    :math:`\mu`, axes V and a unit u, :math:`V^T (x - \mu) / u`. The images themselves come back
    where a model sees all of them, or there are too many.
    """
    few = len(images) * model.n_axes_ <= KEPT
    alone = model._targets(images) is None and model._validation is None
    ours = type(model).losses.__module__.startswith(__package__)  # others expect images
    model._of_components = few and alone and ours and model._narrow()
    if not model._of_components:
        return images
    found = _components(images, model.device)
    if images not in _SEEN:
        _SEEN[images] = model._map(lambda x: (x - found.mean.to(x)) @ found.axes.to(x).T, images)
    seen = _SEEN[images][:, : model.n_axes_]
    return Images(seen / np.float32(model.scale_ * model._unit))


def _components(images: Images, device: str) -> Principal:
    """Return what `principal` is made of, found once for all models of the same images."""
    if images not in _KNOWN:
        for known in (_KNOWN, _SEEN):
            known.clear()
        _KNOWN[images] = _decomposed(images, device)
    return _KNOWN[images]


_KNOWN: weakref.WeakKeyDictionary[Images, Principal] = weakref.WeakKeyDictionary()
"""Components of the images that were looked at last, for as long as these are there."""
_SEEN: weakref.WeakKeyDictionary[Images, np.ndarray] = weakref.WeakKeyDictionary()
"""What each of these images has of them."""


def _decomposed(images: Images, device: str) -> Principal:
    d = int(np.prod(images.shape[1:]))
    some = images.evenly(min(max(PRODUCTS // (d * AXES), ROWS[0]), ROWS[1]))
    m = max(1, min(AXES, d, len(some) - 1))
    least = max(8 * m, EXACT)  # of fewer numbers, all components are found as quickly
    solver = "randomized" if least < min(len(some), d) else "auto"
    pca = PCA(m, solver=solver, random_state=0, device=device)
    pca._passes = 3  # so many components make up for one pass less
    pca.fit(some)
    variance = pca.explained_variance_.astype(np.float64)
    total = float(variance.sum()) / max(float(pca.explained_variance_ratio_.sum()), 1e-12)
    kept = max(1, int((variance > LEAST_VARIANCE * variance[0]).sum()))
    return Principal(
        torch.from_numpy(pca.mean_.astype(np.float32)),
        torch.from_numpy(pca.components_[:kept].astype(np.float32)),
        torch.from_numpy(variance[:kept].astype(np.float32)),
        max(0.0, total - float(variance[:kept].sum())),
    )
