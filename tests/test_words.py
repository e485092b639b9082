"""What the command line answers to words that are not enough, or are no commands."""

import re
import shlex

import pytest
import typer

from isthmus.cli.main import app
from isthmus.cli.words import EXAMPLES, MEANT, examples_of

ROOT = typer.main.get_command(app)


def test_every_command_has_examples_that_exist():
    assert sorted(EXAMPLES) == sorted(ROOT.commands)
    for name in EXAMPLES:
        for line in examples_of(name):
            _, verb, *words = shlex.split(line)
            command = ROOT.commands[verb]
            if verb == "fit":
                command = command.commands[words.pop(0)]
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if re.match("-", word)} <= options, line


def test_words_lead_to_commands_that_exist():
    assert not set(MEANT) & set(ROOT.commands)
    assert {name for names in MEANT.values() for name in names} <= set(ROOT.commands)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("search", "nearest"),
        ("train", "fit"),
        ("resize", "data"),
        ("tarin", "fit"),
        ("pca", "fit pca"),
        ("Similarity", "nearest"),
        ("novelt", "novelty"),
        ("xyzzy", "--help"),
    ],
)
def test_a_word_that_is_no_command_is_understood(run, word, name):
    code, out, err = run(word, "photos")
    assert (code, out) == (2, "")
    assert name in err
    assert err.count("\n") == 1


def test_a_command_alone_shows_examples(run):
    code, out, err = run("nearest")
    assert (code, out) == (2, "")
    assert examples_of("nearest")[0] in err
    assert "isthmus help nearest" in err
    assert run("models")[0] == 0  # needs nothing


def test_help_of_a_command(run):
    assert run("help", "nearest")[1] == run("nearest", "--help")[1] != ""
    assert run("help")[1] == run("--help")[1]
