"""Images brought to the shape a model knows: one way for all verbs, said, and undone."""

import re

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data import folder as folders
from isthmus.data.fitting import restored, size_changes
from isthmus.data.images import Images
from isthmus.explorer.opened import opened


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
    seen = np.asarray(ist.load_images(smooth[None], size=32, fit=fit))[0]
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
    images = ist.load_images(photographs, size=(24, 40), fit="pad", color="grey")
    ist.KMeans(2, random_state=0).fit(images).save(tmp_path / "k.safetensors")
    model = ist.load_model(tmp_path / "k.safetensors")
    again = ist.load_images(photographs, like=model)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(images))
    np.testing.assert_array_equal(again.changes, images.changes)
    assert model.fitting_ == {"fit": "pad", "color": "grey", "dtype": "uint8", "per": "image"}


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
        ist.load_images(source, like=model, size=4)


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
    shown = opened([str(tmp_path / "pca.safetensors"), str(photographs)]).images
    np.testing.assert_array_equal(
        np.asarray(shown), np.asarray(ist.load_images(photographs, like=model))
    )
    np.testing.assert_array_equal(model.encode(shown), np.load(tmp_path / "codes.npy"))
