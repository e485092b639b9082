"""What a study returns: models with their scores, their table, picture and report."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, MutableMapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images
from isthmus.latent.codes import remade
from isthmus.metrics.table import described, studied
from isthmus.studies.each import FILE, Each, write_each
from isthmus.studies.folders import digest_of, is_unfinished
from isthmus.studies.plan import Schedule
from isthmus.studies.records import Records
from isthmus.system.files import (
    command_line,
    plain,
    refuse_existing,
    replacing,
    replacing_folder,
    save_table,
)
from isthmus.verbs.result import Result, as_html

if TYPE_CHECKING:
    from PIL.Image import Image

MAPPED = 250
"""Held-out images on a map that is a projection."""
SHOWN = 12
"""Held-out images of the picture."""
COLUMNS = (
    *("model", "family", "code", "seeds"),
    *(metric.key for metric in studied()),
    "likelihood_kind",
)
LISTED = (
    "model", "code", "mse", "psnr", "ssim", "bits_per_image", "svm_accuracy", "linear_accuracy",
    "seconds",
)  # fmt: skip
"""Columns that fit a terminal, if known: of the two probes the first is enough."""


@dataclass(repr=False)
class Study(Result):
    """Fitted models and their scores on the same held-out images.

    `isthmus.study` makes one, and `isthmus.load_study` reads its folder.

    Attributes
    ----------
    images : Images
        What was studied, with its split.
    models : dict of str to Representation
        The fitted models.
    scores : list of dict
        One record a model, also found by its name, as ``scores["pca"]``: errors (mse, psnr in dB,
        ssim), bits_per_image, accuracies of probes on the codes and agreement of clusters with the
        labels (0 to 1, None without labels), seconds of fitting and peak_memory_mb, what fitting
        needed beyond what was in use before it.
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
    waiting : list of str
        Models that were still to come when it was written or stopped: it can be gone on with.
    spent : float
        Seconds of its budget that finished models took.
    schedule : Schedule
        How the time was shared out, and what is left of it for drawing.
    source : str
        Where the images are from.
    options : dict
        What was asked for: the budget, the width, and how the images were to be loaded.
    explained : bool
        Whether it was only to say what would be fitted.
    each : dict of str to dict of int to dict
        By model and seed the figures of every held-out image, by which models are compared.
    formats : dict of str to list, optional
        Bits of an image and PSNR of usual image formats, measured when the study is written.
    beside : dict of str to dict, optional
        Of every model the same of these very images, and intervals of what it takes of formats.
    """

    saves: ClassVar[tuple[str, ...]] = ("",)
    table_name: ClassVar[str] = "scores"
    reads: ClassVar[bool] = True
    usual: ClassVar[str] = "runs/SOURCE"
    unwritten_with: ClassVar[str] = "explain"
    resumed_with: ClassVar[str] = "resume"

    images: Images
    models: MutableMapping[str, Any] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    random_state: int = 0
    command: str | None = field(default_factory=command_line)
    unsaved: list[str] = field(default_factory=list)
    plan: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    done: bool = True
    schedule: Schedule = field(default_factory=lambda: Schedule([], None), repr=False)
    drawn: dict[Any, Any] = field(default_factory=dict, repr=False)  # by an earlier report
    undrawn: list[Any] = field(default_factory=list, repr=False)  # by the last, for want of time
    parts: dict[int, Images] = field(default_factory=dict, repr=False)  # of the training images
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    explained: bool = False
    waiting: list[str] = field(default_factory=list)
    spent: float = 0.0
    each: Each = field(default_factory=dict, repr=False)
    formats: dict[str, Any] | None = field(default=None, repr=False)
    beside: dict[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.source = self.source or str(self.images.source)
        self.scores = Records(self.scores)
        self.page: Path | None = None

    def __repr__(self) -> str:
        some = f"{len(self.models)} model{'s' * (len(self.models) != 1)}"
        return f"Study({self.source}, {some}: {', '.join(self.models)})"

    def table(self) -> list[dict[str, Any]]:
        """Return a record a model with the figures of `scores.csv`; None is not known."""
        return [{name: record.get(name) for name in COLUMNS} for record in self.scores]

    @property
    def shown(self) -> int:
        """All rows: they are few."""
        return max(len(self.scores), len(self.plan))

    def listed(self) -> list[dict[str, Any]]:
        """Return the scores that fit a terminal, or the plan where nothing is fitted."""
        if self.explained or not self.scores:
            return self.plan if self.explained else []
        rows = self.judged()[0]
        known = {key for row in rows for key, value in row.items() if value is not None}
        known -= {"linear_accuracy"} if "svm_accuracy" in known else set()
        chosen = [key for key in LISTED if key in known]
        return [{key.replace("_", " "): row.get(key) for key in chosen} for row in rows]

    def heading(self) -> list[str]:
        """Return nothing: the table says it."""
        return []

    def remarks(self) -> list[str]:
        """Return which representation is best for what, what was left out, and the notes."""
        from isthmus.studies.report import undrawn

        late = undrawn(self.undrawn)
        said = [*self._answers(), *self._left_out(), *self.notes, *late]
        return said + ([self.schedule.announced(self.source)] if self.explained else [])

    def rankings(self) -> list[dict[str, Any]]:
        """Return for every purpose which models are best for it, why, and the order of all.

        The purposes are reconstruct, compress, generate, classify, cluster, explain, spot
        anomalies and speed, as far as they were measured; `best` has more than one model where
        these cannot be told apart, and models of a `ranking` with the same rank are such a tie.
        """
        from isthmus.studies.answers import answers

        return [answer.record() for answer in answers(*self.judged())] if self.scores else []

    def judged(self) -> tuple[list[dict[str, Any]], dict[str, float]]:
        """Return the scores with the flags of every model, and those of the mean image."""
        from isthmus.studies.flags import judged, mean_image

        baseline = mean_image(self.images, self.scores)
        return judged(self, baseline), baseline

    def _answers(self) -> Iterator[str]:
        from isthmus.studies.answers import answers, too_few

        if not self.scores:
            return
        scores, baseline = self.judged()
        if few := too_few(scores):
            yield few
        for answer in answers(scores, baseline):
            yield f"{answer.use:>14}  {answer.head}: {answer.words}"
        for score in scores:
            if problems := ", ".join(flag.short for flag in score["flags"]):
                yield f"{score['model']:>14}  {problems}"

    def _left_out(self) -> Iterator[str]:
        """Yield which models are not fitted, every reason once; of time a note says it."""
        grouped: dict[str, list[str]] = {}
        for name, reason in self.left_out.items():
            if name not in self.schedule.left_out:
                grouped.setdefault(reason, []).append(name)
        for reason, names in grouped.items():
            yield f"left out: {', '.join(names)} ({reason}); --models fits what it names"

    def record(self) -> dict[str, Any]:
        """Return scores and notes, or the plan where nothing is fitted."""
        from isthmus.studies.beside_formats import compared

        found = {"plan": self.plan} if self.explained else {"scores": self.scores}
        page = {} if self.page is None else {"report": str(self.page)}
        said = {"advice": self.advice(self.page and Path(self.page).parent)} if self.scores else {}
        ranked = {} if self.explained else {"rankings": self.rankings()}
        rows = compared(self.scores, self.formats, self.beside) if self.formats else []
        beside = {"formats": rows} if self.formats else {}
        return {**page, **said, **ranked, **found, **beside, "notes": self.notes}

    def picture(self) -> Image:
        """Return held-out images, and below them what every model makes of them."""
        from isthmus.plots.pixels import limits_of
        from isthmus.plots.strips import labelled_rows

        few = self.images.test.evenly(SHOWN)
        rows = {"held out": np.asarray(few)}
        for name, model in self.models.items():
            if model.can("decode"):
                rows[name] = np.reshape(remade(model, few), few.shape)
        title = f"{self.source}: held-out images, and what is left of them after the code"
        return labelled_rows(rows, title, limits=limits_of(self.images))

    def _repr_html_(self) -> str:
        try:
            return super()._repr_html_()
        except (ValueError, OSError):  # images of a study read back may be gone
            return as_html(self.table())

    def wrote(self, paths: list[Path]) -> str:
        """Return where the report is; what to take for what, and what to type next."""
        where = f"report: {' and '.join(str(path / 'report.html') for path in paths)}"
        advice = [self.advice(paths[0])] if self.scores else []
        return "\n".join([where, *self._early(), *advice])

    def _early(self) -> Iterator[str]:
        """Yield why there is time left, where none of the models could use it."""
        short = any(getattr(m, "stopped_", "") == "out of time" for m in self.models.values())
        if self.schedule.is_early() and not short:
            yield f"every model has had the steps it can use{self.schedule.left_in_words()}"

    def advice(self, folder: str | Path | None = None) -> str:
        """Return which model to take for what, with figures, and the next command."""
        from isthmus.studies.advice import advice

        return advice(*self.judged(), folder, self.source)

    def put_in_order(self, names: list[str]) -> None:
        """Put models and scores in an order of names, whichever was fitted first."""
        self.models = {name: self.models[name] for name in names if name in self.models}
        self.scores.sort(key=lambda record: names.index(record["model"]))

    @cached_property
    def train(self) -> Images:
        """The images that models learn from: the same ones, of which what is known is kept."""
        return self.images.train

    def some(self, most: int) -> Images:
        """Return up to this many training images: the same ones for all models, as `train` is."""
        return self.parts.setdefault(most, self.train.evenly(most))

    @property
    def mapped(self) -> int:
        """How many held-out images are on a map."""
        return self.schedule.effort.mapped or MAPPED

    @property
    def map_seconds(self) -> float:
        """Time for maps by t-SNE, beyond which they are projections; none on the way."""
        return self.schedule.for_maps() if self.done else 0.0

    @classmethod
    def check(cls, path: str | Path, *, force: bool = False) -> Path:
        """Return a path if a study can be written there: its folder may be called anything."""
        try:
            refuse_existing(path, force=force, folder=True)
        except FileExistsError as error:
            if not is_unfinished(path) or force:
                raise
            raise FileExistsError(
                f"{path} holds a study that is not finished: --resume goes on with it, --force "
                "begins anew"
            ) from error
        return Path(path)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write models, scores and report to a folder, as `report` does; return the folder."""
        return self.report(path, force=force).parent

    def report(self, path: str | Path, *, force: bool = False) -> Path:
        """Write models, scores.json, scores.csv and report.html to a folder; return the report.

        Parameters
        ----------
        path : str or Path
            The folder. It appears when everything in it is written.
        force : bool
            Replace what isthmus wrote there.
        """
        path = Path(path)
        with replacing_folder(path, force=force) as folder:
            self.write(folder)
        self.page = path / "report.html"
        return self.page

    def write(self, folder: Path, saved: Collection[str] = (), *, page: bool = True) -> None:
        """Write models but those that are saved, scores, and the report, each file whole."""
        self._save_models(folder / "models", saved)
        self._write_scores(folder)
        if page:
            self.write_page(folder)

    def files(self) -> list[str]:
        """Return the names of the files that are written."""
        models = [f"models/{name}.safetensors" for name in self.models]
        return ["report.html", "scores.json", "scores.csv", FILE, *models]

    def write_page(self, folder: Path) -> None:
        """Write the report, without pictures where these cannot be drawn."""
        from isthmus.studies.report import write_report

        measured = {record["model"] for record in self.scores}
        shown = {name: model for name, model in self.models.items() if name in measured}
        try:
            write_report(replace(self, models=shown), folder / "report.html")
        except OSError:
            raise
        except Exception as error:  # hours of fitting are not lost for want of a picture
            self.notes.append(f"The pictures could not be drawn: {reason_of(error)}.")
            self._write_scores(folder)
            write_report(replace(self, models={}), folder / "report.html")

    def _save_models(self, folder: Path, saved: Collection[str]) -> None:
        """Save every model that can be saved; the notes say which cannot, and why."""
        folder.mkdir(exist_ok=True)
        self.unsaved = []
        for name in [name for name in self.models if name not in saved]:
            try:
                self.models[name].save(folder / f"{name}.safetensors")
            except Exception as error:  # of a model of one's own it may be any
                self.unsaved.append(name)
                note = f"{name} could not be saved: {reason_of(error)}."
                self.notes += [] if note in self.notes else [note]

    def _write_scores(self, folder: Path) -> None:
        from isthmus import __version__

        self.measure_formats()
        record = {
            "isthmus": __version__,
            "command": self.command,
            "source": self.source,
            "shape": list(self.images.shape),
            "train": len(self.train),
            "test": len(self.images.test),
            "images": digest_of(self.images),
            "random_state": self.random_state,
            "options": plain(self.options, unknown=repr),
            "plan": plain(self.plan, unknown=repr),
            "left_out": self.left_out,
            "waiting": self.waiting,
            "spent": round(self.spent, 1),
            "unsaved": self.unsaved,
            "effort": asdict(self.schedule.effort),
            "notes": self.notes,
            "formats": self.formats,
            "beside": self.beside,
            "metrics": described(COLUMNS),
            "scores": self.scores,
        }
        write_each(folder, self.each)  # before what says that a model is finished
        with replacing(folder / "scores.json") as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        save_table(folder / "scores.csv", self.table(), COLUMNS)

    def measure_formats(self) -> None:
        """Measure what image formats need, once no more models are to come and there is time."""
        from isthmus.studies.beside_formats import SECONDS, beside, format_curves, format_points

        if self.formats is None and self.done and self.schedule.left() > SECONDS:
            points = format_points(self.images.test, self.scores)
            self.formats = format_curves(points)
            self.beside = beside(points, self.images.test, self.models)


def reason_of(error: Exception) -> str:
    """Return what went wrong in one line; what is no plain bad request says its kind as well."""
    words = " ".join(str(error).split()).rstrip(".")[:300]
    if isinstance(error, ValueError) and words:
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
