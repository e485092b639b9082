import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.exceptions import NotFittedError

import isthmus as ist
from isthmus.families import FAMILIES, name_of
from isthmus.fitted.packed import packed, unpacked
from isthmus.fitted.store import KEY, VERSION
from isthmus.fitted.tensor_files import CHECKSUM, SEALED
from isthmus.tensors import find_device

GOLDEN = Path(__file__).parent / "golden"
ROW, COLUMN = np.indices((3, 3))
GOLDEN_X = (37 * np.arange(24)[:, None, None] + 11 * ROW * COLUMN + 5 * ROW + 3 * COLUMN) % 256
"""The images that the golden models were fitted on."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "model.safetensors"
    ist.PCA(3).fit(np.random.default_rng(0).random((30, 6))).save(path)
    return path


def header_of(path):
    with safe_open(path, "np") as file:
        header = json.loads(file.metadata()[KEY])
    return {name: value for name, value in header.items() if name not in (CHECKSUM, SEALED)}


def rewritten(saved, path, **changes):
    with safe_open(saved, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, {KEY: json.dumps(header_of(saved) | changes)})
    return path


def test_file_is_one_safetensors_file_with_readable_header(saved):
    header = header_of(saved)
    assert header["family"] == "pca"
    assert header["parameters"]["n_components"] == 3
    assert header["learned"]["image_shape_"] == [6]


def test_unfitted_models_are_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        ist.PCA(3).save(tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def test_failed_save_leaves_nothing_and_keeps_the_old(saved, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(saved.read_bytes())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        ist.load_model(path).save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    assert path.read_bytes() == saved.read_bytes()


def test_missing_file():
    with pytest.raises(FileNotFoundError, match="there is no file nowhere"):
        ist.load_model("nowhere.safetensors")


def test_foreign_and_future_files(saved, tmp_path):
    save_file({"a": np.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match="not an isthmus model file"):
        ist.load_model(tmp_path / "foreign.safetensors")
    future = {"written_by": {"isthmus": "9.8"}}
    with pytest.raises(ValueError, match=r"reads up to 2: isthmus 9.8 wrote it, .*: upgrade isth"):
        ist.load_model(rewritten(saved, tmp_path / "future.safetensors", version=99, **future))
    with pytest.raises(ValueError, match=r"file version 99, .*: upgrade isthmus"):
        ist.load_model(
            rewritten(saved, tmp_path / "future.safetensors", version=99, written_by=None)
        )
    parameters = header_of(saved)["parameters"] | {"rotate": True}
    newer = rewritten(saved, tmp_path / "newer.safetensors", parameters=parameters, **future)
    with pytest.raises(ValueError, match=r"'rotate'; isthmus 9.8 wrote it, .*: upgrade isthmus"):
        ist.load_model(newer)
    huge = {"$array": [1e300], "type": "<i4", "shape": [1]}
    short = {"$array": [1], "type": "<i4", "shape": [7]}
    facts = ({"__class__": 3}, [1], {"a_": huge}, {"a_": short}, {"a_": {"$dict": [[[1], 2]]}})
    for odd in ({"version": "2"}, *({"learned": fact} for fact in facts)):
        with pytest.raises(ValueError, match=r"odd.safetensors"):
            ist.load_model(rewritten(saved, tmp_path / "odd.safetensors", **odd))
    with pytest.raises(ValueError, match=r"no family is called 'os\.system'"):
        ist.load_model(rewritten(saved, tmp_path / "evil.safetensors", family="os.system"))
    with pytest.raises(ValueError, match="does not hold together"):
        ist.load_model(rewritten(saved, tmp_path / "odd.safetensors", parameters={"k": 3}))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_files_are_one_clear_error_or_the_same_codes(saved, tmp_path_factory, data):
    original = saved.read_bytes()
    damaged = bytearray(original)
    if data.draw(st.booleans()):
        damaged = damaged[: data.draw(st.integers(0, len(original) - 1))]
    else:
        place = data.draw(st.integers(0, len(original) - 1))
        damaged[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "x.safetensors"
    path.write_bytes(bytes(damaged))
    try:
        model = ist.load_model(path)
    except ValueError as error:
        assert "x.safetensors" in str(error)  # noqa: PT017
    else:  # a flipped bit among the weights is still a file
        assert type(model) is ist.PCA


def lookalike(name, base):
    return type(name, (base,), {"__module__": "mine"})


@pytest.mark.parametrize("family", list(FAMILIES.values()))
def test_a_class_of_ones_own_is_not_saved_as_the_family_it_is_named_after(family, tmp_path):
    cls = getattr(ist, family)
    derived, named = lookalike(family, cls), lookalike(family, type(ist.PCA(2)).__mro__[1])
    assert name_of(cls) == name_of(cls()) == next(k for k, v in FAMILIES.items() if v == family)
    for own in (derived, lookalike(f"My{family}", cls), named):
        assert name_of(own) == f"mine:{own.__name__}"
    model = lookalike("PCA", ist.PCA)(2).fit(GOLDEN_X / 255)
    with pytest.raises(ValueError, match=r"mine:PCA is a class of your own"):
        model.save(tmp_path / "own.safetensors")
    assert not list(tmp_path.iterdir())


VALUES = [
    None, True, 3, 2.5, float("inf"), "word", "", (1, 2), (), [1, (2, 3)], ((1,), [2]),
    {"a": 1, "b": (2,)}, {0: 0.5, 1: 2.0}, {-1: "x", "y": None}, {"$tuple": 1}, {},
    {(0, 1): [2]}, np.float32(0.1), np.int64(3), np.bool_(True), np.str_("s"),
    Path("some/where.safetensors"), {np.int64(3): np.float64(0.25)},
    np.arange(6, dtype=np.float32).reshape(2, 3), np.array(["dark", "light"]),
    np.array(["a", 3, None], dtype=object), np.array([True, False]), np.zeros((0, 4)),
    np.arange(3, dtype=">i4"), np.array([[1 / 3]]), np.array(7), {"w": np.arange(2)},
    torch.arange(4.0).requires_grad_(),
]  # fmt: skip


def same(one, other):
    if isinstance(one, torch.Tensor):
        one = one.detach().numpy()
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert one.dtype.newbyteorder("=") == other.dtype
        assert one.shape == other.shape
        return bool((one == other).all())
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other and (isinstance(one, np.generic) or type(one) is type(other))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_in_a_header_come_back_equal(value):
    assert same(value, unpacked(json.loads(json.dumps(packed(value)))))


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (ist.KMeans(3, init=np.linspace(0, 1, 27, dtype=np.float32).reshape(3, 9)), None),
        (ist.KMeans(3, init=torch.linspace(0, 1, 27).reshape(3, 9)), None),
        (ist.SOM([2, 3], max_iter=2), None),
        (ist.Autoencoder(2, hidden=[4], epochs=1, checkpoint=None), None),
        (ist.Classifier(2, hidden=(4,), epochs=1, class_weight={0: 0.5, 1: 2}), "number"),
        (ist.Classifier(2, epochs=1, class_weight={"dark": 0.5, "light": 2}), "word"),
        (ist.Classifier(2, epochs=1, class_weight="balanced"), "object"),
        (ist.Classifier(2, epochs=1), "bool"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else value,
)
def test_parameters_and_classes_come_back_as_they_were(model, y, tmp_path):
    light = GOLDEN_X[:, 0, 0] > 127
    words = np.where(light, "light", "dark")
    labels = {"number": light.astype(int), "word": words, "object": words.astype(object)}
    model.fit(GOLDEN_X.astype(np.uint8), labels.get(y, light))
    model.feature_names_in_ = np.array(["a", "b"], dtype=object)
    model.save(tmp_path / "model.safetensors")
    back = ist.load_model(tmp_path / "model.safetensors")
    given, found = model.get_params(), back.get_params()
    assert list(given) == list(found)
    assert all(same(given[name], found[name]) for name in given if name != "random_state")
    assert same(model.feature_names_in_, back.feature_names_in_)
    if y:
        assert same(model.classes_, back.classes_)
        assert same(model.predict(GOLDEN_X), back.predict(GOLDEN_X))
    back.fit(GOLDEN_X.astype(np.uint8), labels.get(y, light))  # they are good parameters still


def test_a_model_opens_where_its_device_is_not(tmp_path):
    model = ist.Autoencoder(2, hidden=(4,), epochs=1).fit(GOLDEN_X / 255)
    codes = model.encode(GOLDEN_X / 255)
    for device in ("cuda:99", "nowhere"):
        model.device = device
        model.save(tmp_path / "model.safetensors")
        back = ist.load_model(tmp_path / "model.safetensors")
        assert back.device == str(find_device("auto"))
        np.testing.assert_allclose(back.encode(GOLDEN_X / 255), codes, rtol=1e-4, atol=1e-5)
    for device in ("auto", "cpu", torch.device("cpu")):
        model.device = device
        model.save(tmp_path / "model.safetensors")
        assert ist.load_model(tmp_path / "model.safetensors").device == str(device)
    assert ist.load_model(tmp_path / "model.safetensors", device="cpu").device == "cpu"
    with pytest.raises(ValueError, match="device='nowhere' cannot be used here"):
        ist.load_model(tmp_path / "model.safetensors", device="nowhere")


def test_the_header_says_what_wrote_it_when_and_from_what(tmp_path):
    images = ist.load_images("digits")
    ist.PCA(2).fit(images.train).save(tmp_path / "model.safetensors")
    header = header_of(tmp_path / "model.safetensors")
    assert header["version"] == VERSION
    assert header["source"] == "digits"
    assert datetime.fromisoformat(header["date"]).tzinfo == UTC
    assert header["written_by"] == {
        "isthmus": ist.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    back = ist.load_model(tmp_path / "model.safetensors")
    assert back.source_ == "digits"
    back.save(tmp_path / "again.safetensors")
    assert header_of(tmp_path / "again.safetensors")["source"] == "digits"


@pytest.mark.parametrize(
    "path",
    sorted(GOLDEN.glob("models-*/*.safetensors")),
    ids=lambda path: "/".join(path.parts[-2:]),
)
def test_files_of_every_version_load_for_ever(path, tmp_path):
    """Made by older versions: the codes of four images must be those noted then."""
    model = ist.load_model(path)
    images = GOLDEN_X[:4].astype(np.uint8)
    noted = np.array(json.loads((path.parent / "codes.json").read_text())[path.stem])
    np.testing.assert_allclose(model.encode(images), noted, rtol=1e-3, atol=1e-4)
    model.save(tmp_path / "today.safetensors")
    again = ist.load_model(tmp_path / "today.safetensors")
    np.testing.assert_array_equal(again.encode(images), model.encode(images))
    if path.stem == "classifier":
        assert same(np.array(["dark", "light"]), model.classes_)
        assert set(model.predict(images)) <= {"dark", "light"}
