"""What every family must do, tested once for all of them."""

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

import isthmus as ist
from isthmus.data.images import with_channels
from isthmus.families import FAMILIES, family, name_of
from isthmus.nets.conv import ToPicture
from isthmus.neural import NeuralRepresentation

QUICK = {
    "autoencoder": {"epochs": 20, "hidden": (64,), "latent_dim": 8, "batch_size": 32},
    "vae": {"epochs": 20, "hidden": (64,), "latent_dim": 8, "batch_size": 32},
    "gan": {"epochs": 12, "learning_rate": 2e-3, "latent_dim": 16, "batch_size": 64}
    | {"generator": (64, 128), "discriminator": (128, 64), "encoder_epochs": 10},
    "classifier": {"epochs": 20, "hidden": (64,), "batch_size": 32},
    "pixelnet": {"epochs": 6, "channels": 8, "batch_size": 16, "learning_rate": 5e-3},
    "own": {"epochs": 15, "learning_rate": 3e-3, "batch_size": 32},
}
"""Settings for families whose defaults would take long; all others are tested as they are."""

THEIRS = ("squeezed", "modules")
"""A family of the user's, and one with networks of theirs: other ones for images and vectors."""

SHORT = {"gan": {"encoder_epochs": 1}, "nmf": {"max_iter": 20, "n_components": 8}}
"""Settings of fits of which no matter is how well they learn, beside few steps."""


@dataclass(eq=False, repr=False)
class Squeezed(NeuralRepresentation):
    """A network as those of timm: depthwise convolutions, channels weighed by what is in them.

    Parameters
    ----------
    latent_dim : int or None
        Width of the code.
    """

    latent_dim: int | None = None

    width = "latent_dim"
    initialises = False
    has_encoder = True

    def networks(self):
        shape, k = with_channels(self.image_shape_), self.latent_dim_
        shape = shape if len(shape) == 3 else (1, *shape, 1)
        down = nn.Sequential(ToPicture(shape), Blocks(shape[2]), nn.Flatten(), nn.LazyLinear(k))
        with torch.no_grad():
            down(torch.zeros(2, self.n_features_in_))
        up = nn.Sequential(nn.Linear(k, 64), nn.GELU(), nn.Linear(64, self.n_features_in_))
        return {"encoder_": down, "decoder_": up}

    def losses(self, x, rng, targets=None):
        loss = (self._decode(self._encode(x)) - x).square().mean()
        yield "model", loss, {"loss": loss}

    def _encode(self, x):
        return self.encoder_(x)

    def _decode(self, z):
        return self.decoder_(z.float())


class Blocks(nn.Module):
    """Two convolutions, and weights for the channels."""

    def __init__(self, depth):
        super().__init__()
        self.stem, self.by_channel = nn.Conv2d(depth, 16, 1), nn.Conv2d(16, 16, 3, 1, 1, groups=16)
        self.norm, self.weigh = nn.GroupNorm(4, 16), nn.Linear(16, 16)

    def forward(self, x):
        x = self.norm(self.by_channel(nn.functional.gelu(self.stem(x))))
        return x * self.weigh(x.mean((2, 3))).sigmoid()[:, :, None, None]


def own_modules(shape, k):
    """Return an encoder and a decoder for images of a shape, or vectors, the same each time."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        if len(shape) == 1:
            return {"encoder": nn.Linear(shape[0], k), "decoder": nn.Linear(k, shape[0])}
        h, w, depth = with_channels(shape)
        layers = Blocks(depth), nn.Flatten(), nn.Linear(16 * h * w, k)
        up = nn.Sequential(nn.Linear(k, 64), nn.GELU(), nn.Linear(64, depth * h * w))
        return {"encoder": nn.Sequential(*layers), "decoder": up}


def build(name, X=None, **parameters):
    """Return a model of a family, its modules, where they are its own, for images like X."""
    if name == "modules":
        shape = (8, 8, 1) if X is None else np.shape(X)[1:]
        width = parameters.pop("latent_dim", 8)
        modules = own_modules(shape, max(width, 1)) | ({} if width else {"latent_dim": 0})
        return ist.Autoencoder(**{"random_state": 0} | QUICK["own"] | modules | parameters)
    quick = QUICK["own"] | {"latent_dim": 8} if name == "squeezed" else QUICK.get(name, {})
    return family(name)(**{"random_state": 0} | quick | parameters)


def brief(name, X=None, **parameters):
    """Return a model of which no matter is how well it learns."""
    cls = ist.Autoencoder if name == "modules" else family(name)
    few = {"max_steps": 20} if issubclass(cls, NeuralRepresentation) else {}
    return build(name, X, **few | SHORT.get(name, {}) | parameters)


GOLDEN = Path(__file__).parent / "golden" / "0.1" / "models"

NARROWEST = {"som": 2}
"""Least width of a code, where it is not 1: a map of one unit is none."""


def labels_for(model, X):
    """Return labels for images that have none, where the family cannot learn without."""
    return np.arange(len(X)) % 3 if model.needs_labels else None


def takes_vectors(model):
    return model.__sklearn_tags__().input_tags.two_d_array


def need(model, *verbs):
    for verb in verbs:
        if not hasattr(model, verb):
            pytest.skip(f"{type(model).__name__} cannot {verb}")


def there_and_back(model, X):
    """Return the codes of images, or where the model can decode their reconstruction."""
    return ist.reconstruct(model, X) if hasattr(model, "decode") else model.encode(X)


@pytest.fixture(scope="module", params=[*FAMILIES, *THEIRS])
def name(request):
    """Return a family: of isthmus, of the user's, or of isthmus with networks of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isthmus.families._own", {"squeezed": Squeezed})
        yield request.param


