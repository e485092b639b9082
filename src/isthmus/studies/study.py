"""Many families on one set of images: fitted, measured on held-out images, laid side by side."""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from isthmus.data.images import Images
from isthmus.files import plain, refuse_existing, replacing_folder
from isthmus.heldout import halves
from isthmus.memory import PeakMemory
from isthmus.progress import Bar
from isthmus.store import in_words
from isthmus.studies.measure import measure
from isthmus.studies.plan import Schedule
from isthmus.studies.prepare import prepare

MAPPED = 250
"""Held-out images on a map that is a projection."""
NO_TIME = "no time for it: give a larger --budget, or name it in --models"
LIVE = 0.1
"""Share of the time that reports written on the way may take."""
COLUMNS = (
    "model", "family", "code", "mse", "psnr", "ssim", "bits_per_image", "knn_accuracy",
    "linear_accuracy", "svm_accuracy", "cluster_accuracy", "nmi", "ari", "seconds",
    "peak_memory_mb",
)  # fmt: skip


@dataclass(repr=False)
class Study:
    """Fitted models and their scores on the same held-out images.

    `isthmus.study` makes one, and `isthmus.load_study` reads its folder.

    Attributes
    ----------
    images : Images
        What was studied, with its split.
    models : dict of str to Representation
        The fitted models.
    scores : list of dict
        One record a model: errors (mse, psnr in dB, ssim), bits_per_image, accuracies of probes on
        the codes and agreement of clusters with the labels (0 to 1, None without labels), seconds
        of fitting and peak_memory_mb, what fitting needed beyond what was in use before it.
    notes : list of str
        What a reader should know about how it was done, and which models failed and why.
    unsaved : list of str
        Models that the folder of the report does not hold, as they could not be saved.
    plan : list of dict
        What was planned, a record a model: width, architecture, the most steps, seconds and why.
    left_out : dict of str to str
        Why other models were not fitted.
    done : bool
        Whether no more models are to come.
    schedule : Schedule
        How the time was shared out, and what is left of it for drawing.
    source : str
        Where the images are from.
    options : dict
        What was asked for: the budget, the width, and how the images were to be loaded.
    """

    images: Images
    models: MutableMapping[str, Any] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    random_state: int = 0
    command: str | None = None
    unsaved: list[str] = field(default_factory=list)
    plan: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    done: bool = True
    schedule: Schedule = field(default_factory=lambda: Schedule([], None), repr=False)
    drawn: dict[Any, Any] = field(default_factory=dict, repr=False)  # by an earlier report
    parts: dict[int, Images] = field(default_factory=dict, repr=False)  # of the training images
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.source = self.source or str(self.images.source)

    def __repr__(self) -> str:
        some = f"{len(self.models)} model{'s' * (len(self.models) != 1)}"
        return f"Study({self.source}, {some}: {', '.join(self.models)})"

    def table(self) -> list[dict[str, Any]]:
        """Return a record a model with the figures of `scores.csv`; None is not known."""
        return [{name: record.get(name) for name in COLUMNS} for record in self.scores]

    @cached_property
    def train(self) -> Images:
        """The images that models learn from: the same ones, of which what is known is kept."""
        return self.images.train

    def some(self, most: int) -> Images:
        """Return at most so many training images: the same ones for all models, as `train` is."""
        return self.parts.setdefault(most, self.train.evenly(most))

    @property
    def mapped(self) -> int:
        """How many held-out images are on a map."""
        return self.schedule.effort.mapped or MAPPED

    @property
    def map_seconds(self) -> float:
        """Time for maps by t-SNE, beyond which they are projections; none on the way."""
        return self.schedule.for_maps() if self.done else 0.0

    def report(self, path: str | Path, *, force: bool = False) -> Path:
        """Write models, scores.json, scores.csv and report.html to a folder; return the report.

        Parameters
        ----------
        path : str or Path
            The folder. It appears when everything in it is written.
        force : bool
            Replace an earlier study of that name.
        """
        from isthmus.studies.report import write_report

        path = Path(path)
        check_folder(path, force=force)
        with replacing_folder(path, force=force) as folder:
            self._save_models(folder / "models")
            self._write_scores(folder)
            measured = {record["model"] for record in self.scores}
            shown = {name: model for name, model in self.models.items() if name in measured}
            try:
                page = folder / "report.html"
                write_report(replace(self, models=shown), page)
            except OSError:
                raise
            except Exception as error:  # hours of fitting are not lost for want of a picture
                self.notes.append(f"The pictures could not be drawn: {_reason(error)}.")
                self._write_scores(folder)
                write_report(replace(self, models={}), folder / "report.html")
        return path / "report.html"

    def _save_models(self, folder: Path) -> None:
        """Save every model that can be saved; the notes say which cannot, and why."""
        folder.mkdir()
        self.unsaved = []
        for name, model in self.models.items():
            try:
                model.save(folder / f"{name}.safetensors")
            except Exception as error:  # of a model of one's own it may be any
                self.unsaved.append(name)
                note = f"{name} could not be saved: {_reason(error)}."
                self.notes += [] if note in self.notes else [note]

    def _write_scores(self, folder: Path) -> None:
        from isthmus import __version__

        record = {
            "isthmus": __version__,
            "command": self.command,
            "source": self.source,
            "shape": list(self.images.shape),
            "train": len(self.train),
            "test": len(self.images.test),
            "random_state": self.random_state,
            "options": plain(self.options, unknown=repr),
            "plan": plain(self.plan, unknown=repr),
            "left_out": self.left_out,
            "unsaved": self.unsaved,
            "effort": asdict(self.schedule.effort),
            "notes": self.notes,
            "scores": self.scores,
        }
        (folder / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.table())


