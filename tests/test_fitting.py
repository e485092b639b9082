"""Images brought to the shape a model knows: one way for all verbs, said, and undone."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data import folder as folders
from isthmus.data.adjust import restored
from isthmus.data.fitting import size_changes
from isthmus.data.images import Images
from isthmus.data.readers import in_own_sizes
from isthmus.explorer.inputs import inputs_of


def picture(height, width, seed=0):
    """Return a smooth picture with fine detail in it."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return (smooth + rng.integers(-20, 21, smooth.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def photographs(tmp_path):
    """Files of every kind that is read otherwise than as it lies there; some in a sub-folder."""
    there = tmp_path / "photographs"
    (there / "b").mkdir(parents=True)
    Image.fromarray(picture(48, 72)).save(there / "landscape.png")
    Image.fromarray(picture(72, 48, 1)).save(there / "portrait.jpg", quality=95)
    Image.fromarray(picture(32, 32, 2)).save(there / "b" / "square.png")
    Image.fromarray(picture(40, 60, 3)).convert("L").save(there / "grey.png")
    clear = Image.fromarray(picture(60, 40, 4)).convert("RGBA")
    clear.putalpha(Image.fromarray(picture(60, 40, 5)).convert("L"))
    clear.save(there / "transparent.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(50, 80, 6)).save(there / "turned.jpg", exif=exif, quality=95)
    return there


@pytest.fixture
def model(tmp_path):
    found = ist.PCA(3).fit(np.stack([picture(32, 32, seed) for seed in range(5)]))
    found.save(tmp_path / "pca.safetensors")
    return found


@pytest.mark.parametrize(
    ("size", "fit", "bits"),
    [
        ((32, 32), "crop", 0),
        ((64, 64), "crop", 1),
        ((64, 32), "crop", 2),
        ((481, 321), "crop", 3),
        ((64, 32), "pad", 1 + 4),
        ((32, 20), "pad", 4),
        ((64, 32), "stretch", 8),
        ((64, 64), "stretch", 1),
        ((65, 64), "crop", 1),  # less than a pixel of the result is lost
    ],
)
def test_what_is_done_is_known_from_sizes(size, fit, bits):
    assert size_changes([size], (32, 32), fit).tolist() == [bits]


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
@pytest.mark.parametrize("size", [(48, 72), (72, 48), (64, 64), (20, 90)])
def test_size_is_given_back(size, fit):
    rows, columns = np.indices(size) / np.array(size).reshape(2, 1, 1)
    smooth = (0.2 + 0.5 * rows + 0.2 * columns)[..., None].astype(np.float32)
    seen = np.asarray(ist.load_images(smooth[None], size=32, resize=fit))[0]
    back = restored(seen, size, fit)
    if fit == "crop" and size != (64, 64):
        assert back is None
        return
    assert back.shape == (*size, 1)
    assert np.abs(back - smooth).max() < 0.05  # a wrong box or shift would be off by .1 and more


def test_images_know_what_was_done_to_them(photographs):
    images = ist.load_images(photographs, size=32)
    order = [name.split("/")[-1].split(".")[0] for name in images.names]
    assert order == ["square", "grey", "landscape", "portrait", "transparent", "turned"]
    assert images.sizes[order.index("portrait")].tolist() == [72, 48]
    assert images.sizes[order.index("turned")].tolist() == [80, 50]  # the right way up
    assert re.match(r"5 of 6 images were changed: 5 scaled and cut \(from ", images.changed)
    assert "1 turned to RGB" in images.changed
    assert "1 with transparency laid over white" in images.changed
    assert images[:1].changed == ""
    assert images[images.sizes[:, 0] == 72].changed == (
        "1 of 1 image was changed: 1 scaled and cut (from 72x48 to 32x32)"
    )


def test_packed_files_keep_what_was_done(photographs, monkeypatch, tmp_path):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    plain = ist.load_images(photographs, size=32)
    monkeypatch.setattr(folders, "memory_allowed", lambda: 0)
    for again in (ist.load_images(photographs, size=32) for _ in range(2)):
        assert isinstance(again.data, np.memmap)
        np.testing.assert_array_equal(again.sizes, plain.sizes)
        np.testing.assert_array_equal(again.changes, plain.changes)


def test_named_sets_are_what_they_are():
    assert ist.load_images("digits").changed == ""
    assert ist.load_images("digits", size=4).changed.startswith("1,797 of 1,797 images were")


def test_a_model_remembers_how_its_images_were_loaded(photographs, tmp_path):
    images = ist.load_images(photographs, size=(24, 40), resize="pad", color="grey")
    ist.KMeans(2, random_state=0).fit(images).save(tmp_path / "k.safetensors")
    model = ist.load_model(tmp_path / "k.safetensors")
    again = ist.load_images(photographs, like=model)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(images))
    np.testing.assert_array_equal(again.changes, images.changes)
    kept = {"fit": "pad", "color": "grey", "dtype": "uint8", "per": "image", "bits": None}
    kept |= {"value_range": None, "range_by": "type", "layout": "auto", "nth": None}
    assert model.fitting_ == kept


