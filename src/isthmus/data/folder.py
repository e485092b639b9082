"""Many image files, in a folder or a zip, packed into one array in memory or on disk."""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np

from isthmus.data.arrays import damage_explained
from isthmus.data.cache import (
    cache_folder,
    check_unpacked,
    key_of,
    memory_allowed,
    write_array,
)
from isthmus.data.decode import Header, Rule, highest_value, read_header, read_image
from isthmus.data.depth import depth_of, white_of
from isthmus.data.described import why_skipped
from isthmus.data.fitting import size_changes
from isthmus.data.formats import DECODING, reason, refuse_raw
from isthmus.data.images import Images
from isthmus.data.packed import Entry as Entry
from isthmus.data.packed import Packed, from_cache, to_cache
from isthmus.data.registered import by_own_readers
from isthmus.system.leftovers import MARKER
from isthmus.system.owned import RECORD
from isthmus.system.progress import track

T = TypeVar("T")
R = TypeVar("R")

OURS = frozenset({MARKER, RECORD})
"""Files that isthmus leaves in folders it writes."""

CACHE_VERSION = 4
"""Raised whenever the same files would be packed into other pixels, or more is kept of them."""

SAMPLED = 16
"""Files of more than 8 bits whose largest value is looked up before all are decoded, about."""

TRAIN_NAMES = frozenset({"train", "training"})
VALIDATION_NAMES = frozenset({"val", "valid", "validation"})
TEST_NAMES = frozenset({"test", "testing"})


class Plan(NamedTuple):
    """What is to be packed, known from the headers alone."""

    source: Path
    entries: list[Entry]
    rule: Rule
    kept: np.ndarray
    skipped: list[tuple[str, str]]
    sizes: np.ndarray
    costs: np.ndarray
    deep: np.ndarray
    shape: tuple[int, int, int, int]
    verbose: bool | None

    @property
    def n_bytes(self) -> int:
        """Bytes of the packed array."""
        return int(np.prod(self.shape)) * np.dtype(self.rule.dtype).itemsize


