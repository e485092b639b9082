"""Colours of what is known of images, and the legend that says what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.values import ArrayLike
from isthmus.plots.fonts import font_for
from isthmus.plots.palettes import COLOURS, UNLABELLED, palette
from isthmus.plots.strips import INK, MARGIN, PAPER

if TYPE_CHECKING:
    from PIL.Image import Image


LINE = 22
SCALE_WIDTH, SCALE_HEIGHT = 260, 14


@dataclass(frozen=True)
class Colours:
    """Colours that stand for values: one for each where they are few, else a scale.

    Parameters
    ----------
    title : str
        What the values are.
    values : tuple
        The values that have a colour of their own; none for a scale.
    names : tuple of str
        What they are called.
    low, high : float
        Ends of the scale.

    Examples
    --------
    >>> few = Colours.of("digit", [0, 1, -1], ["zero", "one"])
    >>> few.pick([0, 1, -1])
    ['#3b7dd8', '#e8871e', '#6f8fb5']
    >>> Colours.of("angle", [0.0, 0.5, 1.0]).pick([0.0, 1.0, float("nan")])
    ['#440154', '#cae11f', '#6f8fb5']
    """

    title: str
    values: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, title: str, values: ArrayLike, names: Sequence[str] | None = None) -> Colours:
        """Return colours for labels with names, for a few whole numbers, or for a range."""
        values = np.asarray(values)
        if names is not None:
            return cls(title, tuple(range(len(names))), tuple(map(str, names)))
        different = np.unique(values)
        if values.dtype.kind in "iubUS" and len(different) <= len(COLOURS):
            return cls(title, tuple(different.tolist()), tuple(map(str, different.tolist())))
        if values.dtype.kind not in "iuf" or values.ndim > 1:
            raise ValueError(
                f"{title!r} is of {values.dtype}, {values.shape}: no scale of colours"
            )
        seen = values[np.isfinite(values)]
        low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
        return cls(title, low=low, high=high)

    def pick(self, values: ArrayLike) -> list[str]:
        """Return a colour for every value; what has none, or is not a number, is grey-blue."""
        if self.values:
            by_value = dict(zip(self.values, palette(len(self.values)), strict=True))
            return [by_value.get(value, UNLABELLED) for value in np.asarray(values).tolist()]
        return _viridis((np.asarray(values, dtype=float) - self.low) / self._span)

    @property
    def _span(self) -> float:
        return max(self.high - self.low, 1e-12)

    def add_to(self, picture: Image) -> Image:
        """Return a picture with the legend below it."""
        return self._names_below(picture) if self.values else self._scale_below(picture)

    def _names_below(self, picture: Image) -> Image:
        font = font_for(13, [self.title, *self.names])
        widest = max(round(font.getlength(name)) for name in (*self.names, ""))
        pitch, inks = widest + 40, palette(len(self.names))
        columns = max(1, (picture.width - 2 * MARGIN) // pitch)
        head = bool(self.title)
        canvas, pen = _room_below(picture, -(-len(self.names) // columns) + head)
        pen.text((MARGIN, picture.height), self.title, fill=INK, font=font)
        for i, (name, ink) in enumerate(zip(self.names, inks, strict=True)):
            x, y = MARGIN + i % columns * pitch, picture.height + LINE * (head + i // columns)
            pen.rectangle((x, y + 1, x + 13, y + 14), fill=ink)
            pen.text((x + 19, y - 1), name, fill=INK, font=font)
        return canvas

    def _scale_below(self, picture: Image) -> Image:
        font, (canvas, pen) = font_for(13, [self.title]), _room_below(picture, 2)
        y = picture.height
        pen.text((MARGIN, y), self.title, fill=INK, font=font)
        low, high = f"{self.low:.4g}", f"{self.high:.4g}"
        left = MARGIN + round(font.getlength(low)) + 8
        for i, ink in enumerate(_viridis(np.linspace(0, 1, SCALE_WIDTH))):
            pen.line((left + i, y + LINE, left + i, y + LINE + SCALE_HEIGHT), fill=ink)
        pen.text((MARGIN, y + LINE - 1), low, fill=INK, font=font)
        pen.text((left + SCALE_WIDTH + 8, y + LINE - 1), high, fill=INK, font=font)
        return canvas


def _viridis(unit: np.ndarray) -> list[str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    rgb = colormaps["viridis"](0.92 * np.nan_to_num(unit))  # its last yellow is lost on white
    return [
        to_hex(ink) if np.isfinite(u) else UNLABELLED for u, ink in zip(unit, rgb, strict=True)
    ]


def _room_below(picture: Image, lines: int) -> tuple[Image, Any]:
    from PIL import Image, ImageDraw

    size = (picture.width, picture.height + LINE * lines + MARGIN // 2)
    canvas = Image.new("RGB", size, PAPER)
    canvas.paste(picture)
    return canvas, ImageDraw.Draw(canvas)
