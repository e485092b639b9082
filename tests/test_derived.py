"""A family derived from another, in a file of its own: every option of its parent is its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import isthmus

NARROW = '''"""Narrow: an autoencoder that squeezes its code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

from isthmus.models.autoencoder import Autoencoder as Parent


@dataclass(eq=False, repr=False)
class Narrow(Parent):
    """An autoencoder.

    Parameters
    ----------
    squeeze : float
        Weight of the squeeze.
    """

    _: KW_ONLY
    squeeze: float = 0.5
    learning_rate: float = 2e-3
'''
LATE = '''"""Late: a narrow one, named as `ist` has it."""

import isthmus as ist


class Late(ist.Narrow):
    """Adds nothing."""
'''
ASKED = """
import json
from isthmus import signature
from isthmus.families import family
there = {name: {p.name: p.default for p in signature.parameters(name)} for name in NAMES}
same = {name: there[name] == family(name)().get_params() for name in NAMES}
helps = {name: all(p.help for p in signature.parameters(name)) for name in NAMES}
lines = {name: [p.name for p in signature.parameters(name) if p.is_option] for name in NAMES}
print(json.dumps([same, helps, lines]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return what runs Python in a copy of the tree with two more families."""
    folder = tmp_path_factory.mktemp("tree")
    skipped = shutil.ignore_patterns("page", "__pycache__")
    copied = shutil.copytree(Path(isthmus.__file__).parent, folder / "isthmus", ignore=skipped)
    (copied / "models" / "narrow.py").write_text(NARROW)
    (copied / "models" / "late.py").write_text(LATE)
    table = (copied / "families.py").read_text()
    more = 'FAMILIES = {\n    "narrow": "Narrow",\n    "late": "Late",'
    (copied / "families.py").write_text(table.replace("FAMILIES = {", more, 1))

    def run(*arguments):
        command, env = [sys.executable, *map(str, arguments)], os.environ | {"PYTHONPATH": folder}
        done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_what_is_read_from_the_source_is_what_the_estimator_has(run):
    names = ["autoencoder", "narrow", "late"]
    same, helps, options = json.loads(run("-c", ASKED.replace("NAMES", repr(names))))
    assert all(same.values())
    assert all(helps.values())
    assert set(options["autoencoder"]) < set(options["narrow"]) == set(options["late"])
    assert "callbacks" not in options["autoencoder"]  # objects are for Python


def test_every_option_is_on_the_command_line(run):
    lists = {}
    for name in ("autoencoder", "narrow"):
        words = run("-m", "isthmus", "fit", name, "--help").split()
        lists[name] = {word for word in words if word.startswith("--")}
    assert lists["narrow"] - lists["autoencoder"] == {"--squeeze"}
    assert lists["autoencoder"] <= lists["narrow"]
    arguments = ("--squeeze", 0.1, "--hidden", "9", "--max-steps", 2, "-o", "narrow.safetensors")
    run("-m", "isthmus", "fit", "narrow", "digits", *arguments)
    loaded = "import isthmus as ist; print(ist.load_model('narrow.safetensors'))"
    assert "squeeze=0.1" in run("-c", loaded)
