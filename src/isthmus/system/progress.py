"""Progress with an ETA: bars of `tqdm.auto` where a person is watching, else seldom a line."""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

T = TypeVar("T")

BLOCKS = "▁▂▃▄▅▆▇█"
SPARKS = 16
"""Blocks of a sparkline, at most."""
SELDOM = 10.0
"""Seconds between lines where standard error is no terminal, and before the first of them."""
COUNTED = "{desc} {bar} {n:,.0f}/{total:,.0f} in {elapsed}, left {remaining}{postfix}"
UNCOUNTED = "{desc} {n:,.0f} in {elapsed}{postfix}"
"""What a bar looks like, with a total and without."""
SHOWN: ContextVar[bool | None] = ContextVar("shown", default=None)
"""Whether bars are shown that nobody decides about; None where somebody watches."""
LOG = logging.getLogger("isthmus")
"""Where a fit says how it goes on, a line an epoch; silent until it is given a handler."""


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


def is_watched() -> bool:
    """Return whether somebody watches: standard error is a terminal, or this is a notebook."""
    return sys.stderr.isatty() or _in_notebook()


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())


def is_shown() -> bool:
    """Return whether bars are shown that nobody decides about."""
    asked = SHOWN.get()
    return is_watched() if asked is None else asked


class Bar:
    """A progress bar that can be told words and steps; silent unless shown.

    It is one of `tqdm.auto`: in a terminal with an ETA, in a notebook a widget. Where there is
    neither, a plain line says every ten seconds how far everything is.

    Parameters
    ----------
    description : str
        What is going on.
    total : int, optional
        How many steps there are.
    show : bool or None
        None shows the bar in a terminal and in a notebook, and as a command is told to.

    Examples
    --------
    >>> with Bar("counting", 3, show=False) as bar:
    ...     for _ in range(3):
    ...         bar.advance()
    """

    def __init__(self, description: str, total: int | None = None, show: bool | None = None):
        self.description, self.total = description, total
        self.show = is_shown() if show is None else show
        self._drawn: Any = None

    def __enter__(self) -> Bar:
        if self.show:
            begin = _bar if is_watched() else _lines().begin
            self._drawn = begin(self.description, self.total)
        return self

    def advance(self, steps: float = 1, note: str = "", total: float | None = None) -> None:
        """Move on by `steps`, of a `total` that may change, and say `note` behind the bar."""
        if self._drawn is not None:
            self._drawn.total = total or self._drawn.total
            self._drawn.set_postfix_str(note, refresh=False)
            self._drawn.update(steps)

    def __exit__(self, *exc: object) -> None:
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None


@cache
def _tqdm() -> Any:
    """Return the bars of tqdm that suit where this runs, without a thread that watches them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a notebook without ipywidgets has bars of text
        from tqdm.auto import tqdm

    return type("Bars", (tqdm,), {"monitor_interval": 0})


def _bar(description: str, total: float | None) -> Any:
    look = COUNTED if total else UNCOUNTED
    options = {"bar_format": look, "leave": False, "dynamic_ncols": True, "miniters": 0}
    return _tqdm()(desc=description, total=total, file=sys.stderr, **options)


def say(line: str) -> None:
    """Write a line to standard error, above the bars where there are any."""
    if "tqdm" in sys.modules and is_watched():
        _tqdm().write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr, flush=True)


class Lines:
    """What bars say where nobody watches: a plain line every ten seconds, of all of them.

    Parameters
    ----------
    write : callable
        Takes a line.
    clock : callable
        Where the time comes from.

    Examples
    --------
    >>> seconds = iter([0, 0, 12, 12])
    >>> fit = Lines(print, clock=lambda: next(seconds)).begin("fit", 6)
    >>> fit.set_postfix_str("loss 0.1")
    >>> fit.update(2)
    isthmus: fit 2/6, about 24 s left, loss 0.1
    """

    def __init__(self, write: Callable[[str], Any], clock: Callable[[], float] = time.monotonic):
        self.write, self.clock = write, clock
        self.next = clock() + SELDOM
        self.tasks: list[Task] = []

    def begin(self, description: str, total: float | None = None) -> Task:
        """Begin something within what is going on already."""
        self.tasks.append(Task(self, description, total, self.clock()))
        return self.tasks[-1]

    def look(self) -> None:
        """Say how far everything is, if nothing was said for a while."""
        now = self.clock()
        if now >= self.next:
            self.next = now + SELDOM
            self.write("isthmus: " + " | ".join(each.words(now) for each in self.tasks))


@dataclass(eq=False)
class Task:
    """Something that goes on, told of in lines; it has what is asked of a bar of tqdm."""

    lines: Lines
    description: str
    total: float | None
    began: float
    n: float = 0
    note: str = ""

    def set_postfix_str(self, note: str, refresh: bool = False) -> None:
        """Take words that go behind."""
        self.note = note

    def update(self, steps: float) -> None:
        """Move on."""
        self.n += steps
        self.lines.look()

    def close(self) -> None:
        """End it."""
        self.lines.tasks.remove(self)

    def words(self, now: float) -> str:
        """Return how far it is, and how long it will take."""
        of = f"/{self.total:,.0f}" if self.total else ""
        left = (now - self.began) * ((self.total or 0) / self.n - 1) if self.n else 0.0
        rest = f"about {left:,.0f} s left" if left > 0 else ""
        return ", ".join(filter(None, (f"{self.description} {self.n:,.0f}{of}", rest, self.note)))


@cache
def _lines() -> Lines:
    """Return the lines of this process: bars within bars share them."""
    return Lines(lambda line: print(line, file=sys.stderr, flush=True))


def begin() -> None:
    """Count the seconds to the next line from now: a command begins."""
    _lines.cache_clear()


class Above(logging.Handler):
    """Writes what is logged to standard error, above the bars."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        say(f"isthmus: {record.getMessage()}")


@contextmanager
def logged(level: int = logging.INFO) -> Iterator[None]:
    """Write what isthmus logs to standard error for a while.

    Examples
    --------
    >>> with logged():
    ...     LOG.isEnabledFor(logging.INFO)
    True
    """
    handler, before = Above(), LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(level)
    try:
        yield
    finally:
        LOG.setLevel(before)
        LOG.removeHandler(handler)


def track(
    items: Iterable[T], description: str, total: int, show: bool | None = None
) -> Iterator[T]:
    """Yield `items` and move a progress bar."""
    with Bar(description, total, show) as bar:
        for item in items:
            yield item
            bar.advance()
