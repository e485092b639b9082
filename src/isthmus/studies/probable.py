"""How probable all held-out images are under a model of a study, where that is told soon."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images
from isthmus.latent.codes import pixels_of
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.likelihood import KINDS, Likelihood, likelihood

if TYPE_CHECKING:
    from isthmus.base import Representation

WORK, CONVOLVED = 6e7, 9
"""Pixels that are decoded of all images together, at most; what one by convolutions counts."""
FEWEST_DRAWS, MOST_DRAWS = 5, 50
"""Importance samples of an image."""
FEWEST_IMAGES = 200
"""Images of which a figure is worth having, where all of them take too long."""
THOROUGH = 2000
"""Images measured of a model from which on as much is decoded as ever."""


class Likely:
    """Mixin of `Evidence`: the scores of a model that has a bound of log p(x).

    They are of all held-out images, with as many importance samples as `WORK` allows. Where that
    is too few, as of convolutions over many images, they are of fewer, evenly spaced over all.
    """

    model: Representation
    images: Images
    held: Images
    seed: int
    most_labels: int

    @cached_property
    def _judged(self) -> tuple[Images, int]:
        """Which held-out images are judged, and by how many draws of each."""
        work = WORK * min(1.0, self.most_labels / THOROUGH)
        work /= pixels_of(self.held) * (CONVOLVED if self.model.convolves else 1)
        draws = int(work / len(self.held))
        if draws >= FEWEST_DRAWS:
            return self.held, min(MOST_DRAWS, draws)
        return self.held.evenly(max(1, int(work / FEWEST_DRAWS))), FEWEST_DRAWS

    @cached_property
    def _likely(self) -> Likelihood | None:
        some, draws = self._judged
        if not self.model.can("elbo") or len(some) < min(FEWEST_IMAGES, max(2, len(self.held))):
            return None
        found = likelihood(self.model, some, draws, random_state=self.seed)
        return found if np.isfinite(found.log_likelihood.value) else None

    @property
    def likelihoods(self) -> dict[str, Estimate]:
        """How probable held-out images are, and what the posterior says, by names of figures."""
        found = self._likely
        if found is None:
            return {}
        # figures of each are of the same images
        every = len(self._judged[0]) == len(self.held) == len(self.images)
        values = {"log_likelihood": found.log_likelihood, "bound": found.bound}
        told = {name: one if every else one._replace(each=None) for name, one in values.items()}
        told["kl"] = found.divergence._replace(each=None)
        told["aggregate"] = Estimate(found.aggregate, found.aggregate_within)
        return told | {"active_units": Estimate(float(found.active.sum()))}

    def beside_likelihoods(self) -> dict[str, Any]:
        """Return what likelihoods are of, by how many draws, and what every dimension says."""
        found = self._likely
        if found is None:
            return {}
        return {
            "likelihood_kind": found.kind,
            "likelihood_of": KINDS[found.kind],
            "likelihood_images": found.images,
            "likelihood_draws": found.draws,
            "kl_dimensions": [float(f"{each:.4g}") for each in found.kl],
        }
