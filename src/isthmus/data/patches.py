"""Patches: small parts of images in their own sizes, for models that work on tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from isthmus.data.decode import LUMA, Rule
from isthmus.data.images import Images
from isthmus.data.nodata import empty_pixels
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
