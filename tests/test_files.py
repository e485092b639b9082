import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from isthmus.system import leftovers
from isthmus.system.files import plain, reading, refuse_existing, replacing, replacing_folder


def test_failed_writes_leave_what_was_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="disk is full"), replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError("disk is full")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_failed_folders_leave_what_was_there(tmp_path):
    with replacing_folder(tmp_path / "run") as folder:
        (folder / "a").write_text("old")
    with (
        pytest.raises(RuntimeError, match="stop"),
        replacing_folder(tmp_path / "run", force=True) as folder,
    ):
        (folder / "a").write_text("new")
        raise RuntimeError("stop")
    assert (tmp_path / "run" / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["run"]


def test_written_files_have_ordinary_permissions(tmp_path):
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_existing_things_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    refuse_existing(tmp_path / "empty")
    refuse_existing(tmp_path / "new")
    with pytest.raises(FileExistsError, match="--force"):
        refuse_existing(tmp_path / "file")
    refuse_existing(tmp_path / "file", force=True)


def write_folder(path, **options):
    with replacing_folder(path, **options) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "scores.csv").write_text("a")


@pytest.mark.parametrize("name", ["notes.txt", "inner/notes.txt"])
def test_a_folder_with_something_of_somebody_else_is_never_replaced(tmp_path, name):
    write_folder(tmp_path / "run")
    write_folder(tmp_path / "run", force=True)
    (tmp_path / "run" / ".DS_Store").touch()  # which a look at it leaves
    write_folder(tmp_path / "run", force=True)
    (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"holds {name}, which isthmus did not write"):
        write_folder(tmp_path / "run", force=True)
    assert (tmp_path / "run" / name).read_text() == "mine"


def test_a_folder_that_isthmus_did_not_write_is_never_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds a\.jpg"):
        write_folder(tmp_path / "photos", force=True)
    (tmp_path / "photos" / "scores.json").touch()  # a study of before there was a list
    write_folder(tmp_path / "photos", force=True)


def test_what_killed_runs_left_is_swept_and_what_was_whole_takes_its_place(tmp_path):
    killed = [sys.executable, "-c", KILLED, str(tmp_path)]
    assert subprocess.run(killed).returncode == 9
    assert len(os.listdir(tmp_path)) == 3
    with replacing(tmp_path / "other.csv") as mine:
        leftovers._swept.clear()
        leftovers.sweep(tmp_path)
        assert mine.exists()
        assert sorted(os.listdir(tmp_path)) == [mine.name, "run"]
    assert (tmp_path / "run" / "inner" / "scores.csv").read_text() == "new"


def test_what_a_process_of_the_same_number_left_is_swept(tmp_path):
    mine = leftovers.prefix_for(tmp_path / "a.csv") + "abcd1234~.csv"
    named = leftovers.NAMED.fullmatch(mine)
    began = int(named["born"])
    (tmp_path / mine).touch()
    (tmp_path / mine.replace(f"-{began}.", f"-{began + 60}.")).touch()
    leftovers.sweep(tmp_path)
    assert os.listdir(tmp_path) == [mine]


KILLED = """
import os, pathlib, sys
from isthmus.system.files import replacing, replacing_folder
root = pathlib.Path(sys.argv[1])
with replacing(root / "model.safetensors"), replacing_folder(root / "half"):
    with replacing_folder(root / "run") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "scores.csv").write_text("new")
        pathlib.Path.replace = lambda *names: os._exit(9)
"""


def test_a_file_of_the_source_is_not_overwritten(tmp_path):
    (tmp_path / "a.png").touch()
    with reading([tmp_path]):
        refuse_existing(tmp_path / "b.png")
        with pytest.raises(ValueError, match="to be read"):
            refuse_existing(tmp_path / "a.png", force=True)
        (tmp_path / leftovers.MARKER).write_text("a.png\n")  # isthmus may have written it
        with pytest.raises(ValueError, match="to be read"):
            refuse_existing(tmp_path / "a.png", force=True)
        (tmp_path / "scores.json").touch()  # a result that was put beside those of a study
        (tmp_path / "map.png").touch()
        refuse_existing(tmp_path / "map.png", force=True)


def test_unwritable_places_are_refused_before_any_work():
    with pytest.raises(OSError, match="/proc"):
        refuse_existing("/proc/nowhere/model.safetensors")


def test_values_become_what_json_can_hold_and_come_back():
    value = {
        "a": np.float32(0.5), "b": np.arange(3), 3: (True, None, np.int64(7)), "c": math.inf,
        "d": np.array([["x", "y"]]), "e": {"f": np.bool_(False)}, "g": object(),
    }  # fmt: skip
    found = plain(value)
    assert json.loads(json.dumps(found)) == found == {
        "a": 0.5, "b": [0, 1, 2], "3": [True, None, 7], "c": math.inf,
        "d": [["x", "y"]], "e": {"f": False}, "g": None,
    }  # fmt: skip
    strict = plain(
        [math.nan, 1 / 3, -math.inf, 12345678, {1}], finite=True, unknown=repr, digits=4
    )
    assert strict == [None, 0.3333, None, 12345678, "{1}"]
    json.dumps(strict, allow_nan=False)
