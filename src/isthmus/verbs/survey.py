"""What is in a set of images: classes, sizes, duplicates, and defects."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.described import described, kept_in, memory
from isthmus.data.images import Images
from isthmus.data.kinds import cut_in_words, kinds_in_words, kinds_of, lost, sizes_in_words
from isthmus.data.readers import load_images
from isthmus.metrics.quality import Findings, quality
from isthmus.plots.classes import by_class, grouped
from isthmus.system.files import save_table
from isthmus.verbs.parameters import ImagesLike
from isthmus.verbs.result import Result, class_of, name_of

if TYPE_CHECKING:
    from PIL.Image import Image

ON_SHEET = 120
"""Images on the contact sheet."""
WORDS = {
    "blank": "blank: one value all over",
    "dark": "dark: 99 in 100 pixels below a fifth of white",
    "blurred": "blurred, or smooth all over: less than half the detail of others",
    "exact": "the same image as another",
    "near": "nearly the same image as another",
}
"""What is found, in words."""


@dataclass(eq=False, repr=False)
class Survey(Result):
    """What is in a set of images, of `survey`.

    Attributes
    ----------
    images : Images
        All that could be read.
    found : Findings
        Rows of images in question, and groups of duplicates.
    kinds : dict of str to int
        How many files there are of every format and mode.
    count : int
        Images on the contact sheet.
    """

    saves: ClassVar[tuple[str, ...]] = (".png", ".csv", ".json", "")
    table_name: ClassVar[str] = "counts"
    _: KW_ONLY
    images: Images
    found: Findings
    kinds: dict[str, int]
    count: int = ON_SHEET

    @property
    def scores(self) -> dict[str, Any]:
        """What was read, in words and numbers, and how many images are in question."""
        facts = described(self.images)
        more = {
            "sizes": sizes_in_words(self.images),
            "files": kinds_in_words(self.kinds),
            "cut": cut_in_words(self.images),
            "skipped": facts.pop("skipped"),
            "why skipped": facts.pop("why skipped", None),
            "memory": memory(self.images),
            "cache": kept_in(self.images),
            "changed": facts.pop("changed", None),
        }
        facts |= {name: value for name, value in more.items() if value is not None}
        return facts | {kind: self._counted(kind) for kind in WORDS}

    def _counted(self, kind: str) -> int:
        return sum(each["finding"] == kind for each in self.findings)

    def table(self) -> list[dict[str, Any]]:
        """Return how many images there are of every class in every part of the split."""
        parts = self.images.with_split()
        return [
            {
                "class": name or "all",
                "train": int((~parts.is_test[rows]).sum()),
                "test": int(parts.is_test[rows].sum()),
                "images": len(rows),
            }
            for name, rows in grouped(self.images)
        ]

    @cached_property
    def findings(self) -> list[dict[str, Any]]:
        """Every image in question: its name, what was found, and which image it is like."""
        single = {kind: getattr(self.found, kind) for kind in ("blank", "dark", "blurred")}
        rows = [(row, kind, "") for kind, some in single.items() for row in some]
        for kind in ("exact", "near"):
            for first, *others in getattr(self.found, kind):
                rows += [(row, kind, name_of(self.images, first)) for row in others]
        listed = [
            {"image": name_of(self.images, row), "finding": kind, "like": like}
            for row, kind, like in rows
        ]
        broken = [
            {"image": name, "finding": "broken", "like": why} for name, why in self.images.skipped
        ]
        return listed + broken

    def every(self) -> list[dict[str, Any]]:
        """Return a record of every image: name, class, part of the split, size, what was found."""
        images, share = self.images.with_split(), lost(self.images)
        said: dict[str, list[str]] = {}
        for each in self.findings:
            like = f" {each['like']}" if each["like"] else ""
            said.setdefault(each["image"], []).append(f"{each['finding']}{like}")
        sizes = images.sizes if images.sizes is not None else [images.shape[1:3]] * len(images)
        return [
            {
                "name": name_of(images, row),
                "class": class_of(images, row),
                "split": "test" if images.is_test[row] else "train",
                "size": "x".join(map(str, np.ravel(sizes[row]).tolist())),
                "cut": round(float(share[row]), 4),
                "found": "; ".join(said.get(name_of(images, row), [])),
            }
            for row in range(len(images))
        ]

    def picture(self) -> Image:
        """Return a contact sheet by class."""
        return by_class(
            self.images, self.count, f"{self.images.source}: {len(self.images):,} images"
        )

    def record(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return super().record() | {"kinds": self.kinds, "findings": self.findings}

    def _to_csv(self, path: Path) -> None:
        save_table(path, self.every())

    def _to_folder(self, folder: Path) -> None:
        super()._to_folder(folder)
        self._to_csv(folder / "images.csv")
        self._to_json(folder / "survey.json")


def survey(
    source: ImagesLike,
    *,
    count: int = ON_SHEET,
    verbose: bool | None = None,
    **loading: Any,
) -> Survey:
    """Say what is in a set of images, and what is wrong with it.

    Parameters
    ----------
    source : Images or anything that `load_images` reads
        What to look at.
    count : int
        Images on the contact sheet, at least 1, as many of every class.
    verbose : bool, optional
        Whether to show progress; by default on a terminal.
    **loading
        What `load_images` takes: size, resize, color, dtype, bits, layout, value_range, per.

    Returns
    -------
    Survey

    Notes
    -----
    Images are judged as grey values, their range being 1, at most 256 pixels wide. Blank is a
    standard deviation below 0.01, dark a 99th percentile below 0.2. Detail is the standard
    deviation of what a 3 x 3 smoothing takes away, over that of the image: blurred is less than
    half the median of the set, and by 3.5 robust standard deviations less. Duplicates are exact
    where all values are, and near where both an 8 x 8 and a 16 x 16 picture, brought to mean 0 and
    norm 1, differ by less than 0.1: brighter or darker, scaled or compressed again, but not cut.

    Examples
    --------
    >>> survey("glyphs").scores["blank"]
    1
    """
    if count < 1:
        raise ValueError(f"count={count} must be at least 1")
    images = load_images(source, **loading, verbose=verbose)
    return Survey(images=images, found=quality(images), kinds=kinds_of(images), count=count)
