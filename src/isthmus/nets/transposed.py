"""Transposed convolutions, by products where those are faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from isthmus.tensors import is_plain

FOLDED = 4
"""Up to so many channels of an image, a transposed convolution is one product and a fold."""


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
