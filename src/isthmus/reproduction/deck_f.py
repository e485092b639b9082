"""Beyond the decks: what a code is good for, beside what people use today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import isthmus as ist
from isthmus import metrics as scores
from isthmus.codec.frames import Coded
from isthmus.codec.rate_control import Trial
from isthmus.codec.rate_curves import Curve, Point, bytes_at, curves_of
from isthmus.data.corrupt import with_noise
from isthmus.data.images import Images, to_unit
from isthmus.plots import drawing
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction.sets import both_halves, one_of_each
from isthmus.verbs.layouts import layout
from isthmus.verbs.rates import drawn

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.reproduction.run import Run

QUALITIES = (22.0, 23.0, 24.0)
"""PSNR in dB at which bytes are compared."""
NOISES = "gaussian:0.1,gaussian:0.3,gaussian:0.5,salt_and_pepper:0.2"
FEWEST = 80
"""Images of a rehearsal."""
LABELLED = 60_000
"""Labels of the support vector machine."""
PENALTIES = (2, 5, 10, 20)
"""Values of C that are tried."""
LOSSLESS_RATES = (2, 6, 12)
"""Bytes of an image's code, beside which lossless files keep what the code misses."""
HELD = ", on training images held out"
"""What was judged anew: settings were found with the test images in sight, these never were."""
REACH = 3.0
"""dB that the denoising autoencoder is to be better than the best filter."""


def compression(
    run: Run, source: str, widths: tuple[int, ...], channels: tuple[int, ...], epochs: int
) -> None:
    """Compress held-out images by codes of a few widths, beside the usual formats."""
    train, test = both_halves(run, source, FEWEST)
    settings: dict[str, Any] = {"architecture": "conv", "channels": channels, "epochs": epochs}
    models = _coders(run, train, widths, settings)
    known, points = _rates(run, models, train, test)
    for quality in QUALITIES:
        _beside_formats(run, known, points, quality)
    for name, words in points.scores.items():
        run.figure(f"{name} on one sheet", words)
    title = f"{len(test):,} test images of {source}: bytes against quality"
    run.picture("rates", drawn(points, title), title)
    _lossless(run, models[f"autoencoder-{widths[0]}"], test, points)
    _at_rates(run, models, test)
    part, held = _held_out(train, len(test))
    judged = _rates(run, _coders(run, part, widths, settings, "-held"), part, held)
    for quality in QUALITIES:
        _beside_formats(run, *judged, quality, HELD)


