"""Image files compressed by models whose codes are grids: each in its own size."""

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.codec.archive import Archive

SPATIAL = {"architecture": "spatial", "channels": (8,), "max_steps": 20, "random_state": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Smooth pictures of several sizes: in colour, in grey, one transparent, one of one pixel."""
    out, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    kinds = {"a": (40, 57, "RGB"), "b": (24, 24, "L"), "c": (33, 70, "RGBA"), "d": (1, 1, "RGB")}
    for name, (h, w, mode) in kinds.items():
        y, x = np.mgrid[:h, :w] / 9
        waves = [np.sin(u * x + v * y) for u, v in rng.normal(size=(len(mode), 2))]
        pixels = np.uint8(np.stack(waves, -1) * 100 + 128)
        Image.fromarray(pixels.squeeze(-1) if mode == "L" else pixels, mode).save(
            out / f"{name}.png"
        )
    return out


@pytest.fixture(scope="module")
def squares():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:32, :32] / 9
    waves = [np.sin(u * x + v * y) for u, v in rng.normal(size=(36, 2))]
    return np.uint8(np.reshape(waves, (12, 3, 32, 32)).transpose(0, 2, 3, 1) * 100 + 128)


@pytest.mark.parametrize(
    "made",
    [
        lambda: ist.Autoencoder(6, **SPATIAL),
        lambda: ist.VAE(6, **SPATIAL),
        lambda: ist.Autoencoder(quantizer="fsq", levels=(5, 5, 5), **SPATIAL),
        lambda: ist.PCA(12, patch=4),
        lambda: ist.PCA(8, patch=6, stride=4),
        lambda: ist.KMeans(20, patch=3, random_state=0),
    ],
    ids=["spatial", "vae", "indices", "patches", "overlapping", "prototypes"],
)
def test_files_come_back_in_their_sizes_as_the_model_decodes_them(made, folder, squares, tmp_path):
    model = made().fit(squares)
    found = ist.compress(model, folder, tmp_path / "f.isth")
    archive = Archive.read(tmp_path / "f.isth", model)
    squared = values = 0
    for picture, name in zip(archive.pictures(), "abcd", strict=True):
        with Image.open(folder / f"{name}.png") as file:
            original = np.atleast_3d(np.asarray(file))
        pixels, alpha = original[..., :3], original[..., 3:]
        assert picture.pixels.shape == pixels.shape
        if alpha.size:
            assert np.array_equal(picture.alpha, alpha[..., 0])
        squared += np.square(picture.pixels / 255 - pixels / 255).sum()
        values += pixels.size
    assert found.psnr == pytest.approx(-10 * np.log10(squared / values), abs=0.01)
    assert found.bytes_per_image < 3000


def test_a_quality_is_reached_and_what_is_rounded_decodes(folder, squares, tmp_path):
    model = ist.PCA(30, patch=4).fit(squares)
    sizes = []
    for quality in (24, 34):
        found = ist.compress(model, folder, tmp_path / "f.isth", quality=quality)
        assert quality <= found.psnr < quality + 1
        sizes.append(found.nbytes)
    assert sizes[0] < sizes[1]
    layout = Archive.read(tmp_path / "f.isth", model).layout
    symbols = np.random.default_rng(0).integers(-3, 4, (4 * 5, layout.quantizer.columns))
    codes = layout.quantizer.codes(symbols).reshape(1, 4, 5, -1)
    decoded = model.decode(codes, size=(15, 18))[0].clip(0, 1)
    assert np.array_equal(layout.plane(symbols, (15, 18)), decoded)


def test_bands_that_files_cannot_hold_are_refused(folder, tmp_path):
    X = np.random.default_rng(0).random((6, 12, 12, 6), dtype=np.float32)
    model = ist.Autoencoder(2, **SPATIAL).fit(X)
    with pytest.raises(ValueError, match="1 or 3 channels"):
        ist.compress(model, folder, tmp_path / "f.isth")
    assert not (tmp_path / "f.isth").exists()
