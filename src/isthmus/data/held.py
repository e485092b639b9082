"""Images that people hold in Python: lists, tables, data sets, loaders, generators.

Each is recognised by its interface: none of the libraries is needed, or imported, for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import LABEL_NAMES
from isthmus.data.arrow import images_of_arrow, in_parts
from isthmus.data.columns import holds_files, roles_of, with_tags
from isthmus.data.decode import Rule
from isthmus.data.images import Images
from isthmus.data.items import Item, is_array, is_batch, is_picture, is_pil, item_of, unbatched
from isthmus.data.listed import images_of_table
from isthmus.data.streams import images_of_items

ARRAY_KEYS = ("images", "image", "x", "data", "pixels")
"""What images may be called in a dict of arrays; labels as beside arrays in files."""


def held(source: Any, rule: Rule, verbose: bool | None = None) -> Images | None:
    """Return the images of an object that holds some, None of arrays and of what is none.

    Parameters
    ----------
    source : object
        A data set of Hugging Face or of torch, a loader, a table of pandas or polars, a generator,
        a list of pictures or of (image, label), a dict of these by parts, or of arrays.
    rule : Rule
        How images are read.
    verbose : bool, optional
        Whether to show progress.
    """
    if isinstance(source, str | Path | Images):
        return None
    if is_frame(source):
        return _of_frame(source, rule, verbose)
    if is_array(source):
        return None
    if _is_in_arrow(source):
        return images_of_arrow(_arrow_of(source), called(source), rule, verbose,
                               features=source.features)  # fmt: skip
    if isinstance(source, tuple) and len(source) == 2 and all(map(_is_pair, source)):
        source = dict(zip(("train", "test"), source, strict=True))  # as Keras has its sets
    if isinstance(source, Mapping):
        return _of_mapping(source, rule, verbose)
    if is_pil(source):
        source = [source]
    if not is_held(source):
        return None
    items, classes = items_of(source, rule.columns or {}), _classes_of(source)
    return images_of_items(items, called(source), rule, verbose, classes)


def is_held(source: Any) -> bool:
    """Return whether `held` makes images of an object.

    Examples
    --------
    >>> is_held(iter([])), is_held([np.zeros((2, 2))]), is_held([[1, 2], [3, 4]])
    (True, False, False)
    """
    if isinstance(source, str | bytes | Path | Images):
        return False
    if is_frame(source):
        return any(is_picture(_first(list(source[name]))) for name in source.columns)
    if is_array(source):
        return False
    if is_arrow_set(source) or isinstance(source, Mapping) or is_pil(source):
        return True
    if isinstance(source, list | tuple):
        return bool(source) and _are_items(source)
    return hasattr(source, "__iter__") or (
        hasattr(source, "__getitem__") and hasattr(source, "__len__")
    )


def is_source(value: object) -> bool:
    """Return whether a value is what `load_images` is to read, rather than images or an array."""
    from isthmus.data.pictures import Pictures

    if isinstance(value, Pictures):  # files that a verb takes as they are
        return False
    several = isinstance(value, list | tuple) and len(value) > 0
    return (
        isinstance(value, str | Path)
        or (several and all(isinstance(each, str | Path) for each in value))  # type: ignore[attr-defined]
        or is_held(value)
    )


def _are_items(source: Sequence[Any]) -> bool:
    """Return whether a list is of pictures, and not of numbers or of arrays of one shape."""
    first = source[0]
    if _is_pair(source) or all(map(_is_pair, source)):
        return True
    if all(is_array(each) for each in source):
        return len({np.shape(each) for each in source}) > 1
    if isinstance(first, Mapping) or is_picture(first):
        return True
    return isinstance(first, list | tuple) and bool(first) and is_picture(first[0])


def is_frame(source: Any) -> bool:
    """Return whether an object is a table, of pandas, polars or another."""
    columns = getattr(source, "columns", None)
    return columns is not None and hasattr(source, "__getitem__") and hasattr(source, "dtypes")


def is_arrow_set(source: Any) -> bool:
    """Return whether an object is a data set of Hugging Face, that lies in an Arrow table."""
    names = ("features", "with_format", "column_names", "__getitem__", "__len__")
    return all(hasattr(source, name) for name in names) and not isinstance(source, Mapping)


def _is_in_arrow(source: object) -> bool:
    """Return whether a data set is what its table holds: not where a transform makes it."""
    return is_arrow_set(source) and getattr(source, "format", {}).get("type") != "custom"


def _is_pair(source: object) -> bool:
    """Return whether an object is images and labels, both arrays or lists of one length.

    Examples
    --------
    >>> _is_pair((np.zeros((3, 8, 8)), [0, 1, 1])), _is_pair((np.zeros((8, 8)), 1))
    (True, False)
    """
    if not isinstance(source, tuple) or len(source) != 2 or not is_array(source[0]):
        return False
    pictured = len(source[0].shape) in (3, 4)
    return pictured and np.ndim(source[1]) == 1 and len(source[0]) == len(source[1])


def called(source: Any) -> str:
    """Return what a message calls an object."""
    name = type(source).__name__
    return "list of pictures" if name in ("list", "tuple") else name


def _arrow_of(source: Any) -> Any:
    return source.with_format("arrow")[:]


def _of_frame(frame: Any, rule: Rule, verbose: bool | None) -> Images | None:
    """Return the images that a table names or holds; None of a table of numbers alone."""
    table = with_tags({str(name): list(frame[name]) for name in frame.columns})
    roles = roles_of(table, rule.columns or {}, called(frame))
    held_in = [n for n, cells in table.items() if len(cells) and is_picture(_first(cells))]
    image = (rule.columns or {}).get("image") or next(iter(held_in), roles.image)
    if image in held_in and not holds_files(table[image]):
        told = {"image": image} | {
            role: name
            for role, name in (("label", roles.label), ("split", roles.split))
            if name is not None and name != image
        }
        return held(_records(table), rule._replace(columns=told), verbose)
    if not holds_files(table.get(image or "", [])) and roles.label is None:
        if any(isinstance(_first(cells), str) for cells in table.values()):
            raise ValueError(
                f"{called(frame)} has the columns {', '.join(table)}, of which none names files "
                "of images or holds pictures: say which does, as columns='image=NAME'"
            )
        return None
    return images_of_table(table, called(frame), Path(), rule, verbose)


def _first(cells: Sequence[Any]) -> Any:
    return next((cell for cell in cells if cell is not None), None)


def _records(table: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _of_mapping(source: Mapping[str, Any], rule: Rule, verbose: bool | None) -> Images:
    """Return the images of parts of a set by their names, or of named arrays."""
    lower = {str(name).lower(): name for name in source}
    name = next((lower[key] for key in ARRAY_KEYS if key in lower), None)
    if name is not None and (is_array(source[name]) or isinstance(source[name], list)):
        return _of_arrays(source, name, lower, rule)
    if source and all(map(_is_in_arrow, source.values())):
        features = next(iter(source.values())).features
        table = in_parts({part: _arrow_of(each) for part, each in source.items()})
        return images_of_arrow(table, called(source), rule, verbose, features=features)
    told = rule.columns or {}
    parts = [items_of(each, told, str(part)) for part, each in source.items()]
    classes = next(filter(None, map(_classes_of, source.values())), None)
    return images_of_items(chain.from_iterable(parts), called(source), rule, verbose, classes)


def _of_arrays(
    source: Mapping[str, Any], name: str, lower: Mapping[str, str], rule: Rule
) -> Images:
    """Return the images in a dict of arrays, as scikit-learn's data sets are."""
    label = next((lower[key] for key in LABEL_NAMES if key in lower), None)
    classes = source.get("target_names")
    return Images(
        source[name],
        y=None if label is None else source[label],
        classes=None if classes is None or label is None else list(map(str, classes)),
        source=called(source),
        **rule.numbers,
    )


