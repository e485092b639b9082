"""Every family that decodes, as ONNX: an independent runtime gives torch's numbers."""

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import isthmus as ist
from isthmus.data.images import to_unit, with_channels
from isthmus.explorer import onnx as module
from isthmus.explorer.onnx import can_export, export, packed

onnxruntime = pytest.importorskip("onnxruntime")

SHORT = {"max_steps": 20, "random_state": 0}
CONV = SHORT | {"architecture": "conv", "channels": (8, 16), "hidden": (32,)}
MODELS = {
    "kmeans": lambda: ist.KMeans(20, random_state=0),
    "som": lambda: ist.SOM((4, 5), random_state=0),
    "pca": lambda: ist.PCA(10),
    "pca-whiten": lambda: ist.PCA(10, whiten=True),
    "nmf": lambda: ist.NMF(8, random_state=0),
    "autoencoder": lambda: ist.Autoencoder(6, hidden=(32,), **SHORT),
    "vae": lambda: ist.VAE(5, hidden=(32,), **SHORT),
    "gan": lambda: ist.GAN(7, generator=(32,), discriminator=(32,), encoder_epochs=1, **SHORT),
    "gan-conv": lambda: ist.GAN(7, architecture="conv", channels=(8,), encoder_epochs=1, **SHORT),
    "pixelnet": lambda: ist.PixelNet(4, channels=8, **SHORT),
    "classifier": lambda: ist.Classifier(6, **CONV),
}
LARGE = {
    "burgess": lambda: ist.VAE(10, architecture="burgess", max_steps=2, random_state=0),
    "deep": lambda: ist.VAE(10, architecture="deep", max_steps=2, random_state=0),
}


@pytest.fixture(scope="module", params=list(MODELS))
def model(request, images):
    return MODELS[request.param]().fit(images.train)


@functools.cache
def once(model, part):
    """What is packed is asked about by several tests."""
    return packed(model, part)


def ran(content, x):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return session.run(None, {given.name: x})[0]


def check_decode(model, codes):
    content = once(model, "decode")
    for n in (1, len(codes)):
        back = ran(content, codes[:n])
        assert back.shape == (n, *with_channels(model.image_shape_))
        assert back.dtype == np.float32
        truth = model.decode(codes[:n]).reshape(back.shape)
        assert truth.std() > 1e-3  # not the same grey everywhere
        np.testing.assert_allclose(back, truth, rtol=0, atol=1e-4)


def check_encode(model, images):
    content, x = once(model, "encode"), to_unit(np.asarray(images))
    for n in (1, len(x)):
        codes, truth = ran(content, x[:n]), model.encode(images[:n])
        assert codes.shape == truth.shape
        assert codes.dtype == (np.int32 if truth.ndim == 1 else np.float32)
        np.testing.assert_allclose(codes, truth, rtol=1e-4, atol=1e-4)


def test_onnx_decodes_as_torch(model, images):
    if not hasattr(model, "decode"):
        pytest.skip("it cannot decode")
    codes = model.encode(images.test)
    if codes.ndim == 2:  # also where no image was
        codes = codes + np.random.default_rng(0).normal(size=codes.shape).astype(np.float32)
    check_decode(model, codes.astype(np.int32 if codes.ndim == 1 else np.float32))


def test_onnx_encodes_as_torch(model, images):
    if model.encodes_by_search:
        with pytest.raises(ValueError, match="searches for a code"):
            packed(model, "encode")
    else:
        check_encode(model, images.test)


@pytest.mark.parametrize(("name", "part"), [("burgess", "encode"), ("deep", "decode")])
def test_named_architectures_in_colour(name, part):
    rng = np.random.default_rng(0)
    colour = ist.Images(rng.integers(0, 256, (40, 64, 64, 3), dtype=np.uint8))
    model = LARGE[name]().fit(colour)
    if part == "decode":
        check_decode(model, 3 * rng.normal(size=(5, 10)).astype(np.float32))
    else:
        check_encode(model, colour[:5])


