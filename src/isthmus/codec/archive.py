"""Image files of many sizes as one small file: codes of their tiles, and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.codec.container import read_sections, sections_of
from isthmus.codec.contexts import decoded, encoded
from isthmus.codec.entries import DEEP, FRAME_PIXELS, Entry, frames_of
from isthmus.codec.entropy import decoded as decoded_indices
from isthmus.codec.entropy import encoded as encoded_indices
from isthmus.codec.entropy import inflated
from isthmus.codec.headers import check_header
from isthmus.codec.layout import Layout, layout_of
from isthmus.codec.packing import damaged, model_for, packed_model, unpacked_model
from isthmus.codec.quantizer import Quantizer
from isthmus.data.pictures import Picture, Pictures
from isthmus.fitted.fingerprints import fingerprint
from isthmus.system.progress import track

VERSION = 2
"""Of the layout of such a file, see `isthmus.codec.container`."""
NAMES_BYTES = 2**26
"""Names of the images of a frame, at most."""


@dataclass
class PicturesJob:
    """Writes image files; what it has cost, and how good they are, is known when all is written.

    Attributes
    ----------
    bits, squared, values, deep : list
        Of every picture: the bits of its tiles, the squared error of its pixels from 0 to 1, how
        many values these are, and whether they have more than 8 bits.
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
    deep: list[bool] = field(default_factory=list)

    @cached_property
    def model_bytes(self) -> bytes:
        """The model's file."""
        return packed_model(self.layout.model, small=True)

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
        every = [self.layout.symbols([picture]) for picture in pictures]
        ends = np.cumsum([len(symbols) for symbols in every])[:-1]
        if self.layout.quantizer is None:
            content, bits = encoded_indices(np.concatenate(every))
        else:
            content, bits = encoded(np.concatenate(every), self.layout.near(entries))
        yield content
        self.bits += [float(part.sum()) for part in np.split(bits, ends)]
        for picture, entry, symbols in zip(pictures, entries, every, strict=True):
            wrong = self.layout.picture(entry, symbols).unit() - picture.unit()
            self.squared.append(float(np.square(wrong, dtype=np.float64).sum()))
            self.values.append(wrong.size)
            self.deep.append(entry.mode.endswith(DEEP))
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

    def pictures(self, sections: Sequence[bytes], left: int) -> Iterator[Picture]:
        """Yield the pictures of a frame, of which `left` may be there.

        Raises
        ------
        ValueError
            If the sections do not hold together.
        """
        about, numbers, clear = sections
        entries = self.entries(about, left)
        symbols, alphas = self._symbols(numbers, entries), _alphas(clear, entries)
        parts = np.split(symbols, np.cumsum(self.layout.counts(entries))[:-1])
        for entry, part, alpha in zip(entries, parts, alphas, strict=True):
            yield self.layout.picture(entry, part)._replace(alpha=alpha)

    def entries(self, section: bytes, left: int) -> list[Entry]:
        """Return what is known of the images of a frame, checked before any is decoded."""
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


@dataclass(frozen=True)
class Archive:
    """Such a file, opened.

    Attributes
    ----------
    path : Path
        The file.
    header : dict
        What it says of itself.
    layout : Layout
        What turns whole numbers into pictures.
    """

    path: Path
    header: dict[str, Any]
    layout: Layout

    @classmethod
    def read(cls, path: str | Path, model: Any = None) -> Archive | None:
        """Open a file; None if it is of whole images of one size."""
        header, sections = read_sections(path)
        if "tile" not in header:
            return None
        with damaged(path):
            check_header(header)
            content = next(sections)
            inside = next(sections) if header["model"] else None
            model = model or (unpacked_model(inside) if inside else None)
            quantizer = Quantizer.from_bytes(content) if content else None
            low, high = map(float, header["range"])
        model = model_for(Path(path), header, model, search=True)
        layout = layout_of(model, quantizer, (low, high))
        with damaged(path):
            if layout.tile != tuple(header["tile"]) or layout.width != layout.numbers:
                raise ValueError("its numbers are none of its model's")
        return cls(Path(path), header, layout)

    @cached_property
    def entries(self) -> list[Entry]:
        """What is known of its images before they are decoded."""
        found = list[Entry]()
        with damaged(self.path):
            frames = self._frames()
            while len(found) < self.count:
                left = self.count - len(found)
                found += FrameReader(self.layout).entries(next(frames)[0], left)
        return found

    @property
    def count(self) -> int:
        """How many images there are."""
        return int(self.header["count"])

    def pictures(self) -> Iterator[Picture]:
        """Yield its images, one after another."""
        reader, found = FrameReader(self.layout), 0
        with damaged(self.path):
            for sections in self._frames():
                for picture in reader.pictures(sections, self.count - found):
                    found += 1
                    yield picture
            if found < self.count:
                raise ValueError(f"{found} of {self.count} images")

    def _frames(self) -> Iterator[tuple[bytes, ...]]:
        _, sections = read_sections(self.path)
        skipped = 2 if self.header["model"] else 1
        for _ in range(skipped):
            next(sections)
        return zip(sections, sections, sections, strict=True)  # three at a time
