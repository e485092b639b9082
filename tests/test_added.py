"""What is added to a copy of the tree: a file or function each, and a line in a table."""

import csv
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

ROOT = Path(__file__).parents[1]
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

from isthmus.plots.figures import sheet
from isthmus.verbs.parameters import ImagesLike, Model
from isthmus.verbs.result import Result


@dataclass(repr=False)
class Toy(Result):
    scores: dict[str, Any]
    images: Any = None

    def table(self):
        return [{"count": self.scores["count"]}]

    def picture(self):
        return sheet(self.images)


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
    return Toy({"count": strength * len(images)}, images)
'''


def examples(of):
    """Return the examples of a section of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {of}\n")[1].split("\n## ")[0]
    return re.findall(r"^```\w*\n(.*?)^```", section, re.M | re.S)


METRIC, _, METRIC_LINE = examples("Adding a metric")[0].rpartition("\n\n")
READER, READER_LINE, *_ = examples("Adding a reader")
STORED = '        return f"{self.shape} {self.dtype}"\n'
LIMIT = '"""Floats beyond this cannot be meant to lie in 0..1, however noisy they are."""\n'
LINE = '    "toyverb": Verb("verbs.toyverb", "more"),\n'

PAGE = "# toyverb\n\n    isthmus toyverb model.safetensors digits\n"
CODE = Path("src/isthmus")
FILES = {
    CODE / "models/rounded.py": ROUNDED,
    CODE / "models/narrow.py": NARROW,
    CODE / "models/late.py": LATE,
    CODE / "verbs/toyverb.py": VERB,
    Path("docs/verbs/toyverb.md"): PAGE,
}
LIKE = "| vector | yes | yes | yes | yes | an autoencoder |\n"
LINES = {
    CODE / "families.py": {
        "FAMILIES = {\n": '    "narrow": "Narrow",\n    "late": "Late",\n',
        '    "pixelnet": "PixelNet",\n': '    "rounded": "Rounded",\n',
    },
    CODE / "verbs/__init__.py": {"VERBS = {\n": LINE},
    CODE / "metrics/table.py": {"    for metric in (\n": METRIC_LINE},
    CODE / "metrics/reconstruction.py": {LIMIT: f"\n\n{METRIC}\n"},
    CODE / "data/arrays.py": {STORED: f"\n\n{READER}"},
    CODE / "data/readers.py": {
        "from isthmus.data.adjust import adjusted, ranged\n": (
            "from isthmus.data.arrays import read_lines\n"
        ),
        "READERS: dict[str, Reader] = {\n": READER_LINE,
    },
    Path("README.md"): {
        "|---|---|---|---|---|---|---|\n": f"| `narrow` {LIKE}| `late` {LIKE}",
        "| attributes of every pixel |\n": f"| `rounded` {LIKE}",
        "| [`finetune`](docs/verbs/finetune.md) | a classifier from few labels |\n": (
            "| [`toyverb`](docs/verbs/toyverb.md) | how many images there are |\n"
        ),
    },
}
"""Files, and what is put after which line of others: with a test each all that a family, a
verb, a metric need."""
HELD = [
    "tests/test_verb_table.py",
    "tests/test_readme.py::test_table_of_families_is_complete",
    "tests/test_contract.py",
]
HOLDS = "toyverb or table_of_families or (rounded and memory_mapped)"
"""Tests of the tree that are carried out in the copy, of what has come."""
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
import contextlib, io, json, os, sys
import isthmus as ist
from isthmus import signature
from isthmus.cli import main as cli
from isthmus.explorer.inputs import inputs_of as explored
from isthmus.families import every_name, family
from isthmus.metrics import table

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
result.save("study")
found["row"] = result.table()[0]["edge_error"]
figures = explored(result).scores["rounded"]
found["explored"] = [figures["edge_error"], table.described(figures)["edge_error"]["unit"]]
with open("two.lines", "w") as file:
    file.write("0 1 2\\n3 4 255\\n")
found["read"] = repr(ist.load_images("two.lines"))
found["printed"] = table.said("edge_error", 0.5)
for name in ("autoencoder", "narrow", "late"):
    read = signature.parameters(name)
    found[name] = {
        "same": {p.name: p.default for p in read} == family(name)().get_params(),
        "helps": all(p.help for p in read),
        "options": [p.name for p in read if p.is_option],
    }
found["loaded"] = repr(ist.load_model("narrow.safetensors"))
found["verb"] = ist.toyverb.__name__

import pytest
def tested(*words):
    quiet = ["-q", "-c", os.devnull, f"--rootdir={os.getcwd()}", "-p", "no:cacheprovider"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        pytest.main([*quiet, *words])
    return out.getvalue()

found["collected"] = tested("--collect-only", "tests/test_contract.py")
found["tested"] = tested(*HELD, "-k", HOLDS)
print(json.dumps(found))
"""


def with_lines(text, lines):
    for line, more in lines.items():
        assert text.count(line) == 1, line
        text = text.replace(line, line + more)
    return text


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what the copy answers, in one process: words of commands, and what Python finds."""
    folder = tmp_path_factory.mktemp("tree")
    skipped = shutil.ignore_patterns("page", "__pycache__")
    shutil.copytree(Path(ist.__file__).parent, folder / CODE, ignore=skipped)
    copied = ["README.md", "tests/conftest.py", *(name.partition("::")[0] for name in HELD)]
    copied += [str(page.relative_to(ROOT)) for page in ROOT.glob("docs/verbs/*.md")]
    for name in copied:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, lines in LINES.items():
        table = (folder / name).read_text(encoding="utf-8")
        table = with_lines(table, lines)
        (folder / name).write_text(table, encoding="utf-8")
    code = ASKED
    for name in ("COMMANDS", "HELD", "HOLDS"):
        code = code.replace(name, repr(globals()[name]))
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    files = ("scores.csv", "scores.json", "report.html")
    read = {name: (folder / "study" / name).read_text(encoding="utf-8") for name in files}
    return json.loads(done.stdout) | read


def test_what_has_come_is_held_to_what_holds_of_all(found):
    """Families to the contract, verbs to what a result can, both to be in the tables of README."""
    collected = found["collected"]
    assert collected.count("[rounded") == collected.count("[vae") > 20
    assert "failed" not in found["tested"], found["tested"]
    *_, last = found["tested"].strip().splitlines()
    assert int(re.match(r"(\d+) passed", last)[1]) >= 7, found["tested"]


def test_a_family_is_a_file_and_a_line_in_the_table(found):
    text = found["fit rounded --help"]
    assert "Rounded: an autoencoder" in text
    inherited = signature.parameters("autoencoder")
    for name in ("digits", *(p.name for p in inherited if p.is_option)):
        name = {"random_state": "seed", "max_seconds": "budget"}.get(name, name)
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


def test_a_metric_is_added_by_a_function_and_a_line(found):
    """Of what a study measures it is then in tables, files, the report and the explorer."""
    assert 0 < found["row"] < 1
    heads, row = list(csv.reader(found["scores.csv"].splitlines()))
    assert float(dict(zip(heads, row, strict=True))["edge_error"]) == found["row"]
    record = json.loads(found["scores.json"])
    assert record["scores"][0]["edge_error"] == found["row"]
    assert record["metrics"]["edge_error"]["better"] == "lower"
    assert (
        "Error of differences of neighbours. Unit: values. Lower is better."
        in found["report.html"]
    )
    assert f">{found['row']:.4f}<" in found["report.html"]
    assert found["explored"] == [found["row"], ""]
    assert found["printed"] == "0.5000"


def test_a_reader_is_a_function_and_a_suffix(found):
    assert found["read"] == "Images('two.lines', shape=(2, 1, 3, 1), dtype=uint8)"


@pytest.fixture
def web(tmp_path):
    """Return a copy of the page's sources with a view more, but for its line in `VIEWS`."""
    shutil.copytree(ROOT / "web/src", tmp_path / "src")
    shutil.copy(ROOT / "web/tsconfig.json", tmp_path)
    view, line = examples("Adding a view of the explorer")
    (tmp_path / "src/views/chosen.ts").write_text(view, encoding="utf-8")
    tables = {
        "state.ts": {'  "generate",\n': '  "chosen",\n'},
        "side.ts": {
            'import { TABS, type Tab } from "./state";\n': (
                'import { makeChosen } from "./views/chosen";\n'
            ),
            '  generate: ["Generate", makeGenerate],\n': line,
        },
    }
    for name, lines in tables.items():
        path = tmp_path / "src" / name
        path.write_text(with_lines(path.read_text(encoding="utf-8"), lines), encoding="utf-8")
    return tmp_path


def test_a_view_of_the_explorer_is_a_file_and_two_lines(web):
    modules, node = ROOT / "web/node_modules", shutil.which("node")
    if node is None or not (modules / "typescript").exists():
        pytest.skip("needs node and the page's modules: `make page` fetches them")
    (web / "node_modules").symlink_to(modules)

    def compiled():
        command = [node, modules / "typescript/bin/tsc", "--noEmit"]
        done = subprocess.run(command, cwd=web, capture_output=True, text=True, check=False)
        return done.stdout

    assert compiled() == ""
    side = web / "src/side.ts"
    text = side.read_text(encoding="utf-8").replace('  chosen: ["Chosen", makeChosen],\n', "")
    side.write_text(text, encoding="utf-8")
    assert "Property 'chosen' is missing" in compiled()  # a tab has a view
