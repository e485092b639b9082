"""Two sets of images as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from isthmus.data.images import Images


def joined_with(one: Images, two: Images) -> dict[str, Any]:
    """Return what both sets of images are as one, as `Images` take it.

    Labels are joined by the names of their classes; what only one set knows is none for the
    other, and what is no number or text of every image is left out.
    """
    if one.shape[1:] != two.shape[1:]:
        raise ValueError(
            f"images of {one.source} are of shape {one.shape[1:]}, those of {two.source} of "
            f"{two.shape[1:]}: load both with one size and color"
        )
    if one.dtype != two.dtype and "uint8" in (one.dtype, two.dtype):
        raise ValueError(
            f"images of {one.source} are {one.dtype}, those of {two.source} {two.dtype}: load "
            "both with one dtype"
        )
    y, classes = _labels(one, two)
    known = {name: _both(one, two, name) for name in ("names", "is_test", "sizes", "changes")}
    return known | {
        "data": np.concatenate([np.asarray(one), np.asarray(two)]),
        "y": y,
        "classes": classes,
        "factors": _common(one.factors, two.factors),
        "attributes": _common(one.attributes, two.attributes),
        "skipped": [*one.skipped, *two.skipped],
        "source": one.source if one.source == two.source else f"{one.source} + {two.source}",
        "label_maps": _both(one, two, "label_maps"),
        "map_classes": one.map_classes,
        "ignored_class": one.ignored_class,
        "meta": one.meta if one.meta == two.meta else {},
        "loading": one.loading,
    }


def _labels(one: Images, two: Images) -> tuple[np.ndarray | None, list[str] | None]:
    if one.y is None and two.y is None:
        return None, None
    if one.classes is None and two.classes is None:
        return np.concatenate([_numbers(one), _numbers(two)]), None
    names = list(dict.fromkeys([*_classes(one), *_classes(two)]))
    parts = []
    for each in (one, two):
        place = np.array([*(names.index(name) for name in _classes(each)), -1], dtype=int)
        parts.append(place[_numbers(each)])
    return np.concatenate(parts), names


def _classes(images: Images) -> list[str]:
    if images.classes is not None:
        return list(map(str, images.classes))
    return [str(number) for number in range(int(_numbers(images).max(initial=-1)) + 1)]


def _numbers(images: Images) -> np.ndarray:
    return np.full(len(images), -1) if images.y is None else np.asarray(images.y)


def _both(one: Images, two: Images, name: str) -> np.ndarray | None:
    parts = getattr(one, name), getattr(two, name)
    return None if any(part is None for part in parts) else np.concatenate(parts)


def _common(one: Mapping[str, np.ndarray], two: Mapping[str, np.ndarray]) -> dict[str, Any]:
    names = [name for name in one if name in two and one[name].shape[1:] == two[name].shape[1:]]
    return {name: np.concatenate([one[name], two[name]]) for name in names}
