"""Rate and distortion: bytes an image against quality, for models and for the usual formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from isthmus.codec.compress import Job
from isthmus.codec.formats import (
    FORMATS,
    Setting,
    in_files,
    on_one_sheet,
    settings_of,
    shares_of,
    writable,
)
from isthmus.codec.frames import Coded, restored, rounded
from isthmus.codec.more_formats import HINT
from isthmus.codec.packing import packed_model
from isthmus.codec.rate_control import ADDED, Trial
from isthmus.codec.rate_curves import Each, Point, wrong_by_image
from isthmus.data.images import Images
from isthmus.data.ranges import Range, from_bytes, to_bytes
from isthmus.latent.codes import common_range
from isthmus.metrics.reconstruction import psnr
from isthmus.metrics.similarity import ssim
from isthmus.system.progress import Bar

if TYPE_CHECKING:
    from isthmus.base import Representation

Write: TypeAlias = Callable[[np.ndarray, Setting], tuple[Any, np.ndarray]]

SPAN = 6.0
"""Octaves of the step from the finest, which adds a hundredth to the error, to the coarsest."""
MEASURED, MEASURED_PIXELS = 1000, 1_500_000
"""Images that everything is measured on, at most, and their pixels: AVIF takes its time."""


def points_of(
    models: Mapping[str, Any],
    images: Images,
    formats: Sequence[str] = FORMATS,
    points: int = 8,
    verbose: bool | None = False,
    thorough: bool = False,
) -> Iterator[Point]:
    """Yield what models and formats make of images; see `isthmus.rate_distortion`."""
    check_asked(formats, points)
    for name, model in models.items():
        if not model.can("decode"):
            raise ValueError(f"{name} is a {type(model).__name__}, which cannot decode")
    ends = common_range(models.values(), images)
    pixels = _as_bytes(images, ends) if formats else np.empty(0)
    if formats:
        images = replace(images, data=from_bytes(pixels, ends), rows=None)
    grey = bool(formats) and pixels.shape[-1] == 1
    plans = [
        (name, sheet, settings_of(name, thorough, grey, sheet))
        for name in formats
        for sheet in (False, True)
    ]
    total = len(models) * points + sum(len(settings) for *_, settings in plans)
    with Bar("rate and distortion", total, verbose) as bar:
        for name, model in models.items():
            for point in _of_model(name, model, images, points, ends):
                yield point
                bar.advance(note=name)
        files: dict[str, dict[Setting, np.ndarray]] = {name: {} for name in formats}
        for name, sheet, settings in plans:
            for point in _of_format(pixels, files[name], sheet, settings):
                yield point
                bar.advance(note=point.codec)


def formats_of(asked: Sequence[str]) -> list[str]:
    """Return the formats that are asked for by their names; "all" are those to be had here.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    if list(asked) == ["all"]:
        return list(writable(FORMATS))
    check_asked(asked, 1)
    return list(asked)


def check_asked(formats: Sequence[str], points: int) -> None:
    """Raise ValueError for formats that there are none of, ImportError for what is missing."""
    if any(name not in FORMATS for name in formats) or points < 1:
        raise ValueError(
            f"formats={list(formats)}, points={points}: formats are {', '.join(FORMATS)}, and "
            "points at least 1"
        )
    if missing := [name for name in formats if name not in list(writable([name]))]:
        raise ImportError(f"{', '.join(missing)}: {HINT}")


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
    back = trial.decoded(codes)
    alike = ssim(trial.pixels, back, ends) if job.images.ndim == 4 else float("nan")
    return Point(
        name, step, job.nbytes / len(job.images), job.writer.psnr, alike, weight, each=job.each
    )


def _of_format(
    pixels: np.ndarray, files: dict[Setting, np.ndarray], sheet: bool, settings: Sequence[Setting]
) -> Iterator[Point]:
    """Yield the points of a format, as many settings at a time as there are processors.

    What files of their own take is put into `files`, and says what images take of a sheet.
    """
    write: Write = on_one_sheet if sheet else in_files
    way = "one sheet" if sheet else "a file each"
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the formats' own code leaves Python free
        found = pool.map(partial(write, pixels), settings)
        for setting, (sizes, back) in zip(settings, found, strict=True):
            if sheet:
                own = files.get(setting, next(iter(files.values())))  # slow ways have no files
                sizes = sizes * shares_of(own, pixels, setting)
            else:
                files[setting] = sizes
            scores = float(sizes.sum()) / len(pixels), psnr(pixels, back), ssim(pixels, back)
            each = Each(sizes, wrong_by_image(pixels, back))
            codec = f"{setting.name}, {way}"
            yield Point(codec, setting.quality, *scores, way=setting.way, each=each)


def _as_bytes(images: Images, ends: Range) -> np.ndarray:
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"images of shape {images.shape}: a format holds grey or RGB images (n, h, w, c); "
            "pass formats=() to measure models only"
        )
    return to_bytes(np.asarray(images), ends)
