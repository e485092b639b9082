"""What was read, in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.label_maps import NO_CLASS
from isthmus.data.nodata import in_words as empty_in_words
from isthmus.data.nodata import known_values

if TYPE_CHECKING:
    from isthmus.data.images import Images

LISTED = 5
"""Reasons for skipping files that are told."""


def described(images: Images) -> dict[str, Any]:
    """Return what was read, in words and numbers."""
    facts: dict[str, Any] = {
        "source": images.source,
        "count": len(images),
        "shape": list(images.shape[1:]),
        "dtype": str(images.dtype),
        "range": _ends(images),
        "read as": _decided(images),
        "classes": images.classes,
        "labels": _labels(images),
        "factors": {name: _spread(values) for name, values in sorted(images.factors.items())}
        or None,
        "attributes": {name: _spread(values) for name, values in images.attributes.items()}
        or None,
        "label maps": _legend(images),
        "bands": _bands(images),
        "no data": no_data(images),
        "depth": depth(images),
        "split": f"{len(images.train)} train, {len(images.test)} test",
        "skipped": len(images.skipped),
        "why skipped": why_skipped(images.skipped),
        "changed": images.changed or None,
    }
    if images.is_test is None:
        facts["split"] += ", by chance: the source has none"
    elif "split_from" in images.meta:
        facts["split"] += f", by {images.meta['split_from']}"
    return {key: value for key, value in facts.items() if value is not None}


def _decided(images: Images) -> str | None:
    """Return which range and which order of axes numbers were read by, and who decided it."""
    said = [each.words for each in images.decisions if each.about != "depth"]
    return "; ".join(said) or None


def _labels(images: Images) -> str | None:
    """Return how many images have labels, and where these came from."""
    if images.y is None:
        return _unlabelled(images)
    said = f", by {images.meta['labels_from']}" if "labels_from" in images.meta else ""
    return f"{int((np.asarray(images.y) != -1).sum()):,} of {len(images):,} images{said}"


def _unlabelled(images: Images) -> str | None:
    """Return what could be labels: attributes; sub-folders, but for images that lie in none."""
    if images.attributes:
        return "none: --columns label=NAME makes an attribute the labels"
    names = [] if images.names is None else [str(name) for name in images.names]
    beside = [name for name in names if "/" not in name]
    if not beside or len(beside) == len(names):
        return None
    some = f"{len(beside):,} of {len(names):,}"
    return f"none: folders are no classes, as {some} images lie in none ({named(beside)})"


def why_skipped(skipped: list[tuple[str, str]]) -> str | None:
    """Return for which reasons files were skipped, the most frequent first, each with an example.

    Examples
    --------
    >>> why_skipped([("a.txt", "not an image"), ("b.md", "not an image"), ("c.png", "empty file")])
    '2 not an image (a.txt, ...), 1 empty file (c.png)'
    """
    some = by_reason(skipped)
    words = [f"{len(n):,} {why} ({n[0]}{', ...' * (len(n) > 1)})" for why, n in some[:LISTED]]
    n = len(some) - LISTED
    more = [f"{n:,} other reason{'s' * (n > 1)}"] * (n > 0)
    return ", ".join([*words, *more]) or None


def by_reason(skipped: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return the names of files by the reason for which they were skipped, the most first."""
    reasons: dict[str, list[str]] = {}
    for name, why in skipped:
        reasons.setdefault(why, []).append(name)
    return sorted(reasons.items(), key=lambda each: -len(each[1]))


