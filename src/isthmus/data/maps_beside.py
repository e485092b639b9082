"""Maps of classes that come with images one by one, as pairs of image and mask."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus.data.decode import Rule, fit_labels
from isthmus.data.values import as_array


def map_of(other: Any, picture: Any) -> np.ndarray | None:
    """Return what came with an image as a map (h, w) of classes, None where it is none.

    Examples
    --------
    >>> map_of(np.ones((1, 2, 3), int), np.zeros((3, 2, 3))).shape
    (2, 3)
    >>> map_of(np.ones((3, 2, 3)), np.zeros((3, 2, 3))) is None
    True
    """
    if other is None or not (hasattr(other, "getbands") or np.ndim(other) in (2, 3)):
        return None
    if getattr(other, "mode", "") == "P":  # its numbers are the classes, its palette for the eye
        values = np.asarray(other)
    else:
        values = np.asarray(as_array(other))
        values = values[0] if hasattr(other, "getbands") else values
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "buif" or not _fits(values, picture):
        return None
    if values.dtype.kind == "f":
        if (values % 1).any():
            raise ValueError(
                "a map of classes holds fractions: give whole numbers, as "
                "transforms.PILToTensor() does and ToTensor() does not"
            )
        values = values.astype(np.int64)
    return values.astype(np.uint8) if values.dtype.kind == "b" else values


def _fits(values: np.ndarray, picture: Any) -> bool:
    """Return whether a map is of the size of its picture, as far as that is known."""
    if hasattr(picture, "getbands"):
        return tuple(picture.size[::-1]) == values.shape
    shape = getattr(picture, "shape", None)
    return shape is None or values.shape in (tuple(shape[:2]), tuple(shape[1:]), tuple(shape[-2:]))


def maps_at(
    maps: Sequence[np.ndarray | None], others: int, size: tuple[int, ...], rule: Rule, source: str
) -> dict[str, Any]:
    """Return maps at the size of their images as `Images` take them, {} where there are none.

    Parameters
    ----------
    maps : list of (ndarray or None)
        One of every image.
    others : int
        Images with which something came that is no map, nor a label.
    size : tuple of int
        Height and width of the images.
    rule : Rule
        How images come to that size.
    source : str
        What they are from.
    """
    there = [each for each in maps if each is not None]
    if others:
        warnings.warn(
            f"{source}: of {others:,} of {len(maps):,} items the first picture is read and the "
            "rest left out: a map of classes is of whole numbers (h, w), of its image's size",
            stacklevel=2,
        )
    if not there or len(there) < len(maps):
        if there:
            raise ValueError(f"{source}: {len(there)} of {len(maps)} images have a map of classes")
        return {}
    height, width = size
    return {"label_maps": np.stack([fit_labels(m, (height, width), rule.fit) for m in there])}
