"""What is known of images that codes may be held against: factors, attributes, classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.columns import is_missing
from isthmus.validation import hint

if TYPE_CHECKING:
    from isthmus.data.images import Images

Factors = dict[str, np.ndarray]
LABEL = "label"
"""What the classes of images are called among factors."""
MOST_KINDS = 100
"""Words that a factor may have, unless it is asked for: beyond that it is a name."""


def known_factors(
    images: Images, names: Sequence[str] | None = None
) -> tuple[Factors, np.ndarray]:
    """Return what is known of images by its name, and the rows of which all of it is known.

    Factors, attributes, and the classes as "label", unless one of the others says the same. What
    is the same everywhere, unknown of half of the images, or a word of its own for nearly every
    image is left out, unless it is asked for.

    Parameters
    ----------
    images : Images
        These.
    names : sequence of str, optional
        What is asked for; by default all.

    Raises
    ------
    ValueError
        If a name is none of what is known.

    Examples
    --------
    >>> from isthmus.data.images import Images
    >>> images = Images(np.zeros((4, 2, 2)), y=[0, 1, 0, 1], factors={"a": [1, 2, 3, 4]})
    >>> found, rows = known_factors(images)
    >>> list(found), rows.tolist()
    (['a', 'label'], [0, 1, 2, 3])
    """
    every = {n: np.asarray(v) for n, v in {**images.factors, **images.attributes}.items()}
    every = {name: v for name, v in every.items() if v.ndim == 1}
    y = None if images.y is None else np.asarray(images.y)
    if y is not None and not any(_same(y, v) for v in every.values()):
        every[LABEL] = np.where(y < 0, np.nan, y) if (y < 0).any() else y
    if names is None:
        every = {name: v for name, v in every.items() if _useful(v)}
    else:
        every = {name: _named(every, name, images) for name in names}
    known = np.ones(len(images), dtype=bool)
    for v in every.values():
        known &= _known(v)
    rows = np.flatnonzero(known)
    return {name: v[rows] for name, v in every.items()}, rows


def _named(every: Factors, name: str, images: Images) -> np.ndarray:
    if name not in every:
        listed = ", ".join(every) or "nothing"
        raise ValueError(
            f"factors={name!r}: of {images.source} is known: {listed}{hint(name, every)}"
        )
    return every[name]


def _same(y: np.ndarray, v: np.ndarray) -> bool:
    """Return whether a factor has one value for every class, and another for each."""
    pairs = {(str(a), str(b)) for a, b in zip(y.tolist(), v.tolist(), strict=True)}
    return len(pairs) == len(set(y.tolist())) == len(set(v.tolist()))


def _known(v: np.ndarray) -> np.ndarray:
    if v.dtype.kind in "biu":
        return np.ones(len(v), dtype=bool)
    if v.dtype.kind == "f":
        return np.asarray(~np.isnan(v))
    return np.array([not is_missing(each) for each in v.tolist()], dtype=bool)


def _useful(v: np.ndarray) -> bool:
    there = v[_known(v)]
    kinds = len(np.unique(there if there.dtype.kind in "biuf" else there.astype(str)))
    named = there.dtype.kind not in "biuf" and kinds > min(MOST_KINDS, len(there) / 2)
    return 2 * len(there) > len(v) and kinds > 1 and not named
