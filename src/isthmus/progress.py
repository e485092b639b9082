"""Progress bars with an ETA, on standard error, only where a person is watching."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class Bar:
    """A progress bar that can be told words and steps; silent unless shown.

    Parameters
    ----------
    description : str
        What is going on.
    total : int, optional
        How many steps there are.
    show : bool or None
        None shows the bar when standard error is a terminal.

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


def _start() -> Any:
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
