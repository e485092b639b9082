"""Commands that are killed: `tests/kills.py` does it at random moments, these at chosen ones."""

import json
import os
from functools import partial

import numpy as np
import pytest
from safetensors.numpy import load_file

import kills
from isthmus.data import folder as packing
from isthmus.families import FAMILIES
from isthmus.models.nmf import NMF
from isthmus.signature import parameters
from isthmus.training import checkpoints
from isthmus.training.epochs import Epochs

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are copied by fork")


SMALL = {
    "gan": ["--width", "2", "--encoder-epochs", "1"],
    "pixelnet": ["--width", "2", "--channels", "2"],
}
"""What makes a network small, if it is not as with most."""


def killed(words, folder, owner, name, call):
    """Carry out a command in a process that is killed at one call of a function."""

    def before():
        checkpoints.CHECKPOINT_SECONDS = 0
        usual, calls = getattr(owner, name), []

        def counted(*given, **options):
            calls.append(1)
            if len(calls) == call:
                os._exit(9)
            return usual(*given, **options)

        setattr(owner, name, counted)

    process = kills.begun(words, folder, before)
    assert process.ends() == 9, process.words()


def test_a_study_that_is_killed_loses_the_model_in_work_alone(run, tmp_path):
    words = "study digits --models kmeans,pca,nmf --width 2 -o s"
    killed(words, tmp_path, NMF, "fit", 1)
    there = kills.study_is_whole(tmp_path)
    assert len(there) == 2
    assert kills.left_over(tmp_path) == []
    code, out, _ = run(*words.split(), "--resume")
    assert (code, "taken over: kmeans" in out) == (0, True)
    assert len(kills.study_is_whole(tmp_path)) == 3
    assert there.items() <= kills.study_is_whole(tmp_path).items()


NETWORKS = [
    name for name in FAMILIES if any(each.name == "checkpoint" for each in parameters(name))
]
"""Families that are fitted by epochs."""


@pytest.mark.parametrize("name", NETWORKS)
def test_a_fit_that_is_killed_goes_on_to_the_same_model(run, tmp_path, name, monkeypatch):
    words = f"fit {name} digits --images 0-39 --batch-size 8 --epochs 4 -o m.safetensors".split()
    words += ["--validation-fraction", "0.2", *SMALL.get(name, ["--hidden", "4", "--width", "2"])]
    whole = tmp_path / "whole"
    whole.mkdir()
    monkeypatch.chdir(whole)
    assert run(*words)[0] == 0
    monkeypatch.chdir(tmp_path)
    words += ["--checkpoint", "fit.ckpt"]
    killed(" ".join(words), tmp_path, Epochs, "_epoch", 3)
    assert (tmp_path / "fit.ckpt").is_file()
    assert run(*words)[0] == 0
    mine, there = load_file("m.safetensors"), load_file(whole / "m.safetensors")
    assert mine.keys() == there.keys()
    for key, values in mine.items():
        np.testing.assert_array_equal(values, there[key])


def test_packing_that_is_killed_leaves_nothing_after_the_next_run(run, tmp_path, monkeypatch):
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for i in range(5):
        Image.new("L", (8, 8), i).save(tmp_path / "photos" / f"{i}.png")
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(packing, "memory_allowed", lambda: 0)
    killed("data photos --json", tmp_path, packing, "read_image", 3)
    assert kills.left_over(tmp_path)
    code, out, _ = run("data", "photos", "--json")
    assert (code, json.loads(out)["count"]) == (0, 5)
    assert kills.left_over(tmp_path) == []


def test_stops_at_changes_of_files_find_every_one_of_them(tmp_path):
    def stop():
        os._exit(7)

    def work(which):
        kills.at_change(which, stop)
        for name in ("a", "b", "c"):
            (tmp_path / "in" / name).write_text("")

    for which in (1, 3):
        process = kills.begun("", tmp_path / "in", partial(work, which))
        assert process.ends() == 7
        assert len(os.listdir(tmp_path / "in")) == which - 1
