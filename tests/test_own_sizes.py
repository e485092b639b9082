"""Image files as they are, cleaned in tiles: their sizes, colours, depth and names stay."""

import json

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.pictures import Picture, Pictures, as_pictures, read_picture, save_png
from isthmus.data.tiles import Tiling


def smooth(height, width, channels, seed=0):
    """Return a picture without sharp edges, from 0 to 1."""
    coarse = np.random.default_rng(seed).integers(30, 226, (5, 4, channels), dtype=np.uint8)
    planes = [Image.fromarray(plane) for plane in np.moveaxis(coarse, -1, 0)]
    large = [plane.resize((width, height), Image.Resampling.BICUBIC) for plane in planes]
    return np.stack([np.asarray(plane) for plane in large], -1) / np.float32(255)


def noisy(unit, seed=0, white=255):
    wrong = unit + np.random.default_rng(seed).normal(scale=0.08, size=unit.shape)
    return np.rint(wrong.clip(0, 1) * white).astype(np.uint8 if white == 255 else np.uint16)


CLEAN = {
    "Küste/Möwe.png": smooth(40, 61, 3),
    "Küste/grau.png": smooth(33, 20, 1, 1)[..., 0],
    "Wald/hell.png": smooth(30, 30, 3, 2),
    "Wald/tief.png": smooth(24, 35, 1, 3)[..., 0],
    "klein.png": smooth(7, 9, 3, 4),
}


@pytest.fixture
def photographs(tmp_path):
    """Noisy files: two sub-folders, colour, grey, transparency, 16 bits, one broken, one none."""
    there = tmp_path / "verrauscht"
    for seed, (name, unit) in enumerate(CLEAN.items()):
        path = there / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(noisy(unit, seed, 4095 if "tief" in name else 255))
        if "hell" in name:
            image.putalpha(
                Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30)).convert("L")
            )
        image.save(path)
    (there / "Wald" / "kaputt.png").write_bytes((there / "Küste/Möwe.png").read_bytes()[:400])
    (there / "nichts.jpg").write_bytes(b"no image")
    return there


class Linear:
    """A model of 8x8 grey images that turns each into a linear function of it."""

    image_shape_, any_size, source_ = (8, 8, 1), False, "array"

    def __init__(self):
        self.matrix = np.random.default_rng(0).normal(size=(64, 64)) / 8

    def made(self, tiles):
        return (tiles.reshape(-1, 64) @ self.matrix).astype(np.float32).reshape(tiles.shape)


