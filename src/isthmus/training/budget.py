"""Time and memory of a fit: how much there is, and whether it will do."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch
from torch import nn

from isthmus.data.images import with_channels
from isthmus.training.costs import activations, products, products_a_second

if TYPE_CHECKING:
    from isthmus.base import Representation

GIGABYTE = 2**30
STATES = {"sgd": 0, "momentum": 1, "adagrad": 1, "rmsprop": 1}
"""Numbers that an optimiser keeps beside every weight; 2 where it is not named."""
LITTLE = 2**33
"""Products in a step that any machine does in a second or so."""
MEASURING = 0.02
"""Share of a time limit that any one measurement after a fit may take."""


@dataclass
class Clock:
    """Time since a fit began, all of its stages together.

    Attributes
    ----------
    started : float
        When, by the monotonic clock; earlier where an earlier fit is resumed.
    step : float
        Seconds of an optimiser step; 0 while that is not known.
    pace : float
        Seconds that the networks take to look at one image; likewise.
    """

    started: float = field(default_factory=lambda: time.monotonic())
    step: float = 0.0
    pace: float = 0.0

    def spent(self) -> float:
        """Return the seconds since the fit began."""
        return time.monotonic() - self.started

    def is_over(self, limit: float | None) -> bool:
        """Return whether there is no time for a step within a limit."""
        return bool(limit) and self.spent() + self.step / 2 >= (limit or 0)

    def took(self, seconds: float, batch: int) -> None:
        """Note how long a step of so many images took: half of it, or less, is to look at them."""
        self.step, self.pace = seconds, seconds / batch / 2

    def affordable(self, limit: float | None) -> int | None:
        """Return how many images can be measured within a time limit; None for any number."""
        if not limit or not self.pace:
            return None
        return max(2, int(MEASURING * limit / self.pace))


def free_bytes(device: torch.device) -> int:
    """Return how much memory is free; the machine's, where a device does not tell its own."""
    if device.type != "cpu":
        with contextlib.suppress(AttributeError, RuntimeError, AssertionError):
            return int(torch.get_device_module(device).mem_get_info(device)[0])
    return int(min(psutil.virtual_memory().available, _left_to_container()))


def _left_to_container() -> int:
    """Return the memory that a container of Linux may still take."""

    def read(name: str) -> str:
        return (Path("/sys/fs/cgroup") / name).read_text(encoding="utf-8")

    try:
        facts = dict(line.split() for line in read("memory.stat").splitlines())
        used = int(read("memory.current")) - int(facts["inactive_file"])  # which gives way
        return int(read("memory.max")) - used
    except (OSError, ValueError, KeyError):  # no limit, or no such system
        return 2**62


def check_memory(model: Representation, networks: Mapping[str, nn.Module], n_images: int) -> None:
    """Raise ValueError if the networks cannot be trained in the memory that is free.

    Parameters
    ----------
    model : NeuralRepresentation
        Whose parameters say how the networks are trained.
    networks : dict of str to Module
        Its networks: only their sizes are looked at.
    n_images : int
        Training images there are.
    """
    weights = sum(w.numel() for net in networks.values() for w in net.parameters())
    batch = min(model.batch_size, n_images)
    # weights, gradients, a copy of the best, and what the optimiser keeps
    of_weights = 4 * weights * (3 + STATES.get(str(model.optimizer), 2))
    # every value between layers and its gradient
    *sides, depth = with_channels(model.image_shape_)
    each = math.prod(model.image_shape_)
    each += sum(activations(net, (depth, *sides)) for net in networks.values())
    of_batch = int(2 * 4 * each * model._together(batch))
    device = model.device_
    needed, free = of_weights + of_batch, free_bytes(device)
    if needed <= free:
        return
    if of_weights > of_batch:
        remedy = "fewer units or channels, or architecture='conv'"
    else:
        remedy = "a smaller batch_size"
    raise ValueError(
        f"{type(model).__name__} needs about {needed / GIGABYTE:.3g} GiB to learn images of "
        f"{'x'.join(map(str, model.image_shape_))} ({of_weights / GIGABYTE:.3g} for "
        f"{weights:,} weights, {of_batch / GIGABYTE:.3g} for a batch of {batch}), but only "
        f"{free / GIGABYTE:.3g} GiB are free: load smaller images (size=64), or set {remedy}"
    )


def check_time(model: Representation, networks: Mapping[str, nn.Module], n_images: int) -> None:
    """Warn if a single step of a fit takes longer than its time limit."""
    batch = min(model.batch_size, n_images)
    *sides, depth = with_channels(model.image_shape_)
    # there, and back to the inputs and to the weights of every layer
    work = 3 * sum(products(net, (depth, *sides)) for net in networks.values()) * batch
    if not model.max_seconds or work < LITTLE or model.device_.type != "cpu":
        return
    seconds = work / products_a_second()
    if seconds > model.max_seconds:
        warnings.warn(
            f"one step of {type(model).__name__} with {batch} images of "
            f"{'x'.join(map(str, model.image_shape_))} takes about {seconds:.2g} s here, longer "
            f"than max_seconds={model.max_seconds:g}: the fit will end after it; load smaller "
            "images (size=64), or set a smaller batch_size, or fewer units or channels",
            UserWarning,
            stacklevel=2,
        )
