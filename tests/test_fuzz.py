"""A few mutants of every format, always the same ones: `make fuzz` reads as many as one likes."""

import contextlib
import warnings

import pytest

from fuzz import run, targets

FEW = 3
"""Mutants of each format, beside every file of the corpus as it is."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", targets.TARGETS)
def test_mutants_are_read_or_refused(tmp_path, name):
    seeds = targets.seeds_of(name, tmp_path / "seeds")
    target = targets.TARGETS[name]
    for seed, shape in zip(seeds, target.shapes, strict=False):  # files of the corpus come after
        assert target.read(seed).shape == shape
    for number in range(FEW):
        end, words = run.judged(name, seeds, number)
        assert end in ("read", "refused"), f"{name} {number}: {words}"
        assert end == "read" or words


@pytest.mark.parametrize(
    "name", [n for n, one in targets.TARGETS.items() if not one.shapes and " " not in n]
)
def test_what_is_changed_was_readable(tmp_path, name):
    target = targets.TARGETS[name]
    (tmp_path / "seeds").mkdir()
    for seed in target.write(tmp_path / "seeds"):
        target.read(seed)


@pytest.mark.parametrize("name", [n for n, one in targets.TARGETS.items() if one.corpus])
def test_what_once_ended_badly_is_read_or_refused(tmp_path, name):
    found = sorted(targets.CORPUS.glob(targets.TARGETS[name].corpus))
    assert found
    for path in targets.in_folder(found, tmp_path):
        with warnings.catch_warnings(), contextlib.suppress(*run.EXPECTED):
            warnings.simplefilter("ignore")
            targets.TARGETS[name].read(path)