def test_models_of_older_files_crop(model, photographs):
    del model.fitting_
    again = ist.load_images(photographs, like=model)
    expected = ist.load_images(photographs, size=32, color="rgb")
    np.testing.assert_array_equal(np.asarray(again), np.asarray(expected))


@pytest.mark.parametrize("kind", ["zip", "npy", "npz", "array", "images", "parquet"])
def test_every_kind_of_source_is_brought_to_a_model(kind, model, tmp_path):
    pixels = np.stack([picture(48, 40, seed) for seed in range(3)])
    source = tmp_path / f"source.{kind}"
    if kind == "npy":
        np.save(source, pixels)
    elif kind == "npz":
        np.savez(source, x=pixels)
    elif kind in ("zip", "parquet"):
        source = _packed(source, pixels)
    else:
        source = Images(pixels) if kind == "images" else pixels
    found = ist.load_images(source, like=model)
    assert found.shape == (3, 32, 32, 3)
    assert found.changed == ("3 of 3 images were changed: 3 scaled and cut (from 48x40 to 32x32)")
    expected = np.asarray(ist.load_images(pixels, size=32))
    assert np.abs(np.asarray(found).astype(int) - expected).max() <= 1


def _packed(path, pixels):
    import io
    import zipfile

    files = []
    for image in pixels:
        files.append(io.BytesIO())
        Image.fromarray(image).save(files[-1], "png")
    contents = [file.getvalue() for file in files]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for row, content in enumerate(contents):
                archive.writestr(f"{row}.png", content)
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        import pyarrow

        parquet.write_table(pyarrow.table({"image": contents}), path)
    return path


def test_only_the_chosen_rows_are_brought_to_a_model(model):
    many = Images(np.stack([picture(48, 40, seed) for seed in range(4)]), y=[0, 1, 2, 3])
    found = ist.load_images(many[[3, 1]], like=model)
    expected = ist.load_images(np.asarray(many)[[3, 1]], size=32)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    assert found.y.tolist() == [3, 1]


def test_models_of_single_pixels_are_given_pixels(photographs, tmp_path):
    model = ist.KMeans(2, random_state=0).fit(ist.load_images(photographs, size=8, per="pixel"))
    pixels = ist.load_images(picture(6, 7)[None], like=model)
    assert pixels.shape == (42, 3)
    assert model.encode(pixels).shape == (42,)
    assert ist.load_images(picture(6, 7)[None], like=model, per="image").shape == (1, 6, 7, 3)


def test_models_of_any_size_leave_the_size_alone():
    model = ist.PixelNet(2, channels=4, epochs=1, random_state=0).fit(
        np.stack([picture(8, 8, seed) for seed in range(2)])
    )
    found = ist.load_images(picture(20, 30)[None], like=model)
    assert found.shape == (1, 20, 30, 3)
    assert found.changed == ""


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (np.zeros((2, 6, 7, 6), np.float32), "give images of 3 channels"),
        (np.zeros((2, 9), np.float32), "give images of 3 channels"),
    ],
)
def test_what_cannot_be_fitted_is_refused(model, source, what):
    with pytest.raises(ValueError, match=f"was fitted on images of shape.*{what}"):
        ist.load_images(source, like=model)
    vectors = ist.PCA(2).fit(np.random.default_rng(0).random((9, 5)))
    with pytest.raises(ValueError, match="give vectors of 5 numbers"):
        ist.load_images(source, like=vectors)
    with pytest.raises(ValueError, match="like= decides"):
        ist.load_images(source, like=model, longest=4)


