"""Rate against distortion, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.palettes import palette
from isthmus.plots.plots import as_picture, chart

if TYPE_CHECKING:
    from PIL.Image import Image

OTHERS = {
    "jpeg": "#b26a00",
    "webp": "#5a8f29",
    "avif": "#a3479b",
    "png": "#777777",
    "jpeg2000": "#0f8b8d",
    "jpegxl": "#c1292e",
    "jpegls": "#8d6e63",
}
"""A colour for every format; lossless WebP has that of WebP, and so on."""


def draw_rates(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], exact: Mapping[str, float], title: str
) -> Image:
    """Return the chart of bytes an image against PSNR: models solid, formats dashed.

    Parameters
    ----------
    curves : dict of str to (array, array)
        PSNR and bytes an image of every model and format, the least first; empty where nothing is
        lost.
    exact : dict of str to float
        Bytes an image of those that lose nothing.
    title : str
        Above the chart.
    """
    figure, ((axis,),) = chart(width=8.4, height=5.2)
    models = [name for name in curves if "," not in name]
    colours = dict(zip(models, palette(len(models)), strict=True))
    for name, (psnr, size) in curves.items():
        style = _style(name, colours)
        if len(psnr):
            axis.plot(size, psnr, label=name, **style)
        else:
            label = f"{name}, nothing lost"
            axis.axvline(exact[name], label=label, **{**style, "marker": ""})
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
