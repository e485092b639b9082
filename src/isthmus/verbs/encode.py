"""Encode: images to codes, as a table that says which image each is of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.parquet import write_columns
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

    saves: ClassVar[tuple[str, ...]] = (".npy", ".csv", ".parquet", ".npz", ".png")
    table_name: ClassVar[str] = "codes"

    def columns(self) -> dict[str, np.ndarray]:
        """Return the latent dimensions by their names, of pixels their mean; of an index it."""
        flat = self.model.pooled(np.asarray(self))
        if flat.ndim == 1:
            return {"code": flat}
        return dict(zip(self.model.get_feature_names_out(), flat.T, strict=True))

    def named(self) -> dict[str, list[Any]]:
        """Return what is known of the images: their names, classes if they have any, the split."""
        images = self.images
        if images is None:
            return {}
        rows = range(len(self))
        known = {"image": [name_of(images, row) for row in rows]}
        if images.y is not None:
            known["class"] = [class_of(images, row) for row in rows]
        held = images.with_split().is_test
        return known | {"split": np.where(held, "test", "train").tolist()}

    def table(self) -> list[dict[str, Any]]:
        """Return an image a row: its name, its class if it has one, its split, its code."""
        every = self.every_column()
        return [dict(zip(every, row, strict=True)) for row in zip(*every.values(), strict=True)]

    def every_column(self) -> dict[str, list[Any]]:
        """Return the columns of the table; without images the code alone."""
        return self.named() | {name: each.tolist() for name, each in self.columns().items()}

    def _to_parquet(self, path: Path) -> None:
        write_columns(path, self.named() | self.columns())

    def _to_npz(self, path: Path) -> None:
        """Write the codes as they are, and beside them what is known of the images."""
        known = {name: np.array(values) for name, values in self.named().items()}
        columns = {"columns": np.array(list(self.columns()))}
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, codes=np.asarray(self), **known, **columns)

    def picture(self) -> Image:
        """Return how far the latent dimensions reach, or how often every index is there."""
        from isthmus.plots.accuracies import code_chart
        from isthmus.plots.plots import as_picture

        of = "" if self.images is None else f" of {self.images.source}"
        title = f"{len(self):,} codes{of} by {type(self.model).__name__}"
        return as_picture(code_chart(self.model.pooled(np.asarray(self)), title))


def encode(model: Model, images: ImagesLike) -> Codes:
    """Turn images into codes, the narrow representation.

    Parameters
    ----------
    model : Representation
        A fitted model that encodes.
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
    ['image', 'class', 'split', 'pca0', 'pca1', 'pca2', 'pca3']
    """
    return Codes.of(model.encode(images), model, images)
