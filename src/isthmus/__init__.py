"""isthmus learns narrow representations of images; `Images` in, codes out, and back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from isthmus import moved
from isthmus.families import FAMILIES
from isthmus.verbs import VERBS

__version__ = "0.1.0.dev0"

moved.install()

_HOMES = {
    "Images": "data.images",
    "Index": "latent.neighbors",
    "Map": "verbs.layouts",
    "NeuralRepresentation": "neural",
    "Representation": "base",
    "confusion": "verbs.closeness",
    "contact_sheet": "plots.sheets",
    "directions": "verbs.edit",
    "explore": "explorer.explore",
    "export": "explorer.explore",
    "info": "studies.info",
    "load_images": "data.readers",
    "load_model": "studies.opening",
    "load_study": "studies.stored",
    "register": "families",
    "register_reader": "data.registered",
    "reproduce": "reproduction.reproduce",
    "with_noise": "data.corrupt",
    **{name: verb.home for name, verb in VERBS.items()},
    **{class_name: f"models.{name}" for name, class_name in FAMILIES.items()},
}

__all__ = sorted(_HOMES.keys() - {"map"})  # a star import leaves Python's own map alone


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: torch and scikit-learn take seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'isthmus' has no attribute {name!r}")
    found = getattr(import_module(f"isthmus.{_HOMES[name]}"), name)
    if name not in VERBS:
        return found
    # models and images may be given by their places
    return import_module("isthmus.studies.opening").opening(found)


def __dir__() -> list[str]:
    return [*_HOMES, "__version__"]
