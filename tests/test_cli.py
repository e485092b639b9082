"""The command line as a person or a script uses it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus import signature
from isthmus.families import FAMILIES, family


def test_round_trip(run, tmp_path):
    assert run("fit", "pca", "digits", "--n-components", 10, "-o", "p.safetensors")[0] == 0
    assert run("encode", "p.safetensors", "digits", "-o", "codes.npy")[0] == 0
    assert run("decode", "p.safetensors", "codes.npy", "-o", "back.npy")[0] == 0
    model, images = ist.load_model(tmp_path / "p.safetensors"), ist.load_images("digits")
    assert model.n_components == 10
    np.testing.assert_array_equal(np.load("codes.npy"), model.encode(images))
    np.testing.assert_array_equal(np.load("back.npy"), ist.reconstruct(model, images))
    assert run("reconstruct", "p.safetensors", "digits", "-o", "r.npy", "--split", "test")[0] == 0
    assert np.load("r.npy").shape == (359, 8, 8, 1)


def test_generate_to_array_sheet_and_folder(run, tmp_path):
    run("fit", "kmeans", "digits", "--n-clusters", "5", "-o", "k.safetensors")
    for name in ("g.npy", "g.png", "folder"):
        code, out, _ = run("generate", "k.safetensors", "-n", 6, "-o", name)
        assert code == 0
        assert name in out
    assert np.load("g.npy").shape == (6, 8, 8, 1)
    assert Image.open("g.png").size[0] > 100
    assert len(list((tmp_path / "folder").glob("*.png"))) == 6
    assert ist.load_images(tmp_path / "folder").shape == (6, 8, 8, 1)


def test_folder_is_read_the_way_the_model_needs(run, tmp_path):
    run("fit", "pca", "digits", "--n-components", 4, "-o", "p.safetensors")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 30), "red").save(tmp_path / "photos" / "a.png")
    assert run("encode", "p.safetensors", "photos", "-o", "z.npy")[0] == 0
    assert np.load("z.npy").shape == (1, 4)


def test_study_writes_a_report(run, tmp_path):
    code, out, _ = run("study", "digits", "--models", "kmeans,pca", "--budget", "1m", "-o", "s")
    assert code == 0
    assert "report: s/report.html" in out
    assert (tmp_path / "s" / "models" / "pca.safetensors").is_file()
    record = json.loads((tmp_path / "s" / "scores.json").read_text())
    assert record["command"].startswith("isthmus study digits --models kmeans,pca")
    code, _, err = run("study", "digits", "--models", "pca", "-o", "s")
    assert (code, err.count("\n")) == (2, 1)
    assert "--force" in err
    code, out, _ = run("study", "digits", "--models", "pca", "-o", "s", "--force", "--json")
    assert code == 0
    assert [r["model"] for r in json.loads(out)["scores"]] == ["pca"]


def test_data(run, tmp_path):
    assert "fashion-mnist" in run("data")[1]
    assert {row["set"] for row in json.loads(run("data", "--json")[1])} >= {"digits", "glyphs"}
    (tmp_path / "photos").mkdir()
    Image.new("L", (9, 7), 40).save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.jpg").write_bytes(b"no image")
    code, out, _ = run("data", "photos")
    assert code == 0
    assert "b.jpg" in out
    assert "7, 9, 1" in out
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]  # nothing is written unasked


def test_models_lists_every_family(run):
    rows = json.loads(run("models", "--json")[1])
    assert [row["model"] for row in rows] == list(FAMILIES)
    assert all(row["encode"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "pda", "digits", "-o", "x"], "Did you mean 'pca'"),
        (["fit", "pca", "digits", "-o", "x", "--n-component", "3"], "--n-components"),
        (["fit", "pca", "digits"], "Missing option"),
        (["fit", "pca", "digits", "-o", "x", "--n-components", "many"], "valid int"),
        (["fit", "pca", "digits", "-o", "x", "--n-components", "999"], "n_components=999"),
        (["fit", "kmeans", "digits", "-o", "x", "--init", "best"], "init='best'"),
        (["fit", "autoencoder", "digits", "-o", "x", "--hidden", "a,b"], "--hidden 'a,b'"),
        (["study", "digitz"], "did you mean 'digits'"),
        (["study", "digits", "--models", "pca,vea"], "no family is called 'vea'"),
        (["study", "digits", "--budget", "soon"], "--budget 'soon'"),
        (["study", "digits", "--size", "big"], "--size 'big'"),
        (["encode", "none.safetensors", "digits", "-o", "z.npy"], "there is no file"),
        (["data", "nowhere"], "neither a file or folder nor a named set"),
        (["stdy"], "Did you mean 'study'"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(run, tmp_path, arguments, words):
    code, out, err = run(*arguments)
    assert code == 2
    assert words in err
    assert err.startswith("isthmus: ")
    assert err.count("\n") == 1
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_wrong_files_and_places(run, tmp_path):
    run("fit", "kmeans", "digits", "--n-clusters", "5", "-o", "k.safetensors")
    np.save("z.npy", np.zeros((3, 7)))
    (tmp_path / "text.npy").write_text("not an array")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    for arguments, words in [
        (("decode", "k.safetensors", "z.npy", "-o", "b.npy"), "codes that are indices"),
        (("decode", "k.safetensors", "text.npy", "-o", "b.npy"), "not a .npy file"),
        (("decode", "z.npy", "z.npy", "-o", "b.npy"), "not an isthmus model"),
        (("encode", "k.safetensors", "z.npy", "-o", "c.npy"), "fitted on images of shape"),
        (("encode", "k.safetensors", "digits", "-o", "c.txt"), "must end in .npy"),
        (("encode", "k.safetensors", "digits", "-o", "c.npy", "--split", "x"), "--split 'x'"),
        (("generate", "k.safetensors", "-o", "taken"), "which isthmus did not write"),
        (("generate", "k.safetensors", "-n", "0", "-o", "g.png"), "at least 1"),
        (("fit", "kmeans", "digits", "-o", "k.safetensors"), "--force"),
    ]:
        code, _, err = run(*arguments)
        assert (code, err.count("\n")) == (2, 1), arguments
        assert words in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", list(FAMILIES))
def test_signature_read_from_source_is_the_estimators_own(name):
    read = {parameter.name: parameter.default for parameter in signature.parameters(name)}
    assert read == family(name)().get_params()
    assert all(parameter.help for parameter in signature.parameters(name))


def test_help_loads_no_heavy_library():
    code = (
        "import sys; sys.argv = ['isthmus', 'fit', 'autoencoder', '--help']\n"
        "from isthmus.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sklearn', 'matplotlib', 'scipy', 'PIL'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--latent-dim" in done.stdout


def test_numbers_and_ranges_are_read_by_their_kind(run, tmp_path):
    fit = ("fit", "autoencoder", "digits", "-o", "a.safetensors", "--force", "--max-steps", 2)
    for text, value in (("0.3", 0.3), ("0.1,0.4", (0.1, 0.4))):
        assert run(*fit, "--hidden", "20,10", "--noise", text)[0] == 0
        model = ist.load_model(tmp_path / "a.safetensors")
        assert model.hidden == (20, 10)
        assert model.noise == value
    code, out, err = run(*fit, "--noise", "much")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--noise 'much': expected a number" in err


def test_pixels_of_a_raster_are_vectors(run, data_folder, tmp_path):
    raster = data_folder / "landsat7" / "L7_ETMs.tif"
    fit = ("fit", "pca", raster, "--n-components", 2, "-o", "p.safetensors")
    code, _, _ = run(*fit, "--per", "pixel")
    assert code == 0
    assert ist.load_model(tmp_path / "p.safetensors").image_shape_ == (6,)
    code, _, err = run(*fit, "--per", "band", "--force")
    assert code == 2
    assert "band" in err
