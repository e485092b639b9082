"""The pages of the verbs: their Python runs, their commands exist, their pictures are small."""

import functools
import re
import shlex
from pathlib import Path

import pytest
import typer

import isthmus as ist
from isthmus.cli.main import app
from isthmus.data.readers import load_images

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted((DOCS / "verbs").glob("*.md"))
JOBS = DOCS / "how-do-i.md"
NAMES = [page.stem for page in PAGES]


QUICK = {"hidden": (64,), "max_steps": 10, "random_state": 0}
MODELS = {
    "pca": (lambda: ist.PCA(32), "mnist"),
    "autoencoder": (lambda: ist.Autoencoder(10, **QUICK), "mnist"),
    "vae": (lambda: ist.VAE(10, **QUICK), "mnist"),
    "glyphs": (lambda: ist.Autoencoder(2, **QUICK), "glyphs"),
}
"""What the commands of the pages fit, for a moment only."""


@functools.cache
def few(name):
    """Return a named set, of a large one every so many images."""
    images = load_images(name)
    return images if len(images) < 10_000 else images.evenly(7_000)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_runs(page, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ist, "load_images", few)
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)
    assert blocks
    if '"mnist"' in "".join(blocks):
        request.getfixturevalue("data_folder")
    for name in re.findall(r'load_model\("(\w+)\.safetensors"\)', "".join(blocks)):
        model, source = MODELS[name]
        model().fit(ist.load_images(source).train.evenly(2000)).save(f"{name}.safetensors")
    for block in blocks:  # maps of fewer images than on the page
        exec(block.replace("evenly(1500)", "evenly(300)"), {})


@pytest.mark.parametrize("page", [*PAGES, JOBS], ids=[*NAMES, JOBS.stem])
def test_commands_and_their_options_exist(page):
    known = typer.main.get_command(app).commands
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    lines = [line[line.index("isthmus ") :] for line in lines if "isthmus " in line]
    assert page == JOBS or page.stem in {line.split()[1] for line in lines}
    for _, name, *words in map(shlex.split, lines):
        command = known[name]
        if name == "fit":
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        given = {word for word in words if re.match(r"-(-|[a-z])", word)}
        assert given <= options, name


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_pictures_are_there_and_small(page):
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", page.read_text())
    assert pictures
    for picture in pictures:
        assert 1000 < (page.parent / picture).stat().st_size < 150_000
