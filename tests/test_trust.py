"""Files from strangers: checksums, schemas, limits; and errors that nobody foresaw."""

import contextlib

import numpy as np
import pytest

import isthmus as ist
from isthmus.fitted.tensor_files import CHECKSUM, SEALED
from isthmus.system import schema


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


def flipped(content, count, seed=0):
    """Yield copies of bytes, in each of which one bit is another, and one byte missing."""
    rng = np.random.default_rng(seed)
    for at in rng.integers(len(content), size=count).tolist():
        changed = bytearray(content)
        changed[at] ^= 1 << int(rng.integers(8))
        yield bytes(changed)
        yield content[:at] + content[at + 1 :]


def every_flip_is_noticed(path, read, count=150):
    content = path.read_bytes()
    read(path)
    for changed in flipped(content, count):
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"damaged|not a file|version"):
            read(path)
    path.write_bytes(content)


def test_flipped_bits_of_a_model_are_noticed(tmp_path, digits):
    path = tmp_path / "pca.safetensors"
    ist.PCA(3).fit(digits[:100]).save(path)
    every_flip_is_noticed(path, ist.load_model)
    first = path.read_bytes()
    ist.load_model(path).save(path)
    assert len(path.read_bytes()) == len(first)


@pytest.mark.parametrize("key", [CHECKSUM, SEALED])
def test_a_checksum_cannot_be_left_out(tmp_path, digits, key):
    path = tmp_path / "pca.safetensors"
    ist.PCA(3).fit(digits[:100]).save(path)
    path.write_bytes(path.read_bytes().replace(key.encode(), key.upper().encode()))
    with pytest.raises(ValueError, match="checksum"):
        ist.load_model(path)


def test_flipped_bits_of_a_checkpoint_are_noticed(tmp_path, digits):
    from isthmus.training import checkpoints

    path = tmp_path / "fit.safetensors"
    given = {"hidden": (4,), "epochs": 1, "random_state": 0, "checkpoint": str(path)}
    model = ist.Autoencoder(2, **given).fit(digits[:60])
    assert model.history_["epoch"] == [1]
    every_flip_is_noticed(path, lambda p: checkpoints.read_tensors(p, checkpoints.KEY), 100)


def test_an_error_that_nobody_foresaw_is_one_line(run, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise KeyError("no such\nthing")

    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("isthmus.families.loadable", fails)
    code, out, err = run("models")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("isthmus: this is a fault of isthmus, KeyError: no such thing; ")
    report = next(tmp_path.glob("cache/errors/*.txt"))
    assert str(report) in err
    assert "report it" in err
    text = report.read_text()
    assert "command: isthmus models" in text
    assert "in fails" in text


def test_schemas_say_what_is_wrong():
    fields = {"a": schema.positive, "b?": schema.rows(schema.maybe(schema.text), 2)}
    assert schema.read_json('{"a": 1, "c": 2}', fields) == {"a": 1, "c": 2}
    for content, words in {
        "[1]": "an object was expected",
        "{}": "'a' is missing",
        '{"a": true}': "'a' is True, expected positive",
        '{"a": 1, "b": ["x"]}': "expected a list of 2 text or null",
        "[" * 100_000: "too deep",
    }.items():
        with pytest.raises(ValueError, match=words):
            schema.read_json(content, fields)


def test_flipped_bits_of_a_map_are_noticed(tmp_path, digits):
    path = tmp_path / "map.npz"
    labelled = ist.Map.of(ist.PCA(4).fit(digits[:60]), digits[:60], method="pca")
    labelled.save(path)
    every_flip_is_noticed(path, ist.Map.load, 100)
    assert ist.Map.load(path).classes == labelled.classes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": np.zeros((60, 4), np.float32)}, "4 columns|by 'pca'"),
        ({"mean": np.array(7.0)}, "mean is"),
        ({"axes": np.zeros((2, 9))}, "axes is of shape"),
        ({"y": np.full(60, 99)}, "labels from"),
        ({"method": np.array("magic")}, "magic"),
        ({"random_state": np.array(-1)}, "random_state"),
        ({"more": np.array(1)}, "holds no 'more'"),
    ],
)
def test_maps_that_do_not_hold_together(tmp_path, digits, change, words):
    path = tmp_path / "map.npz"
    ist.Map.of(ist.PCA(4).fit(digits[:60]), digits[:60], method="pca").save(path)
    with np.load(path) as file:
        held = dict(file)
    np.savez(path, **held | change)
    with pytest.raises(ValueError, match=words):
        ist.Map.load(path)


