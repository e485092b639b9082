"""One set of pictures as uint8, 0..1, -1..1 and in other units: the same scores everywhere."""

import json

import numpy as np
import PIL.Image
import pytest

import isthmus as ist
from isthmus import metrics as scores
from isthmus.codec.compressed import CompressedFile
from isthmus.data.corrupt import with_noise
from isthmus.data.images import Images
from isthmus.data.rotated import rotated
from isthmus.explorer.manifest import View
from isthmus.latent.codes import check_range, range_for
from isthmus.plots.pixels import limits_of, to_pixels
from isthmus.verbs.denoise import denoise


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")[:150]


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
        "bytes as floats": (pixels.astype(np.float32), (0, 1)),
        "thousands": (pixels.astype(np.float32) * 4, (0, 1020)),
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
@pytest.mark.parametrize("kind", ["uint8", "unit", "signed", "bytes as floats", "thousands"])
def test_every_fitted_model_knows_the_range_it_learned(make, kind, digits, tmp_path):
    values, wanted = in_units(digits)[kind]
    model = make().fit(Images(values))
    assert model.range_ == list(wanted)
    model.save(tmp_path / "m.safetensors")
    assert range_for(ist.load_model(tmp_path / "m.safetensors")) == wanted


def test_models_of_before_are_asked_what_they_can_say(digits):
    signed = Images(in_units(digits)["signed"][0])
    net = ist.Autoencoder(2, hidden=(4,), max_steps=1, init="glorot_uniform").fit(signed)
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
    fitted["thousands"] = ist.PCA(2).fit(units["thousands"])
    for known, given in [("uint8", "signed"), ("signed", "uint8"), ("uint8", "thousands"),
                         ("thousands", "unit"), ("z-scores", "uint8")]:  # fmt: skip
        with pytest.raises(ValueError, match=r"PCA was fitted on images from .* scale them"):
            check_range(fitted[known], units[given])
    assert check_range(fitted["uint8"], units["unit"]) == (0, 1)
    assert check_range(fitted["uint8"], units["noisy"]) == (0, 1)
    assert check_range(fitted["uint8"], Images(with_noise(digits, "gaussian", 0.4))) == (0, 1)
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
        said = 65535 if kind == "uint16" else width
        wanted = metrics.peak_signal_noise_ratio(one, two, data_range=width)
        assert scores.psnr(one, two, data_range=width) == pytest.approx(wanted, abs=1e-5), kind
        wanted = metrics.structural_similarity(one[0], two[0], data_range=said, **options)
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


UNITS = ["uint8", "unit", "signed", "thousands"]


@pytest.mark.parametrize("kind", ["gaussian", "salt_and_pepper", "bit_flip", "masking"])
def test_noise_is_the_same_in_any_unit(kind, digits):
    wanted = with_noise(digits, kind, 0.3)
    for unit in UNITS[1:]:
        values, (low, high) = in_units(digits)[unit]
        found = (with_noise(values, kind, 0.3) - low) / (high - low)
        np.testing.assert_allclose(found, wanted, atol=1e-5, err_msg=unit)


def test_denoising_is_measured_alike_in_any_unit(digits):
    noises, tables = "gaussian:0.2,salt_and_pepper:0.2", {}
    for unit in UNITS:
        images = Images(in_units(digits)[unit][0])
        model = ist.PCA(12).fit(images[:140])
        rows = denoise(model, images[140:], noises, images[:140], split="all").table()
        tables[unit] = {(r["noise"], r["method"]): (r["before"], r["after"]) for r in rows}
    for unit in UNITS[1:]:
        assert tables[unit].keys() == tables["uint8"].keys()
        for key, wanted in tables["uint8"].items():
            assert tables[unit][key] == pytest.approx(wanted, abs=0.01), (unit, key)


def test_denoised_images_keep_to_the_range_learned(digits):
    signed = Images(in_units(digits)["signed"][0])
    noisy = with_noise(signed, "gaussian", 0.5)
    model = ist.PCA(30).fit(signed)
    assert np.abs(model.decode(model.encode(noisy))).max() > 1
    assert np.abs(denoise(model, noisy)).max() == 1


def test_a_study_scores_the_same_pictures_alike(digits):
    found = {}
    for unit in UNITS:
        result = ist.study(Images(in_units(digits)[unit][0]), models=["pca"], width=8)
        found[unit] = [result.scores[0][name] for name in ("psnr", "ssim")]
        said = [note for note in result.notes if "PSNR and SSIM are of values" in note]
        assert len(said) == (unit in ("signed", "thousands"))
    for unit in UNITS[1:]:
        assert found[unit] == pytest.approx(found["uint8"], abs=1e-3)
    table = np.random.default_rng(0).normal(5, 3, (40, 4))
    assert ist.study(table, models=["pca"], width=2).scores[0]["psnr"] is None


def test_pictures_are_the_same_in_any_unit(digits):
    few = digits[:6]
    for unit, (values, ends) in in_units(few).items():
        if unit in UNITS:
            assert limits_of(Images(values)) == pytest.approx(ends, abs=0.1)
            np.testing.assert_allclose(
                to_pixels(values, ends).astype(int), to_pixels(np.asarray(few)), atol=1
            )
    np.testing.assert_allclose(
        to_pixels(in_units(few)["signed"][0]).astype(int), to_pixels(np.asarray(few)), atol=1
    )


