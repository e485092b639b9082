"""One image file to one array, by the same rule for every kind of file."""

from __future__ import annotations

from functools import cache
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.depth import deep_layout, deep_values, opacity
from isthmus.data.fitting import COLORED, FLATTENED, GREYED, ROUNDED, padded
from isthmus.data.formats import ALONE, MAX_PIXELS, bytes_a_pixel, formats
from isthmus.data.label_maps import NO_CLASS
from isthmus.data.numbers import Asked
from isthmus.data.opaque import over_white
from isthmus.data.profiles import in_srgb
from isthmus.moved import moved_name

if TYPE_CHECKING:
    from PIL import Image

MOST_THUMBNAILS = 8
"""Pages of a TIFF file that are looked at: those of the size of the first are further images."""

PART = 2**18
"""Pixels of more than 8 bits that are scaled at once."""

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Grey of red, green and blue (ITU-R 601)."""

FITS, COLORS, DTYPES = ("crop", "pad", "stretch"), ("auto", "grey", "rgb"), ("uint8", "float32")


def __getattr__(name: str) -> Any:
    """Find what is in `isthmus.data.formats` now, for one release."""
    return moved_name(__name__, "isthmus.data.formats", name)


class Rule(NamedTuple):
    """How images of any size and colour become one packed array."""

    size: tuple[int, int] | None = None
    fit: str = "crop"
    color: str = "auto"
    dtype: str = "uint8"
    longest: int | None = None
    bits: int | None = None
    layout: str = "auto"
    usual: str = "auto"  # layout of the arrays that a model was fitted on
    expected: tuple[int, ...] | None = None
    nth: int | None = None
    only: bool = False  # leave out images that are not of that size as they are
    columns: dict[str, str] | None = None  # of tables: which holds what
    value_range: Asked | None = None
    raster: bool = False  # pictures in TIFF files keep their numbers too, as of rasters

    @property
    def numbers(self) -> dict[str, Any]:
        """What `Images` have to be told of it, to read arrays as files are read."""
        told = {"bits": self.bits, "bits_by": "given"} if self.bits else {}
        told |= {"layout": self.layout} if self.layout != "auto" else {}
        return {"loading": {"dtype": self.dtype} | told, "value_range": self.value_range}

    @property
    def noted(self) -> dict[str, Any]:
        """What `Images.loading` keeps of it, so that a model's images are loaded alike."""
        return {"fit": self.fit, "color": self.color, "dtype": self.dtype, "nth": self.nth}

    def size_for(self, height: float, width: float) -> tuple[int, int]:
        """Return the size that images of this natural size get."""
        if self.size:
            return self.size
        scale = min(1.0, self.longest / max(height, width)) if self.longest else 1.0
        return max(1, round(height * scale)), max(1, round(width * scale))


class Header(NamedTuple):
    """What an image file says of itself: its size the right way up, whether it is grey, or deep.

    Deep are files with more than 8 bits a value, which it takes the whole set to scale; `n_bytes`
    is what it unpacks to, and `cost` what it takes to decode it, in bytes.
    """

    height: int
    width: int
    grey: bool
    deep: bool
    n_bytes: int
    cost: int


class Decoded(NamedTuple):
    """Pixels (h, w, 1) or (h, w, 3), what it cost (bits of `Images.changes`), the largest value.

    That is of the file, before it was scaled by the depth of the set; 0 where it has 8 bits.
    """

    pixels: np.ndarray
    changes: int
    highest: int


def read_header(file: IO[bytes]) -> Header:
    """Return size and colour without decoding the pixels.

    Raises
    ------
    Exception
        Nearly anything, if the file is no image or is damaged: see `isthmus.data.formats.reason`.
    """
    from PIL import Image

    with Image.open(file, formats=formats()) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise Image.DecompressionBombError
        _check_pages(image)
        check_bands(image)
        if orientation(image) >= 5:
            width, height = height, width
        deep = image.mode.split(";")[0] == "I" or deep_layout(image) is not None
        n_bytes = width * height * (4 if deep else len(image.getbands()))
        n_bytes //= 8 if image.mode == "1" else 1
        cost = width * height * bytes_a_pixel(image, deep_layout(image) is not None)
        return Header(height, width, is_grey(image), deep, n_bytes, cost)


def read_image(file: IO[bytes], size: tuple[int, int], grey: bool, rule: Rule) -> Decoded:
    """Return the decoded pixels, fitted to `size`; deep ones are scaled by ``rule.bits``."""
    from PIL import Image

    with Image.open(file, formats=formats()) as image:
        turn = orientation(image)
        height, width = size if turn < 5 else size[::-1]
        # Only JPEG knows drafts. They skip most of the work, and may add a fraction of a pixel
        # at the right and below: the extent is the size without it.
        draft = image.draft(None, (2 * width, 2 * height))
        extent = draft[1][2:] if draft else image.size
        flat, done, highest = _flatten(image, file, grey, rule.bits or 16)
        planes = [fit_image(plane, (height, width), rule.fit, extent) for plane in flat]
        turned = [p if turn == 1 else p.transpose(turns()[turn]) for p in planes]
        array = (
            np.asarray(turned[0])
            if len(turned) == 1
            else np.stack([np.asarray(p) for p in turned], -1)
        )
    if array.ndim == 2:
        array = array[..., None]
    if not grey and array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    done |= ROUNDED if rule.dtype == "uint8" and array.dtype != np.uint8 else 0
    return Decoded(_to_dtype(array, rule.dtype), done, highest)


