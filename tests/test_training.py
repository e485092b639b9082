"""The loop, on small autoencoders and on a game of two players."""

import time

import numpy as np
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus import training
from isthmus.neural import NeuralRepresentation


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").train


def small(**parameters):
    return ist.Autoencoder(**{"latent_dim": 4, "hidden": (16,), "random_state": 0} | parameters)


def weights(model):
    return torch.cat([w.flatten() for w in model.encoder_.parameters()]).detach().numpy()


def test_history_has_a_value_an_epoch(images):
    history = small(epochs=5).fit(images).history_
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("epoch", "loss", "val_loss", "seconds"), 5
    )


def test_loss_equals_a_plain_torch_loop(images):
    """One epoch of full batches from the same weights, written out."""
    X = torch.from_numpy(np.asarray(images).reshape(len(images), -1) / np.float32(255))
    parameters = {
        "epochs": 3, "batch_size": len(images), "optimizer": "sgd", "learning_rate": 0.3,
        "schedule": "constant", "validation_fraction": 0,
    }  # fmt: skip
    model = small(**parameters).fit(images)
    twin = small(**{**parameters, "epochs": 1, "learning_rate": 1e-30}).fit(images)
    net = nn.Sequential(twin.encoder_, twin.decoder_, nn.Sigmoid()).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    losses = []
    for _ in range(3):
        loss = ((net(X) - X) ** 2).mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(model.history_["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(weights(model), weights(twin), rtol=1e-3, atol=1e-5)


def test_best_epoch_is_kept(images):
    model = small(epochs=12, learning_rate=0.2, schedule="constant").fit(images)
    best = int(np.argmin(model.history_["val_loss"]))
    assert best < 11  # the learning rate is so high that the loss jumps about
    again = small(epochs=best + 1, learning_rate=0.2, schedule="constant").fit(images)
    np.testing.assert_array_equal(weights(model), weights(again))


def test_last_epoch_is_kept_where_that_is_asked_for(images):
    jumpy = {"learning_rate": 0.2, "schedule": "constant"}
    last = small(epochs=12, keep_best=False, **jumpy).fit(images)
    x = torch.from_numpy(np.asarray(images).reshape(len(images), -1) / np.float32(255))
    held = last.history_["val_loss"]
    assert held[-1] > min(held)
    unheld = small(epochs=12, validation_fraction=0, **jumpy).fit(images)
    with torch.no_grad():
        _, loss, _ = next(unheld._losses(x, torch.Generator()))
        _, kept, _ = next(last._losses(x, torch.Generator()))
    assert float(loss) == pytest.approx(unheld.history_["loss"][-1], rel=0.1)
    assert float(kept) == pytest.approx(last.history_["loss"][-1], rel=0.1)


def test_patience_stops(images):
    model = small(epochs=200, learning_rate=0.2, schedule="constant", patience=3).fit(images)
    best = int(np.argmin(model.history_["val_loss"]))
    assert len(model.history_["loss"]) == best + 4
    assert model.stopped_ == "no improvement"


def test_time_budget_stops(images):
    started = time.monotonic()
    model = small(epochs=1_000_000, max_seconds=0.5).fit(images)
    assert time.monotonic() - started < 20
    assert model.stopped_ == "out of time"
    assert model.encode(images[:2]).shape == (2, 4)


def test_interrupt_keeps_the_model_so_far(images, monkeypatch):
    steps = iter(range(10**9))
    step = training.Loop._step

    def interrupted(self, x, totals):
        if next(steps) == 40:
            raise KeyboardInterrupt
        step(self, x, totals)

    monkeypatch.setattr(training.Loop, "_step", interrupted)
    model = small(epochs=50).fit(images)
    assert model.stopped_ == "interrupted"
    assert 1 <= len(model.history_["loss"]) < 50
    assert np.isfinite(ist.reconstruct(model, images[:3])).all()


def test_divergence_stops_with_finite_weights(images):
    X = np.asarray(images).reshape(len(images), -1).astype(np.float32)
    model = small(
        epochs=50, output="linear", optimizer="sgd", learning_rate=1e6, schedule="constant"
    ).fit(X)
    assert model.stopped_ == "diverged"
    assert np.isfinite(weights(model)).all()
    assert "NaN" in model.health_[0]


def test_resumed_fit_equals_an_uninterrupted_one(images, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    path = str(tmp_path / "fit.checkpoint")
    parameters = {"schedule": "constant", "epochs": 8, "validation_fraction": 0.2}
    whole = small(**parameters).fit(images)
    epoch = training.Loop._epoch

    def killed(self, bar):
        if len(self.history["epoch"]) == 3:
            raise RuntimeError("the machine went down")
        epoch(self, bar)

    monkeypatch.setattr(training.Loop, "_epoch", killed)
    with pytest.raises(RuntimeError, match="went down"):
        small(**parameters, checkpoint=path).fit(images)
    monkeypatch.setattr(training.Loop, "_epoch", epoch)
    resumed = small(**parameters, checkpoint=path).fit(images)
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    assert resumed.history_["loss"] == whole.history_["loss"]


def test_checkpoint_of_another_fit_is_refused(images, tmp_path):
    path = str(tmp_path / "fit.checkpoint")
    small(epochs=1, checkpoint=path).fit(images)
    with pytest.raises(ValueError, match="belongs to another fit: latent_dim is 4 there"):
        small(epochs=1, checkpoint=path, latent_dim=5).fit(images)
    (tmp_path / "fit.checkpoint").write_bytes(b"not a checkpoint at all")
    with pytest.raises(ValueError, match="damaged"):
        small(epochs=1, checkpoint=path).fit(images)


def test_tensorboard_gets_curves_and_histograms(images, tmp_path):
    pytest.importorskip("tensorboard")
    small(epochs=2, log_dir=str(tmp_path)).fit(images)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path)).Reload()
    assert {"loss", "val_loss"} <= set(events.Tags()["scalars"])
    assert events.Tags()["histograms"]


def test_bfloat16_comes_close(images):
    full = small(epochs=10, precision="float32").fit(images)
    half = small(epochs=10, precision="bfloat16").fit(images)
    assert half.history_["loss"][-1] == pytest.approx(full.history_["loss"][-1], rel=0.05)
    assert half.encode(images[:5]).dtype == np.float32


def test_memory_mapped_images_train_like_an_array(images, tmp_path):
    np.save(tmp_path / "x.npy", np.asarray(images))
    mapped = ist.load_images(tmp_path / "x.npy")
    np.testing.assert_array_equal(
        weights(small(epochs=2).fit(mapped)), weights(small(epochs=2).fit(np.asarray(images)))
    )


class Game(NeuralRepresentation):
    """Two players pull one number each: every yield must step its own optimiser only."""

    width = "epochs"

    def _networks(self):
        return {"first_": nn.Linear(1, 1, bias=False), "second_": nn.Linear(1, 1, bias=False)}

    def _players(self):
        return {"first": [self.first_], "second": [self.second_]}

    def _losses(self, x, rng):
        before = self.second_.weight.item()
        loss = (self.first_.weight - 1) ** 2 + (self.second_.weight * 0)
        yield "first", loss.sum(), {"loss": loss.sum()}
        assert self.second_.weight.item() == before
        loss = (self.second_.weight - self.first_.weight.detach() * 2) ** 2
        yield "second", loss.sum(), {"second_loss": loss.sum()}

    def _encode(self, x):
        return x


def test_two_players_have_an_optimiser_each():
    game = Game(epochs=300, learning_rate=0.1, optimizer="sgd", schedule="constant", batch_size=50)
    game.fit(np.zeros((50, 1), dtype=np.float32))
    assert game.first_.weight.item() == pytest.approx(1, abs=1e-3)
    assert game.second_.weight.item() == pytest.approx(2, abs=1e-2)
    assert len(game.history_["second_loss"]) == 300


def test_steps_are_counted_and_capped(images):
    seen = []

    class Counting(ist.Autoencoder):
        def _losses(self, x, rng):
            seen.append((self._step, self._done))
            yield from super()._losses(x, rng)

    model = Counting(
        4, hidden=(8,), batch_size=100, max_steps=20, validation_fraction=0, random_state=0
    ).fit(images)
    assert model.stopped_ == "all steps done"
    assert [step for step, _ in seen] == list(range(20))
    shares = [done for _, done in seen]
    assert shares == sorted(shares)
    assert 0 == shares[0] < shares[-1] < 1


def test_a_fit_that_used_up_its_steps_is_not_resumed(images, tmp_path):
    settings = {"batch_size": 100, "max_steps": 7, "checkpoint": str(tmp_path / "fit.safetensors")}
    first = small(**settings).fit(images)
    again = small(**settings).fit(images)
    assert again.history_["epoch"] == first.history_["epoch"]
    np.testing.assert_array_equal(weights(again), weights(first))


def test_targets_come_with_their_images(images):
    class Told(ist.Autoencoder):
        def _targets(self, images):
            return torch.from_numpy(np.asarray(images).reshape(len(images), -1).astype(int).sum(1))

        def _losses(self, x, rng, t):
            assert torch.equal((x * 255).round().sum(1).long(), t)
            yield from super()._losses(x, rng)

    model = Told(4, hidden=(8,), epochs=2, validation_fraction=0.3).fit(images)
    assert len(model.history_["val_loss"]) == 2
