"""Arrow tables of images: parquet, what Hugging Face's datasets save, and those they hold."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from isthmus.data.arrays import choose, damage_explained, labelled, library
from isthmus.data.columns import (
    Roles,
    known_of,
    plain_name,
    roles_of,
    tags_in,
)
from isthmus.data.columns import holds_files as holds_names
from isthmus.data.decode import Rule
from isthmus.data.folder import TEST_NAMES, Entry, entry_of_path, files_below
from isthmus.data.formats import IMAGE_NAME
from isthmus.data.images import Images
from isthmus.data.items import MAPS, Item, item_of
from isthmus.data.kept import facts_of_schema, reading_in
from isthmus.data.listed import images_of_entries, with_attributes
from isthmus.data.streams import images_of_items

if TYPE_CHECKING:
    from PIL.Image import Image

AT_ONCE = 64
"""Rows that are unpacked at once, where they come one by one."""
PART = "split"
"""The column that parts of a data set become."""
DICT, INFO = "dataset_dict.json", "dataset_info.json"
"""Files of a folder that `save_to_disk` wrote: of several parts, of one."""


def images_of_arrow(
    table: Any,
    source: str,
    rule: Rule,
    verbose: bool | None,
    inside: str | None = None,
    features: Mapping[str, Any] | None = None,
    stamp: int = 0,
) -> Images:
    """Return the images in a column of a pyarrow table, with what the others say of them.

    Parameters
    ----------
    table : pyarrow.Table
        With a column of encoded images, or of lists of numbers.
    source : str
        Where it is from.
    rule, verbose
        How images are read, and whether to show progress.
    inside : str, optional
        The column of the images.
    features : mapping, optional
        What data sets know of their columns; by default as the schema says.
    stamp : int
        Another one where the content is another.
    """
    told = dict(rule.columns or {})
    there, features = list(table.schema.names), features or _features(table.schema.metadata)
    if inside is None and (masks := _masks_in(table)):
        rows = items_in(table, told, masks)
        return images_of_items(rows, source, rule, verbose, _names_of(features, told.get("label")))
    wanted = inside or told.pop("image", None)
    name = choose(Path(source), wanted, _candidates(table), there)
    plain = _beside(table, name) | _tags(table, features, name)
    names = _all_named(plain.get("name"))
    if names and "name" not in told.values():
        del plain["name"]
    roles = roles_of(plain | {name: []}, told | {"image": name}, source)
    roles = _labelled_by_kind(roles, features)
    files = next((plain[each] for each in roles.others if holds_names(plain[each])), None)
    files = files or names
    classes = _names_of(features, roles.label)
    if holds_files(table.schema.field(name).type):
        entries = _entries(table[name], files, stamp)
        return images_of_entries(entries, plain, roles, source, rule, verbose, classes)
    known = known_of(plain, roles, range(len(table)), Path(source).name)
    data = stacked(source, table[name])
    labels = known.pop("labels", None)
    loading = reading_in(facts_of_schema(table.schema.metadata, source), rule)
    images = labelled(Path(source), data, labels, classes, names=files, loading=loading)
    return with_attributes(images, known)


def _beside(table: Any, image: str) -> dict[str, list[Any]]:
    """Return the columns of one value a row."""
    fields = [each for each in table.schema if each.name != image and _is_plain(each.type)]
    return {each.name: table[each.name].to_pylist() for each in fields}


def _candidates(table: Any) -> dict[str, str]:
    """Return the columns that may be the images, and their types: encoded ones before others."""
    may = {each.name: each.type for each in table.schema if may_be_images(each.type)}
    encoded = {name: kind for name, kind in may.items() if holds_files(kind)}
    return {name: str(kind) for name, kind in (encoded or may).items()}


def _masks_in(table: Any) -> list[str]:
    """Return the columns of encoded maps of classes beside one of encoded images."""
    encoded = [each.name for each in table.schema if holds_files(each.type)]
    masks = [name for name in encoded if plain_name(name) in MAPS]
    return masks if 0 < len(masks) < len(encoded) else []


def items_in(table: Any, told: Mapping[str, str], masks: Sequence[str]) -> Iterator[Item]:
    """Yield the rows of a table as images with the maps of classes beside them."""
    for batch in table.to_batches(max_chunksize=AT_ONCE):
        for row in batch.to_pylist():
            opened = {name: _picture(row[name]) for name in masks}
            yield item_of(row | opened, told)


def _picture(cell: object) -> Image | None:
    from PIL.Image import open as opened

    content = _content(cell)
    return opened(io.BytesIO(content)) if content else None


def _tags(table: Any, features: Mapping[str, Any], image: str) -> dict[str, list[int]]:
    """Return lists of words, or of classes, as a column of 0 and 1 for every word."""
    found: dict[str, list[int]] = {}
    for field in table.schema:
        if field.name == image or not _is_list(field.type) or _is_list(field.type.value_type):
            continue
        names = _names_within(features.get(field.name))
        if names is None and not _is_text(field.type.value_type):
            continue
        rows = table[field.name].to_pylist()
        if names is not None:
            rows = [[names[k] for k in row or () if 0 <= k < len(names)] for row in rows]
        found |= tags_in(field.name, rows, table.schema.names, names) or {}
    return found


def _is_text(kind: object) -> bool:
    from pyarrow import types

    return types.is_string(kind) or types.is_large_string(kind)


def _names_within(feature: Any) -> list[str] | None:
    """Return the names of the classes that lists are of, as data sets write it."""
    inner = feature[0] if isinstance(feature, list) and feature else feature
    inner = inner.get("feature", inner) if isinstance(inner, dict) else inner
    inner = getattr(inner, "feature", inner)
    return _names_of({"": inner}, "")


def _all_named(cells: list[Any] | None) -> list[str] | None:
    """Return cells if all of them are text, each another."""
    alone = cells is not None and all(isinstance(cell, str) for cell in cells)
    return cells if alone and len(set(cells or [])) == len(cells or []) else None


def read_arrow(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read a file of Arrow's, as data sets keep them."""
    return images_of_arrow(arrow_in(path), str(path), rule, verbose, inside, stamp=_time(path))


