"""Encode: images to codes, as a table that says which image each is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.codes import averaged
from isthmus.verbs.parameters import ImagesLike, Model
from isthmus.verbs.result import ArrayResult, class_of, name_of

if TYPE_CHECKING:
    from PIL.Image import Image


class Codes(ArrayResult):
    """Codes as an array that knows the model and the images.

    Attributes
    ----------
    model : Representation
        Which made them.
    images : Images
        What they are of, one by one.
    """

    saves: ClassVar[tuple[str, ...]] = (".npy", ".png")
    table_name: ClassVar[str] = "codes"

    @property
    def shown(self) -> int:
        """Rows of the table that are enough for a person: codes are to be written."""
        return 0

    def columns(self) -> dict[str, np.ndarray]:
        """Return the numbers of the codes by their names, of pixels their mean; of an index it."""
        flat = averaged(self.model, np.asarray(self))
        if flat.ndim == 1:
            return {"code": flat}
        return dict(zip(self.model.get_feature_names_out(), flat.T, strict=True))

    def table(self) -> list[dict[str, Any]]:
        """Return an image a row: its name, its class if it has one, the numbers of its code."""
        if self.images is None:
            return []
        named = [{"image": name_of(self.images, row)} for row in range(len(self))]
        if self.images.y is not None:
            named = [each | {"class": class_of(self.images, i)} for i, each in enumerate(named)]
        columns = self.columns()
        numbers = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [
            each | dict(zip(columns, code, strict=True))
            for each, code in zip(named, numbers, strict=True)
        ]

    def picture(self) -> Image:
        """Return how far the numbers of the codes reach, or how often every index is there."""
        from isthmus.plots.plots import as_picture
        from isthmus.plots.verdicts import code_chart

        of = "" if self.images is None else f" of {self.images.source}"
        title = f"{len(self):,} codes{of} by {type(self.model).__name__}"
        return as_picture(code_chart(averaged(self.model, np.asarray(self)), title))


def encode(model: Model, images: ImagesLike) -> Codes:
    """Turn images into codes, the narrow representation.

    Parameters
    ----------
    model : Representation
        Fitted.
    images : Images or array of shape (n, ...)
        Images of the shape the model was fitted on.

    Returns
    -------
    Codes
        What ``model.encode`` returns, an array: indices (n,), vectors (n, k), grids (n, rows,
        columns, k) or vectors of pixels (n, h, w, k); see `isthmus.verbs.result.Result` for what
        else it can.

    Raises
    ------
    ValueError
        If images are of another shape than those fitted on.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> codes = ist.encode(ist.PCA(4).fit(images.train), images.test)
    >>> codes
    Codes(359 images of digits, (359, 4), float32)
    >>> list(codes.table()[0])
    ['image', 'class', 'pca0', 'pca1', 'pca2', 'pca3']
    """
    return Codes.of(model.encode(images), model, images)