def study(
    images: Any,
    models: Iterable[Any] | dict[str, Any] | None = None,
    *,
    budget: float | None = None,
    width: int | None = None,
    random_state: int = 0,
    verbose: bool = False,
    began: float | None = None,
    watch: Callable[[Study], Any] | None = None,
    **loading: Any,
) -> Study:
    """Fit many families on one set of images and measure them on the same held-out images.

    Parameters
    ----------
    images : Images, array, or anything `load_images` reads
        Split into train and test as they say, or by chance (a fifth is held out). Where the study
        reads them itself, images with a side of more than 64 pixels are reduced to 64.
    models : list of family names or unfitted models, or dict of name to model, optional
        By default one of every family, and the variants, such as "autoencoder-conv", that suit
        the images; see `isthmus.studies.prepare.suits`. Those that cannot learn from such
        images, or fail, are left out, and the notes say why.
    budget : float, optional
        Seconds for the whole study, its report included. At least 60 % of them are for fitting;
        where there are too few for all models of a default study, fewer are fitted, and the notes
        say which were left out. By default 40 to 200, the more, the more there is to learn, and
        families trained by gradients take their usual number of steps. Models that are given are
        all fitted, as they are where no budget is given.
    width : int, optional
        Numbers in a code, for the families given by name.
    random_state : int
        Seed of the split and of every fit.
    verbose : bool
        Show progress.
    began : float, optional
        When the time of the budget began, by the monotonic clock; by default now.
    watch : callable, optional
        Called with the study after every model, as far as that takes little of the time: to write
        its report on the way, say.
    **loading
        Options of `load_images`, such as ``size=128``.

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        If there are fewer than 4 images, a family is not known, or no model could learn. A model
        that fails is noted, and the others go on.

    Examples
    --------
    >>> import isthmus as ist
    >>> result = ist.study("digits", models=["kmeans", "pca"], width=16)
    >>> [record["model"] for record in result.scores]
    ['kmeans', 'pca']
    """
    prepared = prepare(
        images, models, budget=budget, width=width, random_state=random_state, verbose=verbose,
        began=began, **loading,
    )  # fmt: skip
    images, schedule, chosen = prepared.images, prepared.schedule, prepared.models
    result = Study(images, {}, [], prepared.notes, random_state, schedule=schedule, done=False)
    result.options = {"budget": budget, "width": width, **loading}
    result.train = prepared.train
    result.plan, result.left_out = prepared.plan, prepared.unsuited
    if verbose:
        print(schedule.announced(images.source), file=sys.stderr)
    last, took = schedule.clock(), 0.0
    with Bar("study", len(chosen), verbose) as bar:
        while name := schedule.following():
            if not _fit_one(name, chosen[name], result, bar):
                break
            now = schedule.clock()
            if watch and took <= LIVE * (now - last):
                watch(result)
                last, took = schedule.clock(), schedule.clock() - now
    result.done = True
    result.notes += _time_notes(result)
    if not result.models and not any(note.startswith("Interrupted") for note in result.notes):
        raise ValueError(f"no model could learn from {images.source}: {_reasons(result.notes)}")
    return result


