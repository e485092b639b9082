"""Autoencoder: a network down to a narrow code, and its mirror image back up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from isthmus.data.corrupt import check_noise, corrupt, warped
from isthmus.data.images import Images, with_channels
from isthmus.fitted import health
from isthmus.models.components import as_components, look_at_components
from isthmus.models.modules import TakesModules
from isthmus.models.moments import moments
from isthmus.models.scalars import FiniteScalars
from isthmus.models.starts import quickly
from isthmus.nets.coders import ARCHITECTURES, decoder, encoder
from isthmus.nets.conv import ToPicture
from isthmus.nets.dense import ACTIVATIONS, WEIGHTED
from isthmus.nets.fused import LOSSES, OUTPUTS, chain_loss
from isthmus.neural import NeuralRepresentation
from isthmus.training import Fused, Stage, Step
from isthmus.training.stages import MAIN, Record
from isthmus.validation import one_of

AT_ONCE = 2**16
"""Codes held at once while their mean and covariance are found."""


@dataclass(eq=False, repr=False)
class Autoencoder(FiniteScalars, TakesModules, NeuralRepresentation):
    r"""Encodes by a dense network and decodes by its mirror image: :math:`\hat x = g(f(x))`.

    Both are trained together to give back what went in, through a code of `latent_dim` numbers:
    minimise the mean of :math:`\ell(x, g(f(x)))`. `sample` decodes draws from a Gaussian with the
    mean and covariance of the training codes.

    It begins as PCA and goes on from there: with mean :math:`\mu`, principal axes V, the first k
    of them :math:`V_k`, and s the deviation along these k,

    .. math:: f(x) = V_k^T (x - \mu) / s + h(y), \quad g(z) = \mu + V (s\,z + s\,h'(z))

    with networks h and h' that begin at zero. Dense ones stand between up to 256 components,
    :math:`y = V^T (x - \mu) / s`, and what lies beyond these is left out; convolutions see and
    give whole images, in place of y and of V s h'. With no hidden layers and linear activations it
    stays in the subspace of PCA; with another `init` it finds it.

    Parameters
    ----------
    latent_dim : int or None
        Width of the code, at most the numbers in an image; None is 32, or fewer
        where an image has fewer numbers, or the images vary in fewer directions than that.
    architecture : {"dense", "conv", "spatial"}
        "dense" has dense layers only, "conv" strided convolutions before them, mirrored by
        transposed ones. "spatial" has convolutions only, for images of any size: a code of
        `latent_dim` numbers for every cell of a grid, each of 16 pixels square with three
        `channels`, twice or half as wide with one more or less.
    hidden : tuple of int
        Units of the dense layers before the code, at least 1 each; the decoder has them mirrored.
    channels : tuple of int
        Filters of the convolutions, at least 1 each, 4x4 with stride 2: each halves height and
        width.
    activation : {"relu", "leaky_relu", "tanh", "sigmoid", "softmax", "linear"}
        Activation after every hidden layer.
    code_activation : {"relu", "leaky_relu", "tanh", "sigmoid", "softmax", "linear"}
        After the code.
    output : {"auto", "sigmoid", "tanh", "linear"}
        Last activation of the decoder; "auto" takes linear (on values centred and scaled by one
        number each, unless they are in [0, 1] or [-1, 1], to which images are then clipped) where
        it begins at principal components; else sigmoid for values in [0, 1], tanh for values in
        [-1, 1], and linear for all others.
    loss : {"mse", "mae", "bce"}
        Squared error ("mse"), absolute error ("mae") or binary cross-entropy ("bce"), averaged
        over images and pixels. In Python also a function of (reconstruction, x), tensors in the
        shape and the values of the images fitted on, (n, h, w, c) or (n, d): it returns a scalar
        or one number an image, (n,).
    noise : float or (float, float)
        Level of the noise, at least 0, that is laid on what goes in, while what should come out
        stays clean (a denoising autoencoder): one level, or a range of which every image gets its
        own. Levels of Gaussian noise are in units of the range of the images, 1 in 0..1 and 2 in
        -1..1.
    noise_kind : {"gaussian", "salt_and_pepper", "bit_flip", "masking"}
        "gaussian" is added to every pixel; "salt_and_pepper" sets pixels to black or white,
        "masking" to 0; "bit_flip" inverts them.
    warp : float
        How far what goes in is turned, slanted, stretched and moved at random, below 1 (0.1: up to
        6 degrees, 10 % and 5 % of the image), while what should come out stays: the code of an
        image then says less of where things are, and more of what they are. Vectors have none.
    pretrain_epochs : int
        Epochs for every layer before all are trained together: the outermost layer and its mirror
        first, then the next ones between them.
    encoder, decoder : torch.nn.Module or None
        In Python, networks of your own in place of ours: a module that makes of pictures (n, c, h,
        w), or of vectors (n, d), codes (n, k), and one that makes of codes pictures, before the
        last activation. Copies of them learn, from the weights they have; k is the width.

    Attributes
    ----------
    latent_dim_ : int
        Width of the code.
    encoder_, decoder_ : torch.nn.Sequential
        The networks.
    n_axes_ : int
        Principal components that they began at; 0 with another `init`.
    history_ : dict of str to list of float
        epoch, loss, val_loss and seconds after every epoch.
    pretraining_history_ : dict of str to dict
        The same of "layer 1", "layer 2" and so on, where there was pre-training.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the loss is "bce" and values leave [0, 1].

    References
    ----------
    G. Hinton and R. Salakhutdinov, Reducing the dimensionality of data with neural networks, 2006.
    Y. Bengio et al., Greedy layer-wise training of deep networks, 2007 (pre-training).
    P. Vincent et al., Extracting and composing robust features with denoising autoencoders, 2008.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.Autoencoder(8, hidden=(32,), epochs=20, random_state=0).fit(images.train)
    >>> model.encode(images.test).shape
    (359, 8)
    """

    latent_dim: int | None = None
    _: KW_ONLY
    architecture: str = "dense"
    hidden: tuple[int, ...] = (512, 256)
    channels: tuple[int, ...] = (32, 64, 128)
    activation: str = "relu"
    code_activation: str = "linear"
    output: str = "auto"
    loss: str | Callable[..., Any] = "mse"
    noise: float | tuple[float, float] = 0.0
    noise_kind: str = "gaussian"
    warp: float = 0.0
    pretrain_epochs: int = 0
    encoder: nn.Module | None = None
    decoder: nn.Module | None = None

    width, study_rank, has_encoder = "latent_dim", 1, True
    linear_where: ClassVar[dict[str, tuple[Any, ...]]] = {
        "architecture": ("dense", "conv", "spatial"),
        "output": ("auto", "linear"),
        "code_activation": ("linear",),
        "loss": ("mse",),
        "pretrain_epochs": (0,),
    }
    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "conv": {"architecture": "conv"},
        "denoising": {"noise": (0.0, 0.5)},
    }

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model that suits the images, and is quickly past its start."""
        return super().for_study(images, width, **quickly(cls, images, parameters))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        one_of("architecture", self.architecture, ARCHITECTURES)
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("code_activation", self.code_activation, ACTIVATIONS)
        one_of("output", self.output, ("auto", *OUTPUTS))
        if not callable(self.loss):
            one_of("loss", self.loss, LOSSES)
        check_noise(self.noise_kind, self.noise)
        if not 0 <= self.warp < 1 or (self.warp and len(self.image_shape_) == 1):
            raise ValueError(f"warp={self.warp} must be at least 0 and below 1, and 0 for vectors")
        self._check_units("hidden", "channels")
        if self.pretrain_epochs < 0:
            raise ValueError(f"pretrain_epochs={self.pretrain_epochs} must be at least 0")

    def _prepare(self, images: Images) -> None:
        self._scale_to(images, self.output)
        look_at_components(self, self._coded(images))
        low, high = self.range_
        if self.loss == "bce" and (self.output_ != "sigmoid" or not 0 <= low <= high <= 1):
            raise ValueError(
                f"loss='bce' needs values in [0, 1] and output='sigmoid'; the images run from "
                f"{low:.4g} to {high:.4g}: scale them, or use loss='mse'"
            )

    def networks(self) -> dict[str, nn.Module]:
        """Return the networks: see `NeuralRepresentation.networks`."""
        if self.is_spatial:
            return self._of_cells()
        shape, up = (self.architecture, self.image_shape_, self.channels), self.activation
        widths = (*self.hidden, self.latent_dim_)
        return {
            "encoder_": self._own_encoder()
            or encoder(*shape, widths, up, self.code_activation, self.n_axes_),
            "decoder_": self._own_decoder() or decoder(*shape, widths, up, self.n_axes_),
        }

    def _begin(self) -> None:
        """Begin as PCA: its code in units of its deviation, and back."""
        if self.n_axes_:
            at = self._principal
            self._unit, self._rest = at.spread(self.latent_dim_), at.rest
            gain = torch.full((self.latent_dim_,), self._unit, device=at.mean.device)
            self._begin_at(at, 1 / gain, gain)
            self._principal = None

    def _as_learned(self, images: Images) -> Images:
        # what is altered anew at every step has other components
        return images if self.noise or self.warp else as_components(images, self)

    def losses(self, x: torch.Tensor, rng: torch.Generator, targets: Any = None) -> Iterator[Step]:
        """Yield the steps on a batch: see `NeuralRepresentation.losses`."""
        yield self._reconstruction([*self.encoder_, *self.decoder_], self._shown(x, rng), rng)

    def _reconstruction(
        self, layers: list[nn.Module], x: torch.Tensor, rng: torch.Generator
    ) -> Step:
        """Return the step that makes a chain of layers give back images from noisy ones."""
        if self._of_components:
            loss = self._error_of_components(x, x)
            return Step("model", loss, {"loss": loss})
        noisy = warped(x, with_channels(self.image_shape_), self.warp, rng) if self.warp else x
        if self.noise:
            noisy = corrupt(noisy, self.noise_kind, self.noise, rng, *self.range_)
        if callable(self.loss):
            loss = self._given_loss(self.loss, nn.Sequential(*layers)(self._scaled(noisy)), x)
            return Step("model", loss, {"loss": loss})
        x, noisy = self._scaled(x), self._scaled(noisy)
        if self._narrow():
            down, fused = self.encoder_[0], False
            loss = self._error_of_components(y := down(x), y if noisy is x else down(noisy))
        else:
            loss, fused = chain_loss(layers, noisy, x, self.output_, self.loss)
        return (Fused if fused else Step)("model", loss, {"loss": loss})

    def _given_loss(
        self, measure: Callable[..., Any], a: torch.Tensor, x: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean of a loss of the user's own, which sees images in their own values."""
        shape = (-1, *self.image_shape_)
        given = [
            each.permute(0, 2, 3, 1) if self.is_spatial else each for each in (self._image(a), x)
        ]
        loss = measure(*(each.reshape(shape) for each in given))
        if not isinstance(loss, torch.Tensor) or loss.shape not in ((), (len(x),)):
            was = tuple(getattr(loss, "shape", ())) or type(loss).__name__
            raise ValueError(
                f"loss= must return a tensor, a scalar or one number an image, shape ({len(x)},); "
                f"got {was}"
            )
        return loss.mean()

    def _error_of_components(self, y: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
        """Return the error of pixels from that of their components: what is left out stays so."""
        back = self.decoder_[0](self.encoder_[1](noisy))
        wrong = (back.float() - y.float()).square().sum(1).mean() * self._unit**2
        return (wrong + self._rest) / self.n_features_in_

    def _stages(self, images: Images) -> list[Stage]:
        """Train the outermost layers first, then those within; then all of them together."""
        main, n_layers = self._stage(), len(_weighted(self.encoder_)) - 1
        depths = range(1, n_layers + 1) if self.pretrain_epochs else ()
        passes = main.passes(-(-len(images) // self.batch_size))
        share = 1 / (len(depths) + passes / max(1, self.pretrain_epochs))
        return [*(self._pretraining(depth, depth * share) for depth in depths), main]

    def _pretraining(self, depth: int, until: float) -> Stage:
        """Return the stage in which the layers down to a depth learn, and their mirror images."""
        stop, start = _weighted(self.encoder_)[depth], _weighted(self.decoder_)[-depth]
        start -= isinstance(self.decoder_[start - 1], ToPicture)
        outer = [*self.encoder_[:stop], *self.decoder_[start:]]

        def losses(x: torch.Tensor, rng: torch.Generator) -> Iterator[Step]:
            yield self._reconstruction(outer, x, rng)

        return self._stage(
            f"layer {depth}", players={"model": outer}, losses=losses, until=until,
            epochs=self.pretrain_epochs, max_steps=None, optional=True,
        )  # fmt: skip

    def _note(self, records: dict[str, Record]) -> None:
        super()._note(records)
        self.__dict__.pop("pretraining_history_", None)  # of an earlier fit
        if self.pretrain_epochs:
            self.pretraining_history_ = {
                name: record.history for name, record in records.items() if name != MAIN
            }

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        return self._indexed(self._numbers(x))

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        return self._image(self._pictured(self._valued(z)))

    def _fit(self, images: Images) -> None:
        super()._fit(images)
        seen = self.affordable(images, len(images))
        parts = (seen[i : i + AT_ONCE] for i in range(0, len(seen), AT_ONCE))
        mean, deviation, covariance = moments(
            self._map(self._numbers, part).reshape(-1, self.latent_dim_) for part in parts
        )
        self.code_mean_, self.code_deviation_ = mean, deviation
        self._count_used(seen)
        values, vectors = np.linalg.eigh(covariance)
        self.code_spread_ = vectors * np.sqrt(np.maximum(values, 0))  # S S^T is the covariance

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        z = torch.randn(n, self.latent_dim_, generator=rng, device=rng.device)
        return self._decode(
            z @ self._learned("code_spread_", z).T + self._learned("code_mean_", z)
        )

    def _health(self, images: Images) -> list[str]:
        findings = super()._health(images)
        remedy = "use code_activation='linear' or a lower learning_rate"
        if 0 < self.n_axes_ < self.latent_dim_:
            remedy = f"the images differ along {self.n_axes_} directions: give that latent_dim"
        dead = health.dead_numbers(self.code_mean_, self.code_deviation_)
        return findings + health.dead_code(dead, self.latent_dim_, "latent dimensions", remedy)


def _weighted(net: nn.Sequential) -> list[int]:
    """Return where in a network the layers with weights are."""
    return [i for i, layer in enumerate(net) if isinstance(layer, WEIGHTED)]
