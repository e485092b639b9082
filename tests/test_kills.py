"""Commands that are killed: `tests/kills.py` does it at random moments, these at chosen ones."""

import json
import os
from functools import partial

import pytest

import kills
from isthmus.data import folder as packing
from isthmus.models.nmf import NMF

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are copied by fork")


def killed(words, folder, owner, name, call):
    """Carry out a command in a process that is killed at one call of a function."""

    def before():
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
