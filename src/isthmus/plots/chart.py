"""A figure of matplotlib that a notebook shows as a picture, without `%matplotlib inline`."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

DPI = 100


class Chart(Figure):
    r"""A figure that shows itself; all else is matplotlib's.

    Examples
    --------
    >>> chart = Chart(figsize=(2, 1))
    >>> chart._repr_png_()[:4]
    b'\x89PNG'
    """

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=DPI, facecolor="white")
        return stream.getvalue()
