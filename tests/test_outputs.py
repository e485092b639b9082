"""What every command does to the place it is to write to: one table, of all commands there are."""

import errno
import io
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

import isthmus as ist
from isthmus import __version__ as VERSION
from isthmus import signature
from isthmus.cli.grammar import by_name
from isthmus.cli.main import app
from isthmus.explorer import model_data
from isthmus.plots.videos import CODECS
from isthmus.reproduction.run import WORK
from isthmus.system.files import recording
from isthmus.system.leftovers import is_temporary
from isthmus.verbs import COMMANDS, VERBS

NETWORK = "src --width 2 --hidden 4 --max-steps 2"
CALLS = {
    "study": "study src --models pca --width 2",
    "data": "data src",
    "fit kmeans": "fit kmeans src --width 2",
    "fit pca": "fit pca src --width 2",
    "fit nmf": "fit nmf src --width 2 --max-iter 2",
    "fit som": "fit som src --width 2,2 --max-iter 2",
    "fit autoencoder": f"fit autoencoder {NETWORK}",
    "fit vae": f"fit vae {NETWORK}",
    "fit gan": "fit gan src --width 2 --max-steps 2 --encoder-epochs 1",
    "fit classifier": f"fit classifier {NETWORK}",
    "fit pixelnet": "fit pixelnet maps.npz --width 2 --channels 2 --max-steps 2",
    "report": "report s",
    "encode": "encode m.safetensors src",
    "decode": "decode m.safetensors z.npy",
    "reconstruct": "reconstruct m.safetensors src",
    "generate": "generate m.safetensors -n 3",
    "morph": "morph m.safetensors src --steps 3 --images 0,1",
    "edit": "edit m.safetensors src --from 0 --to 1",
    "traverse": "traverse m.safetensors src",
    "denoise": "denoise m.safetensors src --noise gaussian:0.1",
    "compress": "compress m.safetensors src",
    "decompress": "decompress a.isth --model m.safetensors",
    "segment": "segment p.safetensors maps.npz --images 0",
    "predict": "predict c.safetensors src",
    "pick": "pick m.safetensors src -n 3",
    "export": "export m.safetensors src",
    "probe": "probe m.safetensors src --kinds knn",
    "cluster": "cluster m.safetensors src --n-clusters 2",
    "novelty": "novelty m.safetensors src",
    "nearest": "nearest m.safetensors src -n 1 --images 0",
    "rd": "rd m.safetensors src --formats png",
    "map": "map m.safetensors src --method pca",
    "territory": "territory m.safetensors src --resolution 8",
    "disentangle": "disentangle m.safetensors src --split all",
    "finetune": "finetune c.safetensors src --labels 6 --epochs 1",
    "explore": "explore m.safetensors src",
    "info": "info m.safetensors",
    "rerun": "rerun s",
    "reproduce": "reproduce b-convolution --share 0.01",
}
"""A call of every command that has -o, as small as can be."""
BY_HAND = {
    "export": ("", ".onnx"), "explore": ("",), "report": ("",), "rerun": ("",),
    "reproduce": ("",), "info": (".json",), "data": ("", ".png", ".csv", ".json"),
}  # fmt: skip
"""What commands can write that are no verbs: "" is a folder."""
IN_PLACE = {"report": "s", "rerun": "s", "reproduce": "."}
"""Where commands go on in what is there already, if they are told so."""
CHEAP = (".isth", ".csv", ".npy", ".json", ".npz")
"""Files that are written quickly."""
POSIX = os.name == "posix"


def kinds_of(command):
    """Return the suffixes that a command can write."""
    if command.startswith("fit "):
        return (".safetensors",)
    if command in BY_HAND:
        return BY_HAND[command]
    name = COMMANDS[command]
    verb = signature.function(name, VERBS[name].home)
    return signature.constant("saves", verb.returns, verb.home)


