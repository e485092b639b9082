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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from isthmus.data.images import Images
from isthmus.files import plain, refuse_existing, replacing_folder
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
        What a reader should know about how it was done.
    """

    images: Images
    models: dict[str, Any] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    random_state: int = 0
    command: str | None = None

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
            (folder / "models").mkdir()
            for name, model in self.models.items():
                model.save(folder / "models" / f"{name}.safetensors")
            self._write_scores(folder)
            write_report(self, folder / "report.html")
        return path / "report.html"

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
        Every family and its variants, such as "autoencoder-conv", by default; of these the ones
        that cannot learn from such images are left out, and the notes say why.
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
        If there are fewer than 4 images, or a family is not known.

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
            _limit(model, deadline, [m for m in list(chosen.values())[i:] if _timed(m)])
            try:
                record = _fit_and_measure(name, model, result.images, random_state)
            except ValueError as error:
                if models is not None:
                    raise
                result.notes.append(f"{name} was left out: {error}.")
                continue
            except KeyboardInterrupt:
                result.notes.append(
                    f"Interrupted while fitting {name}; the report holds the rest."
                )
                break
            result.models[name] = model
            result.scores.append(record)
            bar.advance(1)
            if getattr(model, "stopped_", "") == "interrupted":
                result.notes.append(f"Interrupted: {name} was kept as it was, the rest left out.")
                break
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
    limit = {} if isinstance(source, Images | np.ndarray) else {"longest": LONGEST_SIDE}
    images = load_images(source, **limit | loading)
    if len(images) < 4:
        raise ValueError(f"a study needs at least 4 images, got {len(images)}")
    if limit and not loading.get("size") and max(images.shape[1:3]) == LONGEST_SIDE:
        notes.append(
            f"Images with a side longer than {LONGEST_SIDE} pixels were reduced to that: every "
            "family here looks at all pixels at once. --size chooses another size."
        )
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
        base = model if isinstance(model, str) else name_of(model)
        if isinstance(model, str):
            cls, parameters = named(model)
            model = cls.for_study(train, width, **given, **parameters)
        name, n = base, 2
        while name in chosen:
            name, n = f"{base}-{n}", n + 1
        chosen[name] = model
    return chosen


def _timed(model: Any) -> bool:
    return "max_seconds" in model.get_params()


def _limit(model: Any, deadline: float | None, waiting: list[Any]) -> None:
    """Give a model its share of the time that is left."""
    if deadline is not None and _timed(model) and model.max_seconds is None:
        left = max(1.0, deadline - time.monotonic())
        model.set_params(max_seconds=round(left / len(waiting), 1))


def _fit_and_measure(name: str, model: Any, images: Images, random_state: int) -> dict[str, Any]:
    with _PeakMemory() as memory:
        started = time.perf_counter()
        model.fit(images.train)
        seconds = time.perf_counter() - started
    record = {
        "model": name,
        "family": type(model).__name__,
        "parameters": {k: v for k, v in model.get_params().items() if k != "verbose"},
        "code": model.code_,
        **measure(model, images, random_state=random_state),
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(memory.peak / 2**20, 1),
    }
    return plain(record, finite=True, unknown=repr)


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
        while not self.done.is_set():
            self.peak = max(self.peak, self.process.memory_info().rss - self.before)
            self.done.wait(0.01)

    def __exit__(self, *exc: object) -> None:
        self.done.set()
        self.thread.join()
