"""Rate and distortion: bytes an image against quality, for models and for the usual formats."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.codec.compress import Job
from isthmus.codec.frames import Coded, restored, rounded
from isthmus.codec.packing import packed_model
from isthmus.codec.rate_control import ADDED, Trial
from isthmus.data.images import Images
from isthmus.data.ranges import Range, from_bytes, to_bytes
from isthmus.latent.codes import common_range
from isthmus.metrics.reconstruction import psnr, ssim
from isthmus.system.progress import Bar

if TYPE_CHECKING:
    from isthmus.base import Representation

SPAN = 6.0
"""Octaves of the step from the finest, which adds a hundredth to the error, to the coarsest."""
QUALITIES = {
    "jpeg": (2, 5, 10, 20, 35, 50, 75, 90),
    "webp": (0, 3, 8, 15, 25, 40, 60, 80),
    "avif": (0, 6, 12, 20, 30, 45, 60, 80),
}
"""Settings of the formats that lose something; PNG and lossless WebP have one each."""
EXACT = ("png", "webp-lossless")
FORMATS = (*QUALITIES, *EXACT)
MEASURED, MEASURED_PIXELS = 1000, 1_500_000
"""Images that everything is measured on, at most, and their pixels: AVIF takes its time."""


class Point(NamedTuple):
    """What one setting of one codec makes of images.

    Attributes
    ----------
    codec : str
        Name of the model or of the format; of a format also how it was used: "jpeg, one sheet".
    setting : float
        Step of a model (root mean square change of a pixel) or quality of a format; else 0.
    bytes_per_image : float
        Of the file, tables and headers counted.
    psnr, ssim : float
        Of what comes back; infinite and 1 if nothing is lost. SSIM is NaN for vectors.
    model_bytes : float
        Size of the model, shared among the images: it is not counted in `bytes_per_image`.
    """

    codec: str
    setting: float
    bytes_per_image: float
    psnr: float
    ssim: float
    model_bytes: float = 0.0


def points_of(
    models: Mapping[str, Any],
    images: Images,
    formats: Sequence[str] = FORMATS,
    points: int = 8,
    verbose: bool | None = False,
) -> Iterator[Point]:
    """Yield what models and formats make of images; see `isthmus.rate_distortion`."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or points < 1:
        raise ValueError(
            f"formats={list(formats)}, points={points}: formats are {', '.join(FORMATS)}, and "
            "points at least 1"
        )
    for name, model in models.items():
        if not model.can("decode"):
            raise ValueError(f"{name} is a {type(model).__name__}, which cannot decode")
    ends = common_range(models.values(), images)
    pixels = _as_bytes(images, ends) if formats else np.empty(0)
    if formats:
        images = replace(images, data=from_bytes(pixels, ends), rows=None)
    total = len(models) * points + sum(2 * len(QUALITIES.get(name, (0,))) for name in formats)
    with Bar("rate and distortion", total, verbose) as bar:
        for name, model in models.items():
            for point in _of_model(name, model, images, points, ends):
                yield point
                bar.advance(note=name)
        for name in formats:
            for point in _of_format(name, pixels):
                yield point
                bar.advance(note=name)


