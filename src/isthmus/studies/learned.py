"""What a model is made of, as pictures: its parts, grids of images, and planes of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.figures import sheet
from isthmus.plots.heat import heat
from isthmus.studies.pictures import SHEET_WIDTH, Pictures

if TYPE_CHECKING:
    from isthmus.base import Representation

PART_ROWS = 5
SIGNED_KEY = {
    True: "Orange raises a pixel, blue lowers it, grey leaves it alone; each on its own scale.",
    False: "Mid-grey is zero; each on its own scale.",
}


def shown(models: Mapping[str, Any], pictures: Pictures) -> dict[str, list[dict[str, Any]]]:
    """Return figures for every model that has something to show.

    ``parts()`` gives arrays of images: (n, *shape) fill a sheet row by row, and those with one
    more dimension, (rows, columns, *shape), keep their rows and columns. ``planes()`` gives grids
    of numbers.
    """
    figures = pictures.each(
        "parts", {name: partial(_figures, model, pictures) for name, model in models.items()}
    )
    return {name: found for name, found in figures.items() if found}


def _figures(model: Representation, pictures: Pictures) -> list[dict[str, Any]]:
    return [
        *(_part(title, array, pictures) for title, array in model.parts().items()),
        *(_plane(title, array) for title, array in model.planes().items()),
    ]


def _part(title: str, array: np.ndarray, pictures: Pictures) -> dict[str, Any]:
    if array.ndim > pictures.test.ndim:
        return _grid(title, array, pictures)
    signed = title.lower().startswith("components")
    one_colour = array.ndim < 4 or array.shape[-1] == 1
    most = PART_ROWS * pictures.columns(SHEET_WIDTH)
    return {
        "title": title,
        "key": SIGNED_KEY[one_colour] if signed else "",
        "shown": min(len(array), most),
        "n": len(array),
        **pictures.sheet(array[:most], SHEET_WIDTH, signed=signed),
    }


def _grid(title: str, array: np.ndarray, pictures: Pictures) -> dict[str, Any]:
    rows, columns = array.shape[:2]
    images = array.reshape(rows * columns, *array.shape[2:])
    whole = max(1, round(SHEET_WIDTH / (columns * pictures.pitch) * pictures.scale))
    scale = min(pictures.scale, whole) if pictures.pixelated else pictures.scale
    picture = sheet(images, columns, limits=pictures.limits, scale=scale, gap=1)
    key = f"{rows} row{'s' * (rows > 1)} of {columns}."
    return {"title": title, "key": key, "shown": 1, "n": 1, **pictures.embed(picture)}


def _plane(title: str, values: np.ndarray) -> dict[str, Any]:
    from markupsafe import Markup

    return {"title": title, "key": "", "shown": 1, "n": 1, "svg": Markup(heat(values, title))}
