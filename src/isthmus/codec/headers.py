"""What the header of a compressed file may say, and whether it fits the model of the file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from isthmus.data.decode import FITS
from isthmus.data.formats import MAX_PIXELS
from isthmus.data.images import with_channels
from isthmus.system import schema
from isthmus.system.schema import Schema

if TYPE_CHECKING:
    from isthmus.base import Representation

EVERY: Schema = {
    "family": schema.text,
    "fingerprint": schema.text,
    "count": schema.positive,
    "lossless": schema.flag,
    "model": schema.flag,
    "found_at?": schema.maybe(schema.text),
    "range?": schema.rows(schema.finite, 2),
}
IMAGES: Schema = {
    **EVERY,
    "shape": schema.rows(schema.positive),
    "code": schema.rows(schema.positive),
    "sizes?": schema.text,
    "fit?": schema.word(*FITS),
}
"""Of whole images of one size."""
TILES: Schema = {
    **EVERY,
    "tile": schema.rows(schema.positive, 3),
    "range": schema.rows(schema.finite, 2),
}
"""Of image files in tiles."""
MOST_VALUES = 4 * MAX_PIXELS
"""Values of one image, at most."""


def check_header(header: Mapping[str, Any]) -> None:
    """Refuse a header that says other things than such headers do.

    Raises
    ------
    ValueError
        If it does.
    """
    schema.checked(header, TILES if "tile" in header else IMAGES)
    if not header.get("range", (0, 1))[0] < header.get("range", (0, 1))[1]:
        raise ValueError(f"images from {header['range'][0]:g} to {header['range'][1]:g}")
    values = math.prod(header.get("tile") or header["shape"])
    if values > MOST_VALUES:
        raise ValueError(f"images of {values:,} values, at most {MOST_VALUES:,} are read")


def check_model(header: Mapping[str, Any], model: Representation) -> None:
    """Refuse codes and images that are none of a model's, before any memory is taken for them.

    Raises
    ------
    ValueError
        If they are.
    """
    shape, code = tuple(header["shape"]), tuple(header["code"])
    there = tuple(model.image_shape_)
    if not model.any_size and with_channels(shape) != with_channels(there):
        raise ValueError(f"images of {shape}, its model is of {there}")
    if code != tuple(model.code_shape_of(shape)):
        raise ValueError(f"codes of {code}, its model has {tuple(model.code_shape_of(shape))}")
