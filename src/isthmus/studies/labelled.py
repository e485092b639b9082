"""Label maps of held-out images: the truth, and what a per-pixel network says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots.figures import sheet
from isthmus.plots.overlays import coloured
from isthmus.plots.palettes import palette
from isthmus.studies.pictures import SHEET_WIDTH, Pictures

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.studies.outcome import Study

SHOWN = 4
"""Held-out images whose label maps are drawn."""


def shown(study: Study, pictures: Pictures) -> dict[str, Any]:
    """Return strips of images, true and predicted label maps, and the colours of the classes."""
    images = study.images.test[:SHOWN]
    able = {name: model for name, model in study.models.items() if _labels_pixels(model)}
    if not able:
        return {"strips": [], "legend": []}
    classes = _classes(study.images, able)
    strips = [{"name": "Images", "note": "held out", **pictures.sheet(np.asarray(images), WIDTH)}]
    if images.label_maps is not None:
        strips.append(_strip("Truth", "label maps", images.label_maps, len(classes), pictures))

    def predicted(name: str, model: Representation) -> dict[str, Any]:
        labels = np.asarray(model.predict(images))
        return _strip(name, "predicted", labels, len(classes), pictures)

    draw = {name: partial(predicted, name, model) for name, model in able.items()}
    strips += pictures.each("labels", draw).values()
    return {"strips": strips, "legend": list(zip(palette(len(classes)), classes, strict=True))}


WIDTH = 2 * SHEET_WIDTH


def _labels_pixels(model: Representation) -> bool:
    return model.can("segment") and model.can("predict")


def _classes(images: Images, models: dict[str, Any]) -> list[str]:
    most = max(len(model.class_labels_) for model in models.values())
    return list(images.map_classes or map(str, range(most)))


def _strip(
    name: str, note: str, label_maps: np.ndarray, n_classes: int, pictures: Pictures
) -> dict[str, Any]:
    drawn = sheet(
        coloured(label_maps, n_classes), pictures.columns(WIDTH), scale=pictures.scale, gap=4
    )
    return {"name": name, "note": note, **pictures.embed(drawn, photo=False)}
