"""What a verb returns: figures, a table, a picture, and how they are written to a file."""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.fitted.heldout import MeasuredOn
from isthmus.metrics.table import said
from isthmus.metrics.units import short
from isthmus.system.files import (
    plain,
    refuse_existing,
    replacing,
    replacing_folder,
    save_array,
    save_table,
)
from isthmus.verbs.parameters import ImagesLike, Models
from isthmus.verbs.repeated import as_record, means
from isthmus.verbs.score_arrays import Scores as Scores
from isthmus.verbs.score_arrays import as_plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

IN_LINE = 160
"""Characters of figures in a representation, at most."""
IN_NOTEBOOK = 20
"""Rows of a table that a notebook shows."""


class Result:
    """The interface of what every verb returns.

    A result is a dataclass, a tuple or an array as well, whatever suits the verb. It has `scores`
    and says what `table` and `picture` (or `pictures`) are; all else follows from these.

    Attributes
    ----------
    scores : dict
        Numbers and words that sum it up.
    within : dict
        Half of the 95 % intervals of some of them.
    repeats : sequence of dict
        What every seed gave, where there are several: scores are the means over them.
    random_state : int
        The first of these seeds.
    measured : MeasuredOn or None
        Which images the scores are of, and whether a model had learnt from them.
    shown : int
        Rows of the table that are enough for a person.
    note : str
        What else there is to say of what was written.
    said : str
        What a command says on standard error of the way it went.
    command : str or None
        The command line that asked for it.
    """

    saves: ClassVar[tuple[str, ...]] = (".png", ".csv", "")
    """Suffixes of what `save` can write; "" is a folder."""
    table_name: ClassVar[str] = "table"
    """What the table is called: its file in a folder, its key in `record`."""
    metric: ClassVar[str] = ""
    """The metric of scores that are called otherwise, as after networks."""
    only_saved: ClassVar[bool] = False
    """Whether a command has nothing to say without a file to write."""
    own_sizes: ClassVar[bool] = False
    """Whether a folder takes images of many sizes, each as it was."""
    one_size_with: ClassVar[tuple[str, ...]] = ()
    """Parameters with each of which a folder takes images of one size all the same."""
    as_files: ClassVar[bool] = False
    """Whether image files are taken as they are, each in its own size, colours and depth."""
    as_files_with: ClassVar[str] = ""
    """The parameter with which they are."""
    per: ClassVar[str] = ""
    """What one sample is: "" as the model takes it, "image" whole ones whatever it takes."""
    halves: ClassVar[bool] = False
    """Whether the verb learns from a part of the images and measures on another: it needs both."""
    evenly: ClassVar[int | None] = None
    """How many images a command takes, at most and evenly spaced, unless it is told (-n)."""

    reads: ClassVar[bool] = False
    """Whether the verb itself reads its `images`."""
    usual: ClassVar[str] = ""
    """Where a command writes unless it is told; SOURCE is the name of what it read."""
    unwritten_with: ClassVar[str] = ""
    """The parameter with which there is nothing to write."""
    resumed_with: ClassVar[str] = ""
    """The parameter with which what is there already is gone on with."""
    as_read_with: ClassVar[str] = ""
    """Parameter with which a verb refuses images that were changed, so that it says so."""

    scores: Any
    within: Mapping[str, float | None] = {}
    repeats: Sequence[Mapping[str, float | None]] = ()
    random_state: int = 0
    note: str = ""
    said: str = ""
    command: str | None = None

    @property
    def measured(self) -> MeasuredOn | None:
        """Which images were measured, None where it does not matter."""
        return None

    @property
    def shown(self) -> int:
        """Rows of the table that are enough for a person."""
        return 20

    def table(self) -> list[dict[str, Any]]:
        """Return what was found as records with the same keys."""
        return []

    def listed(self) -> list[dict[str, Any]]:
        """Return the table as a person reads it."""
        return self.table()

    def heading(self) -> list[str]:
        """Return what a person is told before the table, by lines: the scores."""
        halves = means(self.repeats)[1] if self.repeats else {}
        return [
            f"{name:>12}  {said(name, value, self.metric, self.within.get(name))}"
            + (f", ± {said(name, halves[name], self.metric)} over seeds" if name in halves else "")
            for name, value in dict(self.scores).items()
        ]

    def remarks(self) -> list[str]:
        """Return what a person is told after the table, by lines."""
        return []

    def wrote(self, paths: list[Path]) -> str:
        """Return what a person is told of the files that were written."""
        return f"wrote {' and '.join(map(str, paths))}{f': {self.note}' if self.note else ''}"

    def picture(self) -> Image:
        """Return what there is to see as one picture: the first of all."""
        return next(iter(self.pictures().values()))

    def pictures(self) -> dict[str, Image]:
        """Return what there is to see, by names of files."""
        return {"picture": self.picture()}

    def record(self) -> dict[str, Any]:
        """Return all figures as JSON can hold them: what a command prints with --json."""
        facts = {**dict(self.scores), **halves_of(self.within), **said_of(self.measured)}
        facts |= as_record(self.random_state, self.repeats)
        return facts | {self.table_name: self.table()}

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write it to a file of the kind that the suffix says, or to a folder, as a whole or not.

        Parameters
        ----------
        path : str or Path
            Where; `saves` lists the suffixes, "" is a folder.
        force : bool
            Overwrite what is there.

        Raises
        ------
        ValueError
            If the suffix is another.
        FileExistsError
            If something is there, unless `force`.
        """
        path = self.check(path, force=force)
        if path.suffix:
            with replacing(path) as temporary:
                getattr(self, f"_to_{path.suffix[1:]}")(temporary)
        else:
            with replacing_folder(path, force=force) as folder:
                self._to_folder(folder)
        return path

    @classmethod
    def check(cls, path: str | Path, *, force: bool = False) -> Path:
        """Return a path if a result like this can be written there; see `save`."""
        path = Path(path)
        if path.suffix not in cls.saves:
            raise ValueError(f"{path} must {kinds_in_words(cls.saves)}")
        refuse_existing(path, force=force, folder=not path.suffix)
        return path

    @classmethod
    def joined(cls, results: Sequence[Self]) -> Self:
        """Return the results for images of several sizes as one."""
        (result,) = results
        return result

    def _to_folder(self, folder: Path) -> None:
        if rows := self.table():
            save_table(folder / f"{self.table_name}.csv", rows)
        for name, picture in self.pictures().items():
            picture.save(folder / f"{name}.png", optimize=True)

    def _to_png(self, path: Path) -> None:
        from isthmus.plots.saving import save_picture

        save_picture(path, self.picture())

    def _to_csv(self, path: Path) -> None:
        save_table(path, self.table())

    def _to_parquet(self, path: Path) -> None:
        from isthmus.data.parquet import write_columns

        rows = self.table()
        write_columns(path, {key: [row[key] for row in rows] for key in rows[0]})

    def _to_json(self, path: Path) -> None:
        path.write_text(json.dumps(plain(self.record()), indent=1), encoding="utf-8")

    def __repr__(self) -> str:
        figures = ", ".join(f"{key}={short(value)}" for key, value in dict(self.scores).items())
        return f"{type(self).__name__}({textwrap.shorten(figures, IN_LINE, placeholder=' ...')})"

    def _repr_html_(self) -> str:
        from isthmus.plots.figures import data_uri

        rows = as_html(self.listed()[:IN_NOTEBOOK], self.metric)
        return f"{rows}<img src='{data_uri(self.picture())}'>"


class Charted(Result):
    """A result whose picture is a chart, which can be written as .svg too."""

    saves: ClassVar[tuple[str, ...]] = (".csv", ".png", ".svg", "")

    def chart(self) -> Figure:
        """Return what was found as a chart of matplotlib."""
        raise NotImplementedError

    def picture(self) -> Image:
        """Return the chart as a picture."""
        from isthmus.plots.plots import as_picture

        return as_picture(self.chart())

    def pictures(self) -> dict[str, Image]:
        """Return the picture by its name."""
        return {self.table_name: self.picture()}

    def _to_png(self, path: Path) -> None:
        from isthmus.plots.saving import save_figure

        save_figure(path, self.chart())

    _to_svg = _to_png

    def _to_folder(self, folder: Path) -> None:
        save_table(folder / f"{self.table_name}.csv", self.table())
        for suffix in (".png", ".svg"):
            self._to_png(folder / f"{self.table_name}{suffix}")


class ArrayResult(Result, np.ndarray):
    """A result that is an array, and knows more than its values.

    What is cut out of it or computed from it is a plain array.
    """

    only_saved: ClassVar[bool] = True
    facts: ClassVar[tuple[str, ...]] = ("model", "images", "note")
    """What it knows beside its values."""
    model: Any = None
    images: Images | None = None

    @classmethod
    def of(cls, array: np.ndarray, model: Models | None, images: ImagesLike | None = None) -> Self:
        """Return what a model made, of images one by one or of nothing."""
        made = np.asarray(array).view(cls)
        made.model, made.images = model, None if images is None else as_images(images)
        return made

    def __array_finalize__(self, other: object) -> None:
        if isinstance(other, type(self)) and other.shape == self.shape:
            for name in self.facts:
                setattr(self, name, getattr(other, name))

    def __array_wrap__(
        self, array: np.ndarray, context: object = None, return_scalar: bool = False
    ) -> Any:
        return as_plain(array)

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self)[index]

    @property
    def scores(self) -> dict[str, Any]:
        """How many there are, of what size, as what."""
        return {"shape": list(self.shape), "dtype": str(self.dtype)}

    def record(self) -> dict[str, Any]:
        """Return what is known of it as JSON can hold it."""
        return {**self.scores, **halves_of(self.within), **said_of(self.measured)}

    def _to_npy(self, path: Path) -> None:
        save_array(path, self)

    def _to_png(self, path: Path) -> None:
        self.picture().save(path)

    def __repr__(self) -> str:
        of = f" of {self.images.source}" if self.images is not None else ""
        return f"{type(self).__name__}({len(self)} images{of}, {self.shape}, {self.dtype})"


def halves_of(within: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return what a record says of half the intervals of scores.

    Examples
    --------
    >>> halves_of({"mig": 0.02})
    {'mig_within': 0.02}
    """
    return {f"{name}_within": half for name, half in within.items()}


