"""How wide a code is: as asked for, and else the default, or as much as the data allow."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import isthmus as ist
from isthmus.families import FAMILIES, family
from isthmus.fitted.store import KEY

NETS = ("hidden", "generator", "discriminator")


def side(n):
    return max(2, round(min(100, 5 * n**0.5, n / 4) ** 0.5))


ALLOWED = {
    "kmeans": lambda n, d: min(32, n),
    "pca": lambda n, d: min(32, n - 1, d),  # about their mean, n images vary in n - 1 directions
    "nmf": lambda n, d: min(32, n, d),
    "som": lambda n, d: [side(n), side(n)] if n > 3 else [2, 1],
    "autoencoder": lambda n, d: min(32, n - 1, d),
    "vae": lambda n, d: min(10, n - 1, d),
    "gan": lambda n, d: min(100, n - 1, d),
    "classifier": lambda n, d: 20,
    "pixelnet": lambda n, d: 20,
}
"""The width that n images of d numbers are given where none is asked for."""


def images(name, n, d):
    X = np.random.default_rng(0).random((n, d, 1) if name == "pixelnet" else (n, d))
    return X.astype(np.float32)


def fitted(name, n, d, **parameters):
    model = family(name)(random_state=0, **parameters)
    quick = {"max_steps": 1, "encoder_epochs": 1} | dict.fromkeys(NETS, (4,))
    model.set_params(**{k: v for k, v in quick.items() if k in model.get_params()})
    return model.fit(images(name, n, d), np.arange(n) % 2)


@pytest.mark.parametrize(("n", "d"), [(2, 1), (20, 3), (50, 150), (500, 2)])
@pytest.mark.parametrize("name", FAMILIES)
def test_default_is_what_the_data_allow(name, n, d):
    model, width = fitted(name, n, d), ALLOWED[name](n, d)
    assert getattr(model, f"{model.width}_") == width
    assert model.transform(images(name, n, d)).shape == (n, np.prod(width))
    assert getattr(model, model.width) is None  # what was asked for stays as it was


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_asked_for_is_taken(name):
    model = fitted(name, 30, 6, **{family(name).width: 3})
    assert getattr(model, f"{model.width}_") == ([3, 3] if name == "som" else 3)


@pytest.mark.parametrize("name", ["kmeans", "pca", "nmf", "autoencoder", "vae"])
def test_too_wide_a_code_is_refused(name):
    with pytest.raises(ValueError, match=r"=7 must be between 1 and .*; None takes as many"):
        fitted(name, 6, 6, **{family(name).width: 7})


@pytest.mark.parametrize("name", FAMILIES)
def test_a_code_is_of_whole_numbers(name):
    if name != "som":
        with pytest.raises(ValueError, match=r"=2\.5 must be"):
            fitted(name, 6, 6, **{family(name).width: 2.5})


def test_centroids_given_are_as_many_as_they_are():
    X = images("kmeans", 20, 3)
    assert ist.KMeans(init=X[:4]).fit(X).n_clusters_ == 4


def test_components_without_variance_are_not_taken_unless_asked_for():
    X = images("pca", 50, 3) @ np.random.default_rng(1).random((3, 40), np.float32)
    assert ist.PCA().fit(X).n_components_ == 3
    assert ist.PCA(5).fit(X).n_components_ == 5


@pytest.mark.parametrize("name", ["kmeans", "pca", "nmf", "som", "autoencoder"])
def test_of_images_that_are_all_the_same_that_is_said_and_nothing_else(name):
    quick = {"max_steps": 1, "hidden": (4,)} if name == "autoencoder" else {}
    model = family(name)(**quick).fit(np.full((40, 8, 8), 77, np.uint8))
    assert model.health_ == ["all 40 images are the same, there is nothing to learn: give others"]


def test_a_hexagonal_torus_has_an_even_number_of_rows():
    X = images("som", 40, 3)
    assert ist.SOM().fit(X).grid_ == [3, 3]
    assert ist.SOM(topology="hexagonal", periodic=True).fit(X).grid_ == [2, 3]


@pytest.mark.parametrize("name", FAMILIES)
def test_files_of_before_hold_the_width_as_a_parameter(name, tmp_path):
    model = fitted(name, 30, 6, **{family(name).width: 3})
    model.save(tmp_path / "now")
    with safe_open(tmp_path / "now", "np") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()[KEY])
        del header["checksum"], header["sealed"]
    if name != "som":
        del header["learned"][f"{model.width}_"]
    save_file(tensors, tmp_path / "before", {KEY: json.dumps(header)})
    X = images(name, 30, 6)
    again = ist.load_model(tmp_path / "before")
    np.testing.assert_array_equal(again.encode(X), model.encode(X))
    assert again.code_ == model.code_


def test_a_classifier_is_as_wide_as_what_it_starts_from():
    start = fitted("autoencoder", 30, 6)
    assert fitted("classifier", 30, 6, pretrained=start).n_features_ == 6
