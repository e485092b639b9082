"""Patches: small parts of images in their own sizes, for models that work on tiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.decode import LUMA, Rule
from isthmus.data.images import Images
from isthmus.data.nodata import empty_pixels
from isthmus.data.ondisk import BLOCK_BYTES, Held, OnDisk, release
from isthmus.data.pictures import Pictures

MOST = 40_000
"""Patches of all images together, about."""
SIDE = 16
"""Of a patch, unless a size is given."""


def patches_of(images: Images | Pictures, rule: Rule, most: int | None = None) -> Images:
    """Return patches from all over some images, as many of each, always the same ones.

    Parameters
    ----------
    images : Images or Pictures
        Images of one size, or image files as they are.
    rule : Rule
        Size of a patch, colours and type.
    most : int, optional
        Patches of all images together, about; by default `MOST`.

    Returns
    -------
    Images
        Called as the images they are from, and with their labels; of a split all patches of an
        image are on one side.

    Raises
    ------
    ValueError
        If no image is as large as a patch.
    """
    known = images if isinstance(images, Images) else images.known()
    if known.ndim != 4:
        raise ValueError(f"per='patch' needs images, got vectors of shape {known.shape}")
    known, size = known.with_split(), rule.size or (SIDE, SIDE)
    each, rng = -(-(most or MOST) // len(known)), np.random.default_rng(0)
    value = known.meta.get("no_data")
    found = [_cut(whole, size, each, rng, value) for whole in _wholes(images, rule)]
    rows = np.repeat(np.arange(len(found)), [len(part) for part in found])
    if not len(rows):
        raise ValueError(
            f"no image of {known.source} is as large as a patch of {size[0]}x{size[1]}, or none "
            "such has data all over: give a smaller size"
        )
    chosen = replace(known, factors={})[rows]
    asked = {"fit": rule.fit, "color": rule.color, "dtype": rule.dtype, "per": "patch"}
    loading = known.loading | asked
    none: dict[str, Any] = dict.fromkeys(("rows", "sizes", "changes", "label_maps"))
    return replace(chosen, data=np.concatenate(found), loading=loading, **none)


def _wholes(images: Images | Pictures, rule: Rule) -> Iterator[np.ndarray]:
    """Yield every image (h, w, c), by the rule but for its size."""
    if isinstance(images, Images):
        yield from (chunk[0] for chunk in images.chunks(1))
        return
    grey = rule.color == "grey" or (rule.color == "auto" and images.are_grey)
    for picture in images:
        unit = picture.planes(3)[0]
        unit = unit @ LUMA[:, None] if grey else unit
        yield unit if rule.dtype == "float32" else np.rint(unit * 255).astype(np.uint8)


def _cut(
    whole: np.ndarray, size: tuple[int, int], most: int, rng: Any, no_data: Any = None
) -> np.ndarray:
    """Return up to so many patches of an image with data all over, where chance has chosen."""
    height, width = (side - part + 1 for side, part in zip(whole.shape, size, strict=False))
    if height < 1 or width < 1:
        return np.empty((0, *size, whole.shape[2]), whole.dtype)
    may = np.arange(height * width)
    if (empty := empty_pixels(whole[None], no_data)[0]).any():
        may = np.flatnonzero(~_touched(empty, size))
    places = np.sort(may[rng.choice(len(may), min(most, len(may)), replace=False)])
    windows = np.lib.stride_tricks.sliding_window_view(whole, size, (0, 1))
    return np.moveaxis(windows[places // width, places % width], 1, -1)


def _touched(empty: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return which patches, by the place of their first pixel, hold a pixel without data.

    Examples
    --------
    >>> _touched(np.array([[True, False, False, False]]), (1, 2)).tolist()
    [[True, False, False]]
    """
    sums = np.pad(empty.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    h, w = size
    return (sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]) > 0


