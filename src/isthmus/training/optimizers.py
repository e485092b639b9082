"""Optimisers: by name with the settings that make them fast, or of the user's own making."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import torch

from isthmus.tensors import is_plain


class GradientDescent(torch.optim.Optimizer):
    """``w -= lr * gradient`` for all weights at once, without the bookkeeping of torch's SGD."""

    def __init__(self, weights: Iterable[torch.Tensor], lr: float):
        super().__init__(weights, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every weight against its gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            torch._foreach_add_(weights, [w.grad for w in weights], alpha=-group["lr"])

    step.hooked = True  # type: ignore[attr-defined]  # torch would wrap it in a profiler's record


OPTIMISERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (GradientDescent, {}),
    "momentum": (torch.optim.SGD, {"fused": True, "momentum": 0.9}),
    "adagrad": (torch.optim.Adagrad, {}),
    "rmsprop": (torch.optim.RMSprop, {"foreach": True}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamw": (torch.optim.AdamW, {"fused": True, "weight_decay": 0.01}),
    "adam_gan": (torch.optim.Adam, {"fused": True, "betas": (0.5, 0.999)}),
}
"""Optimisers by name, and the settings that make them fast or are theirs by definition."""

FUSED = ("cpu", "cuda")
"""Devices on which the fused steps of optimisers are known to work."""
LEAST_RATE = 1e-3
"""Share of the learning rate that a schedule ends at."""


def optimizer(
    name: Any, weights: Iterable[torch.Tensor], lr: float, kind: str = "cpu"
) -> torch.optim.Optimizer:
    """Return the optimiser of that name, for weights on a kind of device.

    Where fast paths are off it has torch's plainest form. In place of a name there may be a class,
    or a function of the weights and ``lr=`` that returns an optimiser.
    """
    if not isinstance(name, str):
        return _made(name, list(weights), lr)
    make, settings = OPTIMISERS[name]
    if is_plain() or kind not in FUSED:
        settings = {k: v for k, v in settings.items() if k != "fused"}
    if is_plain():
        make = torch.optim.SGD if make is GradientDescent else make
        settings |= {"foreach": False}
        return make(weights, lr=lr, **settings)
    return _light(make)(weights, lr=lr, **settings)


@cache
def _light(cls: Any) -> Callable[..., torch.optim.Optimizer]:
    """Return an optimiser that does without torch's compiler.

    torch's own import it at their first call, which takes longer than many a fit.
    """
    names = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")
    plain = {name: inspect.unwrap(getattr(cls, name)) for name in names}
    step = torch.no_grad()(inspect.unwrap(cls.step))
    step.hooked = True  # torch would wrap it in a profiler's record
    return type(cls.__name__, (cls,), {**plain, "step": step, "__module__": cls.__module__})


def _made(
    make: Callable[..., Any], weights: list[torch.Tensor], lr: float
) -> torch.optim.Optimizer:
    found = make(weights, lr=lr)
    if not isinstance(found, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer= gave {type(found).__name__}: give a name, a class such as "
            "torch.optim.NAdam, or a function of (weights, lr=) that returns a torch optimiser"
        )
    return found


class Rates:
    """The learning rates of optimisers, which a schedule lets fall from what they begin at."""

    def __init__(self, optimizers: Iterable[torch.optim.Optimizer], schedule: str):
        self.falls, self.optimizers = schedule == "cosine", list(optimizers)
        self.first = [group["lr"] for group in self._groups()]

    def _groups(self) -> list[dict[str, Any]]:
        # asked for anew: an optimiser that goes on from a checkpoint has others
        return [group for one in self.optimizers for group in one.param_groups]

    def set(self, done: float) -> None:
        """Set them for a fit of which such a share is over."""
        if not self.falls:
            return
        factor = max(0.5 * (1 + math.cos(math.pi * done)), LEAST_RATE)
        for group, rate in zip(self._groups(), self.first, strict=True):
            group["lr"] = rate * factor
