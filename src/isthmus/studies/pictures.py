"""How the images of one study are drawn: alike everywhere on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from isthmus.data.values import Pixels
from isthmus.plots.figures import data_uri, scale_for, sheet
from isthmus.plots.pixels import limits_of, to_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.data.images import Images

T = TypeVar("T")
Some = TypeVar("Some", "Images", np.ndarray)

STRIP_WIDTH = 930
"""Pixels beside the names of the models, where the originals stand in a row."""

SHEET_WIDTH, SMALL_WIDTH = 540, 352
"""Pixels of a sheet of samples or components: two, or three, stand beside each other."""

SAMPLED_ROWS = 2000  # enough for a mean image or a range of values, little enough to read quickly


class Pictures:
    """How images of one study are drawn: the same range, magnification and columns everywhere.

    Parameters
    ----------
    images : Images
        Of the study.
    drawn : dict, optional
        What was drawn before, where a report is written again while a study goes on.
    is_late : callable, optional
        Whether there is no time for more.

    Attributes
    ----------
    dropped : list
        What was not drawn, as there was no time for it.
    """

    def __init__(
        self,
        images: Images,
        drawn: dict[Any, Any] | None = None,
        is_late: Callable[[], bool] = lambda: False,
    ):
        self.drawn = {} if drawn is None else drawn
        self.is_late, self.dropped = is_late, list[Any]()
        self.test = images.test
        self.limits = limits_of(images)
        pixels = to_pixels(np.asarray(self.test[:1]), self.limits)
        self.scale = scale_for(*pixels.shape[1:3])
        self.pitch = round(pixels.shape[2] * self.scale) + 4
        self.pixelated = self.scale > 1
        self.photo = self.test.ndim == 4 and self.test.shape[-1] != 1 and not self.pixelated

    def once(self, key: object, make: Callable[[], T]) -> T | None:
        """Return what was drawn before under a key, or draw it; None where it is too late."""
        if key not in self.drawn:
            if self.is_late():
                self.dropped.append(key)
                return None
            self.drawn[key] = make()
        return self.drawn[key]

    def each(self, what: str, draw: Mapping[str, Callable[[], T]]) -> dict[str, T]:
        """Return what is drawn of every model, as far as there is time, by its name."""
        found = {name: self.once((what, name), make) for name, make in draw.items()}
        return {name: drawn for name, drawn in found.items() if drawn is not None}

    def columns(self, width: int) -> int:
        """Return how many images fit beside each other."""
        return max(1, (width + 4) // self.pitch)

    def draw(self, images: Pixels, columns: int, *, signed: bool = False) -> Image:
        """Return a contact sheet of so many columns."""
        return sheet(images, columns, limits=self.limits, signed=signed)

    def sheet(self, images: Pixels, width: int, *, signed: bool = False) -> dict[str, Any]:
        """Return a contact sheet for the template."""
        picture = self.draw(images, self.columns(width), signed=signed)
        return self.embed(picture, photo=self.photo and not signed)

    def embed(self, picture: Image, *, photo: bool | None = None) -> dict[str, Any]:
        """Return any picture for the template."""
        uri = data_uri(picture, photo=self.photo if photo is None else photo)
        return {"src": uri, "width": picture.width, "height": picture.height}


def some(images: Some, n: int) -> Some:
    """Return at most `n` images, evenly spread over the set."""
    if len(images) <= n:
        return images
    return images[np.linspace(0, len(images) - 1, n).round().astype(int)]
