"""The contract: public verbs check, convert and batch; private twins are mathematics on one batch.

A family subclasses `Representation` and writes ``_fit(images)`` and ``_encode(x)``, and where it can
``_decode(z)`` and ``_sample(n, generator)``. A public verb exists exactly when its twin does, so
``hasattr(model, "decode")`` answers "can it?". Twins are given float tensors on the model's device:
``x`` is ``(n, d)`` for flat families, scaled so that uint8 0..255 is 0..1.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from isthmus.data.images import Images, as_images, chunk_rows
from isthmus.nets.dense import INITIALISERS, initialise
from isthmus.training import OPTIMISERS, Loop

if TYPE_CHECKING:
    from pathlib import Path

PASS_BYTES = 8 * 2**20
"""Size of one chunk while encoding and decoding, as float32: it stays in the processor's cache."""

STUDY_STEPS = 20_000
"""Optimiser steps of a neural family in a study, within 20 to 300 epochs."""


def _can(twin: str) -> Callable[[Any], bool]:
    def check(model: Any) -> bool:
        if hasattr(model, twin):
            return True
        raise AttributeError(f"{type(model).__name__} cannot {twin[1:]}")

    return check


@dataclass(kw_only=True, eq=False, repr=False)
class Representation(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What every family is: a scikit-learn estimator with the verbs fit, encode, decode, sample.

    Parameters
    ----------
    random_state : int, Generator, RandomState or None
        Seed of everything random in `fit`; the global generators are never touched.
    device : str
        Where the arithmetic runs: "auto" takes a GPU if there is one, else "cpu".
    verbose : bool
        Show progress on standard error while fitting.
    """

    random_state: Any = None
    device: str = "auto"
    verbose: bool = False

    width = ""  # the parameter that says how wide the code is: "any kind of data, one parameter"
    keeps_float64 = True  # float64 in, float64 arithmetic and codes out

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Any:
        """Return an unfitted model of a size that suits the images.

        Parameters
        ----------
        images : Images
            What it will be fitted on.
        width : int, optional
            Width of the code, where another than the default is wanted.
        **parameters
            Given to the model as they are.
        """
        widest = max(1, min(len(images), int(np.prod(images.shape[1:]))) // 2)
        return cls(**{cls.width: min(width or 32, widest)} | parameters)

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from images.

        Parameters
        ----------
        X : Images or array of shape (n, d), (n, h, w) or (n, h, w, c)
            What to learn from; uint8 is read as 0..1, floats as they are.
        y : ignored
            There for scikit-learn's pipelines.

        Returns
        -------
        self
        """
        images = self._check(X, reset=True)
        with torch.no_grad():
            self._fit(images)
        self.health_ = self._health(images)
        return self

    @available_if(_can("_encode"))
    def encode(self, X: Any) -> np.ndarray:
        """Return the code of every image.

        Returns
        -------
        ndarray
            Indices (n,) for a codebook, else vectors (n, k).
        """
        check_is_fitted(self)
        return self._map(self._encode, self._check(X, reset=False))

    @available_if(_can("_decode"))
    def decode(self, Z: Any) -> np.ndarray:
        """Return the image of every code, float, in the shape of the images fitted on."""
        check_is_fitted(self)
        flat = self._pieces(self._decode, self._check_codes(Z))
        return flat.reshape(len(flat), *self.image_shape_)

    @available_if(_can("_sample"))
    @torch.no_grad()
    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> np.ndarray:
        """Draw new images.

        Parameters
        ----------
        n_samples : int
            How many, at least 1.
        random_state : int, Generator, RandomState or None
            Seed of the draw.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples} must be at least 1")
        drawn = self._sample(n_samples, generator(random_state, self._device()))
        return drawn.reshape(n_samples, *self.image_shape_).cpu().numpy()

    def transform(self, X: Any) -> np.ndarray:
        """Return the codes as features; the same as `encode` for vector codes."""
        return self.encode(X)

    @available_if(_can("_decode"))
    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Return the image of every code; the same as `decode`."""
        return self.decode(Z)

    @available_if(_can("_decode"))
    @torch.no_grad()
    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean squared error of the reconstruction: higher is better."""
        images = self._check(X, reset=False)
        wrong = (self._tensor(chunk) for chunk in images.chunks(self._rows(images)))
        total = sum(float(((self._decode(self._encode(x)) - x) ** 2).sum()) for x in wrong)
        return -total / (len(images) * self.n_features_in_)

    def save(self, path: str | Path) -> None:
        """Write the fitted model to one safetensors file; `ist.load_model` reads it back."""
        from isthmus.store import save_model

        save_model(self, path)

    def parts(self) -> dict[str, np.ndarray]:
        """Return what the model learned that can be drawn, each an array of images."""
        return {}

    def _health(self, images: Images) -> list[str]:
        """Return findings about the fit in plain words, with the next thing to try."""
        return []

    @property
    def _n_features_out(self) -> int:
        return int(getattr(self, self.width))

    @property
    def code_(self) -> str:
        """The code of one image in words."""
        return f"{self._n_features_out} numbers"

    def _check(self, X: Any, *, reset: bool) -> Images:
        """Return `X` as finite Images of the shape fitted on (or, on `reset`, remember the shape)."""
        name = type(self).__name__
        if not isinstance(X, Images):
            dtypes = [np.float64, np.float32, np.uint8]
            fewest = 2 if reset else 1
            if getattr(X, "ndim", 2) > 2:
                X = check_array(X, dtype=dtypes, allow_nd=True, ensure_min_samples=fewest)
            else:
                X = validate_data(self, X, dtype=dtypes, ensure_min_samples=fewest, reset=reset)
        elif reset and len(X) < 2:
            raise ValueError(f"{name} needs at least 2 images to learn from, got n_samples={len(X)}")
        elif X.dtype.kind == "f":
            for chunk in X.chunks():
                check_array(chunk, allow_nd=True, dtype=None)
        if reset:
            self.image_shape_ = tuple(int(side) for side in X.shape[1:])
            self.n_features_in_ = int(np.prod(self.image_shape_))
        images = as_images(X)
        if as_channels(images.shape[1:]) != as_channels(self.image_shape_):
            raise ValueError(
                f"{name} was fitted on images of shape {self.image_shape_}, got {X.shape[1:]}; "
                "load them with the same size and colour as the training images"
            )
        return images

    def _check_codes(self, Z: Any) -> torch.Tensor:
        Z = check_array(Z, dtype=[np.float64, np.float32])
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"{type(self).__name__} has codes of {self._n_features_out} numbers, "
                f"got an array of shape {Z.shape}"
            )
        return self._tensor(Z)

    def _rows(self, images: Images) -> int:
        return max(1, chunk_rows(images.shape) * PASS_BYTES // (64 * 2**20))

    def _map(self, verb: Callable[[torch.Tensor], torch.Tensor], images: Images) -> np.ndarray:
        chunks = (self._tensor(chunk) for chunk in images.chunks(self._rows(images)))
        return self._gather(verb, chunks, len(images))

    def _pieces(self, verb: Callable[[torch.Tensor], torch.Tensor], Z: torch.Tensor) -> np.ndarray:
        rows = max(1, PASS_BYTES // (4 * self.n_features_in_))
        return self._gather(verb, Z.split(rows), len(Z))

    @torch.no_grad()
    def _gather(self, verb: Callable, chunks: Iterable[torch.Tensor], n: int) -> np.ndarray:
        result, start = np.empty(0), 0
        for x in chunks:
            out = verb(x).cpu().numpy()
            if not start:
                result = np.empty((n, *out.shape[1:]), dtype=out.dtype)
            result[start : start + len(out)] = out
            start += len(out)
        return result

    def _tensor(self, chunk: np.ndarray) -> torch.Tensor:
        """Return a packed chunk as the twins want it: a float tensor on the device."""
        return self._input(readable_tensor(chunk).to(self._device()))

    def _input(self, x: torch.Tensor) -> torch.Tensor:
        """Return packed values as floats (n, d), uint8 scaled to 0..1."""
        x = x.reshape(len(x), -1)
        if x.dtype == torch.uint8:
            return x.to(torch.float32).div_(255)
        return x if self.keeps_float64 else x.to(torch.float32)

    def _tensors(self, images: Images) -> Iterator[torch.Tensor]:
        """Yield large chunks for the statistics that `fit` adds up."""
        for chunk in images.chunks():
            yield self._tensor(chunk)

    def _learned(self, name: str, like: torch.Tensor) -> torch.Tensor:
        """Return a learned array as a tensor of the type and device of `like`."""
        return torch.from_numpy(getattr(self, name)).to(like)

    def _device(self) -> torch.device:
        return find_device(self.device)


@dataclass(kw_only=True, eq=False, repr=False)
class NeuralRepresentation(Representation):
    """What every family trained by gradients is: the training parameters, and the fit by the loop.

    A family writes ``_networks()`` (name of the attribute to network, not initialised), and
    ``_losses(x, rng)``, which yields ``(player, loss, logs)``; see `isthmus.training`.

    Parameters
    ----------
    epochs : int
        Passes over the training images at most.
    batch_size : int
        Images in one optimiser step.
    optimizer : {"adam", "adamw", "sgd", "momentum", "rmsprop", "adagrad"}
        The update rule.
    learning_rate : float
        Its step size at the start.
    schedule : {"cosine", "constant"}
        How the learning rate goes on: down to nothing along half a cosine, or as it is.
    init : str
        How weights are drawn: "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
        "lecun_normal", "orthogonal" or "positive_uniform".
    validation_fraction : float
        Share of the training images that is held out to choose the best epoch by, 0 to below 1.
    keep_best : bool
        End with the weights of the epoch with the lowest validation loss.
    patience : int or None
        Stop after so many epochs without a lower validation loss.
    max_seconds : float or None
        Stop when this much time is spent; the model so far is kept.
    checkpoint : str or None
        A file to save the state of the fit to, and to resume from if it exists.
    log_dir : str or None
        A folder for TensorBoard's curves and histograms.
    precision : {"auto", "float32", "bfloat16"}
        Arithmetic of the networks; "auto" is bfloat16 on a GPU that has it.
    """

    epochs: int = 50
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    init: str = "glorot_uniform"
    validation_fraction: float = 0.1
    keep_best: bool = True
    patience: int | None = None
    max_seconds: float | None = None
    checkpoint: str | None = None
    log_dir: str | None = None
    precision: str = "auto"

    keeps_float64 = False

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Any:
        """Return an unfitted model of a size that suits the images, and about 20,000 steps."""
        steps = -(-len(images) // cls.batch_size)
        epochs = min(300, max(20, STUDY_STEPS // steps))
        return super().for_study(images, width, **{"epochs": epochs} | parameters)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _fit(self, images: Images) -> None:
        self._check_parameters()
        self._prepare(images)
        rng = generator(self.random_state, self._device())
        for name, net in self._networks().items():
            net = net.to(self._device())
            initialise(net, self.init, rng)
            setattr(self, name, net)
        loop = Loop(self, images, rng)
        with torch.enable_grad():
            loop.run()
        self.history_, self.stopped_ = loop.history, loop.stopped

    def _prepare(self, images: Images) -> None:
        """Learn what must be known before the networks can be built."""

    def _players(self) -> dict[str, list[torch.nn.Module]]:
        """Return the networks of every player; each has an optimiser of its own."""
        return {"model": [getattr(self, name) for name in self._networks()]}

    def _check_parameters(self) -> None:
        positive = ("epochs", "batch_size", "learning_rate", "patience", "max_seconds", self.width)
        for name in positive:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name}={value} must be greater than 0")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} must be at least 0 and below 1"
            )
        one_of("optimizer", self.optimizer, OPTIMISERS)
        one_of("init", self.init, INITIALISERS)
        one_of("schedule", self.schedule, ("cosine", "constant"))
        one_of("precision", self.precision, ("auto", "float32", "bfloat16"))

    def _precision(self, device: torch.device) -> str:
        if self.precision != "auto":
            return self.precision
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return "bfloat16" if fast else "float32"

    def _health(self, images: Images) -> list[str]:
        loss = [value for value in self.history_["loss"] if np.isfinite(value)]
        if self.stopped_ == "diverged":
            return [
                "the loss became infinite or NaN; the best weights before that are kept: "
                "lower learning_rate, or scale the input to 0..1"
            ]
        if len(loss) > 1 and loss[-1] >= loss[0]:
            return ["the loss never fell: try another learning_rate or a wider code"]
        held = self.history_.get("val_loss", [])
        if held and len(held) > 5 and held[-1] > 1.5 * min(held):
            return ["validation loss rose again while training loss fell (overfitting): more images, or patience"]
        return []


class Codebook:
    """Mixin of the families whose code is an index into `codebook_`, an array (k, d) of prototypes."""

    @classmethod
    def for_study(cls: Any, images: Images, width: int | None = None, **parameters: Any) -> Any:
        """Return an unfitted model with 100 prototypes, or fewer for few images."""
        size = min(100, max(2, len(images) // 10))
        return cls(**{cls.width: size} | parameters)

    def _encode(self: Any, x: torch.Tensor) -> torch.Tensor:
        return squared_distances(x, self._learned("codebook_", x), shifted=True).argmin(1)

    def _decode(self: Any, z: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.codebook_).to(z.device)[z]

    def transform(self: Any, X: Any) -> np.ndarray:
        """Return the distance of every image to every prototype, (n, k)."""
        check_is_fitted(self)

        def distances(x: torch.Tensor) -> torch.Tensor:
            return squared_distances(x, self._learned("codebook_", x)).clamp_(min=0).sqrt_()

        return self._map(distances, self._check(X, reset=False))

    def predict(self: Any, X: Any) -> np.ndarray:
        """Return the index of the nearest prototype; the same as `encode`."""
        return self.encode(X)

    @property
    def code_(self: Any) -> str:
        """The code of one image in words."""
        return f"index, 1 of {len(self.codebook_)}"

    def _check_codes(self: Any, Z: Any) -> torch.Tensor:
        Z = np.asarray(Z)
        if Z.ndim != 1 or Z.dtype.kind not in "iu":
            raise ValueError(
                f"{type(self).__name__} has codes that are indices, a whole number an image; "
                f"got an array of shape {Z.shape} and type {Z.dtype}"
            )
        if len(Z) and not 0 <= Z.min() <= Z.max() < len(self.codebook_):
            raise ValueError(
                f"codes run from {Z.min()} to {Z.max()}; "
                f"{type(self).__name__} has indices 0 to {len(self.codebook_) - 1}"
            )
        return torch.from_numpy(Z.astype(np.int64)).to(self._device())


def squared_distances(x: torch.Tensor, c: torch.Tensor, *, shifted: bool = False) -> torch.Tensor:
    """Return ``|x - c|^2`` for every pair, (n, k); `shifted` leaves out ``|x|^2``.

    Written out, ``|x|^2 - 2 x c + |c|^2`` is one matrix product instead of n k differences.
    """
    d = torch.addmm((c * c).sum(1), x, c.T, alpha=-2)
    return d if shifted else d.add_((x * x).sum(1, keepdim=True))


def one_of(name: str, value: Any, allowed: Iterable[str]) -> None:
    """Raise ValueError naming the nearest allowed value if `value` is not one of `allowed`."""
    if value in allowed:
        return
    near = difflib.get_close_matches(str(value), allowed, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}{hint}")


def as_channels(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of one image with its channels written out: (28, 28) is (28, 28, 1)."""
    return (*shape, 1) if len(shape) == 2 else tuple(shape)


def readable_tensor(array: np.ndarray) -> torch.Tensor:
    """Return a tensor sharing memory with `array`, even if that is read-only (a memory map)."""
    if array.flags.writeable:
        return torch.from_numpy(np.ascontiguousarray(array))
    # torch has no read-only tensors and warns; the contract is that no twin writes into its input
    shared = np.ascontiguousarray(array).view()
    interface = dict(shared.__array_interface__, data=(shared.__array_interface__["data"][0], False))
    holder = type("Readable", (), {"__array_interface__": interface, "keep": shared})()
    return torch.from_numpy(np.asarray(holder))


def find_device(name: str) -> torch.device:
    """Return the torch device of that name; "auto" is a GPU if there is one, else the CPU."""
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"device={name!r} cannot be used here: {error}") from None
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seed_of(random_state: Any) -> int:
    """Return a seed drawn from an int, a Generator, a RandomState, or fresh entropy for None."""
    if random_state is None or isinstance(random_state, int | np.integer):
        return int(np.random.SeedSequence(random_state).generate_state(1, np.uint64)[0] >> 1)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    raise ValueError(f"random_state={random_state!r} must be None, an int or a numpy generator")


def generator(random_state: Any, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a torch generator of its own, seeded from `random_state`."""
    return torch.Generator(device=device).manual_seed(seed_of(random_state))
