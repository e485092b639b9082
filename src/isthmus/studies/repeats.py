"""Models of a study fitted again with other seeds: means, and how far one fit may be from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.metrics.intervals import over_fits
from isthmus.metrics.table import studied
from isthmus.studies import fits
from isthmus.studies.outcome import Study, reason_of
from isthmus.studies.prepare import BY_CHANCE
from isthmus.studies.summary import known

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.system.progress import Bar

FEWEST, MOST = 3, 10
"""Fits of a model from which an interval is worth having, and at most where time is left."""


def repeat(
    result: Study,
    costs: Mapping[str, float],
    repeats: int | None,
    bar: Bar,
    look: Callable[[], None],
) -> None:
    """Fit the models of a study again, and put the means over all their fits in its scores.

    Parameters
    ----------
    result : Study
        With models and scores of one fit each.
    costs : dict of str to float
        Seconds that fitting and measuring of each took.
    repeats : int or None
        Fits of every model; None fits again what there is time for.
    bar : Bar
        Is told what is going on.
    look : callable
        Called after every fit.

    Raises
    ------
    KeyboardInterrupt
        If it is interrupted; a fit that was not finished counts for nothing.
    """
    schedule = result.schedule
    schedule.rounds = 1
    for number in count(1):
        names = in_round(number, costs, result.scores, schedule.spare(), repeats)
        if not names:
            return
        seed = result.random_state + number
        drawn = drawn_anew(result, seed)
        for name in names:
            if repeats is None and costs[name] > schedule.spare():
                continue
            bar.advance(0, f"{name} again, seed {seed}{schedule.left_in_words()}")
            try:
                _fit_again(name, result, drawn, seed)
            except Exception as error:  # of a model of one's own it may be any
                again = f"{name} was not fitted again with seed {seed}"
                result.notes.append(f"{again}: {reason_of(error)}.")
            look()


def in_round(
    number: int,
    costs: Mapping[str, float],
    scores: Sequence[Mapping[str, Any]],
    spare: float,
    repeats: int | None,
) -> list[str]:
    """Return which models are fitted again in a round, what takes least first.

    Where it is left to the time, a model is fitted once or at least three times: of two fits the
    interval says next to nothing.

    Examples
    --------
    >>> scores = [{"model": "pca"}, {"model": "vae"}]
    >>> in_round(1, {"pca": 1.0, "vae": 20.0}, scores, 40.0, None)
    ['pca']
    >>> in_round(1, {"pca": 1.0, "vae": 20.0}, scores, 0.0, 2)
    ['pca', 'vae']
    """
    order = sorted((record["model"] for record in scores), key=lambda name: costs[name])
    done = {record["model"]: record.get("seeds", 1) for record in scores}
    if repeats is not None:  # some may have been there before
        return [name for name in order if done[name] <= number < repeats]
    if number >= MOST:
        return []
    waiting = [name for name in order if done[name] == number]
    if 1 < number < FEWEST:
        return waiting  # as was planned for them
    times = FEWEST - 1 if number == 1 else 1
    taken = np.cumsum([times * costs[name] for name in waiting])
    return [name for name, until in zip(waiting, taken, strict=True) if until <= spare]


def drawn_anew(result: Study, seed: int) -> Study:
    """Return a study with other images held out, or where a set says which, others measured.

    What is known of images to learn from, as their components, serves all fits.
    """
    images, most = result.images, result.schedule.effort.most
    if BY_CHANCE in result.notes:
        return replace(result, images=images.split(seed=seed), parts={})
    held = np.flatnonzero(images.is_test)
    if len(held) <= most:
        return result
    chosen = np.sort(np.random.default_rng(seed).choice(held, most, replace=False))
    rows = np.sort(np.concatenate([np.flatnonzero(~images.is_test), chosen]))
    drawn = replace(result, images=images[rows])
    drawn.train = result.train
    return drawn


def _fit_again(name: str, result: Study, drawn: Study, seed: int) -> None:
    """Fit a model as it was fitted before, but for its seed, and merge what it is worth."""
    score = next(record for record in result.scores if record["model"] == name)
    model = like(result.models[name], seed)
    train = drawn.some(score["learned_from"])
    cost = fits.fit(model, train, math.inf)
    if fits.was_interrupted(model):
        raise KeyboardInterrupt
    record, each, _ = fits.record_of(
        name, model, drawn.images, effort=result.schedule.effort, random_state=seed, cost=cost,
        learned_from=len(train),
    )  # fmt: skip
    first = {"random_state": result.random_state, **_figures(score)}
    result.each.setdefault(name, {})[seed] = each
    score["fits"] = [*score.get("fits", [first]), {"random_state": seed, **_figures(record)}]
    score.update(over_seeds(score["fits"]))


def like(model: Representation, seed: int) -> Representation:
    """Return a model to be fitted as another was: by as many steps or passes, of another seed.

    Where time has ended these, it has as much time again, at most.
    """
    from sklearn.base import clone

    fresh = clone(model, safe=False)
    given: dict[str, Any] = {"random_state": seed}
    if getattr(model, "stopped_", "") != "out of time":
        given["max_seconds"] = None
    elif model.study_steps:
        given["max_steps"] = max(1, getattr(model, "_step", 1))
    else:
        given["max_iter"] = getattr(model, "n_iter_", None)
    return fresh.set_params(**{k: v for k, v in given.items() if k in model.settings})


def _figures(record: Mapping[str, Any]) -> dict[str, Any]:
    keys = [metric.key for metric in studied()]
    kept = [key for each in keys for key in (each, f"{each}_within")]
    return {key: record[key] for key in kept if key in record}


def over_seeds(fitted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means over fits, how far these may be off, and how many fits there were.

    KEY_seeds is half of the 95 % interval over seeds; KEY_within holds that over images as well:
    the root of the sum of their squares.

    Examples
    --------
    >>> found = over_seeds([{"psnr": 20.0, "psnr_within": 0.3}, {"psnr": 20.2}, {"psnr": 20.4}])
    >>> found["psnr"], found["psnr_seeds"], found["psnr_within"], found["seeds"]
    (20.2, 0.496828, 0.580377, 3)
    """
    found: dict[str, Any] = {"seeds": len(fitted)}
    for metric in studied():
        key = metric.key
        values = [value for one in fitted if (value := known(one, key)) is not None]
        if len(values) < len(fitted) or not np.isfinite(values).all():
            continue
        mean, half = over_fits(values)
        found[key], found[f"{key}_seeds"] = _short(mean), _short(half)
        images = [w for one in fitted if (w := known(one, f"{key}_within")) is not None]
        if images or not key.endswith("_accuracy"):  # of a share it is by how many were counted
            found[f"{key}_within"] = _short(math.hypot(half, np.mean(images) if images else 0.0))
    return found


def _short(value: float) -> float:
    return float(f"{value:.6g}")
