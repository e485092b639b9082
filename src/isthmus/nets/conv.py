"""Convolutional networks: strided convolutions down, transposed convolutions up.

They take and return flat images ``(n, h w c)``, as dense networks do, so a family need not know
which it has. Inside, activations are ``(n, c, h, w)`` with the channels last in memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from isthmus.nets.batch_norm import BatchNorm
from isthmus.nets.dense import ACTIVATIONS, dense, empty
from isthmus.nets.transposed import TransposedConv

Shape = tuple[int, ...]


class ToPicture(nn.Module):
    """Flat ``(n, h w c)`` to ``(n, c, h, w)``: a view, with channels last in memory."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the same values as a picture."""
        return x.unflatten(1, self.shape).permute(0, 3, 1, 2)


class FromPicture(nn.Module):
    """``(n, c, h, w)`` to flat ``(n, h w c)``: the way back."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the same values, flat."""
        return x.permute(0, 2, 3, 1).flatten(1)


def sides(side: int, layers: int, kernel: int) -> list[int]:
    """Return the side of an image before, between and after strided convolutions.

    Examples
    --------
    >>> sides(28, 3, 4), sides(28, 3, 3)
    ([28, 14, 7, 3], [28, 14, 7, 4])
    """
    found = [side]
    for _ in range(layers):
        found.append((found[-1] + 2 - kernel) // 2 + 1)
    return found


def check_picture(shape: Shape, layers: int, kernel: int) -> None:
    """Raise ValueError where images of this shape cannot go through so many strided layers.

    Parameters
    ----------
    shape : tuple of int
        Of one image.
    layers : int
        Strided convolutions.
    kernel : int
        Height and width of their filters.
    """
    if len(shape) < 2:
        raise ValueError(
            f"a convolutional network needs images (n, h, w) or (n, h, w, c), got vectors of "
            f"{shape[0]} numbers: use architecture='dense', or reshape them to images"
        )
    least = next(s for s in range(1, 2**20) if min(sides(s, layers, kernel)) >= 1)
    if min(shape[:2]) < least:
        raise ValueError(
            f"images of {shape[0]}x{shape[1]} pixels are too small for {layers} strided "
            f"convolutions: at least {least}x{least} is needed; give fewer channels, or "
            "architecture='dense'"
        )


def conv_encoder(
    shape: Shape,
    channels: Sequence[int],
    widths: Sequence[int],
    activation: str,
    last: str = "linear",
    *,
    kernel: int = 4,
    norm: bool = False,
) -> nn.Sequential:
    """Return strided convolutions, each halving height and width, and dense layers after them.

    Parameters
    ----------
    shape : (h, w, c)
        Of one image.
    channels : sequence of int
        Filters of every convolution (stride 2, padding 1).
    widths : sequence of int
        Units of the dense layers, the last being the width of the code.
    activation, last : str
        Names in `ACTIVATIONS`: between layers, and at the end.
    kernel : {3, 4}
        Height and width of the filters.
    norm : bool
        Batch normalisation after every convolution.

    Raises
    ------
    ValueError
        If the images are too small, or no images.

    Examples
    --------
    >>> net = conv_encoder((64, 64, 1), (32, 32, 64, 64), (256, 20), "relu")
    >>> sum(weight.numel() for weight in net.parameters())
    382932
    """
    check_picture(shape, len(channels), kernel)
    layers: list[nn.Module] = [ToPicture(shape)]
    steps = [sides(side, len(channels), kernel) for side in shape[:2]]
    for i, (n_in, n_out) in enumerate(zip((shape[2], *channels), channels, strict=False)):
        layer = empty(nn.Conv2d, n_in, n_out, kernel, 2, 1, bias=not norm)
        layers.append(_guarded(layer, [(s[i], s[i + 1]) for s in steps]))
        layers += _after(n_out, activation, norm)
    flat = math.prod(smallest(shape, channels, kernel))
    return nn.Sequential(*layers, FromPicture(), *dense((flat, *widths), activation, last))


def conv_decoder(
    shape: Shape,
    channels: Sequence[int],
    widths: Sequence[int],
    activation: str,
    *,
    kernel: int = 4,
    norm: bool = False,
) -> nn.Sequential:
    """Return the mirror image of `conv_encoder`: dense layers, and transposed convolutions.

    Parameters are those of the encoder it mirrors: `channels` and `widths` are turned round here.
    Every size is met exactly: where halving dropped a row, the transposed layer adds it.

    Examples
    --------
    >>> net = conv_decoder((7, 5, 3), (8,), (4,), "relu")
    >>> net(torch.zeros(2, 4)).shape
    torch.Size([2, 105])
    """
    check_picture(shape, len(channels), kernel)
    bottom = smallest(shape, channels, kernel)
    layers: list[nn.Module] = list(dense((*widths[::-1], math.prod(bottom)), activation))
    layers += [*_activated(activation), ToPicture(bottom)]
    heights, breadths = (sides(side, len(channels), kernel)[::-1] for side in shape[:2])
    outs = (*channels[-2::-1], shape[2]) if channels else ()
    for i, (n_in, n_out) in enumerate(zip(channels[::-1], outs, strict=True)):
        extra = [s[i + 1] - (2 * s[i] + kernel - 4) for s in (heights, breadths)]
        end = i == len(channels) - 1
        layer = empty(TransposedConv, n_in, n_out, kernel, 2, 1, extra, bias=end or not norm)
        layers.append(_guarded(layer, [(s[i + 1], s[i]) for s in (heights, breadths)]))
        layers += [] if end else _after(n_out, activation, norm)
    return nn.Sequential(*layers, FromPicture())


def _guarded(layer: Any, ends: Sequence[tuple[int, int]]) -> nn.Module:
    """Return the layer, the gradients of taps of its filter that see padding only kept at 0.

    There are such taps where an image is down to a pixel or two, and some processors' bfloat16
    leaves garbage in them; it would do no harm but for weights that become infinite.

    Parameters
    ----------
    layer : Conv2d or ConvTranspose2d
        Of stride 2 and padding 1.
    ends : ((int, int), (int, int))
        Larger and smaller height, larger and smaller breadth: of what goes in and comes out.
    """
    kernel = layer.weight.shape[2]
    seen = (
        [any(0 <= 2 * i - 1 + tap < n for i in range(m)) for tap in range(kernel)] for n, m in ends
    )
    rows, columns = (torch.tensor(each, device="cpu") for each in seen)
    unseen = ~(rows[:, None] & columns)
    if unseen.any():
        layer.weight.register_hook(lambda grad: grad.masked_fill(unseen.to(grad.device), 0))
    return layer


def smallest(shape: Shape, channels: Sequence[int], kernel: int) -> Shape:
    """Return (h, w, c) after the last strided convolution."""
    h, w = (sides(side, len(channels), kernel)[-1] for side in shape[:2])
    return h, w, channels[-1] if channels else shape[2]


def _after(n: int, activation: str, norm: bool) -> list[nn.Module]:
    return [*([BatchNorm(n)] if norm else []), *_activated(activation)]


def _activated(activation: str) -> list[nn.Module]:
    if activation == "relu":  # a convolution does not need what it returned
        return [nn.ReLU(inplace=True)]
    return [] if activation == "linear" else [ACTIVATIONS[activation]()]
