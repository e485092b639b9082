"""What is in a folder: counts, sizes, doubles, and images that are worth nothing."""

import csv
import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

import isthmus as ist
from isthmus.data.images import Images
from isthmus.metrics.quality import quality, reduced

SIDE = 32


def picture(seed):
    """Return a picture as smooth as a photograph."""
    noise = np.random.default_rng(seed).random((SIDE + 16, SIDE + 16))
    grey = Image.fromarray((255 * noise).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
    values = np.asarray(grey, float)[8:-8, 8:-8]
    values = 30 + 200 * (values - values.min()) / np.ptp(values)
    return Image.fromarray(values.astype(np.uint8))


@pytest.fixture
def photos(tmp_path):
    """A folder of two classes with everything that is wrong in folders."""
    for name in ("Blüten", "Wälder"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    trees = tmp_path / "photos" / "Wälder"
    for i in range(24):
        picture(i).save(tmp_path / "photos" / ("Blüten", "Wälder")[i % 2] / f"ä{i:02}.png")
    picture(1).save(trees / "copy.png")
    picture(3).convert("RGB").resize((2 * SIDE, 2 * SIDE)).save(trees / "large.jpg", quality=70)
    picture(5).point(lambda v: v * 0.15).save(trees / "night.png")
    picture(7).filter(ImageFilter.GaussianBlur(3)).save(trees / "soft.png")
    picture(30).resize((SIDE, 2 * SIDE)).save(trees / "long.png")
    Image.new("L", (SIDE, SIDE), 99).save(trees / "grey.png")
    (trees / "broken ß.png").write_bytes((trees / "soft.png").read_bytes()[:200])
    (trees / "notes.txt").write_text("hello", encoding="utf-8")
    return tmp_path / "photos"


def test_a_folder_is_told_of_and_nothing_is_written_unasked(photos, run, tmp_path):
    code, out, err = run("data", "photos", "--size", SIDE)
    assert code == 0
    for words in ("Blüten  ", "Wälder/grey.png", "Wälder/ä01.png (Wälder/copy.png)"):
        assert words in out, words
    assert "1 of 30 to 32x32: 50% of the area" in out
    assert "skipped, damaged: its end is missing: Wälder/broken ß.png" in out
    assert not err
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_what_is_wrong_is_found_and_written(photos, run, tmp_path):
    told = ("-o", "sheet.png", "-o", "all.csv", "-o", "it", "-n", 8)
    code, out, _ = run("data", "photos", "--size", SIDE, *told, "--json")
    assert code == 0
    facts = json.loads(out)
    found = {(each["image"], each["finding"]) for each in facts["findings"]}
    assert {("Wälder/ä01.png", "exact"), ("Wälder/ä03.png", "near")} <= found
    assert {("Wälder/grey.png", "blank"), ("Wälder/night.png", "dark")} <= found
    assert {("Wälder/soft.png", "blurred"), ("Wälder/notes.txt", "broken")} <= found
    assert [facts[key] for key in ("blank", "exact", "blurred", "skipped")] == [1, 1, 1, 2]
    assert facts["counts"][0]["images"] == 12
    rows = list(csv.DictReader((tmp_path / "all.csv").open(encoding="utf-8")))
    assert len(rows) == facts["count"] == 30
    by_name = {row["name"]: row for row in rows}
    assert by_name["Wälder/long.png"]["cut"] == "0.5"
    assert "exact Wälder/copy.png" in by_name["Wälder/ä01.png"]["found"]
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.width > 4 * SIDE
    written = {path.name for path in (tmp_path / "it").iterdir()}
    tables = {"counts.csv", "images.csv", "picture.png", "survey.json"}
    assert written == tables | {"command.json", ".isthmus"}
    assert run("data", "photos", "-o", "it")[0] == 2


def test_a_table_of_files_some_of_which_are_none(photos, run):
    names = [path.relative_to(photos).as_posix() for path in sorted(photos.rglob("*.png"))][:12]
    rows = [
        f"{name},{'ab'[i % 2]},{i}"
        for i, name in enumerate([*names, "gone.png", "Wälder/notes.txt"])
    ]
    (photos / "all.csv").write_text("\n".join(["File Name,Kind,Score", *rows]), encoding="utf-8")
    code, out, err = run("data", "photos/all.csv")
    assert code == 0, err
    for words in (
        "count  12",
        "Kind (6 a, 6 b), Score 0 to 11",
        "labels  none: --columns label=NAME",
        "1  skipped, not an image: Wälder/notes.txt",
    ):
        assert words in out, out
    out = run("data", "photos/all.csv", "--columns", "label=Kind", "--json")[1]
    assert json.loads(out)["classes"] == ["a", "b"]


def test_why_there_are_no_labels_and_what_raw_files_are(photos, run, tmp_path):
    picture(0).save(photos / "top.png")
    picture(0).save(photos / "Wälder" / "IMG_1.NEF", "TIFF")
    out = run("data", "photos")[1]
    assert "as 1 of 31 images lie in none (top.png)" in out
    assert (
        "1  skipped, raw data of a camera: develop it to JPEG or TIFF first: Wälder/IMG_1.NEF"
        in out
    )
    for source in ("photos/Wälder/IMG_1.NEF", "raw"):
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / "raw" / "a.CR2").write_bytes(b"II*")
        code, _, err = run("data", source)
        assert code == 2
        assert "raw data of a camera" in err


def test_of_many_classes_the_first_are_told(run, tmp_path):
    np.savez(
        tmp_path / "many.npz", images=np.eye(40, dtype=np.uint8).reshape(40, 5, 8), y=np.arange(40)
    )
    out = run("data", "many.npz")[1]
    assert "and 25 more, which" in out
    assert len(out.splitlines()) < 40


def test_in_python_it_takes_what_load_images_takes():
    images = ist.load_images("glyphs")
    found = ist.survey(images)
    assert found.scores["blank"] == 1
    assert found.findings == ist.survey("glyphs").findings
    assert found.picture().width > 100
    with pytest.raises(ValueError, match="count=0 must be"):
        ist.survey(images, count=0)


def test_doubles_survive_what_copies_go_through():
    pictures = np.stack([np.asarray(picture(seed)) for seed in range(40)]) / 255.0
    noisy = pictures[0] + np.random.default_rng(0).normal(0, 0.01, pictures[0].shape)
    again = [noisy, 0.5 * pictures[1] + 0.3, pictures[2][:, ::-1], pictures[3], pictures[3]]
    found = quality(Images(np.concatenate([pictures, again])))
    assert found.near == [[0, 40], [1, 41]]  # mirrored is another image
    assert found.exact == [[3, 43, 44]]
    assert not found.blank + found.dark + found.blurred


def test_vectors_have_exact_doubles_alone():
    found = quality(Images(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])))
    assert (found.exact, found.near) == ([[0, 2]], [])


def test_reduced_keeps_the_mean():
    grey = np.random.default_rng(0).random((2, 13, 9)).astype(np.float32)
    small = reduced(grey, 5)
    assert small.shape == (2, 5, 5)
    np.testing.assert_allclose(small.mean((1, 2)), grey.mean((1, 2)), rtol=1e-5)
