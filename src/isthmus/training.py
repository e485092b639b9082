"""The only gradient loop: models say what their players lose, the loop does the rest.

A model yields ``(player, loss, logs)`` from ``_losses(x, rng)``: one for an autoencoder, two
for a GAN. After every yield the loop steps that player's optimiser, then asks for the next. A loss
that needs no gradient has left the gradients in the weights: see `isthmus.nets.fused`. A model
with ``_targets(images)`` is given those of a batch as well: ``_losses(x, rng, t)``. Before every
step its ``_done`` is the share of the fit that is over, and ``_step`` the steps taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from isthmus.batches import Batch, Batches
from isthmus.checkpoints import (
    Checkpoint,
    State,
    read_checkpoint,
    restore_optimizer,
    settings_of,
)
from isthmus.curves import Curves
from isthmus.data.images import Images
from isthmus.progress import Bar, sparkline
from isthmus.tensors import is_plain, same_blocks_again


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
CHECKPOINT_SECONDS = 10.0
"""A checkpoint is written at the end of an epoch, but not more often than this."""
VALIDATING = 0.05
"""Share of a time limit that one pass over the held-out images may take."""
CLOSING = 0.05
"""Share of a time limit that is kept for what a family measures after its fit."""
GOING = "all epochs done"
"""Why a fit ends, as long as nothing else has ended it."""


def optimizer(
    name: str, weights: Iterable[torch.Tensor], lr: float, kind: str = "cpu"
) -> torch.optim.Optimizer:
    """Return the optimiser of that name, for weights on a kind of device.

    Where fast paths are off it has torch's plainest form.
    """
    make, settings = OPTIMISERS[name]
    if is_plain() or kind not in FUSED:
        settings = {k: v for k, v in settings.items() if k != "fused"}
    if is_plain():
        make = torch.optim.SGD if make is GradientDescent else make
        settings |= {"foreach": False}
    return make(weights, lr=lr, **settings)


class Loop:
    """One fit: epochs over the images until they are done, time is up, or nothing improves.

    Parameters
    ----------
    model : NeuralRepresentation
        Built and initialised; its parameters say how to train.
    images : Images
        Training images; a share of `model.validation_fraction` is held out to choose by.
    rng : torch.Generator
        Source of every random number of the fit.
    until : float
        Share of `model.max_seconds` at which it has to be over; a fit may have several loops.
    """

    def __init__(self, model: Any, images: Images, rng: torch.Generator, until: float = 1.0):
        self.model, self.rng, self.device = model, rng, model._device()
        self.clock, self.limit = model._clock, (model.max_seconds or 0) * until
        order = torch.randperm(len(images), generator=rng, device=rng.device).cpu()
        order = model._dealt(order, images)
        n_held = int(model.validation_fraction * len(images))
        self.settings, self.past = {}, None
        if model.checkpoint:
            self.settings = settings_of(model, images, len(images) - n_held)
            self.past = read_checkpoint(model.checkpoint, self.settings)
            order = self.past.tensors.get("order", order) if self.past else order
        self.images_order = order
        self.nets = nn.ModuleDict(
            {name: nn.ModuleList(nets) for name, nets in model._players().items()}
        )
        self._split(images, order, n_held)
        self.epochs = model._passes(len(self.train))
        self.weights = list(self.nets.parameters())
        self.optimizers = {
            name: optimizer(
                model.optimizer, net.parameters(), model.learning_rate, self.device.type
            )
            for name, net in self.nets.items()
        }
        self.history: dict[str, list[float]] = {"epoch": [], "loss": [], "seconds": []}
        self.seen, self.totals = 0, dict[str, torch.Tensor]()  # of the epoch that goes on
        self.start: torch.Tensor | None = None  # the random generator's state when it began
        self.live = self.nets.state_dict()  # shares its memory with the networks
        self.shared = not any(True for _ in self.nets.buffers())  # buffers may be replaced
        # of the best epoch, or of the last one that was finite
        self.kept: State = {name: value.clone() for name, value in self.live.items()}
        self.best_loss, self.best_epoch, self.stopped = math.inf, 0, GOING
        self.step_seconds = self.validation_seconds = 0.0
        log_dir, folder = model.log_dir, self.past and self.past.facts.get("log")
        self.curves = Curves(log_dir, type(model).__name__.lower(), folder) if log_dir else None

    def _split(self, images: Images, order: torch.Tensor, n_held: int) -> None:
        normed = any(
            isinstance(net, nn.modules.batchnorm._BatchNorm) for net in self.nets.modules()
        )
        held, rest = order[:n_held].sort().values, order[n_held:]
        self.train = Batches(images, rest, self.model, self.device, paired=normed)
        self.held = Batches(images, held, self.model, self.device)
        if normed and min(self.train.sizes) < 2:
            raise ValueError(
                f"batch_size={self.model.batch_size} with {len(rest)} training images: networks "
                "with batch normalisation learn from batches of at least 2 images"
            )

    def run(self) -> None:
        """Train; leave the best (or last) weights in the networks, in evaluation mode."""
        if self.past is not None:
            self._resume(self.past)
        elif self.model.n_axes_:  # it begins somewhere: what is learnt has to be better
            self._keep(self._validate().get("val_loss"))
        self.model._step = self._steps()
        self.saved = time.monotonic()
        self.nets.train()
        try:
            with same_blocks_again(), Bar("fit", self._all_steps(), self.model.verbose) as bar:
                bar.advance(self._steps())
                self._epochs(bar)
        finally:
            if self.curves:
                self.curves.close()
        if self.history["epoch"]:
            self.nets.load_state_dict(self.kept)
        self.nets.eval()
        if self.step_seconds:
            self.clock.took(self.step_seconds, self.train.size)

    def _epochs(self, bar: Bar) -> None:
        try:
            while self._goes_on():
                self._epoch(bar)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
            if self.seen and not self.history["epoch"]:  # all there is
                self._end_epoch()

    def _goes_on(self) -> bool:
        if self.stopped != GOING:
            return False
        if self.seen:  # an epoch that was cut short is to be ended
            return True
        done, patience = len(self.history["epoch"]), self.model.patience
        if patience is not None and done - self.best_epoch >= patience and self.held.rows.numel():
            self.stopped = "no improvement"
        return done < self.epochs and not (self.stopped != GOING or (done and self._is_over()))

    def _epoch(self, bar: Bar) -> None:
        order = self._order()
        for first, block in self.train.blocks(order, self.seen):
            if self.seen and self._is_over():
                break
            self._schedule(first)
            began, before = self.clock.spent(), self.seen
            with self._autocast():
                for batch in block[self.seen - first :]:
                    self._step(batch, self.totals)
                    self.seen += 1
                    if self._is_over():
                        break
            self._took(self.clock.spent() - began, self.seen - before)
            bar.advance(self.seen - before, self._note() if bar.show else "")
            if self.stopped != GOING:
                break
        self._end_epoch()

    def _order(self) -> torch.Tensor:
        """Return the order of the images in this epoch, of one that goes on the same again."""
        now = self.rng.get_state() if self.model.checkpoint else None
        if self.seen and self.start is not None:
            self.rng.set_state(self.start)
        else:
            self.start = now
        order = self.train.order(self.rng)
        if self.seen and now is not None:
            self.rng.set_state(now)
        return order

    def _is_over(self) -> bool:
        """Return whether steps or time are used up, and note which."""
        if self.model.max_steps is not None and self._steps() >= self.model.max_steps:
            self.stopped = "all steps done"
        elif self.limit and self._left() < self.step_seconds / 2:
            self.stopped = "out of time"
        return self.stopped != GOING

    def _left(self) -> float:
        """Return the seconds that are left for steps: some are for what comes after them."""
        return (1 - CLOSING) * self.limit - self.validation_seconds - self.clock.spent()

    def _took(self, seconds: float, steps: int) -> None:
        """Note how long a step takes; hold out no more images than there is time to look at."""
        first, self.step_seconds = not self.step_seconds, seconds / steps
        if self.limit and first and len(self.held.rows):
            each = self.step_seconds / self.train.size / 2
            self.held.keep(max(2, int(VALIDATING * self.limit / max(each, 1e-9))))
            self.validation_seconds = each * len(self.held.rows)

    def _steps(self) -> int:
        return len(self.history["epoch"]) * len(self.train) + self.seen

    def _all_steps(self) -> int:
        steps = self.epochs * len(self.train)
        return steps if self.model.max_steps is None else min(steps, self.model.max_steps)

    def _step(self, batch: Batch, totals: dict[str, torch.Tensor]) -> None:
        x, *targets = batch
        for player, loss, logs in self.model._losses(x, self.rng, *targets):
            if loss.requires_grad:  # else the gradients are in place already
                loss.backward()
            self.optimizers[player].step()
            for weight in self.weights:
                weight.grad = None
            for name, value in logs.items():
                value = value.detach()
                totals[name] = totals[name] + value if name in totals else value
        self.model._step += 1

    def _autocast(self) -> AbstractContextManager:
        if self.model._precision(self.device) == "bfloat16":
            # without its cache, which would hand the second step the weights of the first
            return torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False)
        return nullcontext()

    def _schedule(self, first: int) -> None:
        """Note how far the fit has come, in steps or in its time budget; set the learning rate."""
        done = (self._steps() - self.seen + first) / self._all_steps()
        if self.limit:
            done = max(done, self.clock.spent() / self.limit)
        self.model._step, self.model._done = self._steps(), min(1.0, done)
        if self.model.schedule == "constant":
            return
        factor = 0.5 * (1 + math.cos(math.pi * self.model._done))
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.model.learning_rate * max(factor, 1e-3)

    def _end_epoch(self) -> None:
        """Record an epoch, or what there is of it; the checkpoint goes on where it was cut."""
        whole = self.seen == len(self.train)
        logs = {name: float(total) / self.seen for name, total in self.totals.items()}
        finite = all(map(math.isfinite, logs.values()))
        if finite and not whole and self.stopped != "interrupted":
            self._checkpoint(now=True)
        self.seen, self.totals = 0, {}
        logs |= self._validate()
        self.history["epoch"].append(len(self.history["epoch"]) + 1)
        self.history["seconds"].append(round(self.clock.spent(), 3))
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        if not all(map(math.isfinite, logs.values())):
            self.stopped = "diverged"
            return
        self._keep(logs.get("val_loss"))
        if self.curves:
            self.curves.add(len(self.history["epoch"]), logs, self.nets)
        if whole:
            over = len(self.history["epoch"]) >= self.epochs or self.stopped != GOING
            self._checkpoint(now=over)

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        if not len(self.held.rows):
            return {}
        began = self.clock.spent()
        self.nets.eval()
        self.model._done = 1.0
        # the same noise every epoch, and none of it from the generator of the fit
        rng = torch.Generator(self.device).manual_seed(0)
        totals: dict[str, float] = {}
        for _, block in self.held.blocks():
            for x, *targets in block:
                with self._autocast():
                    _, loss, logs = next(iter(self.model._losses(x, rng, *targets)))
                for name, value in (logs | {"loss": loss}).items():
                    totals[name] = totals.get(name, 0.0) + float(value) * len(x)
        self.nets.train()
        self.validation_seconds = self.clock.spent() - began
        return {f"val_{name}": total / len(self.held.rows) for name, total in totals.items()}

    def _keep(self, loss: float | None) -> None:
        if loss is None or not self.model.keep_best:
            self._copy()
        if loss is not None and loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, len(self.history["epoch"])
            self._copy()

    def _copy(self) -> None:
        # to ask a small network for its weights takes as long as to train it for a step
        live = self.live if self.shared else self.nets.state_dict()
        for name, value in live.items():
            self.kept[name].copy_(value)

    def _note(self) -> str:
        named = {n: values for n, values in self.history.items() if n.endswith("loss") and values}
        return "  ".join(f"{n} {v[-1]:.4g} {sparkline(v)}" for n, v in named.items())

    def _checkpoint(self, *, now: bool) -> None:
        recent = time.monotonic() - self.saved < CHECKPOINT_SECONDS
        if not self.model.checkpoint or (recent and not now):
            return
        self.saved = time.monotonic()
        tensors = {f"net/{k}": v for k, v in self.nets.state_dict().items()}
        tensors |= {f"kept/{k}": v for k, v in self.kept.items()}
        tensors |= {"rng": self.rng.get_state(), "order": self.images_order}
        if self.seen and self.start is not None:
            tensors["start"] = self.start
        for player, optimizer in self.optimizers.items():
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"opt/{player}/{index}/{k}": v for k, v in state.items()}
        facts = {
            "fit": self.settings,
            "history": self.history,
            "best": [self.best_loss, self.best_epoch],
            "seen": self.seen,
            "totals": {name: float(total) for name, total in self.totals.items()},
            "seconds": self.clock.spent(),
            "log": self.curves and self.curves.folder,
            "step_seconds": self.step_seconds,
            "held": len(self.held.rows),
        }
        Checkpoint(tensors, facts).save(self.model.checkpoint)

    def _resume(self, past: Checkpoint) -> None:
        facts = past.facts
        self.nets.load_state_dict(past.group("net/"))
        self.kept = past.group("kept/")
        self.rng.set_state(past.tensors["rng"])
        for player, optimizer in self.optimizers.items():
            restore_optimizer(optimizer, past.group(f"opt/{player}/"))
        self.history, (self.best_loss, self.best_epoch) = facts["history"], facts["best"]
        self.seen, self.start = facts.get("seen", 0), past.tensors.get("start")
        self.totals = {
            name: torch.tensor(total, device=self.device)
            for name, total in facts.get("totals", {}).items()
        }
        spent = facts["seconds"] if "seconds" in facts else self.history["seconds"][-1]
        self.clock.started -= spent
        self.step_seconds = facts.get("step_seconds", 0.0)
        self.held.keep(facts.get("held", len(self.held.rows)))
