"""The verb finetune: a few labels on top of an encoder that was learnt without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from isthmus.data.images import Images, with_channels
from isthmus.data.tables import labels_of
from isthmus.families import FAMILIES, family
from isthmus.fitted.heldout import labels_seen
from isthmus.metrics.labels import Accuracy, counted
from isthmus.metrics.probes import stratified
from isthmus.models.pretrained import untrained
from isthmus.system.progress import is_shown, say
from isthmus.training.budget import Clock
from isthmus.training.costs import products
from isthmus.validation import renamed
from isthmus.verbs.parameters import ImagesLike, Labels, Model, Seconds
from isthmus.verbs.probe import averages, labelled_by, labelled_halves, scores_of
from isthmus.verbs.probing import in_words
from isthmus.verbs.repeated import seeds_of
from isthmus.verbs.tuned import FINETUNED, HEAD, PROBE, SCRATCH, Tuned

STEPS, EPOCHS = 300, 15
"""At least this many optimizer steps, and this many passes over the labels."""
BATCH = 64
MOST_PRODUCTS, FEWEST = 10**11, 50
"""Products of the encoder in all steps, where these are more than the fewest: a minute or so."""
HELD_BACK, FEWEST_HELD = 0.25, 5
"""Share of the labels by which the best network is chosen, and how many these have to be."""
SAID = {
    FINETUNED: "the encoder goes on to learn, with a head on it",
    **dict.fromkeys((PROBE, HEAD), "a head alone, the encoder stays as it is"),
    SCRATCH: "the same network from random weights",
}
"""What the networks are."""
LAYERS = "architecture", "hidden", "channels", "activation"
"""Parameters that say how an encoder of ours is built."""
RATE, HEAD_RATE = 1e-3, 1e-2
"""Learning rates of a whole network, and of a head alone."""


@renamed(max_seconds="budget")
def finetune(
    model: Model,
    images: ImagesLike,
    labels: Labels = 100,
    *,
    frozen: bool = False,
    epochs: int | None = None,
    scratch: bool = True,
    repeats: int = 1,
    budget: Seconds | None = None,
    random_state: int = 0,
    verbose: bool | None = None,
) -> Tuned:
    r"""Train a classifier from the encoder of a model and a few labels.

    A linear head on the code and, unless frozen, the encoder under it go on to minimise the mean
    of :math:`-\log \mathrm{softmax}_y(W f(x) + b)`. What the encoder learnt without labels has not
    to be learnt from them. It is evaluated on images that neither has learnt from.

    Parameters
    ----------
    model : Autoencoder, VAE or Classifier
        Fitted. Other families have no encoder network that could go on to learn: fit
        ``make_pipeline(model, LogisticRegression())`` on them, or `probe` them.
    images : Images
        With labels. Without a split a fifth is held out by chance.
    labels : int or path
        How many training labels to learn from, at least one of each class, every class in its
        proportion; or the table they are in, a .csv file of names and labels, of which all are
        taken.
    frozen : bool
        Train the head only and leave the encoder as it is; that is the model then.
    epochs : int, optional
        Passes over the labelled images; by default as many as make 300 steps of up to 64 images,
        and at least 15 of them; fewer, down to 50 steps, where the encoder is large or convolves
        over large images.
    scratch : bool
        Train a linear probe (a head alone) and a network of the same layers from random weights
        as well, to compare; of a model that began at principal components without the linear path.
        The best of the three is recommended, and is the model that is returned: all learn from
        three quarters of the labels and are compared on the quarter held back, then learn from
        all. Held-out images have no say in the choice.
    repeats : int
        Draws of the labels and of the weights, at least 1: accuracies are the means, and networks
        are compared draw by draw. The model, and which one is recommended, are those of the first.
    budget : float, optional
        Time for everything, in seconds above 0: all networks have equal shares of it.
    random_state : int
        Seed of the choice of labels, of the weights and of the batches; repeats have the next.
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
    _check(model, epochs, budget)
    verbose = is_shown() if verbose is None else verbose
    images, count = labelled_by(images, labels)
    train, test, _, measured = labelled_halves(model, images, count, random_state)
    seeds = seeds_of(random_state, repeats)
    names = [HEAD if frozen else FINETUNED]
    names += [] if not scratch else [SCRATCH] if frozen else [PROBE, SCRATCH]
    to_come = len(names) * (repeats - 1)
    contest = _Contest(model, epochs, budget, random_state, verbose, clock, to_come)
    held_back = contest.held_back(names, train) if PROBE in names else {}
    fitted = contest.fitted(names, train)
    draws = [{name: _counted(each, train, test) for name, each in fitted.items()}]
    for seed in seeds[1:]:
        drawn = labelled_halves(model, images, count, seed).train
        draws.append(contest.again(names, drawn, test, seed))
    accuracies = averages(draws)
    best = max(held_back, key=lambda name: _merit(*held_back[name]), default=names[0])
    made = Tuned(
        fitted[best],
        accuracies[names[0]],
        accuracies.get(SCRATCH),
        f"{len(train):,} labels on top of {in_words(model)}: {images.source}",
        measured,
        labels_seen(model),
        accuracies.get(PROBE),
        {name: accuracy for name, (accuracy, _) in held_back.items()},
        best if PROBE in names else "",
        frozen,
    )
    made.repeats, made.random_state = scores_of(draws), random_state
    return made


