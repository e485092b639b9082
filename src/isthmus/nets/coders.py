"""Encoders and decoders by the name of their architecture: what the neural families share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import nn

from isthmus.data.images import with_channels
from isthmus.nets.conv import conv_decoder, conv_encoder
from isthmus.nets.dense import dense
from isthmus.nets.paths import Paths, fixed


class Plan(NamedTuple):
    """The sizes that the name of an architecture stands for."""

    channels: tuple[int, ...]
    hidden: tuple[int, ...]
    kernel: int
    norm: bool


PLANS = {
    "burgess": Plan((32, 32, 64, 64), (256,), 4, norm=False),
    "deep": Plan((32, 32, 64, 64, 128, 128, 256), (), 3, norm=True),
}
"""Deck D's two: the one of the papers on disentangling, and a deeper one."""

ARCHITECTURES = ("dense", "conv", *PLANS, "spatial")
"""Dense layers only, strided convolutions with dense layers after them, or one with a name."""


def encoder(
    architecture: str,
    shape: tuple[int, ...],
    channels: Sequence[int],
    widths: Sequence[int],
    activation: str,
    last: str = "linear",
    axes: int = 0,
) -> nn.Sequential:
    """Return a network from flat images of `shape` to ``widths[-1]`` numbers.

    Parameters
    ----------
    architecture : {"dense", "conv", "burgess", "deep"}
        Whether strided convolutions come first; the last two are those of `PLANS`.
    shape : tuple of int
        Of one image: (d,), (h, w) or (h, w, c).
    channels : sequence of int
        Filters of every convolution; only looked at by "conv".
    widths : sequence of int
        Units of the dense layers; of those with a name only the last, the width of the code.
    activation, last : str
        Names in `isthmus.nets.dense.ACTIVATIONS`.
    axes : int
        Principal components that a linear path begins at, see `isthmus.models.starts`: dense
        layers then come after so many of them, which do not learn. 0 for no such path.

    Examples
    --------
    >>> encoder("dense", (28, 28), (), (20,), "relu")
    Sequential(
      (0): Linear(in_features=784, out_features=20, bias=True)
    )
    """
    d, k = math.prod(shape), widths[-1]
    if architecture == "dense" and axes:
        beside = dense((axes, *widths), activation, last)
        return nn.Sequential(fixed(d, axes), Paths(axes, k, beside))
    if architecture == "dense":
        return dense((d, *widths), activation, last)
    channels, widths, options = _planned(architecture, channels, widths)
    net = conv_encoder(with_channels(shape), channels, widths, activation, last, **options)
    return nn.Sequential(Paths(d, k, net)) if axes else net


def decoder(
    architecture: str,
    shape: tuple[int, ...],
    channels: Sequence[int],
    widths: Sequence[int],
    activation: str,
    axes: int = 0,
) -> nn.Sequential:
    """Return the mirror image of the `encoder` of the same arguments."""
    d, k = math.prod(shape), widths[-1]
    if architecture == "dense" and axes:
        beside = dense((*widths[::-1], axes), activation)
        return nn.Sequential(Paths(k, axes, beside), fixed(axes, d))
    if architecture == "dense":
        return dense((*widths[::-1], d), activation)
    channels, widths, options = _planned(architecture, channels, widths)
    net = conv_decoder(with_channels(shape), channels, widths, activation, **options)
    return nn.Sequential(Paths(k, d, net)) if axes else net


def _planned(
    architecture: str, channels: Sequence[int], widths: Sequence[int]
) -> tuple[Sequence[int], Sequence[int], dict[str, Any]]:
    """Return channels, widths and further options, as given or as the name says."""
    if architecture not in PLANS:
        return channels, widths, {}
    plan = PLANS[architecture]
    return plan.channels, (*plan.hidden, widths[-1]), {"kernel": plan.kernel, "norm": plan.norm}
