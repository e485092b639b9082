"""Old names of modules, which keep working for one release."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MOVED = {
    "isthmus.budget": "isthmus.training.budget",
    "isthmus.codes": "isthmus.latent.codes",
    "isthmus.files": "isthmus.system.files",
    "isthmus.fingerprints": "isthmus.fitted.fingerprints",
    "isthmus.health": "isthmus.fitted.health",
    "isthmus.heldout": "isthmus.fitted.heldout",
    "isthmus.memory": "isthmus.system.memory",
    "isthmus.neighbors": "isthmus.latent.neighbors",
    "isthmus.pace": "isthmus.system.pace",
    "isthmus.progress": "isthmus.system.progress",
    "isthmus.projections": "isthmus.latent.projections",
    "isthmus.scaling": "isthmus.nets.scaling",
    "isthmus.store": "isthmus.fitted.store",
    "isthmus.scores": "isthmus.metrics",
    "isthmus.search": "isthmus.latent.neighbors",
    "isthmus.territories": "isthmus.verbs.territory",
    "isthmus.views": "isthmus.plots",
}
"""Modules that documentation has shown, and where they are now; what is inside moves along."""


def moved_name(old: str, new: str, name: str) -> Any:
    """Return what a module held that is in another now, and say so."""
    if name.startswith("_") or not hasattr(module := import_module(new), name):
        raise AttributeError(f"module {old!r} has no attribute {name!r}")
    message = f"{old}.{name} is now {new}.{name}; the old name goes with the next release"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
    return getattr(module, name)


class _Old(Loader):
    """Stands for a module under its old name."""

    def __init__(self, target: str):
        self.target = target

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make one, which is thrown away."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that has the new name in its place, and say so."""
        name = module.__name__
        message = f"{name} is now {self.target}; the old name goes with the next release"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        sys.modules[name] = import_module(self.target)


class _Finder(MetaPathFinder):
    """Finds old names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for old, new in MOVED.items():
            if name == old or name.startswith(f"{old}."):
                return ModuleSpec(name, _Old(new + name.removeprefix(old)))
        return None


def install() -> None:
    """Let `import` find modules under their old names."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())  # parts of a package are found by its path otherwise