@pytest.fixture(scope="module")
def model(name, images):
    return build(name).fit(images.train)


@pytest.fixture(scope="module")
def briefly(name, images):
    return brief(name).fit(images.train)


def test_codes_have_one_row_an_image_and_the_promised_type(model, images):
    codes = model.encode(images.test)
    assert len(codes) == len(images.test)
    if codes.ndim == 1:
        assert codes.dtype == np.int64
    else:
        assert codes.dtype == np.float32
        assert codes.shape[-1] == getattr(model, f"{model.width}_")


KINDS = {"kmeans": "index", "som": "index", "pixelnet": "pixels"}
"""Kinds of codes that are no vectors."""
CANNOT = {"classifier": {"decode", "sample"}, "pixelnet": {"sample"}, "squeezed": {"sample"}}
"""What no model of a family can, of what most can."""


def check_codes(model, images):
    """Check what a model says of its codes by those that it gives."""
    codes = model.encode(images)
    assert codes.shape[1:] == model.code_shape_of(images.shape[1:])
    assert len(model.code_shape_) == {"index": 0, "vector": 1, "pixels": 3}[model.code_kind_]
    assert model.transform(images).shape == (len(images), model.code_width_)
    assert len(model.get_feature_names_out()) == model.code_width_
    assert str(model.code_width_) in model.code_
    if model.code_kind_ == "index":
        assert model.prototypes_.shape == (model.code_width_, model.n_features_in_)
    if model.class_labels_ is not None:
        assert set(np.unique(model.predict(images))) <= set(range(len(model.class_labels_)))
    assert bool(model.networks_) == isinstance(model, NeuralRepresentation)
    assert model.device_.type in ("cpu", "cuda")


def test_what_a_model_says_of_its_codes_is_so(name, model, images):
    check_codes(model, images.test[:5])
    assert model.code_kind_ == KINDS.get(name, "vector")
    learned_labels = model.needs_labels or getattr(model, "supervised_", False)
    assert (model.class_labels_ is not None) == learned_labels


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.safetensors")), ids=lambda p: p.stem)
def test_what_a_model_of_old_says_of_its_codes_is_so(path):
    old = ist.load_model(path)
    pixels = np.random.default_rng(0).integers(0, 256, (3, *old.image_shape_), dtype=np.uint8)
    check_codes(old, pixels)
    assert old.code_kind_ == KINDS.get(name_of(old), "vector")


@pytest.mark.parametrize("verb", ["encode", "decode", "sample", "predict", "locate", "elbo"])
def test_can_says_what_a_class_and_a_model_can(name, model, verb):
    assert model.can(verb) == hasattr(model, verb)
    if name != "pixelnet" or verb not in ("decode", "predict"):  # these depend on what it learns
        assert type(model).can(verb) == build(name).can(verb) == model.can(verb)
    if verb in ("encode", "decode", "sample"):
        assert type(model).can(verb) == (verb not in CANNOT.get(name, ()))


def test_twins_are_the_verbs_on_tensors(model, images):
    x = np.asarray(images.test[:4])
    given = torch.from_numpy(x / np.float32(255)).to(model.device_)
    codes = model.twin("encode")(given)
    np.testing.assert_allclose(codes.detach().cpu(), model.encode(x), rtol=1e-4, atol=1e-4)
    if model.can("decode"):
        back = model.twin("decode")(torch.from_numpy(model.encode(x)).to(model.device_))
        back = back.detach().cpu().numpy().reshape(x.shape)
        np.testing.assert_allclose(back, model.decode(model.encode(x)), rtol=1e-4, atol=1e-4)


def test_decode_gives_back_the_shape_fitted_on(model, images):
    need(model, "decode")
    assert model.decode(model.encode(images.test[:7])).shape == (7, 8, 8, 1)


