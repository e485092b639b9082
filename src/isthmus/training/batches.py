"""Images on the device as they are packed, handed out in shuffled float batches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from isthmus.data.images import CHUNK_BYTES, Images
from isthmus.data.torch_images import reader
from isthmus.training.budget import free_bytes

if TYPE_CHECKING:
    from isthmus.neural import NeuralRepresentation
    from isthmus.training.loop import Loop
    from isthmus.training.stages import Stage

Batch = tuple[torch.Tensor, ...]  # images, and where the model has targets those


class Batches:
    """Some of the images in batches, gathered and scaled many at once.

    Parameters
    ----------
    images : Images
        All there are.
    rows : Tensor of int
        Those to hand out.
    model : NeuralRepresentation
        Says how large a batch is, what the targets are, and how values are scaled.
    device : torch.device
        Where the batches are to be.
    paired : bool
        Whether no batch may be of a single image: it joins the one before.
    """

    def __init__(
        self,
        images: Images,
        rows: torch.Tensor,
        model: NeuralRepresentation,
        device: torch.device,
        *,
        paired: bool = False,
    ):
        self.read = reader(images)
        targets = model._targets(images)
        self.targets = None if targets is None else targets[rows].to(device)
        self.rows, self.model, self.device = rows, model, device
        self.values = math.prod(images.shape[1:])
        if device.type != "cpu" and images.nbytes < 0.5 * free_bytes(device):
            there, self.rows = self.read(rows).to(device), torch.arange(len(rows), device=device)
            self.read = partial(torch.index_select, there, 0)
        self.size, self.paired = min(model.batch_size, len(rows)), paired
        self.sizes = self._sizes()

    def _sizes(self) -> list[int]:
        n, size = len(self.rows), max(1, self.size)
        sizes = [size] * (n // size) + ([n % size] if n % size else [])
        if self.paired and len(sizes) > 1 and sizes[-1] == 1:
            sizes[-2:] = [size + 1]
        return sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def keep(self, most: int) -> None:
        """Hand out up to this many of the images from now on, evenly spaced."""
        if most < len(self.rows):
            chosen = torch.linspace(0, len(self.rows) - 1, most).round().long()
            self.rows = self.rows[chosen.to(self.rows.device)]
            if self.targets is not None:
                self.targets = self.targets[chosen.to(self.device)]
            self.sizes = self._sizes()

    def order(self, rng: torch.Generator) -> torch.Tensor:
        """Return the images in an order of chance."""
        return torch.randperm(len(self.rows), generator=rng, device=rng.device)

    def blocks(
        self, order: torch.Tensor | None = None, skip: int = 0
    ) -> Iterator[tuple[int, list[Batch]]]:
        """Yield lists of batches, each with the number of batches before it.

        Parameters
        ----------
        order : Tensor of int, optional
            From `order`; else they come as they are.
        skip : int
            Batches that need not come again: lists of such batches alone are left out.
        """
        order = torch.arange(len(self.rows)) if order is None else order
        image_bytes = 4 * self.values
        many = max(1, CHUNK_BYTES // 4 // max(1, self.size * image_bytes))
        starts = [0, *itertools.accumulate(self.sizes)]
        for first in range(0, len(self.sizes), many):
            sizes = self.sizes[first : first + many]
            if first + len(sizes) > skip:
                chosen = order[starts[first] : starts[first + len(sizes)]]
                yield first, self._gathered(chosen, sizes)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches one by one, the images as they come."""
        for _, block in self.blocks():
            yield from block

    def _gathered(self, chosen: torch.Tensor, sizes: list[int]) -> list[Batch]:
        rows = self.rows[chosen.to(self.rows.device)]
        x = self.model._input(self.read(rows).to(self.device))
        parts = [x.split(sizes)]
        if self.targets is not None:
            parts.append(self.targets[chosen.to(self.device)].split(sizes))
        return list(zip(*parts, strict=True))


def split(
    loop: Loop, stage: Stage, order: torch.Tensor, nets: nn.Module
) -> tuple[Batches, Batches]:
    """Return the batches that a stage learns from, and those it is validated on.

    Parameters
    ----------
    loop : Loop
        Whose images they are, and the validation images where these were given.
    stage : Stage
        Says what share is held out where none were given.
    order : Tensor of int
        All images, those to hold out first.
    nets : Module
        The networks: whether they normalise batches is looked at.
    """
    model, given = loop.model, loop.validation
    n_held = 0 if given is not None else int(stage.validation_fraction * len(order))
    rows, rest = order[:n_held].sort().values, order[n_held:]
    normed = any(isinstance(net, nn.modules.batchnorm._BatchNorm) for net in nets.modules())
    images = model._as_learned(loop.images)
    train = Batches(images, rest, model, model.device_, paired=normed)
    if normed and min(train.sizes) < 2:
        raise ValueError(
            f"batch_size={model.batch_size} with {len(rest)} training images: networks "
            "with batch normalisation learn from batches of at least 2 images"
        )
    if given is not None:
        return train, Batches(given, torch.arange(len(given)), model, model.device_)
    return train, Batches(images, rows, model, model.device_)
