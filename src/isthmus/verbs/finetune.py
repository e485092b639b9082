"""The verb finetune: a few labels on top of an encoder that was learnt without them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from torch import nn

from isthmus.budget import Clock, products
from isthmus.data.images import Images, with_channels
from isthmus.families import FAMILIES, family
from isthmus.heldout import MeasuredOn, labels_seen
from isthmus.metrics.labels import Accuracy, counted
from isthmus.models.pretrained import untrained
from isthmus.verbs.parameters import ImagesLike, Model
from isthmus.verbs.probe import ends_of, in_words, labelled_halves
from isthmus.verbs.result import Charted, said_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODEL = "classifier.safetensors"
"""The model in a folder."""
STEPS, EPOCHS = 300, 15
"""At least so many optimiser steps, and so many passes over the labels."""
BATCH = 64
MOST_PRODUCTS, FEWEST = 10**11, 50
"""Products of the encoder in all steps, where these are more than the fewest: a minute or so."""
SCRATCH_SHARE = 0.5
"""Share of a time limit for the network from scratch."""
LAYERS = "architecture", "hidden", "channels", "activation"
"""Parameters that say how an encoder of ours is built."""
RATE, HEAD_RATE = 1e-3, 1e-2
"""Learning rates of a whole network, and of a head alone."""


@dataclass(repr=False)
class Tuned(Charted):
    """What `finetune` made.

    Attributes
    ----------
    model : Classifier
        Fitted; it can be saved.
    tuned : Accuracy
        Its accuracy on held-out images.
    scratch : Accuracy, optional
        That of the same network trained with the same labels from random weights.
    title : str
        The model, the labels and the images in words.
    counted_on : MeasuredOn
        These images, and whether the model started from had learnt from them; `measured` as well.
    labels_seen : int or None
        Labels that the model started from had learnt from already; None where it does not say.
    file : str
        Where the model was last written to; "" if nowhere.
    """

    saves: ClassVar[tuple[str, ...]] = (".safetensors", ".csv", ".png", ".svg", "")
    table_name: ClassVar[str] = "finetune"
    halves: ClassVar[bool] = True
    model: Any
    tuned: Accuracy
    scratch: Accuracy | None
    title: str
    counted_on: MeasuredOn
    labels_seen: int | None
    file: str = ""

    @property
    def measured(self) -> MeasuredOn:
        """The images the accuracies were counted on."""
        return self.counted_on

    @property
    def scores(self) -> dict[str, Any]:
        """How many labels were learnt from, and the accuracies by name."""
        found = {name: each.accuracy for name, each in self.accuracies().items()}
        return {"labels": self.tuned.n_labels, "before": self.started_from, **found}

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every accuracy, with its 95 % interval."""
        return [
            {"network": name, "labels": each.n_labels, **ends_of(each)}
            for name, each in self.accuracies().items()
        ]

    def record(self) -> dict[str, Any]:
        """Return all figures, those of every network by its name."""
        facts: dict[str, Any] = {"model": self.file or in_words(self.model)}
        facts |= {"labels": self.tuned.n_labels}
        facts |= {"labels_seen_before": self.labels_seen, **said_of(self.measured)}
        return facts | {name: each._asdict() for name, each in self.accuracies().items()}

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model, or figures and the chart, or all to a folder; see `Result.save`."""
        path = super().save(path, force=force)
        if path.suffix in ("", ".safetensors"):
            self.file = str(path if path.suffix else path / MODEL)
        return path

    def _to_safetensors(self, path: Path) -> None:
        self.model.save(path)

    def _to_folder(self, folder: Path) -> None:
        super()._to_folder(folder)
        self.model.save(folder / MODEL)

    def chart(self) -> Figure:
        """Return both accuracies with their intervals as a chart."""
        from isthmus.plots.verdicts import accuracy_chart

        return accuracy_chart(self.accuracies(), self.title, self.measured.name)

    def accuracies(self) -> dict[str, Accuracy]:
        """Return the accuracies by name."""
        name = "head only" if self.model.frozen else "finetuned"
        return {name: self.tuned} | ({"from scratch": self.scratch} if self.scratch else {})

    @property
    def started_from(self) -> str:
        """What is to be said of the labels that the model started from had seen."""
        if self.labels_seen is None:
            return "the model started from learnt from labels, of how many it does not say"
        if self.labels_seen:
            return f"the model started from had learnt from {self.labels_seen:,} labels already"
        return "the model started from had seen no label"


def finetune(
    model: Model,
    images: ImagesLike,
    labels: int = 100,
    *,
    frozen: bool = False,
    epochs: int | None = None,
    scratch: bool = True,
    max_seconds: float | None = None,
    random_state: int = 0,
    verbose: bool | None = None,
) -> Tuned:
    r"""Train a classifier from the encoder of a model and a few labels.

    A linear head on the code and, unless frozen, the encoder under it go on to minimise the mean
    of :math:`-\log \mathrm{softmax}_y(W f(x) + b)`. What the encoder learnt without labels has not
    to be learnt from them. It is counted on images that neither has learnt from.

    Parameters
    ----------
    model : Autoencoder, VAE or Classifier
        Fitted. Other families have no encoder network that could go on to learn: fit
        ``make_pipeline(model, LogisticRegression())`` on them, or `probe` them.
    images : Images
        With labels. Without a split a fifth is held out by chance.
    labels : int
        How many training labels to learn from, every class in its proportion.
    frozen : bool
        Train the head only and leave the encoder as it is.
    epochs : int, optional
        Passes over the labelled images; by default as many as make 300 steps of up to 64 images,
        and at least 15 of them; fewer, down to 50 steps, where the encoder is large or convolves
        over large images.
    scratch : bool
        Train a network of the same layers from random weights as well, to compare; of a model
        that began at principal components without the linear path.
    max_seconds : float, optional
        Time for everything: with `scratch` each of the two networks has half of it.
    random_state : int
        Seed of the choice of labels, of the weights and of the batches.
    verbose : bool, optional
        Show progress on standard error; by default if that is a terminal.

    Returns
    -------
    Tuned
        ``model``, ``tuned``, ``scratch``, ``measured``, ``labels_seen``, and ``chart()``.

    Raises
    ------
    ValueError
        If the model has no encoder to go on with, there are no labels, or a number is out of its
        range.

    References
    ----------
    G. Hinton and R. Salakhutdinov, Reducing the dimensionality of data with neural networks, 2006.
    D. Erhan et al., Why does unsupervised pre-training help deep learning?, 2010.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> start = ist.Autoencoder(16, hidden=(64,), epochs=30, random_state=0).fit(images.train)
    >>> made = ist.finetune(start, images, labels=50, scratch=False)
    >>> made.tuned.n_labels, made.model.encode(images.test).shape
    (50, (359, 16))
    """
    clock = Clock()
    _check(model, epochs, max_seconds)
    verbose = sys.stderr.isatty() if verbose is None else verbose
    train, test, _, measured = labelled_halves(model, images, labels, random_state)
    training = _training(model, len(train), epochs)
    training |= {"random_state": random_state, "verbose": verbose}
    training["max_seconds"] = max_seconds and max_seconds * (1 - SCRATCH_SHARE * scratch)
    rate = HEAD_RATE if frozen else RATE
    tuned = _fitted(train, pretrained=model, frozen=frozen, learning_rate=rate, **training)
    found = Tuned(
        tuned,
        _counted(tuned, train, test),
        None,
        f"{labels:,} labels on top of {in_words(model)}: {images.source}",
        measured,
        labels_seen(model),
    )
    if scratch:
        if max_seconds:  # no less than a tenth: the first may have gone on for a step too long
            left = max_seconds - clock.spent()
            training["max_seconds"] = max(0.1 * max_seconds, left)
        fresh = _fitted(
            train, learning_rate=RATE, **_same_start(model, train, random_state), **training
        )
        found.scratch = _counted(fresh, train, test)
    return found


def _check(model: Any, epochs: int | None, max_seconds: float | None) -> None:
    if not model.can("finetune"):
        name, able = type(model).__name__, [f for f in FAMILIES if family(f).can("finetune")]
        raise ValueError(
            f"{name} has no encoder network that could go on to learn (those of "
            f"{', '.join(able)} have): `isthmus probe` says what a linear head reads off its "
            f"codes, and in Python make_pipeline({name}(...), LogisticRegression()) is one"
        )
    if epochs is not None and epochs < 1:
        raise ValueError(f"epochs={epochs} must be at least 1")
    if max_seconds is not None and not max_seconds > 0:
        raise ValueError(f"max_seconds={max_seconds} must be greater than 0")


def _training(model: Any, n: int, epochs: int | None) -> dict[str, Any]:
    """Return how to train on so few labels: none of them can be spared to choose an epoch by."""
    batch = min(n, BATCH)
    shape = with_channels(model.image_shape_)
    each = products(model.encoder_, (shape[-1], *shape[:-1]))
    steps = min(STEPS, max(FEWEST, MOST_PRODUCTS // (batch * each)))
    passes = max(EPOCHS, -(-STEPS // -(-n // batch)))
    chosen = {"epochs": passes, "max_steps": steps if steps < STEPS else None}
    chosen = {"epochs": epochs} if epochs else chosen
    return {"batch_size": batch, "validation_fraction": 0.0} | chosen


def _same_start(model: Any, train: Images, random_state: int) -> dict[str, Any]:
    """Return the parameters of a classifier of the same network, with weights anew."""
    own = any(isinstance(value, nn.Module) for value in model.get_params(deep=False).values())
    if own or not all(hasattr(model, name) for name in LAYERS):
        return {"pretrained": untrained(model, train, random_state)}
    return _same_network(model)


def _same_network(model: Any) -> dict[str, Any]:
    """Return the parameters of a classifier whose encoder is built as that of the model."""
    same = {name: getattr(model, name) for name in LAYERS}
    return same | {
        "n_features": model.code_width_,
        "code_activation": getattr(model, "code_activation", "linear"),
    }


def _fitted(train: Images, **parameters: Any) -> Any:
    return family("classifier")(**parameters).fit(train)


def _counted(model: Any, train: Images, test: Images) -> Accuracy:
    return counted(model.predict(test) == np.asarray(test.y), len(train))
