"""What models of a study need beside the usual image formats, for the same images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np

from isthmus.codec.formats import on_one_sheet, settings_of, writable
from isthmus.data.images import Images
from isthmus.data.ranges import to_bytes
from isthmus.latent.codes import pixels_of
from isthmus.metrics.bjontegaard import at_quality, bjontegaard, front
from isthmus.metrics.reconstruction import psnr
from isthmus.metrics.units import percent, significant
from isthmus.studies.summary import curve_of

Curves: TypeAlias = dict[str, list[tuple[float, float]]]
"""Bits of an image and PSNR, the fewest bits first, by the names of formats."""

USUAL = ("jpeg", "webp", "avif")
MOST = 200_000
"""Pixels of the images that formats are tried on, at most: AVIF takes its time."""
BEYOND = 1.0
"""dB above the best model up to which a format is tried."""
SECONDS = 8.0
"""How long that may take on a busy machine: a study that has less left does without."""


def format_curves(images: Images, scores: Sequence[Mapping[str, Any]]) -> Curves:
    """Return what usual formats need for images, all on one sheet, up to what models reach.

    Each is tried from its lowest quality on. Images that are neither gray nor RGB have none.

    Examples
    --------
    >>> import isthmus as ist
    >>> scores = [{"psnr": 20.0, "bits_per_image": 9}]
    >>> found = format_curves(ist.load_images("digits").test, scores)
    >>> [bits < 100 and psnr < 22 for bits, psnr in found["jpeg"][:1]]
    [True]
    """
    tops = [curve[-1][1] for score in scores if (curve := curve_of(score))]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not tops:
        return {}
    some = images.evenly(max(1, MOST // pixels_of(images)))
    pixels = to_bytes(np.asarray(some), images.value_range)
    found = {name: list(_points(name, pixels, max(tops) + BEYOND)) for name in writable(USUAL)}
    return {name: _front(points) for name, points in found.items() if points}


def _points(name: str, pixels: np.ndarray, top: float) -> Iterator[tuple[float, float]]:
    grey = pixels.shape[-1] == 1
    for _, settings in groupby(settings_of(name, grey=grey), key=lambda setting: setting.way):
        for setting in settings:
            size, back = on_one_sheet(pixels, setting)
            quality = psnr(pixels, back)
            if math.isfinite(quality):
                yield 8 * size / len(pixels), quality
            if quality > top:
                break


def _front(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    rates, quality = front(*zip(*points, strict=True))
    return [
        (round(float(np.exp(r)), 4), round(float(q), 4))
        for r, q in zip(rates, quality, strict=True)
    ]


def compared(scores: Sequence[Mapping[str, Any]], formats: Curves) -> list[dict[str, Any]]:
    """Return a record a model: its bits, and of every format its bits there and BD-rate.

    "at" is the PSNR that the model reaches, "bits" what it and formats need there; a format that
    starts above it counts at its lowest point, and "starts" says where that is. "bd_rate" is None
    where a model and a format have less than 1 dB in common, which "low" and "high" say.

    Examples
    --------
    >>> score = {"model": "a", "psnr": 20.0, "bits_per_image": 10.0}
    >>> found = compared([score], {"jpeg": [(40.0, 22.0), (80.0, 30.0)]})[0]["formats"]["jpeg"]
    >>> found["bits"], found["starts"], found["bd_rate"]
    (40.0, 22.0, None)
    """
    rows = []
    for score in scores:
        if formats and (curve := curve_of(score)):
            beside = {name: _beside(curve, other) for name, other in formats.items()}
            bits, at = curve[-1]
            rows.append({"model": score["model"], "at": at, "bits": bits, "formats": beside})
    return rows


def _beside(
    curve: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    (rates, quality), theirs = (np.array(points).T for points in (curve, other))
    found = bjontegaard((rates, quality), (theirs[0], theirs[1]))
    return {
        "bits": at_quality(theirs[0], theirs[1], curve[-1][1]),
        "single": len(curve) == 1,
        "starts": other[0][1],
        "ends": other[-1][1],
        "bd_rate": found.rate if found.is_told else None,
        "low": found.low if found.rate is not None else None,
        "high": found.high if found.rate is not None else None,
    }


def in_words(row: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what a record of `compared` says of every format, in two lines each.

    Examples
    --------
    >>> found = {"bits": 40.0, "starts": 22.0, "bd_rate": None, "low": None, "single": False}
    >>> in_words({"model": "a", "at": 20.0, "bits": 10.0, "formats": {"jpeg": found}})
    {'jpeg': ['25.0 % of 40.0 bits, at 22.0 dB', 'no quality in common']}
    """
    return {name: list(_lines(row, found)) for name, found in row["formats"].items()}


def _lines(row: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    if found["bits"] is None:
        yield f"it ends at {found['ends']:.1f} dB"
    else:
        lowest = f", at {found['starts']:.1f} dB" if found["starts"] > row["at"] else ""
        share = percent(row["bits"] / found["bits"])
        yield f"{share} of {significant(found['bits'])} bits{lowest}"
    if found["bd_rate"] is not None:
        shared = f"{found['low']:.1f} to {found['high']:.1f} dB"
        yield f"BD-rate {100 * found['bd_rate']:+.1f} %, {shared}"
    elif found["low"] is None:
        yield "one quality alone" if found["single"] else "no quality in common"
    else:
        yield f"too little in common for BD-rate: {found['low']:.1f} to {found['high']:.1f} dB"
