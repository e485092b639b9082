"""What a study says of samples: how real they look beside other real images, and copies."""

from __future__ import annotations

import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images
from isthmus.metrics.copies import share_of_copies
from isthmus.metrics.features import SECONDS, features_for
from isthmus.metrics.ground import FEWEST, MOST, Ground
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
        known = _KNOWN.setdefault(self.all, {})
        if asked not in known:
            known.clear()
            seen = features_for(self.learned, None, max(0.5, SECONDS * effort / 2), self.seed)
            most = max(FEWEST, int(MOST * effort))
            known[asked] = Ground(self.learned, self.images, seen, most, SHARE, self.seed)
        return known[asked]

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
        alike = {} if ground.seen is None else ground.like_real(drawn, "features")
        found = ground.copies(drawn)
        return {**alike, "copied": found.copied, "nearer": found.nearer}

    def beside_samples(self) -> dict[str, Any]:
        """Return what other real images score, by KEY_real, and what they are compared by."""
        ground = self.ground
        if ground is None or not self.samples:
            return {}
        found: dict[str, Any] = {"copied_real": share_of_copies(ground.nearest, ground.nearest)}
        if ground.seen is None:
            return found
        real = {
            f"{name}_real": value.value for name, value in ground.by_chance["features"].items()
        }
        real["feature_frechet_real"] = real.pop("frechet_real")
        about = {"compared_by": ground.seen.words, "compared_with": ground.count}
        return {**found, **real, **about}

    @property
    def feature_frechet(self) -> Estimate | None:
        """Distance of Gaussians in the features of a network."""
        return self.samples.get("frechet")

    @property
    def kid(self) -> Estimate | None:
        """Kernel distance there."""
        return self.samples.get("kid")

    @property
    def precision(self) -> Estimate | None:
        """Share of samples that look real."""
        return self.samples.get("precision")

    @property
    def recall(self) -> Estimate | None:
        """Share of real images that are drawn."""
        return self.samples.get("recall")

    @property
    def density(self) -> Estimate | None:
        """Neighborhoods of real images that a sample lies in."""
        return self.samples.get("density")

    @property
    def coverage(self) -> Estimate | None:
        """Share of real images with a sample beside them."""
        return self.samples.get("coverage")

    @property
    def copied(self) -> Estimate | None:
        """Share of samples that are copies."""
        return self.samples.get("copied")


_KNOWN: weakref.WeakKeyDictionary[Images, dict[Any, Ground]] = weakref.WeakKeyDictionary()
"""What samples of the models of a study are compared with, while its images are there."""
