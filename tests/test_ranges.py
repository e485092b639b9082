"""One set of pictures as uint8, 0..1, -1..1 and in other units: the same scores everywhere."""

import numpy as np
import pytest

import isthmus as ist
from isthmus import scores
from isthmus.codes import check_range, range_for
from isthmus.data.images import Images


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")[:300]


def in_units(images):
    """Return the same pictures in every kind of unit, and what their range is."""
    pixels = np.asarray(images)
    unit = (pixels / 255).astype(np.float32)
    rng = np.random.default_rng(0)
    return {
        "uint8": (pixels, (0, 1)),
        "unit": (unit, (0, 1)),
        "signed": (2 * unit - 1, (-1, 1)),
        "float64": (unit.astype(np.float64) * 0.9, (0, 1)),
        "bytes as floats": (pixels.astype(np.float32), (0, 255)),
        "reflectances": (np.rint(unit * 5885 - 448).astype(np.int16), (-448, 5437)),
        "z-scores": ((unit - 0.3) / 0.2, (-1.5, 3.5)),
        "constant": (np.full((4, 3, 3), 7.0), (7, 8)),
        "noisy": (unit + rng.normal(0, 0.1, unit.shape) * (unit == 1), None),
    }


def test_the_range_is_nominal_or_what_was_seen(digits):
    for kind, (values, wanted) in in_units(digits).items():
        found = Images(values).value_range
        wanted = wanted or (values.min(), values.max())
        assert found == pytest.approx(wanted, abs=1e-5), kind
    assert Images(np.array([[np.nan, -0.5], [np.inf, 0.5]])).value_range == (-1, 1)
    assert digits[::2].value_range == (0, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ist.PCA(3),
        lambda: ist.KMeans(3, random_state=0),
        lambda: ist.SOM((2, 2), random_state=0),
        lambda: ist.Autoencoder(2, hidden=(4,), max_steps=1),
        lambda: ist.VAE(2, hidden=(4,), max_steps=1),
        lambda: ist.PixelNet(2, max_steps=1, target="image"),
    ],
)
@pytest.mark.parametrize("kind", ["uint8", "unit", "signed", "bytes as floats"])
def test_every_fitted_model_knows_the_range_it_learned(make, kind, digits, tmp_path):
    values, wanted = in_units(digits)[kind]
    model = make().fit(Images(values))
    assert model.range_ == list(wanted)
    model.save(tmp_path / "m.safetensors")
    assert range_for(ist.load_model(tmp_path / "m.safetensors")) == wanted


def test_models_of_before_are_asked_what_they_can_say(digits):
    signed = Images(in_units(digits)["signed"][0])
    net = ist.Autoencoder(2, hidden=(4,), max_steps=1).fit(signed)
    pca = ist.PCA(2).fit(signed)
    del net.range_, pca.range_
    assert range_for(net) == (-1, 1)
    assert range_for(pca) == (0, 1)
    assert range_for(pca, signed) == (-1, 1)
    net.range_ = [-1.0, 0.98]  # the least and the greatest value, as it was once kept
    assert range_for(net) == (-1, 1)


def test_images_of_another_range_are_refused(digits):
    units = {kind: Images(values) for kind, (values, _) in in_units(digits).items()}
    fitted = {kind: ist.PCA(2).fit(units[kind]) for kind in ("uint8", "signed", "z-scores")}
    fitted["bytes as floats"] = ist.PCA(2).fit(units["bytes as floats"])
    for known, given in [("uint8", "signed"), ("signed", "uint8"), ("uint8", "bytes as floats"),
                         ("bytes as floats", "unit"), ("z-scores", "uint8")]:  # fmt: skip
        with pytest.raises(ValueError, match=r"PCA was fitted on images from .* scale them"):
            check_range(fitted[known], units[given])
    assert check_range(fitted["uint8"], units["unit"]) == (0, 1)
    assert check_range(fitted["uint8"], units["noisy"]) == (0, 1)
    assert check_range(fitted["signed"], Images(np.asarray(units["signed"])[:, :1])) == (-1, 1)


def test_psnr_and_ssim_are_those_of_scikit_image_in_any_unit():
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is the reference")
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (1, 24, 24), dtype=np.uint8)
    Y = np.clip(X + rng.normal(0, 20, X.shape), 0, 255).astype(np.uint8)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    pairs = {
        "uint8": (X, Y, None),
        "uint8, said": (X, Y, 255),
        "uint8 of few values": (X // 8, Y // 8, 31),
        "uint16": (X.astype(np.uint16) * 257, Y.astype(np.uint16) * 257, None),
        "unit": (X / 255, Y / 255, 1),
        "signed": (X / 127.5 - 1, Y / 127.5 - 1, 2),
        "0..255": (X.astype(float), Y.astype(float), 255),
        "int16": (X.astype(np.int16) * 20 - 448, Y.astype(np.int16) * 20 - 448, 5100),
    }
    for kind, (one, two, width) in pairs.items():
        wanted = metrics.peak_signal_noise_ratio(one, two, data_range=width)
        assert scores.psnr(one, two, data_range=width) == pytest.approx(wanted, abs=1e-5), kind
        wanted = metrics.structural_similarity(one[0], two[0], data_range=width, **options)
        assert scores.ssim(one, two, data_range=width) == pytest.approx(wanted, abs=1e-5), kind


def test_the_default_is_the_nominal_range_of_the_arrays():
    rng = np.random.default_rng(0)
    X, Y = (rng.integers(0, 256, (3, 12, 12, 1), dtype=np.uint8) for _ in range(2))
    X.flat[:2] = 0, 255
    right, alike = scores.psnr(X, Y), scores.ssim(X, Y)
    assert right == pytest.approx(10 * np.log10(255**2 / np.square(X - Y.astype(float)).mean()))
    for one, two in [(X / 255, Y / 255), (X / 127.5 - 1, Y / 127.5 - 1), (Images(X), Y / 255),
                     (X.astype(float), Y.astype(float)), (X / 255, Y)]:  # fmt: skip
        assert scores.psnr(one, two) == pytest.approx(right, abs=1e-4)
    assert scores.ssim(X / 255, Y / 255) == pytest.approx(alike, abs=1e-6)
    assert scores.psnr(X, Y.astype(float), data_range=255) == pytest.approx(right)
    with pytest.raises(ValueError, match="pass data_range=255"):
        scores.psnr(X, Y.astype(float))
