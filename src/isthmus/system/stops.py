"""Ctrl-C and SIGTERM: what goes on to its end, what was written, and how a command ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class Terminated(KeyboardInterrupt):
    """The system asked this process to end (SIGTERM): work stops as by Ctrl-C."""


class Stops:
    """What is known of a command that was stopped.

    Parameters
    ----------
    when : str
        Where it stopped, as "after epoch 12"; empty if the work did not go on to keep what it had.
    code : int
        Exit code: 130 after Ctrl-C, 143 after SIGTERM, 0 if nothing was stopped.
    came : bool
        Whether there was a signal, whatever became of it: libraries make other errors of it.
    written : list of Path
        What was written for the user.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was: another command begins."""
        self.when, self.code, self.came = "", 0, False
        self.written: list[Path] = []

    def by(self, error: KeyboardInterrupt, when: str = "") -> None:
        """Note that the work was stopped, first of all where."""
        self.code = self.code or (143 if isinstance(error, Terminated) else 130)
        self.when = self.when or when

    def in_words(self) -> str:
        """Return the line that a command ends with.

        Examples
        --------
        >>> stops = Stops()
        >>> stops.by(KeyboardInterrupt(), "after epoch 12")
        >>> stops.in_words()
        'interrupted after epoch 12; nothing written'
        >>> stops.written.append(Path("vae.safetensors"))
        >>> stops.in_words()
        'interrupted after epoch 12; what there is so far is in vae.safetensors'
        """
        what = "interrupted" if self.code == 130 else "terminated"
        places = " and ".join(map(str, dict.fromkeys(self.written)))
        rest = f"what there is so far is in {places}" if places else "nothing written"
        return f"{what}{f' {self.when}' * bool(self.when)}; {rest}"


STOPS = Stops()
"""Of the command that this process is."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end the work in the block as Ctrl-C does, and take note of both."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return

    def end(number: int, frame: FrameType | None) -> None:
        STOPS.came = True
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        stop = Terminated()
        STOPS.by(stop)
        raise stop

    ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)
    numbers = [signal.SIGTERM, *([] if ignored else [signal.SIGINT])]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def in_one_go() -> Iterator[None]:
    """Let what is in the block come to its end: a signal is heeded after it, a second one at once.

    Examples
    --------
    >>> done = []
    >>> try:
    ...     with in_one_go():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done.append("written")
    ... except KeyboardInterrupt:
    ...     done.append("interrupted")
    >>> done
    ['written', 'interrupted']
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = signal.SIGINT, signal.SIGTERM
    handlers = {number: signal.getsignal(number) for number in numbers}
    before = {number: each for number, each in handlers.items() if callable(each)}
    came: list[int] = []  # what is ignored, or ends the process, stays so

    def usual() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        usual()

    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        usual()
        if came:
            signal.raise_signal(came[0])
