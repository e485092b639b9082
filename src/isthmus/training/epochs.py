"""A stage of a fit: its epochs, and what is done after each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from isthmus.system.progress import LOG, Bar, sparkline
from isthmus.system.stops import STOPS
from isthmus.tensors import same_blocks_again
from isthmus.training.batches import Batch, split
from isthmus.training.checkpoints import resume
from isthmus.training.limits import Limits
from isthmus.training.players import Players
from isthmus.training.stages import INTERRUPTED, MAIN, STOPPED, Record, Stage
from isthmus.training.weights import Keeper

if TYPE_CHECKING:
    from isthmus.training.loop import Loop


class Epochs:
    """One stage: epochs until they are done, time is up, or nothing improves any more."""

    def __init__(self, loop: Loop, stage: Stage):
        self.loop, self.stage, self.model = loop, stage, loop.model
        self.rng, self.clock = stage.rng or loop.rng, loop.model._clock
        self.past = loop.checkpoint.snapshots.get(stage.name)
        self.order = self._dealt()
        self.players = Players(self.model, stage, self.rng)
        self.train, self.held = split(loop, stage, self.order, self.players.nets)
        self.keeper = Keeper(self.players.nets, stage.keep_best)
        self.limits = Limits(stage, self.clock, self.model.max_seconds, len(self.train))
        self.record = Record()
        self.start: torch.Tensor | None = None  # the generator's state when an epoch began

    def _dealt(self) -> torch.Tensor:
        """Return all images, those to hold out first: the same ones again where a fit goes on."""
        images = self.loop.images
        order = torch.randperm(len(images), generator=self.rng, device=self.rng.device)
        order = self.model._dealt(order.cpu(), images)
        known = self.past.order_of(len(images)) if self.past else None
        return order if known is None else known

    def run(self) -> Record:
        """Train; leave the best (or last) weights in the networks, in evaluation mode."""
        self._begin()
        name, show = self.stage.name, self.model.verbose
        with same_blocks_again(), Bar(name, self.limits.all_steps, show) as bar:
            bar.advance(self.record.steps)
            try:
                while self._goes_on():
                    self._epoch(bar)
            except KeyboardInterrupt as stop:
                self.limits.stopped = INTERRUPTED
                STOPS.by(stop, f"after epoch {self.record.epochs}")
                if self.record.seen and not self.record.epochs:  # all there is
                    self._end_epoch()
        return self._end()

    def _begin(self) -> None:
        if self.past is not None:
            resume(self, self.past)
        elif self.stage.starts_well:
            self.keeper.offer(self._validate().get("val_loss"), 0)
        if self.stage.name == MAIN:
            self.model.history_ = self.record.history  # to be read while it grows
        self.model._step = self.began_at = self.record.steps
        self.players.forget_gradients()
        self.players.nets.train()

    def _goes_on(self) -> bool:
        if self.limits.is_over or self.record.seen:  # what was cut short is to be ended
            return not self.limits.is_over
        done = self.record.epochs
        unimproved = done - self.keeper.best_epoch if len(self.held.rows) else 0
        return self.limits.allow_epoch(done, self.record.steps, unimproved)

    def _end(self) -> Record:
        if self.record.epochs:
            self.keeper.give_back()
        self.players.nets.eval()
        if self.stage.then:
            self.stage.then()
        if self.limits.step_seconds:
            self.clock.took(self.limits.step_seconds, self.train.size)
        self.loop.checkpoint.close(self.stage.name, went_on=self.record.steps > self.began_at)
        self.record.stopped = self.limits.stopped
        return self.record

    def _epoch(self, bar: Bar) -> None:
        record, limits = self.record, self.limits
        order = self._order()
        for first, block in self.train.blocks(order, record.seen):
            if record.seen and limits.reached(record.steps):
                break
            self._schedule(first)
            began, before = self.clock.spent(), record.seen
            self._steps(block[before - first :])
            self._took(self.clock.spent() - began, record.seen - before)
            bar.advance(
                record.seen - before,
                self._note() if bar.show else "",
                limits.expected(record.steps),
            )
            if limits.is_over:
                break
        self._end_epoch()

    def _steps(self, batches: list[Batch]) -> None:
        with self.players.autocast():
            for batch in batches:
                self._step(batch)
                if self.limits.reached(self.record.steps):
                    break

    def _step(self, batch: Batch) -> None:
        told = self.loop.callbacks.after_steps
        values = Record() if told else self.record
        self.players.step(batch, values)
        self.record.steps += 1
        self.record.seen += 1
        self.model._step = self.record.steps
        if told:
            self._tell(values.totals)

    def _tell(self, logs: Mapping[str, torch.Tensor]) -> None:
        self.record.add(logs)
        if self.loop.callbacks.step_ends(self.stage.name, self.record, logs):
            self.limits.stopped = STOPPED

    def _order(self) -> torch.Tensor:
        """Return the order of the images in this epoch, of one that goes on the same again."""
        if not self.model.checkpoint:
            return self.train.order(self.rng)
        now = self.rng.get_state()
        if not self.record.seen or self.start is None:
            self.start = now
            return self.train.order(self.rng)
        self.rng.set_state(self.start)
        order = self.train.order(self.rng)
        self.rng.set_state(now)
        return order

    def _schedule(self, first: int) -> None:
        """Note how far the stage has come, by the first of many steps, and set the rates."""
        record = self.record
        self.model._step = record.steps
        self.model._done = self.limits.share_done(record.steps - record.seen + first)
        self.players.rates.set(self.model._done)

    def _took(self, seconds: float, steps: int) -> None:
        """Note how long a step takes; hold out no more images than there is time to look at."""
        if self.limits.took(seconds, steps) and len(self.held.rows):
            self.held.keep(self.limits.affordable(self.train.size, len(self.held.rows)))

    def _end_epoch(self) -> None:
        """Record an epoch, or what there is of it; the checkpoint goes on where it was cut."""
        record, whole, logs = self.record, self.record.seen == len(self.train), self.record.means()
        if _finite(logs) and not whole and self.limits.stopped != INTERRUPTED:
            self.loop.checkpoint.offer(self, now=True)
        logs |= self._validate()
        record.close_epoch(round(self.clock.spent(), 3), logs)
        self._log(logs)
        if _finite(logs):
            self._keep(logs)
        else:
            self.limits.stopped = "diverged"
        if self.loop.callbacks.epoch_ends(self.stage.name, record, self.players.nets):
            self.limits.stopped = STOPPED
        if whole and _finite(logs):
            over = self.limits.is_over or record.epochs >= self.limits.epochs
            self.loop.checkpoint.offer(self, now=over)

    def _log(self, logs: Mapping[str, float]) -> None:
        """Say in the log what an epoch came to."""
        values = ", ".join(f"{name} {value:.4g}" for name, value in logs.items())
        what, record = type(self.model).__name__, self.record
        of, seconds = f"{record.epochs} of {self.limits.epochs}", record.history["seconds"][-1]
        LOG.info("%s: %s, epoch %s, %s, %.1f s", what, self.stage.name, of, values, seconds)

    def _keep(self, logs: Mapping[str, float]) -> None:
        self.keeper.offer(logs.get("val_loss"), self.record.epochs)
        if self.loop.curves:
            self.loop.curves.add(self.stage.name, self.record.epochs, logs, self.players.nets)

    def _validate(self) -> dict[str, float]:
        if not len(self.held.rows):
            return {}
        began = self.clock.spent()
        means = self.players.mean_losses(self.held)
        self.limits.validation_seconds = self.clock.spent() - began
        return means

    def _note(self) -> str:
        history = self.record.history
        named = {n: values for n, values in history.items() if n.endswith("loss") and values}
        return "  ".join(f"{n} {v[-1]:.4g} {sparkline(v)}" for n, v in named.items())


def _finite(logs: Mapping[str, float]) -> bool:
    return all(map(math.isfinite, logs.values()))
