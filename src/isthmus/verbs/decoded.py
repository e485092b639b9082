"""Images that a verb has made: an array, and a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from isthmus.data.images import evenly_spaced, to_unit
from isthmus.data.names import file_called, files_called
from isthmus.data.pictures import save_png
from isthmus.data.ranges import Range
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.latent.codes import range_for
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.reconstruction import mae_estimate, mse_estimate, psnr_estimate
from isthmus.metrics.similarity import likeness
from isthmus.system.files import save_array
from isthmus.verbs.parameters import Model
from isthmus.verbs.remade import PictureFiles
from isthmus.verbs.result import ArrayResult

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.data.images import Images
    from isthmus.plots.pixels import Limits


ON_SHEET, PAIRS = 1000, 200
"""Images on a sheet, and those with what they were made from."""
GAP, APART = 2, 14
"""Pixels between an image and what became of it, about, and between such pairs."""
WIDEST = 4096
"""Pixels that an image in a picture may be wide."""


class Decoded(ArrayResult):
    """Images (n, ...) as an array that knows which model decoded them, and from what.

    What is cut out of it or computed from it is a plain array.

    Attributes
    ----------
    model : Representation
        Which decoded them.
    images : Images or None
        What they were made from, one by one.
    parts : tuple of Decoded
        Those of other sizes that belong to them, itself the first; () for itself alone.
    files : sequence of Picture or None
        Of image files that were read as they are: what they have become, in their own sizes and
        colours, each made when it is asked for; the array is the first of them.
    tile_size : int or None
        Pixels of the longer side of an image in a picture.
    called : sequence of str
        Names of files they stand for, where there are none that they were made from.
    """

    saves: ClassVar[tuple[str, ...]] = (".npy", ".png", "")
    own_sizes: ClassVar[bool] = True
    as_files_with: ClassVar[str] = "own_size"
    facts: ClassVar[tuple[str, ...]] = (
        *("model", "images", "parts", "files", "tile_size", "called", "note", "said"),
    )
    parts: tuple[Decoded, ...] = ()
    files: PictureFiles | None = None
    tile_size: int | None = None
    called: Sequence[str] = ()

    @classmethod
    def of_files(cls, files: PictureFiles, model: Model) -> Self:
        """Return what image files have become."""
        made = cls.of(files[0].unit()[None], model)
        made.files, made.said = files, files.said
        return made

    def in_tiles(self, tile_size: int | None) -> Self:
        """Return it with how large images are to be in pictures."""
        if tile_size is not None and not 1 <= tile_size <= WIDEST:
            raise ValueError(f"tile_size={tile_size} must be 1 to {WIDEST} pixels")
        self.tile_size = tile_size
        return self

    @property
    def ends(self) -> Range | None:
        """What black and white are."""
        return None if self.model is None else range_for(self.model, self.images)

    @property
    def measured(self) -> MeasuredOn | None:
        """What they were made from; None if from nothing."""
        known = [part.images for part in self.parts or (self,) if part.images is not None]
        return judged(self.model, *known) if known else None

    @property
    def scores(self) -> dict[str, Any]:
        """How many there are, of what size, and how far they are from what they were made from."""
        if self.files is not None:
            return self.files.scores
        parts = self.parts or (self,)
        if len(parts) > 1:
            return {"images": sum(map(len, parts)), "sizes": f"{len(parts)}, their own"}
        return {**super().scores, **{name: each.value for name, each in self._errors.items()}}

    @property
    def within(self) -> dict[str, float | None]:  # type: ignore[override]
        """Half of the 95 % intervals of how far they are from what they were made from."""
        return {} if self.files or self.parts else {n: e.within for n, e in self._errors.items()}

    @cached_property
    def _errors(self) -> dict[str, Estimate]:
        images = self.images
        if images is None or len(images) != len(self) or images.data[:1].size != self[:1].size:
            return {}
        both = images, np.asarray(self).reshape(images.shape)
        found = {"mse": mse_estimate(*both), "mae": mae_estimate(*both)}
        found["psnr"] = psnr_estimate(*both, self.ends)
        return found | (likeness(*both, self.ends) if images.ndim == 4 else {})

    def record(self) -> dict[str, Any]:
        """Return what is known of them as JSON can hold it."""
        return {**({"sizes": self.note} if self.note else {}), **super().record()}

    def picture(self) -> Image:
        """Return a contact sheet, those they were made from above them, if there are several."""
        from isthmus.plots.figures import sheet
        from isthmus.plots.strips import titled

        if self.files is not None:
            return self.files.strip()
        rows = evenly_spaced(len(self), ON_SHEET if self._before is None else PAIRS)
        tiles, limits, scale = self._tiles(rows)
        gap, captions = 4 if self._before is None else APART, self._captions(rows)
        drawn = sheet(tiles, captions=captions, limits=limits, scale=scale, gap=gap)
        title = self._title(len(rows))
        return titled(drawn, title) if title else drawn

    def _tiles(self, rows: np.ndarray) -> tuple[np.ndarray, Limits | None, float | None]:
        """Return some of them to draw, each below what it was made from; how bright, how large."""
        from isthmus.plots.figures import scale_for, scale_to
        from isthmus.plots.pixels import limits_for, limits_of

        back = np.asarray(self)[rows]
        limits, scale = limits_for(back, self.ends), scale_to(back, self.tile_size)
        if self._before is None:
            return back, limits, scale
        before = to_unit(np.asarray(self._before[rows]))
        scale = scale_for(*back.shape[1:3]) if scale is None else scale
        gap = np.full((len(back), max(1, round(GAP / scale)), *back.shape[2:]), np.nan, np.float32)
        tiles = np.concatenate([before, gap, to_unit(back)], axis=1)
        return tiles, limits_of(before) if limits is None else limits, scale

    @property
    def _before(self) -> Images | None:
        """What they were made from, if it can be drawn above them."""
        of = self.images
        alike = of is not None and of.shape == self.shape
        return of if alike and self.ndim == 4 and len(self) > 1 else None

    def _captions(self, rows: np.ndarray) -> list[str] | None:
        of, called = self.images, list(map(file_called, self.called))
        called = called if of is None else files_called(of, range(len(of)))
        there = any(called) and len(called) == len(self)
        return [called[row] for row in rows.tolist()] if there else None

    def _title(self, shown: int) -> str:
        """Return how many there are and which are shown, "" where that is plain to see."""
        some = f"{shown} of {len(self):,} images, evenly spaced" if shown < len(self) else ""
        if self._before is None:
            return some
        return f"{self._before.source}: {some or f'{shown} images'}, each above what became of it"

    @classmethod
    def joined(cls, results: Sequence[Self]) -> Self:
        """Return images of several sizes as one result."""
        first, *others = results
        first.parts = (first, *others) if others else ()
        return first

    def _to_png(self, path: Path) -> None:
        """Write one image file as it is, of several a sheet."""
        if self.files is not None and len(self.files) == 1:
            save_png(path, self.files.first)
        else:
            super()._to_png(path)

    def _to_npy(self, path: Path) -> None:
        if self.files is None or len(self.files) == 1:
            super()._to_npy(path)
        else:
            save_array(path, self.files.stacked())

    def _to_folder(self, folder: Path) -> None:
        """Write a PNG file each, called as what it was made from and in its size if it can be."""
        from isthmus.plots.pngs import PngFolder

        if self.files is not None:
            self.files.save(folder)
            return
        parts = self.parts or (self,)
        pngs = PngFolder(folder, sum(map(len, parts)), self.ends)
        for part in parts:
            for piece in part._pieces():
                pngs.add(**piece)
        self.note = pngs.note if len(parts) == 1 else ""

    def _pieces(self) -> Iterator[dict[str, Any]]:
        """Yield images, and what those they were made from were called and how large they were."""
        of = self.images
        own: dict[str, Any] = {"names": self.called} if len(self.called) == len(self) else {}
        known = own if of is None else {"names": of.names, "sizes": of.sizes}
        fit = "crop" if of is None else of.loading.get("fit", "crop")
        yield {"images": np.asarray(self), **known, "fit": fit}
