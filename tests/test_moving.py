"""Ways between image files as moving pictures, videos, strips and folders of frames."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

import isthmus as ist
from isthmus.cli.inputs import parted
from isthmus.plots.animations import KINDS, frames
from isthmus.plots.figures import resize
from isthmus.plots.videos import CODECS
from isthmus.verbs.ways import Ways


def picture(seed, size):
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(3))


@pytest.fixture
def fitted(run, tmp_path):
    """A folder of photographs of many sizes, two others, and a model of them."""
    for name in ("Blüten", "Wälder"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    for i in range(16):
        name = ("Blüten", "Wälder")[i % 2]
        picture(i, (24 + i, 40 - i)).save(tmp_path / "photos" / name / f"ä{i:02}.png")
    picture(50, (90, 60)).save(tmp_path / "Blüte.jpg")
    picture(51, (30, 80)).save(tmp_path / "Wald.jpg")
    options = ("--size", 16, "--n-components", 6, "-o", "p.safetensors")
    assert run("fit", "pca", "photos", *options)[0] == 0
    return "p.safetensors"


def test_two_files_become_a_moving_picture_with_their_names(fitted, run, tmp_path):
    to = ("-o", "way.gif", "-o", "way.png", "-o", "way.npy", "-o", "way.apng", "-o", "frames")
    more = ("--steps", 5, "--tile-size", 200)
    code, _, err = run("morph", fitted, "Blüte.jpg", "Wald.jpg", *more, *to)
    assert code == 0, err
    assert "2 of 2 images were changed" in err
    model = ist.load_model(fitted)
    ends = ist.load_images(["Blüte.jpg", "Wald.jpg"], like=model)
    found = ist.morph(model, ends, steps=5, tile_size=200)
    np.testing.assert_allclose(np.load("way.npy")[0], found, atol=1e-6)
    assert list(found.heads) == ["Blüte", "", "", "", "Wald"]
    for name in ("way.gif", "way.apng"):
        with Image.open(name) as moving:
            assert moving.n_frames == 8  # there, and back without the ends
            assert moving.size > (224, 224)
    with Image.open("way.png") as strip:
        assert strip.width > 5 * 200
    files = sorted(path.name for path in (tmp_path / "frames").glob("*.png"))
    assert files == [f"{step}.png" for step in range(5)]
    with Image.open(tmp_path / "frames" / "0.png") as first:
        assert first.size == (200, 200)
        assert first.mode == "RGB"


def test_ends_come_in_the_order_they_are_given_in(fitted, run):
    code, _, _ = run("morph", fitted, "Wald.jpg", "Blüte.jpg", "-o", "way.png", "--steps", 3)
    assert code == 0
    assert ist.load_images(["Wald.jpg", "Blüte.jpg"], size=16).names.tolist()[0] == "Wald.jpg"
    assert ist.load_images("*.jpg", size=16).names.tolist()[0] == "Blüte.jpg"


def test_a_traversal_moves_alike_and_every_row_has_a_folder(fitted, run, tmp_path):
    options = ("--dims", "0,2", "--steps", 3, "--tile-size", 64, "-o", "rows", "-o", "rows.webp")
    assert run("traverse", fitted, "Blüte.jpg", *options)[0] == 0
    folders = sorted(path.name for path in (tmp_path / "rows").iterdir() if path.is_dir())
    assert [name.partition(",")[0] for name in folders] == ["number 0", "number 2"]
    assert len(list((tmp_path / "rows" / folders[0]).glob("*.png"))) == 3
    with Image.open("rows.webp") as moving:
        assert moving.n_frames == 4


@pytest.mark.parametrize("suffix", CODECS)
def test_a_video_has_every_step(suffix, fitted, run):
    av = pytest.importorskip("av", reason="videos are written by av")
    out = f"way{suffix}"
    code, _, err = run("morph", fitted, "Blüte.jpg", "Wald.jpg", "--steps", 3, "-o", out)
    assert code == 0, err
    with av.open(out) as file:
        shown = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(shown) == 15 + 3 + 15 + 3  # an end is seen for half a second, a step a ninth
    assert shown[0].shape[0] % 2 == shown[0].shape[1] % 2 == 0
    changed = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(shown)]
    assert max(changed[:14]) < max(changed[14:])


def test_a_video_without_av_names_what_is_missing_before_any_work(run, monkeypatch):
    monkeypatch.setattr("isthmus.plots.videos.find_spec", lambda name: None)
    code, _, err = run("morph", "none.safetensors", "a.jpg", "b.jpg", "-o", "way.mp4")
    assert code == 2
    assert err.count("\n") == 1
    assert "pip install 'isthmus[video]'" in err


def test_tiles_have_the_size_that_is_asked_for(fitted, run, tmp_path):
    for verb in ("reconstruct", "traverse"):
        code, _, err = run(verb, fitted, "Blüte.jpg", "--tile-size", 150, "-o", f"{verb}.png")
        assert code == 0, err
    with Image.open("reconstruct.png") as sheet:
        assert sheet.width == 150
    assert run("generate", fitted, "-n", 1, "--tile-size", 90, "-o", "one.png")[0] == 0
    with Image.open("one.png") as one:
        assert one.size == (90, 90)
    code, _, err = run("reconstruct", fitted, "Blüte.jpg", "--tile-size", 0, "-o", "x.png")
    assert (code, "--tile-size 0 must be 1 to 4096" in err) == (2, True)


def test_pixels_stay_squares_at_any_scale():
    pixels = np.zeros((1, 4, 4, 4), np.uint8)
    pixels[0, 1, 2] = 255
    large = resize(pixels, 2.5)
    assert large.shape == (1, 10, 10, 4)
    assert set(np.unique(large)) == {0, 255}


def test_frames_are_of_one_size_whatever_they_are_called():
    moving = frames({"a": np.zeros((3, 8, 8))}, "Way", heads=["from a long name" * 9, "", "b"])
    assert len({frame.size for frame in moving}) == 1


def test_words_are_told_apart(fitted):
    assert parted([fitted, "photos"]) == ([fitted], "photos")
    assert parted([fitted, fitted, "a.jpg"]) == ([fitted, fitted], "a.jpg")
    assert parted([fitted, "Wald.jpg", "b*.jpg"]) == ([fitted], ["Wald.jpg", "b*.jpg"])
    assert parted(["no.safetensors", "none.safetensors", "x"])[0][1] == "none.safetensors"


def test_every_kind_of_moving_picture_can_be_saved():
    assert set(KINDS) < set(Ways.saves)
