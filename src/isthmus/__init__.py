"""isthmus learns narrow representations of images; `Images` in, codes out, and back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from isthmus import moved
from isthmus.families import FAMILIES

__version__ = "0.1.0.dev0"

moved.install()

_HOMES = {
    "Images": "data.images",
    "Index": "neighbors",
    "Map": "verbs.map",
    "NeuralRepresentation": "neural",
    "Representation": "base",
    "cluster": "verbs.cluster",
    "confusion": "verbs.territory",
    "contact_sheet": "plots.drawing",
    "compress": "codec.compress",
    "decompress": "codec.compress",
    "denoise": "verbs.denoise",
    "directions": "verbs.edit",
    "edit": "verbs.edit",
    "finetune": "verbs.finetune",
    "generate": "verbs.generate",
    "load_images": "data.readers",
    "load_model": "store",
    "morph": "verbs.morph",
    "nearest": "verbs.nearest",
    "novelty": "verbs.novelty",
    "probe": "verbs.probe",
    "rate_distortion": "codec.rate_distortion",
    "reconstruct": "verbs.reconstruct",
    "register": "families",
    "segment": "verbs.segment",
    "study": "studies.study",
    "territory": "verbs.territory",
    "traverse": "verbs.traverse",
    "with_noise": "data.corrupt",
    **{class_name: f"models.{name}" for name, class_name in FAMILIES.items()},
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: torch and scikit-learn take seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'isthmus' has no attribute {name!r}")
    return getattr(import_module(f"isthmus.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
