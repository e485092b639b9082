"""What every model asks of a study: how many seconds on a quiet machine, and how soon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images
from isthmus.families import names
from isthmus.models.components import AXES
from isthmus.models.components import ROWS as LOOKED_AT
from isthmus.studies import evidence

if TYPE_CHECKING:
    from isthmus.base import Representation

MAIN, OTHER = 2, 3
"""Ranks up to which models are the main ones, and up to which they differ in what they are for:
those become good first, then these, then what is another form of one of them."""
STARTING = 0.2
"""Seconds that the first network takes beside its steps."""
ROOM = 1.5
"""Times the seconds a fit is thought to take that it may have: steps are to end it, not time."""
FEWEST, AMPLE = 2000, 20_000
"""Images that a closed form learns from, at least, where time is short; and where it is not."""
AFTER = 30
"""Nanoseconds for every number in an image that a network is measured with after its steps."""


@dataclass(frozen=True)
class Need:
    """What a model asks of a study, in seconds of a quiet machine.

    Attributes
    ----------
    name : str
        The model.
    rank : int
        Models of a lower rank are left out last; see `MAIN` and `OTHER`.
    least, good, enough : float
        Seconds of fitting below which it is not worth showing, after which it is near its best,
        and beyond which it gains nothing.
    weight : float
        Its share of the time beside others'.
    starting : float
        Seconds that are needed once for all models like it.
    size : float
        How much work it is to encode and decode an image: 1 for 28x28 by a dense network.
    tested : int
        Held-out images that can be measured.
    """

    name: str
    rank: int = 2
    least: float = 0.1
    good: float = 0.0
    enough: float = 1.0
    weight: float = 1.0
    starting: float = 0.0
    size: float = 1.0
    tested: int = 10_000

    @property
    def well(self) -> float:
        """Seconds that make it good, between the least and enough."""
        return min(self.enough, max(self.least, self.good))


def need_of(name: str, model: Representation, images: Images) -> Need:
    """Return what a model asks of a study of images with a split."""
    n_test = int(np.sum(images.with_split().is_test))
    n, pixels, convolves = len(images) - n_test, math.prod(images.shape[1:]), model.convolves
    rank, starting, settings = model.study_rank, 0.0, model.settings
    if "-" in name and name.partition("-")[0] in names():  # noise: to be robust, not near
        rank += 4 if settings.get("noise") else 3 if convolves else 1
    if model.study_steps:
        least, good, enough = _learning(model, images.shape[1:], n)
        starting = STARTING + component_seconds(pixels, n) * model.starts_linear
    else:
        each = model.study_cost * pixels / 1e9
        each *= int(np.prod(settings.get(model.width) or 32))
        least, good, enough = (0.15 + min(n, some) * each for some in (FEWEST, AMPLE, n))
    size = 4 * math.prod(images.shape[1:3]) / 784 if convolves else pixels / 784
    tested = min(n_test, max(evidence.FEWEST, evidence.NUMBERS // pixels))
    weight = model.study_weight
    return Need(name, rank, least, good, enough, weight, starting, size, tested)


def _learning(model: Representation, shape: tuple[int, ...], n: int) -> tuple[float, float, float]:
    """Return the seconds in which a network is worth showing, is good, and gains no more."""
    each = step_seconds(model, shape, n) * max(1.0, model.study_weight)  # the more players
    most, fewest = model.settings.get("max_steps") or model.study_steps, model.study_least
    if model.convolves and not model.keep_best:
        fewest *= 1.5  # a game has no best epoch to fall back on, and is long below its start
    after = 0.5 + AFTER * min(n, 10_000) * math.prod(shape) / 1e9
    least, good = (after + min(most, some) * each for some in (fewest, model.study_good))
    return least, good, after + ROOM * most * each


def step_seconds(model: Representation, shape: tuple[int, ...], n: int) -> float:
    """Return about how many seconds a step on n images of a shape takes on one quiet core.

    From the products of layers of the usual widths, forth and back: at 40 billion a second in
    dense networks, at 25 billion in those that convolve. Dense networks that begin at principal
    components learn from these alone.
    """
    pixels, batch = math.prod(shape), min(model.batch_size, n)
    if model.convolves:
        return 0.003 + 3 * batch * 5000 * math.prod(shape[:2]) / 25e9
    seen = min(pixels, AXES) if model.starts_linear else pixels
    layers = (1 + model.can("decode")) * 512 * seen + 150_000
    anew = pixels * seen if model.settings.get("noise") else 0  # other components at every step
    return 0.0015 + batch * (3 * layers + anew) / 40e9


def component_seconds(pixels: int, n: int) -> float:
    """Return about how many seconds it takes to find the components of a set, once for it."""
    axes, rows = min(pixels, AXES), min(n, LOOKED_AT[1])
    return (2 * rows * pixels * min(pixels, 9 * axes) + 2 * n * pixels * axes) / 40e9
