"""Studies read back from their folders have what they had."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isthmus as ist

GOLDEN = Path(__file__).parent / "golden" / "0.1" / "study"


@pytest.fixture(scope="module")
def images():
    digits = ist.load_images("digits")[:200]
    return ist.Images(digits.data, y=digits.y, source="a part of the digits")


@pytest.fixture(scope="module")
def made(images):
    return ist.study(images, models=["kmeans", "pca"], width=4)


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "mine"
    made.report(path)
    return path


def test_a_study_read_back_is_the_one_that_was_written(made, folder, images):
    found = ist.load_study(folder, images)
    assert repr(found) == repr(made) == "Study(a part of the digits, 2 models: kmeans, pca)"
    assert found.table() == made.table()
    for name in ("scores", "notes", "plan", "left_out", "unsaved", "random_state", "mapped"):
        assert getattr(found, name) == getattr(made, name), name
    assert found.options == made.options
    assert found.options["width"] == 4
    np.testing.assert_array_equal(found.images.is_test, made.images.is_test)
    for name, model in made.models.items():
        np.testing.assert_array_equal(
            found.models[name].encode(images), model.encode(images), name
        )


def test_its_report_is_made_again(made, folder, images, tmp_path):
    def undated(path):
        return re.sub(r"\d+ \w+ 20\d\d with isthmus", "", path.read_text())

    page = ist.load_study(folder, images).report(tmp_path / "again")
    assert undated(page) == undated(folder / "report.html")
    for name in ("scores.json", "scores.csv"):
        assert (tmp_path / "again" / name).read_text() == (folder / name).read_text()
    again = ist.load_study(tmp_path / "again", images)
    again.report(tmp_path / "again", force=True)  # in its own place
    assert undated(page) == undated(folder / "report.html")


def test_only_what_is_asked_for_is_read(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "mine")
    (tmp_path / "mine" / "models" / "kmeans.safetensors").write_bytes(b"")
    found = ist.load_study(tmp_path / "mine")
    assert len(found.table()) == len(found.scores) == 2
    assert found.models["pca"].n_components_ == 4
    with pytest.raises(ValueError, match="kmeans"):
        _ = found.models["kmeans"]
    with pytest.raises(ValueError, match=r"cannot be read again .* give them"):
        _ = found.images


def test_other_images_are_refused(folder, images):
    with pytest.raises(ValueError, match=r"shape \(150, 8, 8, 1\).*give its images"):
        _ = ist.load_study(folder, images[:150]).images


def test_a_source_is_read_as_the_study_read_it(folder, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "many.npy", rng.integers(0, 256, (24, 10, 12), dtype=np.uint8))
    source = str(tmp_path / "many.npy")
    made = ist.study(source, models=[ist.PCA(2)], size=(6, 8), resize="stretch", random_state=3)
    made.report(tmp_path / "mine")
    found = ist.load_study(tmp_path / "mine")
    np.testing.assert_array_equal(found.images, made.images)
    np.testing.assert_array_equal(found.images.is_test, made.images.is_test)
    again = ist.load_study(tmp_path / "mine", made.images)
    np.testing.assert_array_equal(again.images, made.images)


@pytest.fixture
def pictures(tmp_path):
    rng, found = np.random.default_rng(0), []
    for i in range(12):
        found.append(Image.fromarray(rng.integers(0, 256, (9, 80), dtype=np.uint8)))
        found[-1].save(tmp_path / f"{i}.png")
    return found


@pytest.mark.parametrize("source", ["?.png", ["7.png", "3.png", "9.png", "1.png", "0.png"]])
def test_files_one_by_one_are_read_again_as_they_were_given(source, pictures, tmp_path):
    many = isinstance(source, list)
    source = [tmp_path / name for name in source] if many else tmp_path / source
    made = ist.study(source, models=[ist.PCA(2)], folder=tmp_path / "mine")
    assert made.images.shape == (5 if many else 10, 7, 64, 1)
    found = ist.load_study(tmp_path / "mine").images
    np.testing.assert_array_equal(found, made.images)
    assert found.names.tolist() == made.images.names.tolist()


def test_a_command_studies_files_one_by_one(pictures, run, tmp_path):
    files = [f"{i}.png" for i in (7, 3, 9, 1, 0)]
    code, _, err = run("study", *files, "--models", "pca", "--width", 2, "--max-steps", 1)
    assert code == 0, err
    found = ist.load_study(Path("runs") / tmp_path.name)
    assert found.images.names.tolist() == files


def test_pictures_in_memory_are_reduced_as_files_are(pictures):
    made = ist.study(pictures, models=[ist.PCA(2)])
    assert made.images.shape[1:] == (7, 64, 1)
    assert any("were reduced" in note for note in made.notes)


def test_the_folder_of_an_earlier_version_is_read(tmp_path):
    found = ist.load_study(GOLDEN)
    record = json.loads((GOLDEN / "scores.json").read_text())
    assert list(found.models) == [row["model"] for row in record["scores"]]
    assert (len(found.train), len(found.images.test)) == (record["train"], record["test"])
    error = -found.models["pca"].score(found.images.test)
    assert error == pytest.approx(found.table()[1]["mse"], rel=1e-3)
    page = found.report(tmp_path / "again")
    assert "Autoencoder" in page.read_text()


def test_what_is_no_study_is_said(tmp_path):
    with pytest.raises(ValueError, match="not the folder of a study"):
        ist.load_study(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "scores.json").write_text("{}")
    with pytest.raises(ValueError, match="damaged"):
        ist.load_study(tmp_path)


def test_the_command_makes_a_report_again(run, folder, images, tmp_path):
    shutil.copytree(folder, tmp_path / "mine")
    (tmp_path / "mine" / "report.html").unlink()
    code, _, err = run("report", "mine")
    assert (code, "cannot be read again" in err) == (2, True)
    np.savez(tmp_path / "again.npz", images=images.data, labels=images.y)
    assert run("report", "mine", "again.npz")[0] == 0
    assert (tmp_path / "mine" / "report.html").stat().st_size > 10_000
    assert run("report", "mine", "again.npz", "-o", "other", "--json")[0] == 0
    assert (tmp_path / "other" / "models" / "pca.safetensors").is_file()
