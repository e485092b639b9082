"""Batch normalisation, of pictures and of vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from isthmus.nets.dense import WEIGHTED


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation of pictures (n, c, h, w) or vectors (n, c).

    A batch of one value a channel has no variance: it passes as in evaluation.

    Examples
    --------
    >>> BatchNorm(3)(torch.ones(1, 3)).detach()
    tensor([[1.0000, 1.0000, 1.0000]])
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the values normalised over the batch and all places."""
        if not self.training or x.numel() > x.shape[1]:
            return super().forward(x)
        known = self.running_mean, self.running_var, self.weight, self.bias
        return nn.functional.batch_norm(x, *known, eps=self.eps)

    def _check_input_dim(self, x: torch.Tensor) -> None:
        if x.ndim not in (2, 4):
            raise ValueError(f"expected (n, c) or (n, c, h, w), got {tuple(x.shape)}")


def batch_normed(net: nn.Sequential) -> nn.Sequential:
    """Return a network with batch normalisation after every layer that has weights but the last.

    Examples
    --------
    >>> batch_normed(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)))[1]
    BatchNorm(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """
    weighted = [layer for layer in net if isinstance(layer, WEIGHTED)]
    layers: list[nn.Module] = []
    for layer in net:
        layers.append(layer)
        if layer in weighted[:-1]:
            layers.append(BatchNorm(_width(layer)))
    return nn.Sequential(*layers)


def _width(layer: Any) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
