"""Deck B: the autoencoder lesson, from a convolution by hand to training with few labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

import isthmus as ist
from isthmus import metrics as scores
from isthmus.data.corrupt import with_noise
from isthmus.data.images import Images
from isthmus.nets.matrices import convolution_matrix
from isthmus.plots import drawing, sheets
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction.edits import directions as directions
from isthmus.reproduction.edits import morphs as morphs
from isthmus.reproduction.sets import both_halves

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.reproduction.run import Run

IMAGE = np.array([[4, 5, 8, 7], [1, 8, 8, 8], [3, 6, 6, 4], [6, 5, 7, 8]])
KERNEL = np.array([[1, 4, 1], [1, 4, 3], [3, 3, 1]])
CONVOLVED = [[122, 148], [126, 134]]
SMALL = np.array([[55, 52], [57, 50]])
SMALL_KERNEL = np.array([[1, 2, 1], [2, 1, 2], [1, 1, 2]])
TRANSPOSED = [[55, 162, 159, 52], [167, 323, 319, 154], [169, 264, 326, 204], [57, 107, 164, 100]]


def convolution(run: Run) -> None:
    """Do the worked examples: a convolution and its transpose, each as one matrix product."""
    matrix = convolution_matrix(KERNEL, IMAGE.shape)
    product = (matrix @ IMAGE.ravel()).reshape(2, 2)
    run.figure("matrix of the convolution", "4x16", "4x16", matrix.shape == (4, 16))
    _same(run, "convolution of the 4x4 image", product, CONVOLVED)
    wide = convolution_matrix(SMALL_KERNEL, (4, 4))
    back = (wide.T @ SMALL.ravel()).reshape(4, 4)
    slips = "one slide prints 104 for 107 and 117 for 114, and labels a column 122..134: slips"
    _same(run, "transposed convolution of the 2x2 image", back, TRANSPOSED, slips)
    run.figure(
        "largest difference from torch's layers, 200 random cases", _apart(run.seed), None, None,
        "kernels of 1x1 to 4x4, strides 1 to 3, paddings 0 to 2, both ways",
    )  # fmt: skip
    title = "Convolution as a matrix product: C (4x16) times the image as a vector"
    shown = {"image": IMAGE, "kernel": KERNEL, "matrix C": matrix, "C image": product}
    run.picture("convolution", drawing.numbers(shown, title), title)
    title = "Transposed convolution: the same matrix, transposed (here 16x4)"
    shown = {"image": SMALL, "kernel": SMALL_KERNEL, "C transposed": wide.T, "result": back}
    run.picture("transposed", drawing.numbers(shown, title), title)
    parts = wide.reshape(4, 4, 4) * SMALL.reshape(4, 1, 1)
    _same(run, "sum of the four columns, each times its pixel", parts.sum(0), TRANSPOSED)
    title = "Transposed convolution: every pixel lays down the kernel, and what overlaps adds up"
    shown = {f"{pixel} x column {i + 1}": parts[i] for i, pixel in enumerate(SMALL.ravel())}
    run.picture("columns", drawing.numbers(shown | {"their sum": back}, title), title)


def _same(run: Run, what: str, ours: np.ndarray, deck: list[Any], note: str = "") -> None:
    run.figure(what, str(ours.tolist()), str(deck), ours.tolist() == deck, note)


def _apart(seed: int, cases: int = 200) -> float:
    """Return how far the matrix is from torch's own convolutions, at most."""
    rng, most = np.random.default_rng(seed), 0.0
    for _ in range(cases):
        p, q, stride = rng.integers(1, 5), rng.integers(1, 5), int(rng.integers(1, 4))
        padding = int(rng.integers(0, 3))
        kernel, image = rng.normal(size=(p, q)), rng.normal(size=(p + 4, q + 5))
        matrix = convolution_matrix(kernel, image.shape, stride, padding)
        weight, x = (torch.from_numpy(array)[None, None] for array in (kernel, image))
        y = functional.conv2d(x, weight, stride=stride, padding=padding)
        most = max(most, float(np.abs(matrix @ image.ravel() - y.numpy().ravel()).max()))
        extra = [
            n - ((o - 1) * stride - 2 * padding + k)
            for n, o, k in zip(image.shape, y.shape[2:], kernel.shape, strict=True)
        ]
        if max(extra) < stride:
            up = functional.conv_transpose2d(y, weight, None, stride, padding, extra)
            ours = matrix.T @ y.numpy().ravel()
            most = max(most, float(np.abs(ours - up.numpy().ravel()).max()))
    return most