def named(names: list[str]) -> str:
    """Return the first of several names, and how many more there are.

    Examples
    --------
    >>> named(["a", "b"]), named(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + f" and {more:,} more" * (more > 0)


def memory(images: Images) -> str:
    """Return what images take as they are packed, and as a model computes with them.

    Examples
    --------
    >>> from isthmus.data.images import Images
    >>> memory(Images(np.zeros((1024, 32, 32), np.uint8)))
    '1.0 MiB as they are packed, 4.0 MiB as float32'
    """
    sizes = images.nbytes, 4 * int(np.prod(images.shape))
    return "{} as they are packed, {} as float32".format(*map(_in_units, sizes))


UNITS = ((30, "GiB"), (20, "MiB"), (10, "KiB"), (0, "bytes"))
"""Powers of two, and what so many bytes are called."""


def _in_units(size: int) -> str:
    power, unit = next(each for each in UNITS if size >= 2 ** each[0] or not each[0])
    return f"{size / 2**power:,.1f} {unit}" if power else f"{size:,} {unit}"


def kept_in(images: Images) -> str:
    """Return where the packed images are: in memory, in their own file, or in one of the cache."""
    array = images.data
    while not isinstance(array, np.memmap) and getattr(array, "base", None) is not None:
        array = array.base
    mapped = getattr(array, "filename", None)
    if mapped is None:
        return "not needed: they are in memory"
    mapped = str(mapped)
    return "not needed: the file is mapped" if images.source == mapped else mapped


def _ends(images: Images) -> list[float]:
    """Return the least and the greatest value, where there are data."""
    ends = []
    for chunk in known_values(images.chunks(), images.meta.get("no_data")):
        known = chunk if chunk.dtype.kind != "f" else chunk[np.isfinite(chunk)]
        ends += [known.min().item(), known.max().item()] if known.size else []
    return [min(ends), max(ends)] if ends else [float("nan")] * 2


def no_data(images: Images) -> str | None:
    """Return how many pixels have no data, or were left out for that."""
    if "left_out" in images.meta:
        return f"{images.meta['left_out']:,} pixels without data are left out"
    empty = images.without_data()
    if empty is None:
        return None
    return empty_in_words(images.meta.get("no_data"), int(empty.sum()), empty.size)


def in_words(value: object) -> str:
    """Return a fact as a person reads it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {words}" for name, words in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _spread(values: np.ndarray) -> str:
    """Return the range of a factor, and how many values of it there are if they can be counted."""
    if values.dtype.kind == "U" and values.ndim == 1:
        words, times = np.unique(values[values != ""], return_counts=True)
        order = np.argsort(-times, kind="stable")
        return f"({named([f'{times[row]:,} {words[row]}' for row in order.tolist()])})"
    if values.dtype.kind not in "iufb" or values.ndim > 1:
        return f"of {values.dtype}"
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        return f"{low:.4g} to {high:.4g}"
    return f"{int(low)} to {int(high)} ({len(np.unique(values))} values)"


def _legend(images: Images) -> str | None:
    """Return the classes of the pixels, and which of them does not count."""
    if images.label_maps is None:
        return None
    there = images.label_maps[images.label_maps != NO_CLASS]
    names = images.map_classes or list(map(str, range(int(there.max(initial=0)) + 1)))
    ignored = images.ignored_class
    rest = [name for row, name in enumerate(names) if row != ignored]
    without = [names[ignored]] if ignored is not None and ignored in range(len(names)) else []
    without += ["255"] if there.size < images.label_maps.size else []
    end = f"; {' and '.join(without)} {'are' if without[1:] else 'is'} ignored" if without else ""
    return f"{len(rest)} classes: {', '.join(rest)}{end}"


def _bands(images: Images) -> str | None:
    """Return how many bands a raster has, and from where to where they reach."""
    waves = images.meta.get("wavelengths")
    if not waves:
        return None
    units = images.meta.get("wavelength_units", "")
    return f"{len(waves)}, {min(waves):g} to {max(waves):g} {units}".strip()


def depth(images: Images) -> str | None:
    """Return by how many bits values of 16 bits were scaled, and what to do if that is wrong."""
    bits = images.loading.get("bits")
    if not bits:
        return None
    more = "" if bits == 16 else f", {2**bits - 1} is white; --bits 16 if they are dark images"
    return f"{bits} bits of 16{more}"
