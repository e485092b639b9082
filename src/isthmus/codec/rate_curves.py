"""Curves of rate and distortion: bytes at a quality, and where one crosses another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from isthmus.metrics.bjontegaard import (
    Again,
    Deltas,
    at_quality,
    bjontegaard,
    front,
    log_rates_at,
    on_front,
    rates_at,
)
from isthmus.metrics.paired import resampled

Curve = tuple[np.ndarray, np.ndarray]
"""PSNR, and the bytes an image at each, both rising."""


@dataclass(frozen=True)
class Each:
    """What every image takes, and what is wrong with it: it has no say in whether points agree.

    Attributes
    ----------
    sizes, errors : ndarray of shape (n,)
        Bytes, and the mean squared error by a range of 1.
    shared : float
        Bytes that belong to none of them.
    """

    sizes: np.ndarray = field(compare=False)
    errors: np.ndarray = field(compare=False)
    shared: float = field(default=0.0, compare=False)

    @property
    def rate(self) -> float:
        """Bytes an image, all counted."""
        return float(self.sizes.mean()) + self.shared / len(self.sizes)

    @property
    def psnr(self) -> float:
        """Of all images together, in dB."""
        error = float(self.errors.mean())
        return -10 * math.log10(error) if error else math.inf

    def again(self) -> tuple[np.ndarray, np.ndarray]:
        """Return bytes an image and PSNR of images that are drawn again, the same of all codecs.

        Examples
        --------
        >>> bytes_per_image, psnr = Each(np.full(9, 5.0), np.full(9, 0.01), 18).again()
        >>> round(float(bytes_per_image[0]), 4), round(float(psnr[0]), 4)
        (7.0, 20.0)
        """
        sizes, errors = resampled(np.stack([self.sizes, self.errors], axis=1)).T
        with np.errstate(divide="ignore"):
            return sizes + self.shared / len(self.sizes), -10 * np.log10(errors)


def wrong_by_image(pixels: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Return the mean squared error of every image of bytes (n, h, w, c), by a range of 1.

    Examples
    --------
    >>> wrong_by_image(np.zeros((2, 1, 1, 1), np.uint8), np.full((2, 1, 1, 1), 255, np.uint8))
    array([1., 1.])
    """
    wrong = (pixels.astype(np.float64) - back) / 255
    error: np.ndarray = np.square(wrong).reshape(len(pixels), -1).mean(1)
    return error


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
    way : str
        How else a format was written, as "4:2:0" or "speed 6".
    each : Each, optional
        What every image takes. Of a sheet, by what files of their own would take.
    """

    codec: str
    setting: float
    bytes_per_image: float
    psnr: float
    ssim: float
    model_bytes: float = 0.0
    way: str = ""
    each: Each | None = None


def crossings(points: Sequence[Point], model: str) -> dict[str, float | None]:
    """Return up to which PSNR a model needs fewer bytes than each format.

    A format that starts above a PSNR counts at its lowest point, as nothing cheaper is to be had.

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
        the model needs more bytes wherever it was measured; infinity where it needs fewer; NaN
        where the codec ends below the model's first point.

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


def curves_of(points: Sequence[Point]) -> dict[str, Curve]:
    """Return the curve of every codec that loses something: points that no other of it beats."""
    curves: dict[str, Curve] = {}
    for name in dict.fromkeys(point.codec for point in points):
        own = [p for p in points if p.codec == name and np.isfinite(p.psnr)]
        curves[name] = np.empty(0), np.empty(0)
        if own:
            rates, psnr = front([p.bytes_per_image for p in own], [p.psnr for p in own])
            curves[name] = psnr, np.exp(rates)
    return curves


def bytes_at(curve: Curve, psnr: float) -> float | None:
    """Return the bytes an image at a PSNR, None beyond the best; below it those of the lowest."""
    return at_quality(curve[1], curve[0], psnr) if len(curve[0]) else None


def resampled_of(points: Sequence[Point], codec: str) -> Again | None:
    """Return rates and PSNRs of a codec of images that are drawn again, (times, points) each.

    The points are those of its curve (`curves_of`); None where single images are not known, where
    there are not 2 of them, or some of them lose nothing at all.
    """
    own = [p for p in points if p.codec == codec and np.isfinite(p.psnr)]
    each = [p.each for p in own if p.each is not None and len(p.each.sizes) > 1]
    if not own or len(each) < len(own):
        return None
    rows = on_front([p.bytes_per_image for p in own], [p.psnr for p in own])
    drawn = [each[row].again() for row in rows]
    rates, psnr = (np.stack(parts, axis=1) for parts in zip(*drawn, strict=True))
    return (rates, psnr) if np.isfinite(psnr).all() else None


def deltas(
    curves: dict[str, Curve], model: str, again: Mapping[str, Again | None] | None = None
) -> dict[str, Deltas]:
    """Return BD-rate and BD-PSNR of a model against every other codec that loses something.

    With intervals where `again` has both, see `resampled_of`.
    """
    ours = curves[model]
    others = {name: curve for name, curve in curves.items() if name != model and len(curve[0])}
    if not len(ours[0]):
        return {}
    drawn = again or {}
    return {
        name: bjontegaard(ours[::-1], other[::-1], drawn.get(model), drawn.get(name))
        for name, other in others.items()
    }


def share_ends(
    ours: Curve, theirs: Curve, again: Again | None, anew: Again | None
) -> tuple[float, float] | None:
    """Return the 95 % interval of the share of a codec's bytes that ours takes at its best PSNR.

    That PSNR moves with the images. None where the other ends below, or single images are not
    known.
    """
    best = ours[0][-1]
    if again is None or anew is None or best > theirs[0][-1]:
        return None
    other = log_rates_at(theirs[::-1], anew, best, again[1][:, -1])
    apart = np.log(again[0][:, -1]) - other
    low, high = np.exp(np.quantile(apart, (0.025, 0.975))).tolist()
    return low, high


def within_at(curve: Curve, again: Again | None, psnr: float) -> float | None:
    """Return half of the 95 % interval of the bytes an image at a PSNR; None if not known."""
    if again is None or not len(curve[0]) or psnr > curve[0][-1]:
        return None
    low, high = np.quantile(log_rates_at(curve[::-1], again, psnr), (0.025, 0.975))
    return float(np.exp(high) - np.exp(low)) / 2


def _crossing(ours: Curve, theirs: Curve) -> float | None:
    low, high = ours[0][0], min(ours[0][-1], theirs[0][-1])
    if low >= high:
        return float("nan")
    psnr = np.linspace(low, high, 2001)
    cheaper = rates_at(*ours[::-1], psnr) < rates_at(*theirs[::-1], psnr)
    if cheaper.all():
        return float("inf")
    return float(psnr[cheaper.nonzero()[0][-1]]) if cheaper.any() else None
