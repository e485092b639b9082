"""Some images as sections of bytes, and back; images coded together share their tables."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.base import PASS_BYTES
from isthmus.codec import choice
from isthmus.codec.lossless import residual
from isthmus.codec.lossless import restored as pixels_of
from isthmus.codec.steps import Quantizer
from isthmus.codec.symbols import decoded, encoded, inflated
from isthmus.data.decode import FITS, MAX_PIXELS
from isthmus.data.fitting import loading_of
from isthmus.data.images import Images, to_unit, with_channels

FRAME_BYTES = 48 * 2**20
"""Size of the images that are coded together, as float32."""


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
    """

    model: Any
    quantizer: Quantizer | None
    lossless: bool
    squared: float = 0.0
    values: int = 0

    def sections(self, part: Images) -> Iterator[bytes]:
        """Yield the bytes of some images: their number and names, codes, and what is missing."""
        names = [] if part.names is None else list(map(str, part.names))
        yield zlib.compress(json.dumps([len(part), names]).encode(), 9)
        codes = self.model.encode(part)
        symbols = choice.rounded(codes, self.quantizer)
        yield encoded(symbols)
        back = self.model.decode(choice.restored(symbols, self.quantizer, codes.shape[1:]))
        pixels = np.asarray(part)
        if self.lossless:
            yield residual(pictures(pixels), pictures(back))
        else:
            wrong = back.reshape(pixels.shape) - to_unit(pixels)
            self.squared += float(np.square(wrong, dtype=np.float64).sum())
        self.values += pixels.size

    @property
    def psnr(self) -> float:
        """Of what comes back, in dB."""
        error = self.squared / max(1, self.values)
        return -10 * float(np.log10(error)) if error else float("inf")


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
        rows = n * int(np.prod(self.code[:-1], dtype=int))
        columns = 1 if self.quantizer is None else self.quantizer.columns
        symbols = decoded(next(sections), rows, columns)
        back = self.model.decode(choice.restored(symbols, self.quantizer, self.code))
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
