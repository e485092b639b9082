"""Deck D: beta-VAE on digits, plain and turned, and what its numbers stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import isthmus as ist
from isthmus import metrics as scores
from isthmus.data.rotated import rotated
from isthmus.plots import drawing
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction.betas import DEEP, INDEPENDENCE, LATENTS
from isthmus.reproduction.betas import study as study
from isthmus.reproduction.sets import one_of_each, some_of
from isthmus.verbs.layouts import layout

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.models.vae import VAE
    from isthmus.reproduction.run import Run

EPOCHS, BATCH, HELD_OUT = 15, 64, 0.05
SIZE, LIMIT = 64, 90.0
"""Pixels a side, and degrees that a digit is turned at most."""
STEPS = 11
"""Images of a traversal."""
APART = 0.5
"""Disentanglement (DCI) from which dimensions are taken for independent of each other."""
CAPTURED = 0.5
"""Share of the variance of the angle that one dimension must explain to have captured it."""
NEIGHBOURS = 10


@dataclass
class Codes:
    """What a model says about test images, and what is known of them."""

    images: Images
    mean: np.ndarray
    log_variance: np.ndarray
    draws: np.ndarray  # from the posterior: what a collapsed dimension says is lost in them

    @property
    def turned(self) -> np.ndarray:
        """Which images have been turned."""
        return self.images.factors["angle"] != 0

    @property
    def angle(self) -> np.ndarray:
        """The angles of those."""
        return self.images.factors["angle"][self.turned]

    @property
    def active(self) -> np.ndarray:
        """Which dimensions say anything."""
        return scores.active_units(self.mean, self.log_variance)


def beta_vae(run: Run, architecture: str, beta: float, activation: str) -> None:
    """Fit one of the deck's networks with one beta, and ask what every dimension follows."""
    train, test = _turned_digits(run)
    model = run.fit("vae", _model(architecture, beta, activation), train)
    model.save(run.folder / "vae.safetensors")
    codes = _codes(run, model, test)
    network = architecture + ("" if activation == "relu" else f", {activation}")
    title = f"Loss of the {network} network, beta {beta:g}, in nats an image"
    run.picture("curves", drawing.curves({f"beta {beta:g}": model.history_}, title), title)
    done = len(model.history_["epoch"])
    run.figure("epochs", done, deck=EPOCHS, note=f"{len(train):,} images an epoch, "
                 f"{HELD_OUT:.0%} of them held out for the validation loss")  # fmt: skip
    _reconstructions(run, model, test)
    _units(run, codes, network if beta == 4 else "")
    _followers(run, codes, beta == 4)
    _maps(run, codes)
    _traversals(run, model, codes)


def rotation(run: Run, digit: int, beta: float, epochs: int) -> None:
    """Capture rotation: turned images of one digit, and two numbers whose direction is the angle.

    The deck asks one number to follow the angle of ten digits, half of which are not turned at
    all. Turning moves the ink of a digit on a circle, and a plane has room for one.
    """
    train, test = (half[half.factors["angle"] != 0] for half in _turned_digits(run, digit))
    model = _model("burgess", beta, "relu").set_params(latent_dim=2, epochs=epochs)
    model = run.fit("one-digit", model, train)
    codes = _codes(run, model, test)
    _rotation_figures(run, codes, f"{len(train):,} turned images of the digit {digit}")
    title = f"Turned test images of the digit {digit}: where their codes lie"
    direction = _direction(codes.mean)
    plots = {
        "coloured by angle": (codes.mean, codes.angle.astype(float)),
        "angle against the direction of the code, in degrees": (
            np.column_stack([direction, codes.angle]),
            np.zeros(len(direction), dtype=int),
        ),
    }
    run.picture("plane", drawing.scatter(plots, title), title)
    _round(run, model, codes)
    title = f"One {digit}, each number moved"
    rows = ist.traverse(model, np.asarray(test[0])[0], steps=STEPS, among=test)
    run.picture("traversal", _strip(rows, title, ["first number", "second number"]), title)