@dataclass
class _Contest:
    """Networks of one model that learn the same labels, one after another, within a time."""

    model: Any
    epochs: int | None
    max_seconds: float | None
    random_state: int
    verbose: bool
    clock: Clock
    to_come: int = 0

    def held_back(self, names: list[str], train: Images) -> dict[str, tuple[Accuracy, float]]:
        """Return how every network does on labels held back: its accuracy, and the likelihood.

        Of two that are right as often the more likely labels are better. Nothing is returned where
        labels are too few for that.
        """
        y = np.asarray(train.y)
        rows = np.sort(stratified(y, round((1 - HELD_BACK) * len(y)), self.random_state))
        rest = np.setdiff1d(np.arange(len(y)), rows)
        rest = rest[np.isin(y[rest], y[rows])]
        if len(rest) < FEWEST_HELD or len(np.unique(y[rows])) < 2:
            return {}
        self.tell(
            f"{len(train):,} labels: {len(rows):,} to learn from, {len(rest):,} to choose by"
        )
        self.to_come += len(names)  # and as many afterwards
        known, asked = train[rows], train[rest]
        found = {}
        for name, model in self.fitted(names, known).items():
            right = _counted(model, known, asked)
            found[name] = right, _likelihood(model, asked)
            self.tell(f"{name}: {right.accuracy:.0%} of these {len(rest):,} are right")
        self.to_come -= len(names)
        return found

    def fitted(self, names: list[str], train: Images) -> dict[str, Any]:
        """Return the networks by their names, fitted on the same labels."""
        found = {}
        for left, name in zip(range(len(names), 0, -1), names, strict=True):
            self.tell(f"{name}, on {len(train):,} labels: {SAID[name]}")
            training = _training(self.model, len(train), self.epochs)
            if self.max_seconds:  # no less than a little: others may have gone on for too long
                rest = max(self.max_seconds - self.clock.spent(), 0.1 * self.max_seconds)
                training["max_seconds"] = rest / (left + self.to_come)
            given = self._start(name, train) | training | {"random_state": self.random_state}
            found[name] = family("classifier")(**given, verbose=self.verbose).fit(train)
            if found[name].stopped_ == "interrupted":
                raise KeyboardInterrupt  # networks that are compared learn for as long
        return found

    def again(
        self, names: list[str], train: Images, test: Images, seed: int
    ) -> dict[str, Accuracy]:
        """Return the accuracies of networks that learn other labels, from other weights."""
        self.tell(f"again, seed {seed}")
        self.random_state, self.to_come = seed, self.to_come - len(names)
        fitted = self.fitted(names, train)
        return {name: _counted(each, train, test) for name, each in fitted.items()}

    def _start(self, name: str, train: Images) -> dict[str, Any]:
        """Return what a network starts from, and how fast it learns."""
        if name == SCRATCH:
            return {"learning_rate": RATE, **_same_start(self.model, train, self.random_state)}
        frozen = name in (HEAD, PROBE)
        rate = HEAD_RATE if frozen else RATE
        return {"pretrained": self.model, "frozen": frozen, "learning_rate": rate}

    def tell(self, words: str) -> None:
        """Say what goes on."""
        if self.verbose:
            say(f"isthmus: {words}")


def _merit(found: Accuracy, likelihood: float) -> tuple[float, float]:
    return found.accuracy, likelihood


def _likelihood(model: Model, images: Images) -> float:
    """Return the mean logarithm of the probability that a model gives the labels of images."""
    chances = model.predict_proba(images)
    columns = {label: column for column, label in enumerate(model.class_labels_ or [])}
    at = [columns[label] for label in np.asarray(labels_of(images)).tolist()]
    return float(np.log(np.maximum(chances[np.arange(len(at)), at], 1e-12)).mean())


def _check(model: Model, epochs: int | None, budget: float | None) -> None:
    if not model.can("finetune"):
        name, able = type(model).__name__, [f for f in FAMILIES if family(f).can("finetune")]
        none = "no encoder network" if model.cell is None else "grids of codes and no network"
        raise ValueError(
            f"{name} has {none} that could go on to learn (of whole images those of "
            f"{', '.join(able)} have): `isthmus probe` says what a linear head reads off its "
            f"codes, and in Python make_pipeline({name}(...), LogisticRegression()) is one"
        )
    for name, value in (("epochs", epochs), ("budget", budget)):
        if value is not None and not value > 0:
            raise ValueError(f"{name}={value} must be greater than 0")


def _training(model: Model, n: int, epochs: int | None) -> dict[str, Any]:
    """Return how to train on so few labels: none of them can be spared to choose an epoch by."""
    batch = min(n, BATCH)
    shape = with_channels(model.image_shape_)
    each = products(model.encoder_, (shape[-1], *shape[:-1]))
    steps = min(STEPS, max(FEWEST, MOST_PRODUCTS // (batch * each)))
    passes = max(EPOCHS, -(-STEPS // -(-n // batch)))
    chosen = {"epochs": passes, "max_steps": steps if steps < STEPS else None}
    chosen = {"epochs": epochs} if epochs else chosen
    return {"batch_size": batch, "validation_fraction": 0.0} | chosen


def _same_start(model: Model, train: Images, random_state: int) -> dict[str, Any]:
    """Return the parameters of a classifier of the same network, with weights anew."""
    own = any(isinstance(value, nn.Module) for value in model.get_params(deep=False).values())
    if own or not all(hasattr(model, name) for name in LAYERS):
        return {"pretrained": untrained(model, train, random_state)}
    return _same_network(model)


def _same_network(model: Model) -> dict[str, Any]:
    """Return the parameters of a classifier whose encoder is built as that of the model."""
    same = {name: getattr(model, name) for name in LAYERS}
    return same | {
        "n_features": model.code_width_,
        "code_activation": getattr(model, "code_activation", "linear"),
    }


def _counted(model: Model, train: Images, test: Images) -> Accuracy:
    return counted(model.predict(test) == labels_of(test), len(train))
