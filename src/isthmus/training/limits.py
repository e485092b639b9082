"""When a stage of a fit is over."""

from __future__ import annotations

from isthmus.training.budget import Clock
from isthmus.training.stages import GOING, Stage

VALIDATING = 0.05
"""Share of a time limit that one pass over the held-out images may take."""
CLOSING = 0.05
"""Share of a time limit that is kept for what a family measures after its fit."""


class Limits:
    """What ends a stage: its epochs, its steps, its time, or that nothing improves any more.

    Parameters
    ----------
    stage : Stage
        How long it may take.
    clock : Clock
        Of the whole fit.
    max_seconds : float or None
        Time for the whole fit, of which the stage has its share.
    n_batches : int
        Steps in an epoch.

    Attributes
    ----------
    stopped : str
        Why the stage ended.
    step_seconds, validation_seconds : float
        What a step takes, and a pass over the held-out images; 0 while that is not known.
    """

    def __init__(self, stage: Stage, clock: Clock, max_seconds: float | None, n_batches: int):
        self.clock, self.seconds = clock, (max_seconds or 0) * stage.until
        self.epochs, self.max_steps, self.patience = (
            stage.passes(n_batches), stage.max_steps, stage.patience,
        )  # fmt: skip
        steps = self.epochs * n_batches
        self.all_steps = steps if self.max_steps is None else min(steps, self.max_steps)
        self.stopped = GOING
        self.step_seconds = self.validation_seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Whether something other than the number of epochs has ended the stage."""
        return self.stopped != GOING

    def allow_epoch(self, done: int, steps: int, unimproved: int) -> bool:
        """Return whether another epoch may begin, after so many, the last ones for nothing."""
        if self.patience is not None and unimproved >= self.patience:
            self.stopped = "no improvement"
        return done < self.epochs and not (self.is_over or (done and self.reached(steps)))

    def reached(self, steps: int) -> bool:
        """Return whether steps or time are used up, and note which."""
        if self.max_steps is not None and steps >= self.max_steps:
            self.stopped = "all steps done"
        elif self.seconds and self._left() < self.step_seconds / 2:
            self.stopped = "out of time"
        return self.stopped != GOING

    def _left(self) -> float:
        """Return the seconds that are left for steps: some are for what comes after them."""
        return (1 - CLOSING) * self.seconds - self.validation_seconds - self.clock.spent()

    def took(self, seconds: float, steps: int) -> bool:
        """Note how long steps took; return whether these are the first of a limited time."""
        first, self.step_seconds = not self.step_seconds, seconds / steps
        return bool(self.seconds) and first

    def affordable(self, batch: int, n_held: int) -> int:
        """Return how many held-out images there is time to look at after every epoch."""
        each = self.step_seconds / batch / 2
        most = max(2, int(VALIDATING * self.seconds / max(each, 1e-9)))
        self.validation_seconds = each * min(most, n_held)
        return most

    def expected(self, steps: int) -> int:
        """Return how many steps there will be, after so many: fewer where time is to end them."""
        return round(steps / max(self.share_done(steps), 1e-9)) if steps else self.all_steps

    def share_done(self, steps: int) -> float:
        """Return how far the stage has come after so many steps, by these or by its time."""
        done = steps / self.all_steps
        if self.seconds:
            done = max(done, self.clock.spent() / self.seconds)
        return min(1.0, done)