@pytest.mark.parametrize("overlap", [0, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("size", [(8, 8), (8, 31), (37, 20), (5, 40), (3, 2)])
def test_a_model_that_changes_nothing_leaves_no_seam(size, overlap):
    image = np.random.default_rng(0).random((*size, 3)).astype(np.float32)
    tiling = Tiling(size, (8, 8), overlap)
    np.testing.assert_allclose(tiling.through(image, lambda tiles: tiles), image, atol=1e-6)


def test_a_linear_model_gives_the_weighted_mean_of_its_tiles():
    image = np.random.default_rng(1).random((21, 30, 1))
    linear, tiling = Linear(), Tiling((21, 30), (8, 8))
    total, weights = np.zeros((21, 30)), np.zeros((21, 30))
    side = np.sin(np.pi * (np.arange(8) + 0.5) / 8) ** 2
    for y, x in tiling.places:
        tile = image[y : y + 8, x : x + 8].reshape(1, 64) @ linear.matrix
        total[y : y + 8, x : x + 8] += tile.reshape(8, 8) * np.outer(side, side)
        weights[y : y + 8, x : x + 8] += np.outer(side, side)
    found = tiling.through(image.astype(np.float32), linear.made)
    np.testing.assert_allclose(found[..., 0], total / weights, atol=1e-5)
    assert (np.diff(tiling.rows) <= 4).all()
    assert tiling.rows[-1] + 8 == 21


def test_what_is_of_the_models_size_is_no_tile(tmp_path):
    digits = ist.load_images("digits")
    model = ist.PCA(12).fit(digits.train)
    whole = ist.denoise(model, digits.test)
    Image.fromarray(np.asarray(digits.test)[0, ..., 0]).save(tmp_path / "a.png")
    (alone,) = ist.denoise(model, tmp_path / "a.png").files
    np.testing.assert_array_equal(alone.pixels, np.rint(whole[0] * 255))
    larger = np.tile(np.asarray(digits.test)[:2], (1, 2, 3, 1))
    assert ist.denoise(model, larger, overlap=0).shape == (2, 16, 24, 1)
    np.testing.assert_allclose(
        ist.denoise(model, larger, overlap=0)[:, 8:, 8:16], whole[:2], atol=1e-5
    )


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_picture_is_written_as_it_is(tmp_path, channels, alpha, bits):
    rng, kind = np.random.default_rng(0), np.uint8 if bits == 8 else np.uint16
    pixels = rng.integers(0, 2**bits, (9, 7, channels)).astype(kind)
    see = rng.integers(0, 2**bits, (9, 7)).astype(kind) if alpha else None
    save_png(tmp_path / "x.png", Picture("x", pixels, see, bits))
    with (tmp_path / "x.png").open("rb") as file:
        back = read_picture(file, "x", bits)
    np.testing.assert_array_equal(back.pixels, pixels)
    assert back.mode == ("L" if channels == 1 else "RGB") + "A" * alpha
    assert see is None or (back.alpha == see).all()
    for many in (1, 3):
        again = back.remade(back.planes(many, (-1, 1)), (-1, 1))
        assert np.abs(again.pixels.astype(int) - pixels).max() <= (0 if bits < 16 else 1)


def test_a_folder_is_cleaned_file_by_file(photographs, run, tmp_path):
    command = ("fit", "autoencoder", photographs, "--per", "patch", "--size", 8, "--latent-dim", 8,
               "--hidden", 64, "--noise", 0.08, "--max-steps", 150, "--seed", 0)  # fmt: skip
    code, _, err = run(*command, "-o", "m.safetensors")
    assert code == 0
    assert "skipped Wald/kaputt.png" in err
    assert ist.load_model(tmp_path / "m.safetensors").fitting_["per"] == "patch"
    command = ("denoise", "m.safetensors", photographs, "-o", "clean", "-o", "strip.png")
    code, _, err = run(*command)
    assert code == 0, err
    assert "in 2 to 135 tiles of 8x8 each, overlapping by half" in err
    assert err.count("skipped") == 2
    before, after = as_pictures(photographs), as_pictures(tmp_path / "clean")
    errors = []
    assert sorted(after.names) == sorted(CLEAN)
    for name in CLEAN:
        noise, clean = (one[one.names.tolist().index(name)] for one in (before, after))
        assert (clean.size, clean.mode) == (noise.size, noise.mode)
        assert clean.pixels.dtype == noise.pixels.dtype
        assert noise.alpha is None or (noise.alpha == clean.alpha).all()
        truth = CLEAN[name].reshape(noise.pixels.shape)
        wrong, left = (np.square(each.unit() - truth).mean() for each in (noise, clean))
        errors.append((left, wrong))
    left, wrong = np.transpose(errors[:-1])  # the smallest has detail that no other has
    assert (left < wrong).all()
    assert left.mean() < wrong.mean() / 2
    with Image.open("strip.png") as strip:
        assert strip.width > 600


def test_one_picture_is_written_in_its_own_size(photographs, run, tmp_path):
    model = ist.PCA(3).fit(np.stack([smooth(8, 8, 1, seed) for seed in range(9)]))
    model.save(tmp_path / "pca.safetensors")
    name = photographs / "Küste/Möwe.png"
    code, out, err = run("denoise", "pca.safetensors", name, "-o", "clean.png", "--json")
    assert code == 0
    assert "in 135 tiles of 8x8, overlapping by half" in err
    assert json.loads(out)["size"] == "40x61"
    with Image.open("clean.png") as clean:  # a model of grey cleans each of the colours
        assert (clean.size, clean.mode) == ((61, 40), "RGB")
    assert run("denoise", "pca.safetensors", name, "-o", "clean.npy")[0] == 0
    assert np.load("clean.npy").shape == (1, 40, 61, 3)
    run("denoise", "pca.safetensors", photographs / "Küste" / "*.png", "-o", "w")
    assert len(as_pictures(tmp_path / "w")) == 2
    for words, said in {
        ("-o", "all.npy"): "a .npy file holds one: write to a folder",
        ("-o", "x", "--overlap", 1): "--overlap 1.0 must be 0 to 0.9",
    }.items():
        code, _, err = run("denoise", "pca.safetensors", photographs, *words)
        assert code == 2
        assert said in err.splitlines()[-1]


def test_a_picture_is_reconstructed_in_its_own_size(photographs, run, tmp_path):
    patches = ist.load_images(photographs, per="patch", size=6)
    ist.PCA(108).fit(patches).save(tmp_path / "pca.safetensors")
    command = ("reconstruct", "pca.safetensors", photographs, "-o", "back", "--own-size")
    code, _, err = run(*command, "--images", "Möwe,hell")
    assert code == 0, err
    before, after = as_pictures(photographs), as_pictures(tmp_path / "back")
    assert list(after.names) == ["Küste/Möwe.png", "Wald/hell.png"]
    for picture in after:  # with as many numbers as there are values nothing is lost
        old = before[before.names.tolist().index(picture.name)]
        assert np.abs(picture.unit() - old.unit()).max() < 0.005
        assert picture.mode == old.mode
    assert run("reconstruct", "pca.safetensors", photographs, "-o", "x", "--split", "all")[0] == 0


def test_a_model_of_whole_images_says_what_would_be_better(photographs, run):
    run("fit", "pca", photographs, "--size", 8, "--n-components", 2, "-o", "pca.safetensors")
    _, _, err = run("denoise", "pca.safetensors", photographs, "-o", "clean")
    assert "learnt from whole images: `isthmus fit ... --per patch`" in err


def test_patches_are_of_all_images_and_stay_on_their_side_of_a_split(photographs):
    patches = ist.load_images(photographs, per="patch", size=6)
    assert patches.shape[1:] == (6, 6, 3)
    assert set(patches.names) == set(CLEAN)
    halves = [set(half.names) for half in (patches.train, patches.test)]
    assert not halves[0] & halves[1]
    again = ist.load_images(photographs, per="patch", size=6)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(patches))
    assert ist.load_images("digits", per="patch", size=4).shape[1:] == (4, 4, 1)
    with pytest.raises(ValueError, match=r"no image .* is as large as a patch of 99x99"):
        ist.load_images(photographs, per="patch", size=99)


def test_pictures_are_none_of_other_sources(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 4, 4), np.uint8))
    assert Pictures.read(tmp_path / "x.npy") is None
    assert Pictures.read("digits") is None
