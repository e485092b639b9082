"""Pictures of images, codes and models: sheets, charts, strips and maps."""

from isthmus.plots.charts import curves, rate_against_error
from isthmus.plots.figures import data_uri, sheet
from isthmus.plots.maps import draw
from isthmus.plots.palettes import palette
from isthmus.plots.pixels import limits_of

__all__ = [
    "curves",
    "data_uri",
    "draw",
    "limits_of",
    "palette",
    "rate_against_error",
    "sheet",
]