def highest_value(file: IO[bytes]) -> int:
    """Return the largest value of a deep image, transparency left out; 0 of others."""
    from PIL import Image

    with Image.open(file, formats=formats()) as image:
        values = values_if_deep(image, file)
        return 0 if values is None else _highest(values)


def fit_image(
    image: Image.Image, size: tuple[int, int], fit: str, extent: tuple[float, float] | None = None
) -> Image.Image:
    """Return `image` at (h, w) `size`: cropped, padded with black, or stretched."""
    from PIL import Image

    height, width = size
    if image.size == (width, height):
        return image
    extent = extent or image.size
    if fit == "crop":
        scale = max(width / extent[0], height / extent[1])
        return _crop(image, (width, height), extent, scale)
    if fit == "stretch":
        return _resize(image, (width, height), (0, 0, *extent))
    (inner_height, inner_width), (top, left) = padded((extent[1], extent[0]), size)
    canvas = Image.new(image.mode, (width, height))
    resized = _resize(image, (inner_width, inner_height), (0, 0, *extent))
    canvas.paste(resized, (left, top))
    return canvas


def resize_array(array: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    """Return one (h, w, c) array at `size`; any number of channels, uint8 or float."""
    from PIL import Image

    plain = array if array.dtype == np.uint8 else array.astype(np.float32)
    channels = [
        Image.fromarray(np.ascontiguousarray(plain[..., c])) for c in range(plain.shape[2])
    ]
    return np.stack([np.asarray(fit_image(channel, size, fit)) for channel in channels], axis=-1)


def fit_labels(labels: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    """Return an (h, w) map of classes at `size`, as `fit_image` fits the image it belongs to.

    Classes are never mixed: every pixel takes that of the nearest one. What "pad" adds has none.
    """
    if labels.shape == size:
        return labels
    around = np.int32(-1)
    rows, columns = _sources(labels.shape, size, fit)
    taken = labels.astype(np.int32)[np.ix_(rows.clip(0), columns.clip(0))]
    taken[(rows == around)[:, None] | (columns == around)] = NO_CLASS
    return taken.astype(labels.dtype)


def _sources(
    there: tuple[int, ...], size: tuple[int, int], fit: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the column that every row and column comes from, -1 for none."""
    ratios = [new / old for new, old in zip(size, there, strict=True)]
    if fit != "stretch":
        ratios = [max(ratios) if fit == "crop" else min(ratios)] * 2
    found = []
    for new, old, ratio in zip(size, there, ratios, strict=True):
        inner = max(1, round(old * ratio)) if fit == "pad" else new
        start = (new - inner) // 2
        extent = new / ratio if fit == "crop" else old
        place = (np.arange(new) - start + 0.5) * extent / inner + (old - extent) / 2
        inside = (np.arange(new) >= start) & (np.arange(new) < start + inner)
        found.append(np.where(inside, np.floor(place).clip(0, old - 1), -1).astype(int))
    return found[0], found[1]


@cache
def turns() -> dict[int, Image.Transpose]:
    """Return what puts an image upright, by its EXIF orientation."""
    from PIL.Image import Transpose

    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }


def orientation(image: Image.Image) -> int:
    """Return how an image lies, as EXIF has it: 1 is upright."""
    # Pillow turns TIFF itself; and asking a PNG for EXIF it does not have decodes the whole of it.
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    turn: Any = image.getexif().get(0x0112)
    return turn if turn in range(1, 9) else 1


def is_grey(image: Image.Image) -> bool:
    """Return whether an image has no colours, by its kind."""
    if deep_layout(image) == "LA":
        return True
    if image.mode != "P":
        return image.mode.split(";")[0] in ("1", "L", "LA", "La", "I", "F")
    palette: Any = image.palette
    layout = palette and (palette.rawmode or palette.mode)
    if layout not in ("RGB", "RGBA", "RGBX", "BGR", "BGRX"):
        return False
    colors = np.frombuffer(bytes(palette.palette), np.uint8).reshape(-1, len(layout))[:, :3]
    return bool((colors == colors[:, :1]).all())


def _flatten(
    image: Image.Image, file: IO[bytes], grey: bool, bits: int
) -> tuple[list[Image.Image], int, int]:
    """Return an opaque L or RGB image, or F images from 0 to 1 if the file has deep pixels.

    And what of the colours is lost, or added, as bits; and the largest value of deep pixels.
    """
    from PIL import Image

    done = 0 if is_grey(image) == grey else GREYED if grey else COLORED
    if image.mode == "F":
        return [Image.fromarray(unit_floats(np.asarray(image)))], done, 0
    key = image.info.get("transparency")
    if (values := values_if_deep(image, file)) is not None:
        return _flatten_deep(values, key, grey, bits, done)
    image = in_srgb(image)
    mode = "L" if grey else "RGB"
    if image.has_transparency_data:
        image, lowest = over_white(image, mode)
        done |= FLATTENED if lowest < 255 else 0
    return [image if image.mode == mode else image.convert(mode)], done, 0


def _flatten_deep(
    values: np.ndarray, key: object, grey: bool, bits: int, done: int
) -> tuple[list[Image.Image], int, int]:
    """Return deep pixels as `_flatten` does: over white, grey by luma, from 0 to 1."""
    from PIL import Image

    highest, white = _highest(values), 2**bits - 1
    alpha = opacity(values, key, white)
    flattened = alpha is not None and alpha.min(initial=1) < 1
    of_file = 1 if values.shape[2] < 3 else 3
    height, width = values.shape[:2]
    bands = [Image.new("F", (width, height)) for _ in range(1 if grey else of_file)]
    for top in range(0, height, rows := max(1, PART // width)):  # floats of all take too much
        colors = values[top : top + rows, :, :of_file] / np.float32(white)
        if flattened:
            part = alpha[top : top + rows]  # type: ignore[index]
            colors = colors * part + (1 - part)
        if len(bands) < of_file:
            colors = colors @ LUMA[:, None]
        for band, plane in zip(bands, np.moveaxis(colors, -1, 0), strict=True):
            band.paste(Image.fromarray(np.ascontiguousarray(plane)), (0, top))
    return bands, done | (FLATTENED if flattened else 0), highest


def values_if_deep(image: Image.Image, file: IO[bytes]) -> np.ndarray | None:
    """Return the values (h, w, c) of an image of more than 8 bits; None of others."""

    def again() -> Image.Image:
        from PIL import Image

        file.seek(0)
        return Image.open(file, formats=formats())

    return deep_values(image, again)


def _highest(values: np.ndarray) -> int:
    return int(values[..., : 1 if values.shape[2] < 3 else 3].max(initial=0))


def unit_floats(pixels: np.ndarray) -> np.ndarray:
    """Return floating-point pixels, having checked that they are 0 to 1."""
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # written so that NaN fails too
        raise ValueError("floating-point pixels outside 0 to 1")
    return pixels.astype(np.float32)


def check_bands(image: Image.Image) -> None:
    """Raise ValueError where Pillow hands out fewer bands of a TIFF file than it has, or wrong."""
    if image.format != "TIFF":
        return
    tags: Any = getattr(image, "tag_v2", {})
    samples, bits = tags.get(277, 1), max(tags.get(258, (1,)))
    if samples != len(image.getbands()):
        raise ValueError(f"{samples} bands: {ALONE}")
    if samples > 1 and bits > 8 and tags.get(284) == 2:
        raise ValueError(f"{samples} bands in planes of {bits} bits: {ALONE}")
    if bits == 8 and 2 in tags.get(339, ()):
        raise ValueError(f"signed numbers: {ALONE}")


def _check_pages(image: Image.Image) -> None:
    """Raise ValueError if a TIFF file has further pages of the same size, overviews left out."""
    if image.format != "TIFF":
        return
    size, frame = image.size, 1
    while frame < MOST_THUMBNAILS and frame < getattr(image, "n_frames", 1):
        image.seek(frame)
        tags: Any = getattr(image, "tag_v2", {})
        if image.size == size and not tags.get(254, 0) & 0b101:
            raise ValueError(f"several pages: {ALONE}")
        frame += 1
    image.seek(0)


def _crop(
    image: Image.Image, size: tuple[int, int], extent: tuple[float, float], ratio: float
) -> Image.Image:
    width, height = size
    if ratio == 1:  # whole pixels, untouched
        x, y = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((x, y, x + width, y + height))
    left = max(0.0, (extent[0] - width / ratio) / 2)
    top = max(0.0, (extent[1] - height / ratio) / 2)
    return _resize(image, size, (left, top, extent[0] - left, extent[1] - top))


def _resize(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]
) -> Image.Image:
    from PIL import Image

    # The gap lets an area average do most of a large reduction: the same picture, much sooner.
    return image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0)


def _to_dtype(array: np.ndarray, dtype: str) -> np.ndarray:
    deep = array.dtype != np.uint8
    if deep:
        array = array.clip(0, 1)  # Lanczos overshoots at edges
    if dtype == "float32":
        return array if deep else array.astype(np.float32) / np.float32(255)
    return np.rint(array * 255).astype(np.uint8) if deep else array
