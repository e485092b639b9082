"""A model of a study used again, by its name or as the best for a verb; what a model is."""

import json

import numpy as np
import pytest

import isthmus as ist
from isthmus.studies.best import best_of, model_file


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "x"
    ist.study("glyphs", models=["kmeans", "pca"], width=8).report(folder)
    return folder


def test_a_study_stands_for_its_best_model_and_says_which(study, run, tmp_path):
    code, _, err = run("reconstruct", study, "glyphs", "-o", "all.npy")
    assert code == 0
    assert f"of {study} pca is taken: best by 'reconstruct'" in err
    code, _, err = run("reconstruct", f"{study}:pca", "glyphs", "-o", "pca.npy")
    assert (code, err) == (0, "")
    assert (tmp_path / "all.npy").read_bytes() == (tmp_path / "pca.npy").read_bytes()
    both = run(
        "morph", f"{study}:pca", study / "models" / "pca.safetensors", "glyphs", "-o", "m.png"
    )
    assert both[0] == 0, both[2]


def test_what_a_model_of_a_study_compressed_finds_it_again(study, run):
    assert run("compress", f"{study}:pca", "glyphs", "-o", "glyphs.isth")[0] == 0
    code, _, err = run("decompress", "glyphs.isth", "-o", "back.npy")
    assert code == 0, err
    assert np.load("back.npy").shape[0] == len(ist.load_images("glyphs"))


def test_a_model_that_a_study_has_not_is_refused(study, run):
    code, _, err = run("generate", f"{study}:pcs", "-o", "new.png")
    assert code == 2
    assert "it has kmeans, pca; did you mean 'pca'?" in err
    assert (
        "no file nowhere.safetensors" in run("generate", "nowhere.safetensors", "-o", "n.png")[2]
    )


def test_the_best_can_do_what_is_asked(study):
    found = ist.load_study(study)
    for verb in ("generate", "cluster", "compress", "nearest", ""):
        name, why = best_of(found, verb)
        assert name in found.models
        assert why
    assert model_file(study / "models" / "pca.safetensors") == (
        study / "models" / "pca.safetensors",
        "",
    )


def test_info_says_what_a_model_is(study, run, tmp_path):
    code, out, _ = run("info", f"{study}:pca", "--json", "-o", "pca.json")
    assert code == 0
    facts = json.loads(out)
    assert facts["family"] == "pca"
    assert facts["code"] == "8 numbers"
    assert facts["source"] == "glyphs"
    assert "isthmus" in facts["versions"]
    assert facts["mse"] > 0
    assert facts["learnt from"].endswith(" different images")
    assert "'glyphs'" in facts["license"]
    assert json.loads((tmp_path / "pca.json").read_text(encoding="utf-8")) == facts
    assert "n_components 8" in facts["parameters"]
    assert run("info", f"{study}:pca", "-o", "pca.json")[0] == 2


def test_info_of_a_model_in_memory():
    model = ist.VAE(2, hidden=(8,), max_steps=2).fit(ist.load_images("glyphs"))
    found = ist.info(model)
    assert found.scores["family"] == "vae"
    assert "written" not in found.scores
    assert "<td>family</td><td>vae</td>" in found._repr_html_()
