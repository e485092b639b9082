"""Deck C: features for a support vector machine, and attributes for every pixel."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

import isthmus as ist
from isthmus import metrics as scores
from isthmus.data.catalog import data_root
from isthmus.data.images import Images, to_unit
from isthmus.nets.matrices import convolution_matrix
from isthmus.plots import drawing, sheets
from isthmus.plots.overlays import coloured
from isthmus.plots.strips import labelled_rows
from isthmus.reproduction.sets import both_halves, one_of_each
from isthmus.verbs.layouts import layout

if TYPE_CHECKING:
    from sklearn.svm import SVC
    from torch import nn

    from isthmus.base import Representation
    from isthmus.models.autoencoder import Autoencoder
    from isthmus.models.classifier import Classifier
    from isthmus.reproduction.run import Run, Trained

DECK: dict[str, Any] = {
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "schedule": "constant",
    "batch_size": 100,
    "validation_fraction": 0.2,
    "keep_best": False,
}
"""How the deck trains its dense networks."""
FEATURES, EPOCHS = 20, 100
CHANNELS, KERNEL = 64, 3
"""Filters of the per-pixel network, and their side."""
LAYERS = (1792, *[36928] * 5, 73856, 73792, 36928, 73856, 73792, 36928, 11540, 2172)
POOLED = [[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]]
SHOWN = 3
"""Test images whose maps are drawn."""
TILE = 24
"""Side of the squares of a raster that a network learns from."""


def parameters(run: Run) -> None:
    """Count the parameters of the deck's three networks, and pool its example."""
    import torch

    rng = np.random.default_rng(run.seed)
    flat = rng.integers(0, 256, (20, 784), dtype=np.uint8)
    short: dict[str, Any] = {"epochs": 1, "max_steps": 1}
    coder = _autoencoder(**short).fit(flat)
    _count(run, "parameters 784-20-784", [coder.encoder_, coder.decoder_], 32_164)
    classifier = _classifier(**short).fit(flat, np.arange(20) % 10)
    _count(run, "parameters 784-20-10", _nets(classifier), 15_910)
    pictures = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    maps = np.arange(2 * 32 * 32, dtype=np.uint8).reshape(2, 32, 32) % 12
    model = ist.PixelNet(FEATURES, channels=CHANNELS, **short).fit(pictures, maps)
    _count(run, "parameters of the per-pixel network", _nets(model), 569_296)
    layers = [_size(layer) for net in _nets(model) for layer in _weighted(net)]
    same = layers == list(LAYERS)
    title = "Parameters of the per-pixel network, layer by layer"
    chart = drawing.bars({"parameters": layers}, title, "layer", "parameters")
    run.picture("layers", chart, title)
    run.figure("its layers", _listed(layers), deck=_listed(LAYERS), holds=same)
    _weights(run)
    pooled = torch.nn.functional.max_pool2d(torch.tensor([POOLED]).float(), 2)[0].int().tolist()
    wanted = [[20, 30], [112, 37]]
    run.figure("2x2 max pooling", str(pooled), deck=str(wanted), holds=pooled == wanted)


def _weights(run: Run) -> None:
    """Count the weights of a dense layer and of a convolution, from a digit to as many numbers."""
    from torch import nn

    layers = {
        "one 3x3 filter": (nn.Conv2d(1, 1, KERNEL, bias=False), KERNEL**2),
        "64 filters of 3x3": (nn.Conv2d(1, CHANNELS, KERNEL, bias=False), CHANNELS * KERNEL**2),
        "784 inputs to 20": (nn.Linear(784, FEATURES, bias=False), 784 * FEATURES),
        "784 inputs to 784": (nn.Linear(784, 784, bias=False), 784 * 784),
    }
    for name, (layer, deck) in layers.items():
        ours = _size(layer)
        run.figure(f"weights, {name}", ours, deck=deck, holds=ours == deck)
    kernel = np.arange(1, 10).reshape(KERNEL, KERNEL)
    shown = {
        "a filter": kernel,
        "its matrix from 4x4 to 2x2": convolution_matrix(kernel, (4, 4)).astype(int),
        "a dense layer from 16 to 4": np.arange(1, 65).reshape(4, 16),
    }
    title = "Weights by number: a filter of 3x3 has 9 however large the image, a dense layer 64"
    run.picture("weights", drawing.numbers(shown, title), title)


