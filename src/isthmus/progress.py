"""Progress with an ETA, on standard error: bars where a person is watching, else seldom a line."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

T = TypeVar("T")

BLOCKS = "▁▂▃▄▅▆▇█"
SPARKS = 16
"""Blocks of a sparkline, at most."""
SELDOM = 10.0
"""Seconds between lines where standard error is no terminal."""


def sparkline(values: Sequence[float]) -> str:
    """Return how values went on, as a line of blocks; a wide range is drawn logarithmically.

    Examples
    --------
    >>> sparkline([9, 6, 3, 1])
    '█▆▃▁'
    >>> sparkline([5.0, float("nan"), 5.0]), sparkline([])
    ('▁▁', '')
    """
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    if not known:
        return ""
    if min(known) > 0 and max(known) > 20 * min(known):
        known = [math.log(value) for value in known]
    n = min(len(known), SPARKS)
    edges = [len(known) * i // n for i in range(n + 1)]
    means = [sum(known[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    heights = [(mean - low) / span if span > 0 else 0.0 for mean in means]
    return "".join(BLOCKS[min(int(height * len(BLOCKS)), len(BLOCKS) - 1)] for height in heights)


class Bar:
    """A progress bar that can be told words and steps; silent unless shown.

    Parameters
    ----------
    description : str
        What is going on.
    total : int, optional
        How many steps there are.
    show : bool or None
        None shows the bar when standard error is a terminal. Where it is none, and `show` is
        True, a plain line says every ten seconds how far everything is.

    Examples
    --------
    >>> with Bar("counting", 3, show=False) as bar:
    ...     for _ in range(3):
    ...         bar.advance()
    """

    def __init__(self, description: str, total: int | None = None, show: bool | None = None):
        self.description, self.total = description, total
        self.show = sys.stderr.isatty() if show is None else show

    def __enter__(self) -> Bar:
        if self.show:
            if not _open:
                _display.append(_start())
            _open.append(self)
            self._task = _display[0].add_task(self.description, total=self.total, note="")
        return self

    def advance(self, steps: float = 1, note: str = "") -> None:
        """Move on by `steps`, and say `note` behind the bar."""
        if self.show:
            _display[0].update(self._task, advance=steps, note=note)

    def __exit__(self, *exc: object) -> None:
        if self.show:
            _open.remove(self)
            _display[0].remove_task(self._task)
            if not _open:
                _display.pop().stop()


_open: list[Bar] = []  # bars within bars share one display: a terminal has room for one
_display: list[Any] = []


@dataclass
class _Task:
    description: str
    total: float | None
    completed: float = 0
    note: str = ""

    @property
    def words(self) -> str:
        of = f"/{self.total:,.0f}" if self.total else ""
        return f"{self.description} {self.completed:,.0f}{of} {self.note}".rstrip()


class Lines:
    """What a display of bars does, in plain lines: one at once, and then one every ten seconds.

    Parameters
    ----------
    write : callable
        Takes a line.
    clock : callable
        Where the time comes from.

    Examples
    --------
    >>> lines = Lines(print, clock=lambda: 0)
    >>> lines.update(lines.add_task("fit", 5), 2, "loss 0.1")
    isthmus: fit 2/5 loss 0.1
    """

    def __init__(self, write: Callable[[str], Any], clock: Callable[[], float] = time.monotonic):
        self.write, self.clock, self.next = write, clock, -math.inf
        self._tasks: dict[int, _Task] = {}
        self.started = 0

    @property
    def tasks(self) -> list[_Task]:
        """What is going on, the outermost first."""
        return list(self._tasks.values())

    def add_task(self, description: str, total: float | None = None, note: str = "") -> int:
        """Begin something; return what it is called by."""
        self.started += 1
        self._tasks[self.started] = _Task(description, total, note=note)
        return self.started

    def update(self, task: int, advance: float, note: str) -> None:
        """Move on, and say so if nothing was said for a while."""
        known = self._tasks[task]
        known.completed, known.note = known.completed + advance, note
        if self.clock() >= self.next:
            self.next = self.clock() + SELDOM
            self.write("isthmus: " + " | ".join(each.words for each in self.tasks))

    def remove_task(self, task: int) -> None:
        """End something."""
        del self._tasks[task]

    def stop(self) -> None:
        """End everything."""


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _start() -> Any:
    if not sys.stderr.isatty():
        return Lines(_say)
    from rich import progress
    from rich.console import Console

    display = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )
    display.start()
    return display


def track(
    items: Iterable[T], description: str, total: int, show: bool | None = None
) -> Iterator[T]:
    """Yield `items` and move a progress bar."""
    with Bar(description, total, show) as bar:
        for item in items:
            yield item
            bar.advance()
