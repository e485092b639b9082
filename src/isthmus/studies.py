"""Many families on one set of images: fitted, measured on held-out images, laid side by side."""

from __future__ import annotations

import contextlib
import csv
import ctypes
import gc
import json
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from isthmus.data.images import Images
from isthmus.files import plain, refuse_existing, replacing_folder
from isthmus.heldout import halves
from isthmus.measures import measure, range_note
from isthmus.models import every_name, name_of, named
from isthmus.progress import Bar

LONGEST_SIDE = 64
"""Images larger than this are reduced for a study: its families see every pixel at once."""
FIT_SHARE = 0.6
"""Share of a time budget spent on fitting; the rest is for measuring and drawing."""
COLUMNS = (
    "model", "family", "code", "mse", "psnr", "ssim", "bits_per_image", "knn_accuracy",
    "linear_accuracy", "svm_accuracy", "cluster_accuracy", "nmi", "ari", "seconds",
    "peak_memory_mb",
)  # fmt: skip


@dataclass
class Study:
    """Fitted models and their scores on the same held-out images.

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
    """

    images: Images
    models: dict[str, Any] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    random_state: int = 0
    command: str | None = None
    unsaved: list[str] = field(default_factory=list)

    def report(self, path: str | Path, *, force: bool = False) -> Path:
        """Write models, scores.json, scores.csv and report.html to a folder; return the report.

        Parameters
        ----------
        path : str or Path
            The folder. It appears when everything in it is written.
        force : bool
            Replace an earlier study of that name.
        """
        from isthmus.views.report import write_report

        path = Path(path)
        check_folder(path, force=force)
        with replacing_folder(path, force=force) as folder:
            self._save_models(folder / "models")
            self._write_scores(folder)
            measured = {record["model"] for record in self.scores}
            shown = {name: model for name, model in self.models.items() if name in measured}
            try:
                write_report(replace(self, models=shown), folder / "report.html")
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
            "source": self.images.source,
            "shape": list(self.images.shape),
            "train": len(self.images.train),
            "test": len(self.images.test),
            "random_state": self.random_state,
            "notes": self.notes,
            "scores": self.scores,
        }
        (folder / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.scores)


