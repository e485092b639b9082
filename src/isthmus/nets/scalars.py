"""Finite scalar quantization: latent dimensions rounded, and one index for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn


class Levels(nn.Module):
    r"""Rounds every latent dimension to one of a few levels, evenly spaced from -1 to 1.

    With L levels, :math:`q = \mathrm{round}(\frac{L - 1}{2} (1 + \tanh z))` and what comes out is
    :math:`2 q / (L - 1) - 1`. Gradients pass as if nothing had been rounded. No codebook is
    learnt, so none of its entries can be left unused by a codebook that does not move.

    Parameters
    ----------
    levels : sequence of int
        Levels of every number, at least 2.

    References
    ----------
    F. Mentzer et al., Finite scalar quantization: VQ-VAE made simple, 2023.

    Examples
    --------
    >>> Levels((3, 2))(torch.tensor([[0.1, -2.0], [9.0, 0.1]]))
    tensor([[ 0., -1.],
            [ 1.,  1.]])
    """

    def __init__(self, levels: Sequence[int]):
        super().__init__()
        self.levels = tuple(levels)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the levels of codes (n, k, ...), in the same shape."""
        steps = self._steps(z)
        held = (z.float().tanh() + 1) * (steps / 2)
        rounded = held + (held.round() - held).detach()
        return rounded * (2 / steps) - 1

    def _steps(self, z: torch.Tensor) -> torch.Tensor:
        steps = torch.tensor(self.levels, dtype=torch.float32, device=z.device) - 1
        return steps.view(-1, *[1] * (z.ndim - 2))


def indices_of(values: torch.Tensor, levels: Sequence[int]) -> torch.Tensor:
    """Return the index of every code (..., k) of levels: its digits, the last one fastest.

    Examples
    --------
    >>> indices_of(values_of(torch.arange(12), (3, 4)), (3, 4)).tolist() == list(range(12))
    True
    """
    steps = torch.tensor(levels, device=values.device) - 1
    digits = ((values + 1) * (steps / 2)).round().long()
    return (digits * _weights(levels).to(values.device)).sum(-1)


def values_of(indices: torch.Tensor, levels: Sequence[int]) -> torch.Tensor:
    """Return the code (..., k) that every index stands for."""
    count = torch.tensor(levels, device=indices.device)
    digits = indices[..., None] // _weights(levels).to(indices.device) % count
    return digits * (2 / (count - 1)) - 1


def _weights(levels: Sequence[int]) -> torch.Tensor:
    return torch.tensor([math.prod(levels[i + 1 :]) for i in range(len(levels))])