def linear(run: Run, width: int, epochs: int) -> None:
    """Train a linear autoencoder, and compare the subspace it finds with that of PCA."""
    train, test = both_halves(run, "mnist")
    settings: dict[str, Any] = {
        "hidden": (),
        "activation": "linear",
        "output": "linear",
        "learning_rate": 2e-3,
    }
    settings |= {"init": "glorot_uniform"}  # what is asked is whether it finds PCA from anywhere
    model = ist.Autoencoder(
        width, epochs=epochs, batch_size=250, validation_fraction=0.0, **settings
    )
    model = run.fit("linear", model, train)
    pca = run.fit("pca", ist.PCA(width), train)
    weights = model.decoder_[0].weight.detach().double().numpy()
    angles = _angles(weights, pca.components_.T.astype(np.float64))
    note = f"largest of {width}; the k-th angle grows as eigenvalues come close to each other"
    run.figure("principal angle to PCA's subspace, degrees", angles[-1], 0, angles[-1] < 5, note)
    errors = {name: -m.score(test) for name, m in (("PCA", pca), ("linear autoencoder", model))}
    for name, error in errors.items():
        run.figure(f"test mse, {name}", error)
    ratio = errors["linear autoencoder"] / errors["PCA"]
    run.figure("test mse over PCA's", ratio, 1.0, abs(ratio - 1) < 0.01)
    title = f"Principal angles between the two subspaces of {width} dimensions"
    picture = drawing.bars({"angle": angles}, title, "principal angle, by size", "degrees")
    run.picture("angles", picture, title)
    few = test[:12]
    rows = {"original": np.asarray(few)} | {
        name: ist.reconstruct(m, few) for name, m in (("PCA", pca), ("linear\nautoencoder", model))
    }
    title = f"Digits from {width} numbers: PCA and a linear autoencoder"
    run.picture("digits", labelled_rows(rows, title), title)


