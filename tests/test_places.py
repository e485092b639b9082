"""In Python as on the command line: models and images by their places, halves of any images."""

import pickle

import numpy as np
import pytest

import isthmus as ist
from isthmus.data.images import Images


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "x"
    ist.study("glyphs", models=["kmeans", "pca"], width=6).report(folder)
    return folder


def test_a_model_of_a_study_is_read_by_its_name_or_the_best_is_said(study, capsys):
    pca = ist.load_model(f"{study}:pca")
    assert type(pca) is ist.PCA
    assert capsys.readouterr().err == ""
    assert type(ist.load_model(study / "models" / "pca.safetensors")) is ist.PCA
    best = ist.load_model(study)
    assert f"isthmus: of {study} " in capsys.readouterr().err
    assert best.can("encode")
    assert type(ist.load_model(study, verb="reconstruct")) is ist.PCA
    with pytest.raises(ValueError, match="has no model 'pcaa': it has kmeans, pca; did you mean"):
        ist.load_model(f"{study}:pcaa")
    with pytest.raises(FileNotFoundError):
        ist.load_model(study / "none.safetensors")


def test_verbs_take_places_where_a_command_does(study, capsys):
    pca, images = ist.load_model(f"{study}:pca"), ist.load_images("glyphs")
    codes = ist.encode(f"{study}:pca", "glyphs")
    np.testing.assert_array_equal(codes, pca.encode(images))
    np.testing.assert_array_equal(ist.encode(model=f"{study}:pca", images=images), codes)
    np.testing.assert_array_equal(ist.encode(pca, images), codes)
    capsys.readouterr()
    ist.reconstruct(study, images)
    assert "pca is taken" in capsys.readouterr().err
    way = ist.morph({"a": f"{study}:pca", "b": pca}, "glyphs", steps=3, rows=[0, 1])
    np.testing.assert_array_equal(way[0], way[1])
    found = ist.nearest(f"{study}:pca", images[:3], among="glyphs", k=1)
    assert found.rows.shape == (3, 1)
    assert ist.decode(f"{study}:pca", codes[:2]).shape[0] == 2
    with pytest.warns(DeprecationWarning, match="images now"):
        assert len(ist.reconstruct(f"{study}:pca", X=images[:3])) == 3


def test_verbs_can_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(ist.encode)) is ist.encode


def halves_of(images):
    return len(images.train), len(images.test)


def test_any_images_have_halves(tmp_path):
    assert halves_of(ist.load_images("digits")) == (1438, 359)
    rng = np.random.default_rng(0)
    array = rng.random((40, 4, 4))
    assert halves_of(ist.load_images(array)) == halves_of(Images(array)) == (32, 8)
    labels = np.repeat([0, 1], [30, 10])
    some = Images(array, y=labels).split(test=0.3, seed=4)
    assert np.bincount(some.test.y).tolist() == [9, 3]
    again, other = (Images(array, y=labels).split(test=0.3, seed=seed) for seed in (4, 5))
    np.testing.assert_array_equal(some.is_test, again.is_test)
    assert (some.is_test != other.is_test).any()
    from PIL import Image

    for half, count in (("train", 6), ("test", 3)):
        for i in range(count):
            path = tmp_path / "photos" / half / "ab"[i % 2] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (6, 6), np.uint8)).save(path)
    photos = ist.load_images(tmp_path / "photos")
    assert halves_of(photos) == (6, 3)
    assert halves_of(photos.split(test=0.5)) == (5, 4)
    with pytest.warns(DeprecationWarning, match="test now"):
        photos.split(test_fraction=0.5)
    with pytest.raises(ValueError, match=r"test=2 must be between 0 and 1"):
        photos.split(test=2)


def test_verbs_use_the_halves_that_images_have():
    images = ist.Images(ist.load_images("digits").data[:300], y=ist.load_images("digits").y[:300])
    model = ist.PCA(4).fit(images.train)
    found = ist.probe(model, images, kinds=["knn"], verbose=False)
    assert found.measured.words == f"on {len(images.test)} images the model never saw"
