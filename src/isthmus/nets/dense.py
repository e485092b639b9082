"""Dense networks, their activations and their initialisers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import nn

from isthmus.nets.own import own_in

Layer = TypeVar("Layer", bound=nn.Module)

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=-1),
    "linear": nn.Identity,
}
"""Activations by name; the slope of leaky_relu below zero is 0.2."""


def _positive_uniform(weight: torch.Tensor, generator: torch.Generator) -> None:
    # deck E: random(0, 1) / sqrt(n + 1), n being the number of units of the layer
    nn.init.uniform_(weight, 0, 1 / math.sqrt(len(weight) + 1), generator=generator)


def _orthogonal(weight: torch.Tensor, generator: torch.Generator) -> None:
    plain = torch.empty(weight.shape, device=weight.device)  # torch's wants rows in memory order
    with torch.no_grad():
        weight.copy_(nn.init.orthogonal_(plain, generator=generator))


INITIALISERS: dict[str, Callable[..., object]] = {
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "he_uniform": lambda w, generator: nn.init.kaiming_uniform_(
        w, nonlinearity="relu", generator=generator
    ),
    "he_normal": lambda w, generator: nn.init.kaiming_normal_(
        w, nonlinearity="relu", generator=generator
    ),
    "lecun_normal": lambda w, generator: nn.init.kaiming_normal_(
        w, nonlinearity="linear", generator=generator
    ),
    "orthogonal": _orthogonal,
    "positive_uniform": _positive_uniform,
}
"""Weight initialisers by name; biases start at zero."""


def empty(make: Callable[..., Layer], *args: Any, **options: Any) -> Layer:
    """Return a layer whose weights are yet to be set: no random number is drawn for them.

    As ``nn.utils.skip_init``, which imports a system of computer algebra to do so.

    Examples
    --------
    >>> empty(nn.Linear, 3, 2).weight.shape
    torch.Size([2, 3])
    """
    layer = make(*args, **options, device="meta")
    for name, weight in list(layer.named_parameters()):
        setattr(layer, name, nn.Parameter(torch.empty(weight.shape, dtype=weight.dtype)))
    return layer


def dense(widths: Sequence[int], activation: str, last: str = "linear") -> nn.Sequential:
    """Return a chain of dense layers with `activation` between them and `last` at the end.

    Weights are not initialised: see `initialise`.

    Parameters
    ----------
    widths : sequence of int
        Numbers in, units of every layer, numbers out.
    activation, last : str
        Names in `ACTIVATIONS`.

    Examples
    --------
    >>> net = dense([784, 20], "relu", "relu")
    >>> sum(weight.numel() for weight in net.parameters())
    15700
    """
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        layers.append(empty(nn.Linear, n_in, n_out))
        name = last if i == len(widths) - 2 else activation
        if name != "linear":
            layers.append(ACTIVATIONS[name]())
    return nn.Sequential(*layers)


WEIGHTED = nn.Linear, nn.Conv2d, nn.ConvTranspose2d


def initialise(net: nn.Module, name: str, generator: torch.Generator) -> None:
    """Draw the weights of every layer of `net` from `generator`; biases become zero.

    Modules of the user's keep theirs.
    """
    theirs = {id(layer) for own in own_in(net) for layer in own.modules()}
    for layer in (layer for layer in net.modules() if id(layer) not in theirs):
        if isinstance(layer, WEIGHTED):
            INITIALISERS[name](layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
