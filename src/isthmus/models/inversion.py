"""From images to the codes of a generator: an encoder that learns to invert it, and descent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch

from isthmus.data.images import CHUNK_BYTES, Images
from isthmus.data.ranges import is_nominal
from isthmus.fitted import health
from isthmus.models.starts import match_moments
from isthmus.nets.descent import descend
from isthmus.nets.games import variety
from isthmus.neural import NeuralRepresentation
from isthmus.tensors import generator
from isthmus.training import Stage, Step
from isthmus.training.stages import Record

INVERSION = "inversion"
"""Name of the stage in which an encoder learns."""
INVERSION_SHARE = 0.2
"""Share of a time budget that is kept for it."""
ENCODER_RATE = 1e-3
"""Learning rate of the encoder."""
CODE_WEIGHT = 0.03
"""Weight of the error of codes beside the error of images while the encoder learns."""
POOR = 0.5
"""Share of the spread from which on the error of the inversion is poor."""
INVERTING = 15, 500
"""Passes and steps of learning to invert by default, at least."""
INVERTING_ON = 1, 1000
"""The same where the encoder begins as the inverse of what the generator began as."""
MATCHED = 10_000
"""Images drawn to compare their mean and covariance with those of the training images."""
MEASURED = 1000
"""Images that the inversion error and the variety of what is drawn are measured on, at most."""


class Inverted(NeuralRepresentation):
    """What a family is whose decoder is learned first: an encoder inverts it afterwards.

    A family has ``average_`` and ``encoder_``, and writes ``_seen(x)`` (images as the encoder sees
    them), ``_given(x)`` (what the loop hands out, likewise), ``_drawn(net, z)`` (those of codes,
    likewise), ``_coder()`` and ``_prior(n, rng)``.
    """

    _told = _chance = cast(Any, None)  # variances of components, and a generator, meanwhile

    def _stages(self, images: Images) -> list[Stage]:
        """Learn the decoder, and after it an encoder that inverts it."""
        until = 1 - INVERSION_SHARE * (self.encoder_epochs != 0)
        return [self._stage(until=until, then=self._match), self._inverting()]

    def _match(self) -> None:
        """Move what the learned generator draws to the mean and the covariance of the images."""
        if self._narrow() and self._step:
            rng = torch.Generator(self.device_).manual_seed(0)
            match_moments(self.average_[0], self._prior(MATCHED, rng), self._told)

    def _inverting(self) -> Stage:
        """Return the stage in which the encoder learns, once the decoder is learned."""
        self._chance = generator(self.random_state, self.device_)
        return self._stage(
            INVERSION, players={"encoder": [self.encoder_]}, losses=self._inversion,
            epochs=self.encoder_epochs, max_steps=None, rng=self._chance,
            optimizer="adam", learning_rate=ENCODER_RATE, schedule="cosine",
            validation_fraction=0.1, keep_best=True, patience=None,
            least=INVERTING_ON if self.n_axes_ else INVERTING,
        )  # fmt: skip

    def _note(self, records: dict[str, Record]) -> None:
        super()._note(records)
        self.inversion_history_ = records[INVERSION].history

    def _fit(self, images: Images) -> None:
        super()._fit(images)
        self._measure(images, self._chance)
        self._chance = None

    def _inversion(self, x: torch.Tensor, rng: torch.Generator) -> Iterator[Step]:
        real, z = self._given(x), self._prior(len(x), rng)
        with torch.no_grad():
            drawn = self._drawn(self.average_, z)
        of_real, of_drawn = self._coder()(torch.cat((real, drawn))).float().chunk(2)
        wrong = (self._drawn(self.average_, of_real) - real).square().mean()
        if self.n_axes_:  # as a share of what there is
            wrong = wrong / real.square().mean().clamp_min(1e-12)
        loss = wrong + CODE_WEIGHT * (of_drawn - z).square().mean()
        yield Step("encoder", loss, {"loss": loss})

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.compiler.is_compiling():  # an exported network looks at no values
            self._check_invertible(x)
        real, learned = self._seen(x), self.inversion_history_["epoch"]
        z = self._coder()(real).float() if learned else x.new_zeros(len(x), self.latent_dim_)
        if self.invert_steps:
            z = descend(lambda z: self._drawn(self.average_, z), real, z, self.invert_steps)
        return z

    @property
    def encodes_by_search(self) -> bool:  # type: ignore[override]
        """Whether a code is descended to, as no encoder was learned or `invert_steps` asks so."""
        return bool(self.invert_steps) or not self.inversion_history_["epoch"]

    def _check_invertible(self, x: torch.Tensor) -> None:
        if not self.inversion_history_["epoch"] and not self.invert_steps:
            raise ValueError(
                "this GAN was fitted with encoder_epochs=0 and has invert_steps=0, so it has no "
                "way from an image to a code: set_params(invert_steps=200), or fit it again with "
                "encoder_epochs"
            )
        (low, high), least, most = self.range_, float(x.min()), float(x.max())
        bounded = self.output_ != "linear" or (self.n_axes_ and is_nominal(self.range_))
        if max(low - least, most - high) > high - low and bounded:
            raise ValueError(
                f"the images run from {least:.4g} to {most:.4g}, but this GAN was fitted on "
                f"values from {low:.4g} to {high:.4g} and draws no others: scale them as those"
            )

    def _health_of_inverse(self) -> list[str]:
        if self.inversion_error_ is None:
            return ["encoder_epochs=0: encode needs invert_steps, which may be set after fitting"]
        if not POOR < self._error_share < health.NO_BETTER:
            return []
        return [
            f"the inversion is poor: images come back with {self._error_share:.0%} of the squared "
            f"error that their mean image would have; {self._remedy()}"
        ]

    def _measure(self, images: Images, rng: torch.Generator) -> None:
        most = max(2, min(MEASURED, CHUNK_BYTES // (4 * self.n_features_in_)))
        x = self._tensor(np.asarray(self.affordable(images, most)))
        x = x[torch.randperm(len(x), generator=rng, device=rng.device)]
        self.spread_ = _spread(x)
        self.inversion_error_ = None
        if self.inversion_history_["epoch"] or self.invert_steps:
            self.inversion_error_ = float((self._decode(self._encode(x)) - x).square().mean())
        self.variety_ = variety(x, drawn := self._sample(len(x), rng))
        self._drawn_spread = _spread(drawn) / self.spread_ if self.spread_ > 0 else 1.0

    def _share_of_spread(self, images: Images) -> float:
        return (self.inversion_error_ or 0.0) / self.spread_ if self.spread_ > 1e-9 else 0.0


def _spread(x: torch.Tensor) -> float:
    """Return the mean squared error of the mean image."""
    return float((x - x.mean(0)).square().mean())