def test_commands_write_files_in_the_range_of_the_model(run, digits, tmp_path):
    signed = in_units(digits)["signed"][0]
    np.save(tmp_path / "signed.npy", signed)
    assert run("fit", "pca", "signed.npy", "--n-components", 8, "-o", "p.safetensors")[0] == 0
    model = ist.load_model("p.safetensors")
    back = (model.decode(model.encode(signed)).clip(-1, 1) + 1) * 127.5
    np.save("codes.npy", model.encode(signed))
    for verb, source in [("reconstruct", "signed.npy"), ("denoise", "signed.npy"),
                         ("decode", "codes.npy")]:  # fmt: skip
        assert run(verb, "p.safetensors", source, "-o", verb)[0] == 0
        files = sorted((tmp_path / verb).glob("*.png"))
        pixels = np.stack([np.asarray(PIL.Image.open(file)) for file in files])
        np.testing.assert_allclose(pixels, back[..., 0], atol=0.51, err_msg=verb)
    code, out, _ = run("denoise", "p.safetensors", "signed.npy", "-o", "d.png",
                       "--noise", "gaussian:0.1", "--json")  # fmt: skip
    assert code == 0
    # noise of a tenth of the range is 20 dB below it, less what is cut off at its ends
    assert 20 < json.loads(out)["rows"][0]["before"] < 22.5
    assert run("fit", "pca", "digits", "-o", "u.safetensors", "--n-components", 8)[0] == 0
    code, _, err = run("reconstruct", "u.safetensors", "signed.npy", "-o", "other.npy")
    assert code == 2
    assert "fitted on images from 0 to 1, these are from -1 to 1" in err
    assert run("reconstruct", "p.safetensors", "digits", "-o", "as-signed.npy")[0] == 0
    units = np.asarray(ist.load_images("digits")) / 127.5 - 1  # files are brought to the range
    np.testing.assert_allclose(
        np.load("as-signed.npy"), model.decode(model.encode(units)), atol=1e-5
    )


def test_files_and_rates_are_measured_alike_in_any_unit(digits, tmp_path):
    found, bytes_of, points = {}, {}, {}
    for unit in UNITS:
        values, ends = in_units(digits)[unit]
        images = Images(values[:100])
        model = ist.PCA(12).fit(images)
        file = ist.compress(model, images, tmp_path / "x.isth")
        found[unit], bytes_of[unit] = file.psnr, file.nbytes
        asked = ist.compress(model, images, tmp_path / "x.isth", quality=15)
        assert 15 <= asked.psnr < 15.05
        assert CompressedFile.read(tmp_path / "x.isth", model).ends == ends
        of = {"points": 2, "split": "all"}
        rates = ist.rate_distortion({"pca": model}, images, ["jpeg", "png"], **of)
        points[unit] = [(p.codec, p.bytes_per_image, p.psnr, p.ssim) for p in rates]
    for unit in UNITS[1:]:
        assert found[unit] == pytest.approx(found["uint8"], abs=0.01), unit
        assert bytes_of[unit] == pytest.approx(bytes_of["uint8"], abs=60), unit
        for ours, theirs in zip(points[unit], points["uint8"], strict=True):
            assert ours[0] == theirs[0]
            assert ours[1] == pytest.approx(theirs[1], abs=0.3)
            assert ours[2:] == pytest.approx(theirs[2:], abs=0.02)


def test_codecs_refuse_images_of_another_range(digits, tmp_path):
    model = ist.PCA(8).fit(digits)
    signed = Images(in_units(digits)["signed"][0])
    with pytest.raises(ValueError, match="fitted on images from 0 to 1, these are from -1 to 1"):
        ist.compress(model, signed, tmp_path / "x.isth")
    with pytest.raises(ValueError, match="fitted on images from 0 to 1"):
        ist.rate_distortion({"pca": model}, signed, ["png"])
    with pytest.raises(ValueError, match="fitted on images from 0 to 1"):
        denoise(model, signed, "gaussian:0.1")
    assert not list(tmp_path.iterdir())


def test_decompressed_files_are_in_the_range_compressed(run, digits, tmp_path):
    signed = Images(in_units(digits)["signed"][0][:20])
    model = ist.PCA(8).fit(signed)
    ist.compress(model, signed, tmp_path / "x.isth", embed=True)
    assert run("decompress", "x.isth", "-o", "back")[0] == 0
    files = sorted((tmp_path / "back").glob("*.png"))
    pixels = np.stack([np.asarray(PIL.Image.open(file)) for file in files])
    wanted = 127.5 * (ist.decompress(tmp_path / "x.isth").clip(-1, 1) + 1)
    np.testing.assert_allclose(pixels, wanted[..., 0], atol=0.51)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_images_keep_their_range_when_they_are_resized(fit, digits):
    unit, signed = (in_units(digits)[kind][0] for kind in ("unit", "signed"))
    small = {}
    for kind, values in (("unit", unit), ("signed", signed)):
        images = ist.load_images(values, size=(20, 28), resize=fit)
        small[kind] = np.asarray(images)
        assert images.value_range == Images(values).value_range
    np.testing.assert_allclose((small["signed"] + 1) / 2, small["unit"], atol=1e-5)


def test_corners_of_turned_images_are_black_in_any_unit(digits):
    found = {}
    for unit in ("unit", "signed"):
        values, (low, high) = in_units(digits[:5])[unit]
        turned = rotated(values, size=12, angles=[45, 30, 20, 10, 5])
        assert turned.value_range == (low, high)
        found[unit] = (np.asarray(turned) - low) / (high - low)
    np.testing.assert_allclose(found["signed"], found["unit"], atol=1e-5)


def test_the_explorer_draws_the_range_of_the_models(digits):
    signed = Images(in_units(digits)["signed"][0])
    model = ist.PCA(2).fit(signed)
    assert View({"pca": model}, signed).ends == (-1, 1)
    with pytest.raises(ValueError, match="fitted on images from -1 to 1, these are uint8"):
        View({"pca": model}, digits)
