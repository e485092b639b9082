"""The loop, on small autoencoders and on a game of two players."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus import training
from isthmus.fitted.tensor_files import read_tensors, write_tensors
from isthmus.nets import scaling
from isthmus.nets.pixels import pixel_encoder
from isthmus.neural import NeuralRepresentation
from isthmus.training import budget, checkpoints, costs, curves, sameness
from isthmus.training.batches import Batches
from isthmus.training.epochs import Epochs
from isthmus.training.limits import Limits
from isthmus.training.stages import MAIN


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").train


def small(**parameters):
    plain = {"latent_dim": 4, "hidden": (16,), "random_state": 0, "init": "glorot_uniform"}
    return ist.Autoencoder(**plain | parameters)


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
        _, loss, _ = next(unheld.losses(x, torch.Generator()))
        _, kept, _ = next(last.losses(x, torch.Generator()))
    assert float(loss) == pytest.approx(unheld.history_["loss"][-1], rel=0.1)
    assert float(kept) == pytest.approx(last.history_["loss"][-1], rel=0.1)


def test_patience_stops(images):
    model = small(epochs=200, learning_rate=0.2, schedule="constant", patience=3).fit(images)
    best = int(np.argmin(model.history_["val_loss"]))
    assert len(model.history_["loss"]) == best + 4
    assert model.stopped_ == "no improvement"


def test_time_budget_stops(images):
    model = small(epochs=1_000_000, max_seconds=0.5).fit(images)
    assert model.stopped_ == "out of time"
    assert model.encode(images[:2]).shape == (2, 4)


def test_interrupt_keeps_the_model_so_far(images, monkeypatch):
    steps = iter(range(10**9))
    step = Epochs._step

    def interrupted(self, batch):
        if next(steps) == 40:
            raise KeyboardInterrupt
        step(self, batch)

    monkeypatch.setattr(Epochs, "_step", interrupted)
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
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0)
    path = str(tmp_path / "fit.checkpoint")
    parameters = {"schedule": "constant", "epochs": 8, "validation_fraction": 0.2}
    whole = small(**parameters).fit(images)
    epoch = Epochs._epoch

    def killed(self, bar):
        if self.record.epochs == 3:
            raise RuntimeError("the machine went down")
        epoch(self, bar)

    monkeypatch.setattr(Epochs, "_epoch", killed)
    with pytest.raises(RuntimeError, match="went down"):
        small(**parameters, checkpoint=path).fit(images)
    monkeypatch.setattr(Epochs, "_epoch", epoch)
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


def test_every_fit_has_its_own_curves(images, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for epochs in (2, 3):
        small(epochs=epochs, log_dir=str(tmp_path)).fit(images)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["autoencoder-1", "autoencoder-2"]
    for name, epochs in (("autoencoder-1", 2), ("autoencoder-2", 3)):
        events = EventAccumulator(str(tmp_path / name)).Reload()
        assert {"loss", "val_loss"} <= set(events.Tags()["scalars"])
        assert [event.step for event in events.Scalars("loss")] == list(range(1, epochs + 1))
        assert events.Tags()["histograms"]


def test_a_resumed_fit_goes_on_with_its_curves_and_they_are_closed_on_an_error(
    images, tmp_path, monkeypatch
):
    pytest.importorskip("tensorboard")
    closed, folder, step = [], str(tmp_path / "logs"), Epochs._step
    close = curves.Curves.close
    monkeypatch.setattr(curves.Curves, "close", lambda self: closed.append(close(self)))
    settings = {"epochs": 3, "log_dir": folder, "checkpoint": str(tmp_path / "fit.checkpoint")}
    small(**settings | {"epochs": 2}).fit(images)

    def broken(self, batch):
        raise RuntimeError("the machine went down")

    monkeypatch.setattr(Epochs, "_step", broken)
    with pytest.raises(RuntimeError, match="went down"):
        small(**settings).fit(images)
    assert len(closed) == 2
    monkeypatch.setattr(Epochs, "_step", step)
    small(**settings).fit(images)
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["autoencoder-1"]


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

    def networks(self):
        return {"first_": nn.Linear(1, 1, bias=False), "second_": nn.Linear(1, 1, bias=False)}

    def players(self):
        return {"first": [self.first_], "second": [self.second_]}

    def losses(self, x, rng):
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
        def losses(self, x, rng):
            seen.append((self._step, self._done))
            yield from super().losses(x, rng)

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

        def losses(self, x, rng, t):
            assert torch.equal((x * 255).round().sum(1).long(), t)
            yield from super().losses(x, rng)

    model = Told(4, hidden=(8,), epochs=2, validation_fraction=0.3).fit(images)
    assert len(model.history_["val_loss"]) == 2


def test_a_cut_epoch_goes_on_where_it_was_cut(images, tmp_path):
    """15 steps, stopped after 7 of an epoch of 11 and again after 13: as if never stopped."""
    settings = {"batch_size": 128, "validation_fraction": 0.1, "schedule": "constant"}
    settings |= {"noise": 0.1}  # so that every step draws from the generator
    whole = small(max_steps=15, **settings).fit(images)
    path = str(tmp_path / "fit.checkpoint")
    for steps in (7, 13, 15):
        parts = small(max_steps=steps, checkpoint=path, **settings).fit(images)
        assert parts._step == steps
    np.testing.assert_array_equal(weights(parts), weights(whole))
    assert parts.history_["loss"] == whole.history_["loss"]
    assert parts.history_["val_loss"] == whole.history_["val_loss"]


def test_a_fit_out_of_time_resumes_in_the_middle_of_an_epoch(images, tmp_path, monkeypatch):
    path = str(tmp_path / "fit.checkpoint")
    settings = {"epochs": 3, "schedule": "constant"}
    whole = small(**settings).fit(images)
    over, asked = Limits.reached, []

    def time_is_up(self, steps):
        asked.append(1)
        if len(asked) == 17:  # each step asks once, and so does the end of an epoch
            self.stopped = "out of time"
        return over(self, steps)

    monkeypatch.setattr(Limits, "reached", time_is_up)
    cut = small(**settings, checkpoint=path).fit(images)
    monkeypatch.setattr(Limits, "reached", over)
    assert cut.stopped_ == "out of time"
    assert cut._step % 11
    resumed = small(**settings, checkpoint=path).fit(images)
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    assert resumed.history_["loss"] == whole.history_["loss"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, y: (X[::-1], y), "learnt from other images"),
        (lambda X, y: (np.concatenate([X[:1] ^ 1, X[1:]]), y), "learnt from other images"),
        (lambda X, y: (X, y[::-1]), "learnt other targets"),
        (lambda X, y: (X[:-1], y[:-1]), "images is .* there"),
    ],
    ids=["order", "one pixel", "labels", "count"],
)
def test_checkpoint_of_other_data_is_refused(change, words, images, tmp_path):
    path = str(tmp_path / "fit.checkpoint")
    settings = {"epochs": 1, "checkpoint": path, "random_state": 0}
    X, y = np.asarray(images), np.asarray(images.y)
    ist.Classifier(4, **settings).fit(X, y)
    ist.Classifier(4, **settings).fit(X.copy(), y)  # the same images in another place
    with pytest.raises(ValueError, match=words):
        ist.Classifier(4, **settings).fit(*change(X, y))


def test_images_are_told_apart_by_their_sums_where_few_are_hashed(images, monkeypatch):
    monkeypatch.setattr(sameness, "HASHED_BYTES", 640)
    X = np.array(images)
    before = sameness._hash_of_images(ist.Images(X))
    X[7, 3, 3] += 1  # not one of the ten that are hashed
    assert sameness._hash_of_images(ist.Images(X)) != before


def test_held_out_images_stay_held_out_without_a_seed(images, tmp_path, monkeypatch):
    trained = []

    class Noting(ist.Autoencoder):
        def losses(self, x, rng):
            if torch.is_grad_enabled():
                trained.append(x.clone())
            yield from super().losses(x, rng)

    few = images.evenly(40)
    settings = {"hidden": (8,), "validation_fraction": 0.5, "max_seconds": None}
    for epochs in (1, 2):
        Noting(4, epochs=epochs, checkpoint=str(tmp_path / "fit"), **settings).fit(few)
    assert len(torch.cat(trained).unique(dim=0)) == 20


def test_an_older_checkpoint_is_taken_with_a_note(images, tmp_path):
    path = str(tmp_path / "fit.checkpoint")
    settings = {"checkpoint": path, "schedule": "constant"}
    whole = small(epochs=3, schedule="constant").fit(images)
    small(epochs=2, **settings).fit(images)
    tensors, facts = read_tensors(path, checkpoints.KEY)
    tensors = {name.removeprefix(f"{MAIN}/"): value for name, value in tensors.items()}
    facts |= facts.pop("stages")[MAIN]  # a file was of one stage
    for name in ("seen", "totals", "seconds", "log", "step_seconds", "held"):
        del facts[name]
    for name in sameness.UNKNOWN_BEFORE:
        del facts["fit"][name]
    del tensors["order"]
    write_tensors(path, tensors, checkpoints.KEY, facts)
    with pytest.warns(UserWarning, match="older isthmus"):
        resumed = small(epochs=3, **settings).fit(images)
    np.testing.assert_array_equal(weights(resumed), weights(whole))


class Tick:
    """A clock that only moves when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(budget.time, "monotonic", lambda: self.now)