def test_no_command_that_writes_is_forgotten():
    assert CALLS.keys() == by_name(get_command(app))["--out"].keys()


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Return a folder with all that is read: images, models, codes, a study."""
    root = tmp_path_factory.mktemp("sources")
    digits = replace(ist.load_images("digits"), is_test=None)
    few = digits[np.concatenate([np.flatnonzero(digits.y == k)[:18] for k in range(3)])]
    few.save(root / "src")
    images = ist.load_images(root / "src")
    ist.PCA(2).fit(images).save(root / "m.safetensors")
    ist.compress(root / "m.safetensors", images, root / "a.isth")
    ist.Classifier(2, hidden=(4,), max_steps=2).fit(images).save(root / "c.safetensors")
    images.label_maps = (np.asarray(images)[..., 0] > 127).astype(np.uint8)
    images.save(root / "maps.npz")
    ist.PixelNet(2, channels=2, max_steps=2).fit(images).save(root / "p.safetensors")
    np.save(root / "z.npy", np.zeros((3, 2), np.float32))
    said = {"command": CALLS["study"].split(), "folder": "s", "versions": {"isthmus": VERSION}}
    with recording(lambda path: said):
        ist.study(images, ["pca"], width=2).report(root / "s")
    return root


@pytest.fixture
def here(sources, tmp_path, monkeypatch):
    """Return an empty folder with copies of all that is read."""
    shutil.copytree(sources, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(model_data, "can_export", lambda *_: False)  # to import that takes long
    return tmp_path


def held(folder):
    """Return all that lies in a folder, but what a recipe keeps to go on with."""
    paths = [path for path in folder.rglob("*") if WORK not in path.parts]
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def refuses(run, here, words, command):
    """Return what a command that is to change nothing says in its one line."""
    before = held(here)
    code, out, err = run(*words)
    assert (code, out) == (2, ""), err
    *told, line = err.splitlines()
    assert len(told) <= (command == "rerun"), err  # which says what it does again
    assert held(here) == before
    return line


@pytest.mark.parametrize("command", CALLS)
def test_what_somebody_put_there_stays(run, here, command):
    words = CALLS[command].split()
    for kind in kinds_of(command):
        place = here / f"out{kind}"
        inside = place / "b-convolution" if command == "reproduce" else place
        inside.mkdir(parents=True)
        (inside / "notes.txt").write_text("mine")
        for force in ([], ["--force"]):
            assert inside.name in refuses(run, here, [*words, "-o", place, *force], command)
        shutil.rmtree(inside)
        if POSIX:
            os.mkfifo(inside)
            assert inside.name in refuses(run, here, [*words, "-o", place, "--force"], command)
            inside.unlink()
        if kind == "":
            inside.write_text("mine")  # a file that is in the way of a folder
            refuses(run, here, [*words, "-o", place, "--force"], command)


@pytest.mark.parametrize("command", CALLS)
def test_what_is_read_is_not_written_onto(run, here, command):
    words = CALLS[command].split()
    read = [word for word in words if os.path.exists(word)]
    links = ["link"] if POSIX and "src" in read else []
    for link in links:
        (here / link).symlink_to("src")
    for place in [*read, ".", *links]:
        if place != IN_PLACE.get(command):
            refuses(run, here, [*words, "-o", place, "--force"], command)


def no_room(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("command", CALLS)
def test_what_isthmus_wrote_is_replaced_when_forced_and_as_a_whole(
    run, here, command, monkeypatch
):
    kinds = kinds_of(command)
    files = [kind for kind in CHEAP if kind in kinds and command in COMMANDS]
    written = [kind for kind in kinds if kind == ""] + files[:1] or kinds[:1]
    before = held(here)
    words = [*CALLS[command].split(), *(w for kind in written for w in ("-o", f"out{kind}"))]
    code, _, err = run(*words)
    assert code == 0, err
    new = held(here).keys() - before.keys()
    assert {path.relative_to(here).parts[0] for path in new} == {f"out{kind}" for kind in written}
    if command == "reproduce":  # which leaves alone what is done
        assert run(*words)[0] == 0
    else:
        assert "--force" in refuses(run, here, words, command)
    there = held(here)
    monkeypatch.setattr(Path, "replace", no_room)
    code, _, err = run(*words, "--force")
    assert code == 2
    assert err.splitlines()[-1].endswith("could not be written: No space left on device")
    assert held(here) == there


FIRST = {kind: name for name in reversed(CALLS) for kind in kinds_of(name) if kind != ".onnx"}
"""Every kind of file, and a command that writes it."""


@pytest.mark.skipif(not POSIX, reason="files have no limit of their size here")
@pytest.mark.parametrize("kind", FIRST)
def test_no_byte_of_a_file_is_lost_in_silence(run, here, kind):
    import resource

    command, place = FIRST[kind], here / f"out{kind}"
    if kind in CODECS:
        pytest.importorskip("av")
    if kind == "":
        command = "reconstruct"  # of which every file is a picture
    words = [*CALLS[command].split(), "-o", place]
    assert run(*words)[0] == 0
    sizes = [path.stat().st_size for path in [place, *place.rglob("*.png")] if path.is_file()]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) - 1, before[1]))
    try:
        line = refuses(run, here, [*words, "--force"], command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert line == f"isthmus: {place} could not be written: File too large"


@pytest.mark.skipif(not POSIX, reason="there are no links for everybody")
def test_links_lead_to_what_is_written(run, here):
    (here / "real").mkdir()
    (here / "to").symlink_to("real")
    (here / "to.npy").symlink_to("real.npy")
    words = ["decode", "m.safetensors", "z.npy", "-o", "to", "-o", "to.npy"]
    assert (run(*words)[0], run(*words, "--force")[0]) == (0, 0)
    assert (here / "to").is_symlink()
    assert (here / "to.npy").is_symlink()
    assert (here / "real" / "0.png").is_file()
    assert np.load(here / "real.npy").shape == (3, 8, 8, 1)
    assert not any(is_temporary(path.name) for path in here.rglob("*"))


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("src/0/*.png", "src"),
        ("src", "src/0/00.png"),
        ("listed.csv", "src/0/00.png"),
        ("-", "src/0/00.png"),
        ("maps.npz:images", "maps.npz"),
    ],
)
def test_sources_are_known_by_all_their_names(run, here, monkeypatch, source, place):
    names = sorted(str(path.relative_to(here)) for path in here.glob("src/0/*.png"))
    (here / "listed.csv").write_text("\n".join(["file", *names]))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(names)))
    words = ["reconstruct", "m.safetensors", source, "-o", place, "--force"]
    if place.endswith(".npz"):
        words = ["map", "m.safetensors", source, "--method", "pca", "-o", place, "--force"]
    assert "to be read" in refuses(run, here, words, words[0])


def test_the_study_of_a_model_is_read(run, here):
    words = ["generate", "s:pca", "-n", "3", "-o", "s", "--force"]
    assert "to be read" in refuses(run, here, words, "generate")
    words = ["map", "s:pca", "src", "--method", "pca", "-o", "s/map.npz"]
    assert (run(*words)[0], run(*words, "--force")[0]) == (0, 0)  # beside what the study wrote


def test_two_outputs_need_two_places(run, here):
    words = ["decode", "m.safetensors", "z.npy", "-o", "out"]
    assert "given twice" in refuses(run, here, [*words, "-o", "./out"], "decode")
    assert "is in out" in refuses(run, here, [*words, "-o", "out/codes.npy"], "decode")
