"""Deck B's edits of images by their codes: averages of two, and directions of attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import isthmus as ist
from isthmus.plots import drawing
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction.sets import both_halves, one_of_each
from isthmus.verbs.layouts import layout
from isthmus.verbs.morph import between

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier

    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.models.autoencoder import Autoencoder
    from isthmus.reproduction.run import Run

STRENGTHS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
KNOWN = 10_000
"""Training images that what is decoded is compared with."""


def _autoencoder(run: Run, train: Images, epochs: int) -> Autoencoder:
    settings: dict[str, Any] = {"noise": (0.0, 0.4), "init": "glorot_uniform"}
    model = ist.Autoencoder(32, hidden=(512, 256), epochs=epochs, **settings)
    return run.fit("autoencoder", model, train)


def morphs(run: Run, epochs: int, pairs: int) -> None:
    """Average the codes of two images, and compare with the average of their pixels."""
    train, test = both_halves(run, "mnist")
    model = _autoencoder(run, train, epochs)
    rng = np.random.default_rng(run.seed)
    n = run.some(pairs, 20)
    known = np.asarray(train.evenly(KNOWN)).reshape(-1, 784) / np.float32(255)
    for kind, a, b in (("the same digit", *_pairs(rng, test, n, True)),
                       ("different digits", *_pairs(rng, test, n, False))):  # fmt: skip
        z = model.encode(test)
        semantic = model.decode((z[a] + z[b]) / 2).reshape(n, -1)
        pixels = np.asarray(test).reshape(-1, 784) / np.float32(255)
        plain = (pixels[a] + pixels[b]) / 2
        ends = ist.reconstruct(model, test[np.concatenate([a, b])]).reshape(2 * n, -1)
        through = ist.reconstruct(model, plain.reshape(-1, *test.shape[1:])).reshape(n, -1)
        far = [float(np.mean(_to_nearest(x, known))) for x in (semantic, plain, through, ends)]
        note = (
            f"{n} pairs of {kind}; distance to the nearest of {len(known):,} training digits; "
            f"reconstructions of the two ends are at {far[3]:.2f}"
        )
        what = "distance of (C1 + C2)/2 from a digit, against that of the mean of pixels"
        averages = (("", far[1], note), (", encoded and decoded", far[2], "what decoding smooths"))
        for how, other, said in averages:
            ours = f"{far[0]:.2f} against {other:.2f}"
            run.figure(f"{what}{how}, {kind}", ours, "a semantic average", far[0] < other, said)
    _morph_pictures(run, model, test)


def _pairs(
    rng: np.random.Generator, images: Images, n: int, same: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return n pairs of rows whose labels are the same, or differ."""
    y = np.asarray(images.y)
    a, b = rng.integers(0, len(images), (2, 40 * n))
    chosen = ((y[a] == y[b]) == same) & (a != b)
    return a[chosen][:n], b[chosen][:n]


