"""What data sets, loaders and generators give, one image after another: picture, label, name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.columns import IMAGES, LABELS
from isthmus.data.formats import IMAGE_NAME
from isthmus.data.values import as_array

KEYS = (*IMAGES, "images", "pixel_values", "picture", "x", "data", "input", "jpg", "jpeg", "png",
        "webp")  # fmt: skip
"""What the entry of an image may be called, in a record of several."""


MAPS = ("mask", "label_map", "segmentation_mask", "segmentation", "annotation", *LABELS)
"""What a map of the classes of pixels may be called, in a record."""


class Item(NamedTuple):
    """One image: what it is made of, and what is known of it.

    What else came with it, a map of classes or another picture, is `other`.
    """

    picture: Any
    label: Any = None
    name: str | None = None
    part: str | None = None
    other: Any = None


def is_pil(value: object) -> bool:
    """Return whether a value is an image of Pillow's."""
    return hasattr(value, "getbands") and hasattr(value, "convert")


def is_array(value: object) -> bool:
    """Return whether a value is an array or a tensor of at least one axis."""
    shaped = hasattr(value, "__array__") or hasattr(value, "__array_interface__")
    return shaped and not is_pil(value) and len(getattr(value, "shape", ())) > 0


def is_encoded(value: object) -> bool:
    """Return whether a value is a file: its bytes, its path, or a record of both."""
    if isinstance(value, Mapping):
        return "bytes" in value and len(value) <= 2
    named = isinstance(value, str | Path) and IMAGE_NAME.fullmatch(Path(value).name)
    return isinstance(value, bytes) or bool(named)


def is_picture(value: object) -> bool:
    """Return whether a value can be an image of itself."""
    return is_pil(value) or is_encoded(value) or (is_array(value) and np.ndim(value) > 1)  # type: ignore[arg-type]


def item_of(value: Any, told: Mapping[str, str], part: str | None = None) -> Item:
    """Return the item in what a data set gives: a picture, a tuple or a record.

    Examples
    --------
    >>> item_of({"x": np.zeros((2, 2)), "label": 3}, {}).label
    3
    >>> item_of((np.zeros((2, 2)), 5), {}).label
    5
    """
    if is_picture(value) or is_array(value):
        return Item(value, name=name_of(value), part=part)
    if isinstance(value, Mapping):
        return _of_record(value, told, part)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value):
        picture, *rest = value
        label = next((each for each in rest if is_label(each)), None)
        other = next((each for each in rest if each is not None and not is_label(each)), None)
        return Item(picture, label, name_of(picture), part, other)
    raise ValueError(
        f"{type(value).__name__} is no image: expected pictures, arrays, (image, label) or "
        "records as {'image': ..., 'label': ...}"
    )


def _of_record(value: Mapping[str, Any], told: Mapping[str, str], part: str | None) -> Item:
    for role, key in told.items():
        if key not in value:
            raise ValueError(f"no {key!r} for the {role} in {', '.join(map(str, value))}")
    lower = {str(key).lower(): key for key in value}
    called = [lower[word] for word in KEYS if word in lower and is_held(value[lower[word]])]
    held = [key for key, each in value.items() if is_picture(each)]
    image = told.get("image") or next(iter([*called, *held]), None)
    if image is None:
        raise ValueError(
            f"none of {', '.join(map(str, value))} is an image: say which, as "
            "columns={'image': NAME}"
        )
    label = told.get("label") or next((lower[word] for word in LABELS if word in lower), None)
    split = told.get("split") or lower.get("split")
    picture = value[image]
    name: str | None = value.get("__key__") or name_of(picture)
    of = part if split is None else str(value[split])
    beside = [lower[word] for word in MAPS if word in lower and lower[word] != image]
    other = next((value[key] for key in beside if is_picture(value[key])), None)
    said = None if label is None else value[label]
    return Item(picture, None if is_picture(said) else said, name, of, other)


def is_held(value: object) -> bool:
    """Return whether a value may be an image, a vector too."""
    return is_picture(value) or is_array(value)


def is_label(value: object) -> bool:
    """Return whether a value says one thing of an image."""
    return isinstance(value, str | int | float | np.generic) or (
        hasattr(value, "shape") and np.ndim(value) < 2  # type: ignore[arg-type]
    )


def name_of(picture: object) -> str | None:
    """Return what the file of a picture is called, None where it has none."""
    if isinstance(picture, Mapping):
        return str(picture.get("path") or "") or None
    if isinstance(picture, str | Path):
        return str(picture)
    return str(getattr(picture, "filename", "") or "") or None


def unbatched(values: Iterable[Any], told: Mapping[str, str], part: str | None) -> Iterator[Item]:
    """Yield the items of batches: a loader gives many images at a time."""
    for value in values:
        batch = item_of(value, told, part)
        pictures, label, other = batch.picture, batch.label, batch.other
        if label is None and np.ndim(other) == 2 and len(other) == len(pictures) > 0:
            label, other = other, None  # a row of labels an image
        labels = [None] * len(pictures) if label is None else _each(label)
        others = [None] * len(pictures) if other is None else other
        for picture, label, other in zip(pictures, labels, others, strict=True):
            yield Item(picture, label, name_of(picture), part, other)


def _each(labels: Any) -> list[Any]:
    """Return the labels of a batch: one of each image, or a row."""
    values = np.asarray(as_array(labels))
    return list(values) if values.ndim > 1 and values.shape[1] > 1 else values.ravel().tolist()


def is_batch(value: Any, told: Mapping[str, str]) -> bool:
    """Return whether a generator gives many images at a time: arrays of four axes, or labels.

    Examples
    --------
    >>> is_batch((np.zeros((9, 8, 8)), np.arange(9)), {}), is_batch(np.zeros((9, 8, 3)), {})
    (True, False)
    """
    item = item_of(value, told)
    shape: tuple[int, ...] = getattr(item.picture, "shape", ())
    labels: tuple[int, ...] = getattr(item.label, "shape", ())
    return len(shape) == 4 or (len(shape) > 1 and labels[:2] == shape[:1])


def item_label(label: Any) -> Any:
    """Return a label as one number or word; of several numbers their array."""
    if label is None or isinstance(label, str | int | float):
        return label
    values = np.asarray(as_array(label))
    if values.size == 1:
        return values.reshape(-1)[0].item()
    return values.ravel() if values.size else None
