"""Codes that keep their place: what a page is told of a grid, and images with a cell changed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images

if TYPE_CHECKING:
    from isthmus.base import Representation

SEEN = 16
"""Images that tell the range of the numbers of a cell."""
KEPT = 4
"""Images whose grids are kept, for as long as their cells are looked at."""


def facts_of(model: Representation, images: Images) -> dict[str, Any]:
    """Return how large the grid of an image is, and which numbers its cells have.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> facts = facts_of(ist.KMeans(4, patch=4, random_state=0).fit(images), images)
    >>> facts["kind"], facts["rows"], facts["columns"], facts["width"], facts["side"]
    ('index', 2, 2, 4, 4)
    """
    side, stride = model.lattice_
    rows, columns = model.code_shape_of(images.shape[1:])[:2]
    facts = {"rows": rows, "columns": columns, "side": side, "stride": stride}
    if model.code_kind_ == "indices":
        return facts | {"kind": "index", "width": model.code_width_, "low": [], "high": []}
    some = images.evenly(SEEN)
    flat = np.concatenate([_flat(model, some[i : i + 1]) for i in range(len(some))])
    low, high = np.percentile(flat, [1, 99], axis=0).tolist()
    return facts | {"kind": "vector", "width": flat.shape[1], "low": low, "high": high}


def _flat(model: Representation, image: Images) -> np.ndarray:
    codes = np.asarray(model.encode(image))
    return codes.reshape(-1, codes.shape[-1])


class Cells:
    """Images decoded after the code of one cell was changed.

    Parameters
    ----------
    model : Representation
        Whose codes are grids.
    images : Images
        That are shown.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> cells = Cells(ist.PCA(3, patch=4).fit(images), images)
    >>> cells.changed(7, (0, 1), np.zeros((2, 3), np.float32)).shape
    (2, 8, 8, 1)
    """

    def __init__(self, model: Representation, images: Images):
        self.model, self.images = model, images
        self.grid = functools.lru_cache(KEPT)(self._grid)

    def _grid(self, image: int) -> np.ndarray:
        return np.asarray(self.model.encode(self.images[[image]]))

    def changed(self, image: int, at: Sequence[int], codes: np.ndarray) -> np.ndarray:
        """Return an image decoded with each of some codes in the place of one cell's."""
        grids = np.repeat(self.grid(image), len(codes), axis=0)
        grids[:, at[0], at[1]] = codes
        return np.asarray(self.model.decode_as(grids, self.images.shape[1:]))
