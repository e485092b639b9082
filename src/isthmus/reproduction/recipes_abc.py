"""The settings of decks A, B and C, by name: each names a function of its deck's file."""

from __future__ import annotations

from isthmus.reproduction.recipe import Recipe

ABC: dict[str, Recipe] = {
    "a-kmeans-2": Recipe(
        "A",
        "k-means, 2 clusters",
        1.5,
        "kmeans",
        {"n_clusters": 2, "max_iter": 100, "tol": 0.001, "noise": 0.1},
        seeds=3,
    ),
    "a-kmeans-100": Recipe(
        "A",
        "k-means, 100 clusters",
        1.5,
        "kmeans",
        {"n_clusters": 100, "max_iter": 10000, "tol": 0.0001, "noise": 0.1},
        departures={"tolerance": "a tenth of the other setting's"},
        seeds=3,
    ),
    "a-pca-10": Recipe("A", "PCA, 10 components", 0.5, "pca", {"n_components": 10}),
    "a-pca-500": Recipe("A", "PCA, 500 components", 0.5, "pca", {"n_components": 500}),
    "a-autoencoder-2": Recipe(
        "A",
        "autoencoder, 2 numbers",
        12,
        "autoencoder",
        {"latent_dim": 2, "activation": "relu", "noise": 0.1, "deck_epochs": 100, "epochs": 100},
        departures={
            "hidden layers": "two, of the widths of the deck's GANs",
            "optimiser and start": "Adam along a cosine, from principal components",
        },
        seeds=3,
    ),
    "a-autoencoder-32": Recipe(
        "A",
        "autoencoder, 32 numbers",
        30,
        "autoencoder",
        {"latent_dim": 32, "activation": "tanh", "noise": 1.0, "deck_epochs": 500, "epochs": 500},
        departures={
            "hidden layers": "two, of the widths of the deck's GANs",
            "optimiser and start": "Adam along a cosine, from principal components",
        },
    ),
    "a-autoencoder-32-short": Recipe(
        "A",
        "autoencoder, 32 numbers, a fifth of the epochs",
        5,
        "autoencoder",
        {"latent_dim": 32, "activation": "tanh", "noise": 1.0, "deck_epochs": 500, "epochs": 100},
    ),
    "a-som-10": Recipe(
        "A",
        "self-organising map, 10x10 units",
        12,
        "som",
        {"side": 10, "max_iter": 25, "learning_rate": 0.5, "noise": 0.1},
        departures={"neighbourhood": "a Gaussian that shrinks from half of the map"},
        seeds=3,
    ),
    "a-som-30": Recipe(
        "A",
        "self-organising map, 30x30 units",
        12,
        "som",
        {"side": 30, "max_iter": 50, "learning_rate": 0.7, "noise": 0.2},
        departures={"neighbourhood": "a Gaussian that shrinks from half of the map"},
    ),
    "a-gan-10": Recipe(
        "A",
        "GAN, 10 numbers",
        9,
        "gan",
        {
            "latent_dim": 10,
            "steps": 2000,
            "generator": (128, 256, 512),
            "discriminator": (256, 128),
            "picture_every": 250,
        },
        departures={
            "steps between pictures": "eight pictures of the way",
            "images a batch": "as of the deck's other networks",
            "loss and optimiser": "non-saturating, Adam at 5e-4 along a cosine, weights averaged",
        },
        seeds=3,
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
        departures={
            "images a batch": "as of the deck's other networks",
            "loss and optimiser": "non-saturating, Adam at 5e-4 along a cosine, weights averaged",
        },
    ),
    "a-vae-32": Recipe(
        "A",
        "variational autoencoder, 32 numbers",
        18,
        "vae",
        {"latent_dim": 32, "activation": "tanh", "noise": 0.5, "deck_epochs": 300, "epochs": 300},
        departures={
            "hidden layers": "two, of the widths of the deck's GANs",
            "optimiser and start": "Adam along a cosine",
        },
    ),
    "a-vae-32-short": Recipe(
        "A",
        "variational autoencoder, 32 numbers, a fifth of the epochs",
        4,
        "vae",
        {"latent_dim": 32, "activation": "tanh", "noise": 0.5, "deck_epochs": 300, "epochs": 60},
    ),
    "a-vae-2": Recipe(
        "A",
        "variational autoencoder, 2 numbers",
        25,
        "vae",
        {"latent_dim": 2, "activation": "relu", "noise": 0.5, "deck_epochs": 500, "epochs": 500},
        departures={
            "hidden layers": "two, of the widths of the deck's GANs",
            "optimiser and start": "Adam along a cosine",
        },
    ),
    "a-vae-2-short": Recipe(
        "A",
        "variational autoencoder, 2 numbers, a fifth of the epochs",
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
        "B", "a linear autoencoder beside PCA", 6, "linear", {"width": 16, "epochs": 40}, seeds=3
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
        12,
        "denoising",
        {"epochs": 20, "levels": (0.1, 0.25, 0.5, 0.75, 1.0), "shown": 0.5},
        seeds=3,
    ),
    "b-pretraining": Recipe(
        "B",
        "few labels, with unsupervised pre-training and without",
        18,
        "pretraining",
        {
            "epochs": 15,
            "draws": {10: 8, 30: 8, 100: 5, 300: 3, 1000: 2, 10_000: 1},
            "steps": 300,
        },
        seeds=3,
    ),
    "b-morphs": Recipe(
        "B",
        "averages of two digits, by their codes",
        9,
        "morphs",
        {"epochs": 15, "pairs": 500},
        seeds=3,
    ),
    "b-directions": Recipe(
        "B",
        "attributes edited by moving along a direction",
        9,
        "directions",
        {"epochs": 15, "swaps": ("38", "17", "49", "06", "52"), "edited": 500},
        seeds=3,
    ),
    "c-parameters": Recipe(
        "C", "parameters of the three networks, and max pooling", 0.1, "parameters"
    ),
    "c-features": Recipe(
        "C", "20 features without labels, and an SVM", 7, "features", {"machine": (1000, 0.02)}
    ),
    "c-classifier": Recipe(
        "C",
        "20 features with labels, and an SVM",
        9,
        "classifier",
        {"machine": (1, 0.02)},
        seeds=3,
    ),
    "c-shared": Recipe(
        "C",
        "the same, from the layer that an autoencoder has learnt",
        30,
        "classifier",
        {"machine": (1, 0.02), "shared": True},
        seeds=3,
    ),
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
        30,
        "pixelnet",
        {
            "source": "camvid",
            "channels": 64,
            "epochs": 60,
            "crop": 192,
            "optimizer": "sgd",
            "learning_rate": 0.01,
            "schedule": "constant",
        },
        departures={
            "epochs": "what half an hour allows",
            "images": "street scenes with as many classes, 12",
            "side of what is cut from an image": "whole images take longer",
            "attributes drawn": "after it, as encode() gives them",
        },
    ),
    "c-pixelnet-better": Recipe(
        "C",
        "the same network by Adam",
        30,
        "pixelnet",
        {"source": "camvid", "channels": 64, "epochs": 60, "crop": 192},
    ),
    "c-raster-jasper": Recipe(
        "C",
        "attributes of the pixels of a raster of 198 bands",
        6,
        "raster",
        {"file": "hyperspectral/jasperRidge2_R198.hdr", "bands": (28, 17, 10), "epochs": 150},
        seeds=3,
    ),
    "c-raster-samson": Recipe(
        "C",
        "attributes of the pixels of a raster of 156 bands",
        6,
        "raster",
        {"file": "hyperspectral/samson_1.img.hdr", "bands": (70, 45, 20), "epochs": 150},
        seeds=3,
    ),
    "c-raster-landsat": Recipe(
        "C",
        "attributes of the pixels of a satellite image of 6 bands",
        9,
        "raster",
        {"file": "landsat7/L7_ETMs.tif", "bands": (2, 1, 0), "epochs": 40},
        seeds=3,
    ),
}
"""Name to recipe."""
