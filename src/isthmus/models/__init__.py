"""The families: one file each, one line each in the table below."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

FAMILIES = {
    "kmeans": "KMeans",
    "pca": "PCA",
    "autoencoder": "Autoencoder",
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
        near = difflib.get_close_matches(name.lower(), FAMILIES, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no family is called {name!r}{hint} (there are: {', '.join(FAMILIES)})")
    return getattr(import_module(f"isthmus.models.{name}"), FAMILIES[name])


def name_of(model: Any) -> str:
    """Return the family name of a model or of a class."""
    cls = model if isinstance(model, type) else type(model)
    for name, class_name in FAMILIES.items():
        if class_name == cls.__name__:
            return name
    raise ValueError(f"{cls.__name__} is not one of the families {', '.join(FAMILIES)}")