def test_what_is_asked_for_has_to_be_what_a_model_can_take(model):
    tall = picture(40, 32)[None]
    stretched, cut = (ist.load_images(tall, like=model, resize=how) for how in ("stretch", None))
    assert stretched.shape == cut.shape == (1, 32, 32, 3)
    assert not np.array_equal(stretched, cut)
    assert ist.load_images(tall, like=model, size=32, color="rgb").shape == (1, 32, 32, 3)
    with pytest.raises(ValueError, match="size=4x4: this PCA was fitted on images of 32x32x3"):
        ist.load_images(tall, like=model, size=4)
    with pytest.raises(ValueError, match=r"color=grey: this PCA .*, rgb, and takes no others"):
        ist.load_images(tall, like=model, color="grey")


def test_a_command_reads_images_as_it_is_told(model, run, tmp_path):
    model.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "tall.npy", np.stack([picture(40, 32, seed) for seed in range(3)]))
    asked = ("reconstruct", "m.safetensors", "tall.npy", "-o")
    for how in ("pad", "crop"):
        assert run(*asked, f"{how}.npy", "--resize", how)[0] == 0
    assert not np.array_equal(np.load(tmp_path / "pad.npy"), np.load(tmp_path / "crop.npy"))
    code, out, err = run(*asked, "x.npy", "--size", "40x32")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--size 40x32: this PCA was fitted on images of 32x32x3" in err


def test_six_bands_are_brought_to_a_model():
    rng = np.random.default_rng(0)
    model = ist.PCA(2).fit(rng.random((5, 8, 8, 6)).astype(np.float32))
    found = ist.load_images(rng.random((1, 20, 30, 6)).astype(np.float32), like=model)
    assert found.shape == (1, 8, 8, 6)
    assert "1 scaled and cut (from 20x30 to 8x8)" in found.changed


def test_command_and_explorer_give_a_model_the_same_pixels(run, photographs, model, tmp_path):
    code, _, err = run("encode", "pca.safetensors", photographs, "-o", "codes.npy")
    assert code == 0
    assert "5 of 6 images were changed: 5 scaled and cut" in err
    shown = inputs_of(tmp_path / "pca.safetensors", str(photographs)).images
    np.testing.assert_array_equal(
        np.asarray(shown), np.asarray(ist.load_images(photographs, like=model))
    )
    np.testing.assert_array_equal(model.encode(shown), np.load(tmp_path / "codes.npy"))


def sizes_in(folder):
    found = {}
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as image:
            found[path.relative_to(folder).as_posix()] = image.size[::-1]
    return found


def test_lossless_refuses_changed_images(run, photographs, model, tmp_path):
    words = ("compress", "pca.safetensors", photographs, "-o", "x.isth")
    code, _, err = run(*words, "--lossless")
    assert (code, err.count("\n")) == (2, 1)
    assert "lossless would not give back what was read: 5 of 6 images were changed" in err
    assert not (tmp_path / "x.isth").exists()
    changed = ist.load_images(photographs, like=model)
    with pytest.raises(ValueError, match="lossless would not give back"):
        ist.compress(model, changed, tmp_path / "x.isth", lossless=True)
    ist.compress(model, np.asarray(changed), tmp_path / "x.isth", lossless=True)
    np.testing.assert_array_equal(ist.decompress(tmp_path / "x.isth", model), changed)


def test_lossless_keeps_what_is_as_it_was(run, photographs, model, tmp_path):
    code, _, err = run(
        "compress", "pca.safetensors", photographs / "b", "-o", "x.isth", "--lossless"
    )
    assert (code, err) == (0, "")
    assert run("decompress", "x.isth", "-o", "back")[0] == 0
    with Image.open(tmp_path / "back" / "square.png") as back:
        np.testing.assert_array_equal(np.asarray(back), picture(32, 32, 2))


