"""A linear path with a network beside it: what begins as a linear map, and learns the rest."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from isthmus.nets.dense import WEIGHTED, empty


class Beside(nn.Module):
    r"""Adds a linear map and a network: :math:`y = A x + b + g(x)`.

    Where the last layer of g is `still` it begins as the linear map, and every step of learning
    goes on from there. The linear path is always reckoned in float32.

    Parameters
    ----------
    linear, net : Module
        The two paths, from the same numbers to as many.

    References
    ----------
    K. He et al., Identity mappings in deep residual networks, 2016.
    """

    def __init__(self, linear: nn.Module, net: nn.Module):
        super().__init__()
        self.linear: Any = linear
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what both paths make of x, added up."""
        if not torch.is_autocast_enabled(x.device.type):
            return self.linear(x) + self.net(x)
        with torch.autocast(x.device.type, enabled=False):
            straight = self.linear(x.float())
        return straight + self.net(x).float()


class Paths(Beside):
    """Two paths between flat numbers (n, n_in) and (n, n_out): see `Beside`.

    Parameters
    ----------
    n_in, n_out : int
        Numbers in and out, flat, of both paths.
    net : Module
        What is beside the linear map.

    Examples
    --------
    >>> paths = Paths(3, 2, still(nn.Sequential(nn.Linear(3, 2))))
    >>> x = torch.rand(5, 3)
    >>> bool((paths(x) == paths.linear(x)).all())
    True
    """

    def __init__(self, n_in: int, n_out: int, net: nn.Module):
        super().__init__(empty(nn.Linear, n_in, n_out), net)


def fixed(n_in: int, n_out: int) -> nn.Linear:
    """Return a linear layer that does not learn: its numbers are set where it begins."""
    return empty(nn.Linear, n_in, n_out).requires_grad_(False)


def still(net: nn.Module) -> nn.Module:
    """Return the network with the last of its weights, and their biases, at zero."""
    last = [layer for layer in net.modules() if isinstance(layer, WEIGHTED)][-1]
    for weight in last.parameters():
        nn.init.zeros_(weight)
    return net


@torch.no_grad()
def set_linear(layer: nn.Linear, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Give a linear layer its numbers; rows and columns beyond those given become zero."""
    rows, columns = weight.shape
    for values in layer.parameters():
        values.zero_()
    layer.weight[:rows, :columns] = weight
    layer.bias[: len(bias)] = bias
