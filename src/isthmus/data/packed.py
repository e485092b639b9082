"""Image files packed into one array: what is known of it, and how it is read from the cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from isthmus.data.cache import key_of, sample_of
from isthmus.data.evict import used

LOOKED_AT = 512
"""Files of which parts are looked at to know them again, at most, evenly spaced."""


class Entry(NamedTuple):
    """One file that may be an image."""

    name: str
    stamp: tuple[int, int]  # size and time: when these change, the cache is out of date
    open: Callable[[], IO[bytes]]


class Packed(NamedTuple):
    """Decoded images, which of the entries they are, and what was skipped and why.

    And their heights and widths as they were read, what was done to them (`Images.changes`), and
    the depth by which files of more than 8 bits were scaled, None where there are none.
    """

    data: np.ndarray
    kept: np.ndarray
    skipped: list[tuple[str, str]]
    sizes: np.ndarray
    changes: np.ndarray
    bits: int | None

    @property
    def known(self) -> dict[str, Any]:
        """What `Images` are to know beside the pixels."""
        known = {"skipped": self.skipped, "sizes": self.sizes, "changes": self.changes}
        return known | ({"loading": {"bits": self.bits}} if self.bits else {})


def from_cache(cache: Path, entries: list[Entry]) -> Packed | None:
    """Return what was packed before; None if nothing was, it is damaged, or files are others."""
    if not cache.exists():
        return None
    try:
        facts = json.loads(cache.with_suffix(".json").read_text(encoding="utf-8"))
        found = read_cache(cache) if facts["sample"] == sample_of_files(entries) else None
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError):  # packed again
        return None
    whole = found is not None and len(found.data) == len(found.kept) == len(found.sizes)
    return found if whole and int(found.kept.max()) < len(entries) else None  # type: ignore[union-attr]


def sample_of_files(entries: list[Entry]) -> str:
    """Return a hash of parts of some files: of other content at the same time it is another."""
    step = -(-len(entries) // LOOKED_AT)
    samples = []
    for entry in entries[::step]:
        try:
            with entry.open() as file:
                samples.append(sample_of(file, entry.stamp[0]))
        except Exception as error:  # as for headers
            samples.append(type(error).__name__)
    return key_of(*samples)


def read_cache(cache: Path) -> Packed:
    """Return what was packed into a file of the cache."""
    facts = json.loads(cache.with_suffix(".json").read_text(encoding="utf-8"))
    kept = np.array(facts["kept"], dtype=np.int64)
    skipped = [(name, why) for name, why in facts["skipped"]]
    sizes, changes = np.array(facts["sizes"]), np.array(facts["changes"], dtype=np.uint8)
    data = np.load(cache, mmap_mode="r")[: len(kept)]
    used(cache)
    return Packed(data, kept, skipped, sizes, changes, facts["bits"])
