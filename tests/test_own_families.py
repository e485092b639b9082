"""Families of one's own: what registering gives, and what a file may name."""

import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus import families, signature
from isthmus.families import FAMILIES, every_name, family, name_of, named

pytestmark = pytest.mark.usefixtures("forgotten")

FILE = '''
"""A family in a module of its own."""

from dataclasses import KW_ONLY, dataclass

import isthmus as ist

@ist.register("centred")
@dataclass(eq=False, repr=False)
class Mean(ist.Representation):
    """Mean image, and how light an image is beside it.

    Parameters
    ----------
    n_components : int or None
        Width of the code, 1.
    shrink : float
        Share by which codes are made smaller.
    """

    n_components: int | None = None
    _: KW_ONLY
    shrink: float = 0.0

    width, default_width = "n_components", 1

    def _fit(self, images):
        self.mean_ = sum(x.sum(0) for x in self._tensors(images)).cpu().numpy() / len(images)

    def _encode(self, x):
        return (1 - self.shrink) * (x - self._learned("mean_", x)).mean(1, keepdim=True)

    def _decode(self, z):
        return self._learned("mean_", z) + z
'''


@pytest.fixture(autouse=True)
def unmet(monkeypatch):
    """Forget after a test which classes were met in it."""
    monkeypatch.setattr(families, "_met", dict(families._met))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return the name of a module with a family, which can be imported and is not yet."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("")
    (tmp_path / "mine" / "centred.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "mine.centred"
    for name in ("mine", "mine.centred"):
        sys.modules.pop(name, None)


@pytest.fixture
def saved(module, tmp_path):
    """Return the file of a model of that family, which nobody knows any more."""
    families.allow(module)
    path = tmp_path / "centred.safetensors"
    family("centred")(shrink=0.5).fit(ist.load_images("digits").train).save(path)
    families._own.clear(), families._allowed.clear(), families._met.clear()
    sys.modules.pop(module)
    return path


@dataclass(eq=False, repr=False)
class Light(ist.PCA):
    """PCA with another default.

    Parameters
    ----------
    tone : float
        Nothing.
    """

    tone: float = 0.5


def test_a_registered_class_is_a_family_by_its_name():
    assert ist.register(Light) is Light
    assert family("light") is Light
    assert name_of(Light(3)) == "light"
    assert named("light") == (Light, {})
    assert every_name()[-1] == "light"
    assert signature.caption("light") == "PCA with another default."
    assert [p.name for p in signature.parameters("light")][:2] == ["tone", "n_components"]
    assert {p.name: p.default for p in signature.parameters("light")} == Light().get_params()


def test_models_are_called_by_family_or_class_and_told_apart_by_numbers():
    given = [ist.PCA(2), Light(2), "a:file", Light(3), ist.PCA(3)]
    called = []
    for one in given:
        called.append(families.free_name(one, called))
    assert called == ["pca", "light", "a:file", "light-2", "pca-2"]


def test_a_registered_class_is_found_by_its_address_though_no_model_of_it_was_met():
    ist.register(Light)
    families._met.clear()
    assert family(families.address_of(Light)) is Light


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_class_says_of_its_parameters_is_what_its_source_says(name):
    assert list(signature._of_own(family(name))) == signature.parameters(name)


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(ValueError, match=r"'pca' is taken, by isthmus.PCA: register\('pca2'\)"):
        ist.register("pca")(Light)
    ist.register("light")(Light)
    other = dataclass(eq=False, repr=False)(type("Other", (ist.PCA,), {"__module__": "mine"}))
    with pytest.raises(ValueError, match=r"'light' is taken, by .*Light"):
        ist.register("light")(other)
    again = type("Light", (ist.PCA,), {"__module__": __name__})  # as a notebook does
    assert ist.register("light")(again) is family("light") is again


@pytest.mark.parametrize("name", ["Upper", "with-hyphen", "2d", ""])
def test_a_name_is_a_word(name):
    with pytest.raises(ValueError, match="cannot be called"):
        families._registered(Light, name)


class NoWidth(ist.Representation):
    _fit = _encode = None


class NoTwins(ist.Representation):
    """Nothing."""


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (int, "derive a class from ist.Representation"),
        (NoTwins, "NoTwins has no _fit, _encode"),
        (NoWidth, "NoWidth.width='' must name the parameter"),
    ],
)
def test_a_class_that_is_no_family_is_refused(cls, words):
    with pytest.raises(TypeError, match=words):
        ist.register(cls)


def test_a_file_of_a_registered_class_comes_back(tmp_path):
    ist.register(Light)
    images = ist.load_images("digits")
    model = Light(5, tone=0.25).fit(images.train)
    model.save(tmp_path / "light.safetensors")
    back = ist.load_model(tmp_path / "light.safetensors")
    assert type(back) is Light
    assert back.get_params() == model.get_params()
    np.testing.assert_array_equal(back.encode(images.test), model.encode(images.test))


