"""Some images as sections of bytes, and back; images coded together share their tables."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.base import PASS_BYTES
from isthmus.codec.entropy import decoded, encoded, inflated
from isthmus.codec.lossless import residual
from isthmus.codec.lossless import restored as pixels_of
from isthmus.codec.quantizer import Quantizer
from isthmus.data.decode import FITS
from isthmus.data.fitting import loading_of
from isthmus.data.formats import MAX_PIXELS
from isthmus.data.images import Images, to_unit, with_channels
from isthmus.system.progress import track

if TYPE_CHECKING:
    from isthmus.base import Representation

KEPT_BYTES = 256 * 2**20
"""Codes that are kept in memory, at most; beyond it images are encoded again when asked for."""
FRAME_BYTES = 48 * 2**20
"""Size of the images that are coded together, as float32."""


class Coded:
    """All images beside their codes, a frame at a time, encoded once where codes fit in memory.

    Parameters
    ----------
    model : Representation
        Encodes and decodes.
    images : Images
        Read anew each time.
    verbose : bool
        Show progress while they are decoded to choose a step.
    codes : ndarray, optional
        What `encode` made of them, where that is known.
    """

    def __init__(
        self,
        model: Representation,
        images: Images,
        verbose: bool | None = False,
        codes: np.ndarray | None = None,
    ):
        self.model, self.images, self.verbose, self.codes = model, images, verbose, codes
        rows = frame_rows(images.shape[1:])
        known = [] if codes is None else [codes[i : i + rows] for i in range(0, len(codes), rows)]
        self.kept: list[np.ndarray] = known

    def __iter__(self) -> Iterator[tuple[Images, np.ndarray]]:
        rows, room = frame_rows(self.images.shape[1:]), KEPT_BYTES
        for number, start in enumerate(range(0, len(self.images), rows)):
            part = self.images[start : start + rows]
            known = number < len(self.kept)
            codes = self.kept[number] if known else self.model.encode(part)
            room -= codes.nbytes
            if not known and room >= 0:
                self.kept.append(codes)
            yield part, codes

    def errors(self, quantizers: Sequence[Quantizer | None]) -> list[float]:
        """Return the mean squared error over all images for every quantizer, None rounds nothing.

        Its sums are those of `Writer`, to the last bit.
        """
        squared = [0.0] * len(quantizers)
        total = -(-len(self.images) // frame_rows(self.images.shape[1:]))
        for part, codes in track(self, "choosing the step", total, self.verbose):
            pixels = np.asarray(part)
            for i, quantizer in enumerate(quantizers):
                again = codes
                if quantizer is not None:
                    again = restored(rounded(codes, quantizer), quantizer, codes.shape[1:])
                back = self.model.decode_as(again, pixels.shape[1:])
                squared[i] += float(_squares(back, pixels).sum())
        return [total / np.prod(self.images.shape) for total in squared]


def _squares(back: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    wrong = back.reshape(pixels.shape) - to_unit(pixels)
    squares: np.ndarray = np.square(wrong, dtype=np.float64)
    return squares


def rounded(codes: np.ndarray, quantizer: Quantizer | None) -> np.ndarray:
    """Return codes as whole numbers (n', r); those of every pixel are rows of their own."""
    if quantizer is None:
        return codes.reshape(-1, 1).astype(np.int64)
    return quantizer.rounded(codes.reshape(-1, codes.shape[-1]))


def restored(
    symbols: np.ndarray, quantizer: Quantizer | None, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the codes that whole numbers stand for, each of the shape given."""
    if quantizer is None:
        return symbols[:, 0].reshape(-1, *shape)
    return quantizer.codes(symbols).reshape(-1, *shape)


@dataclass
class Writer:
    """Writes frames, and adds up how far what comes back is from the images.

    Parameters
    ----------
    model : Representation
        Encodes and decodes.
    quantizer : Quantizer or None
        Rounds codes, unless they are indices.
    lossless : bool
        Write what decoded images miss as well.
    width : float
        Of the range of the images.

    Attributes
    ----------
    squared : float
        Squared error of what is written so far, and `values` how many numbers that is.
    code_bytes : int
        Of the codes and their tables.
    bits : list of ndarray
        Of every frame what the codes of its images take, an image.
    errors : list of ndarray
        Of every frame the squared errors of its images, summed over the values of each.
    """

    model: Any
    quantizer: Quantizer | None
    lossless: bool
    width: float = 1.0
    squared: float = 0.0
    values: int = 0
    code_bytes: int = 0
    bits: list[np.ndarray] = field(default_factory=list)
    errors: list[np.ndarray] = field(default_factory=list)

    def sections(self, part: Images, codes: np.ndarray) -> Iterator[bytes]:
        """Yield the bytes of some images: their number and names, codes, and what is missing."""
        names = [] if part.names is None else list(map(str, part.names))
        yield zlib.compress(json.dumps([len(part), names]).encode(), 9)
        symbols = rounded(codes, self.quantizer)
        content, bits = encoded(symbols)
        self.code_bytes += len(content)
        self.bits.append(bits.reshape(len(part), -1).sum(1))
        yield content
        again, pixels = restored(symbols, self.quantizer, codes.shape[1:]), np.asarray(part)
        back = self.model.decode_as(again, pixels.shape[1:])
        if self.lossless:
            yield residual(pictures(pixels), pictures(back))
        else:
            squares = _squares(back, pixels)
            self.squared += float(squares.sum())
            self.errors.append(squares.reshape(len(part), -1).sum(1))
        self.values += pixels.size

    @property
    def psnr(self) -> float:
        """Of what comes back, in dB."""
        error = self.squared / max(1, self.values)
        return 10 * float(np.log10(self.width**2 / error)) if error else float("inf")


@dataclass(frozen=True)
class Reader:
    """Reads frames.

    Parameters
    ----------
    model : Representation
        The one that the images were compressed by.
    quantizer : Quantizer or None
        As for the writer.
    lossless : bool
        As for the writer.
    shape : tuple of int
        Of one image.
    code : tuple of int
        Shape of its code: () for an index.
    """

    model: Any
    quantizer: Quantizer | None
    lossless: bool
    shape: tuple[int, ...]
    code: tuple[int, ...]

    def images(self, sections: Iterator[bytes]) -> tuple[np.ndarray, list[str]]:
        """Return the images of the next frame, and their names if they have any.

        Raises
        ------
        ValueError
            If the sections do not hold together.
        """
        n, names = self._about(next(sections))
        cells = self.code if self.quantizer is None else self.code[:-1]
        rows = n * int(np.prod(cells, dtype=int))
        columns = 1 if self.quantizer is None else self.quantizer.columns
        symbols = decoded(next(sections), rows, columns)
        back = self.model.decode_as(restored(symbols, self.quantizer, self.code), self.shape)
        if self.lossless:
            back = pixels_of(next(sections), pictures(back))
        return back.reshape(n, *self.shape), names

    def _about(self, section: bytes) -> tuple[int, list[str]]:
        n, names = json.loads(inflated(section))
        if not 0 < n <= frame_rows(self.shape) or len(names) not in (0, n):
            raise ValueError(f"a frame of {n} images with {len(names)} names")
        return n, [str(name) for name in names]


def sizes_packed(images: Images) -> dict[str, Any]:
    """Return what a header says of the sizes that images were read with, nothing if of none.

    It is no part of the frames, so that older readers, who do not know of it, read on.
    """
    if images.sizes is None or (images.sizes == images.shape[1:3]).all():
        return {}
    content = zlib.compress(np.ascontiguousarray(images.sizes, "<i4").tobytes(), 9)
    return {"sizes": b64encode(content).decode(), "fit": loading_of(images)["fit"]}


def sizes_unpacked(header: dict[str, Any]) -> np.ndarray | None:
    """Return the sizes (n, 2) that `sizes_packed` wrote, None where it wrote none.

    Raises
    ------
    ValueError
        If they are damaged.
    """
    if "sizes" not in header:
        return None
    content = inflated(b64decode(header["sizes"]))
    sizes = np.frombuffer(content, "<i4").reshape(-1, 2).astype(np.int64)
    if len(sizes) != header["count"] or sizes.min() < 1 or sizes.prod(1).max() > MAX_PIXELS:
        raise ValueError(f"{len(sizes)} sizes of {header['count']} images, or impossible ones")
    if header.get("fit") not in FITS:
        raise ValueError(f"images were fitted by {header.get('fit')!r}")
    return sizes


def pictures(images: np.ndarray) -> np.ndarray:
    """Return images as (n, h, w, c): a vector is an image of one row.

    Examples
    --------
    >>> pictures(np.zeros((3, 20))).shape
    (3, 1, 20, 1)
    """
    if images.ndim == 2:
        return images[:, None, :, None]
    return images.reshape(len(images), *with_channels(images.shape[1:]))


def frame_rows(shape: tuple[int, ...]) -> int:
    """Return how many images of a shape are coded together.

    They are whole batches of `decode`: so its sums are the same to the last bit, however many
    images there are.
    """
    size = 4 * int(np.prod(shape))
    batch = max(1, PASS_BYTES // size)
    return max(1, FRAME_BYTES // (size * batch)) * batch