def arrow_in(path: Path) -> Any:
    """Return the table in an Arrow file of either kind; it stays on disk."""
    with library("pyarrow", path):
        import pyarrow as pa
    with damage_explained(path, path.suffix):
        mapped = pa.memory_map(str(path))
        try:
            return pa.ipc.open_stream(mapped).read_all()
        except pa.ArrowInvalid:
            return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def is_saved(folder: Path) -> bool:
    """Return whether `save_to_disk` of datasets wrote a folder."""
    several = (folder / DICT).is_file()
    return several or ((folder / INFO).is_file() and any(folder.glob("*.arrow")))


def read_saved(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read a folder that `save_to_disk` wrote, of one data set or of the parts of one."""
    if not (path / DICT).is_file():
        table = _concatenated([arrow_in(file) for file in _data_files(path)])
        return images_of_arrow(table, str(path), rule, verbose, inside, stamp=_time(path))
    with damage_explained(path / DICT, ".json"):
        parts = json.loads((path / DICT).read_text(encoding="utf-8"))["splits"]
    tables = {p: _concatenated([arrow_in(f) for f in _data_files(path / p)]) for p in parts}
    return images_of_arrow(in_parts(tables), str(path), rule, verbose, inside, stamp=_time(path))


def _data_files(folder: Path) -> list[Path]:
    """Return the files of a data set, in their order."""
    state = folder / "state.json"
    if state.is_file():
        with damage_explained(state, ".json"):
            listed = json.loads(state.read_text(encoding="utf-8"))["_data_files"]
            return [folder / Path(one["filename"]).name for one in listed]
    return sorted(folder.glob("*.arrow"))


def is_sharded(folder: Path) -> bool:
    """Return whether a folder holds parquet files, and no images."""
    names = [entry.name for entry in files_below(folder)[0]]
    shards = any(name.endswith(".parquet") for name in names)
    return shards and not any(IMAGE_NAME.fullmatch(name) for name in names)


def read_sharded(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the parquet files of a folder as one; names as train-0.parquet are a split."""
    with library("pyarrow", Path("x.parquet")):
        import pyarrow.parquet as pq
    tables: dict[str, list[Any]] = {}
    for name in sorted(e.name for e in files_below(path)[0] if e.name.endswith(".parquet")):
        with damage_explained(path / name, ".parquet"):
            part = name.rpartition("/")[2].removesuffix(".parquet").partition("-")[0]
            tables.setdefault(part, []).append(pq.read_table(path / name, memory_map=True))
    order = sorted(tables, key=lambda part: (part.lower() in TEST_NAMES, part))
    parts = {part: _concatenated(tables[part]) for part in order}
    return images_of_arrow(in_parts(parts), str(path), rule, verbose, inside, stamp=_time(path))


def in_parts(tables: Mapping[str, Any]) -> Any:
    """Return tables by the names of parts as one, with a column of these."""
    import pyarrow as pa

    told = [
        table.append_column(PART, pa.array([part] * len(table)))
        if PART not in table.schema.names
        else table
        for part, table in tables.items()
    ]
    return _concatenated(told)


def _concatenated(tables: list[Any]) -> Any:
    import pyarrow as pa

    if not tables:
        raise ValueError("a data set without files")
    return pa.concat_tables(tables, promote_options="default")


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns


def holds_files(kind: Any) -> bool:
    """Return whether a column is of encoded images."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" for field in kind)
    return types.is_binary(kind) or types.is_large_binary(kind)


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    return not (types.is_nested(kind) or holds_files(kind) or hasattr(kind, "storage_type"))


def may_be_images(kind: Any) -> bool:
    """Return whether a column may be of images: encoded, or lists of numbers."""
    from pyarrow import types

    leaf = kind = getattr(kind, "storage_type", kind)
    while _is_list(leaf):
        leaf = leaf.value_type
    numbers = types.is_integer(leaf) or types.is_floating(leaf) or types.is_boolean(leaf)
    return holds_files(kind) or (numbers and leaf is not kind)


def _features(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """Return what datasets writes into the schema on every column."""
    facts = json.loads((metadata or {}).get(b"huggingface", b"{}"))
    found: dict[str, Any] = facts.get("info", {}).get("features", {})
    return found


def _names_of(features: Mapping[str, Any], label: str | None) -> list[str] | None:
    feature = features.get(label or "")
    names = feature.get("names") if isinstance(feature, dict) else getattr(feature, "names", None)
    return list(map(str, names)) if names else None


def _labelled_by_kind(roles: Roles, features: Mapping[str, Any]) -> Roles:
    """Return columns with the first of classes as labels, where none is called so."""
    if roles.label is not None:
        return roles
    label = next((name for name in roles.others if _names_of(features, name)), None)
    return roles._replace(label=label, others=tuple(n for n in roles.others if n != label))


def _entries(column: Any, names: list[Any] | None, stamp: int) -> list[Entry]:
    """Return the cells of a column as files, read when they are opened."""
    entries = []
    for row, cell in enumerate(column):
        held = cell.as_py()
        content, path = _content(held), held.get("path") if isinstance(held, dict) else None
        name = path or (names[row] if names else None) or f"row {row}"
        if not content and path and Path(path).is_file():  # datasets may keep a path alone
            entries.append(entry_of_path(Path(path), path))
            continue
        mark = (len(content), zlib.crc32(content) ^ stamp)
        entries.append(Entry(str(name), mark, partial(_opened, column, row)))
    return entries


def _opened(column: Any, row: int) -> IO[bytes]:
    return io.BytesIO(_content(column[row].as_py()))


def _content(held: Any) -> bytes:
    found: bytes = (held.get("bytes") if isinstance(held, dict) else held) or b""
    return found


def stacked(source: object, column: Any) -> np.ndarray:
    """Return a column of lists, or of lists of lists, as one array."""
    import pyarrow.compute as pc

    blocks = []
    for chunk in column.chunks:
        chunk = getattr(chunk, "storage", chunk)
        shape = [len(chunk)]
        while _is_list(chunk.type):
            lengths = pc.unique(pc.list_value_length(chunk)).to_pylist()
            if len(lengths) != 1 or lengths[0] is None:
                raise ValueError(
                    f"{source}: the lists differ in length: {sorted(map(str, lengths))}"
                )
            shape.append(lengths[0])
            chunk = chunk.flatten()
        blocks.append(chunk.to_numpy(zero_copy_only=False).reshape(shape))
    return np.concatenate(blocks) if blocks else np.empty((0, 0))
