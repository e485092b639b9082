"""What a fit can be given in Python: callbacks, images to validate on, losses, optimisers."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

import isthmus as ist
from isthmus.fitted.packed import Named, name_of_code
from isthmus.training import FitState

FEW = {"hidden": (12,), "random_state": 0, "batch_size": 64}


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").evenly(400)


class Told:
    """Writes down everything it is told, and stops where it is to."""

    def __init__(self, stop_after=None):
        self.stop_after, self.heard = stop_after, []

    def on_fit_begin(self, state):
        self.heard.append(("begin", state))

    def on_step_end(self, state):
        self.heard.append(("step", state))

    def on_epoch_end(self, state):
        self.heard.append(("epoch", state))
        return state.epoch == self.stop_after

    def on_fit_end(self, state):
        self.heard.append(("end", state))

    def of(self, what):
        return [state for name, state in self.heard if name == what]


def test_callbacks_are_told_of_everything_in_its_order(images):
    told = Told()
    model = ist.Autoencoder(4, epochs=3, callbacks=(told,), **FEW).fit(images.train)
    steps = -(-int(np.ceil(0.9 * len(images.train))) // 64)
    names = [name for name, _ in told.heard]
    assert names == ["begin", *3 * [*steps * ["step"], "epoch"], "end"]
    assert all(isinstance(state, FitState) for _, state in told.heard)
    assert [state.step for state in told.of("step")] == list(range(1, 3 * steps + 1))
    for epoch, state in enumerate(told.of("epoch"), 1):
        assert (state.epoch, state.step, state.stage) == (epoch, epoch * steps, "fit")
        assert state.logs == {name: values[epoch - 1] for name, values in model.history_.items()}
    mean = np.mean([state.logs["loss"] for state in told.of("step")[:steps]])
    assert mean == pytest.approx(model.history_["loss"][0], rel=1e-5)
    assert told.of("end")[0].model is model


def test_being_watched_changes_nothing(images):
    class Looking:
        def on_epoch_end(self, state):
            self.codes = state.model.encode(images)
            self.back = ist.reconstruct(state.model, images)

        on_fit_begin = on_epoch_end

    settings = {"epochs": 3, "keep_best": False, **FEW}
    for cls in (ist.Autoencoder, ist.VAE):
        alone = cls(4, **settings).fit(images.train)
        looking = Looking()
        watched = cls(4, callbacks=(looking, Told()), **settings).fit(images.train)
        assert watched.history_["loss"] == alone.history_["loss"]
        np.testing.assert_array_equal(watched.encode(images), alone.encode(images))
        np.testing.assert_array_equal(looking.codes, alone.encode(images))  # after the last epoch
        np.testing.assert_array_equal(looking.back, ist.reconstruct(alone, images))


def test_a_callback_may_stop_a_fit(images):
    told = Told(stop_after=2)
    model = ist.Autoencoder(4, epochs=9, callbacks=(Told(), told), **FEW).fit(images.train)
    assert model.stopped_ == "stopped by a callback"
    assert len(model.history_["epoch"]) == 2
    assert told.of("end")

    class Impatient:
        def on_step_end(self, state):
            return state.step == 3

    model = ist.Autoencoder(4, epochs=9, callbacks=(Impatient(),), **FEW).fit(images.train)
    assert (model.stopped_, model._step) == ("stopped by a callback", 3)


def test_a_stopped_fit_goes_on_from_its_checkpoint(images, tmp_path):
    settings = {"epochs": 4, "schedule": "constant", **FEW}
    whole = ist.Autoencoder(4, **settings).fit(images.train)
    settings["checkpoint"] = str(tmp_path / "state")
    ist.Autoencoder(4, callbacks=(Told(stop_after=2),), **settings).fit(images.train)
    resumed = ist.Autoencoder(4, **settings).fit(images.train)
    assert resumed.history_["loss"] == whole.history_["loss"]


def test_callbacks_know_the_stage(images):
    told = Told()
    nets = {"generator": (8,), "discriminator": (8,)}
    ist.GAN(4, epochs=2, encoder_epochs=1, callbacks=[told], random_state=0, **nets).fit(
        images.train
    )
    assert [state.stage for state in told.of("epoch")] == ["fit", "fit", "inversion"]
    assert "generator_loss" in told.of("step")[0].logs


@pytest.mark.parametrize("given", [(object(),), [print], Told()])
def test_what_is_no_callback_is_refused(given, images):
    with pytest.raises(TypeError, match=r"callbacks=.*on_epoch_end"):
        ist.Autoencoder(4, epochs=1, callbacks=given, **FEW).fit(images.train)


def test_validation_images_take_the_place_of_the_held_out_ones(images):
    """All training images are learnt from, and the values are those of the images given."""
    trained = []

    class Noting(ist.Autoencoder):
        def losses(self, x, rng):
            if torch.is_grad_enabled():
                trained.append(len(x))
            yield from super().losses(x, rng)

    settings = {"epochs": 3, "init": "glorot_uniform", **FEW}
    model = Noting(4, **settings).fit(images.train, validation=images.test)
    assert sum(trained) == 3 * len(images.train)
    best = min(model.history_["val_loss"])
    X = np.asarray(images.test) / np.float32(255)
    error = float(np.square(ist.reconstruct(model, images.test) - X).mean())
    assert best == pytest.approx(error, rel=1e-4)
    same = ist.Autoencoder(4, **settings).fit(images.train, validation=np.asarray(images.test))
    np.testing.assert_array_equal(same.encode(images), model.encode(images))
    assert model._validation is None


def test_validation_of_a_classifier_has_labels(images):
    train, test = images.train, images.test
    model = ist.Classifier(8, epochs=2, random_state=0)
    model.fit(train, validation=(np.asarray(test), test.y))
    assert len(model.history_["val_accuracy"]) == 2
    same = clone(model).fit(np.asarray(train), train.y, validation=test)
    assert same.history_["val_loss"] == model.history_["val_loss"]
    with pytest.raises(ValueError, match="give fit"):
        model.fit(train, validation=np.asarray(test))
    with pytest.raises(ValueError, match="has the class 77, which"):
        model.fit(train, validation=(np.asarray(test), np.full(len(test), 77)))


def test_validation_with_label_maps():
    X = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    maps = (X[..., 0] > 99).astype(np.uint8)
    model = ist.PixelNet(3, channels=4, epochs=1, random_state=0)
    model.fit(X[:8], maps[:8], validation=(X[8:], maps[8:]))
    assert len(model.history_["val_accuracy"]) == 1
    with pytest.raises(ValueError, match="validation= needs label maps"):
        model.fit(X[:8], maps[:8], validation=X[8:])


def test_validation_images_are_checked_and_told_apart_in_a_checkpoint(images, tmp_path):
    model = ist.Autoencoder(4, epochs=1, checkpoint=str(tmp_path / "state"), **FEW)
    with pytest.raises(ValueError, match="fitted on images of shape"):
        model.fit(images.train, validation=np.zeros((5, 9, 9)))
    model.fit(images.train, validation=images.test)
    with pytest.raises(ValueError, match="validated on other images"):
        model.fit(images.train, validation=images.test[:20])


def squared(back, x):
    return (back - x).square().mean()


def squared_of_each(back, x):
    return (back - x).square().flatten(1).mean(1)


@pytest.mark.parametrize("loss", [squared, squared_of_each])
def test_a_loss_of_ones_own_is_minimised(loss, images):
    settings = {"epochs": 3, "init": "glorot_uniform", **FEW}
    ours = ist.Autoencoder(4, **settings).fit(images.train)
    model = ist.Autoencoder(4, loss=loss, **settings).fit(images.train)
    np.testing.assert_allclose(model.history_["loss"], ours.history_["loss"], rtol=1e-4)
    np.testing.assert_allclose(model.encode(images), ours.encode(images), atol=1e-3)


def test_a_loss_of_ones_own_sees_images_in_their_values(images):
    seen = []

    def loss(back, x):
        seen.append((back.shape[1:], x.shape[1:], float(x.min()), float(x.max())))
        return (back - x).abs().mean()

    X = np.asarray(images.train, dtype=np.float64) * 100 - 7000
    ist.Autoencoder(4, epochs=1, loss=loss, **FEW).fit(X)
    assert all(a == b == (8, 8, 1) for a, b, _, _ in seen)
    assert min(low for *_, low, _ in seen) == X.min()
    assert max(high for *_, high in seen) == X.max()


@pytest.mark.parametrize("loss", [lambda back, x: back - x, lambda back, x: 0.5])
def test_a_loss_of_another_shape_is_refused(loss, images):
    with pytest.raises(ValueError, match="a scalar or one number an image"):
        ist.Autoencoder(4, epochs=1, loss=loss, **FEW).fit(images.train)


def slow_adam(weights, lr):
    return torch.optim.Adam(weights, lr=lr / 2, eps=1e-7)


def test_optimisers_may_be_given(images):
    settings = {"epochs": 2, **FEW}
    ours = ist.Autoencoder(4, **settings).fit(images.train)
    same = ist.Autoencoder(4, optimizer=torch.optim.Adam, **settings).fit(images.train)
    np.testing.assert_allclose(same.history_["loss"], ours.history_["loss"], rtol=1e-4)
    slow = ist.Autoencoder(4, optimizer=slow_adam, learning_rate=2e-3, **settings)
    slow.fit(images.train)
    np.testing.assert_allclose(slow.history_["loss"], ours.history_["loss"], rtol=1e-3)
    with pytest.raises(TypeError, match="optimizer= gave list"):
        ist.Autoencoder(4, optimizer=lambda weights, lr: weights, **settings).fit(images.train)


def test_given_code_is_a_parameter_like_any_other(images):
    told = Told()
    model = ist.Autoencoder(4, loss=squared, optimizer=torch.optim.NAdam, callbacks=(told,))
    again = clone(model)
    assert again.loss is squared
    assert again.optimizer is torch.optim.NAdam
    assert isinstance(again.callbacks[0], Told)
    assert "loss=<function squared" in repr(model)
    assert ist.Autoencoder(4).set_params(loss=squared).get_params()["loss"] is squared


def test_a_file_keeps_the_names_of_given_code(images, tmp_path):
    path = tmp_path / "model.safetensors"
    model = ist.Autoencoder(
        4, epochs=2, loss=squared, optimizer=slow_adam, callbacks=(Told(),), **FEW
    ).fit(images.train)
    with pytest.warns(UserWarning, match="keeps the name of .*loss.*give") as said:
        model.save(path)
    assert [str(one.message).count("\n") for one in said] == [0]
    back = ist.load_model(path)
    np.testing.assert_array_equal(back.encode(images), model.encode(images))
    assert back.loss == f"{__name__}:squared"
    assert back.callbacks == (f"{__name__}:Told",)
    assert isinstance(clone(back).loss, Named)
    with pytest.raises(ValueError, match=r"loss was .*a file holds no code: give it again"):
        back.fit(images.train)
    back.set_params(loss=squared, optimizer=slow_adam)
    with pytest.raises(ValueError, match=r"^callbacks was .*set_params\(callbacks=\.\.\.\)"):
        back.fit(images.train)
    again = back.set_params(callbacks=()).fit(images.train)
    np.testing.assert_array_equal(again.encode(images), model.encode(images))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        once = ist.load_model(path)
        once.save(tmp_path / "again.safetensors")  # there is nothing new to lose
    assert ist.load_model(tmp_path / "again.safetensors").loss == once.loss


def test_a_checkpoint_knows_given_code_again(images, tmp_path):
    settings = {"loss": squared, "optimizer": slow_adam, "checkpoint": str(tmp_path / "state")}
    settings |= {"schedule": "constant", **FEW}
    ist.Autoencoder(4, epochs=1, **settings).fit(images.train)
    ist.Autoencoder(4, epochs=2, callbacks=(Told(),), **settings).fit(images.train)
    with pytest.raises(ValueError, match=r"belongs to another fit: loss is .*:squared there"):
        ist.Autoencoder(4, epochs=2, **settings | {"loss": squared_of_each}).fit(images.train)


def test_names_of_code():
    assert name_of_code(Told()) == f"{__name__}:Told"
    assert name_of_code(torch.nn.L1Loss()) == ""
    assert [name_of_code(one) for one in (None, 3, "adam", (1,), np.zeros(2))] == [""] * 5


def test_the_command_takes_validation_images(images, run, tmp_path):
    np.save("train.npy", np.asarray(images.train))
    np.save("val.npy", np.asarray(images.test))
    fit = ("fit", "autoencoder", "train.npy", "--split", "all", "--max-steps", 3)
    fit += ("--random-state", 0)
    assert run(*fit, "--validation", "val.npy", "-o", "a.safetensors")[0] == 0
    model = ist.Autoencoder(max_steps=3, random_state=0)
    model.fit(np.asarray(images.train), validation=np.asarray(images.test))
    assert ist.load_model("a.safetensors").history_["val_loss"] == model.history_["val_loss"]
    code, _, err = run("fit", "pca", "train.npy", "--validation", "val.npy", "-o", "p.safetensors")
    assert code == 2
    assert "--validation" in err


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S):
        exec(block, names)
    assert names["model"].stopped_ == "stopped by a callback"
