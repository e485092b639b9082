"""GAN: a generator learns to draw images that a discriminator cannot tell from real ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from isthmus.data.images import Images
from isthmus.fitted import health
from isthmus.models.components import as_components, look_at_components
from isthmus.models.inversion import Inverted
from isthmus.models.modules import TakesModules
from isthmus.models.starts import start_game
from isthmus.nets.batch_norm import batch_normed
from isthmus.nets.coders import ARCHITECTURES, decoder, encoder
from isthmus.nets.dense import dense
from isthmus.nets.fused import OUTPUTS
from isthmus.nets.games import GAMES, loss_of_discriminator, loss_of_generator, slope
from isthmus.nets.norms import Centered, spectral
from isthmus.nets.paths import fixed
from isthmus.training import Step
from isthmus.validation import one_of

AXES = 128
"""Principal components that dense layers stand between, at most."""
SLOPE = 0.03
"""Weight of the penalty on the slope of a discriminator that begins at principal components."""
LAZY = 4
"""The slope of the discriminator is penalised at every so many steps, and so much the more."""
FIXED = 16
"""Codes whose images are kept while the generator learns."""
MOST_PICTURES = 64
"""Pictures kept at most; of more, every second is dropped."""


@dataclass(eq=False, repr=False)
class GAN(TakesModules, Inverted):
    r"""Draws images from noise; two networks learn by playing against each other.

    The generator G makes images of codes z from a standard normal prior, the discriminator D tells
    them from real ones. "non_saturating": D minimises the mean of
    :math:`\zeta(-D(x)) + \zeta(D(G(z)))`, G that of :math:`\zeta(-D(G(z)))`, zeta being softplus;
    for the others see `isthmus.nets.games`. An exponential average of all generators draws.

    Where ``init="pca"`` both begin at the principal components of the training images, with mean
    :math:`\mu`, axes V and variances :math:`\lambda`:

    .. math:: G(z) = \mu + V (\sqrt{\lambda} z + g(z)), \qquad D(x) = d(V^T (x - \mu)),

    g being a network whose last layer starts at 0, so that the first images are those of a
    Gaussian with the mean and the leading covariance of the real ones; d sees up to 128 components
    and G makes as many (where conv, all pixels about their mean, and only g learns). D is held by
    the penalty :math:`\tfrac{\gamma}{2} \sigma^2 (|\nabla D(x)|^2 + |\nabla D(G(z))|^2)`, sigma
    squared being the variance of the images, at every fourth step four times. Where dense,
    what is drawn at last has their mean and covariance: see `isthmus.models.starts.match_moments`.

    A GAN has no way from an image to its code, so `encode` inverts the generator: once it is done,
    an encoder E learns to minimise :math:`|G(E(x)) - x|^2` on real images and
    :math:`|E(G(z)) - z|^2` on drawn ones, and `invert_steps` steps of descent refine its codes.
    Where G begins at components E begins as its exact inverse,
    :math:`(V^T (x - \mu))_i / \sqrt{\lambda_i}`. What the generator cannot draw comes back as the
    nearest it can: see `inversion_error_`.

    Parameters
    ----------
    latent_dim : int or None
        Width of the code, at least 1; None is 100, or what few or narrow images fill.
    architecture : {"dense", "conv"}
        "dense" layers only, or "conv": transposed convolutions up and strided ones down.
    generator : tuple of int
        Units of its hidden layers, at least 1 each, where dense; each is batch normalised, but for
        ``init="pca"``. In Python also a module of your own, as the decoder of an `Autoencoder`.
    discriminator : tuple of int
        Units of its hidden layers, at least 1 each, where dense; one logit follows them. In Python
        also a module of your own that makes of pictures, about zero, one logit each, (n, 1).
    encoder : torch.nn.Module or None
        In Python, one of your own that learns to invert the generator.
    channels : tuple of int
        Filters of the discriminator where conv, at least 1 each; the generator mirrors them.
    output : {"auto", "sigmoid", "tanh", "linear"}
        Last activation of the generator; "auto" takes linear where it begins at principal
        components (values are clipped to [0, 1] or [-1, 1] where images are in one of them); else
        sigmoid for values in [0, 1], tanh for values in [-1, 1], and linear (on values centred and
        scaled by one number each) otherwise.
    loss : {"relativistic", "non_saturating", "wgan_gp"}
        "relativistic" (real and drawn images are compared), "non_saturating", or "wgan_gp".
    gradient_penalty : float
        Lambda of "wgan_gp", at least 0.
    slope_penalty : float or None
        Gamma, at least 0; None for 0.03 where the players begin at principal components, else 0.
    n_critic : int
        Steps of the discriminator, at least 1, on every batch of images, each with new noise,
        before the one of the generator; 5 is usual for "wgan_gp".
    spectral_norm : bool or None
        Divide the weights of every layer of the discriminator by their largest singular value;
        None does so but for "wgan_gp" and ``init="pca"``.
    ema : float
        Share of the average that stays at every step, 0 to below 1; at most
        (1 + step) / (10 + step), so that the first steps are soon forgotten.
    picture_every : int
        Steps, at least 1, after which images of the same 16 codes are kept again.
    encoder_epochs : int or None
        Passes over the images while the encoder learns; 0 for no encoder, None for 15, and more of
        few images, so that there are at least 500 steps (1 and 1,000 for ``init="pca"``).
    invert_steps : int
        Steps of descent, at least 0, from the encoder's code in `encode`; may be set after `fit`.
    optimizer : {"adam", "adamw", "adam_gan", "sgd", "momentum", "rmsprop", "adagrad"}
        The update rule of both players; "adam_gan" is Adam with less momentum (beta1 = 0.5).
    validation_fraction : float
        Share of the training images that is held out, 0 to below 1; nothing unless asked for,
        since no loss of a game tells the best epoch.
    max_seconds : float or None
        Stop when this many seconds, more than 0, are spent, from the call of `fit` to its end; a
        fifth of it is kept for the encoder.

    Attributes
    ----------
    average_, generator_, discriminator_, encoder_ : torch.nn.Sequential
        The networks; `average_` is the one that draws.
    progress_ : ndarray of shape (n_pictures, 16, ...)
        Images of the same codes while the generator learned, float16.
    progress_steps_ : list of int
        The steps after which they were made.
    inversion_error_ : float or None
        Mean squared error of ``decode(encode(x))`` on training images; None without inversion.
    spread_ : float
        Mean squared error that the mean image would have on them.
    variety_ : float
        Of the kinds (nearest of 100) that real training images show, the share that drawn ones do.
    history_, inversion_history_ : dict of str to list of float
        epoch, discriminator_loss, generator_loss, seconds; of the encoder epoch, loss, seconds.

    Raises
    ------
    ValueError
        If a parameter is out of its range; from `encode`, where nothing was learned to invert
        with, or values lie far outside those fitted on.

    References
    ----------
    I. Goodfellow et al., Generative adversarial nets, 2014. I. Gulrajani et al., Improved training
    of Wasserstein GANs, 2017. T. Miyato et al., Spectral normalization for generative adversarial
    networks, 2018. L. Mescheder et al., Which training methods for GANs do actually converge?,
    2018. Y. Yazıcı et al., The unusual effectiveness of averaging in GAN training, 2019. T. Karras
    et al., Analyzing and improving the image quality of StyleGAN, 2020 (the penalty at some steps
    only). Y. Huang et al., The GAN is dead; long live the GAN! A modern GAN baseline, 2024.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.GAN(16, generator=(64,), discriminator=(64,), epochs=5, random_state=0)
    >>> model.fit(images.train).sample(4, random_state=0).shape
    (4, 8, 8, 1)
    >>> model.encode(images.test).shape
    (359, 16)
    """

    latent_dim: int | None = None
    _: KW_ONLY
    architecture: str = "dense"
    generator: tuple[int, ...] | nn.Module = (256, 256)
    discriminator: tuple[int, ...] | nn.Module = (512, 256)
    encoder: nn.Module | None = None
    channels: tuple[int, ...] = (32, 64)
    output: str = "auto"
    loss: str = "relativistic"
    gradient_penalty: float = 10.0
    slope_penalty: float | None = None
    n_critic: int = 1
    spectral_norm: bool | None = None
    ema: float = 0.998
    picture_every: int = 1000
    encoder_epochs: int | None = None
    invert_steps: int = 0
    batch_size: int = 64
    optimizer: str = "adam_gan"
    schedule: str = "constant"
    learning_rate: float = 2e-3
    validation_fraction: float = 0.0
    keep_best: bool = False

    width, default_width, decoding = "latent_dim", 100, "generator"
    has_standard_prior = True
    study_steps, study_least, study_good, study_weight = 4000, 1000, 2500, 3.0
    variants: ClassVar = {"conv": {"architecture": "conv", "learning_rate": 1e-3}}
    linear_where: ClassVar[dict[str, tuple[Any, ...]]] = {
        "architecture": ("dense", "conv"),
        "output": ("auto", "linear"),
        "loss": ("non_saturating", "relativistic"),
        "spectral_norm": (None, False),
    }

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model with steps that suit the images: fewer for few of them."""
        few = max(cls.study_steps // 4, 100 * -(-len(images) // cls.batch_size))
        steps = min(cls.study_steps, few)
        chosen = {"epochs": None, "max_steps": steps, "picture_every": max(1, steps // 8)}
        return super().for_study(images, width, **chosen | parameters)

    def _widest(self, images: Images) -> dict[str, int]:
        # noise may be wider than the images, where that is asked for
        return super()._widest(images) if self.latent_dim is None else {}

    def _check_parameters(self) -> None:
        super()._check_parameters()
        one_of("architecture", self.architecture, ARCHITECTURES)
        one_of("output", self.output, ("auto", *OUTPUTS))
        one_of("loss", self.loss, GAMES)
        self._check_units("generator", "discriminator", "channels")
        least = {"n_critic": 1, "picture_every": 1, "encoder_epochs": 0, "invert_steps": 0}
        for name, low in {**least, "gradient_penalty": 0, "slope_penalty": 0}.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise ValueError(f"{name}={value} must be at least {low}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema={self.ema} must be at least 0 and below 1")

    def _prepare(self, images: Images) -> None:
        self._scale_to(images, self.output)
        look_at_components(self, images, AXES)

    def networks(self) -> dict[str, nn.Module]:
        """Return the networks: see `NeuralRepresentation.networks`."""
        shape = self.architecture, self.image_shape_, self.channels
        widths = (*self._units("generator")[::-1], self.latent_dim_)
        down = (*self._units("discriminator"), 1)
        if self.n_axes_:
            return self._networks_of_axes(widths, down)
        gentle = self.loss != "wgan_gp" if self.spectral_norm is None else self.spectral_norm
        judge = encoder(*shape, down, "leaky_relu")
        return {
            "generator_": self._own_decoder() or batch_normed(decoder(*shape, widths, "relu")),
            "average_": self._own_decoder() or batch_normed(decoder(*shape, widths, "relu")),
            "discriminator_": self._own_judge() or (spectral(judge) if gentle else judge),
            "encoder_": self._own_encoder() or encoder(*shape, widths, "leaky_relu"),
        }

    def _units(self, name: str) -> tuple[int, ...]:
        """Return the units of hidden layers; none where convolutions or a module are there."""
        units = getattr(self, name)
        return () if self.architecture != "dense" or isinstance(units, nn.Module) else units

    def _networks_of_axes(
        self, widths: tuple[int, ...], down: tuple[int, ...]
    ) -> dict[str, nn.Module]:
        """Return networks with linear paths; the first layer of those down says what is seen."""
        d, axes = self.n_features_in_, self.n_axes_
        shape = self.architecture, self.image_shape_, self.channels
        coder = encoder(*shape, widths, "leaky_relu", axes=axes)
        if self.architecture == "dense":
            judge = nn.Sequential(fixed(d, axes), *dense((axes, *down), "leaky_relu"))
        else:
            judge = nn.Sequential(Centered(d), *encoder(*shape, down, "leaky_relu"))
            coder = nn.Sequential(Centered(d), *coder)
        return {
            "generator_": decoder(*shape, widths, "relu", axes),
            "average_": decoder(*shape, widths, "relu", axes),
            "discriminator_": judge,
            "encoder_": coder,
        }

    def _begin(self) -> None:
        if self.n_axes_:
            at, generators = self._principal, (self.generator_, self.average_)
            start_game(generators, self.discriminator_, self.encoder_, at, self.latent_dim_)
            self._unit, self._principal = at.spread(self.latent_dim_), None
            self._told = at.variance / self._unit**2

    def players(self) -> dict[str, list[nn.Module]]:
        """Return the networks of every player, each with an optimiser of its own."""
        generators = [self.generator_, self.average_]  # without gradients the average stays put
        return {"discriminator": [self.discriminator_], "generator": generators}

    def _fit(self, images: Images) -> None:
        super()._fit(images)
        self.history_.pop("loss")  # of neither player
        self._end_pictures()
        self._told = None

    def _as_learned(self, images: Images) -> Images:
        return as_components(images, self)

    def _before(self, images: Images, rng: torch.Generator) -> None:
        self.average_.load_state_dict(self.generator_.state_dict())
        self.average_.requires_grad_(False)
        self._fixed = self._prior(FIXED, rng)
        self._pictures: dict[int, np.ndarray] = {}

    def losses(self, x: torch.Tensor, rng: torch.Generator, targets: Any = None) -> Iterator[Step]:
        """Yield the steps on a batch: see `NeuralRepresentation.losses`."""
        real, learning = self._given(x), torch.is_grad_enabled()
        judge, weight = self._judge(), self._weight_of_slope()
        for turn in range(1, self.n_critic + 1):
            with torch.set_grad_enabled(learning and turn == self.n_critic):
                drawn = self._drawn(self.generator_, self._prior(len(x), rng))
            game = real, drawn.detach(), self.loss, self.gradient_penalty
            loss = loss_of_discriminator(judge, *game, rng)
            if weight and learning and self._step % LAZY == 0:
                loss = loss + LAZY * weight / 2 * (slope(judge, real) + slope(judge, drawn))
            yield Step("discriminator", loss, {"discriminator_loss": loss / self.n_critic})
        judge.requires_grad_(False)  # no gradients that nobody asks for
        of_real = judge(real).float() if self.loss == "relativistic" else drawn
        loss = loss_of_generator(judge(drawn).float(), of_real, self.loss)
        judge.requires_grad_(True)
        yield Step("generator", loss, {"generator_loss": loss})
        self._follow()
        if (self._step + 1) % self.picture_every == 0:
            self._picture(self._step + 1)

    def _prior(self, n: int, rng: torch.Generator) -> torch.Tensor:
        return torch.randn(n, self.latent_dim_, generator=rng, device=rng.device)

    def _weight_of_slope(self) -> float:
        usual = SLOPE if self.n_axes_ else 0.0
        return usual if self.slope_penalty is None else self.slope_penalty

    def _seen(self, x: torch.Tensor) -> torch.Tensor:
        """Return images as the discriminator and the encoder see them: about zero."""
        if self.n_axes_:
            return self.discriminator_[0](self._scaled(x)).float()
        return 2 * x - 1 if self.output_ == "sigmoid" else self._scaled(x)

    def _given(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the loop hands out as the discriminator and the encoder see it."""
        return x if self._of_components else self._seen(x)

    def _drawn(self, net: nn.Sequential, z: torch.Tensor) -> torch.Tensor:
        if not self.n_axes_:
            return self._seen(self._image(net(z)))
        y = net[0](z).float()
        return self.discriminator_[0](y) if len(net) == 1 else y  # or components already

    def _judge(self) -> nn.Module:
        """Return what tells images as they are seen."""
        return self.discriminator_[1:] if self.n_axes_ else self.discriminator_

    def _coder(self) -> nn.Module:
        """Return what encodes images as they are seen."""
        return self.encoder_[1:] if self.n_axes_ else self.encoder_

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average a little towards the generator as it is now."""
        stays = min(self.ema, (1 + self._step) / (10 + self._step))
        torch._foreach_lerp_(_numbers(self.average_), _numbers(self.generator_), 1 - stays)

    @torch.no_grad()
    def _picture(self, step: int) -> None:
        images = self._image(self.average_.eval()(self._fixed))
        self._pictures[step] = images.cpu().numpy().astype(np.float16)
        if len(self._pictures) > MOST_PICTURES:
            self._pictures = dict(list(self._pictures.items())[1::2])

    def _end_pictures(self) -> None:
        self._picture(self._step)
        shape = (-1, FIXED, *self.image_shape_)
        self.progress_ = np.stack(list(self._pictures.values())).reshape(shape)
        self.progress_steps_ = list(self._pictures)
        del self._pictures, self._fixed

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        return self._image(self.average_(z.float()))

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        return self._decode(self._prior(n, rng))

    def parts(self) -> dict[str, np.ndarray]:
        """Return what became of the same codes while the generator learned, (pictures, codes)."""
        steps = ", ".join(map(str, self.progress_steps_))
        return {f"the same codes after {steps} steps": self.progress_[:, :9].astype(np.float32)}

    def _remedy(self) -> str:
        return "train longer, raise encoder_epochs or latent_dim, or set invert_steps=100"

    def _health(self, images: Images) -> list[str]:
        if self.stopped_ == "diverged":
            return [
                "a loss became infinite or NaN; the weights before that are kept: "
                "lower learning_rate, or try spectral_norm=True"
            ]
        findings = self._unscaled() + self._health_of_inverse()
        findings += health.too_few_steps((), self._step, self.stopped_)
        findings += health.mode_collapse(self.variety_, self._drawn_spread)
        loss = self.history_.get("discriminator_loss", [math.inf])[-1]
        if self.loss != "wgan_gp":
            findings += health.lost_game(loss)
        return findings


def _numbers(net: nn.Module) -> list[torch.Tensor]:
    """Return weights and running means of a network, without its counters."""
    return [value for value in net.state_dict().values() if value.is_floating_point()]
