"""What is told while something goes on: bars, plain lines, the log, and nothing if asked for."""

import io
import json
import logging
import sys

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.system import progress
from isthmus.system.progress import LOG, Bar, Lines, track
from isthmus.training.budget import Clock
from isthmus.training.limits import Limits
from isthmus.training.stages import INTERRUPTED


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").evenly(60)


def net(**given):
    given = {"hidden": (8,), "epochs": 3, "batch_size": 32, "random_state": 0} | given
    return ist.Autoencoder(2, **given)


def test_bars_within_bars_are_drawn_in_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bar("outer", 2) as outer:
        assert [outer.advance(0.5, "loss 0.1") or item for item in track(range(3), "inner", 3)]
    shown = terminal.getvalue()
    assert "outer" in shown
    assert "inner" in shown
    assert "left" in shown


def test_a_line_is_said_above_the_bars(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bar("fit", 2):
        progress.say("isthmus: hello")
    assert "isthmus: hello\n" in terminal.getvalue()


def test_without_a_terminal_a_line_is_written_now_and_then():
    said, now = [], [0.0]
    lines = Lines(said.append, clock=lambda: now[0])
    study, fit = lines.begin("study", 3), lines.begin("fit", 100)
    study.set_postfix_str("vae, 45 s left")
    study.update(1)
    fit.set_postfix_str("loss 0.5 █▁")
    for second in range(21):
        now[0] = second
        fit.update(1)
    fit.close()
    assert [task.description for task in lines.tasks] == ["study"]
    assert said == [
        "isthmus: study 1/3, about 20 s left, vae, 45 s left | fit 11/100, about 81 s left, "
        "loss 0.5 █▁",
        "isthmus: study 1/3, about 40 s left, vae, 45 s left | fit 21/100, about 75 s left, "
        "loss 0.5 █▁",
    ]


def test_what_takes_little_time_says_nothing_where_nobody_watches(capsys):
    for _ in track(range(100), "counting", 100, show=True):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_sparkline_follows_the_values():
    falling = progress.sparkline([2.0**-i for i in range(64)])
    assert len(falling) == progress.SPARKS
    assert list(falling) == sorted(falling, reverse=True)
    assert progress.sparkline([1e9, -1.0]) == "█▁"


def test_a_fit_logs_a_line_an_epoch(images, caplog, capsys):
    net().fit(images)
    assert capsys.readouterr() == ("", "")  # silent, as libraries are
    with caplog.at_level(logging.INFO, "isthmus"):
        net().fit(images)
    lines = [each.getMessage() for each in caplog.records if each.name == "isthmus"]
    assert sum("epoch" in line for line in lines) == 3
    assert "Autoencoder: fit, epoch 2 of 3, loss 0." in lines[1]
    assert LOG.handlers == []


def test_a_time_limit_says_how_many_steps_there_will_be(images):
    limits = Limits(net().fit(images)._stage(epochs=100), Clock(), 1e9, 10)
    assert limits.expected(0) == 1000
    assert limits.expected(10) == 1000
    limits.clock.started -= 1e9 / 2
    assert limits.expected(10) == 20


def test_history_can_be_read_while_it_grows(images):
    lengths = []

    class Look:
        def on_epoch_end(self, state):
            lengths.append(len(state.model.history_["loss"]))

    net(callbacks=(Look(),)).fit(images)
    assert lengths == [1, 2, 3]


def test_history_is_a_picture(images):
    class Look:
        def on_epoch_end(self, state):
            self.seen = state.model.plot_history()

    look = Look()
    model = net(callbacks=(look,))
    with pytest.raises(ValueError, match="no epoch of a fit is over yet"):
        model.plot_history()
    picture = model.fit(images).plot_history()
    assert picture.size == look.seen.size
    assert hasattr(picture, "_repr_png_")  # what a notebook shows


def test_history_is_there_after_an_interrupt(images):
    class Stop:
        def on_epoch_end(self, state):
            if state.epoch == 2:
                raise KeyboardInterrupt

    model = net(callbacks=(Stop(),)).fit(images)
    assert model.stopped_ == INTERRUPTED
    assert model.history_["epoch"] == [1, 2]


def test_a_command_says_less_or_more(run):
    fit = ("fit", "autoencoder", "glyphs", "--epochs", 2, "--hidden", 8, "--width", 2, "-o")
    assert run(*fit, "a.safetensors", "--quiet") == (0, "", "")
    code, out, err = run(*fit, "b.safetensors", "--verbose")
    assert code == 0
    assert "model" in out
    assert "isthmus: Autoencoder: fit, epoch 2 of 2, loss" in err
    assert LOG.handlers == []
    assert ist.load_model("b.safetensors").verbose is False


def test_quiet_leaves_errors_and_json(run):
    code, out, err = run("data", "glyphs", "--json", "-q")
    assert (code, err) == (0, "")
    assert json.loads(out)
    code, out, err = run("data", "nowhere", "-q")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "contradict" in run("models", "-q", "-v")[2]


def test_a_skipped_file_is_told_once(run, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for row, image in enumerate(np.asarray(ist.load_images("glyphs"))[:6]):
        Image.fromarray(image[..., 0]).save(folder / f"{row}.png")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:40])
    assert run("fit", "pca", "photos", "--width", 2, "-o", "p.safetensors")[0] == 0
    asked = ("nearest", "p.safetensors", "photos", "--among", "photos", "-n", 1)
    for _ in range(2):  # every command tells it
        code, _, err = run(*asked)
        assert (code, err.count("skipped broken.png")) == (0, 1)
