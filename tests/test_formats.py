"""Formats beside models: every quality there is, at equal PSNR, and by BD-rate."""

import json

import numpy as np
import pytest

import isthmus as ist
from isthmus.codec.formats import EXACT, FORMATS, LOSSY, Setting, settings_of
from isthmus.codec.more_formats import MORE, codecs
from isthmus.codec.rate_curves import Point, bytes_at, curves_of, deltas
from isthmus.codec.rate_distortion import formats_of
from isthmus.verbs.rates import Rates

RAMP = np.add.outer(np.arange(24), np.arange(16)).astype(np.uint8)[..., None] * 6
PHOTO = np.concatenate([RAMP, RAMP[::-1], 255 - RAMP], axis=-1)
HERE = [pytest.param(name, marks=pytest.mark.skipif(
    name.partition("-")[0] in MORE and codecs() is None, reason="imagecodecs is not installed"
)) for name in FORMATS]  # fmt: skip


@pytest.mark.parametrize("name", HERE)
def test_the_best_quality_is_near_and_the_least_small(name):
    tried = [setting for setting in settings_of(name) if not setting.way.endswith("4:2:0")]
    if name == "avif":
        tried = [tried[0], tried[-1]]
    for image in (RAMP, PHOTO):
        least, best = tried[0].read_back(image), tried[-1].read_back(image)
        assert best[1].shape == image.shape
        off = np.abs(best[1].astype(int) - image).max()
        assert off == 0 if name in EXACT else off < 30
        assert least[0] <= best[0]


def test_every_quality_is_there_from_the_least_on():
    assert LOSSY["jpeg"].every == tuple(range(1, 96))
    assert set(range(6)) <= set(LOSSY["avif"].few)
    for name, lossy in LOSSY.items():
        ends = [(qualities[0], qualities[-1]) for qualities in (lossy.few, lossy.every)]
        assert lossy.few[0] in (ends[1][0], 12), name  # below 12 dB there is nothing to see
    ways = {setting.way for setting in settings_of("avif", thorough=True)}
    assert ways == {"speed 6", "speed 3", "speed 0"}
    assert {setting.way for setting in settings_of("avif", True, sheet=False)} == {"speed 6"}


@pytest.mark.skipif(codecs() is not None, reason="imagecodecs is installed")
def test_what_is_missing_is_one_line():
    assert formats_of(["all"]) == [n for n in FORMATS if n.partition("-")[0] not in MORE]
    with pytest.raises(ImportError, match=r"pip install 'isthmus\[codecs\]'"):
        formats_of(["jpegxl"])
    with pytest.raises(ImportError, match="jpegls needs imagecodecs"):
        Setting("jpegls", 3, "most a value is off").read_back(RAMP)


def points(name, psnr, sizes, **more):
    return [Point(name, 0, size, q, 1, **more) for q, size in zip(psnr, sizes, strict=True)]


OURS = points("ours", [18, 20, 22, 24], [2, 4, 8, 16], model_bytes=7)
THEIRS = points("jpeg, one sheet", [18, 20, 22, 24], [4, 8, 16, 32], way="4:4:4")
WORSE = points("jpeg, one sheet", [18, 20, 22, 24], [5, 9, 18, 40], way="4:2:0")
FINE = points("avif, one sheet", [23, 28], [10, 20])


def test_of_several_ways_the_cheapest_counts():
    curves = curves_of(OURS + WORSE + THEIRS)
    np.testing.assert_allclose(curves["jpeg, one sheet"][1], [4, 8, 16, 32])
    assert deltas(curves, "ours")["jpeg, one sheet"].rate == pytest.approx(-0.5)


def test_a_format_that_starts_above_counts_at_its_lowest_point():
    curves = curves_of(OURS + FINE)
    assert bytes_at(curves["avif, one sheet"], 19) == pytest.approx(10)
    assert bytes_at(curves["ours"], 25) is None


def test_all_is_said_at_equal_quality():
    found = Rates(OURS + THEIRS + WORSE + FINE, ist.load_images("digits")[:4], None)
    words = found.scores["ours"]
    assert "fewer bytes than jpeg, one sheet wherever it was measured, BD-rate -50.0 %" in words
    assert "fewer bytes than avif, one sheet up to" in words
    ours, jpeg, avif = found.listed()
    assert ours["18 dB"] == "2.00"
    assert jpeg["18 dB"] == "4.00"
    assert avif["18 dB"] == "10.0 [23.0 dB]"
    assert avif["24 dB"].count("[") == 0
    first = found.deltas()[0]
    assert (first["reference"], first["rate"], first["overlap"]) == ("jpeg, one sheet", -0.5, 1)
    json.dumps(found.deltas())


def test_the_model_is_chosen_on_training_images():
    from isthmus.reproduction.deck_f import _beside_formats

    class Told:
        def figure(self, what, ours, **more):
            self.note = more["note"]
            self.ours = ours

    lucky = points("lucky", [18, 24], [1, 2])  # on test images; on training images it is not
    known = OURS + points("lucky", [18, 24], [90, 99])
    run = Told()
    _beside_formats(run, known, OURS + lucky + THEIRS, 20.0)
    assert run.note.startswith("ours, chosen on training images, 4.0 bytes, jpeg, one sheet 8.0")
    assert run.ours == pytest.approx(0.5)
