"""The only gradient loop: models say what their players lose, the loop does the rest.

A model yields ``(player, loss, logs)`` from ``_losses(x, rng)``: one for an autoencoder, two
for a GAN. After every yield the loop steps that player's optimiser, then asks for the next. A loss
that needs no gradient has left the gradients in the weights: see `isthmus.nets.fused`. A model
with ``_targets(images)`` is given those of a batch as well: ``_losses(x, rng, t)``. Before every
step its ``_done`` is the share of the fit that is over, and ``_step`` the steps taken.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isthmus.data.images import CHUNK_BYTES, Images
from isthmus.progress import Bar
from isthmus.tensors import is_plain, readable_tensor, same_blocks_again


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


CHECKPOINT_SECONDS = 10.0
"""A checkpoint is written at the end of an epoch, but not more often than this."""

MAY_DIFFER = {
    "epochs",
    "max_steps",
    "max_seconds",
    "patience",
    "checkpoint",
    "log_dir",
    "verbose",
    "device",
}
"""Parameters a resumed fit may have other values for than the fit it resumes."""


def optimizer(name: str, weights: Iterable[torch.Tensor], lr: float) -> torch.optim.Optimizer:
    """Return the optimiser of that name; in torch's plainest form where fast paths are off."""
    make, settings = OPTIMISERS[name]
    if is_plain():
        make = torch.optim.SGD if make is GradientDescent else make
        settings = {k: v for k, v in settings.items() if k != "fused"} | {"foreach": False}
    return make(weights, lr=lr, **settings)


State = dict[str, torch.Tensor]
Batch = tuple[torch.Tensor, ...]  # images, and where the model has targets those