def items_of(source: Any, told: Mapping[str, str], part: str | None = None) -> Iterator[Item]:
    """Yield the items of a data set, a loader, a list or a generator."""
    if is_array(source):
        source = list(source)
    if _is_pair(source):
        source = list(zip(*source, strict=True))
    if getattr(source, "batch_size", None) and hasattr(source, "dataset"):
        yield from _of_loader(source, told, part)
    elif _samples(source):
        yield from (Item(path, label, str(path), part) for path, label in source.samples)
    elif hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        yield from (item_of(source[row], told, part) for row in range(len(source)))
    else:
        yield from _of_stream(iter(source), told, part)


def _of_stream(values: Iterator[Any], told: Mapping[str, str], part: str | None) -> Iterator[Item]:
    """Yield what a generator gives: items, or batches of them."""
    first = next(values, None)
    if first is None:
        return
    every = chain([first], values)
    if is_batch(first, told):
        yield from unbatched(every, told, part)
    else:
        yield from (item_of(value, told, part) for value in every)


def _of_loader(loader: Any, told: Mapping[str, str], part: str | None) -> Iterator[Item]:
    """Yield what a loader gives; in the order of its data set, where it but shuffles it."""
    collate = getattr(getattr(loader, "collate_fn", None), "__name__", "")
    data, sampler = loader.dataset, getattr(loader, "sampler", ())
    indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if collate == "default_collate" and indexed and len(sampler) == len(data):
        yield from items_of(data, told, part)
        return
    with _state_kept():
        yield from unbatched(loader, told, part)


def _state_kept() -> Any:
    """Return a block after which torch's random state is what it was: loaders draw from it."""
    import torch

    return torch.random.fork_rng(devices=[])


def _samples(source: Any) -> bool:
    """Return whether a data set is a list of files, as it is: `ImageFolder` without transforms."""
    whole = all(hasattr(source, name) for name in ("samples", "loader", "transform"))
    return whole and source.transform is None and source.target_transform is None


def _classes_of(source: Any) -> list[str] | None:
    """Return the names of classes that a data set, or the one it is a part of, knows."""
    for _ in range(4):
        names = getattr(source, "classes", None) or _of_features(getattr(source, "features", None))
        if isinstance(names, list | tuple) and names:
            return [str(n[0] if isinstance(n, tuple) else n) for n in names]
        if several := getattr(source, "datasets", ()):  # of ConcatDataset
            known = [_classes_of(each) for each in several]
            return known[0] if all(each == known[0] for each in known) else None
        source = getattr(source, "dataset", None)
    return None


def _of_features(features: Any) -> list[str] | None:
    """Return the names of classes of a streamed set of Hugging Face."""
    some = features.values() if isinstance(features, Mapping) else ()
    return next((names for each in some if (names := getattr(each, "names", None))), None)
