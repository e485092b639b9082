"""Fully convolutional networks from pictures of any size to a code for every cell, and back.

A cell is a square of `first` times a power of two pixels. Pictures are (n, c, h, w), their height
and width multiples of its side; codes are (n, k, rows, columns).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from isthmus.nets.dense import ACTIVATIONS, empty
from isthmus.nets.paths import Beside

FIRST = 4
"""Side in pixels of what the first convolution sees at a time; every further one halves."""
SEEN = 6
"""Cells beyond those of a tile that its codes, or its pixels, depend on, at most."""


def side_of_cell(channels: Sequence[int]) -> int:
    """Return the side of a cell in pixels.

    Examples
    --------
    >>> side_of_cell((32,)), side_of_cell((48, 80, 112))
    (4, 16)
    """
    return FIRST << (len(channels) - 1)


class Residual(nn.Module):
    r"""Adds what two 3x3 convolutions see about every place: :math:`y = x + g(x)`.

    Parameters
    ----------
    n : int
        Channels.
    activation : str
        Before either convolution, a name in `isthmus.nets.dense.ACTIVATIONS`.

    References
    ----------
    K. He et al., Identity mappings in deep residual networks, 2016.

    Examples
    --------
    >>> sum(weight.numel() for weight in Residual(2, "relu").parameters())
    76
    """

    def __init__(self, n: int, activation: str):
        super().__init__()
        self.net = nn.Sequential(*_same(n, activation), *_same(n, activation))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a picture of the same shape."""
        return x + self.net(x)


def down(c: int, channels: Sequence[int], k: int, activation: str) -> nn.Sequential:
    """Return a network from pictures (n, c, h, w) to codes (n, k, rows, columns).

    Every cell goes through a linear map, beside which strided convolutions and residual ones see
    more and more of what is around it.

    Parameters
    ----------
    c : int
        Channels of a picture.
    channels : sequence of int
        Of what stands between, at a quarter of height and width, an eighth, and so on.
    k : int
        Numbers in the code of a cell.
    activation : str
        A name in `isthmus.nets.dense.ACTIVATIONS`.

    Examples
    --------
    >>> down(3, (8, 16), 5, "relu")(torch.zeros(2, 3, 16, 24)).shape
    torch.Size([2, 5, 2, 3])
    """
    side = side_of_cell(channels)
    layers: list[nn.Module] = [nn.PixelUnshuffle(FIRST), _point(c * FIRST**2, channels[0])]
    layers.append(Residual(channels[0], activation))
    for before, after in itertools.pairwise(channels):
        layers += [empty(nn.Conv2d, before, after, 3, 2, 1), Residual(after, activation)]
    linear = nn.Sequential(nn.PixelUnshuffle(side), _point(c * side**2, k))
    return nn.Sequential(Beside(linear, nn.Sequential(*layers, _point(channels[-1], k))))


def up(c: int, channels: Sequence[int], k: int, activation: str) -> nn.Sequential:
    """Return the mirror image of the network `down` of the same arguments.

    Examples
    --------
    >>> up(3, (8, 16), 5, "relu")(torch.zeros(2, 5, 2, 3)).shape
    torch.Size([2, 3, 16, 24])
    """
    side = side_of_cell(channels)
    layers: list[nn.Module] = [_point(k, channels[-1]), Residual(channels[-1], activation)]
    for before, after in itertools.pairwise(channels[::-1]):
        wider = empty(nn.Conv2d, before, 4 * after, 3, padding=1)
        layers += [wider, nn.PixelShuffle(2), Residual(after, activation)]
    layers += [_point(channels[0], c * FIRST**2), nn.PixelShuffle(FIRST)]
    linear = nn.Sequential(_point(k, c * side**2), nn.PixelShuffle(side))
    return nn.Sequential(Beside(linear, nn.Sequential(*layers)))


def _point(n_in: int, n_out: int) -> nn.Conv2d:
    return empty(nn.Conv2d, n_in, n_out, 1)


def _same(n: int, activation: str) -> list[nn.Module]:
    acting = [] if activation == "linear" else [ACTIVATIONS[activation]()]
    return [*acting, empty(nn.Conv2d, n, n, 3, padding=1)]
