"""Folders of PNG files: images under the names they had, and in their own size where they can be.

A name keeps its sub-folders and its stem. Where two come to the same (a.jpg and a.png, or names
that differ in case only), the later one gets a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.data.pictures import Picture, save_png

if TYPE_CHECKING:
    import numpy as np

    from isthmus.data.values import Pixels


class PngFolder:
    """Writes images to a folder, a part at a time.

    Parameters
    ----------
    folder : Path
        Where they are written.
    count : int
        How many there are to be: those without a name get a number.
    ends : (float, float), optional
        What black and white are in them.
    scale : float
        How much larger they are drawn.
    """

    def __init__(
        self,
        folder: Path,
        count: int,
        ends: tuple[float, float] | None = None,
        scale: float = 1,
    ):
        self.ends, self.scale = ends, scale
        self.folder, self.digits = folder, len(str(max(0, count - 1)))
        self.taken: set[str] = set()
        self.written = 0
        self.restored = 0
        self.left: Counter[str] = Counter()

    def add(
        self,
        images: Pixels,
        names: Sequence[str] | None = None,
        sizes: Any = None,
        fit: str = "crop",
    ) -> None:
        """Write some images.

        Parameters
        ----------
        images : ndarray
            What `isthmus.plots.pixels.to_pixels` takes.
        names : sequence of str, optional
            Where every image came from.
        sizes : array of int of shape (n, 2), optional
            Height and width that every image had, and is to have again.
        fit : {"crop", "pad", "stretch"}
            How it lost them.
        """
        from PIL import Image

        from isthmus.plots.figures import resize
        from isthmus.plots.pixels import limits_for, to_pixels

        mode = "L" if images.shape[3:] in ((), (1,)) else "RGB"
        drawn = resize(to_pixels(images, limits_for(images, self.ends)), self.scale)
        for row, pixels in enumerate(drawn):
            if sizes is not None:
                height, width = map(int, sizes[row])
                pixels = self._resized(pixels, (height, width), fit)
            name = f"{self.written:0{self.digits}d}" if names is None else str(names[row])
            Image.fromarray(pixels).convert(mode).save(self._path(name))
            self.written += 1

    def add_picture(self, picture: Picture) -> None:
        """Write an image as it is, under its name."""
        save_png(self._path(picture.name), picture)
        self.written += 1

    def _resized(self, pixels: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
        """Return pixels in the size the image had; as they are where parts of it were cut off."""
        from isthmus.data.adjust import restored

        back = restored(pixels, size, fit)
        if back is None:
            self.left[f"{pixels.shape[0]}x{pixels.shape[1]}"] += 1
        elif back is not pixels:
            self.restored += 1
        return pixels if back is None else back

    @property
    def note(self) -> str:
        """What became of the sizes, in words; "" if all were as they are."""
        parts = []
        if self.restored:
            parts.append(f"{self.restored:,} scaled back to the size they had")
        parts += [
            f"{count:,} stay {size}: parts of them were cut off to fit the model"
            for size, count in self.left.items()
        ]
        return ", ".join(parts)

    def _path(self, name: str) -> Path:
        """Return where an image of that name belongs: never outside the folder."""
        path = (self.folder / stem_of(name)).resolve()
        if not path.is_relative_to(self.folder.resolve()) or path == self.folder.resolve():
            raise ValueError(
                f"the name {name!r} of an image leads elsewhere; write to a .npy file"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(f"{unused(str(path), self.taken)}.png")


def unused(name: str, taken: set[str]) -> str:
    """Return a name with a number behind it where it is taken, in either case; take it.

    Examples
    --------
    >>> taken = {"a"}
    >>> unused("A", taken), unused("a", taken)
    ('A-2', 'a-3')
    """
    found, number = name, 2
    while found.casefold() in taken:
        found, number = f"{name}-{number}", number + 1
    taken.add(found.casefold())
    return found


def stem_of(name: str) -> str:
    """Return the name of an image file without its kind.

    Examples
    --------
    >>> stem_of("a/scan.01.JPG"), stem_of("scan.01")
    ('a/scan.01', 'scan.01')
    """
    from isthmus.data.formats import IMAGE_NAME

    return name.rpartition(".")[0] if IMAGE_NAME.fullmatch(name) else name
