"""Image files of many sizes as one small file: codes of their tiles, and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from isthmus.codec.container import sections_of
from isthmus.codec.contexts import Near, decoded, encoded
from isthmus.codec.entropy import decoded as decoded_indices
from isthmus.codec.entropy import encoded as encoded_indices
from isthmus.codec.entropy import inflated
from isthmus.codec.packing import packed_model
from isthmus.codec.quantizer import Quantizer
from isthmus.data.decode import MAX_PIXELS
from isthmus.data.images import with_channels
from isthmus.data.pictures import MODES, Picture, Pictures
from isthmus.data.ranges import Range
from isthmus.data.tiles import cut, grid_of, joined
from isthmus.fingerprints import fingerprint
from isthmus.progress import track

VERSION = 2
"""Of the layout of such a file, see `isthmus.codec.container`."""
FRAME_PIXELS = 2**22
"""Pixels of images that are coded together, at most, unless one alone has more."""
UP = 0.4
"""A number is rounded to the next larger one from 1 - UP on: what is nearer to 0 costs fewer bits,
and more than it loses."""
DEEP = ";16"
"""Behind the mode of an image of more than 8 bits."""
MOST_TILES = 2**22
"""Tiles of the images of a frame, at most."""
NAMES_BYTES = 2**26
"""Names of the images of a frame, at most."""


class Entry(NamedTuple):
    """What is known of an image before it is decoded."""

    name: str
    height: int
    width: int
    mode: str
    bits: int

    @classmethod
    def of(cls, picture: Picture) -> Entry:
        """Return what is to be known of a picture."""
        deep = DEEP if picture.pixels.dtype != np.uint8 else ""
        return cls(picture.name, *picture.size, f"{picture.mode}{deep}", picture.bits)

    def checked(self) -> Entry:
        """Return it if it is possible.

        Raises
        ------
        ValueError
            If its size, colours or depth are not.
        """
        kinds = {mode + deep for mode in MODES.values() for deep in ("", DEEP)}
        numbers = all(isinstance(each, int) for each in (self.height, self.width, self.bits))
        possible = numbers and min(self.height, self.width) >= 1 and 8 <= self.bits <= 16
        if not possible or self.pixels > MAX_PIXELS or self.mode not in kinds:
            raise ValueError(f"an image of {self.height}x{self.width}, {self.mode}, {self.bits}")
        if not isinstance(self.name, str) or "\0" in self.name:
            raise ValueError("an image whose name is none")
        return self

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.height * self.width

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def alpha_bytes(self) -> int:
        """What its transparency takes."""
        return self.pixels * self.dtype.itemsize * ("A" in self.mode)

    @property
    def dtype(self) -> np.dtype:
        """Of its pixels."""
        return np.dtype(np.uint16 if self.mode.endswith(DEEP) else np.uint8)

    @property
    def empty(self) -> Picture:
        """A picture like it, without what is in it."""
        channels = 3 if self.mode.startswith("RGB") else 1
        pixels = np.broadcast_to(np.zeros(1, self.dtype), (*self.size, channels))
        return Picture(self.name, pixels, None, self.bits)

    def planes(self, channels: int) -> int:
        """Return how many images it is to a model of so many channels."""
        return 3 if channels == 1 and self.mode.startswith("RGB") else 1


def frames_of(sizes: np.ndarray) -> list[range]:
    """Return the rows of the images that are coded together.

    Examples
    --------
    >>> frames_of(np.array([[2000, 2000], [2000, 2000], [9, 9]]))
    [range(0, 1), range(1, 3)]
    """
    cuts, total = [0], 0
    for row, pixels in enumerate(sizes.prod(1).tolist()):
        if total and total + pixels > FRAME_PIXELS:
            cuts.append(row)
            total = 0
        total += pixels
    return [range(*ends) for ends in pairwise([*cuts, len(sizes)])]


@dataclass
class Layout:
    """What turns pictures into whole numbers and back.

    Parameters
    ----------
    model : Representation
        Encodes and decodes tiles.
    quantizer : Quantizer or None
        Rounds codes, unless they are indices.
    ends : (float, float)
        What black and white are to the model.
    """

    model: Any
    quantizer: Quantizer | None
    ends: Range

    @cached_property
    def tile(self) -> tuple[int, int, int]:
        """Height, width and channels of a tile."""
        height, width, channels = with_channels(tuple(self.model.image_shape_))
        return height, width, channels

    def near(self, entries: Sequence[Entry]) -> Near:
        """Return which tile lies beside which."""
        if (tiles := sum(self.counts(entries))) > MOST_TILES:
            size = f"{self.tile[0]}x{self.tile[1]}"
            raise ValueError(
                f"{tiles:,} tiles of {size}, at most {MOST_TILES:,} are coded together"
            )
        grids = [(entry, grid_of(entry.size, self.tile[:2])) for entry in entries]
        return Near.of([g for e, g in grids for _ in range(e.planes(self.tile[2]))])

    def tiles(self, picture: Picture) -> np.ndarray:
        """Return the tiles of a picture, of all its planes."""
        planes = picture.planes(self.tile[2], self.ends)
        return np.concatenate([cut(plane, self.tile[:2]) for plane in planes])

    def symbols(self, tiles: np.ndarray) -> np.ndarray:
        """Return the whole numbers (n, k) of tiles."""
        return self.rounded(self.codes(tiles))

    def rounded(self, codes: np.ndarray) -> np.ndarray:
        """Return the whole numbers (n, k) of codes."""
        if self.quantizer is None:
            return codes.reshape(-1, 1).astype(np.int64)
        scaled = self.quantizer.scaled(codes)
        return (np.sign(scaled) * np.floor(np.abs(scaled) + UP)).astype(np.int64)

    def codes(self, tiles: np.ndarray) -> np.ndarray:
        """Return the codes of tiles, vectors or indices."""
        codes = self.model.encode(tiles)
        return codes if codes.ndim == 1 else codes.reshape(len(codes), -1)

    def back(self, symbols: np.ndarray) -> np.ndarray:
        """Return the tiles of whole numbers, within black and white."""
        codes = symbols[:, 0] if self.quantizer is None else self.quantizer.codes(symbols)
        return self.model.decode(codes).reshape(-1, *self.tile).clip(*self.ends)

    def picture(self, entry: Entry, symbols: np.ndarray) -> Picture:
        """Return the picture that whole numbers stand for, without its transparency."""
        parts = np.split(symbols, entry.planes(self.tile[2]))
        planes = np.stack([joined(self.back(part), entry.size) for part in parts])
        return entry.empty.remade(planes, self.ends)

    def counts(self, entries: Sequence[Entry]) -> list[int]:
        """Return how many tiles each of some pictures has."""
        grids = (grid_of(entry.size, self.tile[:2]) for entry in entries)
        each = (rows * columns for rows, columns in grids)
        return [n * e.planes(self.tile[2]) for n, e in zip(each, entries, strict=True)]


@dataclass
class PicturesJob:
    """Writes image files; what it has cost, and how good they are, is known when all is written.

    Attributes
    ----------
    bits, squared, values : list
        Of every picture: the bits of its tiles, the squared error of its pixels from 0 to 1, and
        how many values these are.
    """

    pictures: Pictures
    layout: Layout
    embed: bool = True
    found_at: str | None = None
    nbytes: int = 0
    alpha_bytes: int = 0
    bits: list[float] = field(default_factory=list)
    squared: list[float] = field(default_factory=list)
    values: list[int] = field(default_factory=list)

    @cached_property
    def model_bytes(self) -> bytes:
        """The model's file."""
        return packed_model(self.layout.model)

    @property
    def psnr(self) -> float:
        """Of all that comes back, in dB."""
        error = sum(self.squared) / max(1, sum(self.values))
        return -10 * float(np.log10(error)) if error else float("inf")

    def pieces(self, verbose: bool | None = False) -> Iterator[bytes]:
        """Yield the bytes of the file."""
        for piece in sections_of(self._header(), self._sections(verbose), VERSION):
            self.nbytes += len(piece)
            yield piece

    def _header(self) -> dict[str, Any]:
        model = self.layout.model
        return {
            "family": type(model).__name__,
            "fingerprint": fingerprint(model),
            "tile": list(self.layout.tile),
            "count": len(self.pictures),
            "lossless": False,
            "model": self.embed,
            "found_at": self.found_at,
            "range": list(self.layout.ends),
        }

    def _sections(self, verbose: bool | None) -> Iterator[bytes]:
        quantizer = self.layout.quantizer
        yield quantizer.to_bytes() if quantizer else b""
        if self.embed:
            yield self.model_bytes
        frames = frames_of(self.pictures.sizes)
        for rows in track(frames, "compressing", len(frames), verbose):
            yield from self._frame([self.pictures[row] for row in rows])

    def _frame(self, pictures: list[Picture]) -> Iterator[bytes]:
        entries = [Entry.of(picture) for picture in pictures]
        yield zlib.compress(json.dumps(entries).encode(), 9)
        every = [self.layout.symbols(self.layout.tiles(picture)) for picture in pictures]
        ends = np.cumsum([len(symbols) for symbols in every])[:-1]
        if self.layout.quantizer is None:
            content = encoded_indices(np.concatenate(every))
            bits = np.full(sum(map(len, every)), 8 * len(content) / sum(map(len, every)))
        else:
            content, bits = encoded(np.concatenate(every), self.layout.near(entries))
        yield content
        self.bits += [float(part.sum()) for part in np.split(bits, ends)]
        for picture, entry, symbols in zip(pictures, entries, every, strict=True):
            wrong = self.layout.picture(entry, symbols).unit() - picture.unit()
            self.squared.append(float(np.square(wrong, dtype=np.float64).sum()))
            self.values.append(wrong.size)
        alpha = b"".join(_filtered(picture.alpha) for picture in pictures)
        alpha = zlib.compress(alpha, 9) if alpha else b""
        self.alpha_bytes += len(alpha)
        yield alpha


