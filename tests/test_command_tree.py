"""What holds of all commands together: where help shows them, and what options mean."""

import inspect
import re
from pathlib import Path

import pytest
import typer

import isthmus as ist
from isthmus.cli.main import app
from isthmus.cli.panels import OLD, PANELS, spelled_now
from isthmus.families import FAMILIES

ROOT = typer.main.get_command(app)
FIT = {f"fit {name}": command for name, command in ROOT.commands["fit"].commands.items()}
COMMANDS = {name: command for name, command in ROOT.commands.items() if name != "fit"} | FIT
SHORT = {"-o": "--out", "-n": "--count", "-k": "-k", "-q": "--quiet", "-v": "--verbose"}
"""Short option to the long one it stands for, whatever the command."""


def options_of(command):
    return [each for each in command.params if each.param_type_name == "option"]


def named(command, name):
    return next((each for each in options_of(command) if name in each.opts), None)


def test_every_command_is_in_one_panel_and_help_shows_them_in_order(run):
    listed = [name for names in PANELS.values() for name in names]
    assert sorted(listed) == sorted(ROOT.commands)
    _, out, _ = run("--help")
    found = re.findall(r"^│ (\w+) |^╭─ (\w[\w ]*) ─", out, re.M)
    shown = [command or panel for command, panel in found]
    expected = [word for panel, names in PANELS.items() for word in (panel, *names)]
    assert shown == ["Options", *expected]
    assert list(FAMILIES) == list(ROOT.commands["fit"].commands)


def test_a_command_that_no_panel_names_is_in_the_last(monkeypatch):
    few = {panel: names for panel, names in PANELS.items() if panel != "Start"}
    monkeypatch.setattr("isthmus.cli.panels.PANELS", few)
    root = typer.main.get_command(app)
    assert root.commands["study"].rich_help_panel == list(PANELS)[-1]
    start = PANELS["Start"]
    assert set(root.list_commands(None)[-len(start) :]) == set(start)


def test_short_options_mean_one_thing():
    for name, command in COMMANDS.items():
        for option in options_of(command):
            for short in (opt for opt in option.opts if not opt.startswith("--")):
                assert SHORT[short] in option.opts, f"{name} {short}"
            if {"--out", "--count"} & set(option.opts):
                assert {"-o", "-n"} & set(option.opts), f"{name} {option.opts}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("--out", str), ("--count", int | str), ("--seed", int), ("--json", bool), ("--force", bool)],
)
def test_shared_options_are_of_one_kind(name, kind):
    found = {key: named(command, name) for key, command in COMMANDS.items()}
    for key, option in found.items():
        if option is not None:
            assert option.is_flag == (kind is bool), key
            assert not option.multiple or name == "--out", key
            assert option.default is None or isinstance(option.default, kind | Path), key
    if name == "--json":
        assert [key for key, option in found.items() if option is None] == ["completion"]


def test_what_is_random_takes_a_seed():
    for name, command in COMMANDS.items():
        public = FAMILIES.get(name.removeprefix("fit "), name)
        if public in dir(ist):
            code = getattr(ist, public)
            is_random = "random_state" in inspect.signature(code).parameters
            assert bool(named(command, "--seed")) >= is_random, name
        assert not named(command, "--random-state"), name


def test_options_spelled_as_before_are_those_of_today():
    for name, renamed in OLD.items():
        for command in FIT.values() if name == "fit" else [COMMANDS[name]]:
            for old, new in renamed.items():
                assert named(command, new), name
                assert not named(command, old), name


def test_old_spellings_say_what_is_called_otherwise(capsys):
    words = ["fit", "pca", "x", "--random-state", "3", "-o", "p"]
    assert list(spelled_now(words)) == ["fit", "pca", "x", "--seed", "3", "-o", "p"]
    assert capsys.readouterr().err == "isthmus: fit --random-state is called --seed now\n"
    assert list(spelled_now(["cluster", "-n5", "--n=5"])) == [
        "cluster",
        "--n-clusters=5",
        "--n-clusters=5",
    ]
    assert list(spelled_now(["generate", "-n5"])) == ["generate", "-n5"]
    assert list(spelled_now([])) == []


def test_a_seed_is_a_seed_by_either_name(run, tmp_path):
    fit = ("fit", "kmeans", "digits", "--n-clusters", 3, "-o")
    assert run(*fit, "new.safetensors", "--seed", 3)[::2] == (0, "")
    code, _, err = run(*fit, "old.safetensors", "--random-state", 3)
    assert (code, err.count("\n")) == (0, 1)
    models = [ist.load_model(tmp_path / f"{name}.safetensors") for name in ("new", "old")]
    assert [model.random_state for model in models] == [3, 3]


def test_the_width_of_a_code_is_the_width_in_every_family(run, tmp_path):
    for name, command in FIT.items():
        assert named(command, "--width"), name
    assert run("fit", "pca", "glyphs", "--width", 3, "-o", "p.safetensors")[0] == 0
    assert ist.load_model("p.safetensors").n_components_ == 3


def test_version(run):
    assert run("--version") == (0, f"isthmus {ist.__version__}\n", "")


def test_no_words_are_answered_by_help_alone(run):
    _, out, err = run()
    assert "study" in out
    assert err == ""
