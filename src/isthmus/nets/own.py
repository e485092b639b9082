"""Modules of one's own as networks of ours: pictures in torch's order outside, flat inside."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

from isthmus.data.images import with_channels

TRIED = 2
"""Images of the pass that tells what a module makes of them."""
Shapes = list[tuple[nn.Module, tuple[int, ...], tuple[int, ...]]]


class Own(nn.Module):
    """A copy of a module, tried once.

    Parameters
    ----------
    name : str
        What the parameter is called that the module was given as.
    module : Module
        Left as it is: the copy learns.
    shape : tuple of int
        Of one image: (d,), (h, w) or (h, w, c).

    Attributes
    ----------
    shapes : list of (Module, tuple, tuple)
        Its layers that have none within, with the shapes before and after them.
    """

    shapes: Shapes

    def __init__(self, name: str, module: nn.Module, shape: tuple[int, ...]):
        super().__init__()
        self.name = name
        self.module = copy.deepcopy(module).to("cpu", torch.float32)
        self.picture = with_channels(shape) if len(shape) > 1 else shape

    def try_on(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the module makes of a batch.

        Raises
        ------
        ValueError
            If it cannot take it.
        """
        self.module.eval()
        self.shapes = []
        hooks = [
            layer.register_forward_hook(self._note)
            for layer in self.module.modules()
            if not any(True for _ in layer.children())
        ]
        try:
            with torch.no_grad():
                made = self.module(x)
        except Exception as error:  # whatever another's module may raise
            raise ValueError(
                f"{self.what} cannot take a batch of shape {tuple(x.shape)}: "
                f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
            ) from None
        finally:
            for hook in hooks:
                hook.remove()
        if not isinstance(made, torch.Tensor):
            raise ValueError(f"{self.what} returns {type(made).__name__}: it must return a tensor")
        return made

    def _note(self, layer: nn.Module, given: tuple[object, ...], made: object) -> None:
        if isinstance(made, torch.Tensor) and given and isinstance(given[0], torch.Tensor):
            self.shapes.append((layer, tuple(given[0].shape[1:]), tuple(made.shape[1:])))

    @property
    def what(self) -> str:
        """The parameter and the class of the module in words."""
        return f"{self.name}={type(self.module).__name__}"


class OwnEncoder(Own):
    """From flat images (n, d) by a module that takes (n, c, h, w) to codes (n, width).

    Parameters
    ----------
    name, module, shape
        See `Own`. Images that are vectors are given as they are, (n, d).

    Attributes
    ----------
    width : int
        Numbers that it makes of an image.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1))
    >>> own = OwnEncoder("encoder", net, (8, 8, 3))
    >>> own.width, own(torch.zeros(5, 192)).shape
    (4, torch.Size([5, 4]))
    """

    def __init__(self, name: str, module: nn.Module, shape: tuple[int, ...]):
        super().__init__(name, module, shape)
        made = self.try_on(self._picture(torch.zeros(TRIED, *self._flat())))
        if made.ndim < 2 or len(made) != TRIED or made[0].numel() != made.shape[1]:
            raise ValueError(
                f"{self.what} makes an array of shape {tuple(made.shape)} of {TRIED} images: it "
                "must be (n, k), a vector an image; end it with pooling and nn.Flatten()"
            )
        self.width = made.shape[1]

    def _flat(self) -> tuple[int, ...]:
        return (int(torch.Size(self.picture).numel()),)

    def _picture(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(1, self.picture).permute(0, 3, 1, 2) if len(self.picture) > 1 else x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the codes."""
        return self.module(self._picture(x)).flatten(1)[:, : self.width]

    def narrowed(self, width: int) -> OwnEncoder:
        """Return the same network, the first numbers of its code only."""
        other = copy.copy(self)
        other.width = width
        return other


class OwnDecoder(Own):
    """From codes (n, k) by a module that gives (n, c, h, w) to flat images (n, d).

    Parameters
    ----------
    name, module, shape
        See `Own`. It may also give (n, c h w).
    width : int
        Numbers in a code.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 12), nn.Unflatten(1, (3, 2, 2)))
    >>> OwnDecoder("decoder", net, (2, 2, 3), 4)(torch.zeros(5, 4)).shape
    torch.Size([5, 12])
    """

    def __init__(self, name: str, module: nn.Module, shape: tuple[int, ...], width: int):
        super().__init__(name, module, shape)
        *sides, depth = self.picture
        wanted, made = (depth, *sides), self.try_on(torch.zeros(TRIED, width))
        if len(made) != TRIED or made[0].numel() != torch.Size(wanted).numel():
            raise ValueError(
                f"{self.what} makes an array of shape {tuple(made.shape)} of {TRIED} codes: for "
                f"images of shape {shape} it must be {('n', *wanted)}"
            )
        self.made = wanted

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the images, flat."""
        made = self.module(z).flatten(1)
        if len(self.made) == 1:
            return made
        return made.unflatten(1, self.made).permute(0, 2, 3, 1).flatten(1)


def own_in(net: nn.Module) -> Iterator[Own]:
    """Yield the modules of one's own that a network is made of."""
    return (layer for layer in net.modules() if isinstance(layer, Own))


def numbers_in(module: nn.Module) -> int | None:
    """Return how many numbers the first layer with weights takes, None where there is none.

    Examples
    --------
    >>> numbers_in(nn.Sequential(nn.ReLU(), nn.Linear(7, 2)))
    7
    """
    for layer in module.modules():
        for name in ("in_features", "in_channels"):
            if isinstance(getattr(layer, name, None), int):
                return int(getattr(layer, name))
    return None