def forged(path, change):
    """Write a model anew, with other things in its header, or other tensors."""
    from isthmus.fitted.store import KEY
    from isthmus.fitted.tensor_files import read_tensors, write_tensors

    tensors, header = read_tensors(path, KEY)
    change(tensors, header)
    write_tensors(path, tensors, KEY, header)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, h: h["learned"].update(encode_=1), "'encode_' is not the name"),
        (lambda t, h: h["learned"].update(image_shape_=[10**9, 10**9, 1]), "have no 64 values"),
        (lambda t, h: h["learned"].update(latent_dim_=10**9), "other layers|of shape"),
        (lambda t, h: h["learned"].update(output_="magic"), "output_ is 'magic'"),
        (lambda t, h: h["learned"].pop("scale_"), "scale_ is missing"),
        (lambda t, h: h["parameters"].update(hidden={"$tuple": [10**9]}), "other layers"),
        (lambda t, h: h["parameters"].update(hidden={"$tuple": [1] * 5000}), "5,000 values"),
        (lambda t, h: h["parameters"].update(activation="magic"), "activation is 'magic'"),
        (lambda t, h: h["parameters"].update(batch_size="8"), "batch_size is '8'"),
        (lambda t, h: t.update({"kl_": t["code_mean_"].clone()}), "'kl_' is not the name"),
        (
            lambda t, h: t.update({"other_/w": t["code_mean_"].clone()}),
            "other_ is none of its networks",
        ),
        (lambda t, h: t.update(code_mean_=t["code_mean_"][:1]), "code_mean_ is of shape"),
        (lambda t, h: t["code_mean_"].fill_(float("nan")), "code_mean_ is not finite"),
    ],
)
def test_models_that_do_not_hold_together(tmp_path, digits, change, words):
    path = tmp_path / "model.safetensors"
    ist.Autoencoder(2, hidden=(4,), max_steps=1, random_state=0).fit(digits[:60]).save(path)
    forged(path, change)
    with pytest.raises(ValueError, match=words):
        ist.load_model(path)


@pytest.mark.parametrize("family", ["KMeans", "PCA", "NMF", "SOM", "Autoencoder", "PixelNet"])
@pytest.mark.parametrize("shape", [(9, 0, 6, 1), (9, 6, 6, 0)])
def test_images_without_pixels_are_refused(family, shape):
    with pytest.raises(ValueError, match="at least one value"):
        getattr(ist, family)(2).fit(np.zeros(shape, np.float32))


@pytest.mark.parametrize("given", [{"solver": "randomized"}, {"solver": "covariance"}])
def test_numbers_beyond_their_squares_are_refused(given):
    large = 1e300 * np.random.default_rng(0).random((9, 4, 4, 1))
    with pytest.raises(ValueError, match="too large"):
        ist.PCA(2, random_state=0, **given).fit(large)


def test_images_in_all_threads_share_their_memory(tmp_path, monkeypatch):
    from PIL import Image

    from isthmus.data import folder
    from isthmus.system.shares import Shares

    class Watched(Shares):
        highest = 0

        @contextlib.contextmanager
        def of(self, n):
            with super().of(n):
                Watched.highest = max(Watched.highest, self.taken)
                yield

    side, each = 40, 12 * 40 * 40
    monkeypatch.setattr(folder, "DECODING", Watched(2 * each))
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 4), dtype=np.uint8)
    for row in range(9):
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
    images = ist.load_images(tmp_path, size=8)
    assert len(images) == 9
    assert (images.data == images.data[0]).all()
    assert each <= Watched.highest <= 2 * each


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_over_white_in_parts(monkeypatch, mode):
    from PIL import Image

    from isthmus.data import opaque

    pixels = np.random.default_rng(0).integers(0, 255, (9, 7, 4), dtype=np.uint8)
    image = (
        Image.fromarray(pixels).convert(mode)
        if mode != "P"
        else Image.fromarray(pixels).quantize(9)
    )
    whole = opaque.over_white(image, "RGB")
    monkeypatch.setattr(opaque, "PART", 14)
    parts = opaque.over_white(image, "RGB")
    assert np.array_equal(whole[0], parts[0])
    assert whole[1] == parts[1]


def test_hdf5_data_in_other_files_is_not_read(tmp_path):
    h5py = pytest.importorskip("h5py")
    pixels = np.arange(12 * 8 * 9, dtype=np.uint8).reshape(12, 8, 9)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = pixels
    (tmp_path / "secret").write_bytes(pixels.tobytes())
    for name, where in {"own.h5": ".", "theirs.h5": "other.h5"}.items():
        layout = h5py.VirtualLayout(pixels.shape, "u1")
        layout[:] = h5py.VirtualSource(where, "inside" if where == "." else "x", pixels.shape)
        with h5py.File(tmp_path / name, "w") as file:
            file["inside" if where == "." else "y"] = pixels if where == "." else np.arange(12)
            file.create_virtual_dataset("z", layout)
    assert len(ist.load_images(f"{tmp_path / 'own.h5'}:z")) == 12
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        given = [(str(tmp_path / "secret"), 0, pixels.size)]
        file.create_dataset("z", pixels.shape, "u1", external=given)
    for name in ("theirs.h5", "secret.h5"):
        with pytest.raises(ValueError, match=r"holds no|no array"):
            ist.load_images(f"{tmp_path / name}:z")
