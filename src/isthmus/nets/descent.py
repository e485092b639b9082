"""Descent on a code: what a network must be given to put out a certain image."""

from __future__ import annotations

from collections.abc import Callable

import torch

RATE = 0.05
"""Step size at the start of every latent dimension."""


@torch.enable_grad()
def descend(
    draw: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, z: torch.Tensor, steps: int
) -> torch.Tensor:
    """Return for every row of `x` the best code met on the way down from the row of `z`.

    Rows do not know of each other, and the error of none is larger than it was at the start.

    Parameters
    ----------
    draw : callable
        From codes (n, k) to images (n, d).
    x : tensor of shape (n, d)
        The images wanted.
    z : tensor of shape (n, k)
        The codes to start from.
    steps : int
        Steps of Adam.

    References
    ----------
    J.-Y. Zhu et al., Generative visual manipulation on the natural image manifold, 2016.

    Examples
    --------
    >>> descend(lambda z: 2 * z, torch.tensor([[2.0]]), torch.zeros(1, 1), 100).round(decimals=2)
    tensor([[1.]])
    """
    best, z = z.detach(), z.detach().clone().requires_grad_()
    least = z.new_full((len(z),), torch.inf)
    adam = torch.optim.Adam([z], lr=RATE)
    for _ in range(steps + 1):
        wrong = (draw(z) - x).square().sum(1)
        best = torch.where((wrong < least)[:, None], z.detach(), best)
        least = torch.minimum(least, wrong.detach())
        (z.grad,) = torch.autograd.grad(wrong.sum(), z)
        adam.step()
    return best