def _fit_one(name: str, model: Any, result: Study, bar: Bar) -> bool:
    """Fit and measure a model, as far as there is time for it; return whether to go on."""
    schedule = result.schedule
    try:
        seconds = schedule.begin(name)
        bar.advance(0, f"{name}{schedule.left_in_words()}")
        _fit_and_measure(name, model, result, seconds)
    except KeyboardInterrupt:
        result.notes.append(f"Interrupted while fitting {name}; the report holds the rest.")
        return False
    except Exception as error:  # of a model of one's own it may be any
        done = "fitted, but not measured" if name in result.models else "left out"
        result.notes.append(f"{name} was {done}: {_reason(error)}.")
    bar.advance(1)
    if name in result.models and getattr(model, "stopped_", "") == "interrupted":
        result.notes.append(f"Interrupted: {name} was kept as it was, the rest left out.")
        return False
    return True


def check_folder(path: Path, *, force: bool) -> None:
    """Refuse a folder that holds anything; with `force`, one that holds no study."""
    refuse_existing(path, force=force)
    if path.exists() and any(path.iterdir()) and not (path / "scores.json").is_file():
        raise FileExistsError(
            f"{path} is not the folder of a study; it stays, choose another name"
        )


def _fit_and_measure(name: str, model: Any, result: Study, seconds: float) -> None:
    """Fit a model and keep it in the study, then measure it and keep the record."""
    schedule, train = result.schedule, result.train
    timed = hasattr(model, "max_seconds")
    if math.isfinite(seconds) and timed and model.max_seconds is None:
        model.set_params(max_seconds=round(seconds, 2))
    if hasattr(model, "study_cost"):
        train = result.some(schedule.affords(name, train, seconds, timed))
    with PeakMemory() as memory:
        started = time.perf_counter()
        model.fit(train)
        took = time.perf_counter() - started
    result.models[name] = model
    began = schedule.clock()
    record = {
        "model": name,
        "family": type(model).__name__,
        "parameters": {k: v for k, v in model.get_params().items() if k != "verbose"},
        "code": model.code_,
        **measure(
            model,
            result.images,
            most=schedule.effort.most,
            probes=schedule.effort.probes,
            random_state=result.random_state,
        ),
        "seconds": round(took, 3),
        "peak_memory_mb": round(memory.peak / 2**20, 1),
        "learned_from": len(train),
    }
    schedule.measured(name, schedule.clock() - began)
    result.scores.append(plain(record, finite=True, unknown=in_words))
    measured = halves(model, result.images).measured
    if not measured.held_out or measured.left_out:
        result.notes.append(f"{name} was measured {measured.words}.")


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


def _reason(error: Exception) -> str:
    """Return what went wrong in one line; what is no plain bad request says its kind as well."""
    words = " ".join(str(error).split()).rstrip(".")[:300]
    if isinstance(error, ValueError) and words:
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _reasons(notes: list[str]) -> str:
    """Return why models were left out: every reason once, with those that it holds for."""
    models: dict[str, list[str]] = {}
    for note in notes:
        name, was, reason = note.partition(" was left out: ")
        if was:
            models.setdefault(reason.rstrip("."), []).append(name)
    return "; ".join(f"{reason} ({', '.join(names)})" for reason, names in models.items())
