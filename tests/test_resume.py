"""A study keeps every model as soon as it is finished, and goes on from there."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

import isthmus as ist
from isthmus.models.nmf import NMF
from isthmus.models.pca import PCA
from isthmus.studies.each import read_each
from isthmus.studies.outcome import Study
from isthmus.studies.plan import Schedule
from isthmus.system.leftovers import claiming

OF_CLOCKS = ("seconds", "memory", "code_rate", "file_kb")
"""Parts of the names of figures that are never twice the same; files say which time was left."""


class Killed(BaseException):
    """As after SIGKILL: nothing is caught."""


def killed(*_, **__):
    raise Killed


def some():
    return replace(ist.load_images("digits").evenly(150), y=None)  # labels take long to measure


def models():
    asked = {
        "kmeans": ist.KMeans(5),
        "autoencoder": ist.Autoencoder(3, hidden=(8,), max_steps=12),
        "nmf": ist.NMF(3),
        "pca": ist.PCA(3),
    }
    return {name: model.set_params(random_state=0) for name, model in asked.items()}


def test_what_is_finished_survives_and_the_rest_is_as_if_nothing_had_happened(
    tmp_path, monkeypatch
):
    whole = ist.study(some(), models())
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(NMF, "fit", killed)
        ist.study(some(), models(), folder=tmp_path / "s")
    found = ist.load_study(tmp_path / "s")
    assert list(found.models) == ["kmeans", "autoencoder"] == found.scores.keys()
    assert found.notes[-1].startswith("It was stopped; nmf, pca are still to come")
    assert found.models["autoencoder"].decode(np.zeros((1, 3))).shape == (1, 8, 8, 1)
    kept = (tmp_path / "s" / "models" / "kmeans.safetensors").read_bytes()
    monkeypatch.setattr(ist.KMeans, "fit", killed)  # it is there
    again = ist.study(some(), models(), folder=tmp_path / "s", resume=True)
    assert list(again.models) == list(whole.models)
    assert (tmp_path / "s" / "models" / "kmeans.safetensors").read_bytes() == kept
    for one, other in zip(again.scores, whole.scores, strict=True):
        passing = dict.fromkeys(key for key in one if any(word in key for word in OF_CLOCKS))
        assert one | passing == other | passing
    record = json.loads((tmp_path / "s" / "scores.json").read_text())
    assert (record["waiting"], len(record["scores"])) == ([], 4)
    assert (tmp_path / "s" / "report.html").is_file()


def test_figures_of_images_are_there_before_the_scores_that_tell_of_them(tmp_path, monkeypatch):
    calls = []

    def second(*given):
        calls.append(given)
        if len(calls) == 2:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("isthmus.studies.outcome.save_table", second)
        ist.study(some(), {"one": ist.PCA(2), "other": ist.PCA(3)}, folder=tmp_path / "s")
    record = json.loads((tmp_path / "s" / "scores.json").read_text())
    assert [row["model"] for row in record["scores"]] == ["one", "other"]
    assert list(read_each(tmp_path / "s")[0]) == ["one", "other"]


def test_one_study_at_a_time_writes_a_folder(tmp_path):
    with claiming(tmp_path / "s"), pytest.raises(ValueError, match="s is being written by anot"):
        ist.study(some(), {"pca": ist.PCA(2)}, folder=tmp_path / "s")
    with claiming(tmp_path / "other"):
        ist.study(some(), {"pca": ist.PCA(2)}, folder=tmp_path / "s")
    with pytest.raises(ValueError, match="no model could learn"):
        ist.study(some(), {"pca": ist.PCA(10_000)}, folder=tmp_path / "t")
    with claiming(tmp_path / "t"):  # which that study has given back
        pass


def test_the_claim_of_a_process_that_is_gone_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with claiming(tmp_path / "s"):
        (mine,) = tmp_path.iterdir()
        gone = mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-4194999-"))
        mine.rename(gone)
        with claiming(tmp_path / "s"):
            pass


STUDY = ("study", "digits", "--models", "kmeans,pca", "--width", "4", "-o", "s")


def stopped_study(run, monkeypatch):
    """Have a study stop at its second model."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PCA, "fit", interrupt)
        code, _, err = run(*STUDY)
    assert (code, "what there is so far is in s" in err) == (130, True)


def test_a_command_that_was_stopped_says_how_to_go_on_and_does(run, tmp_path, monkeypatch):
    stopped_study(run, monkeypatch)
    (tmp_path / "s" / "notes.txt").write_text("mine")  # which a folder that goes on may hold
    code, _, err = run(*STUDY)
    assert (code, "--resume goes on with it" in err) == (2, True)
    code, out, _ = run(*STUDY, "--resume")
    assert (code, "taken over: kmeans" in out) == (0, True)
    assert list(ist.load_study(tmp_path / "s").models) == ["kmeans", "pca"]
    assert (tmp_path / "s" / "notes.txt").read_text() == "mine"
    assert run(*STUDY, "--resume", "--seed", "3")[0] == 2
    assert "say one of them" in run(*STUDY, "--resume", "--force")[2]


def test_what_is_asked_for_otherwise_is_fitted_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(Study, "write_page", lambda *_: None)  # which takes longest
    ist.study(some(), {"pca": ist.PCA(3), "other": ist.PCA(2)}, folder=tmp_path / "s")
    found = ist.study(some(), {"pca": ist.PCA(4)}, folder=tmp_path / "s", resume=True)
    assert [model.n_components_ for model in found.models.values()] == [4, 2]
    with pytest.raises(ValueError, match="other images"):
        ist.study("digits", ["pca"], folder=tmp_path / "s", resume=True)


def test_nothing_that_a_stop_left_out_is_said_to_have_had_no_time(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    def chosen(schedule):
        usual(schedule)
        schedule.left_out = ["gan"]  # as it seemed then; others might have taken less

    usual = Schedule._choose
    monkeypatch.setattr(Schedule, "_choose", chosen)
    monkeypatch.setattr(PCA, "fit", interrupt)
    result = ist.study(some(), ["kmeans", "pca", "gan"])
    assert list(result.models) == ["kmeans"]
    assert not any("no time" in words for words in [*result.notes, *result.left_out.values()])
    assert result.waiting == ["pca", "gan"]


def test_reports_on_the_way_need_a_place():
    with pytest.raises(ValueError, match="give a folder"):
        ist.study(some(), ["pca"], watch=True)
    with pytest.raises(ValueError, match="give its folder"):
        ist.study(some(), ["pca"], resume=True)