def _turned_digits(run: Run, digit: int | None = None) -> tuple[Images, Images]:
    """Return MNIST at 64x64, plain and turned: the set "rotated-mnist", or one digit of it."""
    images = ist.load_images("mnist")
    images = images if digit is None else images[images.y == digit]
    images = rotated(some_of(run, images), SIZE, LIMIT, verbose=run.verbose)
    return images.train, images.test


def _model(architecture: str, beta: float, activation: str) -> VAE:
    return ist.VAE(
        LATENTS,
        architecture=architecture,
        activation=activation,
        beta=beta,
        epochs=EPOCHS,
        batch_size=BATCH,
        init="glorot_uniform",
        validation_fraction=HELD_OUT,
    )


def _codes(run: Run, model: Representation, test: Images) -> Codes:
    mean, log_variance = model.posterior(test)
    noise = np.random.default_rng(run.seed).normal(size=mean.shape)
    return Codes(test, mean, log_variance, mean + np.exp(log_variance / 2) * noise)


def _reconstructions(run: Run, model: Representation, test: Images) -> None:
    run.figure("test mse", scores.mse(test, ist.reconstruct(model, test)))
    plain = one_of_each(test)
    turned = one_of_each(test[test.factors["angle"] != 0])
    rows = {
        "plain": np.asarray(plain),
        "reconstructed": ist.reconstruct(model, plain),
        "turned": np.asarray(turned),
        "reconstructed\nas well": ist.reconstruct(model, turned),
        "drawn from the prior": model.sample(10, random_state=run.seed),
    }
    title = "Test digits, plain and turned, and what is left of them after ten numbers"
    run.picture("reconstructions", labelled_rows(rows, title=title), title)


def _units(run: Run, codes: Codes, deck: str) -> None:
    """Record which dimensions are active, and how far they depend on each other."""
    kl = scores.kl_per_dimension(codes.mean, codes.log_variance)
    active = np.flatnonzero(codes.active)
    said, holds = {
        DEEP: ("3 (dimensions 1, 6, 8)", len(active) == 3),
        "burgess": ("10 (all)", len(active) == LATENTS),
    }.get(deck, (None, None))
    note = "above 0.01 nats of KL: " + (", ".join(map(str, active)) or "none")
    run.figure("active dimensions of 10", len(active), deck=said, holds=holds, note=note)
    run.figure("KL in nats", float(kl.sum()))
    _dependence(run, codes, active, deck)
    title = "KL of every dimension: how much it says of an image"
    chart = drawing.bars({"KL": kl}, title, "dimension", "nats")
    run.picture("kl", chart, title)


def _dependence(run: Run, codes: Codes, active: np.ndarray, deck: str) -> None:
    """Record how far dimensions follow one thing each: the digit, or its angle."""
    turned = codes.turned
    factors = {"digit": codes.images.y[turned], "angle": codes.angle}
    found = scores.dci(codes.draws[turned], factors, random_state=run.seed)
    said = {DEEP: "entangled", "burgess": "independent"}.get(deck)
    apart = float(found.disentanglement)
    holds = {DEEP: apart < APART, "burgess": apart >= APART}.get(deck)
    note = "of what a dimension says of digit or angle, how much is of one of them, by a forest "
    note += f"(DCI), turned images only; from {APART:g} taken for independent: see the traversals"
    run.figure(INDEPENDENCE, apart, deck=said, holds=holds, note=note)
    run.figure("completeness (DCI)", float(found.completeness))
    note = "0 to 1: how far no dimension knows of both"
    run.figure("modularity", scores.modularity(codes.draws[turned], factors), note=note)
    if len(active) > 1:
        matrix = np.abs(np.corrcoef(codes.mean[:, active], rowvar=False))
        alike = float(matrix[~np.eye(len(active), dtype=bool)].mean())
        note = "absolute, of the posterior means; a prior makes it small whatever they say"
        run.figure("mean correlation between active dimensions", alike, note=note)


