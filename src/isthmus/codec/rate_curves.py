"""Curves of rate and distortion: bytes at a quality, and where one crosses another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


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