def sample_of(images: Images, most: int = MEASURED) -> Images:
    """Return the images that rate and distortion are measured on, evenly spaced over all."""
    size = int(np.prod(images.shape[1:3]))
    return images.evenly(max(1, min(most, MEASURED_PIXELS // size)))


def _of_model(
    name: str, model: Representation, images: Images, points: int, ends: Range
) -> Iterator[Point]:
    coded = Coded(model, images)
    trial = Trial.of(coded)
    weight = len(packed_model(model)) / len(images)
    if trial.directions is None:
        yield _point(name, 0.0, trial, None, weight, ends)
        return
    finest = trial.step_of_rise(0.01, ADDED)
    for step in finest * 2 ** np.linspace(0, SPAN, points):
        yield _point(name, float(step), trial, trial.quantizer(step), weight, ends)


def _point(
    name: str, step: float, trial: Trial, quantizer: Any, weight: float, ends: Range
) -> Point:
    job = Job(trial.coded, quantizer, ends=ends)
    for _ in job.pieces():
        pass
    codes = restored(rounded(trial.codes, quantizer), quantizer, trial.codes.shape[1:])
    back = trial.coded.model.decode(codes).reshape(trial.pixels.shape)
    alike = ssim(trial.pixels, back, ends) if job.images.ndim == 4 else float("nan")
    return Point(name, step, job.nbytes / len(job.images), job.writer.psnr, alike, weight)


def _of_format(name: str, pixels: np.ndarray) -> Iterator[Point]:
    """Yield the points of a format, as many qualities at a time as there are processors."""
    qualities = QUALITIES.get(name, (0,))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the formats' own code leaves Python free
        for way, write in (("a file each", _files), ("one sheet", _one_sheet)):
            found = pool.map(partial(write, pixels, name), qualities)
            for quality, (size, back) in zip(qualities, found, strict=True):
                scores = psnr(pixels, back), ssim(pixels, back)
                yield Point(f"{name}, {way}", quality, size / len(pixels), *scores)


def _files(pixels: np.ndarray, name: str, quality: int) -> tuple[int, np.ndarray]:
    files = [_written(image, name, quality) for image in pixels]
    return sum(size for size, _ in files), np.stack([image for _, image in files])


def _one_sheet(pixels: np.ndarray, name: str, quality: int) -> tuple[int, np.ndarray]:
    size, sheet = _written(_sheet(pixels), name, quality)
    return size, _cut(sheet, pixels.shape)


def _as_bytes(images: Images, ends: Range) -> np.ndarray:
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"images of shape {images.shape}: a format holds grey or RGB images (n, h, w, c); "
            "pass formats=() to measure models only"
        )
    return to_bytes(np.asarray(images), ends)


def _written(image: np.ndarray, name: str, quality: int) -> tuple[int, np.ndarray]:
    """Return the bytes of a file of one image (h, w, c), and the image read back."""
    from PIL import Image

    every: dict[str, dict[str, Any]] = {
        "png": {"optimize": True},
        "jpeg": {"quality": quality, "optimize": True},
        "webp": {"quality": quality, "method": 6},
        "webp-lossless": {"lossless": True, "quality": 90, "method": 6},
        "avif": {"quality": quality, "speed": 6},
    }
    stream, grey = io.BytesIO(), image.shape[-1] == 1
    picture = Image.fromarray(image[..., 0] if grey else image)
    picture.save(stream, format=name.partition("-")[0].upper(), **every[name])
    with Image.open(stream) as again:
        back = np.asarray(again.convert("L" if grey else "RGB"))
    return len(stream.getvalue()), back.reshape(image.shape)


def _sheet(images: np.ndarray) -> np.ndarray:
    """Return images side by side, as square as may be; empty places are 0."""
    n, h, w, c = images.shape
    columns = max(1, round(np.sqrt(n * h / w)))
    rows = -(-n // columns)
    padded = np.concatenate([images, np.zeros((rows * columns - n, h, w, c), images.dtype)])
    grid = padded.reshape(rows, columns, h, w, c).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * h, columns * w, c)


def _cut(sheet: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the images of a sheet."""
    n, h, w, c = shape
    grid = sheet.reshape(-1, h, sheet.shape[1] // w, w, c).transpose(0, 2, 1, 3, 4)
    return grid.reshape(-1, h, w, c)[:n]


def crossings(points: Sequence[Point], model: str) -> dict[str, float | None]:
    """Return up to which PSNR a model needs fewer bytes than each format, on straight lines.

    Parameters
    ----------
    points : sequence of Point
        From `points_of`.
    model : str
        Name of the model.

    Returns
    -------
    dict of str to float or None
        For every other codec: the PSNR in dB at which its curve crosses the model's; None where
        the model needs more bytes wherever both were measured; infinity where it needs fewer;
        NaN where there is no such place.

    Examples
    --------
    >>> ours = [Point("ours", 0, 10, 20, 1), Point("ours", 0, 40, 24, 1)]
    >>> theirs = [Point("jpeg", 0, 20, 18, 1), Point("jpeg", 0, 30, 26, 1)]
    >>> {name: round(psnr, 2) for name, psnr in crossings(ours + theirs, "ours").items()}
    {'jpeg': 22.68}
    """
    curves = curves_of(points)
    ours = curves.pop(model)
    return {name: _crossing(ours, other) for name, other in curves.items() if len(other[0]) > 1}


def curves_of(points: Sequence[Point]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return PSNR, rising, and bytes an image of every codec that loses something."""
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in dict.fromkeys(point.codec for point in points):
        own = sorted((p.psnr, p.bytes_per_image) for p in points if p.codec == name)
        finite = np.array([pair for pair in own if np.isfinite(pair[0])]).reshape(-1, 2)
        curves[name] = (finite[:, 0], finite[:, 1])
    return curves


def bytes_at(curve: tuple[np.ndarray, np.ndarray], psnr: float | np.ndarray) -> np.ndarray:
    """Return the bytes at some PSNR, on straight lines in log bytes; NaN out of reach."""
    quality, size = curve
    return np.exp(np.interp(psnr, quality, np.log(size), left=np.nan, right=np.nan))


def _crossing(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> float | None:
    low, high = max(ours[0][0], theirs[0][0]), min(ours[0][-1], theirs[0][-1])
    if low >= high:
        return float("nan")
    psnr = np.linspace(low, high, 2001)
    cheaper = bytes_at(ours, psnr) < bytes_at(theirs, psnr)
    if cheaper.all():
        return float("inf")
    return float(psnr[cheaper.nonzero()[0][-1]]) if cheaper.any() else None