def _followers(run: Run, codes: Codes, deck: bool) -> None:
    """Record which dimensions follow the digit and the angle."""
    turned, draws = codes.turned, codes.draws
    digit = scores.mutual_information(draws, codes.images.y)[:, 0]
    angle = scores.mutual_information(draws[turned], codes.angle)[:, 0]
    explained = scores.variance_explained(draws[turned], codes.angle)
    best = int(digit.argmax())
    note = f"most is in dimension {best}, {digit[best]:.1%} of what there is to know"
    run.figure("MIG against the digit", scores.mig(draws, codes.images.y), note=note)
    best = int(angle.argmax())
    note = f"turned images only; most is in dimension {best}, {angle[best]:.1%}"
    run.figure("MIG against the angle", scores.mig(draws[turned], codes.angle), note=note)
    _angle_figures(run, codes, explained, deck)
    inside = _angle_of_every_digit(codes)
    columns = ["digit\n(known)", "angle\n(known)", "angle\n(R^2)", "within digits\n(R^2)"]
    title = "What every dimension says: share known of digit and angle, variance explained"
    values = np.column_stack([digit, angle, explained, inside])
    rows = [f"dimension {j}" for j in range(len(values))]
    run.picture("follows", drawing.table(values, rows, columns, title), title)


def _angle_figures(run: Run, codes: Codes, explained: np.ndarray, deck: bool) -> None:
    best = int(explained.argmax())
    said, holds = (None, None)
    if deck:
        said, holds = "rotation was not captured", bool(explained[best] < CAPTURED)
    note = f"dimension {best}; {CAPTURED:.0%} of the variance would be taken for captured"
    what = "R^2 of the angle by its best dimension"
    run.figure(what, float(explained[best]), deck=said, holds=holds, note=note)
    ranks = np.abs(scores.rank_correlation(codes.draws[codes.turned], codes.angle))
    note = f"Spearman's, dimension {int(ranks.argmax())}"
    run.figure("rank correlation of the angle with its best dimension", ranks.max(), note=note)
    note = f"by the {NEIGHBOURS} nearest codes: what the code knows, spread over its numbers"
    run.figure("R^2 of the angle by all dimensions", _by_neighbours(codes), note=note)
    inside = _angle_of_every_digit(codes)
    note = f"the mean over the ten digits; dimension {int(inside.argmax())}"
    run.figure("R^2 of the angle within one digit", float(inside.max()), note=note)


def _angle_of_every_digit(codes: Codes) -> np.ndarray:
    """Return how much of the angle each dimension explains within a digit, on average."""
    digits, draws = codes.images.y[codes.turned], codes.draws[codes.turned]
    within = [
        scores.variance_explained(draws[digits == digit], codes.angle[digits == digit])
        for digit in np.unique(digits)
    ]
    return np.mean(within, axis=0)


def _by_neighbours(codes: Codes) -> float:
    from sklearn.neighbors import KNeighborsRegressor

    means, half = codes.mean[codes.turned], codes.turned.sum() // 2
    model = KNeighborsRegressor(NEIGHBOURS).fit(means[:half], codes.angle[:half])
    return float(model.score(means[half:], codes.angle[half:]))


def _maps(run: Run, codes: Codes) -> None:
    rows = np.linspace(0, len(codes.mean) - 1, min(drawing.MAPPED, len(codes.mean))).astype(int)
    means, images = codes.mean[rows], codes.images[rows]
    angle = images.factors["angle"].astype(float)
    turned = angle != 0
    for method, name in (("pca", "two principal components"), ("tsne", "t-SNE")):
        where = layout(means, method)
        plots = {
            "coloured by digit": (where, images.y, images.classes),
            "turned ones, coloured by angle in degrees": (where[turned], angle[turned]),
        }
        title = f"Codes of {len(rows):,} test digits by {name}"
        run.picture(f"map-{method}", drawing.scatter(plots, title), title)


