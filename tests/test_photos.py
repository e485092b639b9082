"""Everyday jobs on a folder of photographs with umlauts, several sizes and damage in it."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.names import Finder

SIZES = (16, 16), (24, 16), (20, 20)


def photograph(rng, bright, size):
    """Return a picture of noise, bright at the top or at the bottom."""
    width, height = size
    pixels = rng.integers(0, 80, (height, width, 3), dtype=np.uint8)
    half = slice(0, height // 2) if bright == "Himmel" else slice(height // 2, None)
    pixels[half] += 150
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder of 40 photographs in two classes, and two files that are none."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in ("Himmel", "Straßen"):
        (folder / name).mkdir()
        for i in range(20):
            picture = photograph(rng, name, SIZES[i % 3])
            picture.save(folder / name / f"Größe {name[0]}{i:02d}.png")
    (folder / "kaputt.png").write_bytes((folder / "Himmel" / "Größe H00.png").read_bytes()[:60])
    (folder / "Notizen.txt").write_text("nichts")
    images = ist.load_images(folder, size=16)
    ist.PCA(4).fit(images.train).save(folder.parent / "pca.safetensors")
    return folder


@pytest.fixture
def model(made):
    return made.parent / "pca.safetensors"


def lines_of(path):
    import csv

    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_several_and_a_pattern_are_sources(made, monkeypatch):
    one = made / "Himmel" / "Größe H03.png"
    found = ist.load_images(one)
    assert (found.names.tolist(), found.shape) == (["Größe H03.png"], (1, 16, 16, 3))
    several = ist.load_images([one, made / "Straßen" / "Größe S03.png"])
    assert several.names.tolist() == ["Himmel/Größe H03.png", "Straßen/Größe S03.png"]
    assert several.classes == ["Himmel", "Straßen"]
    every = ist.load_images(str(made / "*" / "*.png"), size=16)
    assert every.names.tolist() == ist.load_images(made).names.tolist()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{one}\n\n{made / 'kaputt.png'}\n"))
    listed = ist.load_images("-")
    assert [name for name, _ in listed.skipped] == ["kaputt.png"]
    assert len(listed) == 1
    with pytest.raises(ValueError, match="no file matches"):
        ist.load_images(str(made / "*.gif"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    with pytest.raises(ValueError, match="no paths on standard input"):
        ist.load_images("-")


def test_a_name_finds_its_image_however_it_is_spelled(made):
    import unicodedata

    finder = Finder(ist.load_images(made))
    for word in (
        "Himmel/Größe H03.png",
        "Größe H03.png",
        "Größe H03",
        f"{made}/Himmel/Größe H03.png",
    ):
        assert finder.rows(word) == [3]
        assert finder.rows(unicodedata.normalize("NFD", word)) == [3]
    assert finder.rows("Straßen/*1?.png") == list(range(30, 40))
    assert finder.rows("H03.png") == []
    assert "Größe H03.png" in finder.hint("Grosse H03.png")


def test_find_this_picture(made, model, run, tmp_path):
    asked = ("nearest", model, made / "Himmel" / "Größe H03.png", "--among", made, "-k", 3)
    code, _, err = run(*asked, "-o", "n.csv", "-o", "n.png")
    assert code == 0, err
    rows = lines_of(tmp_path / "n.csv")
    assert [row["query"] for row in rows] == ["Größe H03.png"] * 3
    assert rows[0]["name"] == "Himmel/Größe H03.png"
    assert {row["class"] for row in rows} == {"Himmel"}
    files = [made / "Himmel" / f"Größe H0{i}.png" for i in (1, 2)]
    assert run("nearest", model, *files, "--among", made, "-k", 1)[0] == 0
    names = "Größe S05.png,Himmel/Größe H03"
    assert run("reconstruct", model, made, "--images", names, "-o", "r.npy")[0] == 0
    images = ist.load_images(made, like=ist.load_model(model))
    back = ist.reconstruct(ist.load_model(model), images[[25, 3]])
    np.testing.assert_allclose(np.load(tmp_path / "r.npy"), back, atol=1e-6)
    code, _, err = run("nearest", model, made, "--images", "Größe S5.png")
    assert code == 2
    assert "did you mean Größe S" in err


def test_captions_of_a_sheet_do_not_touch():
    from isthmus.plots.strips import labelled_rows

    images = np.ones((3, 8, 8))
    plain = labelled_rows({"a": images})
    wide = labelled_rows({"a": images}, captions={"a": ["Wiesenblüte", "b", "a" * 99]})
    assert wide.width > plain.width
    ink = (np.asarray(wide)[-22:-12] < 128).all(-1).any(0)  # columns of the captions
    gaps = np.diff(np.flatnonzero(np.diff(np.flatnonzero(ink)) > 10))
    assert len(gaps) == 1  # two gaps between three captions
