"""Where networks start: at the principal components of what they learn from."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from isthmus.data.images import Images
from isthmus.models.pca import PCA
from isthmus.nets.norms import Centered
from isthmus.nets.paths import Paths, set_linear, still

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
PATIENT_STEPS = 400
"""Optimiser steps that a study waits for a lower validation loss, at least."""
RIDGE = 0.1
"""Share of the real variance that is added where moments are matched."""
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


def quickly(
    cls: type[NeuralRepresentation], images: Images, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Return settings of a study by which dense networks are soon far beyond their start.

    One hidden layer learns as much as two in half the time, and takes the higher rate.
    """
    patience = max(30, PATIENT_STEPS // -(-len(images) // cls.batch_size))
    dense = parameters.get("architecture", "dense") == "dense"
    rates = {"hidden": (512,), "learning_rate": 2e-3} if dense else {}
    return rates | {"patience": patience} | parameters


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


def start_encoder(net: Any, at: Principal, gain: torch.Tensor) -> None:
    r"""Make an encoder begin as :math:`z_i = g_i\, v_i^T (x - \mu)`, with v the axes.

    Parameters
    ----------
    net : Sequential
        Of `isthmus.nets.coders.encoder` with `axes`.
    at : Principal
        Mean and axes.
    gain : Tensor of shape (k,)
        One factor per latent dimension; those beyond the axes begin at 0.
    """
    k, scale = min(len(gain), len(at.axes)), at.spread(len(gain))
    first, gain = net[0], gain[:k, None]
    if isinstance(first, Paths):  # of the pixels themselves
        start, first = gain * at.axes[:k], first.linear
    else:
        set_linear(net[1].linear, torch.diag(gain[:, 0] * scale), at.mean[:0])
        start = at.axes / scale
    set_linear(first, start, -start @ at.mean)
    still(net[-1].net)


def start_decoder(net: Any, at: Principal, gain: torch.Tensor) -> None:
    r"""Make a decoder begin as :math:`x = \mu + \sum_i g_i z_i v_i`, with v the axes.

    Parameters are those of `start_encoder`.
    """
    k, scale = min(len(gain), len(at.axes)), at.spread(len(gain))
    paths, gain = net[0], gain[:k]
    if len(net) == 1:  # to the pixels themselves
        set_linear(paths.linear, at.axes[:k].T * gain, at.mean)
    else:
        set_linear(paths.linear, torch.diag(gain / scale), at.mean[:0])
        set_linear(net[1], at.axes.T * scale, at.mean)
    still(paths.net)


def start_game(
    generators: Iterable[Any], judge: Any, coder: Any, at: Principal, width: int
) -> None:
    r"""Make a GAN begin as the Gaussian of the components, and its encoder as the inverse.

    Parameters
    ----------
    generators : iterable of Sequential
        Each begins as :math:`x = \mu + \sum_i \sqrt{\lambda_i} z_i v_i`.
    judge, coder : Sequential
        Their first layers, which do not learn, make of images their components, or where they are
        `Centered` pixels about their mean; the encoder begins as
        :math:`z_i = v_i^T (x - \mu) / \sqrt{\lambda_i}`.
    at : Principal
        Mean, axes and variances.
    width : int
        Numbers in a code.
    """
    deviations = at.variance[:width].sqrt().clamp_min(1e-6)
    gain = torch.ones(width, device=at.mean.device)
    gain[: len(deviations)] = deviations
    for net in generators:
        start_decoder(net, at, gain)
        if len(net) == 1:  # to the pixels themselves: these weights would learn grain
            net[0].linear.requires_grad_(False)
    if isinstance(judge[0], Centered):
        scale = math.sqrt((float(at.variance.sum()) + at.rest) / len(at.mean)) or 1.0
        for first in (judge[0], coder[0]):
            first.set(at.mean, scale)
        coder, at = coder[1:], at._replace(mean=0 * at.mean, axes=at.axes * scale)
    else:
        start = at.axes / at.spread(width)
        set_linear(judge[0], start, -start @ at.mean)
    start_encoder(coder, at, 1 / gain)


@torch.no_grad()
def match_moments(paths: Paths, z: torch.Tensor, variance: torch.Tensor) -> None:
    r"""Give components that a generator draws the mean and the covariance of the real ones.

    With covariance C of what is drawn of z, and :math:`\Lambda` of the images, all that is drawn
    is moved as little as can be (optimal transport between normal distributions):

    .. math:: y \leftarrow C^{-1/2} (C^{1/2} \Lambda C^{1/2})^{1/2} C^{-1/2} (y - \bar y)

    `RIDGE` of :math:`\Lambda` is added to both, so that no noise is made of what is not drawn.

    Parameters
    ----------
    paths : Paths
        From codes to components; both of its last layers take the map in.
    z : Tensor of shape (n, k)
        Codes.
    variance : Tensor of shape (m,)
        Of the real components, about 0.
    """
    drawn = paths(z).double()
    mean, real = drawn.mean(0), torch.diag(variance.double())
    spread = torch.cov(drawn.T) + RIDGE * real
    if not spread.isfinite().all():
        return
    half = _power(spread, 0.5)
    back = _power(spread, -0.5)
    move = back @ _power(half @ ((1 + RIDGE) * real) @ half, 0.5) @ back
    last = [layer for layer in paths.net.modules() if isinstance(layer, nn.Linear)][-1]
    for layer in (paths.linear, last):
        for weight in layer.parameters():
            weight.copy_(move @ weight.double())
    paths.linear.bias.sub_((move @ mean).float())


def _power(symmetric: torch.Tensor, exponent: float) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(symmetric)
    return (vectors * values.clamp_min(1e-12 * float(values[-1])) ** exponent) @ vectors.T
