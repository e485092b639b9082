"""A folder says which command made it, and rerun makes it again."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

import isthmus as ist
from isthmus.cli.record import _words


def fitted(path):
    ist.PCA(4).fit(ist.load_images("glyphs")).save(path / "p.safetensors")


def test_a_folder_is_made_again(run, tmp_path):
    fitted(tmp_path)
    made = ("generate", "p.safetensors", "-n", 3, "--seed", 5, "-o", "new")
    assert run(*made)[0] == 0
    record = json.loads((tmp_path / "new" / "command.json").read_text(encoding="utf-8"))
    assert record["command"] == [str(word) for word in made]
    assert record["options"]["count"] == 3
    assert record["options"]["temperature"] == 1.0  # what nobody gave as well
    assert record["versions"]["isthmus"] == ist.__version__
    first = {path.name: path.read_bytes() for path in (tmp_path / "new").glob("*.png")}
    assert len(first) == 3
    (tmp_path / "new" / next(iter(first))).unlink()
    code, _, err = run("rerun", "new")
    assert code == 0
    assert "isthmus generate p.safetensors -n 3 --seed 5 -o" in err
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").glob("*.png")} == first
    assert run("rerun", "new", "-o", "other")[0] == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "other").glob("*.png")} == first
    again = json.loads((tmp_path / "other" / "command.json").read_text(encoding="utf-8"))
    assert again["options"]["count"] == 3


def test_a_folder_that_has_moved_is_made_again_where_it_is(run, tmp_path):
    fitted(tmp_path)
    assert run("data", "glyphs", "-o", "it")[0] == 0
    (tmp_path / "it").rename(tmp_path / "that")
    assert run("rerun", "that")[0] == 0
    assert not (tmp_path / "it").exists()
    assert run("rerun", "that", "-o", "that")[0] == 2  # there is something: --force
    code, out, err = run("rerun", "that", "--dry")
    assert (code, out) == (0, "")
    assert "isthmus data glyphs -o" in err


def test_what_says_nothing_of_a_command_is_refused(run, tmp_path):
    (tmp_path / "plain").mkdir()
    assert "no command.json" in run("rerun", "plain")[2]
    (tmp_path / "plain" / "command.json").write_text("[1", encoding="utf-8")
    code, _, err = run("rerun", "plain")
    assert code == 2
    assert "damaged" in err


def test_words_of_every_spelling():
    for words in (["x", "--out=a/b"], ["x", "-o", "a/b/"], ["x", "--force", "-o", "a/b"]):
        again = _words({"command": words, "folder": "a/b"}, Path("/n"))
        assert sum("/n" in word for word in again) == 1
        assert again.count("--force") == 1


def test_the_record_is_no_image_of_a_folder(run, tmp_path):
    fitted(tmp_path)
    assert run("generate", "p.safetensors", "-n", 3, "-o", "new")[0] == 0
    images = ist.load_images(tmp_path / "new")
    assert (len(images), images.skipped) == (3, [])
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "new" / "x.png")
    assert len(ist.load_images(tmp_path / "new")) == 4
