"""Images that a verb has made: an array, and a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from isthmus.data.names import file_called, files_called
from isthmus.data.pictures import save_png
from isthmus.data.ranges import Range
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.latent.codes import range_for
from isthmus.metrics.reconstruction import mse, psnr
from isthmus.verbs.parameters import Model
from isthmus.verbs.remade import PictureFiles
from isthmus.verbs.result import ArrayResult

if TYPE_CHECKING:
    from PIL.Image import Image


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
        return {**super().scores, **self._errors()}

    def _errors(self) -> dict[str, float]:
        images = self.images
        if images is None or len(images) != len(self) or images.data[:1].size != self[:1].size:
            return {}
        back = np.asarray(self).reshape(images.shape)
        return {"mse": mse(images, back), "psnr": psnr(images, back, self.ends)}

    def record(self) -> dict[str, Any]:
        """Return what is known of them as JSON can hold it."""
        return {**({"sizes": self.note} if self.note else {}), **super().record()}

    def picture(self) -> Image:
        """Return a contact sheet of all of them; of files, some before and after."""
        from isthmus.plots.figures import scale_to, sheet
        from isthmus.plots.pixels import limits_for

        if self.files is not None:
            return self.files.strip()
        images, of = np.asarray(self), self.images
        called = list(map(file_called, self.called))
        called = called if of is None else files_called(of, range(len(of)))
        captions = called if any(called) and len(called) == len(images) else None
        limits, scale = limits_for(images, self.ends), scale_to(images, self.tile_size)
        return sheet(images, captions=captions, limits=limits, scale=scale)

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
            np.save(path, self.files.stacked(), allow_pickle=False)

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
