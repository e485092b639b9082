"""Public names in Python say what their commands say."""

import inspect
import re

import numpy as np
import pytest

import isthmus as ist
from isthmus import signature
from isthmus.families import FAMILIES


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


@pytest.mark.parametrize("name", [name for name in ist.__all__ if name[0].islower()])
def test_a_public_function_says_what_it_takes_gives_and_shows(name):
    text = inspect.getdoc(getattr(ist, name))
    for part in ("Parameters", "Returns", "Examples"):
        assert f"{part}\n---" in text, f"{name} has no {part}"


def test_a_contact_sheet_of_images(digits):
    few = digits.evenly(30)
    here = np.asarray(ist.contact_sheet(digits, count=30))
    np.testing.assert_array_equal(here, np.asarray(ist.contact_sheet(np.asarray(few))))


def test_a_contact_sheet_of_arrays_and_of_bands():
    rng = np.random.default_rng(0)
    raster = ist.Images(rng.normal(size=(2, 4, 4, 5)).astype(np.float32))
    raster.meta["shown_bands"] = [3, 1, 0]
    wanted = ist.contact_sheet(raster.data[..., [3, 1, 0, 2, 4]], scale=1)
    np.testing.assert_array_equal(ist.contact_sheet(raster, scale=1), wanted)
    one = ist.contact_sheet(raster.data, count=1, scale=1)
    np.testing.assert_array_equal(one, ist.contact_sheet(raster.data[:1], scale=1))
    with pytest.raises(ValueError, match="count=0"):
        ist.contact_sheet(raster, count=0)


def test_captions_of_a_contact_sheet():
    images = ist.Images(np.zeros((2, 8, 8)), y=[0, -1], classes=["cat"], names=["a.png", "b.png"])
    given = ist.contact_sheet(images, captions=["cat", ""])
    np.testing.assert_array_equal(ist.contact_sheet(images, captions="class"), given)
    named = ist.contact_sheet(images, captions=["a.png", "b.png"])
    np.testing.assert_array_equal(ist.contact_sheet(images, captions="name"), named)
    with pytest.raises(ValueError, match="captions"):
        ist.contact_sheet(images, captions="kind")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_says_of_every_parameter_what_it_is_and_may_be(family):
    cls = getattr(ist, FAMILIES[family])
    for parameter in signature.parameters(family):
        name = parameter.name
        assert re.search(rf"^(\w+, )*{name}(, \w+)* : ", inspect.getdoc(cls), re.M), name
        assert parameter.help
        assert not re.search("likewise|see above|the same names", parameter.help, re.I), name
    assert "See `" not in cls.__doc__


def test_options_show_the_words_that_they_allow(run):
    code, out, _ = run("fit", "vae", "--help")
    assert code == 0
    plain = re.sub(r"[\s│]+", " ", out)
    assert '"bernoulli", 1 with a probability' in plain
    assert "One of auto" not in plain
    assert "One of relu, leaky_relu, tanh, sigmoid, softmax, linear." in plain
    assert "90s|5m|1h" in plain
    assert "None is" not in plain
