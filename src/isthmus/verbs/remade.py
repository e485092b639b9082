"""Image files through a model, each in its own size: in tiles where it knows smaller images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.fitting import loading_of
from isthmus.data.images import Images, evenly_spaced, to_unit, with_channels
from isthmus.data.names import files_called
from isthmus.data.pictures import Picture, Pictures
from isthmus.data.ranges import Range
from isthmus.data.tiles import HALF, Tiling, in_words
from isthmus.latent.codes import range_for_files
from isthmus.system.progress import track
from isthmus.verbs.parameters import Model
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    from PIL.Image import Image

Made = Callable[[Any], np.ndarray]
"""From images (n, h, w, c) to what a model makes of them."""
SHOWN, SIDE = 8, 160
"""Pictures of a strip, and how much of the middle of each is shown."""


class PictureFiles(Sequence[Picture]):
    """Image files of many sizes that are made, each when it is asked for.

    Attributes
    ----------
    source : str
        Where they are from.
    said : str
        How they were made, in a line.
    before : sequence of Picture or None
        As they were, if that is known.
    called : str
        What they are called on a strip.
    budget : float or None
        Seconds in which those of a folder are written that there is time for.
    """

    source: str
    said: str = ""
    verbose: bool | None = None
    before: Sequence[Picture] | None = None
    called: str = "after"
    budget: float | None = None

    @property
    def title(self) -> str:
        """What stands above a strip."""
        return self.source

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[i] for i in range(len(self))[row]]
        return self.first if row == 0 else self._at(row)

    def _at(self, row: int) -> Picture:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Picture]:
        return (self[row] for row in range(len(self)))

    @cached_property
    def first(self) -> Picture:
        """The first of them, which is kept."""
        return self._at(0)

    @property
    def scores(self) -> dict[str, Any]:
        """How many there are, and of how many sizes."""
        first = "x".join(map(str, self.first.size))
        if len(self) == 1:
            return {"images": 1, "size": first, "mode": self.first.mode}
        return {"images": len(self), "sizes": "their own"}

    def save(self, folder: Path) -> None:
        """Write a PNG file each, called as it was."""
        from isthmus.plots.pngs import PngFolder

        pngs, count = PngFolder(folder, len(self)), len(self)
        written = track(self, "writing images", count, self.verbose)
        for picture in Limit(self.budget).until(written, "images", total=count):
            pngs.add_picture(picture)

    def stacked(self) -> np.ndarray:
        """Return all as one array (n, h, w, c) of floats.

        Raises
        ------
        ValueError
            If they are of several sizes, or some have colours and others have none.
        """
        arrays = [picture.unit() for picture in self]
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1:
            raise ValueError(
                f"the images of {self.source} are of {len(shapes)} sizes or colours, and a .npy "
                "file holds one: write to a folder"
            )
        return np.stack(arrays)

    def strip(self) -> Image:
        """Return the middle of some pictures, before and after, pixel by pixel."""
        from isthmus.plots.strips import labelled_rows

        rows = evenly_spaced(len(self), SHOWN).tolist()
        after = [self[row] for row in rows]
        before = [] if self.before is None else [self.before[row] for row in rows]
        names = np.array([picture.name for picture in after])
        known = Images(np.zeros((len(rows), 1, 1, 1), np.uint8), names=names)
        named = {"before": before, self.called: after}
        shown = {name: np.stack(list(map(_middle, each))) for name, each in named.items() if each}
        captions = {self.called: files_called(known, range(len(rows)))}
        return labelled_rows(shown, self.title, captions=captions, scale=1, limits=(0, 1))


class Remade(PictureFiles):
    """What image files have become.

    Parameters
    ----------
    before : Pictures
        As they were.
    made : callable
        From a picture to another one.
    said : str
        How they were made, in a line.
    verbose : bool, optional
        Show progress while they are written.
    """

    def __init__(
        self,
        before: Pictures,
        made: Callable[[Picture], Picture],
        said: str,
        verbose: bool | None = None,
    ):
        self.before = self.files = before
        self.made, self.source = made, before.source
        self.said, self.verbose = said, verbose

    def __len__(self) -> int:
        return len(self.files)

    def _at(self, row: int) -> Picture:
        return self.made(self.files[row])

    @classmethod
    def by(
        cls, model: Model, files: Pictures, made: Made, overlap: float, verbose: bool | None
    ) -> Remade:
        """Return what a model makes of image files, in tiles where it knows smaller ones.

        Raises
        ------
        ValueError
            If it knows other images than such as files hold.
        """
        channels, ends = _takes(model)
        check_overlap(overlap)
        sizes = np.unique(files.sizes, axis=0).tolist()
        tilings = [_tiling(model, (height, width), overlap) for height, width in sizes]

        def remade(picture: Picture) -> Picture:
            tiling = _tiling(model, picture.size, overlap)
            planes = picture.planes(channels, ends)
            return picture.remade(np.stack([tiling.through(p, made) for p in planes]), ends)

        said = (
            "" if model.any_size else f"{files.source}: {in_words(tilings)}{_hint(model, tilings)}"
        )
        return cls(files, remade, said, verbose)


def _middle(picture: Picture) -> np.ndarray:
    """Return the middle of a picture over white, in colours, at most so large."""
    height, width = picture.size
    unit = picture.unit()
    if picture.alpha is not None:
        white = 2**picture.bits - 1 if picture.pixels.dtype == np.uint8 else 65535
        alpha = picture.alpha[..., None] / np.float32(white)
        unit = unit * alpha + (1 - alpha)
    side = np.ones((SIDE, SIDE, 3), np.float32)
    top, left = max(0, (height - SIDE) // 2), max(0, (width - SIDE) // 2)
    part = unit[top : top + SIDE, left : left + SIDE]
    y, x = (SIDE - part.shape[0]) // 2, (SIDE - part.shape[1]) // 2
    side[y : y + part.shape[0], x : x + part.shape[1]] = part
    return side


def _takes(model: Model) -> tuple[int, Range]:
    """Return how many channels a model's images have, and what black and white are to it."""
    if not takes_files(model):
        raise ValueError(
            f"this {type(model).__name__} was fitted on images of shape "
            f"{tuple(model.image_shape_)}; image files have rows, columns, and 1 or 3 channels"
        )
    return with_channels(tuple(model.image_shape_))[2], range_for_files(model)