class Lattice(NamedTuple):
    """Where the patches of an image are: every so many pixels, the last ones over its edge.

    Attributes
    ----------
    size : (int, int)
        Height and width of the image.
    patch, stride : int
        Side of a patch, and from one to the next, at most as much.

    Examples
    --------
    >>> Lattice((8, 12), 3, 3).grid, Lattice((8, 12), 3, 3).covered, Lattice((2, 9), 4, 2).grid
    ((3, 4), (9, 12), (1, 4))
    """

    size: tuple[int, int]
    patch: int
    stride: int

    @property
    def grid(self) -> tuple[int, int]:
        """How many rows and columns of patches cover the image."""
        rows, columns = (1 - (self.patch - max(s, self.patch)) // self.stride for s in self.size)
        return rows, columns

    @property
    def covered(self) -> tuple[int, int]:
        """Height and width that they cover."""
        rows, columns = ((count - 1) * self.stride + self.patch for count in self.grid)
        return rows, columns

    def laid(self, patches: np.ndarray) -> np.ndarray:
        """Return images (n, h, w, c) of patches (n r s, p, p, c) laid where they were cut.

        Where patches overlap, a pixel is the mean of all that it is in.
        """
        n = len(patches) // math.prod(self.grid)
        total = np.zeros((n, *self.covered, patches.shape[3]), patches.dtype)
        self.add(total, patches)
        return self.mean(total)

    def add(self, total: np.ndarray, patches: np.ndarray, first: int = 0) -> None:
        """Add rows of patches of some images, from the first of each on, where they were cut."""
        columns, p, step = self.grid[1], self.patch, self.stride
        rows = len(patches) // max(1, len(total) * columns)
        grids = patches.reshape(len(total), rows, columns, *patches.shape[1:])
        total = total[:, first * step : (first + rows - 1) * step + p]
        if step == p:
            whole = grids.transpose(0, 1, 3, 2, 4, 5)
            total += whole.reshape(total.shape)
            return
        for y, x in np.ndindex(p, p):
            down = slice(y, y + (rows - 1) * step + 1, step)
            along = slice(x, x + (columns - 1) * step + 1, step)
            total[:, down, along] += grids[:, :, :, y, x]

    def mean(self, total: np.ndarray) -> np.ndarray:
        """Return the images of a size, given what all of their patches have been added up to."""
        if self.stride < self.patch:
            down, along = (
                np.convolve(np.arange(side - self.patch + 1) % self.stride == 0, [1] * self.patch)
                for side in self.covered
            )
            total /= (down[:, None] * along)[..., None].astype(total.dtype)
        return total[:, : self.size[0], : self.size[1]]


@dataclass(eq=False)
class Cut(OnDisk):
    """The patches of images, row by row of each, cut when they are asked for.

    Attributes
    ----------
    lattice : Lattice
        Where they are.
    counts : (int, int, int)
        Images, and rows and columns of patches in each; 0 where these are some of them.
    """

    lattice: Lattice | None = None
    counts: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of(cls, images: Images, lattice: Lattice, places: np.ndarray | None = None) -> Cut:
        """Return the patches of images, or those at some places among all of them."""
        held, (rows, columns), p = _holding(images.data), lattice.grid, lattice.patch
        n = len(images) * rows * columns if places is None else len(places)

        def at(chosen: np.ndarray) -> np.ndarray:
            chosen = chosen if places is None else places[chosen]
            image, cell = np.divmod(chosen, rows * columns)
            image = image if images.rows is None else images.rows[image]
            whole, image = held(image)
            found = _gathered(whole, image, *np.divmod(cell, columns), lattice)
            release(whole)
            return found

        shape = (n, p, p, images.shape[3])
        counts = (len(images), rows, columns) if places is None else (0, 0, 0)

        def fetch(start: int, stop: int) -> np.ndarray:
            return at(np.arange(start, stop))

        return cls(shape, images.dtype, fetch, (), at=at, lattice=lattice, counts=counts)


def _holding(data: Held) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return what gives, for some images, an array that holds them and where they are in it.

    A few of those that stay in a file are read; for many at once all are packed, once.
    """
    if not isinstance(data, OnDisk):
        whole = np.ascontiguousarray(data)
        return lambda image: (whole, image)
    packed = cache(lambda: np.ascontiguousarray(data.mapped()))

    def held(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        few, places = np.unique(image, return_inverse=True)
        if len(few) > 1 and len(few) * data[:1].nbytes > BLOCK_BYTES:
            return packed(), image
        return data[few], places

    return held


def _gathered(
    whole: np.ndarray, image: np.ndarray, row: np.ndarray, column: np.ndarray, lattice: Lattice
) -> np.ndarray:
    """Return patches (m, p, p, c); of those over an edge the edge is repeated."""
    (height, width, c), p = whole.shape[1:], lattice.patch
    y, x = row * lattice.stride, column * lattice.stride
    out = np.empty((len(image), p, p, c), whole.dtype)
    inside = (y + p <= height) & (x + p <= width)
    if inside.any():
        lines = whole.reshape(-1, height, width * c)
        windows = np.lib.stride_tricks.sliding_window_view(lines, (p, p * c), (1, 2))
        chosen = slice(None) if inside.all() else inside
        out[chosen] = windows[image[chosen], y[chosen], c * x[chosen]].reshape(-1, p, p, c)
    if not inside.all():
        over = np.flatnonzero(~inside)
        side = np.arange(p)
        down = (y[over, None] + side).clip(max=height - 1)[:, :, None]
        along = (x[over, None] + side).clip(max=width - 1)[:, None]
        out[over] = whole[image[over, None, None], down, along]
    return out


def cut(images: Images, lattice: Lattice, places: np.ndarray | None = None) -> Images:
    """Return the patches of images, all or those at some places among them, as Images.

    Examples
    --------
    >>> import isthmus as ist
    >>> cut(ist.load_images("digits"), Lattice((8, 8), 3, 3)).shape
    (16173, 3, 3, 1)
    """
    data, known = Cut.of(images, lattice, places), images.loading
    return Images(data, source=images.source, meta=images.meta, loading=known)
