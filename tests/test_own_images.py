"""The page on one's own images: all that it shows runs, in Python and on the command line."""

import ast
import json
import re
import shlex
import sys
import types
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data import registered
from isthmus.plots.videos import save_video
from test_held import Arrow, Frame, Items, saved, shards

PAGE = (Path(__file__).parents[1] / "docs" / "own-images.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
LINES = re.findall(r"^isthmus (.*)$", PAGE, re.M)
STANDS_FOR = {
    "datasets": {"load_dataset": lambda name: {"train": Arrow(slice(0, 8)), "test": Arrow()}},
    "pandas": {"DataFrame": Frame},
    "torchvision.datasets": {"ImageFolder": lambda path: Items()},
}
"""In place of libraries that need not be installed."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home, rng = tmp_path_factory.mktemp("home"), np.random.default_rng(0)
    names = [f"photos/{'dog' if i % 2 else 'cat'}/{i}.png" for i in range(8)]
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 8), dtype=np.uint8)).save(home / name)
    with zipfile.ZipFile(home / "photos.zip", "w") as file:
        for name in names:
            file.write(home / name, name)
    kinds = [f"{'b' if i % 3 else 'a'},{'test' if i > 5 else 'train'}" for i in range(8)]
    rows = [f"{name},{kind}" for name, kind in zip(names, kinds, strict=True)]
    (home / "labels.csv").write_text("\n".join(["photo,species,fold", *rows]))
    coco = {"images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
            "annotations": [{"image_id": i, "category_id": i % 2} for i in range(8)],
            "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]}  # fmt: skip
    (home / "annotations.json").write_text(json.dumps(coco))
    saved(home / "saved")
    shards(home / "shards").joinpath("data").rename(home / "moved")
    for file in (home / "moved").iterdir():
        file.rename(home / "shards" / f"{file.name.partition('-')[0]}-0.parquet")
    scans = rng.integers(0, 256, (9, 8, 8), dtype=np.uint8)
    np.save(home / "scans.npy", scans)
    np.savetxt(home / "scans.rows", scans.reshape(9, -1), "%d")
    described(home, names, [row.split(",")[1] for row in rows])
    moving(home, [Image.fromarray(scan).resize((32, 32)) for scan in scans])
    stacks(home, scans)
    return home


def described(home, names, labels):
    (home / "described").mkdir()
    lines = [f"{Path(name).name},{label}" for name, label in zip(names, labels, strict=True)]
    (home / "described" / "metadata.csv").write_text("\n".join(["file_name,label", *lines]))
    for name in names:
        (home / "described" / Path(name).name).write_bytes((home / name).read_bytes())
    with zipfile.ZipFile(home / "described.zip", "w") as file:
        for path in sorted((home / "described").iterdir()):
            file.write(path, path.name)


def moving(home, pictures):
    for name in ("walk.gif", "pages.tif"):
        pictures[0].save(home / name, save_all=True, append_images=pictures[1:])
    if find_spec("av"):
        save_video(home / "clip.mp4", pictures, [40] * len(pictures))


def stacks(home, scans):
    if find_spec("zarr"):
        import zarr

        zarr.save_array(str(home / "scans.zarr"), scans)
        group = zarr.create_group(str(home / "set.zarr"))
        group.create_array("train/images", data=scans)
        group.create_array("test/images", data=scans)
    if find_spec("tifffile"):
        import tifffile

        two = np.stack([scans, 255 - scans], 1)
        known = {"axes": "TCYX", "Channel": {"Name": ["DAPI", "GFP"]}}
        tifffile.imwrite(home / "stack.ome.tif", two, ome=True, photometric="minisblack",
                         metadata=known)  # fmt: skip


NEEDS = {".mp4": "av", ".zarr": "zarr", ".ome.tif": "tifffile"}


def needs(text):
    """Skip where what a file needs is not installed."""
    for suffix, name in NEEDS.items():
        if suffix in text:
            pytest.importorskip(name)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_page_runs(number, home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setattr(registered, "_own", dict(registered._own))
    needs(BLOCKS[number])
    for name, held in STANDS_FOR.items():
        module = types.ModuleType(name)
        module.__dict__.update(held)
        monkeypatch.setitem(sys.modules, name, module)
    page = {
        "ist": ist,
        "np": np,
        "model": None,
        "pets": STANDS_FOR["datasets"]["load_dataset"](""),
    }
    block = BLOCKS[number]
    assert len(ast.parse(block).body) == 3, "each way in three lines"
    exec(block, page)
    read = {name: each for name, each in page.items() if isinstance(each, ist.Images)}
    assert all(len(images) > 1 for images in read.values()), read
    if "labels.csv" in block:
        assert read["images"].classes == read["beside"].classes == ["a", "b"]
        assert read["images"].is_test.sum() == 2
    for name in ("shards", "both"):
        assert name not in read or read[name].is_test.sum() in (3, 4)


def test_its_commands_run(home, run, monkeypatch):
    monkeypatch.chdir(home)
    assert len(LINES) == 14
    for line in LINES:
        if not all(find_spec(name) for suffix, name in NEEDS.items() if suffix in line):
            continue
        code, out, err = run(*shlex.split(line))
        assert code == 0, (line, err)
        assert "memory" in out or "learnt from" in out, line