def _angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the principal angles between the spans of columns, in degrees, rising."""
    q, r = np.linalg.qr(a)[0], np.linalg.qr(b)[0]
    cosines = np.linalg.svd(q.T @ r, compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def factorisation(run: Run, widths: tuple[int, ...], drawn: int) -> None:
    """Factorise the digits, X = U V^T, without constraints and with parts that only add up."""
    train, _ = both_halves(run, "mnist")
    norm = np.linalg.norm(np.asarray(train).reshape(len(train), -1) / np.float32(255))
    errors: dict[str, list[float]] = {"PCA": [], "NMF": []}
    for width in run.each(widths, "widths"):
        for name, model in (("PCA", ist.PCA(width)), ("NMF", ist.NMF(width))):
            model = run.fit(f"{name}-{width}", model, train)
            total = -model.score(train) * len(train) * 784
            errors[name].append(math.sqrt(total) / float(norm))
            if width == drawn:
                _parts(run, name, model)
    for i, width in enumerate(widths):
        for name in errors:
            note = "PCA also subtracts a mean" if name == "PCA" and not i else ""
            what = f"||X - U V^T|| / ||X||, {name}, {width} columns"
            run.figure(what, errors[name][i], note=note)
    falls = all(np.all(np.diff(error) < 0) for error in errors.values())
    run.figure("error falls with every width", falls, True, falls)
    title = "Matrix factorisation of 60,000 digits"
    lines = {name: (widths, error) for name, error in errors.items()}
    picture = drawing.lines(lines, title, "columns of U and V", "||X - U V^T|| / ||X||")
    run.picture("errors", picture, title)


def _parts(run: Run, name: str, model: Representation) -> None:
    parts = np.asarray(model.components_)
    title = f"The {len(parts)} columns of V by {name}"
    images, signed = parts.reshape(-1, 28, 28), bool((parts < 0).any())
    if not signed:
        images = images / images.max(axis=(1, 2), keepdims=True).clip(1e-12)
    picture = sheets.contact_sheet(images, title, 10, signed=signed)
    run.picture(f"parts-{name.lower()}", picture, title)


def denoising(run: Run, epochs: int, levels: tuple[float, ...], shown: float) -> None:
    """Noisy in, clean out."""
    train, test = both_halves(run, "mnist")
    settings: dict[str, Any] = {"hidden": (512, 256), "epochs": epochs, "batch_size": 128}
    settings |= {"init": "glorot_uniform"}
    models = {
        "trained with noise": ist.Autoencoder(64, noise=(0.0, 1.0), **settings),
        "trained without": ist.Autoencoder(64, **settings),
    }
    models = {name: run.fit(name.replace(" ", "-"), m, train) for name, m in models.items()}
    clean = np.asarray(test) / np.float32(255)
    series: dict[str, list[float]] = {name: [] for name in ("noisy", *models)}
    for level in run.each(levels, "noise levels"):
        noisy = with_noise(clean, "gaussian", level, run.seed)
        series["noisy"].append(scores.psnr(clean, noisy.clip(0, 1)))
        for name, model in models.items():
            series[name].append(scores.psnr(clean, ist.reconstruct(model, noisy)))
    for i, level in enumerate(levels):
        what = f"PSNR in dB at noise {level:g}: noisy, decoded, decoded without noise in training"
        holds = bool(series["trained with noise"][i] > series["noisy"][i])
        ours = ", ".join(f"{values[i]:.2f}" for values in series.values())
        note = "" if holds else "64 numbers lose more than so little noise hides"
        run.figure(what, ours, "cleaner", holds, note)
    title = "Denoising: PSNR of test digits before and after"
    lines = {name: (levels, values) for name, values in series.items()}
    picture = drawing.lines(lines, title, "standard deviation of the noise", "PSNR, dB")
    run.picture("psnr", picture, title)
    few = clean[:12]
    noisy = with_noise(few, "gaussian", shown, run.seed)
    rows = {"clean": few, "noisy": noisy.clip(0, 1)}
    rows |= {name.replace(" ", "\n", 1): ist.reconstruct(m, noisy) for name, m in models.items()}
    title = f"Noisy in, clean out: Gaussian noise of {shown:g}"
    run.picture("digits", labelled_rows(rows, title), title)


def pretraining(run: Run, epochs: int, draws: dict[int, int], steps: int, width: int = 64) -> None:
    """Train with few labels, from scratch and from an encoder that has seen no label."""
    train, test = both_halves(run, "mnist")
    hidden: dict[str, Any] = {"hidden": (512, 256)}
    masked: dict[str, Any] = {"noise": 0.75, "noise_kind": "masking", "init": "glorot_uniform"}
    autoencoder = ist.Autoencoder(width, epochs=epochs, **masked, **hidden)
    autoencoder = run.fit("autoencoder", autoencoder, train)
    starts: dict[str, dict[str, Any]] = {
        "from scratch": {"n_features": width, "code_activation": "linear", **hidden},
        "pre-trained": {"pretrained": autoencoder},
        "head only": {"pretrained": autoencoder, "frozen": True, "learning_rate": 1e-2},
    }
    right: dict[str, list[list[float]]] = {name: [] for name in starts}
    counts = [count for count in draws if count <= len(train)]
    for count in run.each(counts, "label counts"):
        found: dict[str, list[float]] = {name: [] for name in starts}
        for draw in range(run.some(draws[count])):
            few = _labelled(train, count, run.seed + draw)
            for name, start in starts.items():
                model = ist.Classifier(**_few_steps(count, steps) | start)
                model = run.fit(f"{name}-{count}-{draw}".replace(" ", "-"), model, few)
                found[name].append(float(model.score(test)))
        for name, values in found.items():
            right[name].append(values)
    _pretraining_figures(run, right, counts)


def _few_steps(count: int, steps: int) -> dict[str, Any]:
    """Return how to train on so many labels: at least `steps` steps, and at least 15 epochs."""
    batch = min(count, 64)
    an_epoch = -(-count // batch)
    return {"batch_size": batch, "epochs": max(15, -(-steps // an_epoch)),
            "learning_rate": 1e-3, "validation_fraction": 0.0}  # fmt: skip


def _labelled(images: Images, count: int, seed: int) -> Images:
    """Return so many images, of every class as many as of the others."""
    rng, y = np.random.default_rng(seed), np.asarray(images.y)
    rows = [rng.permutation(np.flatnonzero(y == label)) for label in range(10)]
    longest = max(map(len, rows))
    turns = np.array([np.pad(row, (0, longest - len(row)), constant_values=-1) for row in rows])
    order = turns.T.ravel()
    return images[np.sort(order[order >= 0][:count])]


def _pretraining_figures(run: Run, right: dict[str, list[list[float]]], counts: list[int]) -> None:
    means = {
        name: [100 * float(np.mean(values)) for values in found] for name, found in right.items()
    }
    order = ("pre-trained", "head only", "from scratch")
    for i, count in enumerate(counts):
        ours = " / ".join(f"{means[name][i]:.2f}" for name in order)
        n = len(right["from scratch"][i])
        spread = ", ".join(f"{100 * np.std(right[name][i]):.1f}" for name in order)
        note = f"{n} draws of the labels, deviations {spread}" if n > 1 else "1 draw of the labels"
        what = f"test accuracy in % with {count:,} labels, {' / '.join(order)}"
        better = means["pre-trained"][i] > means["from scratch"][i]
        run.figure(what, ours, "better with pre-training", better, note)
    title = "Few labels: an encoder that learnt to fill in 75 % of the pixels of 60,000 digits"
    lines = {name: (counts, means[name]) for name in order}
    picture = drawing.lines(lines, title, "labels", "test accuracy, %", log_x=True)
    run.picture("labels", picture, title)
