"""A network that answers for every pixel, of images of any size: whole, or tile by tile.

Pictures are ``(n, c, h, w)`` with the channels last in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from isthmus.nets.dense import empty
from isthmus.tensors import is_plain
from isthmus.validation import one_of

TILE = 448
"""Side of a tile of a large image."""
MARGIN = 32
"""Pixels around a tile that are computed with it. The answer for a pixel depends on pixels at
most 28 away; and a tile has to begin where the poolings do, at a multiple of 4."""
PIXELS = (TILE + 2 * MARGIN) ** 2
"""Pixels that go through the network at once at most, of one image or of several: 128 channels of
them are 128 MiB in float32."""


class Doubling(nn.ConvTranspose2d):
    """Transposed 3x3 convolution of stride 2, to exactly twice the height and width.

    The bias is added apart: the library's gradient of both takes twice as long.
    """

    def __init__(self, n_in: int, n_out: int, device: torch.device | None = None):
        super().__init__(n_in, n_out, 3, 2, 1, 1, device=device)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the picture, twice as high and wide."""
        if is_plain():
            return super().forward(x)
        y = functional.conv_transpose2d(x, self.weight, None, 2, 1, 1)
        return y.add_(self.bias.to(y.dtype).view(1, -1, 1, 1))  # type: ignore[union-attr]


class PixelEncoder(nn.Sequential):
    """Layers that need a height and width of multiples of 4, for pictures of any size.

    What is missing to the next multiple is filled with the last row and column, and cut off again.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the attributes of every pixel."""
        h, w = x.shape[2:]
        if h % 4 or w % 4:
            x = functional.pad(x, (0, -w % 4, 0, -h % 4), mode="replicate")
        forward: Callable[[torch.Tensor], torch.Tensor] = super().forward
        return forward(x)[:, :, :h, :w]


def pixel_encoder(n_in: int, channels: int, n_attributes: int) -> PixelEncoder:
    """Return the network from a picture to attributes of every pixel.

    Two 3x3 convolutions, twice down by 2x2 maxima and two more, twice up by a transposed
    convolution to twice the channels and two more, and one to the attributes; relu after each.

    Parameters
    ----------
    n_in : int
        Channels of the picture.
    channels : int
        Filters of every convolution but the transposed ones.
    n_attributes : int
        Numbers for every pixel.

    Examples
    --------
    >>> net = pixel_encoder(3, 64, 20)
    >>> sum(weight.numel() for weight in net.parameters())
    567124
    >>> net(torch.zeros(1, 3, 5, 7)).shape
    torch.Size([1, 20, 5, 7])
    """
    m = channels
    down = [*_two(n_in, m), nn.MaxPool2d(2), *_two(m, m), nn.MaxPool2d(2), *_two(m, m)]
    up = [*_doubled(m), *_two(2 * m, m), *_doubled(m), *_two(2 * m, m)]
    return PixelEncoder(*down, *up, *_convolved(m, n_attributes))


def _two(n_in: int, n_out: int) -> list[nn.Module]:
    return [*_convolved(n_in, n_out), *_convolved(n_out, n_out)]


def _convolved(n_in: int, n_out: int) -> list[nn.Module]:
    return [pixel_head(n_in, n_out), nn.ReLU(inplace=True)]


def _doubled(n: int) -> list[nn.Module]:
    return [empty(Doubling, n, 2 * n), nn.ReLU(inplace=True)]


def pixel_head(n_in: int, n_out: int) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps height and width."""
    return empty(nn.Conv2d, n_in, n_out, 3, padding=1)


def in_tiles(
    net: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    side: int = TILE,
    *,
    margin: int = MARGIN,
    gain: float = 1,
) -> torch.Tensor:
    """Return ``net(x)``, tile by tile where the pictures are large; the answer is the same.

    Parameters
    ----------
    net : callable
        From pictures (n, c, h, w) to pictures (n, k, gain h, gain w).
    x : Tensor of shape (n, c, h, w)
        Pictures.
    side : int
        Side of a tile, a multiple of 4.
    margin : int
        How far around a tile the net sees, at most.
    gain : float
        Side of what comes back by that of `x`.

    Examples
    --------
    >>> net, x = nn.Conv2d(1, 2, 3, padding=1), torch.rand(1, 1, 50, 70)
    >>> torch.allclose(in_tiles(net, x, side=16), net(x), atol=1e-5)
    True
    """
    h, w = x.shape[2:]
    if h * w <= (side + 2 * margin) ** 2:
        return net(x)
    rows = []
    for top in range(0, h, side):
        y = slice(max(0, top - margin), top + side + margin)
        row = []
        for left in range(0, w, side):
            piece = net(x[:, :, y, max(0, left - margin) : left + side + margin])
            down, along = (int(gain * min(start, margin)) for start in (top, left))
            end = int(gain * side)
            row.append(piece[:, :, down : down + end, along : along + end])
        rows.append(torch.cat(row, 3))
    return torch.cat(rows, 2)


def varied(
    x: torch.Tensor, t: torch.Tensor | None, crop: int | None, flip: bool, rng: torch.Generator
) -> tuple[torch.Tensor, Any]:
    """Return a random square of every picture, half of them mirrored, and the same of the maps.

    Parameters
    ----------
    x : Tensor of shape (n, c, h, w)
        Pictures.
    t : Tensor of shape (n, h, w) or None
        Their label maps, if any.
    crop : int or None
        Side of the square; None leaves all.
    flip : bool
        Whether to mirror half of them, left to right.
    rng : Generator
        Where chance comes from.
    """
    if crop is not None:
        h, w = (min(crop, side) for side in x.shape[2:])
        tops, lefts = (_places(len(x), n, rng) for n in (x.shape[2] - h, x.shape[3] - w))
        x = _cut(x, tops, lefts, h, w)
        t = t if t is None else _cut(t, tops, lefts, h, w)
    if flip:
        turned = torch.rand(len(x), generator=rng, device=rng.device).view(-1, 1, 1, 1) < 0.5
        x = torch.where(turned, x.flip(3), x)
        t = t if t is None else torch.where(turned[..., 0], t.flip(2), t)
    return x, t


def _places(n: int, largest: int, rng: torch.Generator) -> list[int]:
    return torch.randint(largest + 1, (n,), generator=rng, device=rng.device).tolist()


def _cut(x: torch.Tensor, tops: list[int], lefts: list[int], h: int, w: int) -> torch.Tensor:
    starts = zip(x, tops, lefts, strict=True)
    return torch.stack([row[..., i : i + h, j : j + w] for row, i, j in starts])


def weights_of_classes(given: Any, counts: np.ndarray, ignored: int | None) -> np.ndarray:
    """Return the weight of every class, of which so many pixels occur."""
    if given is None:
        weights = np.ones(len(counts))
    elif isinstance(given, str):
        one_of("class_weight", given, ("balanced",))
        weights = np.median(counts[counts > 0]) / np.maximum(counts, 1)
    else:
        weights = np.array(given, dtype=np.float64)
        if weights.shape != counts.shape or not (weights >= 0).all() or not weights.any():
            raise ValueError(
                f"class_weight={given!r} must be 'balanced', or a number of at least 0 for each "
                f"of {len(counts)} classes, not all 0"
            )
    if ignored is not None and ignored < len(weights):
        weights[ignored] = 0
    return weights.astype(np.float32)
