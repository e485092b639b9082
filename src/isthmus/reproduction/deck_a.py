"""Deck A: six unsupervised models behind one interface, on MNIST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

import isthmus as ist
from isthmus import metrics as scores
from isthmus.data.images import to_unit
from isthmus.plots import drawing, sheets
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction.sets import both_halves, one_of_each
from isthmus.verbs.layouts import layout

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.reproduction.run import Run

HIDDEN = (256, 128)
"""Dense layers of autoencoder and VAE: the deck does not give them."""
BATCH = 256
SILENT = "the deck shows pictures only"
SHOWN_CLUSTERS = 10
REFINED = 200
"""Steps of descent from the code that a GAN's encoder gives."""
BOUND_DRAWS = 10
"""Codes drawn for every image where the bound is measured."""
BOUND_STEPS = 100
"""Steps of descent from the posterior that a VAE's encoder gives."""
LIKELY = 2000
"""Test digits whose likelihood is sampled; all of them would be five million decoded draws."""
PLANE = 15
"""Images along each side of a decoded plane."""


def kmeans(run: Run, n_clusters: int, max_iter: int, tol: float, noise: float) -> None:
    """Replace every digit by the nearest of k centroids."""
    train, test = both_halves(run, "mnist")
    parameters: dict[str, Any] = {"max_iter": max_iter, "tol": tol, "noise": noise}
    model = run.fit("kmeans", ist.KMeans(n_clusters, **parameters), train)
    _three_rows(run, model, test, noise)
    run.figure("passes until it settled", model.n_iter_, note=f"at most {max_iter} allowed")
    purity = scores.purity(test.y, model.encode(test))
    run.figure("purity of the clusters on test images", purity, note=SILENT)
    _clusters(run, model, train)
    shown = test.evenly(drawing.MAPPED)
    where = layout(to_unit(np.asarray(shown)).reshape(len(shown), -1), "pca")
    plots = {
        "coloured by cluster": (where, model.encode(shown)),
        "coloured by digit": (where, shown.y, test.classes),
    }
    title = f"Test digits on their two principal components, {n_clusters} clusters"
    axes = ("component 1", "component 2")
    run.picture("plane", drawing.scatter(plots, title, axes), title)


def pca(run: Run, n_components: int) -> None:
    """Project on the k directions of largest variance."""
    train, test = both_halves(run, "mnist")
    model = run.fit("pca", ist.PCA(n_components), train)
    _three_rows(run, model, test)
    kept = float(model.explained_variance_ratio_.sum())
    run.figure("share of the variance kept", kept, note=SILENT)
    title = f"The first {min(40, n_components)} of {n_components} components"
    parts = sheets.contact_sheet(model.components_[:40].reshape(-1, 28, 28), title, signed=True)
    run.picture("components", parts, title)
    shown = test.evenly(drawing.MAPPED)
    codes = model.encode(shown)
    title = "Test digits on two principal components"
    axes = ("component 1", "component 2")
    plots = {"coloured by digit": (codes[:, :2], shown.y, test.classes)}
    run.picture("plane", drawing.scatter(plots, title, axes), title)
    title = "Test digits on three principal components, from two sides"
    space = drawing.scatter_3d(codes[:, :3], shown.y, title, test.classes)
    run.picture("space", space, title)


def autoencoder(
    run: Run, latent_dim: int, activation: str, noise: float, deck_epochs: int, epochs: int
) -> None:
    """Encode by dense layers down to a few numbers, and decode by their mirror image."""
    model = ist.Autoencoder(
        latent_dim,
        hidden=HIDDEN,
        activation=activation,
        output="sigmoid",
        loss="mse",
        epochs=epochs,
        batch_size=BATCH,
    )
    _trained(run, "autoencoder", model, noise, deck_epochs)


def vae(
    run: Run, latent_dim: int, activation: str, noise: float, deck_epochs: int, epochs: int
) -> None:
    """Encode as a distribution; minimise reconstruction error and distance from the prior."""
    model = ist.VAE(
        latent_dim,
        hidden=HIDDEN,
        activation=activation,
        init="glorot_uniform",
        epochs=epochs,
        batch_size=BATCH,
    )
    _trained(run, "vae", model, noise, deck_epochs)


