"""Rate against distortion, drawn, and said in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.codec.rate_distortion import Point, crossings, curves_of
from isthmus.plots.drawing import as_picture, chart
from isthmus.plots.maps import palette

if TYPE_CHECKING:
    from PIL.Image import Image

OTHERS = {"jpeg": "#b26a00", "webp": "#5a8f29", "avif": "#a3479b", "png": "#777777"}
"""A colour for every format; lossless WebP has that of WebP."""


def draw_rates(points: Sequence[Point], title: str) -> Image:
    """Return the chart of bytes an image against PSNR: models solid, formats dashed.

    Parameters
    ----------
    points : sequence of Point
        From `isthmus.rate_distortion`.
    title : str
        Above the chart.
    """
    figure, ((axis,),) = chart(width=8.4, height=5.2)
    models = [name for name in curves_of(points) if "," not in name]
    colours = dict(zip(models, palette(len(models)), strict=True))
    for name, (psnr, size) in curves_of(points).items():
        style = _style(name, colours)
        if len(psnr):
            axis.plot(size, psnr, label=name, **style)
        else:
            exact = next(p for p in points if p.codec == name)
            label = f"{name}, nothing lost"
            axis.axvline(exact.bytes_per_image, label=label, **{**style, "marker": ""})
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set(xlabel="bytes an image (fewer is better)", ylabel="PSNR in dB (higher is better)")
    axis.grid(alpha=0.2, which="both")
    axis.legend(frameon=False, fontsize=8, bbox_to_anchor=(1.01, 1), loc="upper left")
    return as_picture(figure, title)


def _style(name: str, models: dict[str, str]) -> dict[str, Any]:
    if name in models:
        return {"color": models[name], "marker": "o", "linewidth": 2}
    colour = OTHERS[name.partition(",")[0].partition("-")[0]]
    sheet = name.endswith("sheet")
    return {
        "color": colour,
        "marker": "s" if sheet else "x",
        "linestyle": "--" if sheet else ":",
        "linewidth": 1.2,
        "markersize": 4,
    }


def verdicts_of(points: Sequence[Point]) -> dict[str, str]:
    """Return for every model, in words, up to which PSNR it needs fewer bytes than the formats."""
    said = {}
    for name in (name for name in curves_of(points) if "," not in name):
        found = crossings(points, name)
        size = next(p.model_bytes for p in points if p.codec == name)
        parts = [_verdict(other, psnr) for other, psnr in found.items() if "sheet" in other]
        told = "; ".join(parts) or "beside no other codec"
        said[name] = f"{told}. The model adds {size:.3g} bytes an image if it is counted."
    return said


def _verdict(other: str, psnr: float | None) -> str:
    if psnr is None:
        return f"more bytes than {other}"
    if np.isnan(psnr):
        return f"no quality in common with {other}"
    return f"fewer bytes than {other} " + (
        "wherever both reach" if np.isinf(psnr) else f"up to {psnr:.1f} dB"
    )
