"""Autoencoder: a network down to a narrow code, and its mirror image back up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from isthmus.base import one_of
from isthmus.data.images import Images
from isthmus.nets.dense import ACTIVATIONS, dense
from isthmus.nets.fused import LOSSES, OUTPUTS, chain_loss
from isthmus.neural import NeuralRepresentation


@dataclass(eq=False, repr=False)
class Autoencoder(NeuralRepresentation):
    r"""Encodes by a dense network and decodes by its mirror image: :math:`\hat x = g(f(x))`.

    Both are trained together to give back what went in, through a code of `latent_dim` numbers:
    minimise the mean of :math:`\ell(x, g(f(x)))`. With no hidden layers and linear activations it
    learns the subspace of PCA. `sample` decodes draws from a Gaussian with the mean and covariance
    of the training codes.

    Parameters
    ----------
    latent_dim : int
        Width of the code.
    hidden : tuple of int
        Units of the layers from the image to the code; the decoder has them mirrored.
    activation : {"relu", "leaky_relu", "tanh", "sigmoid", "softmax", "linear"}
        After every hidden layer.
    code_activation : str
        After the code; the same names.
    output : {"auto", "sigmoid", "tanh", "linear"}
        Last activation of the decoder; "auto" takes sigmoid for values in [0, 1], tanh for values
        in [-1, 1], and linear (on values centred and scaled by one number each) for all others.
    loss : {"mse", "mae", "bce"}
        Squared or absolute error or binary cross-entropy, averaged over images and pixels.
    epochs, batch_size, optimizer, learning_rate, schedule, init
        See `NeuralRepresentation`.
    validation_fraction, keep_best, patience, max_seconds, checkpoint, log_dir, precision
        See `NeuralRepresentation`.
    random_state, device, verbose
        See `Representation`.

    Attributes
    ----------
    encoder_, decoder_ : torch.nn.Sequential
        The networks.
    history_ : dict of str to list of float
        epoch, loss, val_loss and seconds after every epoch.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or the loss is "bce" and values leave [0, 1].

    References
    ----------
    G. Hinton and R. Salakhutdinov, Reducing the dimensionality of data with neural networks, 2006.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.Autoencoder(8, hidden=(32,), epochs=20, random_state=0).fit(images.train)
    >>> model.encode(images.test).shape
    (359, 8)
    """

    latent_dim: int = 32
    _: KW_ONLY
    hidden: tuple[int, ...] = (512, 256)
    activation: str = "relu"
    code_activation: str = "linear"
    output: str = "auto"
    loss: str = "mse"

    width = "latent_dim"

    def _check_parameters(self) -> None:
        super()._check_parameters()
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("code_activation", self.code_activation, ACTIVATIONS)
        one_of("output", self.output, ("auto", *OUTPUTS))
        one_of("loss", self.loss, LOSSES)
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden={self.hidden} must be numbers of units, each at least 1")

    def _prepare(self, images: Images) -> None:
        low, high = _range(images)
        self.output_ = self.output
        if self.output == "auto":
            in_unit, in_signed = 0 <= low <= high <= 1, -1 <= low <= high <= 1
            self.output_ = "sigmoid" if in_unit else "tanh" if in_signed else "linear"
        if self.loss == "bce" and (self.output_ != "sigmoid" or not 0 <= low <= high <= 1):
            raise ValueError(
                f"loss='bce' needs values in [0, 1] and output='sigmoid'; the images run from "
                f"{low:.4g} to {high:.4g}: scale them, or use loss='mse'"
            )
        self.offset_, self.scale_ = 0.0, 1.0
        if self.output_ == "linear":
            self.offset_, self.scale_ = _centre_and_scale(self._tensors(images))
        self.range_ = [low, high]

    def _networks(self) -> dict[str, nn.Module]:
        down = [self.n_features_in_, *self.hidden, self.latent_dim]
        return {
            "encoder_": dense(down, self.activation, self.code_activation),
            "decoder_": dense(down[::-1], self.activation),
        }

    def _losses(self, x: torch.Tensor, rng: torch.Generator) -> Iterator[tuple[str, Any, dict]]:
        x = self._centred(x)
        layers = [*self.encoder_, *self.decoder_]
        loss = chain_loss(layers, x, x, self.output_, self.loss)
        yield "model", loss, {"loss": loss}

    def _centred(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.output_ != "linear" else (x - self.offset_) / self.scale_

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder_(self._centred(x))

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        y = OUTPUTS[self.output_](self.decoder_(z.float()))
        return y * self.scale_ + self.offset_ if self.output_ == "linear" else y

    def _fit(self, images: Images) -> None:
        super()._fit(images)
        z = self._map(self._encode, images).astype(np.float64)
        self.code_mean_, self.code_deviation_ = z.mean(0), z.std(0)
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(z, rowvar=False)))
        self.code_spread_ = vectors * np.sqrt(np.maximum(values, 0))  # S S^T is the covariance

    def _sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        z = torch.randn(n, self.latent_dim, generator=rng, device=rng.device)
        return self._decode(
            z @ self._learned("code_spread_", z).T + self._learned("code_mean_", z)
        )

    def _health(self, images: Images) -> list[str]:
        findings = super()._health(images)
        dead = int((self.code_deviation_ < 1e-3 * max(self.code_deviation_.max(), 1e-12)).sum())
        if dead:
            findings.append(
                f"{dead} of {self.latent_dim} numbers of the code are dead (they never change): "
                "use code_activation='linear' or a lower learning_rate"
            )
        if self.output_ == "linear" and max(map(abs, self.range_)) > 100:
            findings.append(
                f"the input runs from {self.range_[0]:.4g} to {self.range_[1]:.4g} and was scaled "
                "by one number; if its columns have different units, put a StandardScaler first"
            )
        return findings


def _range(images: Images) -> tuple[float, float]:
    """Return the least and the greatest value, as the networks see them."""
    if images.dtype == np.uint8:
        return 0.0, 1.0
    ends = [(float(chunk.min()), float(chunk.max())) for chunk in images.chunks()]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _centre_and_scale(chunks: Iterator[torch.Tensor]) -> tuple[float, float]:
    """Return mean and standard deviation of all values; a deviation of 0 counts as 1."""
    count, total, square = 0, 0.0, 0.0
    for x in chunks:
        count += x.numel()
        total += float(x.sum(dtype=torch.float64))
        square += float(x.double().square().sum())
    mean = total / count
    return mean, math.sqrt(max(0.0, square / count - mean**2)) or 1.0
