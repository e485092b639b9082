"""What somebody writes on top of isthmus, for mypy alone: `make lint` checks it, nothing runs it.

Types are stated where they matter; a line that has to be refused says so by its ``type: ignore``,
which is an error itself once nothing is wrong there any more.
"""

from pathlib import Path
from typing import assert_type

import numpy as np
from PIL.Image import Image

import isthmus as ist
from isthmus.explorer.explore import Explorer
from isthmus.reproduction.reproduce import Reproduced
from isthmus.studies.info import Info
from isthmus.studies.outcome import Study
from isthmus.verbs.among_prototypes import Traversal
from isthmus.verbs.clustering import Clustering
from isthmus.verbs.compressed import Compressed
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.denoised import Denoised
from isthmus.verbs.disentangled import Disentanglement
from isthmus.verbs.edit import Directions, Edited
from isthmus.verbs.encode import Codes
from isthmus.verbs.generated import Generated
from isthmus.verbs.mapped import Mapped
from isthmus.verbs.neighbors import Nearest
from isthmus.verbs.pick import Picked
from isthmus.verbs.predictions import Predictions
from isthmus.verbs.probing import Probing
from isthmus.verbs.rates import Rates
from isthmus.verbs.scored import Novelty
from isthmus.verbs.segments import Segments
from isthmus.verbs.survey import Survey
from isthmus.verbs.territory import Territory
from isthmus.verbs.tuned import Tuned
from isthmus.verbs.unpacked import Decompressed
from isthmus.verbs.ways import Ways


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


@ist.register_reader(".rows")
def read_rows(path: Path) -> np.ndarray:
    """A reader of one's own stays the function that it is."""
    return np.loadtxt(path, dtype=np.uint8, ndmin=2)[:, None]


@ist.register("narrow")
class Narrow(ist.PCA):
    """A family of one's own stays the class that it is."""

    def twice(self, given: ist.Images) -> np.ndarray:
        """Its own methods are known, and so are those that it inherits."""
        assert_type(self.fit(given), Narrow)
        return 2 * self.encode(given)


def own_networks(model: ist.NeuralRepresentation, given: ist.Images) -> None:
    """What is trained by gradients has parameters of its own."""
    model.set_params(epochs=3).fit(given, validation=given)
    assert_type(model.epochs, int | None)
    model.fit(given, validate=given)  # type: ignore[call-arg]
    Narrow(2).twice("digits")  # type: ignore[arg-type]


def studies(given: ist.Images) -> None:
    """What is studied, measured and looked at."""
    assert_type(ist.study(given, budget=20), Study)
    assert_type(ist.load_study("runs/study"), Study)
    assert_type(ist.info("a.safetensors"), Info)
    assert_type(ist.survey(given), Survey)
    assert_type(ist.explore({"a": "a.safetensors"}, given), Explorer)
    assert_type(ist.export("runs/study", "page"), Path)
    assert_type(ist.reproduce("b-convolution"), Reproduced)
    ist.study(given, width="32")  # type: ignore[arg-type]
    ist.explore("runs/study", ports=3)  # type: ignore[call-arg]


def remade(model: ist.Representation, given: ist.Images) -> None:
    """Every verb that makes images says so."""
    assert_type(ist.reconstruct(model, given), Decoded)
    assert_type(ist.generate(model, 3), Generated)
    assert_type(ist.decode(model, ist.encode(model, given)), Decoded)
    assert_type(ist.morph(model, given, rows=[1, 2]), Ways)
    assert_type(ist.traverse(model, given), Traversal)
    assert_type(ist.edit(model, given, from_=3, to=8), Edited)
    assert_type(ist.denoise(model, given, "gaussian:0.2"), Denoised)
    assert_type(ist.decompress("a.isth"), Decompressed)
    assert_type(ist.with_noise(given, "gaussian", 0.2), np.ndarray)
    assert_type(ist.contact_sheet(given), Image)
    ist.generate(model, number=3)  # type: ignore[call-arg]
    ist.edit(model, given, strength=3)  # type: ignore[call-arg]


def verbs(model: ist.Representation, given: ist.Images) -> None:
    """Every other verb says what it gives."""
    codes = ist.encode(model, given)
    assert_type(codes, Codes)
    assert_type(ist.Index(codes), ist.Index)
    assert_type(ist.map(model, given), Mapped)
    assert_type(ist.Map.of(model, given), ist.Map)
    assert_type(ist.cluster(model, given, n_clusters=3), Clustering)
    assert_type(ist.probe(model, given), Probing)
    assert_type(ist.nearest(model, given), Nearest)
    assert_type(ist.novelty(model, given), Novelty)
    assert_type(ist.pick(model, given), Picked)
    assert_type(ist.predict(model, given), Predictions)
    assert_type(ist.segment(model, given), Segments)
    assert_type(ist.disentangle(model, given), Disentanglement)
    assert_type(ist.finetune(model, given), Tuned)
    assert_type(ist.directions(codes, given.y), Directions)
    assert_type(ist.territory(model, given), Territory)
    assert_type(ist.confusion(model, given, np.zeros((3, 2))), np.ndarray)
    assert_type(ist.compress(model, given, "a.isth"), Compressed)
    assert_type(ist.rate_distortion(model, given), Rates)
    ist.cluster(model, given, clusters=3)  # type: ignore[call-arg]
    ist.nearest("digits", given)  # type: ignore[arg-type]
    ist.nothing_of_this_name()  # type: ignore[attr-defined]
