"""Images on ways through the space of codes: an array, and rows to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.plots.pixels import Limits


class Ways(Decoded):
    """Decoded images as an array, to be seen in rows or moving.

    Attributes
    ----------
    drawn : dict of str to ndarray of shape (steps, ...)
        The rows of a picture by their names.
    heads : sequence of str
        A name for every column.
    headline : str
        What is to be seen.
    found : dict
        What else is known of them.
    """

    saves: ClassVar[tuple[str, ...]] = (
        ".png", ".gif", ".webp", ".apng", ".mp4", ".webm", ".npy", ""
    )  # fmt: skip
    own_sizes: ClassVar[bool] = False
    facts: ClassVar[tuple[str, ...]] = (*Decoded.facts, "drawn", "heads", "headline", "found")
    drawn: Mapping[str, np.ndarray] = {}
    heads: Sequence[str] = ()
    headline: str = ""
    found: Mapping[str, Any] = {}

    def told(
        self, drawn: Mapping[str, Any], headline: str, heads: Sequence[str], **found: Any
    ) -> Self:
        """Return it with what a picture and a person are told."""
        self.drawn, self.headline, self.heads, self.found = drawn, headline, heads, found
        return self

    @property
    def measured(self) -> MeasuredOn | None:
        """What they were made from; None if from codes."""
        models = self.model.values() if isinstance(self.model, Mapping) else [self.model]
        return None if self.images is None else judged(list(models), self.images)

    @property
    def scores(self) -> dict[str, Any]:
        """What was asked for and found, and the shape."""
        return {"shape": list(self.shape), **self.found}

    def picture(self) -> Image:
        """Return a strip with a row for every way."""
        from isthmus.plots.strips import labelled_rows

        ends, scale = self._limits(), self._scale()
        return labelled_rows(self.drawn, self.headline, heads=self.heads, limits=ends, scale=scale)

    @classmethod
    def check(cls, path: str | Path, *, force: bool = False) -> Path:
        """Return a path if it can be written there; see `Result.save`."""
        from isthmus.plots.videos import check_video

        path = super().check(path, force=force)
        check_video(path)
        return path

    def _scale(self) -> float | None:
        from isthmus.plots.figures import scale_to

        return scale_to(next(iter(self.drawn.values())), self.tile_size)

    def _limits(self) -> Limits | None:
        from isthmus.plots.pixels import limits_of

        return None if self.images is None else limits_of(self.images)

    def _to_gif(self, path: Path) -> None:
        from isthmus.plots.animations import frames, save_frames

        ends, scale = self._limits(), self._scale()
        moving = frames(self.drawn, self.headline, limits=ends, heads=self.heads, scale=scale)
        save_frames(path, moving)

    _to_webp = _to_apng = _to_mp4 = _to_webm = _to_gif

    def _to_folder(self, folder: Path) -> None:
        """Write every step as a PNG file of the image alone, of several rows in a folder each."""
        from isthmus.plots.pngs import PngFolder, unused

        taken: set[str] = set()
        for name, way in self.drawn.items():
            home = unused(name.replace("\n", ", ").replace("/", "-"), taken)
            home = f"{home}/" if len(self.drawn) > 1 else ""
            digits = len(str(len(way) - 1))
            names = [f"{home}{step:0{digits}}" for step in range(len(way))]
            PngFolder(folder, len(way), self._limits(), self._scale() or 1).add(way, names)

    _to_png = Result._to_png

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.drawn)} rows, {self.shape}, {self.dtype})"
