"""Networks of one's own in place of ours: what they may be, what is said, what a file keeps."""

import copy
from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

import isthmus as ist


def down(k=6, depth=1):
    """Return a network from pictures of 8x8 to k numbers, with what networks of others have."""
    first = nn.Conv2d(depth, 8, 3, 2, 1)
    return nn.Sequential(
        *(first, nn.BatchNorm2d(8), nn.GELU(), nn.Conv2d(8, 16, 3, 2, 1)),
        *(nn.GELU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(64, k)),
    )


def up(k=6, depth=1):
    """Return the way back."""
    return nn.Sequential(
        *(nn.Linear(k, 64), nn.GELU(), nn.Unflatten(1, (16, 2, 2))),
        *(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.GELU(), nn.ConvTranspose2d(8, depth, 4, 2, 1)),
    )


@pytest.fixture(autouse=True)
def seeded():
    """Draw the modules of a test always the same, and let others draw as before."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        yield


FEW = {"max_steps": 15, "random_state": 0}
GAME = {"encoder_epochs": 1, **FEW}
KINDS = {
    "autoencoder": lambda: (ist.Autoencoder, {"encoder": down(), "decoder": up()}, FEW),
    "encoder": lambda: (ist.Autoencoder, {"encoder": down()}, FEW),
    "decoder": lambda: (ist.Autoencoder, {"decoder": up()}, FEW),
    "vae": lambda: (ist.VAE, {"encoder": down(12), "decoder": up()}, FEW),
    "gan": lambda: (
        ist.GAN,
        {"generator": up(), "discriminator": down(1), "encoder": down()},
        GAME,
    ),
    "generator": lambda: (ist.GAN, {"generator": up()}, GAME),
    "classifier": lambda: (ist.Classifier, {"encoder": down()}, FEW),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_family_takes_modules_learns_copies_and_comes_back(kind, images, tmp_path):
    cls, modules, few = KINDS[kind]()
    before, state = copy.deepcopy(modules), torch.get_rng_state()
    model = cls(**modules, **few).fit(images.train)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.encode(images.test).shape == (359, 6)
    for name, module in modules.items():
        assert getattr(model, name) is module
        for key, value in module.state_dict().items():
            assert torch.equal(value, before[name].state_dict()[key])
    again = clone(model)
    assert all(getattr(again, name) is not module for name, module in modules.items())
    again.fit(images.train)
    np.testing.assert_array_equal(again.encode(images.test), model.encode(images.test))
    model.save(path := tmp_path / "own.safetensors")
    with pytest.raises(
        ValueError, match=rf"{next(iter(modules))} was torch.*Sequential.*build th"
    ):
        ist.load_model(path)
    torch.manual_seed(1)
    back = ist.load_model(path, **KINDS[kind]()[1])
    np.testing.assert_array_equal(back.encode(images.test), model.encode(images.test))
    assert back.score(images.test) == model.score(images.test)


def test_modules_learn_from_the_weights_that_they_have(images):
    own, shown = down(), []

    class First:
        def on_fit_begin(self, state):
            shown.append(copy.deepcopy(state.model.encoder_.state_dict()))

    ist.Autoencoder(encoder=own, decoder=up(), callbacks=(First(),), **FEW).fit(images.train)
    for value, was in zip(shown[0].values(), own.state_dict().values(), strict=True):
        assert torch.equal(value, was)


def test_pictures_are_given_as_torch_has_them_and_vectors_as_they_are():
    class Looks(nn.Module):
        """Keeps what it is shown."""

        seen: ClassVar[list] = []

        def __init__(self, n):
            super().__init__()
            self.linear = nn.Linear(n, 2)

        def forward(self, x):
            Looks.seen.append(x.detach())
            return self.linear(x.flatten(1))

    colour = np.random.default_rng(0).random((20, 4, 5, 3), dtype=np.float32)
    model = ist.Autoencoder(encoder=Looks(60), **FEW).fit(colour)
    Looks.seen.clear()
    model.encode(colour)
    np.testing.assert_allclose(Looks.seen[0], colour.transpose(0, 3, 1, 2), atol=1e-6)
    model = ist.Autoencoder(encoder=Looks(7), **FEW).fit(colour.reshape(20, -1)[:, :7])
    assert Looks.seen[-1].shape[1:] == (7,)
    assert model.encode(colour.reshape(20, -1)[:, :7]).shape == (20, 2)


def test_pictures_come_back_the_same_way():
    class Paints(nn.Module):
        """Paints one picture, whatever the code is."""

        def __init__(self, picture):
            super().__init__()
            self.picture, self.linear = nn.Parameter(picture, requires_grad=False), nn.Linear(3, 1)

        def forward(self, z):
            return self.picture + 0 * self.linear(z).view(-1, 1, 1, 1)

    picture = np.random.default_rng(0).random((4, 5, 3), dtype=np.float32)
    logits = torch.logit(torch.from_numpy(picture)).permute(2, 0, 1)
    X = np.random.default_rng(1).random((20, 4, 5, 3), dtype=np.float32)
    X.flat[:2] = 0, 1
    model = ist.Autoencoder(decoder=Paints(logits), output="sigmoid", **FEW).fit(X)
    assert model.latent_dim_ == 3
    np.testing.assert_allclose(model.decode(np.zeros((1, 3)))[0], picture, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"encoder": nn.Conv2d(1, 3, 3)},
            r"encoder=Conv2d makes an array of shape \(2, 3, 6, 6\)",
        ),
        ({"encoder": nn.Linear(5, 3)}, r"encoder=Linear cannot take a batch of shape \(2, 1, 8,"),
        ({"encoder": nn.LSTM(8, 3)}, "encoder=LSTM cannot|encoder=LSTM returns tuple"),
        ({"encoder": nn.Flatten(0)}, r"makes an array of shape \(128,\)"),
        ({"decoder": nn.Linear(9, 3)}, r"decoder=Linear makes .* must be \('n', 1, 8, 8\)"),
        ({"decoder": nn.Sequential(nn.Linear(9, 64), nn.Sigmoid())}, "ends in Sigmoid"),
        ({"encoder": nn.Flatten(), "decoder": up(5)}, r"cannot take a batch of shape \(2, 64\)"),
        ({"encoder": nn.Flatten(), "latent_dim": 9}, "latent_dim=9, but the module given is for"),
        ({"encoder": nn.Flatten(), "init": "pca"}, "encoder begins with the weights that it has"),
        ({"encoder": down(), "pretrain_epochs": 2}, "pretrain_epochs=2 is for networks of ours"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(given, words, images):
    with pytest.raises(ValueError, match=words) as error:
        ist.Autoencoder(**given, **FEW).fit(images.train)
    assert "\n" not in str(error.value)


def test_other_families_say_what_they_need(images, tmp_path):
    with pytest.raises(TypeError, match=r"encoder=<class .*Linear'> must be None or an instance"):
        ist.Autoencoder(encoder=nn.Linear).fit(images.train)
    with pytest.raises(ValueError, match=r"makes 5 numbers of an image: VAE needs 2"):
        ist.VAE(encoder=down(5)).fit(images.train)
    with pytest.raises(ValueError, match=r"discriminator=Sequential makes 6 .* must be one logit"):
        ist.GAN(discriminator=down(6)).fit(images.train)
    model = ist.Classifier(encoder=down(), **FEW).fit(images.train)
    model.save(path := tmp_path / "own.safetensors")
    with pytest.raises(ValueError, match="is not built as the one that was saved: size mismatch"):
        ist.load_model(path, encoder=down(9))
    with pytest.raises(ValueError, match=r"has no module 'decoder' \(it has: encoder\)"):
        ist.load_model(path, encoder=down(), decoder=up())
    with pytest.raises(ValueError, match="both say what to start from"):
        ist.Classifier(encoder=down(), pretrained=model).fit(images.train)


def test_a_frozen_encoder_stays_as_it_is(images):
    own = down()
    few = {**FEW, "max_steps": 150, "learning_rate": 0.01}
    model = ist.Classifier(encoder=own, frozen=True, **few).fit(images.train)
    for value, was in zip(
        model.encoder_.state_dict().values(), own.state_dict().values(), strict=True
    ):
        assert torch.equal(value, was)
    assert model.score(images.test) > 0.3  # six numbers of a network that learnt nothing


@pytest.mark.parametrize("kind", ["autoencoder", "vae"])
def test_a_classifier_goes_on_from_a_module_and_is_saved(kind, images, tmp_path):
    cls, modules, few = KINDS[kind]()
    start = cls(**modules, **few).fit(images.train)
    made = ist.finetune(start, images, 40, epochs=2)
    assert made.scratch is not None
    assert made.model.encode(images.test).shape == (359, 6)
    made.model.save(path := tmp_path / "tuned.safetensors")
    back = ist.load_model(path, **KINDS[kind]()[1])
    np.testing.assert_array_equal(back.predict(images.test), made.model.predict(images.test))


def test_a_module_is_exported(images, tmp_path):
    pytest.importorskip("onnxscript")
    ort = pytest.importorskip("onnxruntime")
    from isthmus.explorer.onnx import export

    cls, modules, few = KINDS["autoencoder"]()
    model = cls(**modules, **few).fit(images.train)
    export(model, tmp_path / "encode.onnx", "encode")
    session = ort.InferenceSession(tmp_path / "encode.onnx")
    x = np.asarray(images.test[:4], np.float32) / 255
    (z,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(z, model.encode(images.test[:4]), atol=1e-4)
