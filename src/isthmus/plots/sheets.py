"""Contact sheets with titles and captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.images import Images, evenly_spaced
from isthmus.plots.figures import on_background, sheet
from isthmus.plots.pixels import Limits, limits_for, limits_of, shown
from isthmus.plots.strips import PAPER, titled
from isthmus.validation import one_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.data.values import Pixels


def contact_sheet(
    images: Pixels,
    title: str | None = None,
    columns: int | None = None,
    *,
    count: int | None = None,
    captions: Sequence[str] | str | None = None,
    scale: float | None = None,
    gap: int = 4,
    limits: Limits | None = None,
    signed: bool = False,
) -> Image:
    """Lay images out on one sheet: those of a set, or what a model decoded.

    Parameters
    ----------
    images : Images or array of shape (n, h, w), (n, h, w, c) or (n, d)
        Grey, colour, rasters of any number of bands (of which three are shown), or vectors.
    title : str, optional
        Written above; the sheet is on white then, and transparent otherwise.
    columns : int, optional
        Images in one row; by default the sheet is about twice as wide as high.
    count : int, optional
        Up to this many, evenly spaced over all; all by default.
    captions : list of str, "class" or "name", optional
        A short text under every image: of Images also their classes, or the names of their files.
    scale : float, optional
        Whole numbers magnify every pixel to a square, numbers below 1 reduce. By default the
        longer side of a tile ends between 48 and 128 pixels.
    gap : int
        Pixels between images.
    limits : (low, high), optional
        Values drawn darkest and brightest; by default those of the set (`Images.value_range`), or
        as `isthmus.plots.limits_of` says.
    signed : bool
        Centre the colours on zero, image by image.

    Returns
    -------
    PIL.Image.Image
        An RGBA picture: ``.save("sheet.png")`` writes it, a notebook shows it.

    Raises
    ------
    ValueError
        If an array is not of such a shape, or captions are not as many as the images.

    Examples
    --------
    >>> import isthmus as ist
    >>> ist.contact_sheet(ist.load_images("digits"), columns=3, count=6, captions="class").size
    (152, 130)
    """
    if count is not None and count < 1:
        raise ValueError(f"count={count} must be at least 1")
    if isinstance(images, Images):
        limits = limits or limits_for(images, limits_of(images))
        images = images if count is None else images.evenly(count)
        captions = _captions(images, captions) if isinstance(captions, str) else captions
    elif count is not None:
        images = np.asarray(images)[evenly_spaced(len(images), count)]
    picture = sheet(
        shown(images), columns, captions=captions, scale=scale, gap=gap, limits=limits,
        signed=signed,
    )  # fmt: skip
    return picture if title is None else titled(on_background(picture, PAPER), title)


def _captions(images: Images, which: str) -> list[str]:
    """Return the classes of images, or their names; of those without one their rows."""
    one_of("captions", which, ("class", "name"))
    rows = range(len(images))
    if which == "name":
        return [str(row) for row in rows] if images.names is None else list(map(str, images.names))
    labels = [-1] * len(images) if images.y is None else images.y.tolist()
    names = images.classes
    return ["" if y < 0 else str(names[y] if names else y) for y in labels]


def band_picture(
    values: np.ndarray,
    names: Sequence[str],
    title: str,
    columns: int = 5,
    scale: float | None = None,
) -> Image:
    """Return planes (h, w, k) beside each other, each in the colours of its own range."""
    values = np.asarray(values)
    low, high = np.percentile(values, [2, 98], axis=(0, 1))
    unit = np.clip((values - low) / np.maximum(high - low, 1e-12), 0, 1)
    planes = np.where(high > low, unit, 0).transpose(2, 0, 1)
    return contact_sheet(planes, title, columns, captions=names, scale=scale)
