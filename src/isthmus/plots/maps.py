"""Maps: codes laid out in the plane for the eye, with the images they came from."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.values import ArrayLike, Pixels
from isthmus.plots.figures import BARS, Limits, resize, to_pixels

if TYPE_CHECKING:
    from PIL.Image import Image


COLOURS = (
    *("#3b7dd8", "#e8871e", "#1a9e77", "#d64550", "#8a63d2", "#2fb0cf"),
    *("#d8619f", "#98961a", "#9c6b43", "#7b8794", "#6aae3a", "#5257c4"),
)
"""Middle tones, so that they show on white and on black, ordered so that neighbours differ."""

UNLABELLED = "#6f8fb5"
AZIMUTHS, ELEVATION = (-60, 30), 22
"""Degrees from which a layout in space is seen."""


def palette(n: int) -> list[str]:
    """Return `n` colours for classes: twelve chosen by hand, beyond that hues in three tones.

    Examples
    --------
    >>> palette(2), len(set(palette(102)))
    (['#3b7dd8', '#e8871e'], 102)
    """
    if n <= len(COLOURS):
        return list(COLOURS[:n])
    tones = ((0.52, 0.62), (0.40, 0.75), (0.64, 0.50))
    hues = [(i / n, *tones[i % 3]) for i in range(n)]
    rgb = [colorsys.hls_to_rgb(hue, light, saturation) for hue, light, saturation in hues]
    return ["#" + "".join(f"{round(255 * value):02x}" for value in colour) for colour in rgb]


def draw(
    layout: np.ndarray,
    images: Pixels,
    y: ArrayLike | None = None,
    classes: list[str] | None = None,
    size: int = 900,
    *,
    limits: Limits | None = None,
    colours: Sequence[str] | None = None,
    behind: np.ndarray | None = None,
    behind_colours: Sequence[str] | None = None,
) -> Image:
    """Draw a map: as many images as fit without overlap, a dot for every other one.

    Grey images on a dark or a light ground are tinted in the colour of their class, and their
    ground is left out; all others get a border in that colour.

    Parameters
    ----------
    layout : array of shape (n, 2)
        Where every image belongs, the second axis upwards. Points far outside all others are
        drawn at the border.
    images : array of shape (n, h, w), (n, h, w, c) or (n, d)
        What to draw there.
    y : array of int of shape (n,), optional
        Labels; -1 is none.
    classes : list of str, optional
        Names of the labels; only their number matters here, for the colours of `palette`.
    size : int
        Width in pixels; the height follows from the layout.
    limits : (low, high), optional
        Values drawn darkest and brightest.
    colours : sequence of str, optional
        A colour for every image, in place of that of its label.
    behind : array of shape (m, 2), optional
        Places of other images, drawn as small pale dots behind these.
    behind_colours : sequence of str, optional
        Their colours.

    Returns
    -------
    PIL.Image.Image
        RGBA, transparent where nothing is.

    Examples
    --------
    >>> draw([[0, 0], [1, 1]], np.zeros((2, 8, 8)), size=200).size
    (200, 200)
    """
    layout, images = np.asarray(layout, dtype=np.float64), np.asarray(images)
    if layout.shape != (len(images), 2):
        raise ValueError(f"a layout of shape {layout.shape} for {len(images)} images")
    pixels, framed = to_pixels(images, limits), y is not None or colours is not None
    inks = _colours(y, classes, len(images)) if colours is None else np.array(colours)
    shape = _opacity(images, pixels)
    smallest = size / (15 if shape is None else 28)
    thumb = int(np.clip(0.7 * size / math.sqrt(len(images)), smallest, size / 8))
    others = np.empty((0, 2)) if behind is None else np.asarray(behind, dtype=np.float64)
    places, height = _place(np.concatenate([others, layout]), size, thumb)
    others, places = places[: len(others)], places[len(others) :]
    loose = shape is not None and images.ndim > 2  # images on a ground have empty edges
    side = round(0.75 * thumb) if loose else thumb + 2
    chosen = without_overlap(places, side, (height, size))
    dotted = np.delete(np.arange(len(images)), chosen)
    pale = np.array(behind_colours or [UNLABELLED] * len(others), dtype=object)
    canvas = _dots(others, pale, (size, height), 1.5, "48")
    canvas.alpha_composite(_dots(places[dotted], inks[dotted], (size, height)))
    if shape is None:
        tiles = _framed(pixels[chosen], inks[chosen], thumb, max(1, thumb // 18) if framed else 1)
    else:
        tiles = _tinted(shape[chosen], inks[chosen], thumb)
    for tile, (x, top) in zip(tiles, places[chosen], strict=True):
        canvas.alpha_composite(tile, (round(x - tile.width / 2), round(top - tile.height / 2)))
    return canvas


def draw_space(
    points: np.ndarray,
    images: Pixels,
    size: int = 700,
    *,
    colours: Sequence[str] | None = None,
    behind: np.ndarray | None = None,
    **options: Any,
) -> Image:
    """Draw a layout in space (n, 3) as seen from two sides, a quarter turn apart.

    Parameters
    ----------
    points : array of shape (n, 3)
        Where every image belongs.
    images : array of shape (n, h, w), (n, h, w, c) or (n, d)
        What to draw there.
    size : int
        Width of either view in pixels.
    colours, behind, **options
        See `draw`; `behind` is (m, 3) here.

    Examples
    --------
    >>> draw_space([[0, 0, 0], [1, 1, 1]], np.zeros((2, 8, 8)), size=200).size
    (412, 200)
    """
    from PIL import Image

    points = np.asarray(points, dtype=float)
    views = []
    for azimuth in AZIMUTHS:
        near = np.argsort(depth(points, azimuth), kind="stable")  # the nearest are drawn last
        turned: dict[str, Any] = {"behind": None if behind is None else seen_from(behind, azimuth)}
        turned["colours"] = None if colours is None else [colours[i] for i in near]
        shown = np.asarray(images)[near]
        views.append(draw(seen_from(points[near], azimuth), shown, size=size, **turned, **options))
    height, gap = max(view.height for view in views), 12
    canvas = Image.new("RGBA", (2 * size + gap, height), (255, 255, 255, 0))
    for i, view in enumerate(views):
        canvas.paste(view, (i * (size + gap), (height - view.height) // 2))
    return canvas


def _axes(azimuth: float) -> np.ndarray:
    """Return the directions to the right, upwards and towards the eye, as rows."""
    turn, rise = math.radians(azimuth), math.radians(ELEVATION)
    across = [-math.sin(turn), math.cos(turn), 0.0]
    outwards = [math.cos(turn) * math.cos(rise), math.sin(turn) * math.cos(rise), math.sin(rise)]
    return np.array([across, np.cross(outwards, across), outwards])


def seen_from(points: np.ndarray, azimuth: float) -> np.ndarray:
    """Return points in space as they are seen from a side, (n, 2).

    Examples
    --------
    >>> seen_from([[0.0, 1.0, 0.0]], 0).round(6).tolist()
    [[1.0, 0.0]]
    """
    seen: np.ndarray = np.asarray(points) @ _axes(azimuth)[:2].T
    return seen


def depth(points: np.ndarray, azimuth: float) -> np.ndarray:
    """Return how near points in space are to the eye."""
    far: np.ndarray = np.asarray(points) @ _axes(azimuth)[2]
    return far


def _place(layout: np.ndarray, size: int, thumb: int) -> tuple[np.ndarray, int]:
    """Return pixel positions, all far enough from the border for a thumbnail, and the height.

    Points far outside are moved to the border: for one of them all others would shrink to a spot.
    """
    low, high = np.percentile(layout, [10, 90], axis=0)
    slack = 0.6 * (high - low).max()
    if slack > 0:
        layout = np.clip(layout, low - slack, high + slack)
    low, span = layout.min(axis=0), np.ptp(layout, axis=0)
    edge = thumb / 2 + 2
    room = size - 2 * edge
    factor = room / max(span.max(), 1e-12)
    height = np.clip(span[1] * factor, 0.4 * room, room)
    centred = (layout - low - span / 2) * factor
    x, y = size / 2 + centred[:, 0], edge + height / 2 - centred[:, 1]
    return np.column_stack([x, y]), round(height + 2 * edge)


def without_overlap(places: np.ndarray, side: int, shape: tuple[int, int]) -> np.ndarray:
    """Return rows whose squares do not overlap, greedily in an order spread over the points."""
    taken = np.zeros(shape, dtype=bool)
    corners = np.maximum(np.rint(places - side / 2).astype(int), 0)
    chosen = []
    for i in np.random.default_rng(0).permutation(len(places)):
        left, top = corners[i]
        square = taken[top : top + side, left : left + side]
        if not square.any():
            square[:] = True
            chosen.append(i)
    return np.array(chosen)


def _colours(y: ArrayLike | None, classes: list[str] | None, n: int) -> np.ndarray:
    if y is None:
        return np.array([UNLABELLED] * n)
    y = np.asarray(y)
    by_label = palette(max(len(classes or []), int(y.max()) + 1))
    return np.array([by_label[label] if label >= 0 else UNLABELLED for label in y])


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
