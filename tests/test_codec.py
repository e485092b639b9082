"""Codes to a real file and back, to the last bit, and what becomes of damaged files."""

import json
import re
import zlib
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import isthmus as ist
from isthmus import metrics as scores
from isthmus.codec import container, lossless
from isthmus.codec import entropy as symbols
from isthmus.codec import quantizer as steps
from isthmus.codec.compress import Job, fingerprint
from isthmus.codec.compressed import CompressedFile
from isthmus.codec.formats import LOSSY
from isthmus.codec.frames import Coded, frame_rows, restored, rounded
from isthmus.codec.rate_control import Trial, quantizer_for
from isthmus.codec.rate_curves import Point, crossings
from isthmus.data.images import to_unit


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


@pytest.fixture(scope="module")
def pca(digits):
    return ist.PCA(16).fit(digits.train)


@pytest.fixture(scope="module")
def mnist(data_folder):
    return ist.load_images("mnist")


@pytest.fixture(scope="module")
def small():
    """Return a model of 6x6 images, and 12 of these: as little as there can be to damage."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 6, 6, 1)).astype(np.uint8)
    return ist.PCA(3).fit(images), ist.Images(images[:12])


MODELS = {
    "pca": lambda: ist.PCA(12),
    "kmeans": lambda: ist.KMeans(30, random_state=0),
    "som": lambda: ist.SOM((6, 6), random_state=0),
    "nmf": lambda: ist.NMF(8, random_state=0),
    "autoencoder": lambda: ist.Autoencoder(6, epochs=2, random_state=0),
    "vae": lambda: ist.VAE(6, epochs=2, random_state=0),
    "gan": lambda: ist.GAN(6, epochs=1, encoder_epochs=1, random_state=0),
    "pixelnet": lambda: ist.PixelNet(4, channels=8, epochs=1, random_state=0, target="image"),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_family_comes_back_as_its_rounded_codes_decode(name, digits, tmp_path):
    model = MODELS[name]().fit(digits.train[:300])
    found = ist.compress(model, digits.test, tmp_path / "x.isth")
    quantizer = quantizer_for(model, digits.test)
    codes = model.encode(digits.test)
    wanted = model.decode(restored(rounded(codes, quantizer), quantizer, codes.shape[1:]))
    back = ist.decompress(tmp_path / "x.isth", model)
    np.testing.assert_array_equal(back, wanted)
    error = np.square(to_unit(np.asarray(digits.test)).reshape(back.shape) - back).mean()
    assert found.psnr == pytest.approx(-10 * np.log10(error), abs=1e-4)
    assert found.nbytes == (tmp_path / "x.isth").stat().st_size


def test_a_set_of_several_frames_decodes_as_if_it_were_one(monkeypatch, pca, digits, tmp_path):
    monkeypatch.setattr("isthmus.codec.frames.FRAME_BYTES", 1)
    monkeypatch.setattr("isthmus.codec.frames.PASS_BYTES", 4 * 64 * 50)
    monkeypatch.setattr("isthmus.base.PASS_BYTES", 4 * 64 * 50)
    assert frame_rows((8, 8, 1)) == 50
    ist.compress(pca, digits.test, tmp_path / "x.isth", quality=18)
    opened = CompressedFile.read(tmp_path / "x.isth", pca)
    assert [len(images) for images, _ in opened.frames()] == [50] * 7 + [9]
    quantizer = quantizer_for(pca, digits.test, quality=18)
    codes = quantizer.codes(quantizer.rounded(pca.encode(digits.test)))
    np.testing.assert_array_equal(ist.decompress(tmp_path / "x.isth", pca), pca.decode(codes))


@pytest.fixture(scope="module")
def uneven(digits):
    """Return images of which every other one is harder: no sample says what all of them need."""
    pixels = np.concatenate([np.asarray(digits.test)] * 2)
    hard = np.random.default_rng(0).integers(0, 256, pixels.shape) // 2 + pixels // 2
    pixels[1::2] = hard[1::2]
    return ist.Images(pixels)


ASKED = {name: MODELS[name] for name in ("pca", "nmf", "autoencoder", "pixelnet")}
ASKED["exact"] = lambda: ist.PCA(64)


@pytest.mark.parametrize("name", ASKED)
def test_quality_asked_is_quality_given(name, digits, uneven, monkeypatch, tmp_path):
    most = 40 if name == "pixelnet" else 1000
    monkeypatch.setattr("isthmus.codec.rate_control.SAMPLE", most // 4)
    for images in (digits.test[:most], uneven[:most]):
        model = ASKED[name]().fit(digits.train[:300])
        with pytest.raises(ValueError, match="beyond this") as error:
            ist.compress(model, images, tmp_path / "x.isth", quality=200)
        reached = float(re.search(r"reaches ([\d.]+) dB", str(error.value))[1])
        exact = scores.psnr(images, model.decode(model.encode(images)))
        mean = scores.psnr(images, np.broadcast_to(to_unit(images).mean(0), images.shape))
        assert reached <= max(exact, 80) + 0.01
        for quality in (reached, reached - 0.1, reached - 1):
            found = ist.compress(model, images, tmp_path / "x.isth", quality=quality)
            back = ist.decompress(tmp_path / "x.isth", model)
            assert found.psnr >= quality
            assert scores.psnr(images, back, (0, 1)) == pytest.approx(found.psnr, abs=1e-3)
            # rounded finer than pixels are, errors jump from one step to the next
            close = 0.05 if quality < 60 else 0.25
            if quality > mean + 0.1:  # below it there is nothing left to save
                assert found.psnr < quality + close


def test_images_are_encoded_again_where_codes_do_not_fit(monkeypatch, pca, digits, tmp_path):
    once = ist.compress(pca, digits.test, tmp_path / "x.isth", quality=16)
    monkeypatch.setattr("isthmus.codec.frames.KEPT_BYTES", 0)
    assert ist.compress(pca, digits.test, tmp_path / "y.isth", quality=16) == once
    assert (tmp_path / "x.isth").read_bytes() == (tmp_path / "y.isth").read_bytes()


EXACT = {
    "pca": (lambda n: ist.PCA(64), lambda x: x),
    "pca of floats": (lambda n: ist.PCA(64), lambda x: x / 255),
    "pca of 0..255": (lambda n: ist.PCA(64), lambda x: x.astype(np.float32)),
    "prototypes": (lambda n: ist.KMeans(n, random_state=0), lambda x: x),
    "constant": (lambda n: ist.PCA(3), lambda x: np.full_like(x, 77)),
    "two": (lambda n: ist.PCA(2), lambda x: x[:2]),
    "vectors": (lambda n: ist.PCA(64), lambda x: (x.reshape(len(x), -1) - 99.0) / 33),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_models_are_rounded_as_finely_as_tables_allow(name, digits, tmp_path):
    make, change = EXACT[name]
    images = ist.Images(change(np.asarray(digits[:90])))
    model = make(len(images)).fit(ist.Images(images.data))
    for options in ({}, {"rate": 1000}, {"quality": 45}, {"lossless": True}):
        if (name == "prototypes" and {"rate", "quality"} & set(options)) or (
            "lossless" in options and images.dtype != np.uint8
        ):
            continue
        found = ist.compress(model, images, tmp_path / "x.isth", **options)
        assert found.psnr >= options.get("quality", 60)
        back = ist.decompress(tmp_path / "x.isth", model)
        if options.get("lossless"):
            np.testing.assert_array_equal(back, np.asarray(images))


def test_a_rate_out_of_reach_says_what_is_in_reach(digits, tmp_path):
    model = ist.PCA(4).fit(digits.train)
    model.components_ = model.components_ * 1e-3  # codes of nothing: no rounding is coarse enough
    codes = np.random.default_rng(0).normal(0, 1e5, (len(digits.test), 4)).astype(np.float32)
    coded = Coded(model, digits.test)
    coded.kept = [codes]
    with pytest.raises(ValueError, match="below the") as error:
        quantizer_for(model, digits.test, rate=0.01, coded=coded)
    least = float(re.search(r"below the ([\d.]+) bytes", str(error.value))[1])
    assert quantizer_for(model, digits.test, rate=least, coded=coded) is not None


def test_rate_is_what_was_asked_for_besides_the_tables(pca, digits, tmp_path):
    sizes = [
        ist.compress(pca, digits.test, tmp_path / f"{rate}", rate=rate).bytes_per_image
        for rate in (2, 4, 8)
    ]
    header = 700 / len(digits.test)
    assert all(0.8 * r < size < r + header + 1 for r, size in zip((2, 4, 8), sizes, strict=True))


def test_a_gaussian_costs_what_the_theory_says():
    # entropy of a finely rounded normal: log2(sigma sqrt(2 pi e) / step)
    values = np.rint(np.random.default_rng(0).normal(scale=20, size=(50_000, 1))).astype(int)
    wanted = np.log2(20 * np.sqrt(2 * np.pi * np.e))
    assert 8 * len(symbols.encoded(values)[0]) / 50_000 == pytest.approx(wanted, rel=0.01)
    assert steps.entropy(values) == pytest.approx(wanted, rel=0.01)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_symbols_come_back(data):
    n, k = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 4))
    low = data.draw(st.integers(-(2**20), 2**20))
    seed = data.draw(st.integers(0, 2**31))
    width = data.draw(st.sampled_from([1, 2, 30, 4000]))
    values = low + np.random.default_rng(seed).integers(0, width, (n, k))
    np.testing.assert_array_equal(symbols.decoded(symbols.encoded(values)[0], n, k), values)


def test_tables_add_up_whatever_is_counted():
    rng = np.random.default_rng(0)
    for size in (1, 2, 300, 4000):
        counts = rng.integers(0, 3, size) * rng.integers(0, 10_000, size) + (size == 1)
        shares = symbols.shares_of(counts)
        assert shares.sum() == symbols.TOTAL
        assert (shares[counts > 0] > 0).all()


def test_symbols_too_far_apart_are_refused():
    with pytest.raises(ValueError, match="lower quality"):
        symbols.encoded(np.array([[0], [10_000]]))


def test_rotation_of_correlated_codes_saves_bits():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(4000, 2)) @ np.array([[1, 0.99], [0, 0.14]])
    same = steps.directions_of(codes, lambda z: z, n_images=10)
    turned = steps.directions_of(codes, lambda z: z, n_images=4000)
    bits = [steps.entropy(d.with_step(0.05).rounded(codes)) for d in (same, turned)]
    errors = []
    for directions in (same, turned):
        quantizer = directions.with_step(0.05)
        errors.append(np.square(quantizer.codes(quantizer.rounded(codes)) - codes).mean())
    assert errors[1] == pytest.approx(errors[0], rel=0.05)
    # coding gain of the transform: half the log ratio of the product of variances to the
    # determinant of the covariance, a number
    covariance = np.cov(codes.T)
    gain = 0.25 * np.log2(np.diag(covariance).prod() / np.linalg.det(covariance))
    assert bits[0] - bits[1] == pytest.approx(gain, abs=0.05)


def test_a_step_is_the_change_of_a_pixel():
    # a decoder that stretches by 7: a step of s moves pixels by s
    codes = np.random.default_rng(0).normal(size=(500, 3))
    for n in (10, 5000):
        basis = steps.directions_of(codes, lambda z: 7 * z, n).with_step(0.1)._directions
        lengths = np.linalg.norm(np.atleast_2d(basis), axis=-1) if n > 10 else basis
        np.testing.assert_allclose(lengths, 0.1 / 7 * np.sqrt(3), rtol=1e-3)


def test_collapsed_latents_cost_nothing(digits):
    codes = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
    blind = np.array([1.0, 1.0, 0.0, 0.0])
    quantizer = steps.directions_of(codes, lambda z: z * blind, 5000).with_step(0.05)
    assert quantizer.columns == 2
    one_each = steps.directions_of(codes, lambda z: z * blind, 10).with_step(0.05)
    assert np.ptp(one_each.rounded(codes), axis=0).tolist()[2:] == [0, 0]


def test_quantizer_comes_back_from_bytes():
    for basis in (np.array([0.5, 0.25]), np.array([[0.5, 0.25]])):
        one = steps.Directions(np.array([1.0, 2.0]), basis).with_step(3.0)
        two = steps.Quantizer.from_bytes(one.to_bytes())
        codes = np.array([[1, 2], [3, 4], [-5, 60.0]])
        np.testing.assert_array_equal(one.rounded(codes), two.rounded(codes))
        np.testing.assert_array_equal(one.codes(one.rounded(codes)), two.codes(two.rounded(codes)))


@pytest.mark.parametrize("shape", [(5, 7, 9, 1), (3, 16, 12, 3), (1, 40, 3, 2), (9, 1, 30, 1)])
def test_pixels_come_back_exactly(shape):
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.integers(-3, 4, shape), axis=2) % 256
    for pixels in (smooth.astype(np.uint8), rng.integers(0, 256, shape).astype(np.uint8)):
        guess = np.clip(pixels / 255 + rng.normal(scale=0.1, size=shape), 0, 1)
        content = lossless.residual(pixels, guess)
        np.testing.assert_array_equal(lossless.restored(content, guess), pixels)


def test_a_machine_that_rounds_otherwise_finds_the_same_pixels():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 12, 12, 1)).astype(np.uint8)
    guess = (rng.integers(0, 255, pixels.shape) + 0.5 + rng.normal(0, 1e-3, pixels.shape)) / 255
    content = lossless.residual(pixels, guess)
    shaken = guess + rng.normal(size=guess.shape).clip(-2, 2) * 0.2 * lossless.CLOSE / 255
    assert (lossless.to_levels(shaken)[0] != lossless.to_levels(guess)[0]).any()
    np.testing.assert_array_equal(lossless.restored(content, shaken), pixels)


def test_a_machine_that_decodes_otherwise_is_told_so():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
    content = lossless.residual(pixels, pixels / 255)
    with pytest.raises(ValueError, match="decodes otherwise"):
        lossless.restored(content, np.clip(pixels / 255 + 0.02, 0, 1))


def test_a_good_guess_is_worth_its_bits():
    pixels = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 1)).astype(np.uint8)
    good = len(lossless.residual(pixels, np.clip(pixels / 255 + 0.004, 0, 1)))
    none = len(lossless.residual(pixels, np.zeros(pixels.shape)))
    assert none > pixels.size > 3 * good


def test_lossless_file_of_real_digits(mnist, tmp_path):
    test = mnist.test[:1000]
    model = ist.PCA(8).fit(mnist.train[:5000])
    found = ist.compress(model, test, tmp_path / "x.isth", lossless=True, rate=4)
    back = ist.decompress(tmp_path / "x.isth", model)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, np.asarray(test))
    assert found.bytes_per_image < 150
    assert np.isinf(found.psnr)


def test_names_and_an_embedded_model(pca, digits, tmp_path):
    part = digits.test[:5]
    part.names = np.array([f"folder/{i}.png" for i in range(5)])
    found = ist.compress(pca, part, tmp_path / "x.isth", embed=True)
    assert found.nbytes > found.model_nbytes
    opened = CompressedFile.read(tmp_path / "x.isth")
    [(images, names)] = opened.frames()
    assert names == part.names.tolist()
    np.testing.assert_array_equal(images, ist.decompress(tmp_path / "x.isth", pca))


def test_an_embedded_model_holds_no_date(pca, digits, tmp_path, monkeypatch):
    def compressed(day):
        class Clock:
            now = staticmethod(lambda zone: datetime(2020, 1, day, tzinfo=zone))

        monkeypatch.setattr("isthmus.fitted.store.datetime", Clock)
        ist.compress(pca, digits.test[:5], tmp_path / "x.isth", embed=True)
        return (tmp_path / "x.isth").read_bytes()

    assert compressed(1) == compressed(2)


def test_the_fingerprint_is_that_of_what_was_learned(pca, digits, tmp_path):
    pca.save(tmp_path / "p.safetensors")
    assert fingerprint(ist.load_model(tmp_path / "p.safetensors")) == fingerprint(pca)
    assert fingerprint(ist.PCA(16).fit(digits.test)) != fingerprint(pca)


BAD = [
    ({"quality": 90}, "beyond this PCA, which reaches"),
    ({"quality": 20, "rate": 3}, "give one"),
    ({"rate": 0}, "rate=0 must be greater than 0"),
    ({"quality": float("nan")}, "quality=nan"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_leave_nothing_behind(options, message, pca, digits, tmp_path):
    with pytest.raises(ValueError, match=message):
        ist.compress(pca, digits.test, tmp_path / "x.isth", **options)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_compressed(digits, tmp_path):
    kmeans = ist.KMeans(5, random_state=0).fit(digits.train)
    with pytest.raises(ValueError, match="indices, which cannot be rounded"):
        ist.compress(kmeans, digits.test, tmp_path / "x.isth", quality=20)
    classifier = ist.Classifier(4, epochs=1, random_state=0).fit(digits.train[:100])
    with pytest.raises(ValueError, match="Classifier cannot decode"):
        ist.compress(classifier, digits.test, tmp_path / "x.isth")
    vectors = np.random.default_rng(0).random((50, 6)).astype(np.float32)
    model = ist.PCA(2).fit(vectors)
    with pytest.raises(ValueError, match="lossless needs uint8 images, got float32"):
        ist.compress(model, vectors, tmp_path / "x.isth", lossless=True)
    ist.compress(model, vectors, tmp_path / "x.isth")
    assert ist.decompress(tmp_path / "x.isth", model).shape == (50, 6)


def test_the_wrong_model_is_named(pca, digits, tmp_path):
    ist.compress(pca, digits.test, tmp_path / "x.isth")
    with pytest.raises(ValueError, match="another model, a PCA with fingerprint"):
        ist.decompress(tmp_path / "x.isth", ist.PCA(4).fit(digits.train))
    with pytest.raises(ValueError, match="holds codes of a PCA, and not the model"):
        ist.decompress(tmp_path / "x.isth")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ist.decompress(tmp_path / "none.isth", pca)


def damaged(content, rng):
    """Return bytes with one of the ways in which files get damaged."""
    kind = rng.integers(4)
    content = bytearray(content)
    place = int(rng.integers(len(content)))
    if kind == 0:
        content[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del content[place:]
    elif kind == 2:
        content[place : place + 8] = rng.bytes(8)
    else:
        del content[place : place + int(rng.integers(1, 9))]
    return bytes(content)


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
def test_ten_thousand_damaged_files_are_ten_thousand_clear_errors(options, tmp_path, small):
    model, images = small
    path = tmp_path / "x.isth"
    whole = ist.compress(model, images, path, **options) and path.read_bytes()
    right, rng = ist.decompress(path, model), np.random.default_rng(0)
    for _ in range(5000):
        path.write_bytes(damaged(whole, rng))
        try:
            back = ist.decompress(path, model)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017 - most raise, a few may decode
        else:
            np.testing.assert_array_equal(back, right)


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
def test_damage_under_a_right_checksum_is_no_crash_either(options, tmp_path, small):
    """A file made to harm: its checksum is right, its content is not."""
    model, images = small
    path, rng = tmp_path / "x.isth", np.random.default_rng(0)
    ist.compress(model, images, path, **options)
    header, sections = container.read_sections(path)
    sections = list(sections)
    for _ in range(400):
        wrong = list(sections)
        which = int(rng.integers(len(wrong)))
        content = wrong[which]
        if rng.integers(2):
            content = zlib_or_self(content, rng)
        wrong[which] = damaged(content, rng) if content else b"?"
        path.write_bytes(b"".join(container.sections_of(header, wrong)))
        try:
            assert ist.decompress(path, model).shape == images.shape
        except ValueError as error:
            assert "damaged" in str(error)  # noqa: PT017


def zlib_or_self(content, rng):
    try:
        return zlib.compress(damaged(zlib.decompress(content), rng))
    except zlib.error:
        return content


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"count": 10**12},
        {"shape": [10**9]},
        {"code": [10**9]},
        {"lossless": True},
        {"model": 1},
    ],
)
def test_headers_that_lie(header, pca, digits, tmp_path):
    job = Job(Coded(pca, digits.test), quantizer_for(pca, digits.test))
    wrong = {**json.loads(json.dumps(job._header())), **header} if header else {}
    content = b"".join(container.sections_of(wrong, job._sections(False)))
    (tmp_path / "x.isth").write_bytes(content)
    with pytest.raises(ValueError, match="is damaged: "):
        ist.decompress(tmp_path / "x.isth", pca)


def test_a_newer_file_is_refused(pca, digits, tmp_path):
    path = tmp_path / "x.isth"
    ist.compress(pca, digits.test, path)
    content = bytearray(path.read_bytes())
    content[5] = 9
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="file version 9"):
        ist.decompress(path, pca)


def test_rates_of_formats_are_those_of_their_files(digits, pca):
    few = digits.test.evenly(60)
    found = ist.rate_distortion({"pca": pca}, few, ["png", "jpeg"], points=3)
    by = {}
    for point in found:
        by.setdefault(point.codec, []).append(point)
    jpegs = len(LOSSY["jpeg"].few)
    assert [len(points) for points in by.values()] == [3, 1, 1, jpegs, jpegs]
    assert all(np.isinf(point.psnr) for point in by["png, one sheet"])
    assert by["png, a file each"][0].bytes_per_image > by["png, one sheet"][0].bytes_per_image
    ours = sorted(by["pca"], key=lambda point: point.bytes_per_image)
    assert [p.psnr for p in ours] == sorted(p.psnr for p in ours)
    sheets = [p.psnr for p in by["jpeg, one sheet"]]
    assert sheets[1:] == sorted(sheets[1:])  # the least two of JPEG are alike


def test_models_and_formats_are_given_the_same_images(monkeypatch, pca, digits):
    seen = []

    def files(pixels, setting):
        seen.append(pixels)
        return np.ones(len(pixels)), pixels

    monkeypatch.setattr("isthmus.codec.rate_distortion.in_files", files)
    found = ist.rate_distortion({"pca": pca}, digits.test, ["png"], points=1, count=50)[0]
    few = digits.test.evenly(50)
    np.testing.assert_array_equal(seen[0], np.asarray(few))
    quantizer = Trial.of(Coded(pca, few)).quantizer(found.setting)
    back = pca.decode(quantizer.codes(quantizer.rounded(pca.encode(few))))
    assert found.psnr == pytest.approx(scores.psnr(few, back), abs=1e-6)


def test_crossings_where_there_are_none():
    ours = [Point("a", 0, 10, 20, 1), Point("a", 0, 20, 24, 1)]
    dear = [Point("b", 0, 30, 19, 1), Point("b", 0, 90, 25, 1)]
    cheap = [Point("c", 0, 1, 19, 1), Point("c", 0, 2, 25, 1)]
    finer = [Point("d", 0, 5, 26, 1), Point("d", 0, 9, 30, 1)]
    assert crossings([*ours, *dear, *cheap], "a") == {"b": float("inf"), "c": None}
    assert crossings([*ours, *finer], "a") == {"d": None}  # at its lowest it is cheaper
    assert np.isnan(crossings([*finer, *ours], "d")["a"])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"formats": ["gif"]}, "formats are jpeg"), ({"points": 0}, "points at least 1")],
)
def test_rates_say_what_is_wrong(options, message, digits, pca):
    with pytest.raises(ValueError, match=message):
        ist.rate_distortion({"pca": pca}, digits.test, **options)


@pytest.fixture
def fitted(run, tmp_path):
    assert run("fit", "pca", "digits", "--n-components", 12, "-o", "p.safetensors")[0] == 0
    return ist.load_model(tmp_path / "p.safetensors")


def test_commands_round_trip(run, fitted, digits):
    code, out, _ = run("compress", "p.safetensors", "digits", "-o", "d.isth", "--split", "test")
    assert code == 0
    assert "bytes an image" in out
    assert run("decompress", "d.isth", "-o", "back.npy")[0] == 0  # the model is where it was
    np.testing.assert_array_equal(np.load("back.npy"), ist.decompress("d.isth", fitted))
    assert run("compress", "p.safetensors", "digits", "-o", "l.isth", "--lossless")[0] == 0
    assert run("decompress", "l.isth", "-o", "l.npy", "--model", "p.safetensors")[0] == 0
    np.testing.assert_array_equal(np.load("l.npy"), np.asarray(digits))


def test_a_folder_comes_back_under_its_names(run, fitted, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "in" / "sub").mkdir(parents=True)
    pixels = {name: rng.integers(0, 256, (8, 8)).astype(np.uint8) for name in ("a", "sub/b")}
    for name, image in pixels.items():
        Image.fromarray(image).save(tmp_path / "in" / f"{name}.png")
    code, _, err = run("compress", "p.safetensors", "in", "-o", "x.isth", "--lossless", "--embed")
    assert code == 0, err
    (tmp_path / "p.safetensors").unlink()
    assert run("decompress", "x.isth", "-o", "out")[0] == 0
    for name, image in pixels.items():
        with Image.open(tmp_path / "out" / f"{name}.png") as back:
            np.testing.assert_array_equal(np.asarray(back), image)


def test_what_is_large_lies_in_a_file(fitted, digits, tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.codec.frames.FRAME_BYTES", 1)
    monkeypatch.setattr("isthmus.codec.frames.PASS_BYTES", 4 * 64 * 50)
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    part = digits.test[:120]
    part.names = np.array([f"{row}.png" for row in range(120)])
    ist.compress(fitted, part, tmp_path / "x.isth")
    kept = ist.decompress(tmp_path / "x.isth", fitted)
    monkeypatch.setattr("isthmus.verbs.decompress.IN_MEMORY_BYTES", 1)
    lying = ist.decompress(tmp_path / "x.isth", fitted)
    np.testing.assert_array_equal(lying, kept)
    assert len(list(lying.save(tmp_path / "out").glob("*.png"))) == 120
    np.testing.assert_array_equal(np.load(lying.save(tmp_path / "x.npy")), kept)
    assert (tmp_path / "cache" / "images").is_dir()
    assert not list((tmp_path / "cache" / "images").iterdir())


def test_names_that_lead_elsewhere_are_refused(run, fitted, digits, tmp_path):
    part = digits.test[:2]
    part.names = np.array(["../../outside.png", "b.png"])
    ist.compress(fitted, part, tmp_path / "x.isth", embed=True)
    code, _, err = run("decompress", "x.isth", "-o", "out")
    assert code == 2
    assert "leads elsewhere" in err
    assert not (tmp_path / "out").exists()


def test_the_chart_and_its_words(run, fitted):
    code, out, _ = run("rd", "p.safetensors", "digits", "-o", "r.png", "--formats", "jpeg,png")
    assert code == 0
    assert "jpeg, one sheet" in out
    with Image.open("r.png") as chart:
        assert chart.width > 600
    code, out, _ = run("rd", "p.safetensors", "digits", "-o", "r.json", "--formats", "none",
                       "--json")  # fmt: skip
    assert len(json.loads(out)["points"]) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("compress", "p.safetensors", "digits", "-o", "x.isth", "--quality", 99),
            "beyond this PCA",
        ),
        (("decompress", "p.safetensors", "-o", "x.npy"), "is not a file written by"),
        (("decompress", "none.isth", "-o", "x.npy"), "there is no file none.isth"),
        (("decompress", "none.isth", "-o", "x.zip"), "end in .npy"),
        (("rd", "digits", "-o", "x.png"), "MODEL..."),
        (("rd", "p.safetensors", "digits", "-o", "x.gif"), "end in .png or .json"),
        (("rd", "p.safetensors", "digits", "-o", "x.png", "--formats", "gif"), "formats are jpeg"),
    ],
)
def test_bad_commands_are_one_line_and_leave_nothing(arguments, message, run, fitted, tmp_path):
    before = sorted(tmp_path.iterdir())
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
