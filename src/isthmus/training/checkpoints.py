"""The state of an unfinished fit on disk, and what tells that it belongs to the same fit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from isthmus.fitted.tensor_files import first_line, read_tensors, write_tensors
from isthmus.system import schema
from isthmus.tensors import BROKEN
from isthmus.training.sameness import check_same
from isthmus.training.stages import MAIN, Stage

if TYPE_CHECKING:
    from isthmus.training.epochs import Epochs

KEY = "isthmus_checkpoint"
CHECKPOINT_SECONDS = 10.0
"""A checkpoint is written at the end of an epoch, but not more often than this."""

State = dict[str, torch.Tensor]

STAGE: schema.Schema = {
    "history": schema.table(schema.rows(schema.maybe(schema.number))),
    "best": schema.rows(schema.number, 2),
    "seen?": schema.count,
    "totals?": schema.table(schema.number),
    "seconds?": schema.number,
    "log?": schema.maybe(schema.text),
    "step_seconds?": schema.number,
    "held?": schema.count,
}
"""What is said of a stage."""
FIT: schema.Schema = {"fit": schema.table(schema.text), "stages?": schema.table(schema.record)}


class Snapshot(NamedTuple):
    """The state of one stage at one moment.

    Attributes
    ----------
    tensors : dict of str to Tensor
        Weights, the best of them, optimisers, random generators, the order of the images.
    facts : dict
        Its history, and how far it had come.
    """

    tensors: State
    facts: dict[str, Any]

    def group(self, prefix: str) -> State:
        """Return the tensors whose names begin so, without that beginning."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}

    def order_of(self, n: int) -> torch.Tensor | None:
        """Return the order of up to n images, None where it is not told.

        Raises
        ------
        ValueError
            If it is none of so many.
        """
        order = self.tensors.get("order")
        if order is not None and not _is_order(order, n):
            raise ValueError(f"the checkpoint is damaged: it has no order of {n} images")
        return order


class Checkpoint:
    """The file of an unfinished fit: what the fit proper has come to, and the stage it is at.

    Of an earlier stage nothing is left once a later one has begun, but the end of the fit proper
    stays: with more epochs or time than before it goes on from there.

    Parameters
    ----------
    path : str or None
        The file; None keeps nothing.
    settings : dict of str to str
        What the fit that wrote it must have had as well, see `settings_of`.

    Raises
    ------
    ValueError
        If the file is damaged, or belongs to another fit.
    """

    def __init__(self, path: str | None, settings: dict[str, str]):
        self.path, self.settings = path, settings
        self.snapshots = read_checkpoint(path, settings)
        self.recovered = 0.0  # seconds of the fit that goes on
        self._written = time.monotonic()

    @property
    def log_dir(self) -> str | None:
        """The folder of curves that the fit has written to."""
        return next((one.facts.get("log") for one in self.snapshots.values()), None)

    def has_left(self, stage: Stage, later: Iterable[Stage]) -> bool:
        """Return whether a stage is over for good: one of those later had begun."""
        begun = any(one.name in self.snapshots for one in later)
        return begun and stage.name not in self.snapshots

    def offer(self, epochs: Epochs, *, now: bool) -> None:
        """Write the state of a stage whole or not at all: if it must be now, else now and then."""
        recent = time.monotonic() - self._written < CHECKPOINT_SECONDS
        if not self.path or (recent and not now):
            return
        self._written = time.monotonic()
        kept = {MAIN: self.snapshots[MAIN]} if MAIN in self.snapshots else {}
        snapshots = kept | {epochs.stage.name: snapshot_of(epochs)}
        write_checkpoint(self.path, self.settings, snapshots)

    def close(self, name: str, *, went_on: bool) -> None:
        """Hold on to the end of a stage as it was written; what came after it then is void."""
        if went_on:
            self.snapshots = {k: v for k, v in self.snapshots.items() if k == name}
        if self.path and name == MAIN:
            there = read_checkpoint(self.path, self.settings)
            self.snapshots |= {k: v for k, v in there.items() if k == MAIN}


def snapshot_of(epochs: Epochs) -> Snapshot:
    """Return the state of a stage between two of its steps."""
    record, keeper, limits = epochs.record, epochs.keeper, epochs.limits
    tensors = epochs.players.state() | {f"kept/{k}": v for k, v in keeper.kept.items()}
    tensors |= {"rng": epochs.rng.get_state(), "order": epochs.order}
    if record.seen and epochs.start is not None:
        tensors["start"] = epochs.start
    curves = epochs.loop.curves
    facts = {
        "history": record.history,
        "best": [keeper.best_loss, keeper.best_epoch],
        "seen": record.seen,
        "totals": {name: float(total) for name, total in record.totals.items()},
        "seconds": epochs.clock.spent(),
        "log": curves and curves.folder,
        "step_seconds": limits.step_seconds,
        "held": len(epochs.held.rows),
    }
    return Snapshot(tensors, facts)


