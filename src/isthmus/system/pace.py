"""How busy a machine is: the seconds that pass while a second of work is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

BEGAN = time.monotonic()
COUNTED = Path("/proc/thread-self/schedstat")
"""Where Linux says how many nanoseconds this thread has worked, and has waited for a core."""
PRIOR = 0.8
"""Seconds of work that a first guess counts for."""
HALF = 10.0
"""Seconds after which what was seen of the load counts for half."""
BUSIEST = 20.0
"""Seconds that pass in one of work, at most."""


def on_core() -> tuple[float, float]:
    """Return the seconds that this thread has worked, and those that it has waited for a core.

    Where the system does not count them, it has waited whenever it has not worked.
    """
    try:
        worked, waited, _ = map(int, COUNTED.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        worked = time.thread_time_ns()
        waited = int(max(0.0, time.monotonic() - BEGAN) * 1e9) - worked
    return worked / 1e9, max(0, waited) / 1e9


def loaded(worked: float, waited: float, enough: float = 0.1) -> float:
    """Return how many seconds pass in one of work; 1 where there was too little to say.

    Examples
    --------
    >>> loaded(2.0, 4.0), loaded(0.01, 0.09)
    (3.0, 1.0)
    """
    return min(BUSIEST, 1 + waited / worked) if worked >= enough else 1.0


class Pace:
    """Seconds that pass while a machine does what a plan took for a second of work.

    It is the load of the machine lately, seconds that pass in one of work, times how slow it is,
    seconds of work in one of the plan's.

    Parameters
    ----------
    load : float
        A first guess.
    clock, worked : callable
        Time that passes, and that this thread works.

    Examples
    --------
    >>> now, worked = [0.0], [0.0]
    >>> pace = Pace(1.0, lambda: now[0], lambda: worked[0])
    >>> now[0], worked[0] = 60.0, 15.0
    >>> pace.look()
    15.0
    >>> pace.compare(15.0, 7.5)
    >>> round(pace.load, 1), round(pace.slowness, 1), round(pace.now, 1)
    (4.0, 1.5, 6.0)
    """

    def __init__(
        self,
        load: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ):
        self.clock, self.worked = clock, worked
        self._passed, self._work = load * PRIOR, PRIOR
        self._times = [1.0]  # as long as was thought, of everything so far
        self._last = clock(), worked()

    def look(self) -> float:
        """Take in what has passed since the last look; return the seconds of work in it."""
        now = self.clock(), self.worked()
        passed, work = (new - old for new, old in zip(now, self._last, strict=True))
        kept = 0.5 ** (passed / HALF)
        self._passed, self._work = kept * self._passed + passed, kept * self._work + work
        self._last = now
        return work

    def compare(self, took: float, thought: float) -> None:
        """Take in that something took so many seconds of work, where so many were thought of.

        What counts is the median: one thing that takes far longer says nothing of others.
        """
        self._times.append(took / thought)

    @property
    def load(self) -> float:
        """Seconds that pass in one of work."""
        return min(BUSIEST, max(1.0, self._passed / max(self._work, 1e-9)))

    @property
    def slowness(self) -> float:
        """Seconds of work in one of the plan's."""
        return max(0.5, median(self._times))

    @property
    def now(self) -> float:
        """Seconds that pass in one of the plan's."""
        return self.load * self.slowness
