"""What images can be coloured by: categories, and figures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isthmus.data.images import Images

NONE = 65_535
"""Category of an image that has none."""
FEW = 20
"""Whole numbers of so few values are categories."""


class Colour(NamedTuple):
    """One colouring.

    Attributes
    ----------
    id, title : str
        Name of its file, and what it is in words.
    values : ndarray of shape (n,)
        uint16 categories, or float32 figures.
    categories : list of str or None
        Their names.
    """

    id: str
    title: str
    values: np.ndarray
    categories: list[str] | None = None


def by_label(images: Images) -> Colour | None:
    """Return the labels, if there are any and not too many kinds."""
    if images.y is None or not (np.asarray(images.y) >= 0).any():
        return None
    y = np.asarray(images.y).astype(np.int64)
    names = images.classes or [str(i) for i in range(int(y.max()) + 1)]
    if len(names) >= NONE:
        return None
    return Colour("label", "Label", np.where(y < 0, NONE, y).astype(np.uint16), list(names))


def by_factor(name: str, values: np.ndarray) -> Colour | None:
    """Return a known factor as categories or figures; None where it is neither."""
    values = np.asarray(values)
    if values.ndim != 1:
        return None
    known, index = np.unique(values, return_inverse=True)
    ident, title = f"factor-{name}", name.capitalize()
    if values.dtype.kind not in "fiu" or (len(known) <= FEW and values.dtype.kind != "f"):
        if len(known) >= NONE:
            return None
        return Colour(ident, title, index.astype(np.uint16), [str(value) for value in known])
    figures = values.astype(np.float32)
    return Colour(ident, title, figures) if np.isfinite(figures).any() else None