def test_reconstruction_beats_the_mean_image(model, images):
    need(model, "decode")
    X = np.asarray(images.test) / 255
    mean = (np.asarray(images.train) / 255).mean(0)
    assert (
        np.mean((ist.reconstruct(model, images.test) - X) ** 2) < np.mean((mean - X) ** 2) * 0.75
    )
    assert model.score(images.test) == pytest.approx(
        -np.mean((ist.reconstruct(model, images.test) - X) ** 2), rel=1e-4
    )


def test_encode_does_not_depend_on_the_batch(model, images):
    whole = model.encode(images.test)
    single = np.concatenate([model.encode(images.test[i]) for i in range(20)])
    np.testing.assert_allclose(single, whole[:20], rtol=1e-4, atol=1e-5)


def test_encode_is_deterministic(model, images):
    np.testing.assert_array_equal(model.encode(images.test), model.encode(images.test))


def test_fit_is_repeatable_and_leaves_global_random_state_alone(name, briefly, images):
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    torch_before = torch.get_rng_state()
    again = brief(name).fit(images.train)
    if hasattr(again, "sample"):
        again.sample(2, random_state=3)
    np.testing.assert_array_equal(again.encode(images.test), briefly.encode(images.test))
    if hasattr(again, "decode"):
        back = again.decode(again.encode(images.test))
        np.testing.assert_array_equal(back, ist.reconstruct(briefly, images.test))
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_samples_are_images_and_repeat_with_their_seed(model):
    need(model, "sample")
    drawn = model.sample(5, random_state=1)
    assert drawn.shape == (5, 8, 8, 1)
    assert np.isfinite(drawn).all()
    np.testing.assert_array_equal(drawn, model.sample(5, random_state=1))
    assert not np.array_equal(drawn, model.sample(5, random_state=2))


def test_saved_model_is_the_same_model(model, images, tmp_path):
    model.save(tmp_path / "model.safetensors")
    modules = {k: v for k, v in model.get_params().items() if isinstance(v, nn.Module)}
    back = ist.load_model(tmp_path / "model.safetensors", **modules)
    np.testing.assert_array_equal(back.encode(images.test), model.encode(images.test))
    if hasattr(model, "sample"):
        drawn = model.sample(3, random_state=0)
        np.testing.assert_array_equal(back.sample(3, random_state=0), drawn)
    assert repr(back) == repr(model)
    assert back.health_ == model.health_
    assert back.score(images.test) == model.score(images.test)
    assert {k: v.tolist() for k, v in back.parts().items()} == {
        k: v.tolist() for k, v in model.parts().items()
    }


def same_parameters(parameters):
    """Return parameters as they are, modules, of which a clone has copies, in words."""
    return {k: repr(v) if isinstance(v, nn.Module) else v for k, v in parameters.items()}


def test_clone_and_copy(model, images):
    assert same_parameters(clone(model).get_params()) == same_parameters(model.get_params())
    with pytest.raises(NotFittedError):
        clone(model).encode(images.test)
    np.testing.assert_array_equal(
        copy.deepcopy(model).encode(images.test), model.encode(images.test)
    )


def test_same_images_in_every_form_give_the_same_model(name, briefly, images):
    model, X = briefly, np.asarray(images.train)
    forms = [X[..., 0], (X / np.float32(255)).astype(np.float32), X.reshape(len(X), -1)]
    for form in forms if takes_vectors(model) and name not in THEIRS else forms[:2]:
        again = brief(name, form).fit(form, images.train.y)
        test = np.asarray(images.test[:50])
        test = test.reshape(50, *form.shape[1:]) / (
            1 if form.dtype == np.uint8 else np.float32(255)
        )
        test = test.astype(form.dtype)
        np.testing.assert_allclose(
            again.encode(test), model.encode(images.test[:50]), rtol=1e-3, atol=1e-3
        )
        if hasattr(again, "decode"):
            assert again.decode(again.encode(test)).shape == test.shape


def test_memory_mapped_subset_is_like_an_array(name, images, tmp_path, briefly):
    np.save(tmp_path / "x.npy", np.asarray(images))
    mapped = ist.load_images(tmp_path / "x.npy")
    assert isinstance(mapped.data, np.memmap)
    rows = np.flatnonzero(~images.is_test)
    y = images.y[rows]
    again = brief(name).fit(mapped[rows], y)
    np.testing.assert_array_equal(
        again.encode(mapped[rows[:30]]), briefly.encode(np.asarray(images)[rows[:30]])
    )


def test_colour_images(name, model):
    colour = np.random.default_rng(0).integers(0, 256, (80, 6, 5, 3), dtype=np.uint8)
    small = brief(name, colour, **{model.width: 3}).fit(colour, labels_for(model, colour))
    assert len(small.encode(colour)) == 80
    if hasattr(small, "decode"):
        assert small.decode(small.encode(colour)).shape == (80, 6, 5, 3)


