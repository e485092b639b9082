"""OME-TIFF: stacks of microscopes, of which the images asked for are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.cache import check_unpacked
from isthmus.data.ondisk import OnDisk, block_of, in_memory_or_on_disk, rows_of

MOST_PLANES, MOST_FILES = 2**22, 10_000
"""Planes of a stack that are read, and files that one may be spread over, at most."""


def stack_of(file: Any, path: Path, nth: int | None = None) -> tuple[Any, dict[str, Any]] | None:
    """Return the images (n, h, w, channels) of an OME-TIFF and their meta; None of other files.

    Times and depths count images, channels are channels, and their names the names of bands.

    Parameters
    ----------
    file : tifffile.TiffFile
        Just opened.
    path : Path
        Its place.
    nth : int, optional
        Take every so many-th image.
    """
    if not file.is_ome:
        return None
    _check_said(file, path)
    series = file.series[0]
    axes = series.axes.lower()
    if not {"y", "x"} <= set(axes) or len(set(axes)) != len(axes):
        return None
    counts = [sum(page.databytecounts) for page in series.pages if page is not None]
    said = series.keyframe.nbytes
    # what is empty may be packed very well, but not to nothing
    check_unpacked(f"{path}: an image of {series.keyframe.shape}", said, 9 * max(counts))
    source = _mapped(series, path) if series.dataoffset is not None else _Pages(series, path)
    shape, fetch = rows_of(source, axes)
    dtype = as_raster(np.zeros((1, 1, 1, 1), series.dtype)).dtype
    if nth:
        shape, fetch = _every(shape, fetch, nth)
    facts = (str(path.absolute()), path.stat().st_mtime_ns, nth)
    block = block_of(shape, dtype.itemsize, 1)
    images = OnDisk(shape, dtype, lambda a, b: as_raster(fetch(a, min(b, shape[0]))), facts, block)
    names = _channels(file)
    meta = {"band_names": names} if len(names) == shape[3] else {}
    return in_memory_or_on_disk(images), meta


def _check_said(file: Any, path: Path) -> None:
    """Raise if the XML in a file tells of more than the file can hold."""
    from xml.etree import ElementTree

    for each in ElementTree.fromstring(file.ome_metadata).iter():
        if each.tag.rpartition("}")[2] == "Pixels":
            planes = math.prod(int(each.get(f"Size{axis}", 1)) for axis in "ZCT")
            values = planes * math.prod(int(each.get(f"Size{axis}", 1)) for axis in "YX")
            there = path.stat().st_size * (MOST_FILES if "FileName=" in file.ome_metadata else 1)
            check_unpacked(f"its stack of {planes:,} planes", values, there)
            if planes > MOST_PLANES:
                raise ValueError(f"{planes:,} planes, expected up to {MOST_PLANES:,}")


def check_end(page: Any, n_bytes: int) -> None:
    """Raise if a page says that its numbers go on after the end of its file."""
    places = zip(page.dataoffsets, page.databytecounts, strict=True)
    needed = max((start + count for start, count in places), default=0)
    if needed > n_bytes:
        raise ValueError(
            f"the header contradicts its file: the pixels end at byte {needed}, the file at "
            f"{n_bytes}"
        )


def as_raster(array: np.ndarray) -> np.ndarray:
    """Return numbers as rasters keep them: uint8 and floats as they are, others as float32."""
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype in (np.uint8, np.float32, np.float64) and array.dtype.isnative:
        return array
    return array.astype(np.float64 if array.dtype.itemsize > 4 else np.float32)


class _Pages:
    """The pages of a stack as one array, each decoded when it is asked for."""

    def __init__(self, series: Any, path: Path):
        self.shape, self.series, self.path = series.shape, series, path
        self.inner = len(series.keyframe.shape)  # axes within a page

    def __getitem__(self, index: tuple[Any, ...]) -> np.ndarray:
        """Return what an index of numbers and slices, one for every axis, names."""
        outer = self.shape[: len(self.shape) - self.inner]
        pages = np.arange(int(np.prod(outer, initial=1))).reshape(outer)
        chosen = np.asarray(pages[index[: len(outer)]])
        import tifffile

        with tifffile.TiffFile(self.path) as file:
            all_pages: Any = file.series[0].pages
            found = [all_pages[int(page)] for page in chosen.ravel()]
            if any(page is None for page in found):
                raise ValueError(f"{self.path} lacks planes of the stack that it tells of")
            for page in found:
                check_end(page, page.parent.filehandle.size)
            read = [page.asarray() for page in found]
        within = index[len(outer) :]
        return np.stack([page[within] for page in read]).reshape(
            *chosen.shape, *read[0][within].shape
        )


def _mapped(series: Any, path: Path) -> np.ndarray:
    dtype = series.dtype.newbyteorder(series.keyframe.parent.byteorder)
    return np.memmap(path, dtype, "r", series.dataoffset, series.shape)


def _every(shape: tuple[int, ...], fetch: Any, nth: int) -> tuple[tuple[int, ...], Any]:
    count = -(-shape[0] // nth)

    def some(start: int, stop: int) -> np.ndarray:
        rows = range(start, min(stop, count))
        return np.concatenate([fetch(row * nth, row * nth + 1) for row in rows])

    return (count, *shape[1:]), some


def _channels(file: Any) -> list[str]:
    """Return the names of the channels, as the XML in the file has them."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(file.ome_metadata)
    except ElementTree.ParseError:
        return []
    place = next((each for each in root.iter() if each.tag.endswith("}Pixels")), None)
    found = [] if place is None else [each for each in place if each.tag.endswith("}Channel")]
    names = [each.get("Name") or "" for each in found]
    return names if all(names) else []