def test_psnr_says_what_it_is_against(run, photographs, model, tmp_path):
    _, out, err = run(
        "compress", "pca.safetensors", photographs, "-o", "x.isth", "--json", "--whole"
    )
    sentence = json.loads(out)["changed"]
    assert sentence in err
    found = ist.compress(model, ist.load_images(photographs, like=model), tmp_path / "y.isth")
    assert found.note == f"PSNR is against the changed images: {sentence}"
    _, out, _ = run(
        "compress", "pca.safetensors", photographs, "-o", "x.isth", "--force", "--whole"
    )
    assert found.note in out


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_names_and_sizes_come_back(run, photographs, tmp_path, fit):
    model = ist.PCA(3).fit(ist.load_images(photographs, size=32, resize=fit))
    model.save(tmp_path / "m.safetensors")
    expected = {
        "b/square.png": (32, 32), "grey.png": (40, 60), "landscape.png": (48, 72),
        "portrait.png": (72, 48), "transparent.png": (60, 40), "turned.png": (80, 50),
    }  # fmt: skip
    if fit == "crop":  # parts are gone for good
        expected = dict.fromkeys(expected, (32, 32))
    run("compress", "m.safetensors", photographs, "-o", "x.isth", "--whole")
    for verb in (("decompress", "x.isth"), ("denoise", "m.safetensors", photographs, "--whole")):
        code, out, _ = run(*verb, "-o", verb[0], "--json")
        assert code == 0
        assert sizes_in(tmp_path / verb[0]) == expected
        said = {"crop": "5 stay 32x32: parts of them were cut off to fit the model"}
        assert json.loads(out)["sizes"] == said.get(fit, "5 scaled back to the size they had")


def test_models_of_any_size_keep_every_size(run, photographs, tmp_path):
    model = ist.PixelNet(2, channels=4, epochs=1, random_state=0)
    model.fit(ist.load_images(photographs, size=8)).save(tmp_path / "m.safetensors")
    code, out, err = run("reconstruct", "m.safetensors", photographs, "-o", "r", "--json")
    assert code == 0
    assert sizes_in(tmp_path / "r")["turned.png"] == (80, 50)
    assert sizes_in(tmp_path / "r")["landscape.png"] == (48, 72)
    sentence = "2 of 6 images were changed: 1 turned to RGB, 1 with transparency laid over white"
    assert sentence in err
    assert json.loads(out)["changed"] == sentence
    with Image.open(tmp_path / "r" / "landscape.png") as back:
        alone = model.decode(model.encode(picture(48, 72)[None]))[0]
        np.testing.assert_allclose(np.asarray(back) / 255, alone.clip(0, 1), atol=0.003)


def test_files_of_one_name_stay_apart(run, model, tmp_path):
    there = tmp_path / "alike"
    there.mkdir()
    for name in ("a.png", "a.bmp", "A.tif"):
        Image.fromarray(picture(32, 32)).save(there / name)
    assert run("reconstruct", "pca.safetensors", there, "-o", "r")[0] == 0
    assert set(sizes_in(tmp_path / "r")) == {"A.png", "a-2.png", "a-3.png"}


@pytest.mark.parametrize("header", [{}, {"sizes": "AAAA", "fit": "crop"}])
def test_files_without_sizes_or_with_damaged_ones(run, photographs, tmp_path, header, monkeypatch):
    from isthmus.codec import compress as archive

    model = ist.PCA(3).fit(ist.load_images(photographs, size=32, resize="pad"))
    monkeypatch.setattr(archive, "sizes_packed", lambda images: header)
    images = ist.load_images(photographs, like=model)
    ist.compress(model, images, tmp_path / "x.isth", embed=True)
    code, _, err = run("decompress", "x.isth", "-o", "back")
    if header:
        assert code == 2
        assert "is damaged" in err
    else:
        assert set(sizes_in(tmp_path / "back").values()) == {(32, 32)}


