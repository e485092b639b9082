"""Files of an earlier version load and give the numbers they gave; see golden_files.py."""

import json
from pathlib import Path

import numpy as np
import pytest

import golden_files as files
import isthmus as ist

GOLDEN = Path(__file__).parent / "golden" / "0.1"
NOTED = json.loads((GOLDEN / "commands.json").read_text())
SHARE = 1e-4
"""Of the range of values: how far processors and fast paths may differ."""
TRAINED = ("study", "fit", "finetune", "probe", "denoise", "territory", "rd")
"""Commands that learn, or count what is right: a hundredth is allowed there."""


@pytest.fixture(scope="module")
def expected():
    with np.load(GOLDEN / "expected.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def images():
    return files.digits()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return files.prepared(GOLDEN, tmp_path_factory.mktemp("golden"))


def check(now, then, name=""):
    """Whole numbers are equal, others as near as two processors are."""
    now = np.asarray(now)
    assert now.shape == then.shape, name
    if then.dtype.kind in "iub":
        np.testing.assert_array_equal(now, then, name)
    else:
        np.testing.assert_allclose(
            now, then, atol=SHARE * max(1.0, np.ptp(then)), rtol=0, err_msg=name
        )


def model(name):
    return ist.load_model(GOLDEN / "models" / f"{name}.safetensors", device="cpu")


@pytest.mark.parametrize("name", files.MODELS)
def test_a_model_gives_its_numbers(name, expected, images):
    found = files.numbers_of(name, model(name), images)
    then = {key: values for key, values in expected.items() if key.startswith(f"{name}/")}
    assert found.keys() >= then.keys()
    for key, values in then.items():
        check(found[key], values, key)


@pytest.mark.parametrize("name", files.ARCHIVES)
def test_a_compressed_file_comes_back(name, expected, images):
    path, (family, options) = GOLDEN / "archives" / f"{name}.isth", files.ARCHIVES[name]
    back = ist.decompress(path, None if "embed" in options else model(family))
    check(back, expected[f"archives/{name}"])
    if "lossless" in options:
        np.testing.assert_array_equal(back, np.asarray(images[: files.ARCHIVED]))


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_has_its_points_and_takes_new_images(method, expected, images):
    found = ist.Map.load(GOLDEN / "maps" / f"{method}.npz")
    np.testing.assert_array_equal(found.points, expected[f"maps/{method}"])
    placed = found.place(model("pca"), images[60:80])
    if method == "pca":
        check(placed, expected["maps/placed"])
    low, high = found.points.min(0), found.points.max(0)
    assert (placed > low - (high - low)).all()
    assert (placed < high + (high - low)).all()


@pytest.mark.parametrize("name", files.COMMANDS)
def test_a_command_says_what_it_said(name, place, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(place / "cache"))
    found = files.said(files.COMMANDS[name], place)
    near = 0.01 if name.split()[0] in TRAINED else SHARE
    assert not list(files.differences(found, NOTED[name], near, near))
    if name == "explore":
        check_export(place / "explorer" / "data")


def check_export(folder):
    """A page that knows the older export knows this one."""
    now, then = (
        json.loads((path / "manifest.json").read_text()) for path in (folder, GOLDEN / "explorer")
    )
    assert not list(files.differences(now, then, SHARE, SHARE))
    found = files.export_numbers(folder)
    for name, values in files.export_numbers(GOLDEN / "explorer").items():
        check(found[name], values, name)


def test_networks_of_an_export_decode_its_codes(images):
    onnxruntime = pytest.importorskip("onnxruntime")
    folder = GOLDEN / "explorer"
    known = ist.load_model(GOLDEN / "study" / "models" / "autoencoder.safetensors", device="cpu")
    (entry,) = (
        each
        for each in json.loads((folder / "manifest.json").read_text())["models"]
        if each["name"] == "autoencoder"
    )
    codes = np.fromfile(folder / entry["codes"], "<f4").reshape(-1, entry["width"])
    session = onnxruntime.InferenceSession(folder / entry["onnx"]["decode"])
    check(session.run(None, {"codes": codes})[0], known.decode(codes))


def test_the_folder_of_a_study_opens():
    from isthmus.explorer.inputs import inputs_of

    found = inputs_of(GOLDEN / "study")
    record = json.loads((GOLDEN / "study" / "scores.json").read_text())
    assert list(found.models) == [row["model"] for row in record["scores"]]
    for row in record["scores"]:
        error = -found.models[row["model"]].score(found.images.test)
        assert error == pytest.approx(row["mse"], rel=1e-3)
        assert found.scores[row["model"]]["mse"] == row["mse"]


def test_differences_are_found():
    then = {"a": [1.0, {"name": "x", "of": 2}], "words": "so it was"}
    same = {"a": [1.0, {"name": "x", "of": 2, "new": "y"}], "words": "put better", "b": 3}
    assert not list(files.differences(same, then, 0, 0))
    for other in ({"a": then["a"]}, then | {"a": [1.1, then["a"][1]]}, then | {"words": 3}):
        assert len(list(files.differences(other, then, 0.01, 0.01))) == 1
    rows, more = (
        [{"model": "a", "n": 1}],
        [{"model": "b", "n": 2}, {"new": "c", "model": "a", "n": 1}],
    )
    assert not list(files.differences(more, rows, 0, 0))
    assert list(files.differences(more[:1], rows, 0, 0))