def members_of(path: Path) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Return the files of a zip, and what in it is hidden.

    Raises
    ------
    ValueError
        If it is damaged or encrypted.
    """
    with damage_explained(path, "zip"):
        archive = zipfile.ZipFile(path)
    members = [
        info
        for info in archive.infolist()
        if not info.is_dir() and Path(info.filename).name not in OURS
    ]
    if any(info.flag_bits & 1 for info in members):
        archive.close()
        raise ValueError(f"{path} is encrypted: unpack it and give the folder")
    hidden = [(info.filename, "hidden") for info in members if _is_hidden(info.filename)]
    entries = [
        Entry(info.filename, (info.file_size, info.CRC), partial(archive.open, info))
        for info in members
        if not _is_hidden(info.filename)
    ]
    return in_order(entries), hidden


def pack(entries: list[Entry], rule: Rule, source: Path, verbose: bool | None = None) -> Packed:
    """Decode every readable entry into one array.

    The headers are read first, for the common size and colour; then the pixels, in threads. What
    would take more memory than `memory_allowed` goes to a memory-mapped file in `cache_folder`,
    which is used again as long as files and options stay the same: names, sizes and times of all
    files, and parts of up to 512 of them.

    Parameters
    ----------
    entries : list of Entry
        The files, in the order of the result.
    rule : Rule
        Size, fit, colour and type of the result.
    source : Path
        What the entries came from, for messages and for the cache.
    verbose : bool, optional
        Whether to show progress; None shows it on a terminal.
    """
    cache = cache_folder() / f"{_key(source, entries, rule)}.npy"
    if (known := from_cache(cache, entries)) is not None:
        return known
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow warns of is either harmless or skipped
        plan = _plan(entries, rule, source, verbose)
        if plan.n_bytes > memory_allowed():
            return _pack_on_disk(cache, plan)
        return _decode_into(np.empty(plan.shape, rule.dtype), plan)


def nothing_readable(source: Path, skipped: list[tuple[str, str]]) -> ValueError:
    """Return the error for a source without a single image, with the first reasons."""
    if not skipped:
        return ValueError(f"{source} has no files in it: expected images")
    kinds = {"a raster": (".hdr", ".tif", ".tiff"), "an array": (".npy", ".npz", ".mat", ".h5")}
    found = [
        (what, source / name)
        for what, ends in kinds.items()
        for name, _ in skipped
        if name.lower().endswith(ends)
    ]
    hint = "; give {} by its own name: {}".format(*found[0]) if found else ""
    return ValueError(
        f"no images in {source}: 0 of {len(skipped)} files read, {why_skipped(skipped)}{hint}"
    )


def labels_of(names: list[str]) -> dict[str, Any]:
    """Return what sub-folders say: `y` and `classes`, and `is_test`, as far as there are any.

    Examples
    --------
    >>> labels_of(["train/cat/1.png", "train/dog/1.png", "test/cat/2.png"])["is_test"]
    array([False, False,  True])
    """
    parts = _below_common([name.split("/") for name in names])
    known: dict[str, Any] = {}
    is_test = split_of([part[0].lower() if len(part) > 1 else "" for part in parts])
    if is_test is not None:
        known["is_test"] = is_test
        parts = [part[1:] for part in parts]
    folders = [part[0] if len(part) > 1 else "" for part in parts]
    if len(set(folders)) >= 2 and all(folders):
        classes, known["y"] = np.unique(folders, return_inverse=True)
        known["classes"] = classes.tolist()
    return known


def read_entries(
    path: Path,
    entries: list[Entry],
    hidden: list[tuple[str, str]],
    rule: Rule,
    verbose: bool | None,
) -> Images:
    """Read files in their order as those of a folder; `hidden` are those left out, and why."""
    if not entries:
        raise nothing_readable(path, hidden)
    entries = by_own_readers(entries)
    packed = pack(entries, rule, path, verbose)
    names = [entries[i].name for i in packed.kept]
    known = packed.known | {"skipped": sorted(packed.skipped + hidden)} | labels_of(names)
    meta = {"labels_from": "folders"} if "y" in known else {}
    meta |= {"split_from": "folders"} if "is_test" in known else {}
    return Images(packed.data, names=names, source=str(path), meta=meta, **known)


def files_below(folder: Path) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Return the files of a folder, and what in it is hidden or may not be read."""
    entries, hidden, seen = [], [], set()

    def refused(error: OSError) -> None:
        hidden.append((os.path.relpath(error.filename, folder), error.strerror or str(error)))

    for root, folders, files in os.walk(folder, onerror=refused, followlinks=True):
        if (real := os.path.realpath(root)) in seen:  # a link back up would never end
            folders.clear()
            continue
        seen.add(real)
        place = Path(root).relative_to(folder)
        files = [name for name in files if name not in OURS]
        hidden += [((place / f).as_posix(), "hidden") for f in folders + files if _is_hidden(f)]
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for name in files:
            if not _is_hidden(name):
                path = Path(root, name)
                entries.append(entry_of_path(path, (place / name).as_posix()))
    return in_order(entries), hidden


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return files in the order of their names."""
    return sorted(entries, key=lambda entry: entry.name)


def entry_of_path(path: Path, name: str) -> Entry:
    """Return a file as an entry of that name, readable or not."""
    try:
        stat = path.stat()
        stamp = stat.st_size, stat.st_mtime_ns
    except OSError:  # a broken link: opening it will say so
        stamp = -1, 0
    return Entry(name, stamp, partial(_open, os.fspath(path)))


def _open(path: str) -> IO[bytes]:
    return open(path, "rb")


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def in_threads(
    function: Callable[[T], R], items: list[T], description: str, show: bool | None
) -> Iterator[R]:
    """Yield what a function makes of every item, in order, under a bar."""
    # Pillow decodes without the interpreter lock; two threads more hide the waiting for the disk
    with ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 2)) as pool:
        yield from track(pool.map(function, items), description, len(items), show)


def _plan(entries: list[Entry], rule: Rule, source: Path, verbose: bool | None) -> Plan:
    found = list(in_threads(_header_or_reason, entries, "reading headers", verbose))
    headers = {i: header for i, header in enumerate(found) if isinstance(header, Header)}
    if rule.only:
        headers = {i: header for i, header in headers.items() if header[:2] == rule.size}
    skipped = [(entries[i].name, why) for i, why in enumerate(found) if isinstance(why, str)]
    if not headers:
        raise nothing_readable(source, skipped)
    shape = (len(headers), *_common_shape(list(headers.values()), rule))
    sizes = np.array([(header.height, header.width) for header in headers.values()])
    costs = np.array([header.cost for header in headers.values()])
    deep = np.flatnonzero([header.deep for header in headers.values()])
    kept = np.array(list(headers))
    return Plan(source, entries, rule, kept, skipped, sizes, costs, deep, shape, verbose)


def _header_or_reason(entry: Entry) -> Header | str:
    if entry.stamp[0] == 0:
        return "empty file"
    try:
        with entry.open() as file:
            refuse_raw(entry.name, file)
            header = read_header(file)
        check_unpacked("unpacked it", header.n_bytes, entry.stamp[0])
        return header
    except Exception as error:  # on damaged files Pillow's readers raise almost anything
        return reason(error, entry.name)


def _common_shape(headers: list[Header], rule: Rule) -> tuple[int, int, int]:
    grey = all(header.grey for header in headers) if rule.color == "auto" else rule.color == "grey"
    sides = np.array([(header.height, header.width) for header in headers])
    return (*rule.size_for(*np.median(sides, axis=0).tolist()), 1 if grey else 3)


def _decode_into(data: np.ndarray, plan: Plan) -> Packed:
    """Decode all, deep files by the depth that the largest value of a few of them needs.

    Where another one needs more, all are decoded once more.
    """
    if not len(plan.deep):
        return _decoded(data, plan, None)[0]
    bits = plan.rule.bits or depth_of(_highest_of_some(plan))
    packed, highest = _decoded(data, plan, bits)
    if highest < 2**bits:
        return packed
    if plan.rule.bits:
        white_of(bits, highest)
    return _decoded(data, plan, depth_of(highest))[0]


def _highest_of_some(plan: Plan) -> int:
    def highest(row: int) -> int:
        try:
            cost = DECODING.of(int(plan.costs[row]))
            with cost, plan.entries[plan.kept[row]].open() as file:
                return highest_value(file)
        except Exception:  # it will be skipped and listed
            return 0

    step = -(-len(plan.deep) // SAMPLED)
    return max(in_threads(highest, plan.deep[::step].tolist(), "reading depths", plan.verbose))


def _decoded(data: np.ndarray, plan: Plan, bits: int | None) -> tuple[Packed, int]:
    """Return what `pack` does, and the largest value of deep files."""
    _, height, width, channels = plan.shape
    changes = size_changes(plan.sizes, (height, width), plan.rule.fit)
    highest = np.zeros(len(data), dtype=np.int64)
    rule = plan.rule._replace(bits=bits)

    def decode(row: int) -> str | None:
        entry = plan.entries[plan.kept[row]]
        try:
            with DECODING.of(int(plan.costs[row])), entry.open() as file:
                data[row], done, highest[row] = read_image(
                    file, (height, width), channels == 1, rule
                )
                changes[row] |= done
        except Exception as error:  # as for headers
            return reason(error, entry.name)
        return None

    reasons = list(in_threads(decode, list(range(len(data))), "decoding images", plan.verbose))
    lost = {row: why for row, why in enumerate(reasons) if why}
    good = [row for row in range(len(data)) if row not in lost]
    skipped = plan.skipped + [(plan.entries[plan.kept[row]].name, lost[row]) for row in lost]
    if not good:
        raise nothing_readable(plan.source, skipped)
    if lost:  # close the gaps
        for row, old_row in enumerate(good):
            data[row] = data[old_row]
    known = plan.kept[good], skipped, plan.sizes[good], changes[good], bits
    return Packed(data[: len(good)], *known), int(highest.max())


def _pack_on_disk(cache: Path, plan: Plan) -> Packed:
    found: list[Packed] = []

    def fill(data: np.ndarray) -> None:  # which nobody may hold while the file is renamed
        found.append(_decode_into(data, plan)._replace(data=np.empty(0)))

    write_array(cache, plan.shape, plan.rule.dtype, fill)
    return to_cache(cache, found[0], plan.entries, plan.source)


def _key(source: Path, entries: list[Entry], rule: Rule) -> str:
    stamps = [(entry.name, *entry.stamp) for entry in entries]
    return key_of(CACHE_VERSION, os.path.abspath(source), rule[:6], rule.only, stamps)


def _below_common(parts: list[list[str]]) -> list[list[str]]:
    """Drop the leading folders that all share: a zip usually holds one folder of everything."""
    while all(len(part) > 1 for part in parts) and len({part[0] for part in parts}) == 1:
        parts = [part[1:] for part in parts]
    return parts


def split_of(folders: list[str]) -> np.ndarray | None:
    """Return which are held out, if folders are parts of a split: val only where test is none."""
    found = set(folders)
    tests = found & TEST_NAMES or found & VALIDATION_NAMES
    if not tests or not found & TRAIN_NAMES or found - TRAIN_NAMES - VALIDATION_NAMES - TEST_NAMES:
        return None
    return np.array([folder in tests for folder in folders])
