"""A code may be a grid of vectors: every verb works on it, or says in one line why it cannot."""

from dataclasses import dataclass

import numpy as np
import pytest
from torch import nn

import isthmus as ist
from isthmus.explorer.api import Verbs
from isthmus.explorer.manifest import View
from isthmus.explorer.onnx import code_shape, export
from isthmus.latent.codes import code_of, codes_of, features, vectors
from isthmus.verbs.cluster import cluster
from isthmus.verbs.denoise import denoise
from isthmus.verbs.layouts import Map
from isthmus.verbs.novelty import novelty

pytestmark = pytest.mark.usefixtures("forgotten")

K = 3
GRID = (2, 2, K)


@dataclass(kw_only=True, eq=False, repr=False)
class Patches(ist.NeuralRepresentation):
    """A convolving autoencoder whose code is not flattened: k numbers for every 4 x 4 pixels.

    Parameters
    ----------
    channels : int or None
        How many.
    """

    channels: int | None = None
    max_steps: int | None = 300
    learning_rate: float = 1e-2

    width, default_width = "channels", K

    @property
    def code_shape_(self):
        """The shape of the code of one image."""
        return (self.image_shape_[0] // 4, self.image_shape_[1] // 4, self.channels_)

    def networks(self):
        """Return a network there, and one back."""
        there = nn.Conv2d(1, 8, 2, 2), nn.ReLU(), nn.Conv2d(8, self.channels_, 2, 2)
        back = nn.ConvTranspose2d(self.channels_, 8, 2, 2), nn.ReLU()
        back = *back, nn.ConvTranspose2d(8, 1, 2, 2), nn.Sigmoid()
        return {"encoder_": nn.Sequential(*there), "decoder_": nn.Sequential(*back)}

    def losses(self, x, rng, targets=None):
        """Yield the squared error."""
        loss = (self._decode(self._encode(x)) - x).square().mean()
        yield "model", loss, {"loss": loss}

    def _encode(self, x):
        return self.encoder_(x.unflatten(1, (1, *self.image_shape_[:2]))).permute(0, 2, 3, 1)

    def _decode(self, z):
        return self.decoder_(z.permute(0, 3, 1, 2)).flatten(1)


@pytest.fixture(scope="module")
def model(images):
    return Patches(random_state=0).fit(images.train)


def test_the_contract_tells_a_grid(model):
    assert (model.code_shape_, model.code_kind_, model.code_width_) == (GRID, "grid", 12)
    assert model.code_ == "2 x 2 x 3 numbers"
    assert [model.can(verb) for verb in ("encode", "decode", "sample")] == [True, True, False]


def test_codes_are_grids_and_flat_where_vectors_are_needed(model, images):
    test = images.test[:20]
    codes = model.encode(test)
    assert codes.shape == (20, *GRID)
    flat = codes.reshape(20, -1)
    for found in (model.transform(test), features(model, test), vectors(model, test)):
        np.testing.assert_array_equal(found, flat)
    for given in (test, codes, flat):
        np.testing.assert_allclose(codes_of(model, given), flat, rtol=1e-5)
    for given in (test[0], codes[0], flat[0]):
        np.testing.assert_allclose(code_of(model, given), flat[0], rtol=1e-5)
    np.testing.assert_array_equal(model.decode(codes), model.decode(flat))
    with pytest.raises(ValueError, match="codes of 2 x 2 x 3 numbers"):
        model.decode(np.zeros((4, 3)))


def test_images_come_back_through_the_grid(model, images):
    mean = np.mean((np.asarray(images.test) / 255 - np.asarray(images.train).mean(0) / 255) ** 2)
    assert -model.score(images.test) < 0.5 * mean
    assert ist.reconstruct(model, images.test).shape == images.test.shape


def test_a_grid_is_walked_through(model, images):
    a, b = images.test[0], images.test[1]
    way = ist.morph(model, a, b, 5)
    np.testing.assert_allclose(way[[0, -1]], ist.reconstruct(model, images.test[:2]), atol=1e-6)
    assert ist.traverse(model, a, dims=4, steps=3, among=images.test).shape == (4, 3, 8, 8, 1)
    known = np.select([images.train.y == 3, images.train.y == 8], [0, 1], -1)
    way = ist.directions(codes_of(model, images.train), known).mean
    assert ist.edit(model, images.test[:5], way, [0, 1]).shape == (5, 2, 8, 8, 1)
    for sampler in ("gaussian", "mixture"):
        assert ist.generate(model, 3, images.train, sampler).shape == (3, 8, 8, 1)


def test_a_grid_is_judged(model, images):
    found = ist.nearest(model, images.test[:30], images.train, k=1)
    assert (images.train.y[found.rows[:, 0]] == images.test.y[:30]).mean() > 0.7
    assert ist.probe(model, images, 300, kinds=["linear"]).accuracies["linear"].accuracy > 0.6
    assert cluster(model, images.test, random_state=0).scores["accuracy"] > 0.3
    laid = Map.of(model, images.test.evenly(60), method="pca")
    assert laid.points.shape == (60, 2)
    assert laid.place(model, images.test[:4]).shape == (4, 2)
    for by in ("error", "distance", "neighbours"):
        assert np.ptp(novelty(model, images.test[:50], by=by).scores) > 0
    assert ist.territory(model, images.test[:40], resolution=4).owners.shape == (4, 4)
    assert np.shape(denoise(model, images.test[:4])) == (4, 8, 8, 1)


@pytest.mark.parametrize("how", [{}, {"quality": 12.0}, {"rate": 12.0}, {"lossless": True}])
def test_a_grid_is_compressed(model, images, how, tmp_path):
    some = images.test[:60]
    found = ist.compress(model, some, tmp_path / "a.isth", **how)
    back = ist.decompress(tmp_path / "a.isth", model)
    if how.get("lossless"):
        np.testing.assert_array_equal(back, np.asarray(some))
    else:
        error = np.mean((back - np.asarray(some) / 255) ** 2)
        assert found.psnr == pytest.approx(-10 * np.log10(error), abs=1e-4)


def test_rate_and_distortion_of_a_grid(model, images):
    points = ist.rate_distortion({"patches": model}, images.test[:50], (), points=3)
    sizes = [point.bytes_per_image for point in points]
    assert len(sizes) == 3
    assert sizes[0] > sizes[-1]


def test_a_grid_is_studied(model, images):
    fresh = {"patches": Patches(random_state=0, max_steps=20)}
    found = ist.study(images[:400], fresh)
    (score,) = found.scores
    assert score["numbers"] == 12
    assert score["bits_per_image"] > 0
    assert score["rate"]
    assert not [note for note in found.notes if "patches" in note]


def test_a_grid_is_explored_as_a_vector(model, images, tmp_path):
    named = ist.register("patches")(Patches)
    assert named is Patches
    verbs = Verbs(View({"patches": model}, images.test[:30], cache=tmp_path))
    flat = codes_of(model, images.test[:30])
    shown = verbs.view.model_data["patches"]
    assert (shown.code, shown.width) == ("vector", 12)
    np.testing.assert_allclose(shown.codes, flat, atol=1e-6)
    pixels = np.ascontiguousarray(images.test[:2])
    np.testing.assert_allclose(
        verbs.answer("encode", {"model": "patches"}, pixels.tobytes()), flat[:2], atol=1e-6
    )
    back = verbs.answer("decode", {"model": "patches"}, flat[:2].astype("<f4").tobytes())
    assert back.shape == (2, 8, 8, 1)
    assert code_shape(model) == (12,)


@pytest.mark.parametrize("part", ["decode", "encode"])
def test_a_grid_is_exported_flat(model, images, part, tmp_path):
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    ist.register("patches")(Patches)
    export(model, tmp_path / "a.onnx", part)
    session = ort.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    x, flat = np.asarray(images.test[:5]) / np.float32(255), codes_of(model, images.test[:5])
    given, known = (flat, model.decode(flat)) if part == "decode" else (x, flat)
    (found,) = session.run(None, {session.get_inputs()[0].name: given.astype(np.float32)})
    np.testing.assert_allclose(found, known, atol=1e-5)


def test_what_a_grid_cannot_is_said_in_one_line(model, images):
    for verb, words in (
        (lambda: ist.segment(model, images.test[:2]), "whole images"),
        (lambda: ist.finetune(model, images, 30), "no encoder network"),
        (lambda: novelty(model, images.test, by="likelihood"), "has no 'likelihood'"),
        (lambda: ist.generate(model, 2, sampler="prior"), "no prior"),
        (lambda: Map.of(model, images.test, method="grid"), "has no grid"),
    ):
        with pytest.raises(ValueError, match=words) as error:
            verb()
        assert "\n" not in str(error.value)


def test_a_grid_is_saved(model, images, tmp_path):
    model.save(tmp_path / "a.safetensors")
    back = ist.load_model(tmp_path / "a.safetensors", allow=(__name__,))
    assert back.code_shape_ == GRID
    np.testing.assert_array_equal(back.encode(images.test), model.encode(images.test))
