"""Image files packed into one array: what is known of it, and how it is read from the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from isthmus.data.cache import facts_of, keep_facts, key_of, sample_of
from isthmus.data.evict import used
from isthmus.system import schema

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


def _byte(value: object) -> bool:
    return schema.whole(value) and 0 <= value < 256


NOTED: schema.Schema = {
    "sample": schema.text,
    "kept": schema.rows(schema.count),
    "skipped": schema.rows(schema.rows(schema.text, 2)),
    "sizes": schema.rows(schema.rows(schema.positive, 2)),
    "changes": schema.rows(_byte),
    "bits": schema.maybe(_byte),
}
"""What is noted of a `Packed` beside its array, and a hash of parts of the files."""


def from_cache(cache: Path, entries: list[Entry]) -> Packed | None:
    """Return what was packed before; None if nothing was, it is damaged, or files are others."""
    facts = facts_of(cache, NOTED)
    if facts is None or facts["sample"] != sample_of_files(entries):
        return None
    try:
        found = _packed(cache, facts)
    except (OSError, ValueError, EOFError):
        return None
    counts = {len(part) for part in (found.data, found.kept, found.sizes, found.changes)}
    return found if len(counts) == 1 and int(found.kept.max(initial=0)) < len(entries) else None


def to_cache(cache: Path, packed: Packed, entries: list[Entry], source: Path) -> Packed:
    """Note what is known of an array that was written to the cache; return it from there."""
    facts: dict[str, Any] = {
        name: getattr(packed, name).tolist() for name in ("kept", "sizes", "changes")
    }
    facts |= {"skipped": [list(each) for each in packed.skipped], "bits": packed.bits}
    facts |= {"sample": sample_of_files(entries), "source": str(source)}
    keep_facts(cache, facts)
    return _packed(cache, facts)


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


def _packed(cache: Path, facts: dict[str, Any]) -> Packed:
    kept, changes = np.array(facts["kept"], np.int64), np.array(facts["changes"], np.uint8)
    skipped = [(name, why) for name, why in facts["skipped"]]
    data = np.load(cache, mmap_mode="r")[: len(kept)]
    used(cache)
    return Packed(data, kept, skipped, np.array(facts["sizes"]), changes, facts["bits"])
