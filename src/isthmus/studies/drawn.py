"""What a study says of samples: how real they look beside other real images, and copies."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images
from isthmus.metrics.copies import share_of_copies
from isthmus.metrics.features import SECONDS, features_for
from isthmus.metrics.ground import FEWEST, MOST, Ground, last_asked
from isthmus.metrics.intervals import Estimate

if TYPE_CHECKING:
    from isthmus.base import Representation

THOROUGH = 2000
"""Images measured of a model from which on as many samples are compared as ever."""
SHARE = 4e9
"""Multiplications that looking for copies may take, of one model."""


class Samples:
    """Mixin of `Evidence`: the scores of samples by their names, None where there are none.

    The real images that they are compared with, and the network that they are compared by, are
    the same for all models of a study, and made once.
    """

    model: Representation
    images: Images
    all: Images
    learned: Images
    seed: int
    most_labels: int

    @property
    def ground(self) -> Ground | None:
        """Real images to compare samples with."""
        if len(self.images) < FEWEST or not self.model.can("sample"):
            return None
        effort = min(1.0, self.most_labels / THOROUGH)
        asked = (effort, self.seed, len(self.images), len(self.learned))
        return last_asked(self.all, asked, lambda: self._ground(effort))

    def _ground(self, effort: float) -> Ground:
        seen = features_for(self.learned, None, max(0.5, SECONDS * effort / 2), self.seed)
        most = max(FEWEST, int(MOST * effort))
        return Ground(self.learned, self.images, seen, most, SHARE, self.seed)

    @cached_property
    def draws(self) -> np.ndarray | None:
        """Samples of the model, if all of them are finite."""
        ground = self.ground
        if ground is None:
            return None
        found = np.asarray(self.model.sample(ground.count, random_state=self.seed))
        found = found.reshape(len(found), *self.images.shape[1:])
        return found if np.isfinite(found).all() else None

    @cached_property
    def samples(self) -> dict[str, Estimate]:
        """Scores of the samples in the features of a network, and copies."""
        ground, drawn = self.ground, self.draws
        if ground is None or drawn is None:
            return {}
        found = ground.copies(drawn)
        copied = {"copied": found.copied, "nearer": found.nearer}
        if ground.seen is None:
            return copied
        return _named(ground.like_real(drawn, "features")) | copied

    def beside_samples(self) -> dict[str, Any]:
        """Return what other real images score, by KEY_real, and what they are compared by."""
        ground = self.ground
        if ground is None or not self.samples:
            return {}
        found: dict[str, Any] = {"copied_real": share_of_copies(ground.nearest, ground.nearest)}
        if ground.seen is None:
            return found
        beside = _named(ground.by_chance["features"])
        real = {f"{name}_real": each.value for name, each in beside.items()}
        about = {"compared_by": ground.seen.words, "compared_with": ground.count}
        return {**found, **real, **about}


def _named(found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Return scores by their names in METRICS, where "frechet" is the distance in pixels."""
    return {"feature_frechet" if name == "frechet" else name: each for name, each in found.items()}
