"""Every setting of every deck, by name: one line in the table, one function in its deck's file."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isthmus.reproduction.run import Run


@dataclass(frozen=True)
class Recipe:
    """A setting of a deck.

    Parameters
    ----------
    deck : str
        Letter of the deck.
    about : str
        What it is, in one line.
    minutes : float
        How long it takes, roughly, on two cores.
    function : str
        Which function of `isthmus.reproduction.deck_X` does it.
    options : dict
        The numbers of the setting, given to that function.
    """

    deck: str
    about: str
    minutes: float
    function: str
    options: dict[str, Any] = field(default_factory=dict)

    def run(self, run: Run) -> None:
        """Carry it out on an `isthmus.reproduction.run.Run`."""
        module = import_module(f"isthmus.reproduction.deck_{self.deck.lower()}")
        getattr(module, self.function)(run, **self.options)


DECKS = {
    "A": "six unsupervised models, one interface",
    "B": "the autoencoder lesson",
    "C": "representing data, with labels and per pixel",
    "D": "beta-VAE on rotated digits",
    "E": "a small autoencoder, looked at closely",
    "F": "beyond the decks: what a code is good for",
}
"""Letter to title."""

RECIPES: dict[str, Recipe] = {
    "a-kmeans-2": Recipe(
        "A",
        "k-means, 2 clusters",
        0.5,
        "kmeans",
        {"n_clusters": 2, "max_iter": 100, "tol": 0.001, "noise": 0.1},
    ),
    "a-kmeans-100": Recipe(
        "A",
        "k-means, 100 clusters",
        0.5,
        "kmeans",
        {"n_clusters": 100, "max_iter": 10000, "tol": 0.0001, "noise": 0.1},
    ),
    "a-pca-10": Recipe("A", "PCA, 10 components", 0.5, "pca", {"n_components": 10}),
    "a-pca-500": Recipe("A", "PCA, 500 components", 0.5, "pca", {"n_components": 500}),
    "a-autoencoder-2": Recipe(
        "A",
        "autoencoder, 2 numbers",
        4,
        "autoencoder",
        {"latent_dim": 2, "activation": "relu", "noise": 0.1, "deck_epochs": 100, "epochs": 100},
    ),
    "a-autoencoder-32": Recipe(
        "A",
        "autoencoder, 32 numbers",
        5,
        "autoencoder",
        {"latent_dim": 32, "activation": "tanh", "noise": 1.0, "deck_epochs": 500, "epochs": 100},
    ),
    "a-som-10": Recipe(
        "A",
        "self-organising map, 10x10 units",
        4,
        "som",
        {"side": 10, "max_iter": 25, "learning_rate": 0.5, "noise": 0.1},
    ),
    "a-som-30": Recipe(
        "A",
        "self-organising map, 30x30 units",
        12,
        "som",
        {"side": 30, "max_iter": 50, "learning_rate": 0.7, "noise": 0.2},
    ),
    "a-gan-10": Recipe(
        "A",
        "GAN, 10 numbers",
        3,
        "gan",
        {
            "latent_dim": 10,
            "steps": 2000,
            "generator": (128, 256, 512),
            "discriminator": (256, 128),
            "picture_every": 250,
        },
    ),
    "a-gan-100": Recipe(
        "A",
        "GAN, 100 numbers",
        10,
        "gan",
        {
            "latent_dim": 100,
            "steps": 9000,
            "generator": (256, 512, 1024),
            "discriminator": (512, 256),
            "picture_every": 1000,
        },
    ),
    "a-vae-32": Recipe(
        "A",
        "variational autoencoder, 32 numbers",
        4,
        "vae",
        {"latent_dim": 32, "activation": "tanh", "noise": 0.5, "deck_epochs": 300, "epochs": 60},
    ),
    "a-vae-2": Recipe(
        "A",
        "variational autoencoder, 2 numbers",
        5,
        "vae",
        {"latent_dim": 2, "activation": "relu", "noise": 0.5, "deck_epochs": 500, "epochs": 100},
    ),
    "a-autoencoder-better": Recipe(
        "A",
        "what 32 numbers can be by convolutions",
        8,
        "better_autoencoder",
        {"latent_dim": 32, "epochs": 20},
    ),
    "a-vae-likelihood": Recipe(
        "A",
        "how probable binarised test digits are under a VAE",
        70,
        "likelihood",
        {"latent_dim": 40, "channels": (64, 128, 256), "epochs": 60, "draws": 500},
    ),
    "b-convolution": Recipe(
        "B", "a convolution and its transpose as matrix products", 0.1, "convolution"
    ),
    "b-linear": Recipe(
        "B",
        "a linear autoencoder beside PCA",
        2,
        "linear",
        {"width": 16, "epochs": 40},
    ),
    "b-factorisation": Recipe(
        "B",
        "matrix factorisation, with parts of any sign and with parts that only add up",
        3,
        "factorisation",
        {"widths": (5, 10, 20, 40, 80), "drawn": 40},
    ),
    "b-denoising": Recipe(
        "B",
        "noisy digits in, clean digits out",
        4,
        "denoising",
        {"epochs": 20, "levels": (0.1, 0.25, 0.5, 0.75, 1.0), "shown": 0.5},
    ),
    "b-pretraining": Recipe(
        "B",
        "few labels, with unsupervised pre-training and without",
        6,
        "pretraining",
        {
            "epochs": 15,
            "draws": {10: 8, 30: 8, 100: 5, 300: 3, 1000: 2, 10_000: 1},
            "steps": 300,
        },
    ),
    "b-morphs": Recipe(
        "B", "averages of two digits, by their codes", 3, "morphs", {"epochs": 15, "pairs": 500}
    ),
    "b-directions": Recipe(
        "B",
        "attributes edited by moving along a direction",
        3,
        "directions",
        {"epochs": 15, "swaps": ("38", "17", "49", "06", "52"), "edited": 500},
    ),
    "c-parameters": Recipe(
        "C", "parameters of the three networks, and max pooling", 0.1, "parameters"
    ),
    "c-features": Recipe("C", "20 features without labels, and an SVM", 7, "features"),
    "c-classifier": Recipe("C", "20 features with labels, and an SVM", 3, "classifier"),
    "c-features-better": Recipe(
        "C", "what 20 features without labels can be", 5, "better_features"
    ),
    "c-classifier-better": Recipe(
        "C",
        "what 20 features with labels can be",
        6,
        "better_classifier",
        {"epochs": 20, "shift": 2},
    ),
    "c-pixelnet": Recipe(
        "C",
        "classes and attributes of the pixels of street scenes",
        15,
        "pixelnet",
        {"epochs": 60, "crop": 192},
    ),
    "c-raster-jasper": Recipe(
        "C",
        "attributes of the pixels of a raster of 198 bands",
        2,
        "raster",
        {"file": "hyperspectral/jasperRidge2_R198.hdr", "bands": (28, 17, 10), "epochs": 150},
    ),
    "c-raster-samson": Recipe(
        "C",
        "attributes of the pixels of a raster of 156 bands",
        2,
        "raster",
        {"file": "hyperspectral/samson_1.img.hdr", "bands": (70, 45, 20), "epochs": 150},
    ),
    "c-raster-landsat": Recipe(
        "C",
        "attributes of the pixels of a satellite image of 6 bands",
        3,
        "raster",
        {"file": "landsat7/L7_ETMs.tif", "bands": (2, 1, 0), "epochs": 40},
    ),
    "d-burgess-beta1": Recipe(
        "D",
        "the network of the papers, beta 1",
        15,
        "beta_vae",
        {"architecture": "burgess", "beta": 1.0},
    ),
    "d-burgess-beta4": Recipe(
        "D",
        "the network of the papers, beta 4",
        15,
        "beta_vae",
        {"architecture": "burgess", "beta": 4.0},
    ),
    "d-burgess-beta10": Recipe(
        "D",
        "the network of the papers, beta 10",
        15,
        "beta_vae",
        {"architecture": "burgess", "beta": 10.0},
    ),
    "d-burgess-beta30": Recipe(
        "D",
        "the network of the papers, beta 30",
        15,
        "beta_vae",
        {"architecture": "burgess", "beta": 30.0},
    ),
    "d-deep": Recipe(
        "D", "a deeper network, beta 4", 15, "beta_vae", {"architecture": "deep", "beta": 4.0}
    ),
    "d-study": Recipe(
        "D",
        "betas and networks side by side",
        0.1,
        "study",
        {
            "recipes": {
                "beta 1": "d-burgess-beta1",
                "beta 4": "d-burgess-beta4",
                "beta 10": "d-burgess-beta10",
                "beta 30": "d-burgess-beta30",
                "deep, beta 4": "d-deep",
            }
        },
    ),
    "d-rotation": Recipe(
        "D",
        "a setting that captures rotation",
        3,
        "rotation",
        {"digit": 6, "beta": 20.0, "epochs": 30},
    ),
    "e-architectures": Recipe(
        "E", "eight architectures on 32 glyphs", 2, "architectures", {"epochs": 10_000}
    ),
    "e-glyphs": Recipe(
        "E", "32 glyphs from two numbers each", 1, "chosen", {"epochs": 10_000, "seeds": 6}
    ),
    "e-transitions": Recipe(
        "E",
        "four transitions between glyphs",
        0.2,
        "transitions",
        {"epochs": 10_000, "pairs": (("k", "h"), ("w", "u"), ("f", "{"), ("n", "r")), "steps": 10},
    ),
    "e-denoising": Recipe(
        "E",
        "glyphs under noise, trained with it and without",
        2,
        "denoising",
        {"epochs": 1500, "trained": (0, 0.05, 0.1, 0.15, 0.2), "tested": (0.05, 0.1, 0.15, 0.2)},
    ),
    "e-attractors": Recipe(
        "E",
        "decision regions of the latent plane, and confusion",
        0.5,
        "attractors",
        {"epochs": 10_000, "level": 0.1, "sets": 400},
    ),
    "e-flowers": Recipe(
        "E",
        "how few numbers hold 24 flowers",
        5,
        "flowers",
        {
            "latents": {"Adam": (1, 2, 3, 5, 6, 8), "SGD": (3, 5, 6, 8)},
            "epochs": {"Adam": 2500, "SGD": 4000},
        },
    ),
    "e-flower-walks": Recipe(
        "E",
        "walks that look for flowers",
        0.5,
        "flower_walks",
        {"latent_dim": 6, "epochs": 3000, "side": 12},
    ),
    "f-compression": Recipe(
        "F",
        "digits as a few bytes each, beside PNG, JPEG, WebP and AVIF",
        25,
        "compression",
        {"source": "mnist", "widths": (32, 64), "channels": (32, 64, 128), "epochs": 15},
    ),
    "f-compression-flowers": Recipe(
        "F",
        "flowers as a few bytes each, beside PNG, JPEG, WebP and AVIF",
        25,
        "compression",
        {"source": "flowers102", "widths": (128,), "channels": (32, 64, 128, 256), "epochs": 20},
    ),
    "f-denoising": Recipe(
        "F",
        "noise taken out of digits, beside median, non-local means and PCA",
        15,
        "denoising",
        {"width": 256, "noise": 0.3, "epochs": 30},
    ),
    "f-unsupervised": Recipe(
        "F",
        "20 numbers learned without labels: a classifier, and clusters",
        15,
        "unsupervised",
        {"width": 20, "noise": 0.15, "warp": 0.15, "epochs": 30},
    ),
}
"""Name to recipe, in the order of the decks."""