def study(
    images: Any,
    models: Iterable[Any] | dict[str, Any] | None = None,
    *,
    budget: float | None = None,
    width: int | None = None,
    random_state: int = 0,
    verbose: bool = False,
    **loading: Any,
) -> Study:
    """Fit many families on one set of images and measure them on the same held-out images.

    Parameters
    ----------
    images : Images, array, or anything `load_images` reads
        Split into train and test as they say, or by chance (a fifth is held out). Where the study
        reads them itself, images with a side of more than 64 pixels are reduced to 64.
    models : list of family names or unfitted models, or dict of name to model, optional
        Every family and its variants, such as "autoencoder-conv", by default. Those that cannot
        learn from such images, or fail, are left out, and the notes say why.
    budget : float, optional
        Seconds for the whole study; families trained by gradients stop in time.
    width : int, optional
        Numbers in a code, for the families given by name.
    random_state : int
        Seed of the split and of every fit.
    verbose : bool
        Show progress.
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
    images, notes = _prepared(images, random_state, loading)
    result = Study(images, notes=notes, random_state=random_state)
    chosen = _chosen(models, result.images.train, width, random_state, verbose)
    deadline = time.monotonic() + budget * FIT_SHARE if budget else None
    with Bar("study", len(chosen), verbose) as bar:
        for i, (name, model) in enumerate(chosen.items()):
            bar.advance(0, name)
            try:
                _limit(model, deadline, [m for m in list(chosen.values())[i:] if _timed(m)])
                _fit_and_measure(name, model, result)
            except KeyboardInterrupt:
                result.notes.append(
                    f"Interrupted while fitting {name}; the report holds the rest."
                )
                return result
            except Exception as error:  # of a model of one's own it may be any
                done = "fitted, but not measured" if name in result.models else "left out"
                result.notes.append(f"{name} was {done}: {_reason(error)}.")
            bar.advance(1)
            if name in result.models and getattr(model, "stopped_", "") == "interrupted":
                result.notes.append(f"Interrupted: {name} was kept as it was, the rest left out.")
                break
    if not result.models:
        raise ValueError(f"no model could learn from {result.images.source}: {_reasons(notes)}")
    return result


def check_folder(path: Path, *, force: bool) -> None:
    """Refuse a folder that holds anything; with `force`, one that holds no study."""
    refuse_existing(path, force=force)
    if path.exists() and any(path.iterdir()) and not (path / "scores.json").is_file():
        raise FileExistsError(
            f"{path} is not the folder of a study; it stays, choose another name"
        )


def _prepared(source: Any, random_state: int, loading: dict) -> tuple[Images, list[str]]:
    from isthmus.data.readers import load_images

    notes = []
    limit = {"longest": LONGEST_SIDE} if isinstance(source, str | Path) else {}
    images = load_images(source, **limit | loading)
    if len(images) < 4:
        raise ValueError(f"a study needs at least 4 images, got {len(images)}")
    if limit and not loading.get("size") and max(images.shape[1:3]) == LONGEST_SIDE:
        notes.append(
            f"Images with a side longer than {LONGEST_SIDE} pixels were reduced to that: every "
            "family here looks at all pixels at once. --size chooses another size."
        )
    if images.changed:
        notes.append(f"{images.changed}.")
    if images.is_test is None or len(set(images.is_test.tolist())) < 2:
        images = images.split(random_state=random_state)
        notes.append("A fifth of the images, chosen by chance, is held out and measured on.")
    return images, notes + [note for note in (range_note(images.train),) if note]


def _chosen(
    models: Any, train: Images, width: int | None, random_state: int, verbose: bool
) -> dict[str, Any]:
    if isinstance(models, dict):
        return models
    chosen: dict[str, Any] = {}
    given = {"random_state": random_state, "verbose": verbose}
    for model in models if models is not None else every_name():
        base = model if isinstance(model, str) else _name(model)
        if isinstance(model, str):
            cls, parameters = named(model)
            model = cls.for_study(train, width, **given, **parameters)
        name, n = base, 2
        while name in chosen:
            name, n = f"{base}-{n}", n + 1
        chosen[name] = model
    return chosen


def _name(model: Any) -> str:
    """Return the name of the family of a model, or of its class if that is one's own."""
    try:
        return name_of(model)
    except ValueError:
        return type(model).__name__.lower()


def _timed(model: Any) -> bool:
    return hasattr(model, "max_seconds")


def _limit(model: Any, deadline: float | None, waiting: list[Any]) -> None:
    """Give a model its share of the time that is left."""
    if deadline is not None and _timed(model) and model.max_seconds is None:
        left = max(1.0, deadline - time.monotonic())
        model.set_params(max_seconds=round(left / len(waiting), 1))


def _fit_and_measure(name: str, model: Any, result: Study) -> None:
    """Fit a model and keep it in the study, then measure it and keep the record."""
    with _PeakMemory() as memory:
        started = time.perf_counter()
        model.fit(result.images.train)
        seconds = time.perf_counter() - started
    result.models[name] = model
    record = {
        "model": name,
        "family": type(model).__name__,
        "parameters": {k: v for k, v in model.get_params().items() if k != "verbose"},
        "code": model.code_,
        **measure(model, result.images, random_state=result.random_state),
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(memory.peak / 2**20, 1),
    }
    result.scores.append(plain(record, finite=True, unknown=repr))
    measured = halves(model, result.images).measured
    if not measured.held_out or measured.left_out:
        result.notes.append(f"{name} was measured {measured.words}.")


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


def _return_freed_memory() -> None:
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # other C libraries do without
            ctypes.CDLL(None).malloc_trim(0)


class _PeakMemory:
    """Watches the memory of this process; `peak` is the most beyond what it began with."""

    def __enter__(self) -> _PeakMemory:
        self.process, self.done = psutil.Process(), threading.Event()
        _return_freed_memory()  # or what comes next would be served from it, unseen
        self.before = self.process.memory_info().rss
        self.peak = 0
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.done.wait(0.01):
            self._look()

    def _look(self) -> None:
        self.peak = max(self.peak, self.process.memory_info().rss - self.before)

    def __exit__(self, *exc: object) -> None:
        self.done.set()
        self.thread.join()
        self._look()  # what is still in use counts, even if the thread never had its turn
