"""What drawn images are compared with: real ones, in a network's features and in pixels."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from isthmus.data.images import Images
from isthmus.metrics.copies import PRODUCTS, Copies, Nearest, copies, nearest_of
from isthmus.metrics.features import Features
from isthmus.metrics.generation import WIDTH, frechet_estimate, projection_of
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.kernel import kernel_estimate
from isthmus.metrics.prdc import estimates

LIKE_REAL = ("frechet", "kid", "precision", "recall", "density", "coverage")
"""Scores of two sets of vectors, in the order of tables."""
MOST = 1000
"""Real images that drawn ones are compared with, at most, and as many others beside them."""
FEWEST = 40
"""Held-out images below which there is nothing to compare with."""
FEW = 500
"""Real images below which a distance of Gaussians is much too large."""


_LAST: weakref.WeakKeyDictionary[Images, tuple[Any, Ground]] = weakref.WeakKeyDictionary()


def last_asked(images: Images, asked: Any, make: Callable[[], Ground]) -> Ground:
    """Return what was made for the same images and question last, as long as they are there."""
    if images not in _LAST or _LAST[images][0] != asked:
        _LAST[images] = asked, make()
    return _LAST[images][1]


class Ground:
    """Real images that drawn ones are compared with, and other real ones to compare these with.

    Of held-out images every other one is what drawn ones are compared with, as many as there are
    drawn; the rest are another draw of real images, and what they score is what is left to chance.

    Parameters
    ----------
    train : Images
        All images that were trained on: copies are looked for among them.
    held : Images
        Held-out images, at least 40.
    seen : Features or None
        What to compare images by beside their pixels; None of images without rows and columns.
    most : int
        Images of either kind that are compared, at most.
    products : float
        Multiplications that looking for copies may take.
    seed : int
        Of the parts that intervals come from.
    """

    def __init__(
        self,
        train: Images,
        held: Images,
        seen: Features | None,
        most: int = MOST,
        products: float = PRODUCTS,
        seed: int = 0,
    ) -> None:
        if len(held) < FEWEST:
            raise ValueError(
                f"{len(held)} held-out images are too few to say how real drawn ones are: give "
                f"at least {FEWEST}"
            )
        both = held.evenly(2 * most)
        count = len(both) // 2
        self.train, self.held, self.seen = train, held, seen
        self.real, self.another = both[::2][:count], both[1::2][:count]
        self.products, self.seed = products, seed

    @property
    def count(self) -> int:
        """How many images are compared with as many."""
        return len(self.real)

    @cached_property
    def spaces(self) -> dict[str, Callable[[Any], np.ndarray]]:
        """What images are compared in: a network's features, if there is one, and pixels."""
        pixels = projection_of(self.real, min(WIDTH, max(1, self.count // 4)))
        return (
            {"pixels": pixels}
            if self.seen is None
            else {"features": self.seen.of, "pixels": pixels}
        )

    @cached_property
    def _vectors(self) -> dict[str, np.ndarray]:
        return {name: of(self.real) for name, of in self.spaces.items()}

    def like_real(self, drawn: Any, space: str) -> dict[str, Estimate]:
        """Return how alike drawn and real images are in a space, by the names of `LIKE_REAL`."""
        one, two = self._vectors[space], self.spaces[space](drawn[: self.count])
        return {
            "frechet": frechet_estimate(one, two, self.seed),
            "kid": kernel_estimate(one, two, self.seed),
            **estimates(one, two, self.seed),
        }

    @cached_property
    def by_chance(self) -> dict[str, dict[str, Estimate]]:
        """What another draw of real images scores, in every space."""
        return {space: self.like_real(self.another, space) for space in self.spaces}

    @cached_property
    def nearest(self) -> Nearest:
        """The nearest training images of held-out ones."""
        return nearest_of(self.held, self.train, self.products)

    def copies(self, drawn: Any) -> Copies:
        """Return whether drawn images are copies of training images."""
        return copies(self.train, drawn, self.nearest, self.products)

    @property
    def doubts(self) -> list[str]:
        """Return what to bear in mind of these scores, in sentences."""
        if self.count >= FEW:
            return []
        return [
            f"Only {self.count} real images are compared with: intervals are wide, and the "
            "Frechet distance is too large, for another draw of real images as well."
        ]
