import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.exceptions import NotFittedError

import isthmus as ist
from isthmus.store import KEY


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "model.safetensors"
    ist.PCA(3).fit(np.random.default_rng(0).random((30, 6))).save(path)
    return path


def header_of(path):
    with safe_open(path, "np") as file:
        return json.loads(file.metadata()[KEY])


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
    with pytest.raises(ValueError, match="upgrade isthmus"):
        ist.load_model(rewritten(saved, tmp_path / "future.safetensors", version=99))
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
