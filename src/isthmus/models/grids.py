"""The grid that the units of a map lie on: how far apart they are, and which are neighbours."""

from __future__ import annotations

import math

import torch


def grid_distances(grid: list[int], topology: str, periodic: bool) -> torch.Tensor:
    """Return the distance of every pair of units on the grid, where direct neighbours have 1."""
    row, column = torch.meshgrid(*map(torch.arange, grid), indexing="ij")
    x, y, height, width = column.flatten().double(), row.flatten().double(), *map(float, grid)
    if topology == "hexagonal":
        x, y, height = x + 0.5 * (y % 2), y * math.sqrt(0.75), height * math.sqrt(0.75)
    dx, dy = (x[:, None] - x).abs(), (y[:, None] - y).abs()
    if periodic:
        dx, dy = torch.minimum(dx, (width - dx).abs()), torch.minimum(dy, height - dy)
    return torch.hypot(dx, dy).float()


def are_neighbors(distance: torch.Tensor, topology: str) -> torch.Tensor:
    """Return for every pair of units whether they touch; of a square also those at its corners."""
    return (distance > 0) & (distance < (1.5 if topology == "rectangular" else 1.1))


def evenly_apart(n: int) -> torch.Tensor:
    """Return n places with mean 0 and variance 1, evenly apart: a uniform spread."""
    places = torch.arange(n, dtype=torch.float64) - (n - 1) / 2
    return places / max(float(places.square().mean()), 1e-12) ** 0.5


def side_for(n: int, most: int) -> int:
    """Return the side of the square that n images fill: about 5 sqrt(n) units, n / 4 at most."""
    return max(2, round(min(5 * math.sqrt(n), n / 4, most**2) ** 0.5))
