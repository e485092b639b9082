"""A small network to look at images with: texture from maps drawn at random, the rest learned."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

TEXTURE, MAPS = 16, (16, 32)
"""Maps of the first layer, which is never learned, and of the two after it."""
EMBEDDED = 48
"""Numbers that are made of the last maps."""
GRID = 4
"""Side of the last maps, at most: larger ones are averaged."""
SMALL, LARGE = 16, 128
"""Sides below which the first layer looks at every pixel, and from which on at every fourth."""
SHIFT, GROUPS = 0.1, 8
"""How far images are moved, as a share of their sides, and how many shifts a batch has."""


class Glance(nn.Module):
    """Three layers of convolutions: the means of the first maps, and what is made of the last.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of an image.

    Examples
    --------
    >>> Glance((28, 28, 1))(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 64])
    """

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        *sides, depth = shape
        step = 1 if min(sides) < SMALL else 4 if min(sides) >= LARGE else 2
        self.texture = nn.Conv2d(depth, TEXTURE, 5 if step == 4 else 3, step, 1)
        self.texture.requires_grad_(False)
        depths = (TEXTURE, *MAPS)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(depths, MAPS, strict=False)
        )
        self.pool = nn.AdaptiveAvgPool2d(min(GRID, -(-min(sides) // (4 * step))))
        with torch.no_grad():
            width = self._maps(torch.zeros(1, depth, *sides))[1].shape[1]
        self.last = nn.Linear(width, EMBEDDED)

    def products(self, shape: tuple[int, ...]) -> int:
        """Return how many products one image (h, w, c) takes."""
        *sides, depth = shape
        x, total = torch.zeros(1, depth, *sides), self.last.weight.numel()
        for layer in (self.texture, *self.layers):
            x = layer(x)
            total += layer.weight.numel() * x[0, 0].numel()
        return total

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (n, 64) of images (n, c, h, w)."""
        texture, maps = self._maps(x)
        return torch.cat([texture, F.gelu(self.last(maps))], 1)

    def _maps(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the means of the first maps, and the last ones."""
        x = F.gelu(self.texture(x))
        texture = x.mean((2, 3))
        for layer in self.layers:
            x = F.gelu(layer(x))
        return texture, self.pool(x).flatten(1)


def moved(x: torch.Tensor, contrast: float, rng: torch.Generator) -> torch.Tensor:
    """Return images (n, c, h, w) moved a little, their edges repeated, and changed in contrast.

    Examples
    --------
    >>> moved(torch.ones(3, 1, 8, 8), 0.0, torch.Generator()).unique()
    tensor([1.])
    """
    h, w = x.shape[2:]
    down, right = (max(1, round(SHIFT * side)) for side in (h, w))
    padded = F.pad(x, (right, right, down, down), mode="replicate")
    found = []
    for part in padded.chunk(GROUPS):
        i = int(torch.randint(2 * down + 1, (), generator=rng))
        j = int(torch.randint(2 * right + 1, (), generator=rng))
        found.append(part[:, :, i : i + h, j : j + w])
    factor = 1 + contrast * (2 * torch.rand(len(x), 1, 1, 1, generator=rng) - 1)
    return torch.cat(found) * factor