def takes_files(model: Model) -> bool:
    """Return whether a model's images are such as image files hold."""
    shape = with_channels(tuple(model.image_shape_))
    return len(shape) == 3 and shape[2] in (1, 3)


def check_tiles(model: Model) -> None:
    """Raise ValueError if a model has no codes of tiles of image files."""
    _takes(model)
    if model.code_kind_ == "pixels":
        raise ValueError(
            f"{type(model).__name__} takes images of any size, whole: whole=True brings image "
            "files to one size first"
        )


def _hint(model: Model, tilings: Sequence[Tiling]) -> str:
    """Return what to do where a model learnt from whole images and is given parts of some."""
    is_part = loading_of(model)["per"] == "patch" or getattr(model, "source_", "array") == "array"
    if is_part or max(map(len, tilings)) == 1:
        return ""
    return (
        f"; this {type(model).__name__} learnt from whole images: `isthmus fit ... --per patch` "
        "makes one of parts, which is better at this"
    )


def check_overlap(overlap: float) -> None:
    """Raise ValueError if tiles cannot overlap by so much."""
    if not 0 <= overlap <= 0.9:
        raise ValueError(f"overlap={overlap} must be 0 to 0.9")


def _tiling(model: Model, size: tuple[int, int], overlap: float) -> Tiling:
    """Return the tiles of an image for a model: one where it takes any size."""
    height, width, _ = with_channels(tuple(model.image_shape_))
    return Tiling(size, size if model.any_size else (height, width), overlap)


def in_tiles(model: Model, images: Images, made: Made, overlap: float = HALF) -> np.ndarray:
    """Return what a model makes of images: where they are of another size than its own, in tiles.

    Only images of the channels that it knows are cut; others are left to the model, which says
    what is wrong with them.
    """
    shape = with_channels(tuple(model.image_shape_))
    other = len(shape) == 3 and images.ndim == 4 and images.shape[3] == shape[2]
    if not other or model.any_size or images.shape[1:3] == shape[:2]:
        return made(images)
    check_overlap(overlap)
    tiling = _tiling(model, (images.shape[1], images.shape[2]), overlap)
    return np.concatenate([tiling.through(to_unit(x[0]), made)[None] for x in images.chunks(1)])
