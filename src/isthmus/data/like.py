"""How images are loaded so that a model can take them: as those that it was fitted on."""

from __future__ import annotations

from typing import Any

from isthmus.data.decode import Rule
from isthmus.data.fitting import DEFAULTS
from isthmus.data.images import Images, with_channels


def rule_like(model: Any, given: Rule) -> Rule:
    """Return the rule that the images a model was fitted on were loaded by, at their size."""
    if given._replace(layout="auto", bits=None) != Rule():
        raise ValueError(
            "like= decides on size, fit, color, dtype and longest: leave these out, or load "
            "without like="
        )
    shape, known = with_channels(model.image_shape_), _known_loading(model)
    color = {1: "grey", 3: "rgb"}.get(shape[-1], "auto")
    free = len(shape) == 1 or getattr(model, "any_size", False)
    size = None if free else (shape[0], shape[1])
    rule = Rule(size, known["fit"], color, known["dtype"], bits=given.bits or known["bits"])
    return rule._replace(layout=given.layout, expected=tuple(model.image_shape_))


def _known_loading(model: Any) -> dict[str, Any]:
    return DEFAULTS | getattr(model, "fitting_", {})


def unit_like(model: Any, images: Images, per: str | None) -> str:
    """Return what one sample is to be; refuse what cannot be brought to the shape of a model."""
    shape, name = with_channels(model.image_shape_), type(model).__name__
    channels = {images.shape[-1], shape[-1]}
    alike = len(channels) == 1 or channels == {1, 3}
    if len(shape) == 1 and images.ndim == 4:
        if alike and (per or _known_loading(model)["per"]) == "pixel":
            return "pixel"
        if alike and per == "image":
            return per
    elif len(shape) + 1 == images.ndim and alike:
        return per or "image"
    wanted = f"images of {shape[-1]} channels"
    if len(shape) == 1 and _known_loading(model)["per"] != "pixel":
        wanted = f"vectors of {shape[0]} numbers"
    fitted = f"images of shape {shape}" if len(shape) == 3 else f"vectors of {shape[0]} numbers"
    found = "vectors" if images.ndim == 2 else "images"
    raise ValueError(
        f"this {name} was fitted on {fitted}, {images.source} holds {found} of shape "
        f"{images.shape[1:]}: give {wanted}"
    )
