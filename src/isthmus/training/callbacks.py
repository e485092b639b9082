"""What is told of a fit while it goes on, and may ask it to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from isthmus.training.stages import Record

if TYPE_CHECKING:
    from isthmus.neural import NeuralRepresentation

HOOKS = ("on_fit_begin", "on_step_end", "on_epoch_end", "on_fit_end")
"""The methods that a callback may have; each is given a `FitState`."""


@dataclass(frozen=True)
class FitState:
    """What a callback is given.

    Attributes
    ----------
    model : NeuralRepresentation
        The model that is being fitted. Its networks are there from the first call on, so that
        after an epoch it can reconstruct; what is measured after the fit is not there yet.
    stage : str
        The stage of the fit: "fit", or what comes before or after it, as "inversion" of a GAN.
    epoch : int
        Epochs of this stage that are over.
    step : int
        Optimiser steps taken in it.
    logs : dict of str to float
        After an epoch its mean losses as in ``history_``, after a step those of the step.
    history : dict of str to list of float
        All of them so far.
    """

    model: Any
    stage: str
    epoch: int
    step: int
    logs: Mapping[str, float]
    history: Mapping[str, list[float]]


class Callbacks:
    """The callbacks of a model.

    A callback is any object with one or more of these methods, each given a `FitState`:
    ``on_fit_begin`` with the networks as they start, ``on_step_end``, ``on_epoch_end``, and
    ``on_fit_end`` with the model fitted. A true value from ``on_epoch_end`` or ``on_step_end``
    asks to stop, after which ``stopped_`` is "stopped by a callback".

    Examples
    --------
    >>> class Enough:
    ...     def on_epoch_end(self, state):
    ...         return state.logs["val_loss"] < 0.03
    >>> import isthmus as ist
    >>> images = ist.load_images("digits").train
    >>> ist.Autoencoder(8, callbacks=(Enough(),), random_state=0).fit(images).stopped_
    'stopped by a callback'
    """

    def __init__(self, model: NeuralRepresentation):
        self.model = model
        self.on: dict[str, list[Callable[..., Any]]] = {
            hook: [getattr(one, hook) for one in model.callbacks if hasattr(one, hook)]
            for hook in HOOKS
        }
        self.after_steps = bool(self.on["on_step_end"])

    def fit_begins(self) -> None:
        """Tell them that the networks are there."""
        self._tell("on_fit_begin", FitState(self.model, "fit", 0, 0, {}, {}))

    def fit_ends(self) -> None:
        """Tell them that the model is fitted."""
        history, step = self.model.history_, self.model._step
        epoch = len(history["epoch"])
        logs = {name: values[-1] for name, values in history.items() if values}
        self._tell("on_fit_end", FitState(self.model, "fit", epoch, step, logs, history))

    def step_ends(self, stage: str, record: Record, logs: Mapping[str, torch.Tensor]) -> bool:
        """Tell them of a step; return whether one of them asks to stop."""
        values = {name: float(value) for name, value in logs.items()}
        state = FitState(self.model, stage, record.epochs, record.steps, values, record.history)
        return self._tell("on_step_end", state)

    def epoch_ends(self, stage: str, record: Record, nets: nn.Module) -> bool:
        """Tell them of an epoch, with the networks ready to be used; return the same."""
        if not self.on["on_epoch_end"]:
            return False
        logs = {name: values[-1] for name, values in record.history.items() if values}
        state = FitState(self.model, stage, record.epochs, record.steps, logs, record.history)
        nets.eval()
        with torch.no_grad():
            stop = self._tell("on_epoch_end", state)
        nets.train()
        return stop

    def _tell(self, hook: str, state: FitState) -> bool:
        answers = [told(state) for told in self.on[hook]]  # all of them are told
        return any(answers)


def check_callbacks(callbacks: object) -> None:
    """Refuse what is no tuple of callbacks."""
    given = callbacks if isinstance(callbacks, tuple | list) else (None,)
    if not all(any(hasattr(one, hook) for hook in HOOKS) for one in given):
        raise TypeError(
            f"callbacks={callbacks!r}: give a tuple of objects, each with one of the methods "
            f"{', '.join(HOOKS)}"
        )
