"""Images as small tiles: framed, or tinted in one color."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isthmus.plots.figures import resize
from isthmus.plots.pixels import BARS

if TYPE_CHECKING:
    from PIL.Image import Image

AZIMUTHS, ELEVATION = (-60, 30), 22


def _dots(
    places: np.ndarray,
    colours: np.ndarray,
    size: tuple[int, int],
    radius: float = 2.2,
    alpha: str = "a8",
) -> Image:
    from PIL import Image, ImageDraw

    fine = 3  # drawn larger, then reduced: Pillow itself draws hard edges
    canvas = Image.new("RGBA", (size[0] * fine, size[1] * fine), (128, 128, 128, 0))
    pen, radius = ImageDraw.Draw(canvas), radius * fine
    for (x, y), colour in zip(places * fine, colours, strict=True):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=f"{colour}{alpha}")
    return canvas.reduce(fine)


def _tinted(opacity: np.ndarray, colours: np.ndarray, thumb: int) -> list[Image]:
    """Return thumbnails drawn in one colour each, as opaque as the picture says."""
    from PIL import ImageColor

    rgb = np.array([ImageColor.getrgb(colour) for colour in colours])[:, None, None]
    rgb = np.broadcast_to(rgb, (*opacity.shape, 3))
    return _fit_into(np.concatenate([rgb, opacity[..., None]], axis=-1).astype(np.uint8), thumb)


def _framed(pixels: np.ndarray, colours: np.ndarray, thumb: int, border: int) -> list[Image]:
    from PIL import ImageOps

    tiles = _fit_into(pixels, thumb - 2 * border)
    return [ImageOps.expand(t, border, fill=c) for t, c in zip(tiles, colours, strict=True)]


def _fit_into(pixels: np.ndarray, side: int) -> list[Image]:
    from PIL import Image

    longer = max(pixels.shape[1:3])
    scale = side / longer if longer > side else side // longer
    return [Image.fromarray(tile) for tile in resize(pixels, scale)]


def _opacity(images: np.ndarray, pixels: np.ndarray) -> np.ndarray | None:
    """Return (n, h, w) opacity of what is drawn on a plain ground; None where there is no ground.

    Bars stand on nothing; grey images stand on a dark or a light ground if their edges are.
    """
    if images.ndim == 2 and images.shape[1] <= BARS:
        return pixels[..., 3]
    if images.ndim == 4 and images.shape[-1] != 1:
        return None
    grey = pixels[..., 0]
    edges = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1).mean()
    return grey if edges < 90 else 255 - grey if edges > 165 else None
