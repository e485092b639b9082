import json
import math
import os

import numpy as np
import pytest

from isthmus.system.files import plain, refuse_existing, replacing, replacing_folder


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
    refuse_existing(tmp_path / "empty")
    refuse_existing(tmp_path / "new")
    with pytest.raises(FileExistsError, match="--force"):
        refuse_existing(tmp_path)
    refuse_existing(tmp_path, force=True)


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
