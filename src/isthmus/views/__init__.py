"""Pictures of images, codes and models: sheets, charts, maps and the report of a study."""

from isthmus.views.charts import curves, rate_against_error
from isthmus.views.figures import data_uri, limits_of, sheet
from isthmus.views.maps import draw, layout, palette
from isthmus.views.report import write_report

__all__ = [
    "curves",
    "data_uri",
    "draw",
    "layout",
    "limits_of",
    "palette",
    "rate_against_error",
    "sheet",
    "write_report",
]