def _traversals(run: Run, model: Representation, codes: Codes) -> None:
    """Move every dimension, from a random point and from one image of every digit."""
    values = np.linspace(-2.5, 2.5, STEPS)
    point = np.random.default_rng(run.seed).normal(size=LATENTS).astype(np.float32)
    title = "From a random point: each dimension from -2.5 to 2.5"
    run.picture("traversal", _strip(ist.traverse(model, point, values=values), title), title)
    kl = scores.kl_per_dimension(codes.mean, codes.log_variance)
    names = [f"dimension {j} ({nats:.2f} nats)" for j, nats in enumerate(kl)]
    digits = [
        ist.traverse(model, image, values=values[::2])
        for image in np.asarray(one_of_each(codes.images))
    ]
    for first in range(0, len(digits), 5):
        some = digits[first : first + 5]
        title = (
            f"From the codes of {first} to {first + len(some) - 1}: dimensions from -2.5 to 2.5"
        )
        picture = _strip(np.concatenate(some, axis=1), title, names, scale=0.5)
        run.picture(f"traversal-{first}", picture, title)


def _strip(
    rows: np.ndarray, title: str, names: list[str] | None = None, scale: float = 0.75
) -> Image:
    names = names or [f"dimension {j}" for j in range(len(rows))]
    return labelled_rows(dict(zip(names, rows, strict=True)), title=title, scale=scale)


def _direction(means: np.ndarray) -> np.ndarray:
    """Return in which direction from their centre codes of two numbers lie, in degrees.

    Directions are counted from where there are fewest codes.
    """
    away = means - means.mean(0)
    turn = np.degrees(np.arctan2(away[:, 1], away[:, 0])) % 360
    counts, edges = np.histogram(turn, 36, (0, 360))
    return (turn - edges[counts.argmin()]) % 360


def _rotation_figures(run: Run, codes: Codes, what: str) -> None:
    direction = _direction(codes.mean)[:, None]
    explained = float(scores.variance_explained(direction, codes.angle)[0])
    note = f"{what}, a code of two numbers; {CAPTURED:.0%} is taken for captured"
    deck = "not captured"  # of ten digits by ten numbers
    run.figure("R^2 of the angle by the direction of the code", explained, deck, note=note)
    single = scores.variance_explained(codes.mean, codes.angle)
    best = int(single.argmax())
    note = f"number {best + 1} of the two; the other has {single.min():.3f}"
    run.figure("R^2 of the angle by one of the numbers", float(single[best]), note=note)
    ranks = np.abs(scores.rank_correlation(codes.mean, codes.angle))
    run.figure("rank correlation of the angle with that number", ranks[best])
    note = "the gap between the two numbers in what they know of the angle"
    run.figure("MIG against the angle", scores.mig(codes.draws, codes.angle), note=note)
    _error_in_degrees(run, codes)


def _error_in_degrees(run: Run, codes: Codes) -> None:
    from sklearn.neighbors import KNeighborsRegressor

    half = len(codes.mean) // 2
    model = KNeighborsRegressor(NEIGHBOURS).fit(codes.mean[:half], codes.angle[:half])
    wrong = np.abs(model.predict(codes.mean[half:]) - codes.angle[half:])
    note = f"read off the {NEIGHBOURS} nearest codes; 45 would be guessing"
    run.figure("median error of the angle in degrees", float(np.median(wrong)), note=note)


def _round(run: Run, model: Representation, codes: Codes) -> None:
    """Walk once round the centre of the codes."""
    centre = codes.mean.mean(0)
    radius = np.median(np.linalg.norm(codes.mean - centre, axis=1))
    turns = np.linspace(0, 2 * np.pi, 17)[:16]
    way = centre + radius * np.column_stack([np.cos(turns), np.sin(turns)])
    images = model.decode(way.astype(np.float32))
    title = "Once round the centre of the codes: the digit turns"
    rows = {"first half": images[:8], "second half": images[8:]}
    run.picture("round", labelled_rows(rows, title=title), title)