def som(run: Run, side: int, max_iter: int, learning_rate: float, noise: float) -> None:
    """Pull the best-matching unit of every digit, and the units around it, towards it."""
    train, test = both_halves(run, "mnist")
    parameters: dict[str, Any] = {"max_iter": run.some(max_iter, 2), "noise": noise}
    rule: dict[str, Any] = {"rule": "online", "learning_rate": learning_rate, "init": "random"}
    model = run.fit("som", ist.SOM((side, side), **parameters, **rule), train)
    _three_rows(run, model, test, noise)
    batch = run.fit("som-batch", ist.SOM((side, side), **parameters), train)
    note = "the batch rule, for comparison: no learning rate, no order of the images"
    run.figure("test mse by the batch rule", _error(batch, test), note=note)
    for name in ("quantization_error", "topographic_error"):
        run.figure(name.replace("_", " "), float(getattr(model, name)(test)), note=SILENT)
    _sheet_of_units(run, model, side)
    _planes(run, model, test)


def gan(
    run: Run,
    latent_dim: int,
    steps: int,
    generator: tuple[int, ...],
    discriminator: tuple[int, ...],
    picture_every: int,
) -> None:
    """Let a generator learn to draw what a discriminator cannot tell from real digits."""
    train, test = both_halves(run, "mnist")
    model = ist.GAN(
        latent_dim,
        generator=generator,
        discriminator=discriminator,
        loss="non_saturating",
        ema=0.99,
        epochs=-(-steps * BATCH // len(train)) + 1,
        max_steps=steps,
        batch_size=BATCH,
        learning_rate=5e-4,
        schedule="cosine",
        init="glorot_uniform",
        picture_every=run.some(picture_every),
        encoder_epochs=run.some(15),
    )
    model = run.fit("gan", model, train)
    run.figure("steps", model.max_steps, deck=steps, note='an "epoch" of the deck is one batch')
    note = "by an encoder that learned to invert the generator: the deck has no way back"
    _three_rows(run, model, test, note=note)
    _progress(run, model)
    title = "Losses of generator and discriminator"
    run.picture("curves", drawing.curves({"gan": model.history_}, title), title)
    _maps(run, model, test)


def better_autoencoder(run: Run, latent_dim: int, epochs: int) -> None:
    """Show what convolutions make of the same width."""
    model = ist.Autoencoder(latent_dim, architecture="conv", init="he_normal", epochs=epochs)
    train, test = both_halves(run, "mnist")
    model = run.fit("autoencoder", model, train)
    model.save(run.folder / "autoencoder.safetensors")
    _three_rows(run, model, test, note=f"convolutions, {epochs} epochs by Adam")
    title = "Error while training, and on the tenth of the training images that was held out"
    run.picture("curves", drawing.curves({"autoencoder": model.history_}, title), title)


def likelihood(
    run: Run, latent_dim: int, channels: tuple[int, ...], epochs: int, draws: int
) -> None:
    """Measure how probable test digits are under a VAE of convolutions, in nats.

    A pixel of binarised MNIST is drawn as 0 or 1 with its grey value as the probability, anew for
    every step of the fit and once for the test digits.
    """
    train, test = both_halves(run, "mnist")
    model = ist.VAE(
        latent_dim,
        architecture="conv",
        channels=channels,
        hidden=(512,),
        binarize="draw",
        warmup=0.1,
        learning_rate=2e-3,  # after 2,000 steps 2.6 nats better than the usual half of it
        epochs=epochs,
        validation_fraction=0.02,
    )
    model = run.fit("vae", model, train)
    model.save(run.folder / "vae.safetensors")
    asked: dict[str, Any] = {"binarize": "draw", "random_state": run.seed}
    bound = -model.elbo(test, BOUND_DRAWS, **asked)
    note = "minus the evidence lower bound under the encoder's posterior, over all test digits"
    run.figure("bound of the test digits in nats", float(bound.mean()), note=note)
    bound = -model.elbo(test, BOUND_DRAWS, refine=run.some(BOUND_STEPS, 5), **asked)
    note = f"the posterior of every digit improved by {BOUND_STEPS} steps; asked for: at most 88"
    run.figure("bound with refined posteriors in nats", float(bound.mean()), note=note)
    some = test.evenly(run.some(LIKELY))
    bound = -model.elbo(some, BOUND_DRAWS, **asked)
    nats = -model.log_likelihood(some, draws, **asked)
    note = f"minus the log-likelihood by {draws} importance samples of every digit; over "
    note += f"{len(nats):,} test digits, whose bound is {float(bound.mean()):.2f}; "
    note += "asked for: at most 88"
    run.figure("likelihood of test digits in nats", float(nats.mean()), note=note)
    run.figure("active units", int(scores.active_units(*model.posterior(test)).sum()))
    _three_rows(run, model, test)
    title = "Bound while training, and on the images that were held out, in nats"
    run.picture("curves", drawing.curves({"vae": model.history_}, title), title)


def _trained(run: Run, name: str, model: Representation, noise: float, deck_epochs: int) -> None:
    train, test = both_halves(run, "mnist")
    half = clone(model).set_params(epochs=max(1, model.epochs // 2))
    cut = model.epochs < deck_epochs
    model = run.fit(name, model, train)
    _epochs(run, model, deck_epochs)
    _three_rows(run, model, test, noise)
    if cut:
        half = run.fit(f"{name}-half", half, train)
        note = "would more epochs help? the step size falls to nothing along a cosine in either"
        run.figure("test mse after half as many epochs", _error(half, test), note=note)
    layers = "-".join(map(str, (784, *HIDDEN, model.latent_dim_)))
    run.figure("layers", layers, note="the deck does not give the hidden ones")
    title = "Error while training, and on the tenth of the training images that was held out"
    run.picture("curves", drawing.curves({name: model.history_}, title), title)
    if model.latent_dim_ == 2:
        _decoded_plane(run, model, train)
    _maps(run, model, test)


def _epochs(run: Run, model: Representation, deck_epochs: int) -> None:
    errors = model.history_["val_loss"]
    done = len(errors)
    before, last = min(errors[: max(1, done * 9 // 10)]), min(errors)
    note = f"the last tenth of the epochs lowered the validation error by {1 - last / before:.2%}"
    run.figure("epochs", done, deck=deck_epochs, note=note)


def _error(model: Representation, test: Images) -> float:
    return scores.mse(test, ist.reconstruct(model, test))


def _three_rows(
    run: Run,
    model: Representation,
    test: Images,
    noise: float | None = None,
    note: str = SILENT,
) -> None:
    """Show original, decompressed and generated digits, and measure the error."""
    error = _error(model, test)
    run.figure("test mse", error, note=note)
    run.figure("test PSNR in dB", float(-10 * np.log10(error)), note=SILENT)
    shown = one_of_each(test)
    rows = {"original": np.asarray(shown), "decompressed": ist.reconstruct(model, shown)}
    if isinstance(model, ist.GAN):
        model.invert_steps = REFINED
        rows[f"refined by {REFINED}\nsteps of descent"] = ist.reconstruct(model, shown)
        model.invert_steps = 0
    rows |= _generated(run, model, len(shown), noise)
    title = f"{type(model).__name__}, {model.code_}: original, decompressed, generated"
    run.picture("rows", labelled_rows(rows, title=title), title)


def _generated(
    run: Run, model: Representation, n: int, noise: float | None
) -> dict[str, np.ndarray]:
    drawn = model.sample(n, random_state=run.seed)
    if noise is None or not hasattr(model, "latent_dim"):
        return {"generated": drawn}
    z = noise * np.random.default_rng(run.seed).normal(size=(n, model.latent_dim_))
    what = "from the prior" if isinstance(model, ist.VAE) else "from the codes' Gaussian"
    note = "the deck draws latent vectors with this deviation; it does not say what noise it means"
    run.figure("deviation of the latent vectors drawn", noise, deck=noise, note=note)
    drawn_as_deck = model.decode(z.astype(np.float32))
    return {f"generated,\ndeviation {noise:g}": drawn_as_deck, f"generated\n{what}": drawn}


def _clusters(run: Run, model: Representation, train: Images) -> None:
    """Show the largest clusters: the centroid first, then digits that belong to it."""
    largest = np.argsort(-model.counts_, kind="stable")[:SHOWN_CLUSTERS]
    rng, rows = np.random.default_rng(run.seed), {}
    for cluster in largest[model.counts_[largest] > 0]:
        members = np.flatnonzero(model.labels_ == cluster)
        some = rng.choice(members, min(12, len(members)), replace=False)
        pictures = to_unit(np.asarray(train[np.sort(some)]))
        centroid = model.prototypes_[cluster].reshape(1, 28, 28, 1)
        rows[f"cluster {cluster}:\n{len(members):,} digits"] = np.concatenate([centroid, pictures])
    title = "Clusters: the centroid first, then digits that belong to it"
    run.picture("clusters", labelled_rows(rows, title=title), title)
    title = f"All {len(model.prototypes_)} centroids, the most used first"
    sheet = sheets.contact_sheet(model.parts()["centroids"], title)
    run.picture("centroids", sheet, title)


def _decoded_plane(run: Run, model: Representation, train: Images) -> None:
    """Decode a grid over the middle of the latent plane."""
    codes = model.encode(train.evenly(10_000))
    low, high = np.percentile(codes, [2, 98], axis=0)
    x, y = np.linspace(low[0], high[0], PLANE), np.linspace(high[1], low[1], PLANE)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    title = "The latent plane, decoded: from the 2nd to the 98th percentile of the codes"
    pictures = model.decode(grid.astype(np.float32))
    run.picture("decoded", sheets.contact_sheet(pictures, title, PLANE, gap=0, scale=1), title)


def _maps(run: Run, model: Representation, test: Images) -> None:
    shown = test.evenly(drawing.MAPPED)
    codes = model.encode(shown)
    flat = codes.shape[1] == 2
    known = (shown.y, test.classes)
    plots = {"" if flat else "two principal components": (layout(codes, "pca"), *known)}
    if not flat:
        plots["t-SNE"] = (layout(codes, "tsne"), *known)
    title = f"Codes of {len(shown):,} test digits, coloured by digit"
    run.picture("plane", drawing.scatter(plots, title), title)
    title = "Test digits where their codes lie" + ("" if flat else ", laid out by t-SNE")
    run.picture("map", drawing.thumbnails(layout(codes), shown, title), title)


def _sheet_of_units(run: Run, model: Representation, side: int) -> None:
    title = f"The map: what each of {side}x{side} units has learned"
    units = model.prototypes_.reshape(-1, 28, 28)
    sheet = sheets.contact_sheet(units, title, side, scale=2 if side < 20 else 1, gap=1)
    run.picture("map", sheet, title)


def _planes(run: Run, model: Representation, test: Images) -> None:
    planes = {
        "distance to the units around (U-matrix)": model.u_matrix(),
        "test digits of a unit": model.hit_map(test).astype(float),
        "most frequent digit of a unit": _winners(model, test),
    }
    title = "The map: borders between groups, use, and the digits that own it"
    run.picture("planes", drawing.planes(planes, title), title)


def _winners(model: Representation, test: Images) -> np.ndarray:
    """Return the most frequent digit of every unit, -1 where there is none."""
    votes = np.zeros((len(model.prototypes_), int(test.y.max()) + 1))
    np.add.at(votes, (model.encode(test), test.y), 1)
    return np.where(votes.any(1), votes.argmax(1), -1).reshape(model.grid_)


def _progress(run: Run, model: Representation) -> None:
    kept = zip(model.progress_steps_, model.progress_, strict=True)
    rows = {f"step {step:,}": images[:12].astype(np.float32) for step, images in kept}
    title = "Generated from the same latent vectors while training"
    run.picture("progress", labelled_rows(rows, title=title), title)
