import csv
import json

import numpy as np
import pytest

import isthmus as ist
from isthmus.families import every_name, named
from isthmus.neural import NeuralRepresentation
from isthmus.studies.outcome import Study
from isthmus.system.memory import PeakMemory

QUICK = ["kmeans", "pca"]


def some(n):
    return ist.load_images("digits").evenly(n)


@pytest.fixture(scope="module")
def result():
    """A study of every family and variant, of so many steps rather than so much time."""
    images = some(400)
    models = {}
    for name in every_name():
        family, parameters = named(name)
        if issubclass(family, NeuralRepresentation):
            parameters = {**parameters, "max_steps": 25}
        if name.startswith("gan"):
            parameters = {**parameters, "encoder_epochs": 2}
        models[name] = family.for_study(images.train, random_state=0, **parameters)
    return ist.study(images, models)


@pytest.fixture(scope="module")
def quick():
    return ist.study(some(200), QUICK)


def test_every_family_is_fitted_and_measured(result):
    assert list(result.models) == every_name() == [record["model"] for record in result.scores]
    for record in result.scores:
        assert 0.15 < record["knn_accuracy"] <= 1
        assert 0.15 < record["svm_accuracy"] <= 1
        assert 0.15 < record["cluster_accuracy"] <= 1
        assert record["seconds"] > 0
    able = [r for r in result.scores if hasattr(result.models[r["model"]], "decode")]
    assert len(able) == len(result.scores) - 2  # the classifier and its variant
    for record in able:
        assert 0 < record["mse"] < 0.25  # networks have 25 steps here
        assert 6 < record["psnr"] < 60
        assert 0 < record["ssim"] < 1
        assert record["model"] == "pixelnet" or record["bits_per_image"] > 1


def test_scores_are_measured_on_held_out_images(result):
    test = np.asarray(result.images.test) / 255
    for record in result.scores:
        if record["mse"] is None:
            continue
        back = ist.reconstruct(result.models[record["model"]], result.images.test)
        assert record["mse"] == pytest.approx(((back - test) ** 2).mean(), rel=1e-4)
        assert record["psnr"] == pytest.approx(-10 * np.log10(record["mse"]), rel=1e-4)


def test_report_folder(result, tmp_path):
    report = result.report(tmp_path / "run")
    folder = report.parent
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "scores.json", "scores.csv", "each.safetensors", "models", ".isthmus"
    }  # fmt: skip
    record = json.loads((folder / "scores.json").read_text())
    assert record["test"] == len(result.images.test)
    assert [row["model"] for row in record["scores"]] == every_name()
    rows = list(csv.DictReader((folder / "scores.csv").open()))
    assert float(rows[0]["mse"]) == record["scores"][0]["mse"]
    for name, model in result.models.items():
        back = ist.load_model(folder / "models" / f"{name}.safetensors")
        np.testing.assert_array_equal(
            back.encode(result.images.test), model.encode(result.images.test)
        )


