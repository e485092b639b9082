"""Curves of rate and distortion: bytes at a quality, and where one crosses another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isthmus.metrics.bjontegaard import Deltas, at_quality, bjontegaard, front, rates_at

Curve = tuple[np.ndarray, np.ndarray]
"""PSNR, and the bytes an image at each, both rising."""


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
    """

    codec: str
    setting: float
    bytes_per_image: float
    psnr: float
    ssim: float
    model_bytes: float = 0.0
    way: str = ""


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


def deltas(curves: dict[str, Curve], model: str) -> dict[str, Deltas]:
    """Return BD-rate and BD-PSNR of a model against every other codec that loses something."""
    ours = curves[model]
    others = {name: curve for name, curve in curves.items() if name != model and len(curve[0])}
    if not len(ours[0]):
        return {}
    return {name: bjontegaard(ours[::-1], other[::-1]) for name, other in others.items()}


def _crossing(ours: Curve, theirs: Curve) -> float | None:
    low, high = ours[0][0], min(ours[0][-1], theirs[0][-1])
    if low >= high:
        return float("nan")
    psnr = np.linspace(low, high, 2001)
    cheaper = rates_at(*ours[::-1], psnr) < rates_at(*theirs[::-1], psnr)
    if cheaper.all():
        return float("inf")
    return float(psnr[cheaper.nonzero()[0][-1]]) if cheaper.any() else None
