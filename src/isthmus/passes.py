"""What families share that go over the images until these settle, or their time is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from isthmus.base import Representation
from isthmus.system.progress import track
from isthmus.training.budget import Clock


@dataclass(kw_only=True, eq=False, repr=False)
class InPasses(Representation):
    """Base of families that improve pass by pass.

    Parameters
    ----------
    max_seconds : float or None
        Stop when this many seconds, more than 0, are spent, from the call of `fit` to its end; at
        least one pass is made, and what is found so far is kept.

    Attributes
    ----------
    n_iter_ : int
        Passes that were made.
    stopped_ : str
        Why there were no more: "settled", "all passes done" or "out of time".
    """

    max_seconds: float | None = None

    _clock = Clock()
    _kept = 0.0  # seconds, for what comes after the passes
    _at_least: ClassVar[dict[str, float]] = {"max_iter": 1}  # parameters, and what they may be
    _closing = 1.0  # as many passes take as long as what comes after them

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from images; see `Representation.fit`. The time of `max_seconds` starts here."""
        self._clock, self._kept = Clock(), 0.0
        return super().fit(X, y)

    def _check_parameters(self) -> None:
        for name, least in self._at_least.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"{name}={getattr(self, name)} must be at least {least}")
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise ValueError(f"max_seconds={self.max_seconds} must be greater than 0")

    def _passes(self, most: int) -> Iterator[int]:
        """Yield 0, 1, ... for so many passes, while there is time for another; note how it ends.

        Time for what comes after is kept: some passes as long as the longest.
        """
        self.stopped_, self.n_iter_, self._kept = "settled", 0, 0.0
        for i in track(range(most), type(self).__name__, most, self.verbose):
            self.n_iter_, began = i + 1, time.monotonic()
            yield i
            self._clock.step = time.monotonic() - began
            self._kept = max(self._kept, self._closing * self._clock.step)
            if self.max_seconds and self._clock.is_over(self.max_seconds - self._kept):
                self.stopped_ = "out of time"
                return
        self.stopped_ = "all passes done"

    def _time_used(self) -> float:
        """Return the share of the time for passes that is over, 0 where there is no limit."""
        spent = self._clock.spent() + self._kept
        return min(1.0, spent / self.max_seconds) if self.max_seconds else 0.0

    def _limit(self) -> str:
        """Return which parameter ended the passes."""
        return "max_seconds" if self.stopped_ == "out of time" else "max_iter"

    def _unsettled(self, state: str = "") -> list[str]:
        """Return what to try where the passes ended before anything had settled."""
        if self.stopped_ == "settled":
            return []
        limit = f"{self._limit()}={getattr(self, self._limit())}"
        return [f"not settled after {self.n_iter_} passes ({limit}){state}: raise {self._limit()}"]
