"""Charts as pictures on white, with a title above them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from isthmus.plots.strips import PAPER, titled

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from PIL.Image import Image


def chart(
    rows: int = 1, columns: int = 1, width: float = 4.6, height: float = 3.4
) -> tuple[Figure, np.ndarray]:
    """Return an empty chart and its axes, (rows, columns) of the given size in inches each."""
    from isthmus.plots.chart import Chart

    figure = Chart(figsize=(width * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def as_picture(figure: Figure, title: str = "") -> Image:
    """Return a chart with its title as a picture of few colours, which keeps the file small."""
    from PIL import Image

    from isthmus.plots.chart import DPI

    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, facecolor=PAPER)
    with Image.open(stream) as picture:
        return titled(picture, title).quantize(128, dither=Image.Dither.NONE)
