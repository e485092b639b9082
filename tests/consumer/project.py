"""What somebody writes on top of isthmus, for mypy alone: `make lint` checks it, nothing runs it.

Types are stated where they matter; a line that has to be refused says so by its ``type: ignore``,
which is an error itself once nothing is wrong there any more.
"""

from typing import assert_type

import numpy as np

import isthmus as ist
from isthmus.studies.study import Study
from isthmus.verbs.cluster import Clustering
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.probe import Probing


def images() -> ist.Images:
    """Images have types, and so do their parts."""
    found = ist.load_images("digits", size=8)
    assert_type(found, ist.Images)
    assert_type(found.train, ist.Images)
    ist.load_images("digits", sise=8)  # type: ignore[call-arg]
    return found.test


def models(given: ist.Images) -> dict[str, ist.Representation]:
    """A fitted model is of its class, and a misspelt parameter is noticed."""
    vae = ist.VAE(16, beta=4.0).fit(given)
    assert_type(vae, ist.VAE)
    assert_type(vae.encode(given), np.ndarray)
    assert_type(vae.sample(3, random_state=0), np.ndarray)
    assert_type(ist.PCA(2).fit_transform(given), np.ndarray)
    assert_type(ist.load_model("a.safetensors"), ist.Representation)
    ist.VAE(16, betta=4.0)  # type: ignore[call-arg]
    ist.Autoencoder(16, hidden=512)  # type: ignore[arg-type]
    ist.KMeans(10, "kmeans++")  # type: ignore[call-arg]
    every: list[ist.Representation] = [
        ist.Autoencoder(), ist.Classifier(), ist.GAN(), ist.KMeans(), ist.NMF(), ist.PCA(),
        ist.PixelNet(), ist.SOM(), vae,
    ]  # fmt: skip
    return {type(model).__name__: model.fit(given) for model in every}


def verbs(model: ist.Representation, given: ist.Images) -> None:
    """Every verb says what it gives."""
    assert_type(ist.study(given, budget=20), Study)
    assert_type(ist.load_study("runs/study"), Study)
    assert_type(ist.cluster(model, given, n_clusters=3), Clustering)
    assert_type(ist.reconstruct(model, given), Decoded)
    assert_type(ist.generate(model, 3), Decoded)
    assert_type(ist.probe(model, given), Probing)
    ist.cluster(model, given, clusters=3)  # type: ignore[call-arg]
    ist.generate(model, number=3)  # type: ignore[call-arg]
    ist.nothing_of_this_name()  # type: ignore[attr-defined]