@pytest.mark.parametrize("seconds_a_step", [0.05, 0.3, 4.0, 25.0])
def test_time_limit_holds_within_a_tenth_or_a_step(seconds_a_step, images, monkeypatch):
    """Counted by a clock of our own: steps cost time, looking at images costs half as much."""
    tick = Tick(monkeypatch)

    class Slow(ist.Autoencoder):
        def _prepare(self, images):
            tick.now += 2.0
            super()._prepare(images)

        def _reconstruction(self, layers, x, rng):
            tick.now += seconds_a_step * len(x) / 64 / (1 if torch.is_grad_enabled() else 2)
            return super()._reconstruction(layers, x, rng)

        def _encode(self, x):
            tick.now += seconds_a_step * len(x) / 64 / 4
            return super()._encode(x)

    model = Slow(
        4, hidden=(8,), batch_size=64, epochs=10**6, max_seconds=20.0, random_state=0,
        pretrain_epochs=1000,
    ).fit(images)  # fmt: skip
    assert model.stopped_ == "out of time"
    # pre-training and the fit proper take one step at least each
    step = seconds_a_step
    assert 14 < tick.now < max(20 + max(2, step), 2 + 2.2 * step)
    slow = any("one step takes" in finding for finding in model.health_)
    assert slow == (seconds_a_step > 2)


