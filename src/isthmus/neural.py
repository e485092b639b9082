"""The neural half of the contract: training parameters once, and the fit by the one loop."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch

from isthmus.base import Representation
from isthmus.data.images import Images
from isthmus.data.values import ArrayLike, ImagesLike, as_array
from isthmus.fitted import health
from isthmus.fitted.store import check_code
from isthmus.nets.dense import INITIALISERS, initialise
from isthmus.nets.scaling import ScaledImages
from isthmus.tensors import chance_of, generator, has_bfloat16
from isthmus.training import OPTIMISERS, Loop, Stage
from isthmus.training.budget import Clock, check_memory, check_time
from isthmus.training.callbacks import Callbacks, check_callbacks
from isthmus.training.stages import MAIN, History, Record
from isthmus.validation import one_of

TRAINING = (
    "epochs", "max_steps", "optimizer", "learning_rate", "schedule",
    "validation_fraction", "keep_best", "patience",
)  # fmt: skip
"""Parameters that a stage of a fit may have other values of than the fit."""
SLOW = 0.1
"""Share of a time limit from which on a single step is slow."""
STUDY_EPOCHS = 500
"""Passes over the images in a study, at most: few images are soon learnt."""


@dataclass(kw_only=True, eq=False, repr=False)
class NeuralRepresentation(ScaledImages, History, Representation):
    """What every family trained by gradients is: the training parameters, and the fit by the loop.

    A family writes two hooks, `networks` and `losses`, and ``_encode(x)`` and ``_decode(z)`` as
    every family does.

    Parameters
    ----------
    epochs : int or None
        Passes over the training images at most; None makes 50, and more of few images, so that
        there are at least 1,000 optimiser steps; or as many as `max_steps` takes.
    max_steps : int or None
        Optimiser steps at most, 1 or more.
    batch_size : int
        Images in one optimiser step, at least 1.
    optimizer : {"adam", "adamw", "adam_gan", "sgd", "momentum", "rmsprop", "adagrad"}
        The update rule; "adam_gan" is Adam with less momentum (beta1 = 0.5), as two players need.
        In Python also a class such as ``torch.optim.NAdam``, or a function of (weights, lr=) that
        returns a torch optimiser.
    learning_rate : float
        Its step size at the start, above 0.
    schedule : {"cosine", "constant"}
        Of the learning rate: "cosine" lowers it along half a cosine to 0, "constant" keeps it.
    init : str
        How weights are drawn: "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
        "lecun_normal", "orthogonal" or "positive_uniform"; or "pca", by which a linear path beside
        every network begins at the principal components of the training images, and the network
        itself at 0. "auto" is "pca" where family and settings allow it; else "he_normal" for
        networks that convolve, whose many rectified layers would otherwise halve the signal each,
        and "glorot_uniform" for dense ones.
    validation_fraction : float
        Share of the training images that is held out to choose the best epoch by, 0 to below 1.
    keep_best : bool
        End with the weights of the epoch with the lowest validation loss.
    patience : int or None
        Stop after this many epochs, at least 1, without a lower validation loss.
    max_seconds : float or None
        Stop when this many seconds, more than 0, are spent, from the call of `fit` to its end; at
        least one step is taken, and the model so far is kept.
    checkpoint : str or None
        A file to save the state of the fit to, and to resume from if it exists. One of other
        images, labels or parameters is refused.
    log_dir : str or None
        A folder for TensorBoard's curves and histograms; every fit has a folder of its own in it,
        as "autoencoder-1".
    callbacks : tuple of objects
        In Python only: objects with one or more of the methods ``on_fit_begin``, ``on_step_end``,
        ``on_epoch_end`` (these two may stop the fit) and ``on_fit_end``, given a `FitState`.
    precision : {"auto", "float32", "bfloat16"}
        "float32" or "bfloat16" for the networks while fitting; "auto" is bfloat16 where a GPU has
        it, and for convolutions where a processor has it.
    """

    epochs: int | None = None
    max_steps: int | None = None
    batch_size: int = 128
    optimizer: str | Callable[..., Any] = "adam"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    init: str = "auto"
    validation_fraction: float = 0.1
    keep_best: bool = True
    patience: int | None = None
    max_seconds: float | None = None
    checkpoint: str | None = None
    log_dir: str | None = None
    callbacks: tuple[Any, ...] = ()
    precision: str = "auto"

    keeps_float64 = False
    asked_for: ClassVar[tuple[str, ...]] = ("networks", "losses", "_encode")
    initialises = True  # `init` draws the weights; else they are as `networks` makes them
    _done = 0.0  # share of the fit that is over
    _step = 0  # optimiser steps taken
    _clock = Clock()
    _validation = None  # type: Any  # images that `fit` was given to choose an epoch by
    study_steps, study_least, study_good = 2000, 300, 1500  # see `isthmus.studies.needs`
    _least = 50, 1000  # passes and steps that a fit has by default, at least
    n_axes_ = 0  # principal components that the networks began at; models of old had none
    _principal = None  # type: Any  # these components, until the networks have begun there
    _of_components = False  # whether the loop hands out components of images, not these
    linear_where: ClassVar[dict[str, tuple[Any, ...]]] = {}  # settings that allow linear paths

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model of a size that suits the images, with `study_steps`."""
        steps = min(cls.study_steps, STUDY_EPOCHS * -(-len(images) // cls.batch_size))
        return super().for_study(images, width, **{"max_steps": steps} | parameters)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @abstractmethod
    def networks(self) -> dict[str, torch.nn.Module]:
        """Return new networks, each by the name of the attribute that is to hold it.

        They are asked for in `fit`, when ``image_shape_``, ``n_features_in_`` and the width of
        the code (``latent_dim_``, where `width` is "latent_dim") are known, and when a file is
        read: so they depend on parameters and on what was learned. Names end in ``_``.
        `init` draws the weights of dense and convolutional layers anew, unless the family says
        ``initialises = False``. What torch's global generator is asked for meanwhile follows from
        `random_state`, and its state is put back afterwards.

        Returns
        -------
        dict of str to Module
            What is saved, loaded and trained.
        """

    @abstractmethod
    def losses(
        self, x: torch.Tensor, rng: torch.Generator, targets: torch.Tensor | None = None
    ) -> Iterator[tuple[str, Any, Any]]:
        """Yield what the networks lose on a batch: ``(player, loss, logs)``, once a step.

        The loop asks every loss for its gradients and takes a step before it asks for the next
        one. The first is what images held out are judged by.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Images, flat, float; 0..255 as 0..1.
        rng : Generator
            Source of whatever is drawn.
        targets : Tensor, optional
            What the family's ``_targets(images)`` says of them.

        Yields
        ------
        tuple of str, Tensor, dict
            Whose step it is ("model" where there are no `players` of its own), the loss, and
            numbers for ``history_``, the loss as "loss" among them.
        """

    def players(self) -> dict[str, list[torch.nn.Module]]:
        """Return the networks of every player; each has an optimiser of its own."""
        return {"model": [getattr(self, name) for name in self.networks()]}

    def fit(
        self, X: ImagesLike, y: ArrayLike | None = None, *, validation: ImagesLike | None = None
    ) -> Self:
        """Learn from images; see `Representation.fit`. The time of `max_seconds` starts here.

        Parameters
        ----------
        X, y : Images or array, and labels
            What to learn from.
        validation : Images, array, or (array, labels), optional
            What to choose the best epoch by, in place of a share of the training images.
        """
        self._clock, self._validation = Clock(), validation
        try:
            super().fit(X, y)
        finally:
            self._validation = None
        Callbacks(self).fit_ends()
        return self

    def _fit(self, images: Images) -> None:
        self._check_parameters()
        self.n_axes_ = 0  # an earlier fit may have begun elsewhere
        self._prepare(images)
        self._validation = self._as_validation(self._validation)
        rng = generator(self.random_state, self.device_)
        with chance_of(rng):
            self._build(images, rng)
            self._begin()
            with torch.enable_grad():
                self._before(images, rng)
                Callbacks(self).fit_begins()
                loop = Loop(self, images, rng, self._validation)
                loop.run()
        self._note(loop.records)
        self._of_components = False

    def _build(self, images: Images, rng: torch.Generator) -> None:
        """Make the networks, and draw their weights."""
        for name, net in self._built(images).items():
            net = net.to(self.device_, memory_format=torch.channels_last)
            if self.initialises:
                initialise(net, self._initialiser(), rng)
            setattr(self, name, net)

    def _note(self, records: dict[str, Record]) -> None:
        """Learn what the stages of the fit have left."""
        main = records[MAIN]
        self.history_, self.stopped_, self._step = main.history, main.stopped, main.steps

    def _stages(self, images: Images) -> list[Stage]:
        """Return the parts of the fit, one after another; one of them is named "fit"."""
        return [self._stage()]

    def _stage(self, name: str = MAIN, **other: Any) -> Stage:
        """Return a stage that is trained as the parameters say, but for what is given."""
        own = {name: getattr(self, name) for name in TRAINING}
        own |= {"least": self._least, "starts_well": bool(self.n_axes_)}
        learning = {"players": self.players(), "losses": self.losses} if name == MAIN else {}
        return Stage(name=name, **own | learning | other)

    def _as_validation(self, given: Any) -> Images | None:
        """Return what `fit` was given to validate on, checked as the training images were."""
        if given is None:
            return None
        X, y = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
        return self._with_known_targets(self._check(X, reset=False, fewest=1), as_array(y))

    def _with_known_targets(self, images: Images, y: np.ndarray | None) -> Images:
        """Return images to validate on with their targets, which are of those learnt from."""
        return images

    def _n_held(self, n: int) -> int:
        """Return how many of the images to learn from are held out."""
        return 0 if self._validation is not None else int(self.validation_fraction * n)

    def _n_validated(self, n: int) -> int:
        """Return how many images the epochs are compared by."""
        return len(self._validation) if self._validation is not None else self._n_held(n)

    def _built(self, images: Images) -> dict[str, Any]:
        """Return the networks without numbers; refuse what does not fit into memory."""
        try:
            networks = self.networks()
        except RuntimeError as error:  # of torch's allocator
            if "alloc" not in str(error):
                raise
            raise ValueError(
                f"{type(self).__name__} does not fit into memory: load smaller images (size=64), "
                f"or set fewer units or channels ({str(error).splitlines()[0]})"
            ) from None
        check_memory(self, networks, len(images))
        check_time(self, networks, len(images))
        return networks

    def _together(self, batch: int) -> float:
        """Return how many images go through the networks at once while they learn a batch."""
        return batch

    def affordable(self, images: Images, most: int) -> Images:
        """Return up to this many images, and no more than there is time to measure."""
        affordable = self._clock.affordable(self.max_seconds)
        return images.evenly(most if affordable is None else min(most, affordable))

    def _share_of_spread(self, images: Images) -> float:
        some = self.affordable(images, health.LOOKED_AT)
        return health.error_share(self, some, len(images))

    def _prepare(self, images: Images) -> None:
        """Learn what must be known before the networks can be built."""

    @property
    def starts_linear(self) -> bool:
        """Whether linear paths begin at principal components."""
        return self.init == "pca" or (self.init == "auto" and not self._unsuited())

    def _unsuited(self) -> str:
        """Return why networks of these settings cannot begin at principal components, if so."""
        if not self.linear_where:
            return f"{type(self).__name__} has no linear path"
        return "; ".join(
            f"{name}={getattr(self, name)!r} begins otherwise"
            for name, values in self.linear_where.items()
            if getattr(self, name) not in values
        )

    def _narrow(self) -> bool:
        """Return whether all that is learnt lies between principal components."""
        return bool(self.n_axes_) and getattr(self, "architecture", "") == "dense"

    def _begin(self) -> None:
        """Set linear paths to where they begin, with the networks initialised."""

    def _before(self, images: Images, rng: torch.Generator) -> None:
        """Do what comes before the fit proper, with the networks initialised."""

    def _widest(self, images: Images) -> dict[str, int]:
        # images vary in so many directions about their mean
        directions = {"directions": max(1, len(images) - 1)}
        asked = getattr(self, self.width, None) is not None
        return super()._widest(images) | ({} if asked else directions)

    def _dealt(self, order: torch.Tensor, images: Images) -> torch.Tensor:
        """Return the images in an order whose first ones are to be held out."""
        return order

    def _as_learned(self, images: Images) -> Images:
        """Return what the loop hands out of the images."""
        return images

    def _targets(self, images: Images) -> torch.Tensor | None:
        """Return what every image is to be mapped to, where that is not the image itself."""
        return None

    def _check_parameters(self) -> None:
        positive = ("epochs", "batch_size", "learning_rate", "patience", "max_seconds")
        for name in (*positive, "max_steps"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name}={value} must be greater than 0")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} must be at least 0 and below 1"
            )
        check_code(self)
        check_callbacks(self.callbacks)
        if not callable(self.optimizer):
            one_of("optimizer", self.optimizer, OPTIMISERS)
        one_of("init", self.init, ("auto", "pca", *INITIALISERS))
        if self.init == "pca" and (why := self._unsuited()):
            raise ValueError(f"init='pca' is not possible: {why}; use init='auto'")
        one_of("schedule", self.schedule, ("cosine", "constant"))
        one_of("precision", self.precision, ("auto", "float32", "bfloat16"))

    def _check_units(self, *names: str) -> None:
        for name in names:
            if any(units < 1 for units in getattr(self, name)):
                raise ValueError(f"{name}={getattr(self, name)} must be numbers of at least 1")

    def _precision(self, device: torch.device) -> str:
        if self.precision != "auto":
            return self.precision
        gains = device.type == "cuda" or self._convolves()
        return "bfloat16" if gains and has_bfloat16(device) else "float32"

    def _initialiser(self) -> str:
        if self.init not in ("auto", "pca"):
            return self.init
        dense = getattr(self, "architecture", "dense") == "dense"
        return "glorot_uniform" if dense else "he_normal"

    def _convolves(self) -> bool:
        return getattr(self, "architecture", "dense") != "dense"

    def _health(self, images: Images) -> list[str]:
        loss = [value for value in self.history_["loss"] if np.isfinite(value)]
        if self.stopped_ == "diverged":
            return [
                "the loss became infinite or NaN; the best weights before that are kept: "
                "lower learning_rate, or scale the input to 0..1"
            ]
        # what began at principal components may have nothing to learn beyond them
        if len(loss) > 1 and loss[-1] >= loss[0] and not self.n_axes_:
            return ["the loss never fell: try another learning_rate or a wider code"]
        findings = health.too_few_steps(loss, self._step, self.stopped_)
        if not findings and self._error_share < health.NO_BETTER:
            n_held = self._n_validated(len(images))
            findings = health.overfitting(self.history_, self._step, n_held)
        return findings + self._slow_steps() + self._unscaled()

    def _slow_steps(self) -> list[str]:
        seconds = self._clock.step
        if self.stopped_ != "out of time" or seconds < SLOW * (self.max_seconds or math.inf):
            return []
        return [
            f"one step takes {seconds:.2g} s of max_seconds={self.max_seconds:g}: load smaller "
            "images (size=), or take fewer units or channels, or a smaller batch_size"
        ]

    def _remedy(self) -> str:
        return "train longer, or try another learning_rate or init='he_normal'"
