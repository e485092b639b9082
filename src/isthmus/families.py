"""The table of families: one line each; each is a file of `isthmus.models`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from isthmus.validation import hint

FAMILIES = {
    "kmeans": "KMeans",
    "pca": "PCA",
    "nmf": "NMF",
    "som": "SOM",
    "autoencoder": "Autoencoder",
    "vae": "VAE",
    "gan": "GAN",
    "classifier": "Classifier",
    "pixelnet": "PixelNet",
}
"""Name of the family, which is its module here and its name on the command line, and its class."""


def family(name: str) -> Any:
    """Return the class of a family by its name.

    Raises
    ------
    ValueError
        If there is no such family; the nearest name is suggested.

    Examples
    --------
    >>> family("pca").__name__
    'PCA'
    """
    if name not in FAMILIES:
        there = ", ".join(FAMILIES)
        raise ValueError(
            f"no family is called {name!r}{hint(name, FAMILIES)} (there are: {there})"
        )
    return getattr(import_module(f"isthmus.models.{name}"), FAMILIES[name])


def every_name() -> list[str]:
    """Return every family and every variant of one, as "autoencoder-conv".

    Examples
    --------
    >>> every_name()[:2]
    ['kmeans', 'pca']
    """
    return [
        name + variant
        for name in FAMILIES
        for variant in ("", *(f"-{variant}" for variant in family(name).variants))
    ]


def named(name: str) -> tuple[Any, dict[str, Any]]:
    """Return the class of a family or variant, and the parameters that make it that variant.

    Examples
    --------
    >>> named("autoencoder-conv")[1]
    {'architecture': 'conv'}
    """
    base, _, variant = name.partition("-")
    cls = family(base)
    if variant and variant not in cls.variants:
        known = ", ".join(f"{base}-{known}" for known in cls.variants) or "none"
        raise ValueError(f"{base} has no variant {name!r} (there are: {known})")
    return cls, cls.variants[variant] if variant else {}


def name_of(model: Any) -> str:
    """Return the family name of a model or of a class.

    Raises
    ------
    ValueError
        If it is another class, be it called like a family or derived from one.
    """
    cls = model if isinstance(model, type) else type(model)
    for name, class_name in FAMILIES.items():
        module = sys.modules.get(f"isthmus.models.{name}")
        if module is not None and getattr(module, class_name) is cls:
            return name
    raise ValueError(
        f"{cls.__module__}.{cls.__qualname__} is a class of your own, none of the families "
        f"{', '.join(FAMILIES)}: saved under such a name it would come back as another class; "
        "use a family and its parameters, or keep what get_params() and the learned arrays say"
    )
