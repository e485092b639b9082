"""The only gradient loop: a fit is made of stages, a stage of epochs, an epoch of steps.

Models say what their players lose, the loop does the rest. A family writes ``losses(x, rng)``,
which yields ``(player, loss, logs)``: once for an autoencoder, twice for a GAN. After every yield
the loop asks the loss for its gradients and steps that player's optimiser, then asks for the next.
Where the gradients are in the weights already (see `isthmus.nets.fused`), a family yields
``Fused(player, loss, logs)``; any other loss without gradients is an error. A model with
``_targets(images)`` is given those of a batch as well: ``losses(x, rng, t)``. Before every step
its ``_done`` is the share of the stage that is over, and ``_step`` the steps taken.

What comes before the fit proper, or after it, is a stage of its own: a family that has any writes
``_stages(images)``, which returns them all.

`Loop` runs the stages, `Epochs` the epochs of one, and `Players` take the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from isthmus.data.images import Images
from isthmus.training.callbacks import Callbacks
from isthmus.training.checkpoints import Checkpoint
from isthmus.training.curves import Curves
from isthmus.training.epochs import Epochs
from isthmus.training.sameness import settings_of
from isthmus.training.stages import CUT_SHORT, Record, Stage

if TYPE_CHECKING:
    from isthmus.neural import NeuralRepresentation


class Loop:
    """One fit: its stages one after another, with one clock and one checkpoint.

    Parameters
    ----------
    model : NeuralRepresentation
        Built and initialised; its parameters say how to train.
    images : Images
        Training images; a share of them is held out to choose by.
    rng : torch.Generator
        Source of every random number of the fit.
    validation : Images, optional
        To choose by these instead; then all of `images` are learnt from.

    Attributes
    ----------
    records : dict of str to Record
        What every stage has left, by its name.
    """

    def __init__(
        self,
        model: NeuralRepresentation,
        images: Images,
        rng: torch.Generator,
        validation: Images | None = None,
    ):
        self.model, self.images, self.rng, self.validation = model, images, rng, validation
        settings = settings_of(model, images, validation) if model.checkpoint else {}
        self.checkpoint = Checkpoint(model.checkpoint, settings)
        self.callbacks = Callbacks(model)
        self.records: dict[str, Record] = {}
        self.curves: Curves | None = None
        if model.log_dir:
            name = type(model).__name__.lower()
            self.curves = Curves(model.log_dir, name, self.checkpoint.log_dir)

    def run(self) -> None:
        """Run all stages; leave the best (or last) weights in the networks."""
        try:
            for stage in self._stages():
                asked = self._asked_to_stop()
                record = Epochs(self, _cut_short(stage) if asked else stage).run()
                record.stopped = asked or record.stopped
                self.records[stage.name] = record
        finally:
            if self.curves:
                self.curves.close()

    def _stages(self) -> Iterator[Stage]:
        """Yield what is still to be run, and has time."""
        stages = self.model._stages(self.images)
        for i, stage in enumerate(stages):
            too_late = stage.optional and self.model._clock.is_over(self.model.max_seconds)
            if not (too_late or self.checkpoint.has_left(stage, stages[i + 1 :])):
                yield stage

    def _asked_to_stop(self) -> str:
        """Return who has asked an earlier stage to stop, if anybody has."""
        reasons = (record.stopped for record in self.records.values())
        return next((reason for reason in reasons if reason in CUT_SHORT), "")


def _cut_short(stage: Stage) -> Stage:
    """Return a stage of an epoch at most: whoever asks to stop will not wait for long."""
    return stage if stage.epochs == 0 else replace(stage, epochs=1)
