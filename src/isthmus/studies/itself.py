"""What a study says of a model itself: how fast and how large it is, and how well a map lies."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images
from isthmus.fitted.store import size_of
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.speed import MOST, images_a_second

if TYPE_CHECKING:
    from isthmus.base import Representation


class Itself:
    """Mixin of `Evidence`: None where a model does not have it."""

    model: Representation
    images: Images

    @property
    def codes(self) -> np.ndarray:
        """Codes of the held-out images."""
        raise NotImplementedError

    @property
    def decode(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """The decoder, if there is one."""
        raise NotImplementedError

    @cached_property
    def _unit_errors(self) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
        of = getattr(self.model, "errors_of", None)
        return of(self.images) if of else (None, None)

    @property
    def unit_distances(self) -> np.ndarray | None:
        """Distances of held-out images to the nearest unit of a map."""
        return self._unit_errors[0]

    @property
    def units_apart(self) -> np.ndarray | None:
        """Of which images the two nearest units are no neighbors."""
        return self._unit_errors[1]

    @property
    def encode_rate(self) -> Estimate | None:
        """Images a second that are encoded."""
        return images_a_second(self.model.encode, self._timed)

    @property
    def decode_rate(self) -> Estimate | None:
        """Codes a second that are decoded."""
        if self.decode is None or not np.isfinite(self.codes).all():
            return None
        return images_a_second(self.decode, self.codes[: len(self._timed)])

    @cached_property
    def _timed(self) -> np.ndarray:
        return np.asarray(self.images[:MOST])

    @cached_property
    def _size(self) -> tuple[int, int] | tuple[None, None]:
        try:
            return size_of(self.model)
        except (ValueError, TypeError):  # of one's own, and no file can hold it
            return None, None

    @property
    def learned_numbers(self) -> int | None:
        """How many numbers the model has learned."""
        return self._size[0]

    @property
    def file_kb(self) -> float | None:
        """Thousands of bytes of its file."""
        return self._size[1] and self._size[1] / 1000
