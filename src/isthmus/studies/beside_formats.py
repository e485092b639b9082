"""What models of a study need beside the usual image formats, for the same images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from isthmus.codec.costs import Costs
from isthmus.codec.formats import in_files, on_one_sheet, settings_of, shares_of, writable
from isthmus.codec.rate_curves import (
    Curve,
    Each,
    Point,
    curves_of,
    deltas,
    resampled_of,
    share_ends,
    wrong_by_image,
)
from isthmus.data.images import Images
from isthmus.data.ranges import to_bytes
from isthmus.latent.codes import pixels_of
from isthmus.metrics.bjontegaard import at_quality, bjontegaard, ends_in_words
from isthmus.metrics.reconstruction import psnr
from isthmus.metrics.units import percent, significant
from isthmus.studies.summary import curve_of
from isthmus.system.files import plain

if TYPE_CHECKING:
    from isthmus.base import Representation

Curves: TypeAlias = dict[str, list[tuple[float, float]]]
"""Bits of an image and PSNR, the fewest bits first, by the names of formats."""

SHEET = ", one sheet"
USUAL = ("jpeg", "webp", "avif")
MOST = 200_000
"""Pixels of the images that formats are tried on, at most: AVIF takes its time."""
BEYOND = 1.0
"""dB above the best model up to which a format is tried."""
SECONDS = 8.0
"""How long that may take on a busy machine: a study that has less left does without."""


def format_curves(points: Sequence[Point]) -> Curves:
    """Return bits and PSNR of formats, the points that no others of theirs beat.

    Examples
    --------
    >>> format_curves([Point("jpeg, one sheet", 1, 5.0, 20.0, 1.0)])
    {'jpeg': [(40.0, 20.0)]}
    """
    curves = {name.removesuffix(SHEET): each for name, each in curves_of(points).items()}
    return {name: in_bits(curve) for name, curve in curves.items()}


def in_bits(curve: Curve) -> list[tuple[float, float]]:
    """Return a curve as bits an image and PSNR."""
    return [(round(8 * float(b), 4), round(float(q), 4)) for q, b in zip(*curve, strict=True)]


def format_points(images: Images, scores: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return what usual formats make of some images, all on one sheet, up to what models reach.

    Each is tried from its lowest quality on. Images that are neither gray nor RGB have none.

    Examples
    --------
    >>> import isthmus as ist
    >>> scores = [{"psnr": 20.0, "bits_per_image": 9}]
    >>> first = format_points(ist.load_images("digits").test, scores)[0]
    >>> first.codec, first.psnr < 22
    ('jpeg, one sheet', True)
    """
    tops = [curve[-1][1] for score in scores if (curve := curve_of(score))]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not tops:
        return []
    some = some_of(images)
    pixels = to_bytes(np.asarray(some), images.value_range)
    top = max(tops) + BEYOND
    return [point for name in writable(USUAL) for point in _points(name, pixels, top)]


def some_of(images: Images) -> Images:
    """Return the images that formats are tried on, evenly spaced over all."""
    return images.evenly(max(1, MOST // pixels_of(images)))


def _points(name: str, pixels: np.ndarray, top: float) -> Iterator[Point]:
    all_of_it = settings_of(name, grey=pixels.shape[-1] == 1)
    middle = all_of_it[len(all_of_it) // 2]
    shares = shares_of(in_files(pixels, middle)[0], pixels, middle)
    for _, settings in groupby(all_of_it, key=lambda setting: setting.way):
        for setting in settings:
            size, back = on_one_sheet(pixels, setting)
            quality = psnr(pixels, back)
            if math.isfinite(quality):
                each = Each(size * shares, wrong_by_image(pixels, back))
                found = size / len(pixels), quality, math.nan
                yield Point(name + SHEET, setting.quality, *found, way=setting.way, each=each)
            if quality > top:
                break


def beside(
    points: Sequence[Point], images: Images, models: Mapping[str, Representation]
) -> dict[str, Any]:
    """Return of every model its curve of the images that formats were tried on, and intervals.

    "ends" has by format the 95 % intervals, over images which are the same of both, of "share",
    the bits at the best quality of the model as a share of those of the format, and of "bd_rate".
    What all images of a file share is divided among all that are held out.
    """
    some, found = some_of(images), {}
    for name, model in models.items():
        if points and model.can("decode"):
            try:
                found[name] = _intervals(
                    [*_of_model(name, model, some, len(images)), *points], name
                )
            except Exception:  # of a model of one's own it may be any: its scores say which
                found[name] = {}
    return found


def _of_model(name: str, model: Representation, some: Images, count: int) -> Iterator[Point]:
    """Yield the points of a model, as if all images that are held out were in its file."""
    for each in Costs(model, some).points:
        own = replace(each, shared=each.shared * len(some) / count)
        yield Point(name, 0.0, own.rate, own.psnr, math.nan, each=own)


def _intervals(points: Sequence[Point], name: str) -> dict[str, Any]:
    curves = {codec: curve for codec, curve in curves_of(points).items() if len(curve[0])}
    again = {codec: resampled_of(points, codec) for codec in curves}
    if again.get(name) is None:
        return {}
    ends: dict[str, dict[str, Any]] = {}
    for other, delta in deltas(curves, name, again).items():
        share = share_ends(curves[name], curves[other], again[name], again[other])
        ends[other.removesuffix(SHEET)] = {"share": share, "bd_rate": delta.rate_ends}
    return plain({"curve": in_bits(curves[name]), "ends": ends}, digits=5, finite=True)


def compared(
    scores: Sequence[Mapping[str, Any]], formats: Curves, told: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return a record a model: its bits, and of every format its bits there and BD-rate.

    With intervals, and of the same images, where `beside` has told of a model.

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
        own = (told or {}).get(score["model"]) or {}
        if formats and (curve := [(b, q) for b, q in own.get("curve", ())] or curve_of(score)):
            ends = own.get("ends", {})
            by = {name: _beside(curve, f, ends.get(name, {})) for name, f in formats.items()}
            bits, at = curve[-1]
            rows.append({"model": score["model"], "at": at, "bits": bits, "formats": by})
    return rows


def _beside(
    curve: Sequence[tuple[float, float]],
    other: Sequence[tuple[float, float]],
    ends: Mapping[str, Any],
) -> dict[str, Any]:
    (rates, quality), theirs = (np.array(points).T for points in (curve, other))
    found = bjontegaard((rates, quality), (theirs[0], theirs[1]))
    return {
        "bits": at_quality(theirs[0], theirs[1], curve[-1][1]),
        "single": len(curve) == 1,
        "starts": other[0][1],
        "ends": other[-1][1],
        "share_ends": ends.get("share"),
        "bd_rate": found.rate if found.is_told else None,
        "bd_rate_ends": ends.get("bd_rate") if found.is_told else None,
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
        if ends := found.get("share_ends"):
            share += f" ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
        yield f"{share} of {significant(found['bits'])} bits{lowest}"
    if found["bd_rate"] is not None:
        told = ends_in_words(found.get("bd_rate_ends"))
        shared = f"{found['low']:.1f} to {found['high']:.1f} dB"
        yield f"BD-rate {100 * found['bd_rate']:+.1f} %{told}, {shared}"
    elif found["low"] is None:
        yield "one quality alone" if found["single"] else "no quality in common"
    else:
        yield f"too little in common for BD-rate: {found['low']:.1f} to {found['high']:.1f} dB"
