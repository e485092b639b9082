"""Scores of images as an array that knows figures of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from isthmus.verbs.parameters import ArrayLike


class Scores(np.ndarray):
    """A score of every image, and by their names figures of all: an array, and a mapping.

    What is cut out of it or computed from it is a plain array.

    Examples
    --------
    >>> scores = Scores.of([0.5, 2.0], {"auroc": 0.9})
    >>> scores["auroc"], dict(scores), scores[1:]
    (0.9, {'auroc': 0.9}, array([2.]))
    """

    figures: Mapping[str, Any] = {}

    @classmethod
    def of(cls, values: ArrayLike, figures: Mapping[str, Any]) -> Scores:
        """Return scores (n,) with figures of all."""
        found = np.asarray(values, dtype=np.float64).view(cls)
        found.figures = dict(figures)
        return found

    def keys(self) -> Iterable[str]:
        """Return the names of the figures."""
        return self.figures.keys()

    def __getitem__(self, key: Any) -> Any:
        return self.figures[key] if isinstance(key, str) else np.asarray(self)[key]

    def __array_wrap__(
        self, array: np.ndarray, context: object = None, return_scalar: bool = False
    ) -> Any:
        return as_plain(array)


def as_plain(array: np.ndarray) -> Any:
    """Return an array without what else it knows, or one number as a number."""
    array = array.view(np.ndarray)
    return array if array.ndim else array[()]
