"""What a fit is made of: steps that say how they have their gradients, and declared stages."""

import numpy as np
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus.neural import NeuralRepresentation
from isthmus.training import Fused, Step, checkpoints
from isthmus.training.epochs import Epochs
from isthmus.training.stages import MAIN

LOGS = {"loss": torch.tensor(1.0)}
X = np.linspace(0, 1, 40, dtype=np.float32).reshape(20, 2)
FEW = {"hidden": (12, 6), "batch_size": 100, "random_state": 0, "init": "glorot_uniform"}
GAME = {"generator": (8,), "discriminator": (8,), "random_state": 0, "batch_size": 100}


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").train.evenly(300)


class Line(NeuralRepresentation):
    """One weight a feature that is pulled to 1; how it says so is up to the test."""

    says = None  # type: ignore

    def networks(self):
        return {"net_": nn.Linear(2, 1, bias=False)}

    def losses(self, x, rng):
        yield self.says(self.net_)

    def _encode(self, x):
        return x


def line(says):
    model = Line(max_steps=30, optimizer="sgd", learning_rate=0.2, validation_fraction=0)
    model.says = says
    return model


def by_hand(net):
    net.weight.grad = 2 * (net.weight.detach() - 1)
    return Fused("model", net.weight.detach().sub(1).square().sum(), LOGS)


@pytest.mark.parametrize(
    "says",
    [
        lambda net: ("model", net.weight.sub(1).square().sum(), LOGS),
        lambda net: Step("model", net.weight.sub(1).square().sum(), LOGS),
        by_hand,
    ],
    ids=["tuple", "step", "fused"],
)
def test_a_step_asks_for_gradients_or_says_that_they_are_there(says):
    model = line(says).fit(X)
    np.testing.assert_allclose(model.net_.weight.detach(), 1, atol=0.01)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (lambda net: by_hand(net)[:3], "Line: a loss of 'model' has no gradient: .*Fused"),
        (lambda net: ("model", net.weight.detach().sum(), LOGS), "has no gradient"),
        (lambda net: ("model", 0.5, LOGS), "has no gradient"),
        (lambda net: Fused("model", net.weight.sum(), LOGS), "is Fused, but there is no gradient"),
        (lambda net: ("judge", net.weight.sum(), LOGS), "of 'judge', but the players are model"),
    ],
    ids=["by side effect", "detached", "a number", "fused for nothing", "nobody"],
)
def test_a_step_that_would_move_nothing_is_an_error(says, words):
    with pytest.raises(ValueError, match=words) as error:
        line(says).fit(X)
    assert "\n" not in str(error.value)


def killed_in(monkeypatch, stage, epochs):
    """Let the machine go down in a stage, after so many epochs of it."""
    epoch = Epochs._epoch

    def killed(self, bar):
        if self.stage.name == stage and self.record.epochs == epochs:
            raise RuntimeError("the machine went down")
        epoch(self, bar)

    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(Epochs, "_epoch", killed)


def numbers(model):
    nets = [getattr(model, name) for name in model.networks()]
    return torch.cat([w.flatten() for net in nets for w in net.parameters()]).detach().numpy()


STAGED = {
    "autoencoder": lambda **more: ist.Autoencoder(4, pretrain_epochs=3, epochs=3, **FEW, **more),
    "gan": lambda **more: ist.GAN(4, epochs=3, encoder_epochs=3, **GAME, **more),
}


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("autoencoder", "layer 1"), ("autoencoder", "layer 2"), ("autoencoder", MAIN),
        ("gan", MAIN), ("gan", "inversion"),
    ],
)  # fmt: skip
def test_a_fit_goes_on_in_the_stage_it_was_killed_in(name, stage, images, tmp_path, monkeypatch):
    path, make = str(tmp_path / "state"), STAGED[name]
    whole, trained = make().fit(images), []
    with monkeypatch.context() as patch:
        killed_in(patch, stage, 2)
        with pytest.raises(RuntimeError, match="went down"):
            make(checkpoint=path).fit(images)
    step = Epochs._step
    monkeypatch.setattr(
        Epochs, "_step", lambda self, batch: (trained.append(self.stage.name), step(self, batch))
    )
    resumed = make(checkpoint=path).fit(images)
    order = [one.name for one in whole._stages(images)]
    later = order[order.index(stage) :]
    assert sorted(set(trained), key=order.index) == later
    assert trained.count(stage) == len(trained) / (1 + 3 * (len(later) - 1))  # one epoch of it
    np.testing.assert_array_equal(numbers(resumed), numbers(whole))
    assert resumed.history_["epoch"] == whole.history_["epoch"]
    assert resumed._step == whole._step


def test_a_gan_that_can_encode_goes_on_with_its_game(images, tmp_path):
    """More epochs than before: the game goes on from its end, and what came after it is void."""
    kept = {"checkpoint": str(tmp_path / "state"), "schedule": "constant"}
    make = lambda **more: ist.GAN(4, encoder_epochs=2, **GAME, **more)  # noqa: E731
    make(epochs=2, **kept).fit(images)
    resumed = make(epochs=4, **kept).fit(images)
    whole = make(epochs=4, schedule="constant").fit(images)
    np.testing.assert_array_equal(numbers(resumed), numbers(whole))
    assert resumed.inversion_history_["loss"] == whole.inversion_history_["loss"]


def test_whoever_stops_the_first_stage_waits_for_an_epoch_of_each_that_follows(images):
    model = STAGED["autoencoder"]()

    first = model._reconstruction

    def once(layers, x, rng):
        model._reconstruction = first
        raise KeyboardInterrupt

    model._reconstruction = once
    model.fit(images)
    assert model.stopped_ == "interrupted"
    assert len(model.pretraining_history_["layer 2"]["loss"]) == 1
    assert len(model.history_["loss"]) == 1


def test_every_stage_has_its_curves(images, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    ist.GAN(4, epochs=1, encoder_epochs=2, log_dir=str(tmp_path), **GAME).fit(images)
    events = EventAccumulator(str(tmp_path / "gan-1")).Reload()
    assert {"generator_loss", "inversion/loss", "inversion/val_loss"} <= set(
        events.Tags()["scalars"]
    )
    assert len(events.Scalars("inversion/loss")) == 2