def _held_out(train: Images, most: int) -> tuple[Images, Images]:
    """Return training images without their last sixth, and that sixth, up to this many."""
    n = min(most, len(train) // 6)
    return train[:-n], train[-n:]


def _coders(
    run: Run, train: Images, widths: Sequence[int], settings: dict[str, Any], suffix: str = ""
) -> dict[str, Representation]:
    """Return fitted autoencoders of a few widths, and PCA; those of no suffix are kept."""
    models: dict[str, Representation] = {}
    for width in widths:
        name = f"autoencoder-{width}"
        model = ist.Autoencoder(width, init="he_normal", **settings)
        models[name] = run.fit(name + suffix, model, train)
        if not suffix:
            models[name].save(run.folder / f"{name}.safetensors")
    return models | {"pca-64": run.fit("pca" + suffix, ist.PCA(64), train)}


def _rates(run: Run, models: dict[str, Any], train: Images, test: Images) -> tuple[Any, Any]:
    """Return what models take on training images, and what they and all formats take on others."""
    formats = ("all",) if run.share >= 1 else ("jpeg", "png")
    options: dict[str, Any] = {"points": run.some(10, 3), "count": None, "verbose": run.verbose}
    some = train.evenly(len(test))
    known = ist.rate_distortion(models, some, (), split="all", **options)
    options |= {"thorough": run.share >= 1, "split": "all"}
    return known, ist.rate_distortion(models, test, formats, **options)


def _beside_formats(
    run: Run, known: Sequence[Point], points: Sequence[Point], quality: float, where: str = ""
) -> None:
    """Record bytes at a PSNR: of the model that is best on training images, and of formats.

    Parameters
    ----------
    run : Run
        Is told.
    known, points : sequence of Point
        Of models on training images, of models and formats on test images.
    quality : float
        PSNR in dB.
    where : str
        Which images they are, if not those of the test part.
    """
    chosen = _sizes(curves_of(known), quality)
    curves = {name: curve for name, curve in curves_of(points).items() if len(curve[0])}
    sizes = _sizes(curves, quality)
    theirs = {name: size for name, size in sizes.items() if "sheet" in name}
    best = min(chosen, key=chosen.__getitem__, default="")
    if best not in sizes or not theirs:
        run.figure(f"bytes an image at {quality:g} dB{where}", "out of reach")
        return
    other = min(theirs, key=theirs.__getitem__)
    ratio, starts = sizes[best] / theirs[other], curves[other][0][0]
    at = f" at its lowest, {starts:.2f} dB" if starts > quality else ""
    note = f"{best}, chosen on training images, {sizes[best]:.1f} bytes, {other} "
    note += f"{theirs[other]:.1f}{at}; the model is not counted"
    what = f"bytes at {quality:g} dB over those of the best format{where}"
    run.figure(what, ratio, deck="at most 0.5", holds=bool(ratio <= 0.5), note=note)


def _sizes(curves: Mapping[str, Curve], quality: float) -> dict[str, float]:
    """Return the bytes at a PSNR of every codec that reaches it."""
    found = {name: bytes_at(curve, quality) for name, curve in curves.items()}
    return {name: size for name, size in found.items() if size is not None}


def _lossless(run: Run, model: Representation, test: Images, points: list[Point]) -> None:
    """Record the bytes of a file that keeps every pixel, at the best of a few rates."""
    sizes = {}
    for rate in LOSSLESS_RATES[: run.some(len(LOSSLESS_RATES), 1)]:
        path = run.folder / "lossless.isth"
        sizes[rate] = ist.compress(model, test, path, rate=rate, lossless=True).bytes_per_image
        back = ist.decompress(path, model)
        if not np.array_equal(back.reshape(test.shape), np.asarray(test)):
            raise RuntimeError("a lossless file did not give the pixels back")
        path.unlink()
    rate = min(sizes, key=sizes.__getitem__)
    note = f"about {rate} of them are the code; all pixels came back"
    run.figure("lossless, bytes an image", sizes[rate], note=note)
    for point in points:
        if point.codec.endswith("one sheet") and np.isinf(point.psnr):
            holds = bool(sizes[rate] < point.bytes_per_image)
            what = f"lossless, fewer bytes than {point.codec}"
            run.figure(what, point.bytes_per_image, holds=holds, note="bytes of the format")


def _at_rates(run: Run, models: dict[str, Any], test: Images) -> None:
    """Show digits at a few rates."""
    name, model = next(iter(models.items()))
    shown = test[np.linspace(0, len(test) - 1, 12).astype(int)]
    rows = {"original": to_unit(np.asarray(shown))}
    trial = Trial.of(Coded(model, test))
    for rate in (4, 8, 16, 32):
        quantizer = trial.quantizer(trial.step_of_rate(rate))
        codes = quantizer.codes(quantizer.rounded(model.encode(shown)))
        rows[f"{rate} bytes"] = model.decode(codes)
    title = f"Test images at a few bytes each: {name}"
    run.picture("rows", labelled_rows(rows, title), title)


def denoising(run: Run, width: int, noise: float, epochs: int) -> None:
    """Take noise out of digits, beside median, non-local means and PCA."""
    train, test = both_halves(run, "mnist", FEWEST)
    # a wide code right after two convolutions: what is small survives, noise does not
    settings: dict[str, Any] = {"architecture": "conv", "channels": (32, 64), "hidden": ()}
    settings |= {"latent_dim": width, "learning_rate": 2e-3, "epochs": epochs, "init": "he_normal"}
    models = _denoisers(run, train, settings, noise)
    models["denoising autoencoder"].save(run.folder / "denoiser.safetensors")
    made = ist.denoise(models, test, NOISES, train, split="all", verbose=run.verbose)
    for line in made.listed():
        words = "; ".join(f"{k} {v}" for k, v in line.items() if k != "noise")
        run.figure(f"PSNR in dB, {line['noise'].replace('_', ' ')}", words)
    _ahead(run, made)
    part, held = _held_out(train, len(test))
    again = _denoisers(run, part, settings, noise, "-held")
    only = NOISES.split(",")[run.share >= 1]
    _ahead(run, ist.denoise(again, held, only, part, split="all", verbose=run.verbose), HELD)
    shown = one_of_each(test)
    noisy = with_noise(shown, "gaussian", 0.3, run.seed)
    strip = {"clean": to_unit(np.asarray(shown)), "noisy": noisy.clip(0, 1)}
    strip |= {name.replace(" ", "\n"): ist.denoise(m, noisy) for name, m in models.items()}
    title = "Noisy in, clean out: Gaussian noise of 0.3"
    run.picture("digits", labelled_rows(strip, title), title)


def _denoisers(
    run: Run, train: Images, settings: dict[str, Any], noise: float, suffix: str = ""
) -> dict[str, Any]:
    models = {
        "denoising autoencoder": ist.Autoencoder(noise=noise, **settings),
        "autoencoder": ist.Autoencoder(**settings),
    }
    return {k: run.fit(k.replace(" ", "-") + suffix, m, train) for k, m in models.items()}


def _ahead(run: Run, made: Any, where: str = "") -> None:
    """Record by how much the denoising autoencoder is better than the best filter."""
    rows = [row for row in made.table() if (row["noise"], row["level"]) == ("gaussian", 0.3)]
    found = {row["method"]: row["after"] for row in rows}
    best = max(psnr for method, psnr in found.items() if "autoencoder" not in method)
    ahead = found["denoising autoencoder"] - best
    what = f"dB ahead of the best filter, gaussian 0.3{where}"
    run.figure(what, ahead, deck=REACH, holds=bool(ahead >= REACH))


def unsupervised(run: Run, width: int, noise: float, warp: float, epochs: int) -> None:
    """Learn 20 numbers without labels; classify them, and find the digits among them."""
    train, test = both_halves(run, "mnist", FEWEST)
    settings: dict[str, Any] = {
        "architecture": "conv",
        "noise": noise,
        "warp": warp,
        "init": "he_normal",
        "epochs": epochs,
    }
    model = run.fit("autoencoder", ist.Autoencoder(width, **settings), train)
    model.save(run.folder / "autoencoder.safetensors")
    _machine(run, model, train, test)
    run.figure("test mse", scores.mse(test, ist.reconstruct(model, test)))
    for on, method in (("codes", "gmm"), ("map", "gmm"), ("map", "hdbscan")):
        options: dict[str, Any] = {} if method == "hdbscan" else {"n_clusters": 10}
        found = ist.cluster(model, test, method=method, on=on, random_state=run.seed, **options)
        what = f"clusters of test digits in %, {method} on the {on}"
        _clustered(run, found, what, asked=(on, method) == ("map", "gmm"))
        if (on, method) == ("map", "gmm"):
            run.picture("clusters", found.picture(), "Clusters found without labels")
    title = "Test digits where their 20 numbers lie, laid out by t-SNE"
    shown = test.evenly(drawing.MAPPED)
    run.picture("map", drawing.thumbnails(layout(model.encode(shown)), shown, title), title)
    part, held = _held_out(train, len(test))
    again = run.fit("autoencoder-held", ist.Autoencoder(width, **settings), part)
    _machine(run, again, part, held, HELD)
    found = ist.cluster(again, held, n_clusters=10, method="gmm", on="map", random_state=run.seed)
    _clustered(run, found, f"clusters in %, gmm on the map{HELD}", asked=True)


def _clustered(run: Run, found: Any, what: str, *, asked: bool) -> None:
    accuracy = 100 * found.scores["accuracy"]
    run.figure(what, accuracy, 95 if asked else None, bool(accuracy >= 95) if asked else None)


def _machine(
    run: Run, model: Representation, train: Images, test: Images, where: str = ""
) -> None:
    """Record the accuracy of an SVM on whitened codes, its C chosen by a sixth of the labels."""
    from sklearn.decomposition import PCA
    from sklearn.model_selection import GridSearchCV, ShuffleSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    few = train.evenly(LABELLED)
    machine = make_pipeline(PCA(whiten=True), SVC(cache_size=1000))
    held = ShuffleSplit(1, test_size=1 / 6, random_state=run.seed)
    search = GridSearchCV(machine, {"svc__C": PENALTIES}, cv=held)
    right = 100 * search.fit(model.encode(few), few.y).score(model.encode(test), test.y)
    note = (
        f"whitened; C={search.best_params_['svc__C']:g}, chosen by a sixth of the training labels"
    )
    what = f"accuracy of an SVM on {model.latent_dim_} numbers in %{where}"
    run.figure(what, right, deck=98.9, holds=bool(right >= 98.9), note=note)
