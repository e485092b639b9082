"""What was read, in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.label_maps import NO_CLASS
from isthmus.data.nodata import in_words as empty_in_words
from isthmus.data.nodata import known_values

if TYPE_CHECKING:
    from isthmus.data.images import Images


def described(images: Images) -> dict[str, Any]:
    """Return what was read, in words and numbers."""
    facts: dict[str, Any] = {
        "source": images.source,
        "count": len(images),
        "shape": list(images.shape[1:]),
        "dtype": str(images.dtype),
        "range": _ends(images),
        "classes": images.classes,
        "factors": {name: _spread(values) for name, values in sorted(images.factors.items())}
        or None,
        "label maps": _legend(images),
        "bands": _bands(images),
        "no data": no_data(images),
        "depth": depth(images),
        "split": f"{len(images.train)} train, {len(images.test)} test",
        "skipped": len(images.skipped),
        "changed": images.changed or None,
    }
    if images.is_test is None:
        facts["split"] += ", by chance: the source has none"
    return {key: value for key, value in facts.items() if value is not None}


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