def features(run: Run, machine: tuple[float, float]) -> None:
    """Learn 20 features without labels, as the deck does, and classify them."""
    train, test = both_halves(run, "mnist")
    model = _logged(run, "autoencoder", _autoencoder(), train)
    back = ist.reconstruct(model, test)
    run.figure("epochs", len(model.history_["epoch"]), deck=EPOCHS)
    run.figure("test mse", scores.mse(test, back), note="the deck gives none")
    run.figure("test mae", float(np.abs(to_unit(np.asarray(test)) - back).mean()))
    note = "SGD at 0.01 on errors averaged over pixels hardly moves the weights: under-training"
    _svm(run, model, train, test, machine, 83.54, 2.0, note)
    _training_pictures(run, model, test)


def classifier(run: Run, machine: tuple[float, float], shared: bool = False) -> None:
    """Learn 20 features with labels, as the deck does, and classify them.

    Shared, it starts from the layer that an autoencoder has learnt, as the deck's two heads do.
    """
    train, test = both_halves(run, "mnist")
    model = _classifier()
    if shared:
        model = _classifier(pretrained=run.fit("autoencoder", _autoencoder(), train))
    model = _logged(run, "classifier", model, train)
    run.figure("epochs", len(model.history_["epoch"]), deck=EPOCHS)
    _softmax_figures(run, model, test)
    found = _svm(run, model, train, test, machine, None if shared else 96.62, 1.0)
    _save_features(run, found)
    title = "Cross-entropy while training, and on the fifth that was held out"
    run.picture("curves", drawing.curves({"classifier": model.history_}, title), title)
    _feature_map(run, model, test)


def _softmax_figures(run: Run, model: Classifier, test: Images) -> None:
    """Record the deck's three metrics of the ten probabilities."""
    note = "the deck gives none"
    right = float((model.predict(test) == test.y).mean())
    run.figure("accuracy of the softmax in %", 100 * right, note=note)
    apart = model.predict_proba(test) - np.eye(10)[np.asarray(test.y)]
    run.figure("test mae of the probabilities", float(np.abs(apart).mean()), note=note)
    run.figure("test mse of the probabilities", float((apart**2).mean()), note=note)


def better_features(run: Run) -> None:
    """Show what 20 numbers learned without labels can be: PCA, and an autoencoder by Adam."""
    train, test = both_halves(run, "mnist")
    pca = run.fit("pca", ist.PCA(20), train)
    _svm(run, pca, train, test, (10, 0.05), None, note="20 principal components")
    model = _autoencoder(epochs=30, optimizer="adam", learning_rate=1e-3, schedule="cosine")
    model = run.fit("autoencoder", model, train)
    note = "the deck's network, 30 epochs by Adam"
    _svm(run, model, train, test, (10, 0.02), None, note=note)
    run.figure("test mse", scores.mse(test, ist.reconstruct(model, test)), note=note)
    _training_pictures(run, model, test)


def better_classifier(run: Run, epochs: int, shift: int) -> None:
    """Show what 20 numbers learned with labels can be: a convolutional classifier."""
    train, test = both_halves(run, "mnist")
    model = ist.Classifier(20, architecture="conv", hidden=(256,), epochs=epochs, shift=shift)
    model = run.fit("classifier", model, train)
    note = f"convolutions, {epochs} epochs by Adam, every image moved by up to {shift} pixels"
    run.figure("epochs", len(model.history_["epoch"]), note=note)
    model.save(run.folder / "classifier.safetensors")
    right = float((model.predict(test) == test.y).mean())
    run.figure("accuracy of the softmax in %", 100 * right)
    _svm(run, model, train, test, (1, 0.02), None, note="20 features of the convolutions")
    _feature_map(run, model, test)


def pixelnet(run: Run, source: str, channels: int, epochs: int, crop: int, **rule: Any) -> None:
    """Give every pixel of street scenes 20 attributes, and a class."""
    train, test = both_halves(run, source, least=2)
    settings: dict[str, Any] = {"channels": channels, "epochs": epochs, "crop": crop} | rule
    model = run.fit("pixelnet", ist.PixelNet(FEATURES, flip=True, **settings), train)
    model.save(run.folder / "pixelnet.safetensors")
    predicted = model.predict(test)
    note = f"{len(train)} training images, {crop}x{crop} cut from each anew in every epoch"
    run.figure("epochs", len(model.history_["epoch"]), note=note)
    _segmentation_figures(run, test, predicted)
    _segmentation_pictures(run, model, test, predicted)
    title = "Loss while training, and on the tenth of the images that was held out"
    run.picture("curves", drawing.curves({"pixelnet": model.history_}, title), title)


