"""How images are loaded so that a model can take them: as those that it was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data import ranges as ends
from isthmus.data.decode import Rule
from isthmus.data.fitting import loading_of
from isthmus.data.images import Images, with_channels
from isthmus.data.numbers import KEEP, UNIT, Asked, is_unit_like
from isthmus.data.ranges import SIGNED, from_bytes
from isthmus.data.values import ImagesLike, as_array, depth_if_deep

WIDE = 8
"""From this width on, numbers between black and white are none from 0 to 1."""

if TYPE_CHECKING:
    from isthmus.base import Representation


def rule_like(model: Representation, given: Rule, resize: str | None = None) -> Rule:
    """Return the rule that the images a model was fitted on were loaded by, at their size.

    What is given in place of it has to be something that the model can take.
    """
    if (given.dtype, given.longest) != (Rule().dtype, None):
        raise ValueError(
            "like= decides on dtype and longest: leave these out, or load without like="
        )
    shape, known = with_channels(model.image_shape_), loading_of(model)
    color = {1: "grey", 3: "rgb"}.get(shape[-1], "auto")
    free = len(shape) == 1 or model.any_size
    size = None if free else (shape[0], shape[1])
    _refuse_other(model, given, size, color)
    size = given.size or size
    rule = Rule(size, resize or known["fit"], color, known["dtype"])
    asked = given.value_range or _range_known(model)
    rule = rule._replace(bits=given.bits or known["bits"], layout=given.layout, value_range=asked)
    rule = rule._replace(nth=given.nth or known["nth"], usual=known["layout"])
    rule = rule._replace(raster=given.raster or known["range_by"] == "file")
    return rule._replace(expected=tuple(model.image_shape_), columns=given.columns)


def _range_known(model: Representation) -> Asked:
    """Return by which `value_range` arrays are read as those that a model was fitted on."""
    known = loading_of(model)
    if known["range_by"] == "given" and isinstance(known["value_range"], list):
        return known["value_range"]
    return UNIT if tuple(getattr(model, "range_", ())) == ends.UNIT else KEEP


def read_as(model: Representation, array: np.ndarray) -> tuple[Asked, str]:
    """Return the `value_range` and the layout by which a fitted model takes an array.

    Numbers that look like those a model works with, as decoded images do, are not read again.
    """
    known = loading_of(model)["value_range"]
    asked = known if isinstance(known, list) else _range_known(model)
    if isinstance(asked, list) and (asked[1] - asked[0] < WIDE or is_unit_like(array)):
        asked = KEEP
    shape = with_channels(model.image_shape_)
    if array.ndim == 3:
        return asked, "hwc" if array.shape == shape else "nhw"
    if array.ndim != 4:
        return asked, "auto"
    turned = (*array.shape[2:], array.shape[1])
    first = array.shape[-1] != shape[-1] == turned[-1] and (model.any_size or turned == shape)
    return asked, "nchw" if first else "nhwc"


def _refuse_other(
    model: Representation, given: Rule, size: tuple[int, int] | None, color: str
) -> None:
    """Refuse a size or a colour that a model cannot take."""
    name, shape = type(model).__name__, "x".join(map(str, model.image_shape_))
    if given.size and size and given.size != size:
        raise ValueError(
            f"size={given.size[0]}x{given.size[1]}: this {name} was fitted on images of {shape} "
            "and takes no others; leave size out, or fit one on that size"
        )
    if given.color not in ("auto", color):
        taken = {"auto": "their bands"}.get(color, color)
        raise ValueError(
            f"color={given.color}: this {name} was fitted on images of {shape}, {taken}, and "
            "takes no others; leave color out, or fit one on that"
        )


def unit_like(model: Representation, images: Images, per: str | None) -> str:
    """Return what one sample is to be; refuse what cannot be brought to the shape of a model."""
    shape, name = with_channels(model.image_shape_), type(model).__name__
    channels = {images.shape[-1], shape[-1]}
    alike = len(channels) == 1 or channels == {1, 3}
    if len(shape) == 1 and images.ndim == 4:
        if alike and (per or loading_of(model)["per"]) == "pixel":
            return "pixel"
        if alike and per == "image":
            return per
    elif len(shape) + 1 == images.ndim and alike:
        return per or "image"
    wanted = f"images of {shape[-1]} channels"
    if len(shape) == 1 and loading_of(model)["per"] != "pixel":
        wanted = f"vectors of {shape[0]} numbers"
    fitted = f"images of shape {shape}" if len(shape) == 3 else f"vectors of {shape[0]} numbers"
    found = "vectors of {} numbers" if images.ndim == 2 else "images of {} channels"
    raise ValueError(
        f"this {name} was fitted on {fitted}, {images.source} holds "
        f"{found.format(images.shape[-1])}: give {wanted}"
    )


def of_fixed_size(models: Mapping[str, Any]) -> str | None:
    """Return the name of the first of several models that does not take images of any size."""
    return next((name for name, model in models.items() if not model.any_size), None)


def like_all(models: Mapping[str, Any]) -> tuple[str, str]:
    """Return which of several models images are to be loaded like, and a note on the others.

    It is the first that does not take images of any size. The note says who was fitted on images
    brought to their shape by another rule, "" where all have the same.
    """
    name = of_fixed_size(models) or next(iter(models))
    fits = {n: loading_of(model)["fit"] for n, model in models.items()}
    others = ", ".join(f"{n} ({fit})" for n, fit in fits.items() if fit != fits[name])
    return name, f"fitted as {name} ({fits[name]}), not as {others}" if others else ""


def range_like(model: Representation | None, images: Images) -> Images:
    """Return pixels of 0 to 255 as -1 to 1 where a model was fitted on that; else as they are.

    Files know no other black and white, floats may be anything.
    """
    if images.dtype != np.uint8 or tuple(getattr(model, "range_", ())) != SIGNED:
        return images
    return replace(images, data=from_bytes(np.asarray(images), SIGNED), rows=None)


def bits_for(model: Representation, X: ImagesLike, reset: bool) -> int | None:
    """Return the depth that 16-bit images are scaled by: on `reset` theirs, else the model's.

    Raises
    ------
    ValueError
        If Images were scaled by another one already.
    """
    there = X.loading.get("bits") if isinstance(X, Images) else depth_if_deep(as_array(X))
    if reset:
        return there
    learnt = loading_of(model)["bits"]
    if isinstance(X, Images) and None not in (there, learnt) and there != learnt:
        raise ValueError(
            f"{X.source} was read as images of {there} bits, this {type(model).__name__} was "
            f"fitted on {learnt}: load them by like=model, or by bits={learnt}"
        )
    return learnt or there
