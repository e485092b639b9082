"""The neural half of the contract: training parameters once, and the fit by the one loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isthmus.base import Representation, one_of
from isthmus.data.images import Images
from isthmus.nets.dense import INITIALISERS, initialise
from isthmus.tensors import generator
from isthmus.training import OPTIMISERS, Loop

STUDY_STEPS = 20_000
"""Optimiser steps of a neural family in a study, within 20 to 300 epochs."""


@dataclass(kw_only=True, eq=False, repr=False)
class NeuralRepresentation(Representation):
    """What every family trained by gradients is: the training parameters, and the fit by the loop.

    A family writes ``_networks()`` (name of the attribute to network, not initialised), and
    ``_losses(x, rng)``, which yields ``(player, loss, logs)``; see `isthmus.training`.

    Parameters
    ----------
    epochs : int
        Passes over the training images at most.
    batch_size : int
        Images in one optimiser step.
    optimizer : {"adam", "adamw", "sgd", "momentum", "rmsprop", "adagrad"}
        The update rule.
    learning_rate : float
        Its step size at the start.
    schedule : {"cosine", "constant"}
        How the learning rate goes on: down to nothing along half a cosine, or as it is.
    init : str
        How weights are drawn: "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
        "lecun_normal", "orthogonal" or "positive_uniform".
    validation_fraction : float
        Share of the training images that is held out to choose the best epoch by, 0 to below 1.
    keep_best : bool
        End with the weights of the epoch with the lowest validation loss.
    patience : int or None
        Stop after so many epochs without a lower validation loss.
    max_seconds : float or None
        Stop when this much time is spent; the model so far is kept.
    checkpoint : str or None
        A file to save the state of the fit to, and to resume from if it exists.
    log_dir : str or None
        A folder for TensorBoard's curves and histograms.
    precision : {"auto", "float32", "bfloat16"}
        Arithmetic of the networks; "auto" is bfloat16 on a GPU that has it.
    """

    epochs: int = 50
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    init: str = "glorot_uniform"
    validation_fraction: float = 0.1
    keep_best: bool = True
    patience: int | None = None
    max_seconds: float | None = None
    checkpoint: str | None = None
    log_dir: str | None = None
    precision: str = "auto"

    keeps_float64 = False

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Any:
        """Return an unfitted model of a size that suits the images, and about 20,000 steps."""
        steps = -(-len(images) // cls.batch_size)
        epochs = min(300, max(20, STUDY_STEPS // steps))
        return super().for_study(images, width, **{"epochs": epochs} | parameters)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _fit(self, images: Images) -> None:
        self._check_parameters()
        self._prepare(images)
        rng = generator(self.random_state, self._device())
        for name, net in self._networks().items():
            net = net.to(self._device())
            initialise(net, self.init, rng)
            setattr(self, name, net)
        loop = Loop(self, images, rng)
        with torch.enable_grad():
            loop.run()
        self.history_, self.stopped_ = loop.history, loop.stopped

    def _prepare(self, images: Images) -> None:
        """Learn what must be known before the networks can be built."""

    def _players(self) -> dict[str, list[torch.nn.Module]]:
        """Return the networks of every player; each has an optimiser of its own."""
        return {"model": [getattr(self, name) for name in self._networks()]}

    def _check_parameters(self) -> None:
        positive = ("epochs", "batch_size", "learning_rate", "patience", "max_seconds", self.width)
        for name in positive:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name}={value} must be greater than 0")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} must be at least 0 and below 1"
            )
        one_of("optimizer", self.optimizer, OPTIMISERS)
        one_of("init", self.init, INITIALISERS)
        one_of("schedule", self.schedule, ("cosine", "constant"))
        one_of("precision", self.precision, ("auto", "float32", "bfloat16"))

    def _precision(self, device: torch.device) -> str:
        if self.precision != "auto":
            return self.precision
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return "bfloat16" if fast else "float32"

    def _health(self, images: Images) -> list[str]:
        loss = [value for value in self.history_["loss"] if np.isfinite(value)]
        if self.stopped_ == "diverged":
            return [
                "the loss became infinite or NaN; the best weights before that are kept: "
                "lower learning_rate, or scale the input to 0..1"
            ]
        if len(loss) > 1 and loss[-1] >= loss[0]:
            return ["the loss never fell: try another learning_rate or a wider code"]
        held = self.history_.get("val_loss", [])
        if held and len(held) > 5 and held[-1] > 1.15 * min(held):
            return [
                "validation loss rose again while training loss fell (overfitting): "
                "give it more images, or set patience"
            ]
        return []
