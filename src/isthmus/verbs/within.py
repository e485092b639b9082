"""The time that a verb may take: what is done in it is kept, and it is said what is not."""

from __future__ import annotations

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

    def is_over(self) -> bool:
        """Return whether the time is spent."""
        return self.seconds is not None and self.clock() - self.began >= self.seconds

    def until(self, items: Iterable[T], what: str = "of them") -> Iterator[T]:
        """Yield items until the time is spent, one at least; say then how many of `what`."""
        for n, item in enumerate(items, 1):
            yield item
            if self.is_over():
                self.tell(f"it was over after {n:,} {what}")
                return

    def rows(self, images: Images, work: Callable[[Images], Any]) -> np.ndarray | None:
        """Return evenly spaced rows of images that there is time to work on; None for all."""
        if self.seconds is None or len(images) <= FEW:
            return None
        few = images.evenly(FEW)
        work(few[:FEWEST])  # the first waits for what is only done once
        began = self.clock()
        work(few)
        left = self.seconds - (self.clock() - self.began)
        most = int(SHARE * left * FEW / max(self.clock() - began, 1e-9))
        if most >= len(images):
            return None
        rows = evenly_spaced(len(images), max(FEWEST, most))
        self.tell(f"there is time for {len(rows):,} of {len(images):,} images, evenly spaced")
        return rows

    def tell(self, words: str) -> None:
        """Warn of what a budget leaves out."""
        warnings.warn(f"budget={self.seconds:g} s: {words}", UserWarning, stacklevel=3)
