"""Memory that threads share: each takes what it needs of it, or waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from isthmus.system.memory import trim


class Shares:
    """So many bytes, for all threads together.

    What needs more than there is waits until nobody else has any, and goes on then. What had a
    quarter or more goes back to the system first: C libraries keep what each thread has freed.

    Parameters
    ----------
    most : int
        Bytes that are handed out at once.

    Examples
    --------
    >>> shares = Shares(100)
    >>> with shares.of(70):
    ...     shares.taken
    70
    >>> with shares.of(1000):
    ...     shares.taken
    100
    """

    def __init__(self, most: int):
        self.most, self.taken, self.freed = most, 0, Condition()

    @contextmanager
    def of(self, n: int) -> Iterator[None]:
        """Hold n bytes during the block, or all there are."""
        n = min(n, self.most)
        with self.freed:
            self.freed.wait_for(lambda: self.taken + n <= self.most)
            self.taken += n
        try:
            yield
        finally:
            if 4 * n >= self.most:
                trim()
            with self.freed:
                self.taken -= n
                self.freed.notify_all()
