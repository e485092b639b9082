"""Deck E's second half: 24 photographs of flowers in a few numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

import isthmus as ist
from isthmus.plots import drawing
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction import planes
from isthmus.verbs.planes import extent_of, grid

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.models.autoencoder import Autoencoder
    from isthmus.reproduction.run import Run
    from isthmus.verbs.planes import Extent

SETTINGS: dict[str, Any] = {
    "hidden": (100, 30),
    "activation": "tanh",
    "output": "tanh",
    "batch_size": 20,
    "validation_fraction": 0.0,
}
"""Dense layers of the deck's kind; it gives the batch, tanh, and no sizes."""

RULES: dict[str, dict[str, Any]] = {
    "Adam": {},
    "SGD": {"optimizer": "sgd", "learning_rate": 3.0},
}
"""The deck names both, and does not say which one the flowers were learnt by."""

LIMITS = (-1.0, 1.0)
SEEDS = 2
LATENT = 6
"""Numbers that the deck settles for."""
LITTLE = 0.05
"""Share of the variance that may be lost where a code is said to work."""


def _fitted(
    run: Run, images: Images, latent_dim: int, epochs: int, rule: str = "Adam", seed: int = 0
) -> Autoencoder:
    model = ist.Autoencoder(latent_dim, epochs=epochs, **SETTINGS | RULES[rule])
    return run.fit(f"{rule}-{latent_dim}-{seed}", model, images, seed=seed)


def flowers(run: Run, latents: dict[str, tuple[int, ...]], epochs: dict[str, int]) -> None:
    """Find how few numbers still hold 24 flowers, by two rules of learning."""
    images = ist.load_images("flowers")
    variance = float(np.var(np.asarray(images), axis=0).mean())
    for rule, widths in latents.items():
        rows, curves, lost = {"original": np.asarray(images)}, {}, {}
        for k in run.each(widths, f"latent sizes, {rule}"):
            models = [_fitted(run, images, k, epochs[rule], rule, seed) for seed in range(SEEDS)]
            losses = [np.array(model.history_["loss"]) for model in models]
            ends = [float(loss[-1]) / variance for loss in losses]
            lost[k] = float(np.mean(ends))
            named = f"{k} number{'s' * (k > 1)}"
            curves[named] = planes.thinned(np.arange(1, len(losses[0]) + 1), losses[0])
            rows[named] = ist.reconstruct(models[0], images)
            steady = planes.settled(losses[0])
            note = (
                f"mean squared errors of {SEEDS} seeds: "
                f"{', '.join(f'{end * variance:.2g}' for end in ends)}; within twice its last "
                f"value from epoch {steady:,} of {len(losses[0]):,}"
            )
            run.figure(f"share of the variance lost with {named}, {rule}", lost[k], note=note)
        _verdict(run, rule, lost)
        _flower_pictures(run, rule, rows, curves)


def _verdict(run: Run, rule: str, lost: dict[int, float]) -> None:
    note = f"works: less than {LITTLE:.0%} of the variance is lost"
    run.figure(f"6 numbers, {rule}", lost[6], "6 works", lost[6] < LITTLE, note)
    ratio = lost[5] / lost[6]
    holds = bool(ratio > 1.5 and lost[5] > LITTLE)
    note = "holds where 5 numbers lose half as much again as 6, and do not work"
    run.figure(
        f"loss with 5 numbers over loss with 6, {rule}", ratio, "5 costs error", holds, note
    )
    works = [k for k in lost if lost[k] < LITTLE]
    run.figure(f"fewest numbers that work, {rule}", min(works, default="none"), 6)


def _flower_pictures(run: Run, rule: str, rows: dict[str, Any], curves: dict[str, Any]) -> None:
    title = f"24 flowers: error against epochs by the width of the code, {rule}"
    run.picture(f"curves-{rule.lower()}", planes.error_curves(curves, title), title)
    _all_flowers(run, f"flowers-{rule.lower()}", rows, f"after learning by {rule}")


def _all_flowers(run: Run, name: str, rows: dict[str, Any], when: str) -> None:
    """Draw 24 flowers and what is left of them, 12 in a row."""
    title = f"24 flowers, and what is left of them {when}"
    halves = {
        f"{which}\n{words}": pictures[part]
        for words, part in (("1 to 12", slice(12)), ("13 to 24", slice(12, 24)))
        for which, pictures in rows.items()
    }
    run.picture(name, labelled_rows(halves, title, 12, limits=LIMITS), title)


def three_networks(
    run: Run,
    networks: dict[str, tuple[int, tuple[int, ...]]],
    epochs: dict[str, int],
    seeds: int,
) -> None:
    """Train the deck's three networks of 6 numbers and its one of 5, each as long as it does."""
    images = ist.load_images("flowers")
    variance = float(np.var(np.asarray(images), axis=0).mean())
    rows, curves = {"original": np.asarray(images)}, {}
    ends: dict[str, list[float]] = {}
    for name, (latent_dim, hidden) in run.each(networks.items(), "networks"):
        settings = SETTINGS | {"hidden": hidden, "epochs": epochs[name]}
        model = ist.Autoencoder(latent_dim, **settings)
        label = "network-" + "-".join(map(str, (*hidden, latent_dim)))
        models = [run.fit(f"{label}-{i}", clone(model), images, seed=i) for i in range(seeds)]
        losses = [np.array(model.history_["loss"]) for model in models]
        ends[name] = [float(loss[-1]) / variance for loss in losses]
        curves[name] = planes.thinned(np.arange(1, len(losses[0]) + 1), losses[0])
        rows[name] = ist.reconstruct(models[0], images)
        steady = [planes.settled(loss) for loss in losses]
        note = f"{seeds} seeds: {_listed(ends[name])}; within twice their last value from epochs "
        note += ", ".join(f"{epoch:,}" for epoch in steady) + f" of {len(losses[0]):,}"
        what = f"share of the variance lost, {name} network, {latent_dim} numbers"
        run.figure(what, float(np.mean(ends[name])), note=note)
    first, *_, third = [name for name in networks if networks[name][0] == LATENT]
    holds = min(ends[third]) > max(ends[first])
    note = "holds where every seed of the third ends above every seed of the first"
    run.figure("loss of the third over the first", float(np.mean(ends[third]) /
               np.mean(ends[first])), "stays higher", bool(holds), note)  # fmt: skip
    title = "The three networks of 6 numbers, and one of 5: error against epochs"
    run.picture("curves", planes.error_curves(curves, title), title)
    _all_flowers(run, "flowers", rows, "by each network")


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


