"""Convolutional networks: strided convolutions down, transposed convolutions up.

They take and return flat images ``(n, h w c)``, as dense networks do, so a family need not know
which it has. Inside, activations are ``(n, c, h, w)`` with the channels last in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from isthmus.nets.batch_norm import BatchNorm
from isthmus.nets.dense import ACTIVATIONS, dense, empty
from isthmus.tensors import is_plain

Shape = tuple[int, ...]

FOLDED = 4
"""Up to so many channels of an image, a transposed convolution is one product and a fold."""


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


class TransposedConv(nn.ConvTranspose2d):
    """torch's layer, faster on a processor: the same numbers from cheaper products.

    Its gradients are those of the convolution it transposes, and the bias has its own sum. A layer
    that ends in an image of a few channels is one product and a fold.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the enlarged picture."""
        # exported, it is compiled
        if x.device.type != "cpu" or torch.compiler.is_compiling() or is_plain():
            return super().forward(x)
        weight, bias = self.weight, self.bias
        if torch.is_autocast_enabled("cpu"):
            x, weight = x.bfloat16(), weight.bfloat16()
        apply: Callable[..., torch.Tensor] = _Transposed.apply
        y = apply(x, weight, *(int(extra) for extra in self.output_padding))
        return y if bias is None else y.add_(bias.to(y.dtype)[:, None, None])


class _Transposed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor, *extra: int) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        h, b = (2 * side + w.shape[2] - 4 + e for side, e in zip(x.shape[2:], extra, strict=True))
        if w.shape[1] <= FOLDED:
            columns = w.flatten(1).T @ x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)
            return functional.fold(columns, (h, b), (w.shape[2], w.shape[3]), padding=1, stride=2)
        like = x.new_empty((len(x), h, b, w.shape[1])).permute(0, 3, 1, 2)
        return _gradients(x, like, w, [True, False, False])[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, w = ctx.saved_tensors
        g = g.contiguous(memory_format=torch.channels_last)
        back = functional.conv2d(g, w, None, 2, 1) if ctx.needs_input_grad[0] else None
        return back, _gradients(x, g, w, [False, True, False])[1], None, None


def _gradients(
    y: torch.Tensor, x: torch.Tensor, w: torch.Tensor, which: list[bool]
) -> tuple[torch.Tensor, ...]:
    """Return the gradients of a convolution of `x` by `w`, where `y` is the gradient after it."""
    return torch.ops.aten.convolution_backward(
        y, x, w, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, which
    )


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


def convolution_matrix(
    kernel: np.ndarray, shape: tuple[int, int], stride: int = 1, padding: int = 0
) -> np.ndarray:
    r"""Return the matrix C of a convolution: :math:`\mathrm{vec}(k \star x) = C\,\mathrm{vec}(x)`.

    As everywhere in deep learning, convolution means correlation: the kernel is not turned round.
    The transposed convolution is the transposed matrix, :math:`C^T \mathrm{vec}(y)`: it takes an
    image of the convolution's output size to one of its input size, and is not its inverse.

    Parameters
    ----------
    kernel : array of shape (p, q)
        The filter.
    shape : (int, int)
        Height and width of the image.
    stride : int
        Step of the filter, at least 1.
    padding : int
        Rows and columns of zeros on every side, at least 0.

    Returns
    -------
    ndarray of shape (h' w', h w)
        One row for every pixel that comes out, one column for every pixel that goes in.

    Raises
    ------
    ValueError
        If the kernel does not fit into the padded image, or a number is out of its range.

    References
    ----------
    V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, 2016.

    Examples
    --------
    >>> image = np.array([[4, 5, 8, 7], [1, 8, 8, 8], [3, 6, 6, 4], [6, 5, 7, 8]])
    >>> C = convolution_matrix([[1, 4, 1], [1, 4, 3], [3, 3, 1]], image.shape)
    >>> (C @ image.ravel()).reshape(2, 2)
    array([[122, 148],
           [126, 134]])
    >>> C = convolution_matrix([[1, 2, 1], [2, 1, 2], [1, 1, 2]], (4, 4))
    >>> (C.T @ np.array([55, 52, 57, 50])).reshape(4, 4)
    array([[ 55, 162, 159,  52],
           [167, 323, 319, 154],
           [169, 264, 326, 204],
           [ 57, 107, 164, 100]])
    """
    kernel = np.asarray(kernel)
    if kernel.ndim != 2 or stride < 1 or padding < 0:
        raise ValueError(
            f"kernel of shape {kernel.shape}, stride={stride}, padding={padding}: expected a "
            "(p, q) kernel, a stride of at least 1 and a padding of at least 0"
        )
    out = [(n + 2 * padding - k) // stride + 1 for n, k in zip(shape, kernel.shape, strict=True)]
    if min(out) < 1:
        raise ValueError(
            f"a kernel of shape {kernel.shape} does not fit into an image of shape {shape} "
            f"with padding={padding}"
        )
    # row, column of the image under every entry of the kernel, for every place of the filter
    place_r, place_c, r, c = np.indices((*out, *kernel.shape)).reshape(4, -1)
    rows, columns = place_r * stride + r - padding, place_c * stride + c - padding
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    matrix = np.zeros((math.prod(out), math.prod(shape)), dtype=kernel.dtype)
    place, pixel = place_r * out[1] + place_c, rows * shape[1] + columns
    matrix[place[inside], pixel[inside]] = kernel[r, c][inside]
    return matrix