class Batches:
    """Images on the device as they are packed, handed out in shuffled float batches."""

    def __init__(self, images: Images, rows: torch.Tensor, model: Any, device: torch.device):
        data = readable_tensor(images.data)
        targets = model._targets(images)
        self.targets = None if targets is None else targets[rows].to(device)
        if images.rows is not None:
            rows = torch.from_numpy(images.rows)[rows]
        if device.type != "cpu" and images.nbytes < 0.5 * torch.cuda.mem_get_info(device)[0]:
            data, rows = data[rows].to(device), torch.arange(len(rows))
        self.data, self.rows, self.model, self.device = data, rows.to(data.device), model, device
        self.size = min(model.batch_size, len(rows))
        image_bytes = 4 * math.prod(data.shape[1:])
        self.block = self.size * max(1, CHUNK_BYTES // 4 // max(1, self.size * image_bytes))

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)

    def blocks(self, rng: torch.Generator | None = None) -> Iterator[list[Batch]]:
        """Yield lists of batches; many batches are gathered and scaled at once."""
        n = len(self.rows)
        order = torch.arange(n)
        if rng is not None:
            order = torch.randperm(n, generator=rng, device=rng.device)
        for chosen in order.split(self.block):
            rows = self.rows[chosen.to(self.rows.device)]
            x = self.model._input(self.data.index_select(0, rows).to(self.device))
            parts = [x.split(self.size)]
            if self.targets is not None:
                parts.append(self.targets[chosen.to(self.device)].split(self.size))
            yield list(zip(*parts, strict=True))


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
    """

    def __init__(self, model: Any, images: Images, rng: torch.Generator):
        self.model, self.rng, self.device = model, rng, model._device()
        order = torch.randperm(len(images), generator=rng, device=rng.device).cpu()
        n_held = int(model.validation_fraction * len(images))
        self.train = Batches(images, order[n_held:], model, self.device)
        self.held = Batches(images, order[:n_held].sort().values, model, self.device)
        self.epochs = model._passes(len(self.train))
        self.nets = nn.ModuleDict(
            {name: nn.ModuleList(nets) for name, nets in model._players().items()}
        )
        self.weights = list(self.nets.parameters())
        self.optimizers = {
            name: optimizer(model.optimizer, nets.parameters(), model.learning_rate)
            for name, nets in self.nets.items()
        }
        self.history: dict[str, list[float]] = {"epoch": [], "loss": [], "seconds": []}
        self.live = self.nets.state_dict()  # shares its memory with the networks
        self.shared = not any(True for _ in self.nets.buffers())  # buffers may be replaced
        # of the best epoch, or of the last one that was finite
        self.kept: State = {name: value.clone() for name, value in self.live.items()}
        self.best_loss, self.best_epoch, self.stopped = math.inf, 0, "all epochs done"
        self.before = 0.0  # seconds spent before a resume

    def run(self) -> None:
        """Train; leave the best (or last) weights in the networks, in evaluation mode."""
        self._resume()
        self.started = self.saved = time.monotonic()
        self.nets.train()
        steps = self.epochs * len(self.train)
        with same_blocks_again(), Bar("fit", steps, self.model.verbose) as bar:
            bar.advance(len(self.history["epoch"]) * len(self.train))
            try:
                while self._goes_on():
                    self._epoch(bar)
            except KeyboardInterrupt:
                self.stopped = "interrupted"
        if self.history["epoch"]:
            self.nets.load_state_dict(self.kept)
        self.nets.eval()
        self._log_close()

    def _goes_on(self) -> bool:
        if self.stopped in ("diverged", "out of time", "all steps done"):
            return False
        done, patience = len(self.history["epoch"]), self.model.patience
        if patience is not None and done - self.best_epoch >= patience and self.held.rows.numel():
            self.stopped = "no improvement"
            return False
        return done < self.epochs and self._steps_left(0) != 0

    def _epoch(self, bar: Bar) -> None:
        totals: dict[str, torch.Tensor] = {}
        seen = 0
        for block in self.train.blocks(self.rng):
            self._schedule(seen)
            block = block[: self._steps_left(seen)]
            with self._autocast():
                for batch in block:
                    self._step(batch, totals)
            seen += len(block)
            bar.advance(len(block), self._note() if bar.show else "")
            if self._out_of_time():
                self.stopped = "out of time"
                break
            if self._steps_left(seen) == 0:
                self.stopped = "all steps done"
                break
        self._end_epoch({name: float(total) / seen for name, total in totals.items()})

    def _steps_left(self, seen: int) -> int | None:
        if self.model.max_steps is None:
            return None
        return max(0, self.model.max_steps - len(self.history["epoch"]) * len(self.train) - seen)

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

    def _schedule(self, seen: int) -> None:
        """Note how far the fit has come, in steps or in its time budget; set the learning rate."""
        step = len(self.history["epoch"]) * len(self.train) + seen
        steps = self.epochs * len(self.train)
        done = step / min(steps, self.model.max_steps or steps)
        if self.model.max_seconds:
            done = max(done, self._seconds() / self.model.max_seconds)
        self.model._step, self.model._done = step, min(1.0, done)
        if self.model.schedule == "constant":
            return
        factor = 0.5 * (1 + math.cos(math.pi * self.model._done))
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.model.learning_rate * max(factor, 1e-3)

    def _end_epoch(self, logs: dict[str, float]) -> None:
        logs = logs | self._validate()
        self.history["epoch"].append(len(self.history["epoch"]) + 1)
        self.history["seconds"].append(round(self._seconds(), 3))
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        if not all(math.isfinite(value) for value in logs.values()):
            self.stopped = "diverged"
            return
        self._keep(logs.get("val_loss"))
        self._log(logs)
        self._checkpoint()

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        if not len(self.held.rows):
            return {}
        self.nets.eval()
        self.model._done = 1.0
        # the same noise every epoch, and none of it from the generator of the fit
        rng = torch.Generator(self.device).manual_seed(0)
        totals: dict[str, float] = {}
        for block in self.held.blocks():
            for x, *targets in block:
                with self._autocast():
                    _, loss, logs = next(iter(self.model._losses(x, rng, *targets)))
                for name, value in (logs | {"loss": loss}).items():
                    totals[name] = totals.get(name, 0.0) + float(value) * len(x)
        self.nets.train()
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

    def _seconds(self) -> float:
        return self.before + time.monotonic() - self.started

    def _out_of_time(self) -> bool:
        return bool(self.model.max_seconds) and self._seconds() >= self.model.max_seconds

    def _note(self) -> str:
        named = {n: values for n, values in self.history.items() if n.endswith("loss") and values}
        return "  ".join(f"{n} {values[-1]:.4g}" for n, values in named.items())

    def _log(self, logs: dict[str, float]) -> None:
        """Write scalars and histograms of the weights for TensorBoard, if asked to."""
        if not self.model.log_dir:
            return
        if not hasattr(self, "writer"):
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise ImportError(
                    "log_dir needs TensorBoard: pip install 'isthmus[tensorboard]'"
                ) from None
            self.writer = SummaryWriter(self.model.log_dir)
        epoch = len(self.history["epoch"])
        for name, value in logs.items():
            self.writer.add_scalar(name, value, epoch)
        for name, weight in self.nets.named_parameters():
            self.writer.add_histogram(name, weight, epoch)

    def _log_close(self) -> None:
        if hasattr(self, "writer"):
            self.writer.close()

    def _checkpoint(self) -> None:
        over = len(self.history["epoch"]) >= self.epochs or self.stopped != "all epochs done"
        recent = time.monotonic() - self.saved < CHECKPOINT_SECONDS
        if not self.model.checkpoint or (recent and not over):
            return
        from isthmus.store import write_tensors

        self.saved = time.monotonic()
        tensors = {f"net/{k}": v.contiguous() for k, v in self.nets.state_dict().items()}
        tensors |= {f"kept/{k}": v.contiguous() for k, v in self.kept.items()}
        tensors["rng"] = self.rng.get_state()
        for player, optimizer in self.optimizers.items():
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"opt/{player}/{index}/{k}": v.contiguous() for k, v in state.items()}
        facts = {
            "fit": self._settings(),
            "history": self.history,
            "best": [self.best_loss, self.best_epoch],
        }
        facts_text = json.dumps(facts)
        write_tensors(self.model.checkpoint, tensors, {"isthmus_checkpoint": facts_text})

    def _settings(self) -> dict[str, str]:
        """Everything a resumed fit must share with the first, in words."""
        settings = {k: repr(v) for k, v in self.model.get_params().items() if k not in MAY_DIFFER}
        images = f"{len(self.train.rows)} training images of shape {self.model.image_shape_}"
        return settings | {"images": images}

    def _resume(self) -> None:
        path = self.model.checkpoint
        if not path or not Path(path).exists():
            return
        from isthmus.store import read_tensors

        tensors, facts = read_tensors(path, "isthmus_checkpoint")
        here = self._settings()
        there = facts["fit"]
        if there != here:
            other = [f"{k} is {there.get(k)} there" for k in here if there.get(k) != here[k]]
            raise ValueError(f"{path} belongs to another fit: {', '.join(other)}; remove it")
        self.nets.load_state_dict({k[4:]: v for k, v in tensors.items() if k.startswith("net/")})
        self.kept = {k[5:]: v for k, v in tensors.items() if k.startswith("kept/")}
        self.rng.set_state(tensors["rng"])
        for player, optimizer in self.optimizers.items():
            self._restore(optimizer, tensors, f"opt/{player}/")
        self.history, (self.best_loss, self.best_epoch) = facts["history"], facts["best"]
        self.before = self.history["seconds"][-1]

    @staticmethod
    def _restore(optimizer: torch.optim.Optimizer, tensors: State, prefix: str) -> None:
        state: dict[int, State] = {}
        for name in tensors:
            if name.startswith(prefix):
                index, key = name.removeprefix(prefix).split("/")
                state.setdefault(int(index), {})[key] = tensors[name]
        groups = optimizer.state_dict()["param_groups"]
        weights: list[torch.Tensor] = [w for g in optimizer.param_groups for w in g["params"]]
        for place, values in state.items():  # laid out as the weights are: the fused step asks so
            for key, value in values.items():
                if value.shape == weights[place].shape:
                    values[key] = torch.empty_like(weights[place]).copy_(value)
        optimizer.load_state_dict({"state": state, "param_groups": groups})
