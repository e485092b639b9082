"""What the README shows has to run, and what it lists has to be there."""

import re
import shlex
import sys
from pathlib import Path

import pytest

import isthmus as ist
from isthmus.cli import main as cli
from isthmus.families import FAMILIES, family

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_python_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("python"):
        exec(block, names)
    assert float(capsys.readouterr().out) >= 0.98
    assert names["codes"].shape == (359, 16)
    assert names["study"].models["pca"].n_components_ == 32
    assert ist.load_model("model.safetensors").n_components == 16
    assert (tmp_path / "runs" / "two" / "report.html").is_file()


def test_command_line_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = "".join(blocks("sh"))
    assert "--budget 30s" in lines
    for line in lines.replace("--budget 30s", "--budget 1s").splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 0, (line, capsys.readouterr().err)
    assert {path.name for path in tmp_path.iterdir()} == {
        "runs", "pca.safetensors", "sheet.png", "morph.gif", "map.png", "nearest.png",
        "few.safetensors",
    }  # fmt: skip


def test_table_of_families_is_complete():
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| (\w+) \| (\S+) \| (\S+) \| (\S+) \|", README, re.M)
    assert [row[0] for row in rows] == list(FAMILIES)
    for name, *marks in rows:
        twins = ("_fit", "_encode", "_decode", "_sample")
        assert marks == ["yes" if hasattr(family(name), twin) else "-" for twin in twins]


def tree():
    """Yield the paths in the tree of CONTRIBUTING.md, each with its caption."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    above = []
    for line in text.split("## The tree")[1].split("```")[1].splitlines():
        assert len(line) <= 80, line
        if line.strip():
            name, _, caption = line.strip().partition(" ")
            depth = (len(line) - len(line.lstrip())) // 2
            above = [*above[:depth], name]
            yield Path(*above), caption.strip()


def test_tree_names_every_module_and_nothing_else():
    found = dict(tree())
    assert [str(path) for path, caption in found.items() if not caption] == ["src/isthmus"]
    assert [path for path in found if not (ROOT / path).exists()] == []
    ours = {path.relative_to(ROOT) for path in (ROOT / "src/isthmus").rglob("*.py")}
    missing = {path for path in ours - set(found) if path.name != "__init__.py"}
    assert not missing, "one line for each in CONTRIBUTING.md, under The tree"


def test_lines_are_short_where_markdown_allows():
    for number, line in enumerate(README.splitlines(), 1):
        assert len(line) <= 80, (number, line)


def test_what_is_linked_is_there():
    """In the README and in the pages that it leads to."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    for page in pages:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
            assert (page.parent / link).exists(), (page.name, link)


def test_the_front_door_tells_how_to_set_up_and_test():
    commands = "".join(blocks(""))
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    for rule in ("study", "test"):
        assert f"make {rule} " in commands
        assert f"\n{rule}:" in rules