@pytest.mark.parametrize(
    "words",
    [
        ("encode", "-o", "z.npy"),
        ("map", "-o", "m.png"),
        ("nearest", "-o", "n.png", "--images", "0", "-n", "2"),
        ("novelty", "-o", "s.png"),
        ("cluster", "-o", "c", "--n-clusters", "2"),
        ("morph", "-o", "m.png", "--images", "0,1"),
        ("traverse", "-o", "t.png"),
        ("segment", "-o", "s"),
    ],
    ids=lambda words: words[0],
)
def test_every_verb_says_what_was_changed(run, photographs, model, tmp_path, words):
    if words[0] == "segment":
        model = ist.KMeans(2, random_state=0).fit(
            ist.load_images(photographs, size=8, per="pixel")
        )
        model.save(tmp_path / "pca.safetensors")
    verb, *options = words
    code, out, err = run(verb, "pca.safetensors", photographs, *options, "--json")
    assert code == 0, err
    sentence = json.loads(out)["changed"]
    assert re.match(r"[25] of 6 images were changed: ", sentence)
    assert sentence in err


def test_named_sets_go_the_same_way(run, tmp_path):
    ist.PCA(3).fit(ist.load_images("digits")).save(tmp_path / "m.safetensors")
    code, out, err = run("encode", "m.safetensors", "glyphs", "-o", "z.npy", "--json")
    assert code == 0
    sentence = "32 of 32 images were changed: 32 scaled and cut (from 7x5 to 8x8)"
    assert sentence in err
    assert json.loads(out)["changed"] == sentence


@pytest.mark.parametrize("family", ["pca", "pixelnet"])
def test_pixels_get_the_range_a_model_was_fitted_on(photographs, family):
    pixels = np.stack([picture(32, 32, seed) for seed in range(5)]) / np.float32(127.5) - 1
    model = ist.PCA(3) if family == "pca" else ist.PixelNet(2, channels=4, epochs=1)
    model.fit(pixels)
    found = ist.load_images(photographs, like=model)
    plain = ist.load_images(photographs, size=found.shape[1:3])
    np.testing.assert_allclose(found, np.asarray(plain) / np.float32(127.5) - 1, atol=1e-6)
    for group in in_own_sizes(found, photographs, model):
        assert group.value_range == (-1, 1)


def test_a_file_opened_in_the_explorer_is_what_the_commands_read(photographs, tmp_path):
    from isthmus.explorer.api import Refused, Verbs
    from isthmus.explorer.manifest import View

    for fit, size, color in (
        ("crop", 32, "rgb"),
        ("pad", (24, 40), "grey"),
        ("stretch", 9, "rgb"),
    ):
        known = ist.load_images(photographs, size=size, resize=fit, color=color)
        model = ist.PCA(3).fit(known)
        verbs = Verbs(View({"pca": model}, known, cache=tmp_path / fit, show=False))
        for name, pixels in zip(known.names, np.asarray(known), strict=True):
            seen = verbs.answer("open", {}, (photographs / name).read_bytes())
            np.testing.assert_array_equal(seen, pixels[None])
            code = np.frombuffer(verbs.answer("encode", {"model": "pca"}, seen.tobytes()), "<f4")
            expected = model.encode(ist.load_images(photographs, like=model)[known.names == name])
            np.testing.assert_allclose(code, expected[0], rtol=1e-6)
    for body in (b"", b"no image", (photographs / "grey.png").read_bytes()[:200]):
        with pytest.raises(Refused, match="this file cannot be read: "):
            verbs.answer("open", {}, body)


def test_models_fitted_by_other_rules_are_named(run, photographs, model, tmp_path):
    padded = ist.PCA(3).fit(ist.load_images(photographs, size=32, resize="pad"))
    padded.save(tmp_path / "padded.safetensors")
    _, _, err = run(
        "rd", "pca.safetensors", "padded.safetensors", photographs, "-o", "r.json", "--formats", ""
    )
    assert "isthmus: fitted as pca (crop), not as padded (pad)\n" in err
