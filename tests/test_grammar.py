"""One grammar over all commands: an option means one thing, of one type, with one default."""

import shutil
import subprocess

import pytest
from typer.main import get_command

from grammar_page import PAGE
from isthmus.cli.completion import bash, fish, words
from isthmus.cli.grammar import (
    EVERYWHERE,
    EXCEPTIONS,
    FEWER,
    MEANINGS,
    by_name,
    commands,
    options_of,
    reads_source,
)
from isthmus.cli.grammar_tables import filled
from isthmus.cli.main import app

ROOT = get_command(app)
FUNCTIONS = commands(ROOT)
COMMANDS = {name: list(options_of(command)) for name, command in FUNCTIONS.items()}
OPTIONS = by_name(ROOT)
WORDS = words(ROOT)
FAMILY_ALONE = {k for k, each in OPTIONS.items() if all(name.startswith("fit ") for name in each)}
"""Parameters of families, whose defaults suit the family."""


def has(command, name):
    return any(name in option.names for option in COMMANDS[command])


def differing(name, field):
    return {repr(getattr(option, field)) for option in OPTIONS[name].values()}


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_an_option_has_one_meaning_one_type_and_one_default(name):
    same = {field: len(differing(name, field)) == 1 for field in ("kind", "default", "help")}
    assert same["help"] or name in MEANINGS or name in FAMILY_ALONE
    assert same["kind"] or name in EXCEPTIONS
    assert same["default"] or name in EXCEPTIONS or name in FAMILY_ALONE


def test_no_exception_is_left_without_need():
    for name in EXCEPTIONS:
        assert len(differing(name, "kind")) > 1 or len(differing(name, "default")) > 1, name
    for name in MEANINGS:
        assert len(OPTIONS[name]) > 1, name
    for name, them in FEWER.items():
        for command in them:
            assert not has(command, name), f"{command} {name}"


def test_a_short_option_stands_for_one_long_one():
    found = {}
    for options in COMMANDS.values():
        for option in options:
            for flag in (flag for flag in option.flags if flag[:2] != "--"):
                assert found.setdefault(flag, option.names[0]) == option.names[0], flag
    assert sorted(found) == ["-k", "-n", "-o", "-q", "-v"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_the_options_that_all_have(command):
    family = command.partition(" ")[0]
    for name in (*EVERYWHERE, "--out"):
        assert has(command, name) or family in FEWER.get(name, {}), name
    if reads_source(FUNCTIONS[command]):
        for name in ("--split", "--images", "--size", "--resize", "--color"):
            assert has(command, name) or family in FEWER[name], name
    assert has(command, "--width") or not command.startswith("fit ")
    assert has(command, "--budget") or {command, family} & FEWER["--budget"].keys()


def test_verbs_with_images_are_known_to_read_a_source():
    found = {name.partition(" ")[0] for name, each in FUNCTIONS.items() if reads_source(each)}
    assert {"study", "data", "fit", "encode", "nearest", "explore", "map"} <= found
    assert not {"decode", "models", "info", "rerun", "completion"} & found


def test_the_page_holds_the_tables_of_today():
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text, ROOT) == text, "python tests/grammar_page.py"
    assert text.count("<!-- end -->") == text.count("\n|---|") == 5


def completed(*typed):
    """Return what bash offers after words on its command line."""
    line = " ".join(f"'{word}'" for word in ("isthmus", *typed))
    script = f"{bash(WORDS)}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(typed)}\n_isthmus\n"
    script += 'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_families_and_options():
    assert completed("ne") == ["nearest"]
    assert completed("fit", "p") == ["pca", "pixelnet"]
    assert completed("nearest", "--am") == ["--among"]
    assert completed("fit", "pca", "photos", "--wi") == ["--width"]
    assert completed("help", "mor") == ["morph"]
    assert completed("nearest", "pho") == []  # files


def test_fish_is_told_the_same(run):
    lines = fish(WORDS).splitlines()
    assert len(lines) == 3 + sum(len(WORDS[name]) for name in COMMANDS)
    assert "complete -c isthmus -n '__fish_seen_subcommand_from nearest' -l among" in lines
    assert run("completion", "fish") == (0, fish(WORDS), "")
    assert "bashcompinit" in run("completion", "zsh")[1]
    assert "must be one of 'bash', 'zsh', 'fish'" in run("completion", "tcsh")[2]
