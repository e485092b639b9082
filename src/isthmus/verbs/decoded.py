"""Images that a verb has made: an array, and a result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from isthmus.codes import range_for
from isthmus.data.images import Images, as_images
from isthmus.data.ranges import Range
from isthmus.heldout import MeasuredOn, judged
from isthmus.metrics.reconstruction import mse, psnr
from isthmus.verbs.result import Result, as_plain, said_of

if TYPE_CHECKING:
    from PIL.Image import Image


class Decoded(Result, np.ndarray):
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
    """

    saves: ClassVar[tuple[str, ...]] = (".npy", ".png", "")
    only_saved: ClassVar[bool] = True
    own_sizes: ClassVar[bool] = True
    facts: ClassVar[tuple[str, ...]] = ("model", "images", "parts", "note")
    """What it knows beside its values."""
    model: Any = None
    images: Images | None = None
    parts: tuple[Decoded, ...] = ()

    @classmethod
    def of(cls, array: Any, model: Any, images: Any = None) -> Self:
        """Return images that a model decoded, made from others one by one or from nothing."""
        made = np.asarray(array).view(cls)
        made.model, made.images = model, None if images is None else as_images(images)
        return made

    def __array_finalize__(self, other: Any) -> None:
        if isinstance(other, type(self)) and other.shape == self.shape:
            for name in self.facts:
                setattr(self, name, getattr(other, name))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return as_plain(array)

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self)[index]

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
        parts = self.parts or (self,)
        if len(parts) > 1:
            return {"images": sum(map(len, parts)), "sizes": f"{len(parts)}, their own"}
        return {"shape": list(self.shape), "dtype": str(self.dtype), **self._errors()}

    def _errors(self) -> dict[str, float]:
        images = self.images
        if images is None or len(images) != len(self) or images.data[:1].size != self[:1].size:
            return {}
        back = np.asarray(self).reshape(images.shape)
        return {"mse": mse(images, back), "psnr": psnr(images, back, self.ends)}

    def table(self) -> list[dict[str, Any]]:
        """Return nothing: images are to be seen."""
        return []

    def record(self) -> dict[str, Any]:
        """Return what is known of them as JSON can hold it."""
        sizes = {"sizes": self.note} if self.note else {}
        return {**sizes, **self.scores, **said_of(self.measured)}

    def picture(self) -> Image:
        """Return a contact sheet of all of them."""
        from isthmus.plots.figures import limits_for, sheet

        images = np.asarray(self)
        return sheet(images, limits=limits_for(images, self.ends))

    @classmethod
    def joined(cls, results: Sequence[Self]) -> Self:
        """Return images of several sizes as one result."""
        first, *others = results
        first.parts = (first, *others) if others else ()
        return first

    def _to_npy(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, np.asarray(self))

    def _to_png(self, path: Path) -> None:
        self.picture().save(path)

    def _to_folder(self, folder: Path) -> None:
        """Write a PNG file each, called as what it was made from and in its size if it can be."""
        from isthmus.plots.pngs import PngFolder

        parts = self.parts or (self,)
        pngs = PngFolder(folder, sum(map(len, parts)), self.ends)
        for part in parts:
            of = part.images
            known = {} if of is None else {"names": of.names, "sizes": of.sizes}
            fit = "crop" if of is None else of.loading.get("fit", "crop")
            pngs.add(np.asarray(part), **known, fit=fit)
        self.note = pngs.note if len(parts) == 1 else ""

    def __repr__(self) -> str:
        of = f" of {self.images.source}" if self.images is not None else ""
        return f"{type(self).__name__}({len(self)} images{of}, {self.shape}, {self.dtype})"