def said_of(measured: MeasuredOn | None) -> dict[str, Any]:
    """Return what a record says of the images that were measured."""
    return {} if measured is None else {"measured": measured.words, "held_out": measured.held_out}


def kinds_in_words(suffixes: Sequence[str]) -> str:
    """Return what a name must be like.

    Examples
    --------
    >>> kinds_in_words((".png", ".csv", ""))
    'end in .png or .csv, or be a folder without a suffix'
    """
    *others, last = [suffix for suffix in suffixes if suffix] or [""]
    ends = f"end in {', '.join(others)}{' or ' * bool(others)}{last}" if last else ""
    folder = "be a folder without a suffix" if "" in suffixes else ""
    return ", or ".join(part for part in (ends, folder) if part)


def name_of(images: Images, row: int) -> str:
    """Return what an image is called: its file, or its row."""
    return str(row) if images.names is None else str(images.names[row])


def class_of(images: Images, row: int) -> str:
    """Return the class of an image in words, nothing if it has none."""
    label = -1 if images.y is None else int(images.y[row])
    return "" if label < 0 else str(images.classes[label] if images.classes else label)


def caption_of(images: Images, row: int) -> str:
    r"""Return what an image is called, or its number, and its class, in two lines.

    Examples
    --------
    >>> caption_of(Images(np.zeros((2, 4, 4)), y=[0, 1], classes=["a", "b"]), 1)
    'image 1\nb'
    """
    called = f"image {row}" if images.names is None else name_of(images, row)
    name = class_of(images, row)
    name = "" if called.startswith(f"{name}/") else name  # the folder says it already
    return f"{called}\n{name}" if name else called


def as_html(rows: Sequence[Mapping[str, Any]], metric: str = "") -> str:
    """Return records as a table of HTML; floats of no name of a metric are of the one given."""
    if not rows:
        return ""
    lines = [
        ("th", rows[0]),
        *(("td", [said(k, v, metric) for k, v in row.items()]) for row in rows),
    ]
    cells = (
        "".join(f"<{kind}>{html.escape(str(each))}</{kind}>" for each in line)
        for kind, line in lines
    )
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