def test_time_limit_of_a_gan_includes_its_inversion(images, monkeypatch):
    tick = Tick(monkeypatch)

    class Slow(ist.GAN):
        def losses(self, x, rng):
            tick.now += 0.1
            yield from super().losses(x, rng)

        def _inversion(self, x, rng):
            tick.now += 0.1
            yield from super()._inversion(x, rng)

    settings = {"generator": (8,), "discriminator": (8,), "epochs": 10**6, "max_seconds": 20.0}
    model = Slow(4, encoder_epochs=10**6, random_state=0, **settings).fit(images)
    assert 18 < tick.now < 22
    assert 120 < model._step < 160
    assert len(model.inversion_history_["loss"])


def test_what_does_not_fit_into_memory_is_refused_before_it_starts(monkeypatch):
    X = np.zeros((12, 481, 321, 3), np.uint8)
    monkeypatch.setattr(budget.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**31))
    words = (
        r"needs about 8\.\d+ GiB to learn images of 481x321x3 .* 475,\d+,\d+ weights, .*size=64"
    )
    with pytest.raises(ValueError, match=words):
        ist.Autoencoder(32, max_steps=1, init="glorot_uniform").fit(X)
    few = {"architecture": "conv", "channels": (64,), "hidden": (), "batch_size": 512}
    with pytest.raises(ValueError, match="a smaller batch_size"):
        ist.Autoencoder(2, **few).fit(np.zeros((512, 120, 160, 3), np.uint8))


