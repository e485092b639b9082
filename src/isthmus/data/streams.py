"""Items that come one by one, as images: arrays as they are, pictures by the rule of files."""

from __future__ import annotations

import io
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np

from isthmus.data.arrays import labelled
from isthmus.data.cache import IN_MEMORY_BYTES
from isthmus.data.columns import labels_in
from isthmus.data.decode import Rule
from isthmus.data.folder import Entry, entry_of_path, pack, split_of
from isthmus.data.images import Images
from isthmus.data.items import Item, is_array, is_pil, item_label
from isthmus.data.maps_beside import map_of, maps_at
from isthmus.data.piles import pile
from isthmus.system.progress import Bar

PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Of Pillow's images, those that PNG holds as they are; TIFF the others of these."""
TIFF_MODES = ("I", "F", "CMYK")


def images_of_items(
    items: Iterable[Item],
    source: str,
    rule: Rule,
    verbose: bool | None = None,
    classes: list[str] | None = None,
) -> Images:
    """Return the images that come one by one, with their labels, names and parts of the split.

    Parameters
    ----------
    items : iterable of Item
        Read once.
    source : str
        What they are from.
    rule : Rule
        Size, colour and type; pictures and files are read by it as those of a folder are.
    verbose : bool, optional
        Whether to show progress.
    classes : list of str, optional
        Names of the labels.
    """
    known, others = list[Item](), list[bool]()

    def pictures() -> Iterator[Any]:
        with Bar("reading images", 0, verbose) as bar:
            for item in items:
                found = map_of(item.other, item.picture)
                others.append(item.other is not None and found is None)
                label = item_label(item.label)
                known.append(item._replace(picture=None, label=label, other=found))
                yield item.picture
                bar.advance()

    every = pictures()
    first = next(every, None)
    if first is None:
        raise ValueError(f"{source} holds no images: nothing came")
    every = chain([first], every)
    if is_array(first):
        piled = pile(map(_checked, every), rule)
        more: dict[str, Any] = {"sizes": piled.sizes, "changes": piled.changes}
        more |= maps_at([i.other for i in known], sum(others), _size(piled.data), rule, source)
        return _known(source, piled.data, known, list(range(len(known))), classes, rule, more)
    with Spool() as spool:
        entries = [spool.entry(picture, row, known[row].name) for row, picture in enumerate(every)]
        packed = pack(entries, rule, Path(source), verbose)
    kept, more = packed.kept.tolist(), dict(packed.known)
    maps = [known[row].other for row in kept]
    more |= maps_at(maps, sum(others), _size(packed.data), rule, source)
    return _known(source, packed.data, known, kept, classes, None, more)


def _size(data: np.ndarray) -> tuple[int, ...]:
    """Return height and width of packed images: channels are last in them, or not there."""
    return data.shape[1:3]


def _checked(picture: Any) -> Any:
    if not is_array(picture):
        raise ValueError(f"{type(picture).__name__} among arrays: give images of one kind")
    return picture


def _known(
    source: str,
    data: np.ndarray,
    items: list[Item],
    rows: list[int],
    classes: list[str] | None,
    rule: Rule | None,
    more: dict[str, Any],
) -> Images:
    """Return images with what came beside them."""
    kept = [items[row] for row in rows]
    if all(item.name for item in kept):
        more["names"] = _short([str(item.name) for item in kept])
    if any(item.part for item in kept):
        more["is_test"] = split_of([str(item.part).lower() for item in kept])
    given = [item.label for item in kept]
    several = any(isinstance(label, np.ndarray) for label in given)
    labels = _as_rows(given, source) if several else labels_in(given)
    there = any(label is not None for label in given)
    more |= {"meta": {"labels_from": source}} if there else {}
    more |= {} if rule is None else rule.numbers
    return labelled(Path(source), data, labels if there else None, classes, **more)


def _as_rows(labels: list[Any], source: str) -> np.ndarray:
    """Return labels of several numbers each as rows; NaN where an image has none."""
    lengths = {np.size(label) for label in labels if label is not None}
    if len(lengths) != 1:
        raise ValueError(
            f"{source}: labels of {', '.join(map(str, sorted(lengths)))} numbers: give as many of "
            "every image"
        )
    none = np.full(lengths.pop(), np.nan)
    return np.stack([none if label is None else np.ravel(label) for label in labels])


def _short(names: list[str]) -> list[str]:
    """Return names below the folder that all share, where there is one."""
    parts = [name.replace("\\", "/").split("/") for name in names]
    while all(len(part) > 1 for part in parts) and len({part[0] for part in parts}) == 1:
        parts = [part[1:] for part in parts]
    return ["/".join(part) for part in parts]


class Spool:
    """Pictures as files of which one is made for all: in memory, on disk when it gets large."""

    def __init__(self) -> None:
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        self._lock = threading.Lock()
        self._end = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def entry(self, picture: Any, row: int, name: str | None) -> Entry:
        """Return a picture as a file among those of a folder."""
        name = name or f"image {row}"
        if isinstance(picture, str | Path):
            return entry_of_path(Path(picture).expanduser(), name)
        content = content_of(picture)
        start, self._end = self._end, self._end + len(content)
        self._file.write(content)
        stamp = (len(content), zlib.crc32(content))
        return Entry(name, stamp, partial(self._part, start, len(content)))

    def _part(self, start: int, length: int) -> IO[bytes]:
        with self._lock:  # it is read in threads
            self._file.seek(start)
            return io.BytesIO(self._file.read(length))


def content_of(picture: Any) -> bytes:
    """Return a picture of Pillow's, or the bytes of a file, as a file without loss.

    Examples
    --------
    >>> content_of(b"abc"), content_of({"bytes": b"abc", "path": None})
    (b'abc', b'abc')
    """
    if isinstance(picture, Mapping):
        return picture["bytes"] or Path(str(picture.get("path"))).read_bytes()
    if isinstance(picture, bytes):
        return picture
    if not is_pil(picture):
        kind = "array" if is_array(picture) else type(picture).__name__
        raise ValueError(f"{kind} among pictures: give images of one kind")
    return _written(picture)


def _written(picture: Any) -> bytes:
    file, mode = io.BytesIO(), picture.mode
    if mode not in (*PNG_MODES, *TIFF_MODES):
        picture = picture.convert("RGBA" if mode[-1:] in ("A", "a") else "RGB")
        mode = picture.mode
    if mode in TIFF_MODES:
        picture.save(file, format="TIFF")
    else:
        turn = picture.getexif()
        more = {"exif": turn} if turn.get(0x0112, 1) != 1 else {}
        picture.save(file, format="PNG", compress_level=1, **more)
    return file.getvalue()
