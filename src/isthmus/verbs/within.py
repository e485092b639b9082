"""The time that a verb may take: what is done in it is kept, and it is said what is not."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from isthmus.data.images import Images, evenly_spaced

T = TypeVar("T")

FEW = 16
"""Images that are timed to tell how many there is time for."""
FEWEST = 2
"""Images that are looked at, however little time there is."""
SHARE = 0.8
"""Share of the time left that the images may take: other things come after them."""


class Limit:
    """A budget of time that begins now.

    Parameters
    ----------
    seconds : float or None
        None is no limit.
    clock : callable
        Where the time comes from.

    Raises
    ------
    ValueError
        If it is not above 0.

    Examples
    --------
    >>> list(Limit(None).until(["knn", "svm"]))
    ['knn', 'svm']
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic):
        if seconds is not None and not seconds > 0:
            raise ValueError(f"budget={seconds:g} must be greater than 0")
        self.seconds, self.clock, self.began = seconds, clock, clock()

    def is_over(self, ahead: float = 0.0) -> bool:
        """Return whether the time is spent, or will be in so many seconds."""
        return self.seconds is not None and self.clock() - self.began + ahead >= self.seconds

    def until(
        self, items: Iterable[T], what: str = "of them", *, least: int = 1, total: int = 0
    ) -> Iterator[T]:
        """Yield items until the time is spent, `least` in any case; say how many of `what`.

        Nothing is said where they are all of a `total` that is known.
        """
        left, n = iter(items), 0
        while n < least or not self.is_over():  # before an item is made: that may be the work
            try:
                item = next(left)
            except StopIteration:
                return
            n += 1
            yield item
        if n != total:
            self.tell(f"it was over after {n:,} {f'of {total:,} ' if total else ''}{what}")

    def rows(self, images: Images, work: Callable[[Images], Any]) -> np.ndarray | None:
        """Return evenly spaced rows of images that there is time to work on; None for all."""
        if self.seconds is None or len(images) <= FEW:
            return None
        most = int(self.most(lambda n: work(images.evenly(n)), FEW))
        if most >= len(images):
            return None
        rows = evenly_spaced(len(images), max(FEWEST, most))
        self.tell(f"there is time for {len(rows):,} of {len(images):,} images, evenly spaced")
        return rows

    def most(self, work: Callable[[int], Any], few: int) -> float:
        """Return how much there is time for, by how long `work` takes with a `few` of it."""
        if self.seconds is None:
            return math.inf
        work(min(FEWEST, few))  # the first waits for what is only done once
        began = self.clock()
        work(few)
        left = self.seconds - (self.clock() - self.began)
        return max(0.0, SHARE * left * few / max(self.clock() - began, 1e-9))

    def tell(self, words: str) -> None:
        """Warn of what a budget leaves out."""
        warnings.warn(f"budget={self.seconds:g} s: {words}", UserWarning, stacklevel=3)
