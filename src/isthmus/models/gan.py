"""GAN: a generator learns to draw images that a discriminator cannot tell from real ones."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from isthmus import health
from isthmus.data.images import CHUNK_BYTES, Images
from isthmus.nets.coders import ARCHITECTURES, decoder, encoder
from isthmus.nets.descent import descend
from isthmus.nets.fused import OUTPUTS
from isthmus.nets.games import GAMES, loss_of_discriminator, loss_of_generator, variety
from isthmus.nets.norms import batch_normed, spectral
from isthmus.neural import NeuralRepresentation
from isthmus.tensors import generator
from isthmus.training import Loop
from isthmus.words import one_of

STUDY_STEPS = 9000
"""Optimiser steps in a study, within 10 to 150 epochs."""
FIXED = 16
"""Codes whose images are kept while the generator learns."""
MOST_PICTURES = 64
"""Pictures kept at most; of more, every second is dropped."""
INVERSION_SHARE = 0.25
"""Share of a time budget that is kept for learning to invert the generator."""
ENCODER_RATE = 1e-3
"""Learning rate of the encoder."""
CODE_WEIGHT = 0.03
"""Weight of the error of codes beside the error of images while the encoder learns."""
MEASURED = 1000
"""Images that the inversion error and the variety of what is drawn are measured on, at most."""
POOR = 0.5
"""Share of the spread from which on the error of the inversion is poor."""
INVERTING = 15, 500
"""Passes and steps of learning to invert by default, at least."""


@dataclass(eq=False, repr=False)
class GAN(NeuralRepresentation):
    r"""Draws images from noise; two networks learn by playing against each other.

    The generator G makes images of codes z from a standard normal prior, the discriminator D tells
    them from real ones: D minimises the mean of :math:`\zeta(-D(x)) + \zeta(D(G(z)))`, G that of
    :math:`\zeta(-D(G(z)))`, zeta being softplus; for "wgan_gp" see `isthmus.nets.games`. What
    draws is an exponential average of the generators of all steps.

    A GAN has no way from an image to its code, so `encode` inverts the generator: once it is done,
    an encoder E learns to minimise :math:`|G(E(x)) - x|^2` on real images and
    :math:`|E(G(z)) - z|^2` on drawn ones, and `invert_steps` steps of descent refine its codes.
    What the generator cannot draw comes back as the nearest it can: see `inversion_error_`.

    Parameters
    ----------
    latent_dim : int or None
        Width of the code, any number; None is 100, or as many as an image has numbers.
    architecture : {"dense", "conv"}
        Dense layers only, or transposed convolutions up and strided ones down.
    generator : tuple of int
        Units of its hidden layers, where dense; each is batch normalised.
    discriminator : tuple of int
        Units of its hidden layers, where dense; one logit follows them.
    channels : tuple of int
        Filters of the convolutions of the discriminator, mirrored in the generator, where conv.
    output : {"auto", "sigmoid", "tanh", "linear"}
        Last activation of the generator; "auto" takes sigmoid for values in [0, 1], tanh for
        values in [-1, 1], and linear (on values centred and scaled by one number each) otherwise.
    loss : {"non_saturating", "wgan_gp"}
        What the players lose.
    gradient_penalty : float
        Lambda of "wgan_gp".
    n_critic : int
        Steps of the discriminator on every batch of images, each with new noise, before the one
        of the generator; 5 is usual for "wgan_gp".
    spectral_norm : bool or None
        Divide the weights of every layer of the discriminator by their largest singular value;
        None does so for "non_saturating".
    ema : float
        Share of the average that stays at every step, 0 to below 1; at most
        (1 + step) / (10 + step), so that the first steps are soon forgotten.
    picture_every : int
        Keep the images of the same 16 codes after every so many steps, and after the last.
    encoder_epochs : int or None
        Passes over the images while the encoder learns; 0 for no encoder, None for 15, and more of
        few images, so that there are at least 500 steps.
    invert_steps : int
        Steps of descent that `encode` takes from the encoder's code; may be set after fitting.
    epochs, batch_size, optimizer, learning_rate, schedule, init, precision
        See `NeuralRepresentation`; both players have the same optimizer.
    validation_fraction, keep_best, patience, max_seconds, checkpoint, log_dir
        See `NeuralRepresentation`. No loss of a game tells the best epoch, so nothing is held out
        unless asked for. A quarter of max_seconds is kept for the encoder.
    random_state, device, verbose
        See `Representation`.

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
    networks, 2018. Y. Yazıcı et al., The unusual effectiveness of averaging in GAN training, 2019.

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
    generator: tuple[int, ...] = (256, 512, 1024)
    discriminator: tuple[int, ...] = (512, 256)
    channels: tuple[int, ...] = (32, 64)
    output: str = "auto"
    loss: str = "non_saturating"
    gradient_penalty: float = 10.0
    n_critic: int = 1
    spectral_norm: bool | None = None
    ema: float = 0.99
    picture_every: int = 1000
    encoder_epochs: int | None = None
    invert_steps: int = 0
    batch_size: int = 64
    optimizer: str = "adam_gan"
    learning_rate: float = 5e-4
    validation_fraction: float = 0.0
    keep_best: bool = False

    width = "latent_dim"
    default_width = 100
    study_steps, study_least, study_weight = 6000, 400, 3.0
    variants: ClassVar[dict[str, dict[str, Any]]] = {"conv": {"architecture": "conv"}}
    _inverting = False  # the game is over, its encoder learns

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Any:
        """Return an unfitted model of a size that suits the images: 9,000 steps, or fewer."""
        steps = -(-len(images) // cls.batch_size)
        epochs = min(150, max(10, STUDY_STEPS // steps))
        chosen: dict[str, Any] = {"epochs": epochs, "encoder_epochs": epochs // 2}
        chosen["picture_every"] = max(1, epochs * steps // 8)
        if math.prod(images.shape[1:]) < 256:
            chosen |= {"generator": (128, 256), "discriminator": (256, 128)}
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
        for name, low in {**least, "gradient_penalty": 0}.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise ValueError(f"{name}={value} must be at least {low}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema={self.ema} must be at least 0 and below 1")

    def _prepare(self, images: Images) -> None:
        self._scale_to(images, self.output)

    def _networks(self) -> dict[str, nn.Module]:
        dense, shape = self.architecture == "dense", (self.architecture, self.image_shape_)
        widths = (*(self.generator[::-1] if dense else ()), self.latent_dim_)
        down = (*(self.discriminator if dense else ()), 1)
        judge = encoder(*shape, self.channels, down, "leaky_relu")
        gentle = self.loss != "wgan_gp" if self.spectral_norm is None else self.spectral_norm
        return {
            "generator_": batch_normed(decoder(*shape, self.channels, widths, "relu")),
            "average_": batch_normed(decoder(*shape, self.channels, widths, "relu")),
            "discriminator_": spectral(judge) if gentle else judge,
            "encoder_": encoder(*shape, self.channels, widths, "leaky_relu"),
        }

    def _players(self) -> dict[str, list[nn.Module]]:
        if self._inverting:
            return {"encoder": [self.encoder_]}
        generators = [self.generator_, self.average_]  # without gradients the average stays put
        return {"discriminator": [self.discriminator_], "generator": generators}

    def _fit(self, images: Images) -> None:
        self._until = 1 - INVERSION_SHARE * (self.encoder_epochs != 0)
        super()._fit(images)
        self.history_.pop("loss")  # of neither player
        self._end_pictures()
        rng = generator(self.random_state, self._device())
        self._learn_to_invert(images, rng)
        self._measure(images, rng)

    def _before(self, images: Images, rng: torch.Generator) -> None:
        self.average_.load_state_dict(self.generator_.state_dict())
        self.average_.requires_grad_(False)
        self._fixed = self._prior(FIXED, rng)
        self._pictures: dict[int, np.ndarray] = {}

    def _losses(self, x: torch.Tensor, rng: torch.Generator) -> Iterator[tuple[str, Any, dict]]:
        return self._inversion(x, rng) if self._inverting else self._game(x, rng)

    def _game(self, x: torch.Tensor, rng: torch.Generator) -> Iterator[tuple[str, Any, dict]]:
        real, learning = self._seen(x), torch.is_grad_enabled()
        for turn in range(1, self.n_critic + 1):
            with torch.set_grad_enabled(learning and turn == self.n_critic):
                drawn = self._drawn(self.generator_, self._prior(len(x), rng))
            game = real, drawn.detach(), self.loss, self.gradient_penalty
            loss = loss_of_discriminator(self.discriminator_, *game, rng)
            yield "discriminator", loss, {"discriminator_loss": loss / self.n_critic}
        self.discriminator_.requires_grad_(False)  # no gradients that nobody asks for
        loss = loss_of_generator(self.discriminator_(drawn).float(), self.loss)
        self.discriminator_.requires_grad_(True)
        yield "generator", loss, {"generator_loss": loss}
        self._follow()
        if (self._step + 1) % self.picture_every == 0:
            self._picture(self._step + 1)

    def _prior(self, n: int, rng: torch.Generator) -> torch.Tensor:
        return torch.randn(n, self.latent_dim_, generator=rng, device=rng.device)

    def _seen(self, x: torch.Tensor) -> torch.Tensor:
        """Return images as the discriminator and the encoder see them: about zero."""
        return 2 * x - 1 if self.output_ == "sigmoid" else self._scaled(x)

    def _drawn(self, net: nn.Module, z: torch.Tensor) -> torch.Tensor:
        return self._seen(self._image(net(z)))

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
        if self._step not in self._pictures:
            self._picture(self._step)
        shape = (-1, FIXED, *self.image_shape_)
        self.progress_ = np.stack(list(self._pictures.values())).reshape(shape)
        self.progress_steps_ = list(self._pictures)
        del self._pictures, self._fixed

    def _learn_to_invert(self, images: Images, rng: torch.Generator) -> None:
        hurry = self.stopped_ == "interrupted"  # whoever asks to stop will not wait for long
        epochs = 1 if hurry and self.encoder_epochs != 0 else self.encoder_epochs
        stage = copy.copy(self)  # shares the networks
        stage._inverting, stage._least = True, INVERTING
        stage.set_params(
            epochs=epochs, max_steps=None, checkpoint=None, log_dir=None,
            optimizer="adam", learning_rate=ENCODER_RATE, validation_fraction=0.1, keep_best=True,
            patience=None,
        )  # fmt: skip
        with torch.enable_grad():
            loop = Loop(stage, images, rng)
            loop.run()
        self.inversion_history_ = loop.history

    def _inversion(self, x: torch.Tensor, rng: torch.Generator) -> Iterator[tuple[str, Any, dict]]:
        real, z = self._seen(x), self._prior(len(x), rng)
        with torch.no_grad():
            drawn = self._drawn(self.average_, z)
        of_real, of_drawn = self.encoder_(torch.cat((real, drawn))).float().chunk(2)
        wrong = (self._drawn(self.average_, of_real) - real).square().mean()
        loss = wrong + CODE_WEIGHT * (of_drawn - z).square().mean()
        yield "encoder", loss, {"loss": loss}

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.compiler.is_compiling():  # an exported network looks at no values
            self._check_invertible(x)
        real, learned = self._seen(x), self.inversion_history_["epoch"]
        z = self.encoder_(real) if learned else x.new_zeros(len(x), self.latent_dim_)
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
        if max(low - least, most - high) > high - low and self.output_ != "linear":
            raise ValueError(
                f"the images run from {least:.4g} to {most:.4g}, but this GAN was fitted on "
                f"values from {low:.4g} to {high:.4g} and draws no others: scale them as those"
            )

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        return self._image(self.average_(z.float()))

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        return self._decode(self._prior(n, rng))

    def parts(self) -> dict[str, np.ndarray]:
        """Return what became of the same codes while the generator learned, (pictures, codes)."""
        steps = ", ".join(map(str, self.progress_steps_))
        return {f"the same codes after {steps} steps": self.progress_[:, :9].astype(np.float32)}

    def _measure(self, images: Images, rng: torch.Generator) -> None:
        most = max(2, min(MEASURED, CHUNK_BYTES // (4 * self.n_features_in_)))
        x = self._tensor(np.asarray(self._some(images, most)))
        x = x[torch.randperm(len(x), generator=rng, device=rng.device)]
        self.spread_ = _spread(x)
        self.inversion_error_ = None
        if self.inversion_history_["epoch"] or self.invert_steps:
            self.inversion_error_ = float((self._decode(self._encode(x)) - x).square().mean())
        self.variety_ = variety(x, drawn := self._sample(len(x), rng))
        self._drawn_spread = _spread(drawn) / self.spread_ if self.spread_ > 0 else 1.0

    def _share_of_spread(self, images: Images) -> float:
        return (self.inversion_error_ or 0.0) / self.spread_ if self.spread_ > 1e-9 else 0.0

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
        if self.loss == "non_saturating":
            findings += health.lost_game(loss)
        return findings

    def _health_of_inverse(self) -> list[str]:
        if self.inversion_error_ is None:
            return ["encoder_epochs=0: encode needs invert_steps, which may be set after fitting"]
        if not POOR < self._error_share < health.NO_BETTER:
            return []
        return [
            f"the inversion is poor: images come back with {self._error_share:.0%} of the squared "
            f"error that their mean image would have; {self._remedy()}"
        ]


def _spread(x: torch.Tensor) -> float:
    """Return the mean squared error of the mean image."""
    return float((x - x.mean(0)).square().mean())


def _numbers(net: nn.Module) -> list[torch.Tensor]:
    """Return weights and running means of a network, without its counters."""
    return [value for value in net.state_dict().values() if value.is_floating_point()]
