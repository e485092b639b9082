"""Deck E's networks as it has them: its start, tanh out, batches of 5, many epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import isthmus as ist
from isthmus.data.images import Images
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction import planes
from isthmus.reproduction.sets import PIXELS, flipped, glyphs, inked

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.models.autoencoder import Autoencoder
    from isthmus.reproduction.run import Run

AS_THE_DECK: dict[str, Any] = {
    "init": "positive_uniform",
    "output": "tanh",
    "batch_size": 5,
    "schedule": "constant",
    "loss": "mse",
    "learning_rate": 1e-3,
    "validation_fraction": 0.0,
}
"""What the deck says of all its networks, and a rate of learning, of which it says nothing."""

EIGHT: dict[str, dict[str, Any]] = {
    "1: 10": {"hidden": (10,)},
    "2: 20": {"hidden": (20,)},
    "3: 15-8": {"hidden": (15, 8)},
    "4: 20-10, leaky relu": {"hidden": (20, 10), "activation": "leaky_relu"},
    "5: 25-10, softmax": {"hidden": (25, 10), "activation": "softmax"},
    "6: 30-20-10": {"hidden": (30, 20, 10)},
    "7: 25-15": {"hidden": (25, 15)},
    "8: 30-25-20-15": {"hidden": (30, 25, 20, 15)},
}
"""Units of the hidden layers, tanh where nothing is said: eight of the deck's kind, whose own
sizes it does not give."""
CHOSEN = "7: 25-15"


def eight(run: Run, epochs: tuple[int, ...]) -> None:
    """Compare eight different architectures by their error curves, for as long as the deck."""
    bits = np.asarray(glyphs(run)).reshape(32, PIXELS) > 127
    curves, best = {}, {}
    for (name, sizes), many in run.each(zip(EIGHT.items(), epochs, strict=True), "architectures"):
        model = _fitted(run, f"eight-{name[0]}", _signed(bits), epochs=many, **sizes)
        error = np.array(model.history_["loss"]) / 4  # of pixels that are 0 or 1
        lowest, wrong = int(error.argmin()), _wrong(model, bits, bits)
        best[name] = float(error[lowest])
        curves[name] = planes.thinned(np.arange(1, len(error) + 1), error)
        note = (
            f"at epoch {lowest + 1:,} of {len(error):,}; {wrong} of 1,120 pixels wrong at the end"
        )
        run.figure(f"lowest mean squared error, {name}", best[name], note=note)
        if name == CHOSEN:
            _chosen(run, error, wrong)
    ranked = sorted(best, key=best.__getitem__)
    note = "by lowest mean squared error, first to last: " + "; ".join(ranked)
    run.figure("place of the seventh among the eight", ranked.index(CHOSEN) + 1, 1, None, note)
    title = "Eight architectures on 32 glyphs, two latent numbers, as the deck trains them"
    run.picture("curves", planes.error_curves(curves, title), title)


def _fitted(run: Run, name: str, x: np.ndarray, **settings: Any) -> Autoencoder:
    settings = AS_THE_DECK | {"activation": "tanh"} | settings
    return run.fit(name, ist.Autoencoder(2, **settings), Images(x))


def _chosen(run: Run, error: np.ndarray, wrong: int) -> None:
    run.figure("wrong pixels of 1,120 by the seventh", wrong, 0, wrong == 0, "the chosen one")
    deck, note = "stable from epoch 50,000", "from there never above twice its last"
    run.figure("epoch from which its error is stable", planes.settled(error), deck, None, note)


def one_denoiser(
    run: Run,
    epochs: int,
    deck_epochs: int,
    levels: tuple[float, ...],
    sets: int,
    tested: tuple[float, ...],
) -> None:
    """Train one network on glyphs under noise of all levels, and see what it takes out."""
    images = glyphs(run)
    bits = np.asarray(images).reshape(32, PIXELS) > 127
    x = np.tile(_signed(bits), (run.some(sets * len(levels), 1), 1))
    noise: dict[str, Any] = {"noise": (min(levels), max(levels)), "noise_kind": "bit_flip"}
    model = _fitted(run, "denoiser", x, epochs=epochs, **EIGHT[CHOSEN], **noise)
    error = np.array(model.history_["loss"]) / 4
    note = f"{len(x):,} glyphs an epoch in batches of 5"
    run.figure("epochs", len(error), deck_epochs, None, note)
    run.figure("lowest mean squared error while training", float(error.min()))
    many = np.tile(bits, (sets, 1))
    rows: dict[str, Any] = {"original": inked(bits[:16].reshape(-1, 7, 5))}
    for level in tested:
        noisy = flipped(many.astype(np.float32), level, run.seed) > 0.5
        share = _wrong(model, many, noisy) / many.size
        before = float((noisy != many).mean())
        what = f"wrong pixels in % with {level:.0%} noise"
        note = f"{before:.2%} went in wrong"
        run.figure(what, 100 * share, "fewer", bool(share < before), note)
        rows[f"{level:.0%} flipped"] = inked(noisy[:16].reshape(-1, 7, 5))
        rows[f"{level:.0%}, decoded"] = inked(_decoded(model, noisy[:16]).reshape(-1, 7, 5))
    title = "One network for noise of all levels: the first 16 glyphs"
    run.picture("examples", labelled_rows(rows, title, scale=6), title)
    title = "The error of one network that learns from glyphs under noise of 0 to 20 %"
    curve = {"mean squared error": planes.thinned(np.arange(1, len(error) + 1), error)}
    run.picture("curve", planes.error_curves(curve, title), title)


def _signed(bits: np.ndarray) -> np.ndarray:
    """Return glyphs in the values that a tanh gives, -1 and 1."""
    return np.where(bits, np.float32(1), np.float32(-1))


def _decoded(model: Representation, bits: np.ndarray) -> np.ndarray:
    """Return what comes back, a level of ink from 0 to 1."""
    return (np.asarray(ist.reconstruct(model, _signed(bits))) + 1) / 2


def _wrong(model: Representation, wanted: np.ndarray, given: np.ndarray) -> int:
    """Return how many pixels are wrong once what is decoded is made black or white."""
    return int(((_decoded(model, given) > 0.5) != wanted).sum())
