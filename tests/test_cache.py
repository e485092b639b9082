"""What is kept on disk: packed again where it is damaged or old, and no more than is allowed."""

import json
import os

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.cache import cache_folder, held
from isthmus.explorer.cache import Cache
from isthmus.system.leftovers import prefix_for


@pytest.fixture(autouse=True)
def on_disk(monkeypatch, tmp_path):
    """Keep everything on disk, in a folder of the test."""
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("isthmus.data.folder.memory_allowed", lambda: 0)
    monkeypatch.setattr("isthmus.data.cache.IN_MEMORY_BYTES", 0)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(4):
        Image.new("L", (8, 8), 10 * i).save(folder / f"{i}.bmp")
    return folder


def first_values(folder):
    return np.asarray(ist.load_images(folder))[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"\x93NUMPY\x01\x00half"])
def test_a_damaged_cache_file_is_packed_again(photos, suffix, content):
    assert first_values(photos) == [0, 10, 20, 30]
    (path,) = cache_folder().glob(f"*{suffix}")
    path.write_bytes(content)
    assert first_values(photos) == [0, 10, 20, 30]
    assert path.read_bytes() != content


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_any_other_byte_in_a_cache_file_is_noticed(photos, suffix):
    assert first_values(photos) == [0, 10, 20, 30]
    (path,) = cache_folder().glob(f"*{suffix}")
    whole = path.read_bytes()
    for at in range(0, len(whole), 29):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert first_values(photos) == [0, 10, 20, 30]
        assert path.read_bytes() == whole


def test_a_damaged_file_of_the_explorer_is_made_again():
    path = Cache("facts").path("codes", lambda: b"codes")
    path.write_bytes(b"code5")
    assert Cache("facts").path("codes", lambda: b"codes").read_bytes() == b"codes"


def test_other_content_of_the_same_size_and_time_is_noticed(photos):
    assert first_values(photos) == [0, 10, 20, 30]
    stat = (photos / "1.bmp").stat()
    Image.new("L", (8, 8), 99).save(photos / "1.bmp")
    os.utime(photos / "1.bmp", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (photos / "1.bmp").stat().st_size == stat.st_size
    assert first_values(photos) == [0, 99, 20, 30]


def kept(digit, size=40_000):
    """Keep an array under a name, used so many seconds after the beginning of time."""
    name = str(digit) * 32
    held(name, (size,), np.uint8, lambda data: data.fill(digit))
    path = cache_folder() / f"{name}.npy"
    for each in (path, path.with_suffix(".json")):
        os.utime(each, (digit, digit))
    return path


def test_what_was_used_longest_ago_goes_first_and_nothing_of_others(monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE_LIMIT", "100K")
    paths = [kept(2), kept(1)]
    mine = cache_folder() / "holiday.npy"
    mine.write_bytes(bytes(200_000))
    paths.append(kept(3))
    assert [path.exists() for path in paths] == [True, False, True]
    assert mine.exists()
    held("2" * 32, (40_000,), np.uint8, None)  # used now
    kept(4)
    assert [path.exists() for path in paths] == [True, False, False]
    monkeypatch.setenv("ISTHMUS_CACHE_LIMIT", "much")
    with pytest.raises(ValueError, match="20G or 500M"):
        kept(5)


def test_data_shows_the_cache_and_clears_it(run, tmp_path):
    kept(1)
    Cache("facts").path("atlas.png", lambda: bytes(5000))
    code, out, _ = run("data", "--cache", "--json")
    told = json.loads(out)
    assert (code, len(told["entries"])) == (0, 2)
    assert 45_000 < told["bytes"] < 60_000
    assert "2 entries" in run("data", "--clear")[1]
    assert json.loads(run("data", "--cache", "--json")[1])["entries"] == []
    assert run("data", "digits", "--cache")[0] == 2


def test_a_cache_that_cannot_be_written_names_what_moves_it(monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OSError, match="set ISTHMUS_CACHE"):
        kept(1)
    with pytest.raises(OSError, match="set ISTHMUS_CACHE"):
        Cache("facts").path("atlas.png", lambda: b"")


def test_any_command_sweeps_what_killed_runs_left_in_the_cache(run):
    folder = cache_folder().parent / "explorer" / ("a" * 32)
    folder.mkdir(parents=True)
    left = prefix_for(folder / "codes").replace(f"-{os.getpid()}-", "-4194999-")
    (folder / f"{left}abcd1234~").touch()
    assert run("models", "--json")[0] == 0
    assert os.listdir(folder) == []
