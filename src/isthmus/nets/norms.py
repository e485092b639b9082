"""Normalisation, of images, of weights by their largest singular value, or over a batch."""

from __future__ import annotations

import torch
from torch import nn


class Spectral(nn.Module):
    r"""A layer with the weight :math:`W / \sigma(W)`, sigma being its largest singular value.

    Sigma is found by power iteration, one round for every pass in training; the vector it works
    on is kept from pass to pass and saved with the weights. The kernel of a convolution counts as
    a matrix with one row for every filter.

    Parameters
    ----------
    layer : Linear or Conv2d
        The layer; its own weight stays as it is and is what an optimiser moves.

    References
    ----------
    T. Miyato et al., Spectral normalization for generative adversarial networks, 2018.

    Examples
    --------
    >>> layer = Spectral(nn.Linear(2, 2))
    >>> layer.layer.weight.data = torch.diag(torch.tensor([4.0, 2.0]))
    >>> _ = [layer(torch.zeros(1, 2)) for _ in range(20)]
    >>> layer.weight().diag()
    tensor([1.0000, 0.5000], grad_fn=<...>)
    """

    u: torch.Tensor

    def __init__(self, layer: nn.Linear | nn.Conv2d):
        super().__init__()
        self.layer = layer
        # a start in no special direction, the same for all fits
        self.register_buffer("u", torch.arange(1.0, len(layer.weight) + 1).cos())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the layer makes of x with the normalised weight."""
        if isinstance(self.layer, nn.Linear):
            return nn.functional.linear(x, self.weight(), self.layer.bias)
        return self.layer._conv_forward(x, self.weight(), self.layer.bias)

    def weight(self) -> torch.Tensor:
        """Return the normalised weight; in training the power iteration goes on by a round."""
        w = self.layer.weight
        with torch.autocast(w.device.type, enabled=False):
            matrix = w.flatten(1)
            u, v = self._vectors(matrix.detach())
            return w / (u @ (matrix @ v)).clamp_min(1e-12)

    @torch.no_grad()
    def _vectors(self, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the left and the right singular vector of the largest singular value."""
        v = _unit(self.u @ matrix)
        if self.training:
            self.u.copy_(_unit(matrix @ v))
        return self.u.clone(), v


def _unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm().clamp_min(1e-12)


def spectral(net: nn.Sequential) -> nn.Sequential:
    """Return a network with every layer that has weights normalised.

    Examples
    --------
    >>> spectral(nn.Sequential(nn.Linear(3, 2), nn.ReLU()))[1]
    ReLU()
    """
    weighted = nn.Linear, nn.Conv2d
    return nn.Sequential(*(Spectral(m) if isinstance(m, weighted) else m for m in net))


class Centered(nn.Module):
    r"""Images about a mean image, in units of one deviation: :math:`(x - \mu) / s`.

    Examples
    --------
    >>> Centered(2).set(torch.tensor([1.0, 2.0]), 2.0)(torch.tensor([[3.0, 2.0]]))
    tensor([[1., 0.]])
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, d: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("scale", torch.ones(()))

    def set(self, mean: torch.Tensor, scale: float) -> Centered:
        """Set mean and deviation; return the module."""
        self.mean.copy_(mean)
        self.scale.fill_(scale)
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, d), as much as was given."""
        return (x - self.mean) / self.scale
