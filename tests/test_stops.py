"""What every command does when it is stopped: one line, its exit code, and what was finished."""

import os
import signal
import subprocess
import sys
import time

import pytest

import isthmus as ist
from isthmus.models.pca import PCA
from isthmus.training.epochs import Epochs

FIT = [
    "fit",
    "autoencoder",
    "digits",
    "-o",
    "ae.safetensors",
    "--latent-dim",
    "2",
    "--hidden",
    "8",
    "--epochs",
    "3",
]


def stopping_at(monkeypatch, owner, method, call, stop):
    """Make one call of a method, counted from 1, stop the process before it works."""
    calls, usual = [], getattr(owner, method)

    def stopped(self, *given, **options):
        calls.append(1)
        if len(calls) == call:
            stop()
        return usual(self, *given, **options)

    monkeypatch.setattr(owner, method, stopped)


def interrupt():
    raise KeyboardInterrupt


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("stop", "code", "word"), [(interrupt, 130, "interrupted"), (terminate, 143, "terminated")]
)
def test_a_fit_keeps_the_model_so_far(run, tmp_path, monkeypatch, stop, code, word):
    stopping_at(monkeypatch, Epochs, "_epoch", 3, stop)
    got, _, err = run(*FIT)
    line = f"isthmus: {word} after epoch 2; what there is so far is in ae.safetensors"
    assert (got, err.splitlines()[-1]) == (code, line)
    assert ist.load_model(tmp_path / "ae.safetensors").history_["epoch"] == [1, 2]
    assert run("info", "ae.safetensors")[0] == 0  # what was stopped was that command alone


def test_a_study_keeps_what_is_finished(run, tmp_path, monkeypatch):
    stopping_at(monkeypatch, PCA, "fit", 1, interrupt)
    code, _, err = run("study", "digits", "--models", "kmeans,pca,nmf", "--width", "4", "-o", "s")
    assert code == 130
    assert "while fitting pca; what there is so far is in s" in err
    assert list(ist.load_study(tmp_path / "s").models) == ["kmeans"]


def test_a_study_stopped_while_it_keeps_a_model_has_kept_it(run, tmp_path, monkeypatch):
    stopping_at(monkeypatch, PCA, "save", 1, terminate)
    code, _, err = run("study", "digits", "--models", "pca,kmeans", "--width", "4", "-o", "s")
    assert code == 143
    assert err.splitlines()[-1] == "isthmus: terminated; what there is so far is in s"
    study = ist.load_study(tmp_path / "s")
    assert ([row["model"] for row in study.scores], list(study.models)) == (["pca"], ["pca"])


@pytest.mark.parametrize(
    ("owner", "method", "words"),
    [
        (PCA, "fit", "fit pca digits -o pca.safetensors"),
        (PCA, "fit", "study digits --models pca,kmeans -o s"),
        (PCA, "save", "fit pca digits -o pca.safetensors"),
    ],
)
def test_nothing_is_left_where_nothing_was_finished(
    run, tmp_path, monkeypatch, owner, method, words
):
    stopping_at(monkeypatch, owner, method, 1, interrupt)
    code, out, err = run(*words.split())
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "isthmus: interrupted; nothing written"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("stop", "code", "word"),
    [
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("os.kill(os.getpid(), signal.SIGINT)", 130, "interrupted"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143, "terminated"),
    ],
)
def test_a_stop_while_importing_is_one_line(stop, code, word):
    script = (
        "import os, signal, sys; sys.argv = ['isthmus', 'models']\n"
        "class Stop:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        try:\n"
        f"            if name == 'isthmus.cli.main': {stop}\n"
        "        except KeyboardInterrupt:\n"
        f"            if '{stop}'.startswith('os'): raise ImportError('as numpy makes of it')\n"
        "            raise\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from isthmus.cli import start; start()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (code, f"isthmus: {word}; nothing written\n")


def test_a_library_that_makes_another_error_of_an_interrupt_changes_nothing(run, monkeypatch):
    def broken(*_, **__):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            raise ImportError("a part of it could not be imported") from None

    monkeypatch.setattr(PCA, "fit", broken)
    code, _, err = run("fit", "pca", "digits", "-o", "pca.safetensors")
    assert (code, err.splitlines()[-1]) == (130, "isthmus: interrupted; nothing written")


def test_an_interrupt_within_a_text_that_a_library_runs_ends_as_any_other(tmp_path):
    script = (
        "import ctypes, sys; sys.argv = ['isthmus', 'models']\n"
        "from isthmus.cli import main, start\n"
        "run = ctypes.pythonapi.PyRun_String\n"
        "run.restype, run.argtypes = ctypes.py_object, [ctypes.c_char_p, ctypes.c_int] + 2 * ["
        "ctypes.py_object]\n"
        "main.app = lambda **_: run(b'raise KeyboardInterrupt', 257, {}, {})\n"
        "start()\n"
    )
    (tmp_path / "within.py").write_text(script)
    words = [sys.executable, "-m", "within"]  # only of a module does Python look at it
    ended = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (130, "isthmus: interrupted; nothing written\n")
