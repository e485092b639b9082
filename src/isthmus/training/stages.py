"""What a fit is made of: its stages, and the steps that the losses of a stage yield."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from PIL.Image import Image

MAIN = "fit"
"""Name of the stage that a model's own training parameters are about."""
GOING = "all epochs done"
"""Why a stage ends, as long as nothing else has ended it."""
INTERRUPTED = "interrupted"
STOPPED = "stopped by a callback"
CUT_SHORT = (INTERRUPTED, STOPPED)
"""Somebody asked to stop: the stages that follow have an epoch each, at most."""


class Step(NamedTuple):
    """What one optimiser step is made of; a plain tuple of the same three will do.

    Attributes
    ----------
    player : str
        Whose optimiser takes the step.
    loss : Tensor
        A scalar; the loop asks it for the gradients of the weights.
    logs : dict of str to Tensor
        Scalars whose means over an epoch are kept in ``history_``.
    """

    player: str
    loss: torch.Tensor
    logs: Mapping[str, torch.Tensor]


class Fused(Step):
    """A step whose gradients are in the weights already, so that the loop asks for none."""

    __slots__ = ()


Losses = Callable[..., Iterator[tuple[str, Any, Any]]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One part of a fit: who learns, what they lose, and for how long.

    Attributes
    ----------
    name : str
        What it is called in checkpoints and progress bars; "fit" is the fit proper.
    players : dict of str to list of Module
        The networks of every player; each player has an optimiser of its own.
    losses : callable
        From images, a generator and where there are targets those, to the steps on a batch.
    epochs, max_steps, optimizer, learning_rate, schedule
        As the parameters of `NeuralRepresentation`.
    validation_fraction, keep_best, patience
        Likewise.
    least : (int, int)
        Passes and steps that it has at least where neither `epochs` nor `max_steps` is given.
    until : float
        Share of `max_seconds` at which it has to be over.
    optional : bool
        Whether it is left out where no time is left; else it takes a step at least.
    starts_well : bool
        Whether its networks begin as something: what is learnt has to be better than that.
    rng : Generator, optional
        Source of its random numbers, where that is not the one of the fit.
    then : callable, optional
        What is done to its networks once it has ended, on whichever machine it goes on.
    """

    name: str = MAIN
    players: Mapping[str, Sequence[nn.Module]]
    losses: Losses
    epochs: int | None
    max_steps: int | None
    optimizer: Any
    learning_rate: float
    schedule: str
    validation_fraction: float
    keep_best: bool
    patience: int | None
    least: tuple[int, int]
    until: float = 1.0
    optional: bool = False
    starts_well: bool = False
    rng: torch.Generator | None = None
    then: Callable[[], None] | None = None

    def passes(self, n_batches: int) -> int:
        """Return how many passes it has, of so many batches each."""
        if self.epochs is not None:
            return self.epochs
        if self.max_steps is not None:
            return -(-self.max_steps // n_batches)
        passes, steps = self.least
        return max(passes, -(-steps // n_batches))


@dataclass
class Record:
    """How far a stage has come, and what it leaves behind.

    Attributes
    ----------
    history : dict of str to list of float
        A value for every epoch.
    steps : int
        Optimiser steps taken.
    seen : int
        Batches seen of the epoch that goes on.
    totals : dict of str to Tensor
        Sums of the logs over these.
    stopped : str
        Why it ended.
    """

    history: dict[str, list[float]] = field(
        default_factory=lambda: {"epoch": [], "loss": [], "seconds": []}
    )
    steps: int = 0
    seen: int = 0
    totals: dict[str, torch.Tensor] = field(default_factory=dict)
    stopped: str = GOING

    @property
    def epochs(self) -> int:
        """Epochs that are over."""
        return len(self.history["epoch"])

    def add(self, logs: Mapping[str, torch.Tensor]) -> None:
        """Count a step's values in."""
        totals = self.totals
        for name, value in logs.items():
            value = value.detach()
            totals[name] = totals[name] + value if name in totals else value

    def means(self) -> dict[str, float]:
        """Return the mean values of the epoch that goes on."""
        return {name: float(total) / self.seen for name, total in self.totals.items()}

    def close_epoch(self, seconds: float, logs: Mapping[str, float]) -> None:
        """Note what an epoch came to, and begin the next."""
        self.seen, self.totals = 0, {}
        self.history["epoch"].append(self.epochs + 1)
        self.history["seconds"].append(seconds)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class History:
    """What is drawn of a fit, while it goes on and afterwards."""

    history_: dict[str, list[float]]

    def plot_history(self) -> Image:
        """Return a chart of the losses of every epoch so far; a notebook shows it by itself.

        What was held out is dashed. A callback may call it too, see `isthmus.training.callbacks`.
        """
        from isthmus.plots.drawing import curves

        name = type(self).__name__
        if not getattr(self, "history_", {}).get("epoch"):
            raise ValueError(f"{name} has no history: no epoch of a fit is over yet")
        return curves({name: self.history_}, f"{name}: losses")
