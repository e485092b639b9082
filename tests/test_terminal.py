"""Tables where a person looks at them: as many columns as the terminal is wide."""

import io
import re
import sys
from types import SimpleNamespace

import pytest

from isthmus.cli.output import fitting, print_table
from isthmus.cli.verbs import _rest

ROW = {"image": "Blumen im Frühling/Löwenzahn groß 001.jpg", "split": "test"}
WIDE = [ROW | {f"pca{i}": "-0.125" for i in range(32)}] * 2


@pytest.fixture
def printed(monkeypatch):
    """Return what is printed into a terminal of a width, by lines."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def lines(rows, width, rest=""):
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("COLUMNS", str(width))
        print_table(rows, rest)
        plain = re.sub(r"\x1b\[\d*m", "", screen.getvalue())  # without bold
        return [line.rstrip() for line in plain.splitlines()]

    return lines


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_shows_the_first_columns_that_fit_and_says_how_many_do_not(printed, width):
    *table, last = printed(WIDE, width, "codes.csv")
    shown = table[0].split()
    assert shown == list(WIDE[0])[: len(shown)]
    assert last == f"... {34 - len(shown)} more columns in codes.csv"
    assert max(map(len, table)) <= width
    assert sum(line.count("-0.125") for line in table) == 2 * (len(shown) - 2)  # none is broken
    assert len(shown) == len(fitting(WIDE, width)) >= 2 + (width >= 80) + 10 * (width > 80)


def test_a_table_that_fits_is_whole_and_one_column_always_stays(printed):
    assert printed([{"k": "2", "accuracy": "0.5"}], 80) == ["k  accuracy", "2  0.5"]
    *_, last = printed([ROW], 10)
    assert last == "... 1 more column"


def test_a_log_file_holds_all_columns(capsys):
    print_table(WIDE)
    head, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == list(WIDE[0])


def test_the_rest_is_in_the_file_that_holds_the_table(tmp_path):
    result = SimpleNamespace(saves=(".csv", ".png"))
    assert _rest(result, [tmp_path / "a.png", tmp_path / "a.csv"]) == str(tmp_path / "a.csv")
    assert _rest(result, [tmp_path / "a.png"]) == "-o table.csv"
    assert _rest(SimpleNamespace(saves=(".png",)), []) == "--json"
