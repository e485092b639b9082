"""Figures of every held-out image by every fit of a study: differences are computed from them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeAlias

import numpy as np

from isthmus.data.images import Images
from isthmus.fitted.heldout import row_hashes
from isthmus.fitted.tensor_files import read_tensors, write_tensors

FILE = "each.safetensors"
"""Their file in the folder of a study."""
KEY = "isthmus_figures"
OF = "of"
"""Beside the figures of a fit: which images they are of."""

Figures: TypeAlias = dict[str, np.ndarray]
Each: TypeAlias = dict[str, dict[int, Figures]]
"""By model and seed: the figures of every image by the name of their metric."""


def figures_of(images: Images, each: Figures) -> Figures:
    """Return figures, errors in single precision, beside what tells their images from others."""
    found = hashlib.blake2b(row_hashes(images).tobytes(), digest_size=8).digest()
    small = {k: v if v.dtype == bool else v.astype(np.float32) for k, v in each.items()}
    return small | {OF: np.frombuffer(found, dtype=np.int64)}


def write_each(folder: Path, each: Each) -> None:
    """Write the figures of every fit to the folder of a study."""
    import torch

    tensors = {
        f"{key}/{seed}/{model}": torch.from_numpy(np.array(values))
        for model, fits in each.items()
        for seed, figures in fits.items()
        for key, values in figures.items()
    }
    write_tensors(folder / FILE, tensors, KEY, {})


def read_each(folder: Path) -> tuple[Each, list[str]]:
    """Return the figures in the folder of a study, and what a reader is to know of them.

    Older studies have none.
    """
    path = folder / FILE
    if not path.is_file():
        return {}, []
    try:
        return _parted(path), []
    except (ValueError, OSError) as error:
        return {}, [f"Differences are not of the same images: {error}."]


def _parted(path: Path) -> Each:
    found: Each = {}
    for name, values in read_tensors(path, KEY)[0].items():
        key, seed, model = [*name.split("/", 2), "", ""][:3]
        array = values.numpy()
        if not seed.isdecimal() or array.ndim != 1 or array.dtype not in (bool, "f4", "i8"):
            raise ValueError(f"{path} is damaged: it has no figures called {name[:50]!r}")
        found.setdefault(model, {}).setdefault(int(seed), {})[key] = array
    return found
