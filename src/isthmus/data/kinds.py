"""What kinds of files images were read from, and how much of each the common size leaves out."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO

import numpy as np

from isthmus.data.images import Images

LOOKED_AT = 20_000
"""Files that are opened to say their kind, evenly spaced."""
LISTED = 5


def kinds_of(images: Images) -> dict[str, int]:
    """Return how many files there are of every kind, as "JPEG RGB"; {} where there are none."""
    path = Path(images.source).expanduser()
    if images.names is None or not path.exists() or not (path.is_dir() or path.suffix == ".zip"):
        return {}
    names = images.evenly(LOOKED_AT).names
    if path.is_dir():
        return _counted(_kind(str(path / name)) for name in names)
    with closing(zipfile.ZipFile(path)) as archive:
        return _counted(_kind(io.BytesIO(archive.read(name))) for name in names)


MODES = {"1": "black and white", "L": "grey", "LA": "grey with transparency", "P": "palette",
         "RGBA": "RGB with transparency", "I;16": "grey of 16 bits"}  # fmt: skip
"""What Pillow calls kinds of pixels, in words."""


def kinds_in_words(kinds: Mapping[str, int]) -> str | None:
    """Return how many files there are of every kind; None where there are none.

    Examples
    --------
    >>> kinds_in_words({"JPEG RGB": 7, "PNG 1": 2})
    '7 JPEG RGB, 2 PNG black and white'
    """
    said = []
    for kind, n in kinds.items():
        file, _, mode = kind.partition(" ")
        said.append(f"{n:,} {file} {MODES.get(mode, mode)}")
    return ", ".join(said) or None


def _counted(kinds: Iterable[str]) -> dict[str, int]:
    return dict(Counter(kind for kind in kinds if kind).most_common())


def _kind(file: str | IO[bytes]) -> str:
    """Return format and mode of a file, "" if it is none that has any."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return f"{image.format} {image.mode}"
    except (OSError, ValueError, KeyError):
        return ""


def sizes_in_words(images: Images) -> str | None:
    """Return which sizes files have, the most frequent first; None where nothing is known.

    Examples
    --------
    >>> sizes_in_words(Images(np.zeros((3, 8, 8)), sizes=[[8, 8], [16, 8], [8, 8]]))
    '2: 2 of 8x8, 1 of 16x8'
    """
    if images.sizes is None or not len(images):
        return None
    found, counts = np.unique(images.sizes, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:LISTED]
    words = [f"{counts[i]:,} of {found[i][0]}x{found[i][1]}" for i in order.tolist()]
    more = len(found) - len(words)
    low, high = found.min(0), found.max(0)
    between = f", sides of {low[0]}x{low[1]} to {high[0]}x{high[1]}" if more else ""
    return f"{len(found):,}: {', '.join(words)}{f', {more:,} others' * bool(more)}{between}"


def lost(images: Images) -> np.ndarray:
    """Return the share of the area of every image that the common size has cut off, (n,).

    Examples
    --------
    >>> lost(Images(np.zeros((2, 8, 8)), sizes=[[8, 8], [16, 8]])).tolist()
    [0.0, 0.5]
    """
    if images.sizes is None or images.ndim == 2 or images.loading.get("fit", "crop") != "crop":
        return np.zeros(len(images))
    sides, wanted = np.asarray(images.sizes, float), np.array(images.shape[1:3], float)
    whole = sides * (wanted / sides).max(1, keepdims=True)
    share = 1 - wanted.prod() / whole.prod(1)
    return np.where((np.abs(whole - wanted) > 1 - 1e-9).any(1), share, 0.0)


def cut_in_words(images: Images) -> str | None:
    """Return how many images the common size cuts, how much of them, and what keeps all."""
    share = lost(images)
    cut = share[share > 0]
    if not len(cut):
        return None
    size = "x".join(map(str, images.shape[1:3]))
    most, worst = f"{np.median(cut):.0%}", f"{cut.max():.0%}"
    of_one = f", {worst} of one" if worst != most else ""
    return (
        f"{len(cut):,} of {len(share):,} to {size}: {most} of the area of most{of_one}; "
        "--resize pad cuts none, --size chooses another size"
    )
