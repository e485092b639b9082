"""Families that improve pass by pass keep to their time, and say when they had not settled."""

from types import SimpleNamespace

import numpy as np
import pytest

import isthmus as ist

MODELS = [
    ist.NMF(8, tol=0, max_iter=40, random_state=0),
    ist.KMeans(20, init="random", tol=0, random_state=0),
    ist.SOM(6, random_state=0),
    ist.SOM(6, rule="online", max_iter=9, random_state=0),
]
digits = ist.load_images("digits").train.evenly(300)


def copy_of(model, **other):
    return type(model)(**model.get_params() | other)


@pytest.fixture
def clock(monkeypatch):
    """Put a clock that says how often it was asked in the place of the real one."""
    ticks = iter(range(10**6))
    fake = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    for module in ("training.budget", "passes"):
        monkeypatch.setattr(f"isthmus.{module}.time", fake)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{type(m).__name__}")
def test_passes_end_with_the_time_and_what_there_is_by_then_is_kept(model, clock):
    whole, short, least = (
        copy_of(model, max_seconds=seconds).fit(digits)
        for seconds in (None, 60 if isinstance(model, ist.SOM) else 15, 1e-9)
    )
    assert least.stopped_ == short.stopped_ == "out of time" != whole.stopped_
    assert 1 == least.n_iter_ < short.n_iter_ < whole.n_iter_
    best, error, first = (-model.score(digits) for model in (whole, short, least))
    assert 0.98 * best <= error < min(1.3 * best, 1.02 * first)
    said = " ".join(short.health_)
    assert "raise max_iter" not in said
    assert "raise max_seconds" in said or isinstance(model, ist.SOM)  # it knows when to settle


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{type(m).__name__}")
def test_time_that_is_not_reached_changes_nothing(model):
    one, other = (copy_of(model, max_seconds=s).fit(digits) for s in (None, 1e6))
    assert np.array_equal(one.decode(one.encode(digits)), other.decode(other.encode(digits)))
    assert (one.n_iter_, one.stopped_) == (other.n_iter_, other.stopped_)


def test_what_is_no_time_is_refused():
    with pytest.raises(ValueError, match="max_seconds=0 must be greater than 0"):
        ist.KMeans(2, max_seconds=0).fit(digits)