def _to_nearest(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    import torch

    from isthmus.tensors import squared_distances

    squared = squared_distances(torch.from_numpy(x), torch.from_numpy(known))
    return squared.amin(1).sqrt().numpy()


def _morph_pictures(run: Run, model: Representation, test: Images) -> None:
    digits = np.asarray(one_of_each(test))
    rows = {}
    for a, b in ((3, 8), (1, 7), (4, 9), (0, 6), (5, 2)):
        z = model.encode(digits[[a, b]])
        rows[f"codes, {a} to {b}"] = model.decode(between(z[0], z[1], 11))
        t = np.linspace(0, 1, 11)[:, None, None, None]
        rows[f"pixels, {a} to {b}"] = ((1 - t) * digits[a] + t * digits[b]) / 255
    title = "From one digit to another: means of codes, decoded, and means of pixels"
    heads = [f"{share:.0%}" for share in np.linspace(0, 1, 11)]
    heads[5] = "(C1+C2)/2"
    run.picture("morphs", labelled_rows(rows, title, heads=heads), title)
    shown = test.evenly(drawing.MAPPED)
    title = "2-D picture of the codes (t-SNE), coloured by digit"
    run.picture("map", drawing.thumbnails(layout(model.encode(shown)), shown, title), title)


def directions(run: Run, epochs: int, swaps: tuple[str, ...], edited: int) -> None:
    """Move codes along directions learnt from groups, and measure what becomes of the images."""
    train, test = both_halves(run, "mnist")
    model = _autoencoder(run, train, epochs)
    codes, judge = model.encode(train), _judge(train)
    rows: dict[str, Any] = {}
    for a, b in run.each(map(tuple, swaps), "pairs of digits"):
        found = ist.directions(
            codes, np.select([train.y == int(a), train.y == int(b)], [0, 1], -1)
        )
        few = test[test.y == int(a)][:edited]
        z = model.encode(few)
        for name, direction in zip(found._fields, found, strict=True):
            reach = [_share(judge, model, z + s * direction, int(b)) for s in (1.0, 1.5)]
            what = f"{a} edited into {b}, {WORDS[name]}: share taken for {b} at strength 1, 1.5"
            ours = ", ".join(f"{share:.0%}" for share in reach)
            holds = reach[-1] > 0.5 if name == "mean" else None
            claim = None if holds is None else "an edit"
            run.figure(what, ours, claim, holds, f"{len(few)} test digits")
            rows[f"{a} to {b}\n{WORDS[name]}"] = _edited(model, z[0], direction)
    _edits_picture(run, "digits", rows, "Digits edited into others")
    for attribute, measure in (("slant", slant), ("thickness", thickness)):
        _attribute(run, model, (train, test), codes, attribute, measure, judge, edited)


WORDS = {"mean": "mean difference", "probe": "linear probe"}


def _judge(train: Images) -> KNeighborsClassifier:
    """Return a classifier of pixels that has nothing to do with the codes."""
    from sklearn.neighbors import KNeighborsClassifier

    few = train.evenly(KNOWN)
    pixels = np.asarray(few).reshape(len(few), -1) / np.float32(255)
    return KNeighborsClassifier(3, algorithm="brute").fit(pixels, few.y)


def _share(
    judge: KNeighborsClassifier, model: Representation, codes: np.ndarray, label: int | np.ndarray
) -> float:
    pixels = model.decode(codes).reshape(len(codes), -1)
    return float(np.mean(judge.predict(pixels) == label))


def _edited(model: Representation, code: np.ndarray, direction: np.ndarray) -> np.ndarray:
    return model.decode(code + np.array(STRENGTHS)[:, None] * direction)


def _edits_picture(run: Run, name: str, rows: dict[str, Any], title: str) -> None:
    heads = [f"{strength:+g}" if strength else "0" for strength in STRENGTHS]
    title = f"{title}: a direction is added to the code with the strength above"
    run.picture(name, labelled_rows(rows, title, heads=heads), title)


def _attribute(
    run: Run,
    model: Representation,
    halves: tuple[Images, Images],
    codes: np.ndarray,
    name: str,
    measure: Callable[[np.ndarray], np.ndarray],
    judge: KNeighborsClassifier,
    n: int,
) -> None:
    """Learn the direction of an attribute from those with most and least of it; edit with it."""
    train, test = halves
    values = measure(np.asarray(train)[..., 0] / 255)
    found = ist.directions(codes, _quarters(values, np.asarray(train.y)))
    few = test[:n]
    z = model.encode(few)
    for kind, direction in zip(found._fields, found, strict=True):
        measured = [
            float(measure(model.decode(z + s * direction)[..., 0]).mean()) for s in STRENGTHS
        ]
        kept = _share(judge, model, z + direction, np.asarray(few.y))
        rises = bool(np.all(np.diff(measured) > 0))
        ours = " ".join(f"{value:.2f}" for value in measured)
        what = f"{name} after edits of strength -1.5 to 1.5, {WORDS[kind]}"
        note = f"{kept:.0%} are still taken for their digit at strength 1; {UNITS[name]}"
        run.figure(what, ours, "it follows", rises, note)
    digits = model.encode(one_of_each(test))
    rows = {f"digit {i}": _edited(model, z, found.mean) for i, z in enumerate(digits)}
    _edits_picture(run, name, rows, f"{name.capitalize()} by the mean difference")


def _quarters(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return 0 for the lowest and 1 for the highest quarter of every digit, -1 between.

    Of every digit: else the direction would also lead from digits that lean to those that do not.
    """
    groups = np.full(len(values), -1)
    for label in np.unique(y):
        of_label = y == label
        low, high = np.quantile(values[of_label], [0.25, 0.75])
        groups[of_label & (values <= low)] = 0
        groups[of_label & (values >= high)] = 1
    return groups


UNITS = {
    "slant": "pixels to the right a row upwards",
    "thickness": "pixels",
}


def slant(images: np.ndarray) -> np.ndarray:
    """Return how far the ink of images (n, h, w) leans to the right, in pixels a row upwards.

    Examples
    --------
    >>> slant(np.eye(5)[None, ::-1]).round(3), slant(np.eye(5)[None]).round(3)
    (array([1.]), array([-1.]))
    """
    ink = images / images.sum((1, 2), keepdims=True).clip(1e-9)
    y, x = np.indices(images.shape[1:])
    mean_x, mean_y = (ink * x).sum((1, 2)), (ink * y).sum((1, 2))
    dx, dy = x - mean_x[:, None, None], y - mean_y[:, None, None]
    return -(ink * dx * dy).sum((1, 2)) / (ink * dy**2).sum((1, 2)).clip(1e-9)


def thickness(images: np.ndarray) -> np.ndarray:
    """Return the width of the strokes of images (n, h, w), in pixels.

    Examples
    --------
    >>> bars = np.zeros((2, 40, 40)); bars[0, :, 10:14] = 1; bars[1, :, 10:18] = 1
    >>> thickness(bars)
    array([4., 8.])
    """
    from scipy.ndimage import distance_transform_edt

    widths = []
    for image in images:
        ink = image > 0.5
        depth = distance_transform_edt(ink)[ink]
        widths.append(4 * depth.mean() - 2 if ink.any() else 0.0)
    return np.array(widths)