def raster(run: Run, file: str, bands: Sequence[int], epochs: int) -> None:
    """Learn attributes of every pixel of a raster without labels: by a network, and by PCA."""
    images = ist.load_images(data_root() / file)
    _, h, w, n_bands = images.shape
    run.figure("raster", f"{h} x {w} pixels, {n_bands} bands")
    pixels = images.pixels()
    pca = run.fit("pca", ist.PCA(min(20, n_bands)), pixels)
    _unexplained(run, "PCA on pixels", pixels, ist.reconstruct(pca, pixels), pca.n_components_)
    model = ist.PixelNet(20, target="image", epochs=epochs, batch_size=4, validation_fraction=0)
    model = run.fit("pixelnet", model, _tiles(images, TILE))
    _unexplained(run, "PixelNet", images, ist.reconstruct(model, images), model.n_attributes_)
    title = f"{file.rsplit('/', 1)[-1]}: bands {', '.join(str(band + 1) for band in bands)}"
    shown = np.asarray(images)[..., list(bands)].astype(np.float32)
    low, high = np.percentile(shown, [2, 98], axis=(0, 1, 2))
    scaled = np.clip((shown - low) / (high - low), 0, 1)
    run.picture("raster", sheets.contact_sheet(scaled, title, scale=max(1, 300 // h)), title)
    attributes = model.encode(images)[0]
    _attribute_sheet(run, "attributes", attributes, "PixelNet: attributes of every pixel")
    components = pca.encode(pixels).reshape(h, w, -1)
    _attribute_sheet(run, "components", components, "PCA: components of every pixel")


def _autoencoder(**settings: Any) -> Autoencoder:
    given = DECK | {"epochs": EPOCHS} | settings
    return ist.Autoencoder(
        FEATURES, hidden=(), code_activation="relu", output="sigmoid", loss="mse", **given
    )


def _classifier(**settings: Any) -> Classifier:
    given = DECK | {"epochs": EPOCHS} | settings
    if "pretrained" not in given:
        given |= {"n_features": FEATURES, "hidden": ()}
    return ist.Classifier(**given)


def _logged(run: Run, name: str, model: Trained, train: Images) -> Trained:
    """Return the model fitted and written to the folder, with its logs for TensorBoard if any."""
    logs = run.kept / "tensorboard"  # where a fit that was stopped finds them again
    model.set_params(log_dir=str(logs) if find_spec("tensorboard") else None)
    model = run.fit(name, model, train)
    model.set_params(log_dir=None)
    model.save(run.folder / f"{name}.safetensors")
    if logs.exists():
        shutil.copytree(logs, run.folder / "tensorboard")
    return model


def _nets(model: Representation) -> list[Any]:
    return [net for nets in model.players().values() for net in nets]


def _weighted(net: nn.Module) -> list[Any]:
    return [layer for layer in net.modules() if getattr(layer, "weight", None) is not None]


def _size(layer: nn.Module) -> int:
    return sum(weight.numel() for weight in layer.parameters())


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _count(run: Run, what: str, nets: list[Any], deck: int) -> None:
    ours = sum(_size(net) for net in nets)
    run.figure(what, ours, deck=deck, holds=ours == deck)


def _svm(
    run: Run,
    model: Representation,
    train: Images,
    test: Images,
    setting: tuple[float, float],
    deck: float | None,
    within: float = 0.0,
    note: str = "",
) -> SVC:
    """Train a support vector machine with a Gaussian kernel on the codes; record its accuracy."""
    from sklearn.svm import SVC

    strength, gamma = setting
    started = time.monotonic()
    machine = SVC(C=strength, gamma=gamma, cache_size=1000).fit(model.encode(train), train.y)
    ours = 100 * machine.score(model.encode(test), test.y)
    seconds = f"{time.monotonic() - started:.0f} s, {len(machine.support_):,} support vectors"
    what = f"accuracy of an SVM in % (C={strength:g}, gamma={gamma:g})"
    holds = None if deck is None else bool(abs(ours - deck) <= within)
    note = f"{note}; {seconds}" if note else seconds
    note += "" if deck is None else f"; holds within {within:g} points"
    run.figure(what, ours, deck=deck, holds=holds, note=note)
    return machine


def _save_features(run: Run, machine: SVC) -> None:
    """Write the support vectors, which are the third model of the deck, as plain arrays."""
    arrays = {
        name: getattr(machine, name)
        for name in ("support_vectors_", "dual_coef_", "intercept_", "n_support_")
    }
    np.savez_compressed(run.folder / "svm.npz", **arrays)


def _training_pictures(run: Run, model: Representation, test: Images) -> None:
    title = "Error while training, and on the fifth that was held out"
    run.picture("curves", drawing.curves({"autoencoder": model.history_}, title), title)
    shown = one_of_each(test)
    rows = {"original": np.asarray(shown), "through 20 numbers": ist.reconstruct(model, shown)}
    title = "Test digits, and what is left of them after 20 numbers"
    run.picture("rows", labelled_rows(rows, title=title), title)
    _feature_map(run, model, test)


def _feature_map(run: Run, model: Representation, test: Images) -> None:
    shown = test.evenly(drawing.MAPPED)
    title = f"The 20 features of {len(shown):,} test digits, laid out by t-SNE"
    where = layout(model.encode(shown), "tsne")
    plots = {"coloured by digit": (where, shown.y, test.classes)}
    run.picture("features", drawing.scatter(plots, title), title)


def _segmentation_figures(run: Run, test: Images, predicted: np.ndarray) -> None:
    n = len(test.map_classes or ())
    given = (test.label_maps, predicted)
    known: dict[str, Any] = {"ignored_class": test.ignored_class}
    note = "the deck shows pictures only"
    run.figure("pixels right in %", 100 * scores.global_accuracy(*given, **known), note=note)
    run.figure("mean intersection over union", scores.mean_iou(*given, **known), note=note)
    right = scores.class_accuracy(*given, n_classes=n, **known)
    overlap = scores.class_iou(*given, n_classes=n, **known)
    names = [name for i, name in enumerate(test.map_classes or ()) if i != test.ignored_class]
    rows = [i for i in range(n) if i != test.ignored_class]
    values = np.column_stack([right[rows], overlap[rows]])
    title = "Test images: share of every class found, and intersection over union"
    picture = drawing.table(np.nan_to_num(values), names, ["found", "overlap"], title)
    run.picture("classes", picture, title)


def _segmentation_pictures(
    run: Run, model: Representation, test: Images, predicted: np.ndarray
) -> None:
    n = len(test.map_classes or ())
    shown = np.linspace(0, len(test) - 1, min(SHOWN, len(test))).astype(int)
    rows = {
        "image": np.asarray(test[shown]),
        "ground truth": coloured(test.label_maps[shown], n),
        "classification": coloured(predicted[shown], n),
    }
    title = "Test images, their label maps, and the classes found"
    picture = labelled_rows(rows, title=title, scale=0.5)
    run.picture("maps", drawing.with_legend(picture, test.map_classes or []), title)
    attributes = model.encode(test[shown[:1]])[0]
    _attribute_sheet(run, "attributes", attributes, "The 20 attributes of the first image", 0.4)


def _attribute_sheet(
    run: Run, name: str, planes: np.ndarray, title: str, scale: float | None = None
) -> None:
    captions = [str(i + 1) for i in range(planes.shape[2])]
    idle = int((np.ptp(planes, axis=(0, 1)) == 0).sum())
    title += f" ({idle} of them never change)" if idle else ""
    scale = _scale(planes.shape[0]) if scale is None else scale
    run.picture(name, sheets.band_picture(planes, captions, title, scale=scale), title)


def _scale(height: int) -> float:
    return 1 if height < 200 else 0.5


def _tiles(images: Images, side: int) -> Images:
    """Return the squares a raster is made of; those at its far edges overlap their neighbours."""
    _, h, w, _ = images.shape
    array = np.asarray(images)[0]
    tops, lefts = (_starts(n, side) for n in (h, w))
    return Images(
        np.stack([array[y : y + side, x : x + side] for y in tops for x in lefts]),
        source=images.source,
    )


def _starts(n: int, side: int) -> np.ndarray:
    return np.linspace(0, n - side, -(-n // side)).round().astype(int)


def _unexplained(run: Run, who: str, images: Images, back: np.ndarray, numbers: int) -> None:
    values = to_unit(np.asarray(images)).reshape(-1, images.shape[-1])
    left = ((values - back.reshape(values.shape)) ** 2).sum()
    whole = ((values - values.mean(0)) ** 2).sum()
    what = f"{who}: share of the variance that {numbers} numbers a pixel leave unexplained"
    run.figure(what, float(left / whole), note="the deck gives none")
