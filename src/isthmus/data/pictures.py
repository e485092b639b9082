"""Image files as they are: each in its own size and colours, with its transparency and depth."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from isthmus.data.cache import check_unpacked
from isthmus.data.decode import (
    LUMA,
    check_bands,
    is_grey,
    orientation,
    read_header,
    turns,
    unit_floats,
    values_if_deep,
)
from isthmus.data.depth import depth_of
from isthmus.data.flowers import is_flowers
from isthmus.data.folder import (
    Entry,
    files_below,
    in_threads,
    labels_of,
    members_of,
    nothing_readable,
)
from isthmus.data.formats import DECODING, IMAGE_NAME, MAX_PIXELS, formats, reason, refuse_raw
from isthmus.data.idx import idx_parts
from isthmus.data.images import Images
from isthmus.data.profiles import in_srgb
from isthmus.data.ranges import UNIT, Range
from isthmus.data.segnet import is_segnet
from isthmus.data.several import entries_of, expanded

MODES = {(1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA"}
"""What Pillow calls images, by their colours and whether they have transparency."""


class Picture(NamedTuple):
    """One image as its file has it, upright.

    Attributes
    ----------
    name : str
        Where it came from.
    pixels : ndarray of shape (h, w, 1) or (h, w, 3)
        uint8, or uint16 where a value has more bits.
    alpha : ndarray of shape (h, w), optional
        How opaque pixels are, of the same type.
    bits : int
        White is ``2 ** bits - 1``.
    """

    name: str
    pixels: np.ndarray
    alpha: np.ndarray | None = None
    bits: int = 8

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def mode(self) -> str:
        """Its colours and transparency, as Pillow calls them: L, LA, RGB or RGBA."""
        return MODES[self.pixels.shape[2], self.alpha is not None]

    def planes(self, channels: int, ends: Range = UNIT) -> np.ndarray:
        """Return the image as models of 1 or 3 channels take it, (p, h, w, channels) floats.

        Grey is given three equal channels; of colours each is an image of its own where a model
        knows grey alone.

        Examples
        --------
        >>> Picture("a", np.zeros((4, 5, 3), np.uint8)).planes(1).shape
        (3, 4, 5, 1)
        """
        values = np.float32(ends[0]) + self.unit() * np.float32(ends[1] - ends[0])
        if values.shape[2] == channels:
            return values[None]
        if channels == 1:
            return np.moveaxis(values, -1, 0)[..., None]
        return np.repeat(values, channels, axis=2)[None]

    def remade(self, planes: np.ndarray, ends: Range = UNIT) -> Picture:
        """Return the picture with what became of its `planes`, its transparency as it was."""
        values = np.moveaxis(planes[..., 0], 0, -1) if len(planes) > 1 else planes[0]
        if values.shape[2] > self.pixels.shape[2]:
            values = values @ LUMA[:, None]
        white = 2**self.bits - 1
        share = (values - np.float32(ends[0])) / np.float32(ends[1] - ends[0])
        whole = np.rint(np.nan_to_num(share).clip(0, 1) * white)
        return self._replace(pixels=whole.astype(self.pixels.dtype))

    @property
    def values(self) -> np.ndarray:
        """The pixels, transparency as their last channel."""
        if self.alpha is None:
            return self.pixels
        return np.concatenate([self.pixels, self.alpha[..., None]], axis=2)

    def unit(self) -> np.ndarray:
        """Return the pixels as floats from 0 to 1."""
        return self.pixels / np.float32(2**self.bits - 1)


def read_picture(file: IO[bytes], name: str, bits: int = 16) -> Picture:
    """Return a picture as its file has it.

    Parameters
    ----------
    file : binary file
        Of any kind that `isthmus.data.formats.FORMATS` lists.
    name : str
        What it is called.
    bits : int
        What a value has where that is more than 8.

    Raises
    ------
    Exception
        Nearly anything, if the file is no image or is damaged: see `isthmus.data.formats.reason`.
    """
    from PIL import Image

    with Image.open(file, formats=formats()) as image:
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        check_bands(image)
        turn, key = orientation(image), image.info.get("transparency")
        values = values_if_deep(image, file)
        if image.mode == "F":
            values = np.rint(unit_floats(np.asarray(image)) * 65535).astype(np.uint16)[..., None]
        if values is None:
            values, bits = _eight_bits(image), 8
        elif values.shape[2] in (1, 3) and isinstance(key, int | tuple):
            opaque = (values != np.array(key)).any(-1, keepdims=True)
            values = np.concatenate([values, opaque * np.uint16(2**bits - 1)], axis=2)
    values = _turned(values, turn)
    clear = values.shape[2] in (2, 4)
    return Picture(name, values[..., :-1] if clear else values, _alpha(values), bits)


def _alpha(values: np.ndarray) -> np.ndarray | None:
    return values[..., -1] if values.shape[2] in (2, 4) else None


def _eight_bits(image: Any) -> np.ndarray:
    image = in_srgb(image)
    mode = MODES[1 if is_grey(image) else 3, bool(image.has_transparency_data)]
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array if array.ndim == 3 else array[..., None]


def _turned(values: np.ndarray, turn: int) -> np.ndarray:
    """Return an image upright, by the same table as elsewhere."""
    from PIL import Image

    if turn == 1:
        return values
    places = np.arange(values.shape[0] * values.shape[1], dtype=np.int32)
    where = Image.fromarray(places.reshape(values.shape[:2])).transpose(turns()[turn])
    return values.reshape(-1, values.shape[2])[np.asarray(where)]


@dataclass(eq=False)
class Pictures(Sequence[Picture]):
    """Image files as they are, read one by one when they are asked for.

    Attributes
    ----------
    source : str
        Where they are.
    entries : list of Entry
        The files.
    sizes : ndarray of shape (n, 2)
        Height and width of each.
    modes : list of str
        L, LA, RGB or RGBA.
    n_bytes : int
        Size of all files.
    bits : int
        Of a value in files of more than 8 bits: the smallest of 8, 10, 12, 14 and 16 that holds
        every value of all of them.
    skipped : list of (str, str)
        What could not be read, and why.
    loading, meta : dict
        As those of `Images`, and empty: nothing is changed.
    """

    source: str
    entries: list[Entry]
    sizes: np.ndarray
    modes: list[str]
    bits: int = 16
    skipped: list[tuple[str, str]] = field(default_factory=list)
    loading: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> np.ndarray:
        """Their paths inside the source."""
        return np.array([entry.name for entry in self.entries])

    @property
    def n_bytes(self) -> int:
        """Size of all files."""
        return sum(max(0, entry.stamp[0]) for entry in self.entries)

    @property
    def are_grey(self) -> bool:
        """Whether none of them has colours."""
        return all(mode in ("L", "LA") for mode in self.modes)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, row: Any) -> Any:
        if not isinstance(row, int | np.integer):
            return self.of(np.arange(len(self))[row].tolist())
        entry = self.entries[row]
        with warnings.catch_warnings(), entry.open() as file:
            warnings.simplefilter("ignore")
            return read_picture(file, entry.name, self.bits)

    def __iter__(self) -> Iterator[Picture]:
        return (self[row] for row in range(len(self)))

    def of(self, rows: Sequence[int]) -> Pictures:
        """Return some of the pictures."""
        entries, modes = [self.entries[row] for row in rows], [self.modes[row] for row in rows]
        return replace(self, sizes=self.sizes[list(rows)], entries=entries, modes=modes)

    def known(self) -> Images:
        """Return images of no pixels that stand for them: to choose among by name and split."""
        names = [entry.name for entry in self.entries]
        data = np.zeros((len(self), 1, 1, 1), np.uint8)
        about: dict[str, Any] = {"names": names, "source": self.source, "skipped": self.skipped}
        return Images(data, factors={"row": np.arange(len(self))}, **about, **labels_of(names))

    @classmethod
    def read(cls, source: object, verbose: bool | None = None) -> Pictures | None:
        """Return the image files of a source, None where it is something else than image files.

        Every file is decoded once, so that it is known which are damaged.

        Raises
        ------
        ValueError
            If no file could be read.
        """
        found = _files_of(source)
        if found is None:
            return None
        where, entries, hidden = found
        entries = sorted(entries, key=lambda entry: entry.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is harmless, or skipped
            seen = list(in_threads(_seen, entries, "reading images", verbose))
        good = [i for i, each in enumerate(seen) if not isinstance(each, str)]
        lost = [(entries[i].name, each) for i, each in enumerate(seen) if isinstance(each, str)]
        skipped = sorted(lost + hidden)
        if not good:
            raise nothing_readable(where, skipped)
        kept: list[Any] = [seen[i] for i in good]
        sizes = np.array([size for size, _, _ in kept])
        bits = depth_of(max(highest for _, _, highest in kept))
        modes = [mode for _, mode, _ in kept]
        return cls(str(where), [entries[i] for i in good], sizes, modes, bits, skipped)


def are_pictures(source: object) -> bool:
    """Return whether a source is image files, none of which is looked into.

    Examples
    --------
    >>> are_pictures("digits"), are_pictures(np.zeros((2, 8, 8)))
    (False, False)
    """
    return isinstance(source, Pictures) or _files_of(source) is not None


def _files_of(source: object) -> tuple[Path, list[Entry], list[tuple[str, str]]] | None:
    source = expanded(source)
    if isinstance(source, list) and source and all(isinstance(each, Path) for each in source):
        if len(source) > 1:
            return entries_of(source)
        source = source[0]
    if not isinstance(source, str | Path):
        return None
    path = Path(source).expanduser()
    if path.is_dir() and not (idx_parts(path) or is_segnet(path) or is_flowers(path)):
        return path, *files_below(path)
    if path.is_file() and path.suffix.lower() == ".zip":
        return path, *members_of(path)
    if path.is_file() and IMAGE_NAME.fullmatch(path.name):
        _, entries, _ = entries_of([path])
        is_raster = path.suffix.lower() in (".tif", ".tiff") and isinstance(_seen(entries[0]), str)
        return None if is_raster else (path, entries, [])
    return None


def _seen(entry: Entry) -> tuple[tuple[int, int], str, int] | str:
    """Return size, mode and largest value of more than 8 bits, or why a file cannot be read."""
    if entry.stamp[0] == 0:
        return "empty file"
    try:
        with entry.open() as file:
            refuse_raw(entry.name, file)
            header = read_header(file)  # refuses several pages, too many pixels
        check_unpacked("unpacked it", header.n_bytes, entry.stamp[0])
        with DECODING.of(header.cost), entry.open() as file:
            picture = read_picture(file, entry.name)
    except Exception as error:  # on damaged files Pillow's readers raise almost anything
        return reason(error, entry.name)
    deep = picture.pixels.dtype != np.uint8
    highest = int(picture.pixels.max(initial=0)) if deep else 0
    return picture.size, picture.mode, highest


def as_pictures(source: object) -> Pictures | None:
    """Return image files that a source is, None where it is something else.

    Examples
    --------
    >>> as_pictures("digits") is None, as_pictures(np.zeros((2, 8, 8))) is None
    (True, True)
    """
    return source if isinstance(source, Pictures) else Pictures.read(source)


def save_png(path: Path, picture: Picture) -> None:
    """Write a picture as PNG in its own mode and depth."""
    from PIL import Image

    if picture.pixels.dtype != np.uint8:
        path.write_bytes(_deep_png(picture))
        return
    array = picture.values
    array = array[..., 0] if array.shape[2] == 1 else array
    Image.fromarray(array, picture.mode).save(path, format="PNG")


def _deep_png(picture: Picture) -> bytes:
    """Return a PNG file of 16 bits a value, which Pillow writes of grey images alone."""
    values = picture.values.astype(">u2")
    height, width, channels = values.shape
    rows = np.ascontiguousarray(values).view(np.uint8).reshape(height, -1)
    before = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.concatenate([np.full((height, 1), 2, np.uint8), rows - before], axis=1)  # Up
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = {b"IHDR": head, b"IDAT": zlib.compress(filtered.tobytes(), 6), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks.items())


def _chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