def test_existing_folders_are_safe(quick, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="did not write"):
        quick.report(tmp_path / "mine")
    with pytest.raises(FileExistsError, match="did not write"):
        quick.report(tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    quick.report(tmp_path / "run")
    with pytest.raises(FileExistsError, match="--force"):
        quick.report(tmp_path / "run")
    assert quick.report(tmp_path / "run", force=True).is_file()


def test_failed_report_leaves_nothing(result, tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isthmus.studies.report.write_report", broken)
    with pytest.raises(OSError, match="No space"):
        result.report(tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_vectors_without_labels(tmp_path):
    X = np.random.default_rng(0).normal(3, 2, (90, 12))
    result = ist.study(X, QUICK)
    assert [record["ssim"] for record in result.scores] == [None, None]
    assert all(record["svm_accuracy"] is None for record in result.scores)
    assert "held out" in result.notes[0]
    assert result.report(tmp_path / "vectors").is_file()


def test_what_cannot_learn_from_the_images_is_left_out_and_said(monkeypatch):
    names = ["pca", "nmf", "autoencoder-conv", "classifier"]
    monkeypatch.setattr("isthmus.studies.prepare.every_name", lambda: names)
    X = np.random.default_rng(0).normal(size=(90, 12))
    result = ist.study(X)
    assert list(result.models) == ["pca"]
    for name, words in (("nmf", "below 0"), ("autoencoder-conv", "vectors"), ("classifier", "no")):
        assert words in result.left_out[name]
    assert [row["why"] for row in result.plan] == ["one of every family"]
    given = ist.study(X, ["pca", "nmf"])
    assert list(given.models) == ["pca"]
    assert any("nmf was left out: Negative" in note for note in given.notes)


class CannotFit(ist.PCA):
    def _fit(self, images):
        raise RuntimeError("out of luck\nand of lines")


class CannotEncode(ist.PCA):
    def encode(self, X):
        raise ZeroDivisionError


class CannotBeSaved(ist.PCA):
    def save(self, path):
        raise TypeError("no file for this")


class CannotDraw(ist.PCA):
    def parts(self):
        raise KeyError("parts")


def test_one_failing_model_loses_no_finished_work(tmp_path):
    own = [CannotFit(3), CannotEncode(3), CannotBeSaved(3), ist.PCA(5)]
    result = ist.study(some(200), [ist.PCA(4), *own])
    assert list(result.models) == ["pca", "cannotencode", "cannotbesaved", "pca-2"]
    assert [record["model"] for record in result.scores] == ["pca", "cannotbesaved", "pca-2"]
    assert "cannotfit was left out: RuntimeError: out of luck and of lines." in result.notes
    assert "cannotencode was fitted, but not measured: ZeroDivisionError." in result.notes
    for _ in range(2):  # a second report says no more than the first
        folder = result.report(tmp_path / "run", force=True).parent
        saved = {path.stem for path in (folder / "models").iterdir()}
        assert saved == {"pca", "cannotencode", "pca-2"}
        notes = json.loads((folder / "scores.json").read_text())["notes"]
        assert "cannotbesaved could not be saved: TypeError: no file for this." in notes
        assert len(notes) == len(set(notes)) == 3
    assert "it could not be saved" in (folder / "report.html").read_text()


def test_pictures_that_cannot_be_drawn_lose_no_finished_work(tmp_path):
    result = ist.study(some(200), {"pca": ist.PCA(4), "odd": CannotDraw(3)})
    folder = result.report(tmp_path / "run").parent
    assert (folder / "models" / "pca.safetensors").is_file()
    assert "could not be drawn: KeyError" in (folder / "report.html").read_text()
    assert len(json.loads((folder / "scores.json").read_text())["scores"]) == 2


@pytest.mark.parametrize("models", [None, ["pca", "kmeans"]])
def test_images_no_model_can_learn_from_are_one_clear_error(models):
    with pytest.raises(ValueError, match=r"could learn from array: .*NaN.* \((kmeans|pca)"):
        ist.study(np.full((9, 4, 4), np.nan), models)


def test_a_study_of_nothing_but_nan_leaves_nothing(run, tmp_path):
    np.save(tmp_path / "x.npy", np.full((9, 4, 4), np.nan))
    code, out, err = run("study", "x.npy", "-o", "runs/x")
    assert (code, out) == (2, "")
    assert "no model could learn from x.npy: x.npy: Input contains NaN" in err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_variants_have_names_of_their_own():
    result = ist.study("digits", ["autoencoder-denoising"], budget=0.5)
    assert result.models["autoencoder-denoising"].noise == (0.0, 0.5)
    with pytest.raises(ValueError, match="autoencoder-conv, autoencoder-denoising"):
        ist.study("digits", ["autoencoder-cnv"])


def test_photos_are_reduced_and_it_says_so(data_folder, tmp_path):
    result = ist.study(data_folder / "flowers-oxford-224px" / "train", QUICK)
    assert result.images.shape == (120, 64, 64, 3)
    assert any("64 pixels" in note for note in result.notes)
    given = ist.study(data_folder / "flowers-oxford-224px" / "train", ["kmeans"], size=32)
    assert given.images.shape == (120, 32, 32, 3)
    assert result.report(tmp_path / "flowers").is_file()


def test_models_of_ones_own():
    models = {"narrow": ist.PCA(2), "wide": ist.PCA(40)}
    result = ist.study(some(200), models)
    assert result.models == models
    twice = ist.study(some(200), [ist.PCA(2), ist.PCA(4)])
    assert list(twice.models) == ["pca", "pca-2"]


OF_CLOCKS = ("seconds", "memory", "code_rate")
"""Parts of the names of figures that are never twice the same."""


def test_same_seed_same_scores():
    def scores():
        result = ist.study(some(200), QUICK, random_state=3)
        return [
            {k: v for k, v in record.items() if not any(word in k for word in OF_CLOCKS)}
            for record in result.scores
        ]

    assert scores() == scores()


def test_budget_is_shared_by_what_is_trained():
    result = ist.study(some(200), ["pca", ist.Autoencoder(4, epochs=10**6)], budget=2)
    assert result.models["autoencoder"].stopped_ == "out of time"


def test_interrupt_keeps_what_is_done(monkeypatch):
    def interrupted(self, X, y=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(ist.PCA, "fit", interrupted)
    result = ist.study(some(200), QUICK)
    assert list(result.models) == ["kmeans"]
    assert "Interrupted" in result.notes[-1]


def test_peak_memory_sees_an_allocation():
    with PeakMemory() as memory:
        block = np.ones(40 * 2**20, dtype=np.uint8)
    assert 35 * 2**20 < memory.peak < 80 * 2**20
    del block


@pytest.mark.parametrize(
    ("source", "models", "words"),
    [
        (np.zeros((3, 4, 4), np.uint8), None, "at least 4 images, got 3; --per pixel studies"),
        (np.zeros((3, 4)), None, "at least 4 images, got 3$"),
        ("digits", ["pda"], "did you mean 'pca'"),
        ("digitz", None, "did you mean 'digits'"),
    ],
)
def test_bad_requests(source, models, words):
    with pytest.raises(ValueError, match=words):
        ist.study(source, models)


def test_a_terminal_is_shown_one_probe_and_no_empty_column(monkeypatch):
    study = Study(ist.load_images("digits"), scores=[{"model": "pca"}])
    row = {"model": "pca", "code": "2 numbers", "mse": None, "linear_accuracy": 0.5}
    for known, shown in (({}, "linear accuracy"), ({"svm_accuracy": 0.6}, "svm accuracy")):
        monkeypatch.setattr(study, "judged", lambda known=known: ([row | known], {}))
        assert list(study.listed()[0]) == ["model", "code", shown]
