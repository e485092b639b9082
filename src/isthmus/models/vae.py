"""Variational autoencoder: the code of an image is a distribution, and any code decodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from isthmus.data.images import Images
from isthmus.data.values import ImagesLike
from isthmus.fitted import health
from isthmus.models.as_pca import SPOKEN, BeginsAsPCA
from isthmus.models.likelihoods import Likelihoods
from isthmus.models.mixtures import DrawsLikeCodes
from isthmus.models.modules import TakesModules
from isthmus.models.spatial import Spatial
from isthmus.models.starts import quickly
from isthmus.nets import bounds
from isthmus.nets.coders import ARCHITECTURES, decoder, encoder
from isthmus.nets.dense import ACTIVATIONS, dense
from isthmus.nets.fused import OUTPUTS
from isthmus.neural import NeuralRepresentation
from isthmus.tensors import generator
from isthmus.training import Step
from isthmus.validation import one_of

MEASURED = 10_000
"""Training images that the KL of every latent is measured on after the fit, at most."""
MOSTLY = 0.75
"""Share of the latents from which on a code has collapsed as a whole."""
LIMITS = dict.fromkeys(("beta", "beta_norm", "capacity"), (0.0, 1e6))
LIMITS |= {"warmup": (0, 1), "sigma": (1e-6, 1e6)}
MOST_GREY = 0.25
"""Share of grey pixels in images that still count as black and white."""


@dataclass(eq=False, repr=False)
class VAE(Spatial, Likelihoods, BeginsAsPCA, DrawsLikeCodes, TakesModules, NeuralRepresentation):
    r"""Encodes an image as a normal distribution q(z|x) and decodes draws from it as p(x|z).

    Maximises a lower bound of log p(x) under the prior N(0, I) of the code:

    .. math:: \mathbb{E}_{q(z|x)} \log p(x|z) - \beta\, KL(q(z|x)\,\|\,N(0, I))

    Both terms are in nats, summed over the pixels and over the latents and averaged over a batch.
    Only so does ``beta=1`` stand for the bound; beside an error averaged over pixels the same beta
    would weigh as many times more as there are pixels. `encode` is the mean of q(z|x), the same
    each time; `posterior` gives the variance too. `sample` decodes draws from the prior, or from a
    mixture that is like the codes.

    By default (``init="pca"``) it begins as probabilistic PCA (Tipping and Bishop), the best that
    linear networks can do, and learns the rest: with eigenvalues :math:`l_i` of the covariance

    .. math::
        x = \mu + \sum_i \sqrt{l_i - \sigma^2}\, z_i v_i + g(z), \qquad
        q(z_i|x) = N\Bigl(\frac{\sqrt{l_i - \sigma^2}}{l_i} v_i^T (x - \mu) + f_i(x),
        \frac{\sigma^2}{l_i} e^{h_i(x)}\Bigr)

    where :math:`\sigma^2` is the mean variance of the directions left out, and the networks f, g
    and h begin at 0: see `isthmus.models.ppca.probabilistic_pca`. Dense networks stand between the
    256 leading principal components, the error of all that is beyond them being known.

    Parameters
    ----------
    latent_dim : int or None
        Width of the code, at most the numbers in an image; None is 10, or what few images fill.
    architecture : {"dense", "conv", "burgess", "deep", "spatial"}
        "dense", "conv" and "spatial" (a grid of codes) as of an `Autoencoder`; for 64x64 pixels
        "burgess", the network of Burgess et al. (32, 32, 64, 64 filters, 256 units), and "deep",
        32, 32, 64, 64, 128, 128, 256 filters of 3x3 with batch normalisation.
    hidden : tuple of int
        Units of the dense layers before the code, at least 1 each, for "dense" and "conv".
    channels : tuple of int
        Filters of the convolutions of "conv", at least 1 each, 4x4 with stride 2: each halves
        height and width.
    activation : {"relu", "leaky_relu", "tanh", "sigmoid", "softmax", "linear"}
        Activation after every hidden layer.
    likelihood : {"auto", "bernoulli", "gaussian"}
        The distribution of a pixel given the code: "bernoulli", 1 with a probability (values in
        [0, 1] only; grey ones count in proportion), or "gaussian" around a mean. "auto" is
        gaussian where the fit begins as probabilistic PCA. Else, as with `binarize` or another
        `init`, it is bernoulli for images in black and white, as handwriting mostly is; gaussian
        for all others, of which bernoulli pixels would learn only a blur.
    sigma : float or None
        Deviation of gaussian pixels, above 0. None takes the one that fits best, at every step.
    binarize : {"none", "draw", "threshold"}
        Make grey pixels 0 or 1 before every step of the fit: "draw" draws them anew with the pixel
        as the probability, "threshold" makes those from 0.5 up 1, "none" leaves them.
    beta : float
        Weight of the KL, at least 0: the larger, the less the code says, and the more independent
        its numbers tend to be. With `capacity` it weighs the distance of the KL from that, with
        `tc` only the total correlation. It weighs nats: what it does depends on how many pixels
        there are, and on sigma.
    beta_norm : float or None
        Beta that means the same on every set, normalised by the numbers d in an image and k in a
        code as by Higgins et al.: ``beta = beta_norm * d / k``, and sigma is the deviation of the
        training images' pixels. The loss is then, d times, half the squared error as a share of
        their variance plus beta_norm times the KL of a latent, on average. A direction of the
        images enters the code where it has more than ``beta_norm / k`` of all variance; beta is
        lowered where fewer than five would (see `beta_`). 0.1 to 1 disentangles.
    warmup : float
        Share of the fit, 0 to 1, over which the weight of the KL (or the capacity) rises from 0.
    capacity : float or None
        Nats that the code may hold, at least 0: the penalty is ``beta * abs(KL - C)``, C rising to
        this; beta is then called gamma, and 100 to 1000. With `tc` C is a ceiling, the penalty
        ``KL + (beta - 1) * (TC + max(KL - C, 0))``: what is learnt first has few dimensions.
    tc : {"none", "tcvae", "factor"}
        Weigh by beta only the total correlation (TC) within the KL, that is how far the latents
        depend on each other: the penalty is ``KL + (beta - 1) * TC``. "tcvae" estimates TC from
        the batch (beta-TCVAE); "factor" by a second player that tells codes from codes with
        shuffled columns (FactorVAE, whose gamma is ``beta - 1``). With "none" beta weighs the
        whole KL.
    discriminator : tuple of int
        Units of the hidden layers of that second player, at least 1 each.
    importance_samples : int
        Draws of z for every image and step, at least 1. More than one trains the tighter bound of
        the importance weighted autoencoder; beta then weighs log p(z) - log q(z|x) of every draw.
    prior : {"auto", "normal", "mixture"}
        What `sample` draws codes from: "normal", N(0, I), which is what the bound is about; or a
        "mixture" of up to 50 normal distributions, fitted after the fit to draws from the
        posteriors of up to 5,000 training images, which leaves out what no image is like. "auto"
        is "mixture" where the fit began as probabilistic PCA.
    encoder, decoder : torch.nn.Module or None
        In Python, networks of your own, as of an `Autoencoder`; the encoder makes (n, 2 k)
        numbers, means and then logarithms of variances.

    Attributes
    ----------
    encoder_, decoder_ : torch.nn.Sequential
        The networks; the encoder gives the means and then the logarithms of the variances.
    likelihood_ : str
        "bernoulli" or "gaussian".
    sigma_ : float
        Deviation of a pixel, of gaussian likelihood.
    beta_ : float
        Weight of the KL in nats.
    n_axes_ : int
        Principal components that it began at, 0 with another `init`.
    mixture_weights_, mixture_means_, mixture_roots_ : ndarray of shape (c,), (c, k), (c, k, k)
        The mixture that `sample` draws from, if it does: shares, centres, and lower triangles R
        of which the covariances are R R^T.
    kl_ : ndarray of shape (latent_dim_,)
        KL of every latent in nats, averaged over training images: how much it says.
    activity_ : ndarray of shape (latent_dim_,)
        Variance over training images of the mean of every latent.
    history_ : dict of str to list of float
        epoch, loss, reconstruction, kl, val_loss and seconds after every epoch. The loss is what
        is minimised once the warm-up is over; reconstruction is minus the log-likelihood.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the likelihood is bernoulli and values leave [0, 1].

    References
    ----------
    D. Kingma and M. Welling, Auto-encoding variational Bayes, 2014.
    M. Tipping and C. Bishop, Probabilistic principal component analysis, 1999.
    I. Higgins et al., beta-VAE: learning basic visual concepts, 2017 (beta, beta_norm).
    C. Burgess et al., Understanding disentangling in beta-VAE, 2018 (capacity).
    T. Q. Chen et al., Isolating sources of disentanglement in variational autoencoders, 2018.
    H. Kim and A. Mnih, Disentangling by factorising, 2018 (FactorVAE).
    Y. Burda, R. Grosse and R. Salakhutdinov, Importance weighted autoencoders, 2016.
    O. Rybkin et al., Simple and effective VAE training with calibrated decoders, 2021 (sigma).
    P. Ghosh et al., From variational to deterministic autoencoders, 2020 (the mixture).

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.VAE(8, hidden=(32,), epochs=20, random_state=0).fit(images.train)
    >>> mean, log_var = model.posterior(images.test)
    >>> bool((model.encode(images.test) == mean).all())
    True
    """

    latent_dim: int | None = None
    _: KW_ONLY
    architecture: str = "dense"
    hidden: tuple[int, ...] = (512, 256)
    channels: tuple[int, ...] = (32, 64, 128)
    activation: str = "relu"
    likelihood: str = "auto"
    sigma: float | None = None
    binarize: str = "none"
    beta: float = 1.0
    beta_norm: float | None = None
    warmup: float = 0.0
    capacity: float | None = None
    tc: str = "none"
    discriminator: tuple[int, ...] = (512, 512, 512)
    importance_samples: int = 1
    prior: str = "auto"
    encoder: nn.Module | None = None
    decoder: nn.Module | None = None

    width, default_width = "latent_dim", 10
    has_encoder = has_standard_prior = True
    numbers_each = 2
    variants: ClassVar[dict[str, dict[str, Any]]] = {"beta": {"beta_norm": 0.3}}
    _n_images = 0  # that the loop trains on

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model that suits the images, and is quickly past its start."""
        return super().for_study(images, width, **quickly(cls, images, parameters))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        one_of("architecture", self.architecture, ARCHITECTURES)
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("likelihood", self.likelihood, ("auto", "bernoulli", "gaussian"))
        one_of("binarize", self.binarize, bounds.BINARIZATIONS)
        one_of("tc", self.tc, ("none", "tcvae", "factor"))
        one_of("prior", self.prior, ("auto", "normal", "mixture"))
        self._check_units("hidden", "channels", "discriminator")
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name}={value} must be at least {least} and at most {most}")
        if self.importance_samples < 1:
            raise ValueError(f"importance_samples={self.importance_samples} must be at least 1")
        if self.importance_samples > 1 and (self.capacity is not None or self.tc != "none"):
            raise ValueError("importance_samples is of another objective than capacity and tc")
        if self.beta_norm is not None and self.beta != 1:
            raise ValueError(f"beta={self.beta} and beta_norm={self.beta_norm}: give one")

    def _prepare(self, images: Images) -> None:
        self._scale_to(images, "auto")
        self.likelihood_ = self.likelihood
        if self.starts_linear:
            self.likelihood_ = "gaussian"
        elif self.likelihood == "auto":
            plain = self.binarize != "none" or self._black_and_white(images.evenly(1000))
            self.likelihood_ = "bernoulli" if plain else "gaussian"
        low, high = self.range_
        if self.likelihood_ == "bernoulli" and self.output_ != "sigmoid":
            raise ValueError(
                f"likelihood='bernoulli' needs values in [0, 1]; the images run from {low:.4g} to "
                f"{high:.4g}: scale them, or use likelihood='gaussian'"
            )
        if self.likelihood_ == "gaussian":
            if self.binarize != "none":
                raise ValueError(f"binarize={self.binarize!r} needs likelihood='bernoulli'")
            self.sigma_ = self.sigma or 0.0  # 0 while it is fitted
        self._n_images = len(images) - self._n_held(len(images))
        self._look_at_components(images)

    def _black_and_white(self, images: Images) -> bool:
        grey = sum(float(((x > 0.1) & (x < 0.9)).sum()) for x in self._tensors(images))
        return self.output_ == "sigmoid" and grey < MOST_GREY * len(images) * self.n_features_in_

    def networks(self) -> dict[str, nn.Module]:
        """Return the networks: see `NeuralRepresentation.networks`."""
        shape, k = (self.architecture, self.image_shape_, self.channels), self.latent_dim_
        if self.is_spatial:
            return self._of_cells()
        nets: dict[str, nn.Module] = {
            "encoder_": self._own_encoder()
            or encoder(*shape, (*self.hidden, 2 * k), self.activation, axes=self.n_axes_),
            "decoder_": self._own_decoder()
            or decoder(*shape, (*self.hidden, k), self.activation, axes=self.n_axes_),
        }
        if self.tc == "factor":
            nets["discriminator_"] = dense((k, *self.discriminator, 1), "leaky_relu")
        return nets

    def players(self) -> dict[str, list[nn.Module]]:
        """Return the networks of every player, each with an optimiser of its own."""
        players: dict[str, list[nn.Module]] = {"model": [self.encoder_, self.decoder_]}
        return players | ({"judge": [self.discriminator_]} if self.tc == "factor" else {})

    def _convolves(self) -> bool:
        # wide dense layers gain from bfloat16 as convolutions do
        return super()._convolves() or max(self.hidden, default=0) >= 256

    def _precision(self, device: torch.device) -> str:
        # the last of many components would be lost in it
        exact = self.precision == "auto" and self._narrow()
        return "float32" if exact else super()._precision(device)

    def losses(self, x: torch.Tensor, rng: torch.Generator, targets: Any = None) -> Iterator[Step]:
        """Yield the steps on a batch: see `NeuralRepresentation.losses`."""
        given, narrow = self._of_components, self._narrow()
        x = x if given else self._scaled(bounds.binarized(self._shown(x, rng), self.binarize, rng))
        y = self.encoder_[0](x).float() if narrow and not given else x
        both = self.encoder_[1](y) if narrow else self.encoder_(x)
        mean, log_var = both.float().chunk(2, dim=1)
        z = bounds.reparameterize(mean, log_var, rng, self.importance_samples)
        error = self._normal(self._apart(y, z)) if narrow else self._error(x, z)
        kl = bounds.kl_divergence(mean, log_var).flatten(1).sum(1).mean()
        loss = self._objective(error, kl, z, mean, log_var)
        ramp = min(1.0, self._done / self.warmup) if self.warmup else 1.0
        logs = {"loss": loss(1.0), "reconstruction": error.mean(), "kl": kl}
        yield Step("model", logs["loss"] if ramp == 1 else loss(ramp), logs)
        if self.tc == "factor":
            judge = bounds.judged(self.discriminator_, z[0].detach(), rng)
            yield Step("judge", judge, {"judge": judge})

    def _objective(
        self, error: Any, kl: Any, z: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor
    ) -> Callable[[float], torch.Tensor]:
        """Return the loss as a function of how far the warm-up has come, 0 to 1."""
        beta, capacity = self.beta_, self.capacity
        if self.importance_samples > 1:
            ratio = bounds.log_ratio(z, mean, log_var)
            return lambda ramp: -bounds.importance_bound(ramp * beta * ratio - error).mean()
        error = error.mean()
        if self.tc == "none" and capacity is not None:
            return lambda ramp: error + beta * (kl - ramp * capacity).abs()
        if self.tc == "none":
            return lambda ramp: error + ramp * beta * kl
        tc = self._total_correlation(z[0], mean, log_var)
        if capacity is None:
            return lambda ramp: error + ramp * (kl + (beta - 1) * tc)
        return lambda ramp: error + kl + (beta - 1) * (tc + (kl - ramp * capacity).clamp_min(0))

    def _total_correlation(
        self, z: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor
    ) -> torch.Tensor:
        if self.tc == "tcvae":
            return bounds.kl_terms(z, mean, log_var, self._n_images)[1]
        return self.discriminator_(z).float().mean()  # the logit is the log ratio of densities

    def _posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.encoder_(x).float().chunk(2, dim=1)

    def _error(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Return minus log p(x|z) for draws z (k, n, latent) and scaled images x, (k, n)."""
        if self.likelihood_ == "bernoulli":
            return bounds.bernoulli_error(self._decoded(z), x.flatten(1))
        return self._normal(self._squared(x, z))

    def _normal(self, squared: torch.Tensor) -> torch.Tensor:
        """Return minus the logarithm of the density that normal pixels have."""
        d, sigma = self.n_features_in_, self.sigma_ / self.scale_
        if not sigma:
            sigma = (squared.detach().mean() / d).sqrt().clamp_min(bounds.LEAST_SIGMA)
        return bounds.gaussian_error(squared, d, sigma) + d * math.log(self.scale_)

    def _squared(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return (OUTPUTS[self.output_](self._decoded(z)) - x.flatten(1)).square().sum(-1)

    def _decoded(self, z: torch.Tensor) -> torch.Tensor:
        """Return the last layer's values for draws (k, n, ...) of codes, (k, n, d)."""
        return self.decoder_(z.flatten(0, 1)).float().flatten(1).unflatten(0, z.shape[:2])

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        return self._numbers(x).float()[..., : self.latent_dim_]

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        return self._image(self._pictured(z))

    def posterior(self, X: ImagesLike) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and logarithm of the variance of q(z|x) for every image, (n, k) each."""
        check_is_fitted(self)
        both = self._map(self._numbers, self._check(X, reset=False))
        return both[..., : self.latent_dim_], both[..., self.latent_dim_ :]

    def _fit(self, images: Images) -> None:
        super()._fit(images)
        chosen = self.affordable(images, MEASURED)
        mean, log_var = (part.reshape(-1, self.latent_dim_) for part in self.posterior(chosen))
        kl = bounds.kl_divergence(torch.from_numpy(mean), torch.from_numpy(log_var))
        self.kl_ = kl.mean(0, dtype=torch.float64).numpy()
        self.activity_ = mean.var(0, dtype=np.float64)
        if self.likelihood_ == "gaussian" and self.sigma is None:
            self.sigma_ = self._best_sigma(chosen)
        self._fit_mixture(mean, log_var)

    def _best_sigma(self, images: Images) -> float:
        rng = generator(0, self.device_)

        def squared(x: torch.Tensor) -> torch.Tensor:
            mean, log_var = self._posterior(x := self._scaled(x))
            return self._squared(x, bounds.reparameterize(mean, log_var, rng))[0]

        mean = self._map(squared, images).mean(dtype=np.float64) / self.n_features_in_
        return float(max(np.sqrt(mean), bounds.LEAST_SIGMA) * self.scale_)

    def _health(self, images: Images) -> list[str]:
        findings = super()._health(images)
        quiet = int(((self.kl_ < health.COLLAPSED) | (self.activity_ < health.COLLAPSED)).sum())
        return findings + self._collapse(quiet)

    def _collapse(self, quiet: int) -> list[str]:
        k, name = self.latent_dim_, "beta" if self.beta_norm is None else "beta_norm"
        fewest = (1 - MOSTLY) * k if self.beta_norm is None else min(SPOKEN, k)
        weight = f"lower {name}={getattr(self, name):g}"
        some_may = self.beta_norm is not None  # that some say nothing is what it is for
        return health.collapsed(quiet, k, fewest, weight, some_may)
