"""Families and verbs that are added to a copy of the tree: files, and a line each in a table."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import isthmus as ist
from isthmus import signature

ROUNDED = '''
"""Rounded: an autoencoder of which the code is rounded."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from isthmus.models.autoencoder import Autoencoder


@dataclass(eq=False, repr=False)
class Rounded(Autoencoder):
    """Rounds codes.

    Parameters
    ----------
    digits : int
        Digits that stay.
    """

    digits: int = 1

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        return super()._encode(x).round(decimals=self.digits)
'''
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
VERB = '''"""A toy."""

from dataclasses import dataclass
from typing import Any

from isthmus.verbs.parameters import ImagesLike, Model
from isthmus.verbs.result import Result


@dataclass(repr=False)
class Toy(Result):
    scores: dict[str, Any]


def toyverb(model: Model, images: ImagesLike, strength: float = 2.0) -> Toy:
    """Say how many images there are.

    Parameters
    ----------
    model : Representation
        Fitted.
    images : Images or array of shape (n, ...)
        What to count.
    strength : float
        How much one counts.
    """
    return Toy({"count": strength * len(images)})
'''
LINE = '    "toyverb": Verb("verbs.toyverb", "more"),\n'

FILES = {
    "models/rounded.py": ROUNDED,
    "models/narrow.py": NARROW,
    "models/late.py": LATE,
    "verbs/toyverb.py": VERB,
}
LINES = {
    "families.py": {
        "FAMILIES = {\n": '    "narrow": "Narrow",\n    "late": "Late",\n',
        '    "pixelnet": "PixelNet",\n': '    "rounded": "Rounded",\n',
    },
    "verbs/__init__.py": {"VERBS = {\n": LINE},
}
"""Files of the tree, and what is put after which line of them."""
COUNT = "toyverb p.safetensors glyphs --strength 3 --images 0-4"
COMMANDS = [
    "--help",
    "toyverb --help",
    *(f"fit {name} --help" for name in ("rounded", "autoencoder", "narrow")),
    "models --json",
    "fit pca glyphs --n-components 2 -o p.safetensors",
    COUNT,
    f"{COUNT} --json",
    "fit narrow digits --squeeze 0.1 --hidden 9 --max-steps 2 -o narrow.safetensors",
]
ASKED = """
import contextlib, io, json, sys
import isthmus as ist
from isthmus import signature
from isthmus.cli import main as cli
from isthmus.families import every_name, family

def said(words):
    sys.argv = ["isthmus", *words.split()]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        cli.main()
    return out.getvalue()

found = {words: said(words) for words in COMMANDS}
images = ist.load_images("digits")[:200].split()
result = ist.study(images, ["rounded"], budget=0.3, verbose=False)
(model,) = result.models.values()
found["study"] = [every_name(), type(model).__name__, result.scores[0]["model"]]
for name in ("autoencoder", "narrow", "late"):
    read = signature.parameters(name)
    found[name] = {
        "same": {p.name: p.default for p in read} == family(name)().get_params(),
        "helps": all(p.help for p in read),
        "options": [p.name for p in read if p.is_option],
    }
found["loaded"] = repr(ist.load_model("narrow.safetensors"))
found["verb"] = ist.toyverb.__name__
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what the copy answers, in one process: words of commands, and what Python finds."""
    folder = tmp_path_factory.mktemp("tree")
    skipped = shutil.ignore_patterns("page", "__pycache__")
    copied = shutil.copytree(Path(ist.__file__).parent, folder / "isthmus", ignore=skipped)
    for name, text in FILES.items():
        (copied / name).write_text(text)
    for name, lines in LINES.items():
        table = (copied / name).read_text()
        for line, more in lines.items():
            table = table.replace(line, line + more, 1)
        (copied / name).write_text(table)
    code = ASKED.replace("COMMANDS", repr(COMMANDS))
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_a_family_is_a_file_and_a_line_in_the_table(found):
    text = found["fit rounded --help"]
    assert "Rounded: an autoencoder" in text
    inherited = signature.parameters("autoencoder")
    for name in ("digits", *(p.name for p in inherited if p.is_option)):
        name = {"random_state": "seed"}.get(name, name)
        assert f"--{name.replace('_', '-')}" in text or name == "verbose", name
    assert json.loads(found["models --json"])[-1] == {
        "model": "rounded", "about": "Rounded: an autoencoder of which the code is rounded.",
        "fit": True, "encode": True, "decode": True, "sample": True,
    }  # fmt: skip
    names, cls, row = found["study"]
    assert names[-3:] == ["rounded", "rounded-conv", "rounded-denoising"]
    assert (cls, row) == ("Rounded", "rounded")


def test_what_is_read_from_the_source_of_a_derived_family_is_what_the_estimator_has(found):
    options = {}
    for name in ("autoencoder", "narrow", "late"):
        assert found[name]["same"]
        assert found[name]["helps"]
        options[name] = set(found[name]["options"])
    assert options["autoencoder"] < options["narrow"] == options["late"]
    assert "callbacks" not in options["autoencoder"]  # objects are for Python


def test_every_option_of_a_derived_family_is_on_the_command_line(found):
    lists = {}
    for name in ("autoencoder", "narrow"):
        words = found[f"fit {name} --help"].split()
        lists[name] = {word for word in words if word.startswith("--")}
    assert lists["narrow"] - lists["autoencoder"] == {"--squeeze"}
    assert lists["autoencoder"] <= lists["narrow"]
    assert "squeeze=0.1" in found["loaded"]


def test_a_verb_is_added_by_a_file_and_a_line(found):
    shown = found["--help"]
    assert re.search(r"─ More ─.*toyverb +Say how many images there are", shown, re.S)
    assert "How much one counts" in found["toyverb --help"]
    assert "count  15" in found[COUNT]
    assert json.loads(found[f"{COUNT} --json"])["count"] == 15
    assert found["verb"] == "toyverb"