def test_classes_are_predicted_as_by_torch(images):
    model = MODELS["classifier"]().fit(images.train)
    found = ran(packed(model, "predict"), to_unit(np.asarray(images.test)))
    np.testing.assert_allclose(found, model.predict_proba(images.test), atol=1e-5)
    assert not can_export(ist.PCA(2).fit(images), "predict")


def test_values_beyond_the_unit_range_and_vectors():
    x = np.random.default_rng(0).normal(5, 30, (60, 12))
    for model in (ist.VAE(3, hidden=(8,), **SHORT), ist.KMeans(4, random_state=0)):
        codes = model.fit(x).encode(x)
        back = ran(packed(model), codes.astype(np.int32 if codes.ndim == 1 else np.float32))
        np.testing.assert_allclose(back, model.decode(codes), rtol=1e-4, atol=1e-3)


def test_a_gan_that_descends_to_its_codes_has_no_encoder_to_export(images):
    model = MODELS["gan"]().fit(images.train)
    assert can_export(model, "encode")
    model.set_params(invert_steps=3)
    assert not can_export(model, "encode")


def test_the_file_says_what_it_is(model, images, tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    monkeypatch.setattr(module, "packed", once)
    part = "decode" if hasattr(model, "decode") else "encode"
    export(model, tmp_path / "model.onnx", part)
    proto = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    facts = json.loads({entry.key: entry.value for entry in proto.metadata_props}["isthmus"])
    assert (facts["part"], facts["image_shape"]) == (part, [8, 8, 1])
    assert facts["code"] == model.code_
    assert proto.opset_import[0].version <= 18
    here = str(Path(ist.__file__).parent).encode()
    assert here not in (tmp_path / "model.onnx").read_bytes()  # nor anything else of this machine


def test_without_onnx_one_sentence_says_what_to_install(images, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'isthmus\[onnx\]'"):
        packed(ist.PCA(2).fit(images))


def test_command(run, images, tmp_path):
    ist.PCA(4).fit(images.train).save(tmp_path / "pca.safetensors")
    code, out, err = run("export", "pca.safetensors", "-o", "pca.onnx")
    assert (code, err) == (0, "")
    assert "codes (m, 4) to images (m, 8, 8, 1)" in out
    codes = ist.load_model(tmp_path / "pca.safetensors").encode(images.test)
    assert ran((tmp_path / "pca.onnx").read_bytes(), codes).shape == (359, 8, 8, 1)
    code, _, err = run("export", "pca.safetensors", "-o", "pca.onnx")
    assert code == 2
    assert "--force" in err
    assert (
        run("export", "pca.safetensors", "-o", "pca.onnx", "--part", "encode", "--force")[0] == 0
    )
    for wrong, words in (("--part=sing", "must be one of"), ("--part=predict", "cannot predict")):
        code, _, err = run("export", "pca.safetensors", "-o", "other.onnx", wrong)
        assert code == 2
        assert words in err
        assert len(err.splitlines()) == 1
    code, _, err = run("export", "pca.safetensors", "-o", "other.bin")
    assert (code, "must end in .onnx" in err) == (2, True)


def test_python_writes_the_file_of_the_command(run, images, tmp_path):
    model = ist.PCA(3).fit(images.train)
    model.save(tmp_path / "pca.safetensors")
    assert run("export", "pca.safetensors", "-o", "a.onnx", "--part", "encode")[0] == 0
    assert ist.export(model, tmp_path / "b.onnx", part="encode") == tmp_path / "b.onnx"
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    with pytest.raises(FileExistsError):
        ist.export(tmp_path / "pca.safetensors", tmp_path / "b.onnx")
    with pytest.raises(ValueError, match=r"must end in .onnx"):
        ist.export(model, tmp_path / "b.pt")
