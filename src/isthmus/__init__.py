"""isthmus learns narrow representations of images; `Images` in, codes out, and back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from isthmus.models import FAMILIES

__version__ = "0.1.0.dev0"

_HOMES = {
    "Images": "data.images",
    "Map": "layouts",
    "cluster": "grouping",
    "compress": "codec.archive",
    "decompress": "codec.archive",
    "denoise": "denoising",
    "directions": "edits",
    "edit": "edits",
    "finetune": "tuning",
    "generate": "samplers",
    "load_images": "data.readers",
    "load_model": "store",
    "morph": "walks",
    "nearest": "search",
    "novelty": "strangeness",
    "probe": "probing",
    "rate_distortion": "codec.rates",
    "reconstruct": "walks",
    "segment": "segments",
    "study": "studies",
    "territory": "territories",
    "traverse": "traversals",
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
