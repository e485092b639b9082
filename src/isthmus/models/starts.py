"""Where networks start: at the principal components of what they learn from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from isthmus.data.images import Images
from isthmus.models.components import Principal
from isthmus.nets.norms import Centered
from isthmus.nets.paths import Paths, set_linear, still

if TYPE_CHECKING:
    from isthmus.neural import NeuralRepresentation

PATIENT_STEPS = 400
"""Optimiser steps that a study waits for a lower validation loss, at least."""
RIDGE = 0.1
"""Share of the real variance that is added where moments are matched."""


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


@torch.no_grad()
def start_cells(
    encoder: Any, decoder: Any, at: Principal, down: torch.Tensor, up: torch.Tensor
) -> None:
    r"""Make spatial networks begin as :math:`z = g\, V^T (x - \mu)` of every cell, and back.

    Parameters
    ----------
    encoder, decoder : Sequential
        Of `isthmus.nets.spatial`; latent dimensions beyond those of `down` begin at 0.
    at : Principal
        Mean and axes of cells.
    down, up : Tensor of shape (k,)
        The factors g, and those of the way back.
    """
    (_, first), last = encoder[0].linear, decoder[0].linear[0]
    k = min(len(down), len(at.axes))
    side = encoder[0].linear[0].downscale_factor
    mean, axes = (_of_channels(part, side) for part in (at.mean[None], at.axes[:k]))
    for layer in (first, last):
        for values in layer.parameters():
            values.zero_()
    first.weight[:k, :, 0, 0] = down[:k, None] * axes
    first.bias[:k] = -(first.weight[:k, :, 0, 0] @ mean[0])
    last.weight[:, :k, 0, 0] = axes.T * up[:k]
    last.bias.copy_(mean[0])
    for net in (encoder, decoder):
        still(net[0].net)


def _of_channels(flat: torch.Tensor, side: int) -> torch.Tensor:
    """Return cells (n, h w c) as (n, c h w), as convolutions have them."""
    return flat.unflatten(1, (side, side, -1)).permute(0, 3, 1, 2).flatten(1)


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
