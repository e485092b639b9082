"""A hundred of each class: folders of new images, samplers of few codes, and how good they are."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.base import Representation
from isthmus.verbs.by_class import class_codes, drawn_by_class, labelled_parts
from isthmus.verbs.generate import fitted


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")


def test_folders_named_after_the_classes_hold_as_many_of_each(run, tmp_path):
    assert run("fit", "pca", "digits", "--n-components", 12, "-o", "p.safetensors")[0] == 0
    to = ("--per-class", 15, "-o", "new", "-o", "new.png")
    code, out, err = run("generate", "p.safetensors", *to)
    assert code == 0, err
    folders = sorted(path for path in (tmp_path / "new").iterdir() if path.is_dir())
    assert [folder.name for folder in folders] == list("0123456789")
    assert all(len(list(folder.glob("*.png"))) == 15 for folder in folders)
    assert "a probe of 1,438 real training images names" in out
    assert "chance 10.0 %" in out
    assert "on 359 images the model never saw" in out
    with Image.open("new.png") as sheet:
        assert sheet.height > 10 * 40
    again = ist.load_images("new")
    assert (again.classes, len(again)) == (list("0123456789"), 150)
    code, out, _ = run("generate", "p.safetensors", "--per-class", 5, "-o", "n.npy", "--json")
    found = json.loads(out)
    assert found["accuracy"] > 0.8
    assert found["real accuracy"] > found["chance"] == 0.1
    wanted = ist.generate(ist.load_model("p.safetensors"), per_class=5)
    np.testing.assert_array_equal(np.load("n.npy"), wanted)
    assert wanted.labels.tolist() == np.repeat(range(10), 5).tolist()


@dataclass(eq=False, repr=False)
class Own(Representation):
    """Every other pixel: codes of one's own."""

    width = "half"
    half: int | None = None

    def _fit(self, images):
        self.half_ = self.n_features_in_ // 2

    def _encode(self, x):
        return x[:, ::2]

    def _decode(self, z):
        return z.repeat_interleave(2, dim=1)


QUICK = {"max_steps": 3, "random_state": 0}
FAMILIES = [
    *(ist.PCA(8), ist.KMeans(20, random_state=0), ist.NMF(6, max_iter=20), Own()),
    *(ist.SOM((4, 5), max_iter=2), ist.Autoencoder(4, hidden=(16,), **QUICK)),
    ist.VAE(4, hidden=(16,), **QUICK),
    ist.GAN(4, generator=(8,), discriminator=(8,), encoder_epochs=1, **QUICK),
    ist.PixelNet(2, channels=4, **QUICK),
]


@pytest.mark.parametrize("model", FAMILIES, ids=lambda model: type(model).__name__)
def test_every_family_that_decodes_draws_of_every_class(model, digits):
    few = digits[:200]
    few.is_test = np.arange(200) % 4 == 0
    model.fit(few.train)
    if not model.can("encode"):
        pytest.skip("it does not encode")
    made = ist.generate(model, per_class=3, among=few)
    assert made.shape == (30, 8, 8, 1)
    assert np.isfinite(made).all()
    assert [row["drawn"] for row in made.rows] == [3] * 10
    assert sum(row["codes"] for row in made.rows) == 150
    np.testing.assert_array_equal(made, ist.generate(model, per_class=3, among=few))


def test_codes_of_a_class_are_like_its_own_and_stay_within_what_there_is(digits):
    pca = ist.PCA(5).fit(digits.train)
    found = class_codes(pca, digits, labelled_parts(pca, digits).train)
    labels = np.repeat([0, 3], 2000)
    for mixed in (True, False):
        rng = np.random.default_rng(0)
        drawn = drawn_by_class(found, labels, fitted, mixed, rng, 1.0)
        for label in (0, 3):
            own, new = found.codes[found.y == label], drawn[labels == label]
            np.testing.assert_allclose(new.mean(0), own.mean(0), atol=0.15)
            np.testing.assert_allclose(new.std(0), own.std(0), rtol=0.25)
        assert (drawn >= found.codes.min(0) - 1e-6).all()
        assert (drawn <= found.codes.max(0) + 1e-6).all()


def test_a_class_of_few_codes_leans_on_the_others_and_one_of_one_is_named(digits):
    keep = (digits.y != 7) | (np.cumsum(digits.y == 7) <= 3)
    keep &= (digits.y != 8) | (np.cumsum(digits.y == 8) <= 1)
    few = digits[np.flatnonzero(keep)]
    few.is_test = np.zeros(len(few), bool)
    pca = ist.PCA(8).fit(few)
    made = ist.generate(pca, per_class=40, among=few)
    assert made.left_out == {"8": 1}
    assert "no images of classes of fewer than 2 training codes: 8 (1)" in made.remarks()
    assert 8 not in made.labels
    row = next(row for row in made.rows if row["class"] == "7")
    assert row["codes"] == 3
    assert row["distinct"] == 40
    sevens = np.asarray(made)[made.labels == 7].reshape(40, -1)
    assert np.linalg.matrix_rank(sevens - sevens.mean(0), tol=1e-3) > 2  # more than 3 codes span


def test_labels_come_from_a_table_or_what_is_missing_is_said(digits, run, tmp_path):
    few = replace(digits[:60], y=None, classes=None, source="nowhere")
    model = ist.PCA(4).fit(few)
    with pytest.raises(ValueError, match="learnt from nowhere, which cannot be read again: give"):
        ist.generate(model, per_class=2)
    with pytest.raises(ValueError, match="per_class needs labels, and nowhere has none"):
        ist.generate(model, per_class=2, among=few)
    lines = [f"{row},{'even' if row % 2 else 'odd'}" for row in range(60)]
    table = tmp_path / "l.csv"
    table.write_text("\n".join(["name,label", *lines]), encoding="utf-8")
    made = ist.generate(model, per_class=2, among=few, labels=table)
    assert [row["class"] for row in made.rows] == ["even", "odd"]
    with pytest.raises(ValueError, match="are of use with per_class"):
        ist.generate(model, 2, few, labels=table)
    with pytest.raises(ValueError, match="knows no classes"):
        ist.generate(model, per_class=2, among=digits, sampler="prior")
    with pytest.raises(ValueError, match="Classifier does not"):
        ist.generate(ist.Classifier(4, max_steps=1).fit(digits.train), per_class=2)
    model.save("p.safetensors")
    code, _, err = run("generate", "p.safetensors", "--per-class", 2, "-o", "new")
    assert (code, err.count("\n")) == (2, 1)


def test_other_images_of_the_same_name_are_refused(digits):
    other = ist.PCA(4).fit(replace(digits[:50], data=255 - np.asarray(digits[:50]), rows=None))
    with pytest.raises(ValueError, match="learnt from other images of digits"):
        ist.generate(other, per_class=2)