def _is_order(order: torch.Tensor, n: int) -> bool:
    if order.dtype != torch.int64 or order.ndim != 1 or not 0 < len(order) <= n:
        return False
    return len(order.unique()) == len(order) and 0 <= int(order.min()) <= int(order.max()) < n


def resume(epochs: Epochs, past: Snapshot) -> None:
    """Go on with a stage from a state of it.

    Raises
    ------
    ValueError
        If that does not fit the stage.
    """
    facts, batches = past.facts, len(epochs.train)
    try:
        if len({len(values) for values in facts["history"].values() if values}) > 1:
            raise ValueError("of some epochs not everything is told")
        if facts.get("seen", 0) > batches:
            raise ValueError(f"{facts['seen']} of {batches} batches were seen")
        _resume(epochs, past)
    except BROKEN as error:
        path = epochs.loop.checkpoint.path
        raise ValueError(f"{path} is damaged: {first_line(error)}") from None


def _resume(epochs: Epochs, past: Snapshot) -> None:
    facts, record, keeper = past.facts, epochs.record, epochs.keeper
    epochs.players.resume(past)
    epochs.rng.set_state(past.tensors["rng"])
    epochs.start = past.tensors.get("start")
    keeper.kept = past.group("kept/")
    keeper.best_loss, keeper.best_epoch = facts["best"]
    record.history, record.seen = facts["history"], facts.get("seen", 0)
    record.steps = record.epochs * len(epochs.train) + record.seen
    device = epochs.players.device
    record.totals = {k: torch.tensor(v, device=device) for k, v in facts.get("totals", {}).items()}
    epochs.limits.step_seconds = facts.get("step_seconds", 0.0)
    epochs.held.keep(facts.get("held", len(epochs.held.rows)))
    spent = facts["seconds"] if "seconds" in facts else record.history["seconds"][-1]
    epochs.clock.started -= spent - epochs.loop.checkpoint.recovered
    epochs.loop.checkpoint.recovered = spent


def read_checkpoint(path: str | None, settings: dict[str, str]) -> dict[str, Snapshot]:
    """Return the stages that the checkpoint of a fit with these settings holds, none if it is new.

    Raises
    ------
    ValueError
        If it is damaged, or belongs to another fit.
    """
    if not path or not Path(path).exists():
        return {}
    tensors, facts = read_tensors(path, KEY)
    try:
        schema.checked(facts, FIT)
        stages = facts.get("stages") or {MAIN: facts}  # the whole file was of one, before
        for of_stage in stages.values():
            schema.checked(of_stage, STAGE)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    check_same(path, facts["fit"], settings)
    whole = Snapshot(tensors, {})
    return {
        name: Snapshot(whole.group(f"{name}/") if "stages" in facts else tensors, of_stage)
        for name, of_stage in stages.items()
    }


def write_checkpoint(
    path: str, settings: dict[str, str], snapshots: Mapping[str, Snapshot]
) -> None:
    """Write the states of stages, by their names."""
    tensors = {
        f"{name}/{k}": value.contiguous()
        for name, snapshot in snapshots.items()
        for k, value in snapshot.tensors.items()
    }
    stages = {name: snapshot.facts for name, snapshot in snapshots.items()}
    write_tensors(path, tensors, KEY, {"fit": settings, "stages": stages})


def state_of(optimizers: Mapping[str, torch.optim.Optimizer]) -> State:
    """Return what the optimisers of players keep, named by player, weight and kind."""
    return {
        f"{player}/{index}/{kind}": value
        for player, optimizer in optimizers.items()
        for index, state in optimizer.state_dict()["state"].items()
        for kind, value in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: State) -> None:
    """Give an optimiser the state whose tensors are named by weight and kind, as "3/exp_avg"."""
    state: dict[int, State] = {}
    for name, value in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    weights: list[torch.Tensor] = [w for g in optimizer.param_groups for w in g["params"]]
    for place, values in state.items():  # laid out as the weights are: the fused step asks so
        for key, value in values.items():
            if value.shape == weights[place].shape:
                values[key] = torch.empty_like(weights[place]).copy_(value)
    optimizer.load_state_dict({"state": state, "param_groups": groups})
