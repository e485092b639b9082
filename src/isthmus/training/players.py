"""What learns in a stage of a fit: networks, an optimiser for every player, and their steps."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from isthmus.training.batches import Batch
from isthmus.training.checkpoints import Snapshot, State, restore_optimizer, state_of
from isthmus.training.optimizers import Rates, optimizer
from isthmus.training.stages import Fused, Record, Stage

if TYPE_CHECKING:
    from isthmus.neural import NeuralRepresentation


class Players:
    """The networks of a stage's players, and the steps they take.

    Parameters
    ----------
    model : NeuralRepresentation
        Whose networks they are.
    stage : Stage
        Who the players are, what they lose, and how they are trained.
    rng : Generator
        Source of what the losses draw.
    """

    def __init__(self, model: NeuralRepresentation, stage: Stage, rng: torch.Generator):
        self.model, self.losses, self.rng = model, stage.losses, rng
        self.device = model.device_
        self.nets = nn.ModuleDict({k: nn.ModuleList(nets) for k, nets in stage.players.items()})
        self.weights = list(self.nets.parameters())
        self._of = {player: list(net.parameters()) for player, net in self.nets.items()}
        self.optimizers = {
            player: optimizer(
                stage.optimizer, net.parameters(), stage.learning_rate, self.device.type
            )
            for player, net in self.nets.items()
        }
        self.rates = Rates(self.optimizers.values(), stage.schedule)

    def step(self, batch: Batch, record: Record) -> None:
        """Let every player take a step on a batch, or as many as the losses say."""
        x, *targets = batch
        for step in self.losses(x, self.rng, *targets):
            player, loss, logs = step
            if isinstance(step, Fused):
                self._check(step, any(w.grad is not None for w in self._of.get(player, ())))
            else:
                self._check(step, getattr(loss, "requires_grad", False))
                loss.backward()
            self.optimizers[player].step()
            self.forget_gradients()
            record.add(logs)

    def _check(self, step: tuple[str, Any, Any], has_gradient: bool) -> None:
        """Refuse a step that would move nothing, or that nobody takes."""
        if has_gradient and step[0] in self.optimizers:
            return
        what, players = f"{type(self.model).__name__}: a loss of", ", ".join(self.optimizers)
        if step[0] not in self.optimizers:
            raise ValueError(f"{what} {step[0]!r}, but the players are {players}")
        if isinstance(step, Fused):
            raise ValueError(
                f"{what} {step[0]!r} is Fused, but there is no gradient in the weights of that "
                "player: leave it in weight.grad, or yield (player, loss, logs) for the loop to"
            )
        raise ValueError(
            f"{what} {step[0]!r} has no gradient: make it of that player's weights, without "
            "detach() or no_grad(); where their gradients are in the weights already, yield "
            "isthmus.training.Fused(player, loss, logs)"
        )

    def forget_gradients(self) -> None:
        """Leave no gradient in any weight."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def mean_losses(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the mean values of the first player over images that nobody learns from."""
        self.nets.eval()
        self.model._done = 1.0
        # the same noise every epoch, and none of it from the generator of the fit
        rng, count = torch.Generator(self.device).manual_seed(0), 0
        totals: dict[str, float] = {}
        for x, *targets in batches:
            count += len(x)
            with self.autocast():
                _, loss, logs = next(iter(self.losses(x, rng, *targets)))
            for name, value in ({**logs, "loss": loss}).items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(x)
        self.nets.train()
        return {f"val_{name}": total / count for name, total in totals.items()}

    def autocast(self) -> AbstractContextManager[Any]:
        """Return what makes the networks compute in the precision of the fit."""
        if self.model._precision(self.device) == "bfloat16":
            # without its cache, which would hand the second step the weights of the first
            return torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False)
        return nullcontext()

    def state(self) -> State:
        """Return everything that a later fit has to know of them."""
        nets = {f"net/{k}": v for k, v in self.nets.state_dict().items()}
        return nets | {f"opt/{k}": v for k, v in state_of(self.optimizers).items()}

    def resume(self, past: Snapshot) -> None:
        """Go on from what `state` has returned once."""
        self.nets.load_state_dict(past.group("net/"))
        for player, one in self.optimizers.items():
            restore_optimizer(one, past.group(f"opt/{player}/"))
