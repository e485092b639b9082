"""Which weights a stage ends with."""

from __future__ import annotations

import math

import torch
from torch import nn


class Keeper:
    """A copy of the weights of the best epoch, or of the last one that was finite.

    Parameters
    ----------
    nets : Module
        The networks that learn.
    keep_best : bool
        Whether the best epoch is wanted; else the last one.

    Attributes
    ----------
    kept : dict of str to Tensor
        The copy.
    best_loss, best_epoch : float and int
        Lowest validation loss, and the epoch that had it.
    """

    def __init__(self, nets: nn.Module, keep_best: bool):
        self.nets, self.keep_best = nets, keep_best
        self._live = nets.state_dict()  # shares its memory with the networks
        self._shared = not any(True for _ in nets.buffers())  # buffers may be replaced
        self.kept = {name: value.clone() for name, value in self._live.items()}
        self.best_loss, self.best_epoch = math.inf, 0

    def offer(self, loss: float | None, epoch: int) -> None:
        """Keep the weights as they are after an epoch, if they are the wanted ones."""
        if loss is None or not self.keep_best:
            self._copy()
        if loss is not None and loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self._copy()

    @torch.no_grad()
    def _copy(self) -> None:
        # to ask a small network for its weights takes as long as to train it for a step
        live = self._live if self._shared else self.nets.state_dict()
        for name, value in live.items():
            self.kept[name].copy_(value)

    def give_back(self) -> None:
        """Put the kept weights into the networks."""
        self.nets.load_state_dict(self.kept)
