"""New images, and of every class as many: an array, and folders named after the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import evenly_spaced
from isthmus.metrics.labels import Accuracy
from isthmus.metrics.table import METRICS
from isthmus.metrics.units import percent
from isthmus.verbs.by_class import Judged
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.lifelike import Lifelike

if TYPE_CHECKING:
    from PIL.Image import Image

ROWS = 40
"""Classes on a picture."""
DRAWN = 10
"""Images of every class on a picture."""


class Generated(Decoded):
    """New images as an array, and where they are of classes how good they are; see `Decoded`.

    Attributes
    ----------
    labels : ndarray of int of shape (n,) or None
        The class of every image; None where they were drawn of no class.
    classes : list of str
        What classes are called.
    rows : list of dict
        Of every class how many training codes there were, how many images were drawn, how many of
        them differ (few, if codes are indices), the share of them that a probe of real images
        names rightly, and how much they vary as a share of how much real ones do.
    judged : Judged or None
        What that probe found.
    left_out : dict of str to int
        Classes of too few training codes, and how many there were.
    lifelike : Lifelike or None
        How real images drawn so look, if that was asked for.
    """

    table_name: ClassVar[str] = "classes"
    facts: ClassVar[tuple[str, ...]] = (
        *Decoded.facts,
        *("labels", "classes", "rows", "judged", "left_out", "lifelike"),
    )
    labels: np.ndarray | None = None
    classes: Sequence[str] = ()
    rows: Sequence[dict[str, Any]] = ()
    judged: Judged | None = None
    left_out: dict[str, int] = {}  # noqa: RUF012
    lifelike: Lifelike | None = None

    def told(self, labels: np.ndarray, classes: Sequence[str], left_out: dict[str, int]) -> None:
        """Keep which classes they are of."""
        self.labels, self.classes, self.left_out = labels, classes, left_out

    @property
    def shown(self) -> int:
        """Rows of the table that are enough for a person."""
        return 30

    @property
    def scores(self) -> dict[str, Any]:
        """How many there are and of what size, and of classes how good they are."""
        found = self.judged
        if found is None:
            figures = {} if self.lifelike is None else self.lifelike.figures
            return {**super().scores, **figures}
        real = {} if found.real is None else {"real accuracy": found.real.accuracy}
        return {
            **super().scores,
            "classes": len(self.rows),
            "accuracy": found.drawn.accuracy,
            "interval": [found.drawn.low, found.drawn.high],
            **real,
            "chance": 1 / len(self.rows),
        }

    def table(self) -> list[dict[str, Any]]:
        """Return a record of every class, or of every score."""
        return list(self.rows) or ([] if self.lifelike is None else self.lifelike.rows)

    def listed(self) -> list[dict[str, Any]]:
        """Return the table as a person reads it."""
        return self.table() if self.rows else [_read(row) for row in self.table()]

    def record(self) -> dict[str, Any]:
        """Return all figures as JSON can hold them."""
        if self.lifelike is not None:
            told = {"samples": self.lifelike.rows, "remarks": self.lifelike.remarks}
            return {**super().record(), **told}
        if self.labels is None:
            return super().record()
        return {**super().record(), "left_out": self.left_out, self.table_name: self.table()}

    def heading(self) -> list[str]:
        """Return what a person is told before the table."""
        if self.labels is None:
            return [] if self.lifelike else super().heading()
        codes = [row["codes"] for row in self.rows]
        few = f"{min(codes):,}" + f" to {max(codes):,}" * (min(codes) < max(codes))
        size = "x".join(map(str, self.shape[1:]))
        return [f"{len(self):,} images of {size}, of {len(codes)} classes of {few} training codes"]

    def remarks(self) -> list[str]:
        """Return how good images of classes are, and which classes there were too few codes of."""
        lines = [] if self.judged is None else [_in_words(self.judged, len(self.rows))]
        lines += [] if self.lifelike is None else self.lifelike.remarks
        if self.left_out:
            few = ", ".join(f"{name} ({count})" for name, count in self.left_out.items())
            lines.append(f"no images of classes of fewer than 2 training codes: {few}")
        return lines

    def picture(self) -> Image:
        """Return a sheet of them, of classes with a row for some of each."""
        if self.labels is None:
            return self._above_pairs(super().picture())
        from isthmus.plots.figures import scale_to
        from isthmus.plots.pixels import limits_for
        from isthmus.plots.strips import labelled_rows

        images = np.asarray(self)
        every = self._by_class()
        shown = [every[i] for i in evenly_spaced(len(every), ROWS)]
        some = {str(row["class"]): images[rows][:DRAWN] for row, rows in shown}
        title = f"{len(shown)} of {len(every)} classes" if len(shown) < len(every) else ""
        limits = limits_for(images, self.ends)
        return labelled_rows(some, title, limits=limits, scale=scale_to(images, self.tile_size))

    def _above_pairs(self, picture: Image) -> Image:
        """Return a picture with the likeliest copies below it, if these were looked for."""
        if self.lifelike is None:
            return picture
        from isthmus.plots.figures import scale_to
        from isthmus.plots.pixels import limits_for
        from isthmus.plots.strips import below

        images = np.asarray(self)
        limits, scale = limits_for(images, self.ends), scale_to(images, self.tile_size)
        return below([picture, self.lifelike.picture(limits, scale)])

    def _by_class(self) -> list[tuple[dict[str, Any], np.ndarray]]:
        """Return the record and the images of every class."""
        assert self.labels is not None
        known = np.unique(self.labels)
        return [(self.rows[i], self.labels == label) for i, label in enumerate(known)]

    def _to_folder(self, folder: Path) -> None:
        """Write a PNG file each, of classes into sub-folders named after them."""
        if self.labels is None:
            super()._to_folder(folder)
            return
        from isthmus.plots.pngs import PngFolder, unused

        taken: set[str] = set()
        pngs = PngFolder(folder, len(self), self.ends)
        for row, rows in self._by_class():
            home = unused(folder_name(str(row["class"])), taken)
            digits = len(str(int(rows.sum()) - 1))
            names = [f"{home}/{number:0{digits}}" for number in range(int(rows.sum()))]
            pngs.add(np.asarray(self)[rows], names)


def _read(row: dict[str, Any]) -> dict[str, Any]:
    """Return a score as a person reads it."""
    write = METRICS[row["score"]].write if row["score"] in METRICS else percent
    within = "" if row["within"] is None else f" ± {write(row['within'])}"
    real = row["real"]
    return {**row, "value": write(row["value"]) + within, "real": write(real)}


def folder_name(name: str) -> str:
    """Return the name of a class as that of a folder on any system.

    Examples
    --------
    >>> folder_name("T-shirt/top"), folder_name("Blüten"), folder_name("..")
    ('T-shirt-top', 'Blüten', 'class')
    """
    safe = "".join("-" if each in '/\\:*?"<>|' or ord(each) < 32 else each for each in name)
    return safe.strip(" .") or "class"


def _in_words(found: Judged, classes: int) -> str:
    """Return how good images of classes are, in a sentence."""
    real = f"; of real ones {_share(found.real)}, {found.words}" if found.real else ""
    return (
        f"a probe of {found.drawn.n_labels:,} real training images names {_share(found.drawn)} of "
        f"the drawn images rightly, chance {1 / classes:.1%}{real}".replace("%", " %")
    )


def _share(found: Accuracy) -> str:
    return f"{found.accuracy:.1%} ({found.low:.1%} to {found.high:.1%})"
