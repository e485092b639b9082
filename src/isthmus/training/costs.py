"""What networks cost: numbers between layers, and products of an image."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from isthmus.nets.conv import FromPicture, ToPicture
from isthmus.nets.own import own_in
from isthmus.nets.paths import Beside


def products_a_second() -> float:
    """Return how many products of numbers this machine takes in a second, about."""
    a = torch.ones(512, 512)
    (a @ a).sum()  # the first waits for the library
    started = time.perf_counter()
    for _ in range(2):
        a @ a
    return 2 * 512**3 / max(time.perf_counter() - started, 1e-9)


def activations(net: nn.Module, shape: tuple[int, ...]) -> int:
    """Return how many numbers stand between the layers of a network while one image goes through.

    Parameters
    ----------
    net : Module
        Its layers come one after the other.
    shape : tuple of int
        Of a picture, channels first; only looked at where the first layer takes pictures as
        they are. What flat networks take is as wide as their first layer.

    Examples
    --------
    >>> activations(nn.Sequential(nn.Linear(9, 4), nn.Tanh(), nn.Linear(4, 2)), ())
    10
    """
    return sum(math.prod(after) for _, _, after in _shapes(net, shape))


def products(net: nn.Module, shape: tuple[int, ...]) -> int:
    """Return how many products a network takes for one image; see `activations`.

    Examples
    --------
    >>> products(nn.Sequential(nn.Linear(9, 4), nn.Tanh(), nn.Linear(4, 2)), ())
    44
    """
    total = 0
    for layer, before, after in _shapes(net, shape):
        weight = getattr(layer, "weight", None)
        if isinstance(layer, nn.Linear):
            total += layer.weight.numel()
        elif weight is not None and weight.ndim == 4:  # each goes over the smaller picture
            transposed = isinstance(layer, nn.ConvTranspose2d)
            total += weight.numel() * math.prod((before if transposed else after)[1:])
    return total


def _shapes(
    net: nn.Module, shape: tuple[int, ...]
) -> Iterator[tuple[nn.Module, tuple[int, ...], tuple[int, ...]]]:
    """Yield every layer that returns new numbers, with the shapes before and after it."""
    for own in own_in(net):  # there is none of ours beside them
        yield from own.shapes
        return
    for each in net.modules():
        if type(each) is Beside:  # both paths are given the same, pictures or codes of their cells
            if isinstance(each.linear[-1], nn.PixelShuffle):
                side = each.linear[-1].upscale_factor
                shape = (each.linear[0].in_channels, shape[1] // side, shape[2] // side)
            for path in (each.linear, each.net):
                yield from _chained(path, shape)
            return
    yield from _chained(net, shape)


def _chained(
    net: nn.Module, shape: tuple[int, ...]
) -> Iterator[tuple[nn.Module, tuple[int, ...], tuple[int, ...]]]:
    """Yield the layers of a chain with the shapes before and after each."""
    for layer in net.modules():
        before = shape
        if isinstance(layer, nn.Linear):
            shape = (layer.out_features,)
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.MaxPool2d):
            shape = _after(layer, shape)
        elif isinstance(layer, nn.PixelUnshuffle):
            by = layer.downscale_factor
            shape = (shape[0] * by**2, shape[1] // by, shape[2] // by)
        elif isinstance(layer, nn.PixelShuffle):
            by = layer.upscale_factor
            shape = (shape[0] // by**2, shape[1] * by, shape[2] * by)
        elif isinstance(layer, ToPicture):
            shape = (layer.shape[2], *layer.shape[:2])
            continue
        elif (
            isinstance(layer, FromPicture)
            or any(True for _ in layer.children())
            or getattr(layer, "inplace", False)
        ):
            continue
        yield layer, before, shape


def _after(layer: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a picture (c, h, w) after a convolution or pooling."""
    kernel, stride, padding = (
        (value, value) if isinstance(value, int) else value
        for value in (layer.kernel_size, layer.stride, layer.padding)
    )
    sides = list(zip(shape[1:], kernel, stride, padding, strict=True))
    if isinstance(layer, nn.ConvTranspose2d):
        extra = layer.output_padding
        after = [(n - 1) * s - 2 * p + k + e for (n, k, s, p), e in zip(sides, extra, strict=True)]
    else:
        after = [(n + 2 * p - k) // s + 1 for n, k, s, p in sides]
    return (getattr(layer, "out_channels", shape[0]), *after)
