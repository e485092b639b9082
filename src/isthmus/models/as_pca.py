"""VAEs that begin as probabilistic PCA."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from isthmus.data.images import Images
from isthmus.models.components import AXES, as_components, look_at_components, principal
from isthmus.models.ppca import probabilistic_pca
from isthmus.nets.bounds import LEAST_SIGMA

if TYPE_CHECKING:  # what it is mixed into
    from isthmus.neural import NeuralRepresentation as Base
else:
    Base = object

SPOKEN, FAINT = 5, 0.25
"""Directions of the images that `beta_norm` leaves in the code at least, and the share of the
variance of the last of them that its threshold may reach."""


class BeginsAsPCA(Base):
    """Mixin of a VAE: linear paths that begin as probabilistic PCA, and what is known from it."""

    _unit, _rest = 1.0, 0.0  # of the components, and the variance beyond them

    linear_where: ClassVar[dict[str, tuple[Any, ...]]] = {
        "architecture": ("dense", "conv", "spatial"),
        "likelihood": ("auto", "gaussian"),
        "binarize": ("none",),
        "capacity": (None,),
    }

    def _look_at_components(self, images: Images) -> None:
        """Find where to begin, and what `beta_norm` stands for."""
        d, k, images = self._n_coded, self.latent_dim_, self._coded(images)
        self.beta_ = self.beta
        if self.beta_norm is not None:
            self.beta_ = self.beta_norm * d / k
        relative = self.beta_norm is not None and self.likelihood_ == "gaussian"
        look_at_components(self, images, AXES)
        if relative:
            at = self._principal or principal(images, self)
            total = float(at.variance.sum()) + at.rest
            self.sigma_: Any = self.sigma_ or max(math.sqrt(total / d), LEAST_SIGMA) * self.scale_
            faint = float(at.variance[min(SPOKEN, k, len(at.variance)) - 1]) * FAINT
            self.beta_ = min(self.beta_, faint / (self.sigma_ / self.scale_) ** 2)

    def _as_learned(self, images: Images) -> Images:
        return as_components(images, self)

    def _begin(self) -> None:
        """Begin as probabilistic PCA."""
        if not self.n_axes_:
            return
        at, k = self._principal, self.latent_dim_
        start = probabilistic_pca(
            *(at.variance.double().cpu().numpy(), at.rest, self._n_coded, k),
            *(1.0 if self.tc != "none" else self.beta_, self.sigma_ / self.scale_),
        )
        down, up, log_var = (torch.from_numpy(part).to(at.mean) for part in start[:3])
        self._begin_at(at, down, up)
        with torch.no_grad():
            linear = self.encoder_[-1].linear
            (linear[1] if self.is_spatial else linear).bias[k:] = log_var
        self._unit, self._rest, self._principal = at.spread(k), at.rest, None

    def _apart(self, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Return the squared error of images whose components are y; what is beyond is known."""
        told = self.decoder_[0](z.flatten(0, 1)).float().unflatten(0, z.shape[:2])
        return (told - y).square().sum(-1) * self._unit**2 + self._rest
