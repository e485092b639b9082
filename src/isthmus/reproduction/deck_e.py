"""Deck E: a small autoencoder looked at closely, on 32 glyphs of 5x7 pixels and 24 flowers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

import isthmus as ist
from isthmus.data.values import ImagesLike
from isthmus.plots import drawing, sheets
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction import planes
from isthmus.reproduction.eight import eight as eight
from isthmus.reproduction.eight import one_denoiser as one_denoiser
from isthmus.reproduction.flowers import complexity as complexity
from isthmus.reproduction.flowers import flower_walks as flower_walks
from isthmus.reproduction.flowers import flowers as flowers
from isthmus.reproduction.flowers import three_networks as three_networks
from isthmus.reproduction.sets import PIXELS, flipped, glyphs, inked
from isthmus.verbs.closeness import closeness, confusion
from isthmus.verbs.morph import between
from isthmus.verbs.planes import extent_of, grid

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.models.autoencoder import Autoencoder
    from isthmus.reproduction.run import Run

CHOSEN: dict[str, Any] = {
    "hidden": (25, 15),
    "activation": "tanh",
    "loss": "bce",
    "learning_rate": 0.01,
    "batch_size": 32,
    "validation_fraction": 0.0,
}
"""The architecture that the deck settles for in kind: tanh, symmetric, two latent numbers."""

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "25-15 tanh, Adam": {},
    "25-15 tanh, SGD": {"optimizer": "sgd", "learning_rate": 5.0},
    "25-15 tanh, Adagrad": {"optimizer": "adagrad", "learning_rate": 0.1},
    "25-15 tanh, Adam, positive start": {"init": "positive_uniform"},
    "25-15 leaky relu, Adam": {"activation": "leaky_relu"},
    "25-15 softmax, Adam": {"activation": "softmax"},
    "15 tanh, Adam": {"hidden": (15,)},
    "30-20-10 tanh, Adam": {"hidden": (30, 20, 10)},
}
"""Eight of them: what differs from the first."""

UNEVEN = 3.0
"""Times that the largest territory is the smallest, from which some own more than others."""
SETS = 64
"""Noisy copies of every glyph, as in the deck."""
FEWER = "a full batch is one step an epoch, where the deck's batches of 5 are seven"


def wrong_pixels(
    model: Representation, images: Images, given: ImagesLike | None = None
) -> np.ndarray:
    """Return how many pixels of every image are wrong once it is decoded and made black or white.

    Parameters
    ----------
    model : Representation
        Fitted on glyphs.
    images : Images
        What should come out.
    given : array of shape (n, ...), optional
        What goes in; by default the same.
    """
    out = np.asarray(ist.reconstruct(model, images if given is None else given)) > 0.5
    return (out != (np.asarray(images) > 127)).reshape(len(images), -1).sum(1)


def _chosen(run: Run, images: Images, epochs: int, seed: int = 0) -> Autoencoder:
    name = f"chosen-{seed}"
    return run.fit(name, ist.Autoencoder(2, epochs=epochs, **CHOSEN), images, seed=seed)


def architectures(run: Run, epochs: int) -> None:
    """Compare eight architectures by their error curves."""
    images = glyphs(run)
    shared = CHOSEN | {"loss": "mse", "schedule": "constant", "learning_rate": 0.003}
    shared |= {"init": "glorot_uniform"}
    curves, best = {}, {}
    for name, other in run.each(ARCHITECTURES.items(), "architectures"):
        label = name.replace(" ", "-").replace(",", "")
        model = run.fit(label, ist.Autoencoder(2, epochs=epochs, **shared | other), images)
        error = np.array(model.history_["loss"])
        lowest = int(error.argmin())
        best[name] = float(error[lowest])
        wrong = int(wrong_pixels(model, images).sum())
        curves[name] = (np.arange(1, len(error) + 1), error)
        note = f"at epoch {lowest + 1} of {len(error)}; {wrong} of 1,120 pixels wrong at the end"
        run.figure(f"lowest mean squared error, {name}", best[name], note=note)
    winner = min(best, key=lambda name: best[name])
    note = "by lowest mean squared error; the deck goes up to 60,000 epochs with batches of 5"
    run.figure("best of the eight", winner, note=note)
    title = "Eight architectures on 32 glyphs, two latent numbers"
    drawn = {name: planes.thinned(*curve) for name, curve in curves.items()}
    run.picture("curves", planes.error_curves(drawn, title), title)


def chosen(run: Run, epochs: int, seeds: int) -> None:
    """Give back all glyphs without a wrong pixel, from two numbers each."""
    images = glyphs(run)
    models = [_chosen(run, images, epochs, seed) for seed in run.each(range(seeds), "seeds")]
    wrong = [int(wrong_pixels(model, images).sum()) for model in models]
    note = f"after {len(models[0].history_['loss']):,} epochs; {FEWER}"
    run.figure("wrong pixels of 1,120 from a 2-number code", wrong[0], 0, wrong[0] == 0, note)
    run.figure(f"wrong pixels with {seeds} seeds", ", ".join(map(str, wrong)))
    seconds = models[0].history_["seconds"][-1]
    error = np.array([np.mean(models[0].history_["loss"][-100:])])[0]
    run.figure("seconds for one fit", seconds, note="asked for: under 60")
    run.figure("binary cross-entropy of a pixel at the end, nats", float(error))
    settled = planes.settled(models[0].history_["loss"])
    deck = "stable from epoch 50,000 of 150,000"
    run.figure("epoch from which the error stays within twice its last", settled, deck)
    _show_chosen(run, models[0], images)
    _show_plane(run, models[0], images)


def _show_chosen(run: Run, model: Representation, images: Images) -> None:
    decoded = ist.reconstruct(model, images)
    rows = {
        f"{kind} {half}": inked(shown[part])
        for half, part in (("1-16", slice(16)), ("17-32", slice(16, 32)))
        for kind, shown in (("original", np.asarray(images) / 255), ("decoded", decoded))
    }
    title = "32 glyphs, and what two numbers keep of them"
    run.picture("glyphs", labelled_rows(rows, title, scale=6), title)
    title = "The error while learning"
    loss = np.array(model.history_["loss"])
    curve = {"binary cross-entropy": planes.thinned(np.arange(1, len(loss) + 1), loss)}
    run.picture("curve", planes.error_curves(curve, title, "nats a pixel"), title)


def _show_plane(run: Run, model: Representation, images: Images) -> None:
    codes = model.encode(images)
    extent = extent_of(codes)
    title = "The latent plane: every glyph where its two numbers put it"
    run.picture("plane", planes.pictures_at(codes, images, extent, title), title)
    side = 16
    decoded = model.decode(grid(codes[0], extent, side))
    title = "What is decoded all over the latent plane"
    run.picture("decoded", planes.mosaic(inked(decoded), extent, title), title)
    _new_glyphs(run, model.decode(grid(codes[0], extent, 100)), images)


def _new_glyphs(run: Run, decoded: np.ndarray, images: Images) -> None:
    """Count and draw what is decoded in the plane and is none of the 32."""
    bits = decoded.reshape(-1, PIXELS) > 0.5
    found, count = np.unique(bits, axis=0, return_counts=True)
    known = np.asarray(images).reshape(32, PIXELS) > 127
    distance = (found[:, None] != known).sum(2).min(1)
    new = distance >= 3
    note = f"{int(new.sum())} of them differ from all 32 by 3 pixels or more"
    what = f"different glyphs among {len(bits):,} points of the plane"
    run.figure(what, len(found), "new ones appear", bool(new.any()), note)
    common = found[new][np.argsort(-count[new], kind="stable")[:32]].astype(float)
    if len(common):
        title = (
            "New glyphs: what is decoded most often and differs from all 32 by 3 pixels or more"
        )
        shown = inked(common.reshape(-1, 7, 5))
        run.picture("new", sheets.contact_sheet(shown, title, 16, scale=6), title)


def transitions(run: Run, epochs: int, pairs: tuple[tuple[str, str], ...], steps: int) -> None:
    """Walk from one glyph to another in equal steps of the code."""
    images = glyphs(run)
    model = _chosen(run, images, epochs)
    names = {name: i for i, name in enumerate(images.classes or [])}
    known = np.asarray(images).reshape(32, PIXELS) > 127
    rows = {}
    for a, b in pairs:
        codes = model.encode(images[[names[a], names[b]]])
        way = model.decode(between(codes[0], codes[1], steps))
        rows[f"{a} to {b}"] = inked(way)
        seen = (way.reshape(steps, -1) > 0.5)[:, None] != known
        met = [images.classes[i] for i in seen.sum(2).argmin(1)]  # type: ignore[index]
        run.figure(
            f"nearest glyphs on the way from {a} to {b}",
            " ".join(name for name, _ in itertools.groupby(met)),
        )
    title = f"Four transitions in {steps} steps"
    heads = [str(step) for step in range(1, steps + 1)]
    run.picture("transitions", labelled_rows(rows, title, heads=heads, scale=8), title)


def denoising(run: Run, epochs: int, trained: tuple[Any, ...], tested: tuple[Any, ...]) -> None:
    """Train with and without noise, test with noise of all levels."""
    images = glyphs(run)
    many = images[np.tile(np.arange(32), SETS)]
    settings = CHOSEN | {"batch_size": 256, "learning_rate": 0.005, "epochs": epochs}
    shares, errors, models = [], [], []
    noisy = [flipped(many, level, run.seed) for level in tested]
    for level in run.each(trained, "noise levels"):
        model = ist.Autoencoder(2, noise=level, noise_kind="bit_flip", **settings)
        model = run.fit(f"noise-{level:g}", model, many)
        models.append(model)
        shares.append([wrong_pixels(model, many, x).mean() / PIXELS for x in noisy])
        clean = np.asarray(many) / 255
        errors.append([np.mean((ist.reconstruct(model, x) - clean) ** 2) for x in noisy])
    _denoising_figures(run, np.array(shares), np.array(errors), trained, tested)
    _denoising_pictures(run, np.array(shares), trained, tested)
    _denoised(run, models, images, trained)


def _denoising_figures(
    run: Run,
    shares: np.ndarray,
    errors: np.ndarray,
    trained: tuple[Any, ...],
    tested: tuple[Any, ...],
) -> None:
    head = ", ".join(f"{level:.0%}" for level in tested)
    for level, row, error in zip(trained, shares, errors, strict=True):
        what = f"wrong pixels with noise of {head}, trained with noise {level:g}"
        note = f"mean squared errors {', '.join(f'{value:.4f}' for value in error)}"
        run.figure(what, ", ".join(f"{share:.2%}" for share in row), note=note)
    note = (
        "the deck does not say what its error is; of a pixel that is 0 or 1 it cannot be the mean "
        "square: two numbers found from a glyph with three or seven pixels flipped"
    )
    for level, deck in ((0.1, 1e-3), (0.2, 2e-3)):
        error = float(errors[0, tested.index(level)])
        holds = bool(error < 2 * deck)
        what = f"mean squared error at {level:.0%} noise, not trained for it"
        run.figure(what, error, deck, holds, "" if holds else note)
    ratio = errors[0, tested.index(0.2)] / errors[0, tested.index(0.1)]
    run.figure(
        "error at 20 % over error at 10 %", float(ratio), 2.0, bool(1.3 < ratio < 3), "not trained"
    )
    better = shares[1:].min(0) < shares[0]
    note = "the best of the models trained with noise against the one without, at every level"
    run.figure("training with noise helps", bool(better.all()), True, bool(better.all()), note)


def _denoising_pictures(
    run: Run, shares: np.ndarray, trained: tuple[Any, ...], tested: tuple[Any, ...]
) -> None:
    title = "Wrong pixels after decoding, by noise trained with"
    percent = [f"{100 * level:.0f}" for level in tested]
    lines = {
        f"trained with {level:g}": (list(map(float, percent)), list(100 * row))
        for level, row in zip(trained, shares, strict=True)
    }
    picture = drawing.lines(lines, title, "pixels flipped, %", "pixels wrong after decoding, %")
    run.picture("denoising", picture, title)


def _denoised(run: Run, models: list[Any], images: Images, trained: tuple[Any, ...]) -> None:
    x = flipped(images, 0.1, run.seed + 1)
    rows = {"original": inked(np.asarray(images)[:16] / 255), "10 % flipped": inked(x[:16])}
    for level, model in zip(trained, models, strict=True):
        rows[f"trained with {level:g}"] = inked(ist.reconstruct(model, x[:16]))
    title = "The first 16 glyphs with 10 % of their pixels flipped, and decoded"
    run.picture("examples", labelled_rows(rows, title, scale=6), title)


def attractors(
    run: Run, epochs: int, level: float, sets: int, seeds: int, margins: tuple[float, ...]
) -> None:
    """Measure how much of the latent plane every glyph owns, and which are taken for which."""
    images = glyphs(run)
    models = [_chosen(run, images, epochs, seed) for seed in run.each(range(seeds), "seeds")]
    codes = models[0].encode(images)
    found = ist.territory(models[0], images, 300, extent=extent_of(codes))
    _territory_figures(run, found.shares, images)
    title = "Territory: which glyph is nearest to what is decoded"
    run.picture("territory", planes.territories(found, codes, images, title), title)
    _unevenness(run, models, images, margins)
    many = images[np.tile(np.arange(32), run.some(sets, 8))]
    noisy = flipped(many, level, run.seed)
    close = [closeness(m.encode(images), confusion(m, images, noisy)) for m in models]
    note = f"over 496 pairs, {level:.0%} of the pixels flipped; {seeds} networks: "
    note += ", ".join(f"{one.rank:.2f}" for one in close) + "; chance by Mantel's test: at most "
    note += f"{max(one.chance for one in close):.3g}"
    ranks = [one.rank for one in close]
    holds = all(one.rank < 0 and one.chance < 0.01 for one in close)
    what = "rank correlation of latent distance and confusion"
    run.figure(what, float(np.mean(ranks)), "close is confused", holds, note)
    _confused(run, models[0], images, noisy, level)


def _unevenness(run: Run, models: list[Any], images: Images, margins: tuple[float, ...]) -> None:
    """Record how uneven territories are, over networks and over how much of the plane is seen."""
    for margin in margins:
        ratios = []
        for model in models:
            extent = extent_of(model.encode(images), margin=margin)
            shares = ist.territory(model, images, 150, extent=extent).shares
            ratios.append(float(shares.max() / max(shares.min(), 1e-9)))
        what = f"largest over smallest territory, margin {margin:.0%} of the codes' range"
        note = f"{len(models)} networks: " + ", ".join(f"{ratio:.0f}" for ratio in ratios)
        middle = float(np.median(ratios))
        run.figure(what, middle, "some own more", min(ratios) > UNEVEN, note)


def _confused(run: Run, model: Any, images: Images, noisy: np.ndarray, level: float) -> None:
    from scipy.stats import spearmanr

    confused = confusion(model, images, noisy)
    close = closeness(model.encode(images), confused)
    pairs = np.triu_indices(32, 1)
    bits = np.asarray(images).reshape(32, -1) > 127
    differ = (bits[:, None] != bits).sum(2)[pairs]
    rank = float(spearmanr(differ, close.taken)[0])
    run.figure("rank correlation of pixels that differ and confusion", rank)
    run.figure("noisy glyphs taken for the right one", float(np.mean(np.diag(confused))))
    title = f"Glyphs taken for each other with {level:.0%} of the pixels flipped"
    run.picture("confusion", planes.confused(close.distance, close.taken, title), title)


def _territory_figures(run: Run, shares: np.ndarray, images: Images) -> None:
    names = np.array(images.classes)
    order = np.argsort(-shares)
    top = ", ".join(f"{names[i]} {shares[i]:.1%}" for i in order[:5])
    least = ", ".join(f"{names[i]} {shares[i]:.2%}" for i in order[-3:])
    run.figure("largest territories", top, note="an even share is 3.1 %")
    run.figure("smallest territories", least)
    half = int(np.searchsorted(np.cumsum(shares[order]), 0.5)) + 1
    run.figure("glyphs that own half of the plane together", half)