def test_nothing_is_imported_that_is_not_allowed(saved, module):
    match = r"centred.safetensors: its class is mine.centred:Mean.*allow=\('mine.centred',\)"
    for allow in ((), ("min",), ("mine.cent", "other")):
        with pytest.raises(ValueError, match=match):
            ist.load_model(saved, allow=allow)
        assert module not in sys.modules


@pytest.mark.parametrize("allow", [("mine",), ["mine.centred"], "mine", ("other", "mine.centred")])
def test_a_class_of_an_allowed_module_comes_back(saved, allow):
    model = ist.load_model(saved, allow=allow)
    assert (name_of(model), model.shrink) == ("centred", 0.5)
    assert model.encode(ist.load_images("digits").test).shape == (359, 1)


def test_what_an_allowed_module_has_not_is_said(saved, module):
    (text := sys.path[0] + "/mine/centred.py")
    with open(text, "w") as file:
        file.write("Mean = print")
    with pytest.raises(ValueError, match=r"its class mine.centred:Mean cannot be had: .* no fam"):
        ist.load_model(saved, allow=("mine",))


def test_an_installed_package_offers_families(saved, module, monkeypatch):
    point = EntryPoint("centred", "mine.centred:Mean", families.GROUP)
    broken = EntryPoint("broken", "mine.nowhere:Mean", families.GROUP)
    monkeypatch.setattr(families, "_entry_points", lambda: {"centred": point, "broken": broken})
    assert families.names()[-2:] == ["broken", "centred"]
    assert module not in sys.modules
    assert ist.load_model(saved).shrink == 0.5
    assert name_of(family("centred")) == "centred"
    with pytest.raises(ValueError, match=r"the family 'broken' of mine.nowhere:Mean cannot be lo"):
        family("broken")
    with pytest.warns(UserWarning, match="'broken'"):
        assert every_name()[-1] == "centred"


def test_a_class_that_no_file_could_find_again_is_not_saved(tmp_path):
    class Hidden(ist.PCA):
        """PCA."""

    model = Hidden(2).fit(np.random.default_rng(0).random((9, 4)))
    with pytest.raises(ValueError, match=r"Hidden is a class of your own that a file could not"):
        model.save(tmp_path / "hidden.safetensors")
    assert not list(tmp_path.iterdir())
    ist.register(Hidden)
    model.save(tmp_path / "hidden.safetensors")
    assert type(ist.load_model(tmp_path / "hidden.safetensors")) is Hidden


def test_the_command_line_has_the_families_of_modules_that_are_allowed(saved, module, run):
    words = ("fit", "centred", "digits", "-o", "x.safetensors", "--shrink", "0.25", "--json")
    code, out, err = run("--allow", module, *words)
    assert '"family": "centred"' in out, err
    for known in (families._own, families._allowed, families._met):
        known.clear()  # as in the next process
    sys.modules.pop(module)
    code, _, err = run("encode", "x.safetensors", "digits", "-o", "z.npy")
    assert (code, err.count("\n")) == (2, 1)
    assert "--allow mine.centred" in err


@dataclass(eq=False, repr=False)
class Dropping(ist.NeuralRepresentation):
    """A network of torch's own layers, as they come, with dropout between them.

    Parameters
    ----------
    latent_dim : int or None
        Width of the code.
    """

    latent_dim: int | None = None
    max_steps: int | None = 20

    width = "latent_dim"
    initialises = False

    def networks(self):
        """Return a network there, and one back."""
        d, k = self.n_features_in_, self.latent_dim_
        there = nn.Sequential(nn.Linear(d, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, k))
        return {"encoder_": there, "decoder_": nn.Linear(k, d)}

    def losses(self, x, rng, targets=None):
        """Yield the squared error."""
        loss = (self._decode(self._encode(x)) - x).square().mean()
        yield "model", loss, {"loss": loss}

    def _encode(self, x):
        return self.encoder_(x)

    def _decode(self, z):
        return self.decoder_(z)


def test_layers_of_torch_draw_by_the_seed_and_leave_global_state_alone(tmp_path):
    images = ist.load_images("digits").train.evenly(200)
    codes, state = [], torch.get_rng_state()
    for seed in (0, 0, 1):
        model = Dropping(4, random_state=seed).fit(images)
        codes.append(model.encode(images))
        model.save(tmp_path / "d.safetensors")
        back = ist.load_model(tmp_path / "d.safetensors", allow=(__name__,))
        np.testing.assert_array_equal(back.encode(images), codes[-1])
        assert torch.equal(torch.get_rng_state(), state)
        torch.rand(3)  # whatever others draw meanwhile
        state = torch.get_rng_state()
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.allclose(codes[0], codes[2])
