"""Many families on one set of images: fitted, measured on held-out images, laid side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.data.several import expanded, listed
from isthmus.studies import fits
from isthmus.studies.folders import is_study, stopped_before
from isthmus.studies.kept import Kept
from isthmus.studies.outcome import Study, reason_of
from isthmus.studies.prepare import Prepared, prepare
from isthmus.studies.repeats import repeat
from isthmus.system.leftovers import claiming
from isthmus.system.progress import Bar
from isthmus.system.stops import STOPS
from isthmus.verbs.parameters import NewFile, Seconds, Source, Watch, Words

if TYPE_CHECKING:
    from isthmus.base import Representation

NO_TIME = "no time for it: give a larger --budget, or name it in --models"


def study(
    images: Source,
    models: Words | list[Any] | dict[str, Any] | None = None,
    *,
    folder: NewFile | None = None,
    resume: bool = False,
    budget: Seconds | None = None,
    repeats: int | None = None,
    max_steps: int | None = None,
    width: int | None = None,
    explain: bool = False,
    watch: Watch | None = None,
    random_state: int = 0,
    verbose: bool = False,
    began: float | None = None,
    force: bool = False,
    **loading: Any,
) -> Study:
    """Fit all suitable families, evaluate them on held-out images, and write a report.

    Parameters
    ----------
    images : Images, array, or anything `load_images` reads
        Split into train and test as they say, or by chance (a fifth is held out). Where the study
        reads them itself, images with a side of more than 64 pixels are reduced to 64.
    models : sequence of family names or unfitted models, or dict of name to model, optional
        Families, as kmeans,autoencoder-conv; by default one of every family and the variants that
        suit the images. Those that cannot learn from such images, or fail, are left out, and the
        notes say why.
    folder : str or Path, optional
        Where it is written: each model as soon as it is finished, the report at the end.
    resume : bool
        Go on with what is in the folder: models that are finished there are not fitted again.
    budget : float, optional
        Time for everything, the report included; by default what suits the images, 40 to 200
        seconds, and networks take their usual number of steps. Where it is too short for all
        models of a default study, fewer are fitted; models that are named are all fitted.
    repeats : int, optional
        Fits of every model, at least 1, each with another seed and other held-out images, where
        the set does not say which; scores are the means over them. By default 1; where a budget
        was given, what is left of it when all models are fitted is for more, 10 at most.
    max_steps : int, optional
        Steps of every network, at least 1. Without a budget nothing then ends by the clock: the
        figures are the same again, however busy the machine.
    width : int, optional
        Numbers in a code, at least 1; 32 by default.
    explain : bool
        Say what would be fitted and why, and fit nothing.
    watch : bool or callable, optional
        Write the report after every model, as far as that takes little of the time. In Python it
        may be a function too, called with the study as it is then.
    random_state : int
        Seed of the split and of every fit.
    verbose : bool
        Show progress.
    began : float, optional
        When the time of the budget began, by the monotonic clock; by default now.
    force : bool
        Replace what isthmus wrote in the folder before.
    **loading
        Options of `load_images`, such as ``size=128``.

    Returns
    -------
    Study
        With `save`, which writes the report to a folder, and `scores`, `table()`, `picture()`.

    Raises
    ------
    ValueError
        If there are fewer than 4 images, a family is not known, or no model could learn. A model
        that fails is noted, and the others go on.
    FileExistsError
        If something is in the folder, unless `resume` or `force`.
    KeyboardInterrupt
        If it is interrupted before any model is there; later on, the study holds those there are.

    Examples
    --------
    >>> import isthmus as ist
    >>> result = ist.study("digits", models=["kmeans", "pca"], width=16)
    >>> [record["model"] for record in result.scores]
    ['kmeans', 'pca']
    """
    place, images = _place(folder, resume, force), expanded(images)
    prepared = prepare(
        images, models, budget=budget, repeats=repeats, max_steps=max_steps, width=width,
        random_state=random_state, verbose=verbose, began=began, **loading,
    )  # fmt: skip
    asked = {"budget": budget, "repeats": repeats, "max_steps": max_steps, "width": width}
    result = _begun(prepared, random_state, asked | loading, listed(images))
    if explain:
        result.done = result.explained = True
        return result
    with claiming(place):
        _place(folder, resume, force)  # another study may have been written since
        kept = Kept(result, place, watch)
        if resume:
            kept.resume(prepared.models)
        if verbose:
            print(result.schedule.announced(result.source), file=sys.stderr)
        _carry_out(result, prepared.models, repeats or (None if budget else 1), kept, verbose)
    return result


def _carry_out(
    result: Study,
    chosen: dict[str, Any],
    repeats: int | None,
    kept: Kept,
    verbose: bool,
) -> None:
    """Fit and measure all models, and write what there is."""
    with free_cores(result.schedule.load), Bar("study", len(chosen), verbose) as bar:
        _fit_all(result, chosen, repeats, bar, kept)
    result.done = True
    if not result.models and not result.waiting:
        raise ValueError(f"no model could learn from {result.source}: {_reasons(result.notes)}")
    kept.finish()


def _place(folder: str | Path | None, resume: bool, force: bool) -> Path | None:
    """Return the folder of a study, if it may be written."""
    if resume and force:
        raise ValueError("resume goes on with what is there, force begins anew: say one of them")
    if folder is None or (resume and is_study(folder)):
        return None if folder is None else Path(folder)
    return Study.check(folder, force=force)


def _begun(
    prepared: Prepared, random_state: int, options: dict[str, Any], files: list[str] | None
) -> Study:
    """Return a study before anything is fitted."""
    notes, schedule = prepared.notes, prepared.schedule
    result = Study(prepared.images, {}, [], notes, random_state, schedule=schedule, done=False)
    result.options = options | ({"files": files} if files else {})
    result.train = prepared.train
    result.plan, result.left_out = prepared.plan, prepared.unsuited
    return result


def _fit_all(
    result: Study, chosen: dict[str, Any], repeats: int | None, bar: Bar, kept: Kept
) -> None:
    """Fit all models there is time for, and again with other seeds what there is time left for."""
    bar.advance(len(result.models))
    costs = {record["model"]: record["seconds"] for record in result.scores}
    name = _fit_each(result, chosen, costs, bar, kept)
    result.put_in_order(list(dict.fromkeys([*chosen, *result.models])))
    if name:
        result.waiting = [name, *result.schedule.waiting]
        result.notes += [stopped_before(result.waiting)] if kept.folder else []
        return
    result.waiting = []
    try:
        repeat(result, costs, repeats, bar, kept.look)
    except KeyboardInterrupt as stop:
        STOPS.by(stop, "while fitting models again")
        result.notes.append("Interrupted while fitting models again: the report holds the rest.")
    result.notes += _time_notes(result)


def _fit_each(
    result: Study, chosen: dict[str, Any], costs: dict[str, float], bar: Bar, kept: Kept
) -> str | None:
    """Fit models one after another, and keep each; return the one that was stopped, if one was."""
    schedule = result.schedule
    while name := schedule.following():
        began = schedule.clock()
        if not _fit_one(name, chosen[name], result, bar):
            return name
        costs[name] = schedule.clock() - began
        result.waiting, result.spent = schedule.waiting, schedule.clock() - schedule.began
        kept.look()
    return None


@contextmanager
def free_cores(load: float) -> Iterator[None]:
    """Let networks and products use as many threads as there are cores free for them.

    Threads wait for each other at every step: where others work as well, two take longer than one.
    """
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    fewer = max(1, round(threads / load))
    torch.set_num_threads(fewer)
    try:
        with threadpool_limits(fewer if fewer < threads else None, "blas"):
            yield
    finally:
        torch.set_num_threads(threads)


def _fit_one(name: str, model: Representation, result: Study, bar: Bar) -> bool:
    """Fit and measure a model, as far as there is time for it; return whether to go on."""
    schedule = result.schedule
    try:
        seconds = schedule.begin(name)
        bar.advance(0, f"{name}{schedule.left_in_words()}")
        _fit_and_measure(name, model, result, seconds)
    except KeyboardInterrupt as stop:
        if not result.models:
            raise  # there is nothing to keep
        STOPS.by(stop, f"while fitting {name}")
        result.notes.append(f"Interrupted while fitting {name}; the report holds the rest.")
        return False
    except Exception as error:  # of a model of one's own it may be any
        done = "fitted, but not measured" if name in result.models else "left out"
        result.notes.append(f"{name} was {done}: {reason_of(error)}.")
    bar.advance(1)
    if name in result.models and fits.was_interrupted(model):
        result.notes.append(f"Interrupted: {name} was kept as it was.")
        return False
    return True


def _fit_and_measure(name: str, model: Representation, result: Study, seconds: float) -> None:
    """Fit a model and keep it in the study, then measure it and keep the record."""
    schedule = result.schedule
    train = result.some(schedule.affords(name, result.train, seconds, model.study_steps > 0))
    cost = fits.fit(model, train, seconds)
    result.models[name] = model
    schedule.fitted()
    record, each, note = fits.record_of(
        name, model, result.images, effort=schedule.effort, random_state=result.random_state,
        cost=cost, learned_from=len(train),
    )  # fmt: skip
    schedule.measured(name)
    result.scores.append(record)
    result.each[name] = {result.random_state: each}
    result.notes += [note] if note else []


def _time_notes(result: Study) -> list[str]:
    """Return what a reader should know of how the time was spent."""
    schedule, n = result.schedule, len(result.train)
    notes = []
    if schedule.left_out:
        names = ",".join(schedule.left_out)
        notes.append(
            f"There was no time for {names.replace(',', ', ')}: a larger --budget fits them as "
            f"well, or --models {names} these alone."
        )
        result.left_out |= dict.fromkeys(schedule.left_out, NO_TIME)
    notes += list(_fits_note(result))
    few = {r["model"]: r["learned_from"] for r in result.scores if r["learned_from"] < n}
    if few:
        said = ", ".join(f"{name} {count:,}" for name, count in few.items())
        notes.append(f"As time is short, not all of {n:,} images were learned from: {said}.")
    most, n_test = schedule.effort.most, len(result.images.test)
    if most < n_test and result.scores:
        labelled = result.images.y is not None
        probes = f", and probes learned from up to {most:,} labels: isthmus probe takes more"
        notes.append(
            f"Scores are of up to {most:,} of {n_test:,} held-out images, evenly chosen"
            f"{probes if labelled else ''}."
        )
    return notes


def _fits_note(result: Study) -> Iterator[str]:
    """Yield how often every model was fitted, if any was more than once."""
    by_count: dict[int, list[str]] = {}
    for record in result.scores:
        by_count.setdefault(record.get("seeds", 1), []).append(record["model"])
    if set(by_count) == {1}:
        return
    if len(by_count) == 1:
        yield f"Scores are means over {next(iter(by_count))} seeds; the models kept are the first."
    elif by_count:
        said = "; ".join(f"{n} of {', '.join(names)}" for n, names in sorted(by_count.items()))
        yield f"Scores are means over seeds, the models kept are the first: {said}."


def _reasons(notes: list[str]) -> str:
    """Return why models were left out: every reason once, with those that it holds for."""
    models: dict[str, list[str]] = {}
    for note in notes:
        name, was, reason = note.partition(" was left out: ")
        if was:
            models.setdefault(reason.rstrip("."), []).append(name)
    return "; ".join(f"{reason} ({', '.join(names)})" for reason, names in models.items())