def _filtered(alpha: np.ndarray | None) -> bytes:
    """Return transparency as differences from row to row, which zlib can make small."""
    if alpha is None:
        return b""
    first = np.zeros_like(alpha[:1])
    return np.diff(alpha, axis=0, prepend=first).astype(alpha.dtype.newbyteorder("<")).tobytes()


@dataclass(frozen=True)
class FrameReader:
    """Reads the frames of such a file."""

    layout: Layout

    def pictures(self, sections: Iterator[bytes], left: int) -> Iterator[Picture]:
        """Yield the pictures of the next frame, of which `left` may be there.

        Raises
        ------
        ValueError
            If the sections do not hold together.
        """
        entries = self._entries(next(sections), left)
        symbols = self._symbols(next(sections), entries)
        alphas = _alphas(next(sections), entries)
        cuts = np.cumsum(self.layout.counts(entries))[:-1]
        parts = np.split(symbols, cuts)
        for entry, part, alpha in zip(entries, parts, alphas, strict=True):
            yield self.layout.picture(entry, part)._replace(alpha=alpha)

    def _entries(self, section: bytes, left: int) -> list[Entry]:
        entries = [Entry(*each).checked() for each in json.loads(inflated(section, NAMES_BYTES))]
        if not 0 < len(entries) <= left:
            raise ValueError(f"a frame of {len(entries)} images, {left} are left")
        if len(entries) > 1 and sum(entry.pixels for entry in entries) > FRAME_PIXELS:
            raise ValueError(f"a frame of {sum(entry.pixels for entry in entries):,} pixels")
        return entries

    def _symbols(self, section: bytes, entries: list[Entry]) -> np.ndarray:
        quantizer = self.layout.quantizer
        if quantizer is None:
            return decoded_indices(section, sum(self.layout.counts(entries)), 1)
        return decoded(section, self.layout.near(entries), quantizer.columns)


def _alphas(section: bytes, entries: list[Entry]) -> list[np.ndarray | None]:
    sizes = [entry.alpha_bytes for entry in entries]
    content = inflated(section, sum(sizes) + 1) if section else b""
    if len(content) != sum(sizes):
        raise ValueError("the transparency is not whole")
    ends = np.cumsum(sizes).tolist()
    found: list[np.ndarray | None] = []
    for entry, size, end in zip(entries, sizes, ends, strict=True):
        kind = entry.dtype.newbyteorder("<")
        part = np.frombuffer(content[end - size : end], kind).reshape(-1, entry.width)
        summed = np.cumsum(part, axis=0, dtype=entry.dtype)  # modulo the type, as the differences
        found.append(summed if size else None)
    return found
