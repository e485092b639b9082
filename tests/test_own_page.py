"""The page on families of one's own: its Python runs, its commands exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from isthmus.cli.main import app

pytestmark = pytest.mark.usefixtures("forgotten")

PAGE = (Path(__file__).parents[1] / "docs" / "own-family.md").read_text(encoding="utf-8")


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = {"__name__": "page"}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S):
        exec(block.replace("budget=20", "budget=2"), page)
    assert list(page["result"].models) == ["pca", "sparse"]
    assert page["tuned"].tuned.n_labels == 50
    assert page["model"].latent_dim_ == 8


def test_its_commands_exist():
    root = typer.main.get_command(app)
    lines = re.findall(r"^isthmus (.*)$", PAGE, re.M)
    assert len(lines) == 2
    for line in lines:
        allow, module, command, *_ = shlex.split(line)
        assert (allow, module) == ("--allow", "mymodule")
        assert command in root.commands


def test_its_first_example_is_short():
    block = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)[0]
    code = re.sub(r'""".*?"""', "", block, flags=re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