def complexity(
    run: Run, widths: tuple[int, ...], latents: tuple[int, ...], epochs: int, seeds: int
) -> None:
    """Ask whether fewer numbers at the same error need a wider network."""
    images = ist.load_images("flowers")
    variance = float(np.var(np.asarray(images), axis=0).mean())
    lost = np.empty((len(widths), len(latents), seeds))
    cells = [(i, j, k) for i in range(len(widths)) for j in range(len(latents))
             for k in range(seeds)]  # fmt: skip
    for i, j, k in run.each(cells, "widths and latent sizes"):
        settings = SETTINGS | {"hidden": (widths[i], max(2, widths[i] // 3))}
        model = ist.Autoencoder(latents[j], epochs=epochs, **settings)
        model = run.fit(f"width-{widths[i]}-{latents[j]}-{k}", model, images, seed=k)
        lost[i, j, k] = float(np.mean(model.history_["loss"][-100:])) / variance
    fewest = [
        min((latents[j] for j in range(len(latents)) if lost[i, j].mean() < LITTLE), default=None)
        for i in range(len(widths))
    ]
    for width, least, found in zip(widths, fewest, lost, strict=True):
        note = "; ".join(f"{k}: {_listed(of)}" for k, of in zip(latents, found, strict=True))
        what = f"fewest numbers that keep {1 - LITTLE:.0%} of the variance, {width} units wide"
        run.figure(what, least or "none", note=f"share lost by numbers, {seeds} seeds: {note}")
    known = [least if least is not None else max(latents) + 1 for least in fewest]
    falls = all(a >= b for a, b in itertools.pairwise(known)) and known[0] > known[-1]
    deck, note = (
        "fewer numbers need a more complex network",
        "holds where it never rises and falls",
    )
    run.figure("fewest numbers, by width", ", ".join(map(str, known)), deck, falls, note)
    title = "24 flowers: share of the variance lost, by units of the first layer"
    lines = {
        f"{k} number{'s' * (k > 1)}": (widths, lost[:, j].mean(1).tolist())
        for j, k in enumerate(latents)
    }
    axes = ("units of the first hidden layer", "share of the variance lost")
    run.picture("complexity", drawing.lines(lines, title, *axes, log_x=True), title)


def flower_walks(run: Run, latent_dim: int, epochs: int, side: int) -> None:
    """Look for flowers: vary two latent dimensions of each, and see which others appear."""
    images = ist.load_images("flowers")
    model = _fitted(run, images, latent_dim, epochs)
    codes = model.encode(images)
    extent = extent_of(codes)
    met = [_met(model, images, code, extent, side) for code in codes]
    counts = [len(found) for found in met]
    most = int(np.argmax(counts))
    note = "within half of their distance to the nearest other flower"
    run.figure("flowers met on a walk, mean", float(np.mean(counts)), note=note)
    run.figure("flowers met on the richest walk", counts[most], "some appear", counts[most] > 1)
    run.figure("flowers of 24 met on at least one walk from another", _met_from_others(met))
    title = f"Looking for flowers: the first two of {latent_dim} numbers are varied"
    decoded = model.decode(grid(codes[most], extent, side))
    run.picture("walk", planes.mosaic(decoded, extent, title, 9), title)
    title = "From the flower of that walk to the one whose code is furthest from its own"
    other = int(np.argmax(np.linalg.norm(codes - codes[most], axis=1)))
    way = ist.morph(model, np.asarray(images)[most], np.asarray(images)[other], 11)
    run.picture("morph", labelled_rows({"by the codes": way}, title, limits=LIMITS), title)
    title = "Where the flowers lie, in the first two numbers of their codes"
    shown = (np.asarray(images) + 1) / 2
    picture = planes.pictures_at(codes[:, :2], shown, extent, title, size=8, zoom=1.3, dark=False)
    run.picture("plane", picture, title)
    title = f"Each of the {latent_dim} numbers varied alone, from one flower"
    moved = ist.traverse(model, np.asarray(images)[most], steps=9, among=images)
    rows = {f"number {i + 1}": row for i, row in enumerate(moved)}
    run.picture("traversal", labelled_rows(rows, title, limits=LIMITS), title)


def _met(
    model: Representation, images: Images, code: np.ndarray, extent: Extent, side: int
) -> set[int]:
    """Return which flowers are decoded, more or less, on a grid around a code."""
    own = np.asarray(images).reshape(len(images), -1)
    walked = model.decode(grid(code, extent, side)).reshape(-1, own.shape[1])
    apart = np.linalg.norm(own[:, None] - own, axis=2) + 1e9 * np.eye(len(own))
    near = np.linalg.norm(walked[:, None] - own, axis=2) < apart.min(1) / 2
    return set(np.flatnonzero(near.any(0)).tolist())


def _met_from_others(met: list[set[int]]) -> int:
    return len({flower for start, found in enumerate(met) for flower in found - {start}})
