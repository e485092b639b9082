"""A study before anything is fitted: its images, its models, and the plan for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.held import is_source
from isthmus.data.images import Images
from isthmus.families import every_name, free_name, named
from isthmus.fitted.heldout import row_hashes
from isthmus.studies.measure import range_note
from isthmus.studies.needs import Need, need_of
from isthmus.studies.plan import LONGER, Schedule
from isthmus.system.pace import loaded, on_core

if TYPE_CHECKING:
    from isthmus.base import Representation

LONGEST_SIDE = 64
"""Images larger than this are reduced for a study: its families see every pixel at once."""
SMALL = 16
"""Pixels of a side from which on convolutions gain over dense networks."""
FEW = 5000
"""Training images of which noise keeps a network from overfitting."""
LOOK = 0.15
"""Seconds of work that tell how busy the machine is, at least."""
LEAST_BUDGET, MOST_BUDGET = 40.0, 200.0
"""Seconds of a study for which no budget was given."""

BY_CHANCE = "A fifth of the images, chosen by chance, is held out and measured on."
"""What is noted where a set does not say which images are held out."""


class Prepared(NamedTuple):
    """What is to be studied.

    Attributes
    ----------
    images : Images
        With a split.
    train : Images
        Those of them that all models learn from.
    models : dict of str to Representation
        Unfitted.
    notes : list of str
        What was done to the images, and which models were chosen.
    schedule : Schedule
        How the time is shared out.
    plan : list of dict
        A record a model, see `table`.
    unsuited : dict of str to str
        Why models of a default study are not for these images.
    """

    images: Images
    train: Images
    models: dict[str, Any]
    notes: list[str]
    schedule: Schedule
    plan: list[dict[str, Any]]
    unsuited: dict[str, str]


def prepare(
    images: object,
    models: Any = None,
    *,
    budget: float | None = None,
    repeats: int | None = None,
    max_steps: int | None = None,
    width: int | None = None,
    random_state: int = 0,
    verbose: bool = False,
    began: float | None = None,
    **loading: Any,
) -> Prepared:
    """Return what `study` would fit, with the plan for it; the parameters are the same.

    Examples
    --------
    >>> prepared = prepare("digits", ["pca"], width=8)
    >>> [(row["model"], row["width"], row["why"]) for row in prepared.plan]
    [('pca', 8, 'asked for')]
    """
    models = models if models is None or isinstance(models, dict) else list(models)
    _check(models, repeats=repeats, max_steps=max_steps)  # before anything is read
    before = on_core() if began is None else (0.0, 0.0)  # a command began with its process
    began = time.monotonic() if began is None else began
    images, notes = read_images(images, random_state, loading)
    row_hashes(images)  # once: its parts have them from here
    train = images.train
    notes += [note for note in (range_note(train),) if note]
    why, unsuited = default_names(images) if models is None else ({}, {})
    given = {"random_state": random_state, "verbose": verbose}
    longer = LONGER if budget is not None and max_steps is None else 1
    steps = partial(_set_steps, most=max_steps, longer=longer)
    chosen = _chosen(list(why) if models is None else models, train, width, given, steps)
    if budget is None and max_steps is None and not _are_ready(models):
        budget = default_budget(images) * (repeats or 1)
        notes.append(
            f"No time was given: {budget:.0f} s were allowed for this set, and networks took "
            f"their usual number of steps at most; --budget 10m allows more of both."
        )
    needs = [need_of(name, model, images) for name, model in chosen.items()]
    load = load_since(before) if budget else 1.0
    schedule = Schedule(
        in_turn(needs) if budget else needs, budget, _classes(images), began,
        must=models is not None, load=load, rounds=repeats or 1,
    )  # fmt: skip
    plan = table(chosen, schedule, why)
    return Prepared(images, train, chosen, notes, schedule, plan, unsuited)


def _classes(images: Images) -> int:
    return 0 if images.y is None else len(np.unique(images.y))


def in_turn(needs: list[Need]) -> list[Need]:
    """Return what is to be fitted one after the other: last what gains most from what is left.

    Examples
    --------
    >>> [need.name for need in in_turn([Need("gan", weight=3.0), Need("classifier", weight=0.5)])]
    ['classifier', 'gan']
    """
    return sorted(needs, key=lambda need: need.weight)


def load_since(before: tuple[float, float]) -> float:
    """Return how many seconds pass in one of work, from what has passed since `on_core` said so.

    Where there was little work since then, some more is done to see.
    """
    while (now := on_core())[0] < before[0] + LOOK:
        sum(range(20_000))
    return loaded(*(new - old for new, old in zip(now, before, strict=True)))


def suits(images: Images, name: str) -> tuple[bool, str]:
    """Return whether a default study of these images has a model of that name, and why.

    Examples
    --------
    >>> suits(Images(np.zeros((9, 8, 8))), "autoencoder-conv")
    (False, 'images of 8x8 are too small for convolutions to gain')
    >>> suits(Images(np.zeros((9, 8, 8))), "pca")
    (True, 'one of every family')
    """
    cls, parameters = named(name)
    if cls.needs_labels and (images.y is None or not (np.asarray(images.y) != -1).any()):
        return False, "there are no labels of images to learn"
    if cls.learns_maps:
        known = images.label_maps is not None
        return known, "there are label maps to learn" if known else "there are no label maps"
    if cls.needs_positive and images.value_range[0] < 0:
        return False, "values below 0 are no sums of parts"
    if parameters.get("architecture") == "conv":
        return _suits_convolutions(images)
    if parameters.get("noise"):
        n = int(np.sum(~images.with_split().is_test))
        few = n <= FEW
        return few, "few images: noise keeps it from overfitting" if few else (
            f"{n:,} images need no noise against overfitting"
        )
    if parameters:
        return True, "numbers that say one thing each"
    return True, "one of every family"


def _suits_convolutions(images: Images) -> tuple[bool, str]:
    if images.ndim != 4:
        return False, "vectors have no neighbouring pixels"
    sides = "x".join(map(str, images.shape[1:3]))
    if min(images.shape[1:3]) < SMALL:
        return False, f"images of {sides} are too small for convolutions to gain"
    return True, f"images of {sides} have neighbourhoods"


def default_names(images: Images) -> tuple[dict[str, str], dict[str, str]]:
    """Return the models of a default study, and those it leaves out, each with the reason."""
    found = {name: suits(images, name) for name in every_name()}
    return (
        {name: why for name, (suited, why) in found.items() if suited},
        {name: why for name, (suited, why) in found.items() if not suited},
    )


def default_budget(images: Images) -> float:
    """Return the seconds of a study for which no budget was given: more, the more there is.

    Examples
    --------
    >>> default_budget(Images(np.zeros((1797, 8, 8), dtype=np.uint8)))
    65.0
    """
    numbers = max(1, math.prod(images.shape))
    seconds = 62 + 45 * math.log10(numbers / 1e5)
    return float(5 * round(min(MOST_BUDGET, max(LEAST_BUDGET, seconds)) / 5))


def _are_ready(models: Any) -> bool:
    """Return whether models are given as they are to be fitted, rather than by name."""
    if models is None:
        return False
    return isinstance(models, dict) or not any(isinstance(model, str) for model in models)


def read_images(
    source: Any, random_state: int, loading: dict[str, Any]
) -> tuple[Images, list[str]]:
    """Return images with a split, and what a reader should know of how they came to be so."""
    from isthmus.data.readers import load_images

    notes = []
    whole = is_source(source) and loading.get("per", "image") == "image"
    limit = {"longest": LONGEST_SIDE} if whole else {}
    images = load_images(source, **limit | loading)
    if len(images) < 4:
        pixels = "; --per pixel studies the pixels of one" if images.ndim == 4 else ""
        raise ValueError(f"a study needs at least 4 images, got {len(images)}{pixels}")
    if limit and not loading.get("size") and max(images.shape[1:3]) == LONGEST_SIDE:
        notes.append(
            f"Images with a side longer than {LONGEST_SIDE} pixels were reduced to that: every "
            "family here looks at all pixels at once. --size chooses another size."
        )
    if images.changed:
        notes.append(f"{images.changed}.")
    if images.is_test is None or len(set(images.is_test.tolist())) < 2:
        images = images.split(seed=random_state)
        notes.append(BY_CHANCE)
    return images, notes


def _chosen(
    models: Any,
    train: Images,
    width: int | None,
    given: dict[str, Any],
    steps: Callable[[Representation], None],
) -> dict[str, Any]:
    """Return the models by name, those that are named of a size that suits the images."""
    if isinstance(models, dict):
        return models
    chosen: dict[str, Any] = {}
    for model in models:
        name = free_name(model, chosen)
        if isinstance(model, str):
            cls, parameters = named(model)
            model = cls.for_study(train, width, **given, **parameters)
            steps(model)
        chosen[name] = model
    return chosen


def _check(models: Any, **counts: int | None) -> None:
    """Raise ValueError if a model is of no known family, or a count is less than 1."""
    for model in models or ():
        if isinstance(model, str) and not isinstance(models, dict):
            named(model)
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ValueError(f"{name}={value} must be at least 1")


def _set_steps(model: Any, most: int | None, longer: int) -> None:
    """Set the steps of a network, or more of them where it keeps its best: time is to end it."""
    if most is not None and model.study_steps:
        model.set_params(max_steps=most)
    elif longer > 1 and model.settings.get("keep_best") and model.max_steps:
        model.set_params(max_steps=longer * model.max_steps)


def table(
    models: Mapping[str, Any], schedule: Schedule, why: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return what is planned, a record a model: width, architecture, steps, seconds and why."""
    seconds = schedule.planned()
    rows = []
    for name, model in models.items():
        given = seconds.get(name)
        rows.append(
            {
                "model": name,
                "width": model.settings.get(model.width),
                "architecture": model.settings.get("architecture", "-"),
                "at most": _length(model),
                "seconds": "-" if given is None else round(given, 1),
                "why": why.get(name, "asked for") if given is not None else "no time for it",
            }
        )
    return rows


def _length(model: Representation) -> str:
    for name, unit in (("max_steps", "steps"), ("epochs", "epochs"), ("max_iter", "rounds")):
        if most := model.settings.get(name):
            return f"{most:,} {unit}"
    return "-"
