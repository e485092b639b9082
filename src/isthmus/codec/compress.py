"""Images to a small file and back, for every model that decodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.codec.container import sections_of
from isthmus.codec.frames import Coded, Writer, frame_rows, sizes_packed
from isthmus.codec.packing import packed_model
from isthmus.codec.quantizer import Quantizer
from isthmus.codec.rate_control import quantizer_for
from isthmus.codec.rate_curves import Each
from isthmus.data.images import Images, as_images
from isthmus.data.ranges import Range
from isthmus.data.values import ImagesLike
from isthmus.fitted.fingerprints import fingerprint
from isthmus.latent.codes import check_range, range_for
from isthmus.system.files import replacing
from isthmus.system.progress import track

if TYPE_CHECKING:
    from isthmus.base import Representation


@dataclass
class Sizes:
    """How large a file of images has become, and how good they are.

    Attributes
    ----------
    count : int
        Images in the file.
    nbytes : int
        Of the whole file, the model included if it was to be.
    model_nbytes : int
        Of the model, whether it is in the file or not.
    psnr : float
        Peak signal-to-noise ratio of what comes back, in dB; infinite if nothing is lost.
    note : str
        What the PSNR is against where that is not the images as they were read.
    """

    count: int
    nbytes: int
    model_nbytes: int
    psnr: float
    note: str = ""

    @property
    def bytes_per_image(self) -> float:
        """Bytes of the file an image."""
        return self.nbytes / self.count


def written(
    model: Representation,
    images: Images,
    path: str | Path,
    quality: float | None,
    rate: float | None,
    lossless: bool,
    embed: bool,
    found_at: str | None,
    verbose: bool | None,
    is_over: Callable[[], bool] | None = None,
) -> Sizes:
    """Write images to a small file, whole or not at all; see `isthmus.compress`."""
    images = _checked(model, images, quality, rate, lossless)
    coded = Coded(model, images, verbose)
    how: dict[str, Any] = {"lossless": lossless, "coded": coded, "is_over": is_over}
    quantizer = quantizer_for(model, images, quality, rate, **how)
    job = Job(coded, quantizer, lossless, embed, found_at)
    with replacing(path) as temporary, temporary.open("wb") as file:
        for piece in job.pieces(verbose):
            file.write(piece)
    return job.sizes


def check_options(quality: float | None, rate: float | None) -> None:
    """Raise ValueError if both a quality and a rate are given, or one of them is impossible."""
    if quality is not None and rate is not None:
        raise ValueError(f"quality={quality} and rate={rate} are two ways to choose: give one")
    for what, value in {"quality": quality, "rate": rate}.items():
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{what}={value} must be greater than 0")


def _checked(
    model: Representation, X: ImagesLike, quality: float | None, rate: float | None, lossless: bool
) -> Images:
    name, images = type(model).__name__, as_images(X)
    if not model.can("decode"):
        raise ValueError(f"{name} cannot decode, so nothing could be made of its codes")
    check_options(quality, rate)
    if lossless and images.dtype != np.uint8:
        raise ValueError(
            f"lossless needs uint8 images, got {images.dtype}: pixels of 0 to 255 are kept"
        )
    if lossless and images.changed:
        raise ValueError(
            f"lossless would not give back what was read: {images.changed}; leave lossless out, "
            "take a model fitted on images as they are (or one of any size, pixelnet), or give "
            "the changed pixels as an array"
        )
    check_range(model, images)
    return images


class Job:
    """What `compress` does once a quantizer is chosen; `sizes` are known when all is written."""

    def __init__(
        self,
        coded: Coded,
        quantizer: Quantizer | None,
        lossless: bool = False,
        embed: bool = False,
        found_at: str | None = None,
        ends: Range | None = None,
    ):
        self.coded, self.images = coded, coded.images
        self.embed, self.quantizer = embed, quantizer
        self.ends = ends or range_for(coded.model, self.images)
        self.writer = Writer(coded.model, quantizer, lossless, self.ends[1] - self.ends[0])
        self.found_at = found_at
        self.nbytes = 0

    def pieces(self, verbose: bool | None = False) -> Iterator[bytes]:
        """Yield the bytes of the file."""
        for piece in sections_of(self._header(), self._sections(verbose)):
            self.nbytes += len(piece)
            yield piece

    def _header(self) -> dict[str, Any]:
        model = self.writer.model
        return {
            "family": type(model).__name__,
            "fingerprint": fingerprint(model),
            "shape": [int(side) for side in self.images.shape[1:]],
            "code": list(model.code_shape_of(self.images.shape[1:])),
            "count": len(self.images),
            "lossless": self.writer.lossless,
            "model": self.embed,
            "found_at": self.found_at,
            "range": list(self.ends),
            **sizes_packed(self.images),
        }

    def _sections(self, verbose: bool | None) -> Iterator[bytes]:
        yield self.quantizer.to_bytes() if self.quantizer else b""
        if self.embed:
            yield self.model_bytes
        rows = frame_rows(self.images.shape[1:])
        total = -(-len(self.images) // rows)
        for part, codes in track(self.coded, "compressing", total, verbose):
            yield from self.writer.sections(part, codes)

    @cached_property
    def model_bytes(self) -> bytes:
        """The model's file: seconds to pack where it is large."""
        return packed_model(self.writer.model)

    @property
    def each(self) -> Each:
        """What every image takes of the file, and what is wrong with it, once all is written."""
        bits, errors = np.concatenate(self.writer.bits), np.concatenate(self.writer.errors)
        values = np.prod(self.images.shape[1:]) * self.writer.width**2
        return Each(bits / 8, errors / values, self.nbytes - bits.sum() / 8)

    @property
    def sizes(self) -> Sizes:
        """Sizes and PSNR."""
        size, changed = len(self.model_bytes), self.images.changed
        note = f"PSNR is against the changed images: {changed}" if changed else ""
        return Sizes(len(self.images), self.nbytes, size, self.writer.psnr, note)
