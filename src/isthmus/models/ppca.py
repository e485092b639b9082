"""Probabilistic PCA: the best VAE with linear networks, at which others begin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch

from isthmus.data.images import Images
from isthmus.models.components import AXES, as_components, look_at_components, principal
from isthmus.models.starts import start_decoder, start_encoder
from isthmus.nets.bounds import LEAST_SIGMA

if TYPE_CHECKING:  # what it is mixed into
    from isthmus.neural import NeuralRepresentation as Base
else:
    Base = object

SPOKEN, FAINT = 5, 0.25
"""Directions of the images that `beta_norm` leaves in the code at least, and the share of the
variance of the last of them that its threshold may reach."""


class LinearVAE(NamedTuple):
    """The best VAE with linear networks: numbers of every latent, and the noise of a pixel.

    Attributes
    ----------
    down, up : ndarray of shape (k,)
        From the component along an axis to the posterior mean, and from the latent back.
    log_var : ndarray of shape (k,)
        Logarithm of the posterior variance, the same for all images.
    sigma : float
        Deviation of a pixel.
    """

    down: np.ndarray
    up: np.ndarray
    log_var: np.ndarray
    sigma: float


def probabilistic_pca(
    variance: np.ndarray, rest: float, d: int, k: int, beta: float = 1.0, sigma: float = 0.0
) -> LinearVAE:
    r"""Return the linear VAE with the highest bound, in closed form: probabilistic PCA.

    With eigenvalues :math:`l_i` of the covariance, of which the a largest are told,

    .. math::
        \sigma^2 = \frac{\sum_{i>a} l_i}{d - \beta a}, \quad t = \beta \sigma^2, \quad
        x = \mu + \sum_i \sqrt{l_i - t}\, z_i v_i, \quad
        q(z_i|x) = N\Bigl(\frac{\sqrt{l_i - t}}{l_i} v_i^T (x - \mu), \frac{t}{l_i}\Bigr)

    For ``beta=1`` that is the maximum likelihood, :math:`\sigma^2` the mean variance of the
    directions left out, and q the exact posterior: the bound is the likelihood. Any other beta
    moves the threshold t: a direction is told where it has more variance, else its latent is the
    prior.

    Parameters
    ----------
    variance : array of shape (m,)
        Along the leading axes, the largest first.
    rest : float
        Variance along all other directions, together.
    d, k : int
        Numbers in an image and in a code.
    beta : float
        Weight of the KL.
    sigma : float
        Deviation of a pixel, where it is known; 0 for the one that fits best.

    References
    ----------
    M. Tipping and C. Bishop, Probabilistic principal component analysis, 1999.
    J. Lucas et al., Don't blame the ELBO! A linear VAE perspective on posterior collapse, 2019.

    Examples
    --------
    >>> start = probabilistic_pca([4.0, 1.0], 1.0, 4, 1)  # 2 of variance in 3 other directions
    >>> round(start.sigma**2, 3), start.up.round(3).tolist()
    (0.667, [1.826])
    """
    told = np.zeros(k)
    most = min(k, len(variance), d - 1)
    told[:most] = np.asarray(variance, float)[:most]
    total = float(np.sum(np.asarray(variance, float))) + rest
    if not sigma:
        sigma = _fitting_sigma(told[:most], total, d, beta)
    threshold = max(beta * sigma**2, LEAST_SIGMA**2)
    signal = np.sqrt(np.maximum(told - threshold, 0))
    speaks = signal > 0
    down = np.divide(signal, told, out=np.zeros(k), where=speaks)
    log_var = np.log(np.divide(threshold, told, out=np.ones(k), where=speaks))
    return LinearVAE(down, signal, log_var, sigma)


def _fitting_sigma(told: np.ndarray, total: float, d: int, beta: float) -> float:
    """Return the deviation at which just the directions above the threshold are told."""
    for count in range(len(told), -1, -1):
        if d <= beta * count:
            continue
        square = max(0.0, total - float(told[:count].sum())) / (d - beta * count)
        if not count or told[count - 1] > beta * square:
            break
    return max(math.sqrt(square), LEAST_SIGMA)


class BeginsAsPCA(Base):
    """Mixin of a VAE: linear paths that begin as probabilistic PCA, and what is known from it."""

    _unit, _rest = 1.0, 0.0  # of the components, and the variance beyond them

    linear_where: ClassVar[dict[str, tuple[Any, ...]]] = {
        "architecture": ("dense", "conv"),
        "likelihood": ("auto", "gaussian"),
        "binarize": ("none",),
        "capacity": (None,),
    }

    def _look_at_components(self, images: Images) -> None:
        """Find where to begin, and what `beta_norm` stands for."""
        d, k = self.n_features_in_, self.latent_dim_
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
            *(at.variance.double().cpu().numpy(), at.rest, self.n_features_in_, k),
            *(1.0 if self.tc != "none" else self.beta_, self.sigma_ / self.scale_),
        )
        down, up, log_var = (torch.from_numpy(part).to(at.mean) for part in start[:3])
        start_encoder(self.encoder_, at, down)
        start_decoder(self.decoder_, at, up)
        with torch.no_grad():
            self.encoder_[-1].linear.bias[k:] = log_var
        self._unit, self._rest, self._principal = at.spread(k), at.rest, None

    def _apart(self, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Return the squared error of images whose components are y; what is beyond is known."""
        told = self.decoder_[0](z.flatten(0, 1)).float().unflatten(0, z.shape[:2])
        return (told - y).square().sum(-1) * self._unit**2 + self._rest