def test_vectors(name, model):
    vectors = np.abs(np.random.default_rng(0).normal(5, 3, (80, 11)))
    small = brief(name, vectors, **{model.width: 3})
    if not takes_vectors(model):
        with pytest.raises(ValueError, match="needs images"):
            small.fit(vectors)
        return
    assert len(small.fit(vectors, labels_for(model, vectors)).encode(vectors)) == 80
    if hasattr(small, "sample"):
        assert small.sample(2, random_state=0).shape == (2, 11)


def test_health_is_a_list_of_words(model):
    assert isinstance(model.health_, list)
    assert all(isinstance(finding, str) for finding in model.health_)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros((0, 4, 4)), "0 sample"),
        (np.zeros((1, 4, 4)), "1 sample"),
        (np.full((9, 4, 4), np.nan), "NaN"),
        (np.full((9, 16), np.inf), "infinity"),
        (np.zeros((9, 2, 2, 2, 2)), "expected"),
        (np.zeros(9), "2D array"),
        (np.array([["a", "b"]] * 5), "convert"),
    ],
)
def test_bad_images_are_refused_in_words(name, model, X, words):
    with pytest.raises(ValueError, match=words):
        build(name).fit(X)


def test_other_shapes_are_refused_at_encode(model):
    if model.any_size:
        assert model.encode(np.zeros((3, 8, 9))).shape[:3] == (3, 8, 9)
    sizes = [] if model.any_size else [np.zeros((3, 8, 9))]
    for X in (*sizes, np.zeros((3, 8, 8, 3)), np.zeros((3, 65))):
        with pytest.raises(ValueError, match=r"fitted on images of shape|features"):
            model.encode(X)


def test_bad_codes_are_refused_at_decode(model):
    need(model, "decode")
    codes = np.zeros((3, 99), dtype=np.float32)
    with pytest.raises(ValueError, match="codes"):
        model.decode(codes)
    if model.encode(np.zeros((1, 8, 8), np.uint8)).ndim == 1:
        with pytest.raises(ValueError, match="indices 0 to"):
            model.decode(np.array([10_000]))


def test_bad_requests_are_refused(name, model, images):
    if hasattr(model, "sample"):
        with pytest.raises(ValueError, match="at least 1"):
            model.sample(0)
    with pytest.raises(ValueError, match="device='nowhere'"):
        build(name, device="nowhere").fit(images.train)
    with pytest.raises(ValueError, match="random_state"):
        build(name, random_state="seed").fit(
            images.train
        ) if model.width != "n_components" else model.sample(1, random_state="seed")
    with pytest.raises(ValueError, match=model.width):
        build(name, **{model.width: 0}).fit(images.train)


def test_constant_images_do_not_break_anything(name, model):
    constant = np.full((40, 3, 3), 7, dtype=np.uint8)
    small = brief(name, constant, **{model.width: 2}).fit(constant, labels_for(model, constant))
    assert np.isfinite(there_and_back(small, constant)).all()


def test_one_pixel_is_an_image(name, model):
    pixel = np.linspace(0, 255, 40).astype(np.uint8).reshape(40, 1, 1)
    least = NARROWEST.get(name, 1)
    small = brief(name, pixel, **{model.width: least}).fit(pixel, labels_for(model, pixel))
    back = there_and_back(small, pixel)
    assert back.shape == ((40, 1, 1) if hasattr(small, "decode") else (40, 1))


def test_every_family_can_be_probed_clustered_and_asked_what_is_new(model, images):
    found = ist.probe(model, images, 200, kinds=["knn"], verbose=False)
    assert found.accuracies["knn"].accuracy > 0.5
    clusters = ist.cluster(model, images.test, random_state=0, verbose=False)
    assert clusters.scores["clusters"] == 10
    assert clusters.scores["accuracy"] > 0.2  # chance is 0.1
    new = ist.novelty(model, images.test, verbose=False)
    assert new.by == ("error" if hasattr(model, "decode") else "neighbours")
    beside = ist.novelty(model, images.test, images.train, verbose=False).scores
    for scores in (new.scores, beside):
        assert scores.shape == (359,)
        assert np.isfinite(scores).all()
        assert scores.max() > scores.min() > 0


def test_a_family_can_be_finetuned_or_says_why_not(name, model, images):
    if name in ("autoencoder", "vae", "classifier", "squeezed", "modules"):
        made = ist.finetune(model, images, 30)
        assert made.tuned.accuracy > 0.5
        assert made.scratch.n_test == 359
    else:
        with pytest.raises(ValueError, match="no encoder network"):
            ist.finetune(model, images, 30)