def test_memory_of_networks_is_what_their_layers_keep():
    model = ist.Autoencoder(5, architecture="conv", channels=(4, 8), hidden=(16,))
    model.image_shape_, model.n_features_in_ = (8, 8, 1), 64
    model._learn_width(ist.Images(np.zeros((2, 8, 8, 1), np.uint8)))
    networks = model.networks()
    # two convolutions (their relu works in place), hidden and its relu, the code; and back
    assert costs.activations(networks["encoder_"], ()) == 4 * 16 + 8 * 4 + 16 + 16 + 5
    assert costs.activations(networks["decoder_"], ()) == 16 + 16 + 8 * 4 + 4 * 16 + 64
    there = 16 * 4 * 16 + 4 * 16 * 4 * 8 + 32 * 16 + 16 * 5
    assert [costs.products(net, ()) for net in networks.values()] == [there, there]


def test_memory_of_pixel_networks_is_what_their_layers_return():
    net = pixel_encoder(3, 4, 5)
    counted = []
    for layer in net:
        if not isinstance(layer, nn.ReLU):
            layer.register_forward_hook(lambda _, x, y: counted.append(y.numel()))
    net(torch.zeros(1, 3, 12, 20))
    assert costs.activations(net, (3, 12, 20)) == sum(counted)


def test_other_devices_are_asked_for_nothing_that_is_of_cuda_only(images, monkeypatch):
    def none(*_):
        raise AssertionError("there is no CUDA")

    monkeypatch.setattr(torch.cuda, "mem_get_info", none)
    device = torch.device("meta")  # keeps no numbers; all else is as on another device
    model = small()
    model.image_shape_ = images.shape[1:]
    parts = Batches(images, torch.arange(100), model, device)
    sizes = [len(x) for _, block in parts.blocks() for (x,) in block]
    assert sizes == [100]
    for name in ("cpu", "mps", "xpu", "meta"):
        assert budget.free_bytes(torch.device(name)) > 0


@pytest.mark.parametrize("name", training.OPTIMISERS)
@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_optimisers_ask_no_other_device_for_fused_steps(name, kind):
    net = nn.Linear(2, 2)
    optimizer = training.optimizer(name, net.parameters(), 0.1, kind)
    assert not optimizer.defaults.get("fused")
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert torch.isfinite(net.weight).all()


def test_a_last_batch_of_one_joins_the_one_before_where_a_batch_is_normalised(images):
    settings = {"batch_size": 8, "validation_fraction": 0, "epochs": 1, "random_state": 0}
    nets = {"generator": (8,), "discriminator": (8,), "init": "glorot_uniform"}
    game = ist.GAN(3, encoder_epochs=1, **nets, **settings)
    assert game.fit(images.evenly(17))._step == 2
    assert small(**settings).fit(images.evenly(17))._step == 3
    with pytest.raises(ValueError, match="batch_size=1 with 4 training images"):
        game.set_params(batch_size=1).fit(images.evenly(4))


def test_a_step_longer_than_the_limit_is_said_before_it_starts(images, monkeypatch):
    monkeypatch.setattr(budget, "LITTLE", 0)
    monkeypatch.setattr(budget, "products_a_second", lambda: 1000.0)
    work = 3 * 100 * 2 * (64 * 16 + 16 * 4)  # of 100 images
    words = rf"with 100 images of 8x8x1 takes about {work / 1000:.2g} s here, .*max_seconds=0.1"
    few = images.evenly(100)
    with pytest.warns(UserWarning, match=words.replace("+", r"\+")):
        model = small(max_seconds=0.1, validation_fraction=0).fit(few)
    assert model._step >= 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(max_steps=1).fit(few)  # without a limit there is nothing to say
        small(max_steps=1, max_seconds=2 * work).fit(few)


def test_statistics_need_no_float64_of_the_device():
    class OnOther:
        device = torch.device("mps")

        def cpu(self):
            return torch.tensor([[1.0, 3.0]])

    assert scaling._centre_and_scale(iter([OnOther()])) == (2.0, 1.0)
