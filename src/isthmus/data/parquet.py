"""Parquet tables with a column of encoded images, or of lists of numbers."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import LABEL_NAMES, choose, damage_explained, labelled, library
from isthmus.data.decode import Rule
from isthmus.data.folder import Entry, pack
from isthmus.data.images import Images
from isthmus.system.files import replacing


def read_parquet(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the image column of a parquet file, with the labels beside it."""
    with library("pyarrow", path):
        import pyarrow.parquet as pq
    with damage_explained(path, ".parquet"):
        file = pq.ParquetFile(path)
    with file:
        schema = file.schema_arrow
        may = {field.name: str(field.type) for field in schema if _may_be_images(field.type)}
        name = choose(path, inside, may, schema.names)
        label = next((key for key in schema.names if key.lower() in LABEL_NAMES), None)
        with damage_explained(path, ".parquet"):
            table = file.read(columns=[name, label] if label else [name])
            classes = _class_names(schema.metadata, label)
    labels = None if label is None else np.array(table[label].to_pylist())
    if _holds_files(schema.field(name).type):
        return _decoded(path, table[name].to_pylist(), labels, classes, rule, verbose)
    return labelled(path, _stacked(path, table[name]), labels, classes)


def _holds_files(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" for field in kind)
    return types.is_binary(kind) or types.is_large_binary(kind)


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _may_be_images(kind: Any) -> bool:
    from pyarrow import types

    leaf = kind
    while _is_list(leaf):
        leaf = leaf.value_type
    numbers = types.is_integer(leaf) or types.is_floating(leaf) or types.is_boolean(leaf)
    return _holds_files(kind) or (numbers and leaf is not kind)


def _class_names(metadata: dict[bytes, bytes] | None, label: str | None) -> list[str] | None:
    """Return the class names that HuggingFace's datasets writes into the schema."""
    facts = json.loads((metadata or {}).get(b"huggingface", b"{}"))
    feature = facts.get("info", {}).get("features", {}).get(label, {})
    return feature.get("names") if isinstance(feature, dict) else None


def _decoded(
    path: Path,
    cells: list[Any],
    labels: np.ndarray | None,
    classes: list[str] | None,
    rule: Rule,
    verbose: bool | None,
) -> Images:
    time = path.stat().st_mtime_ns
    entries = []
    for row, cell in enumerate(cells):
        cell = cell if isinstance(cell, dict) else {"bytes": cell}
        content = cell["bytes"] or b""  # HuggingFace may leave only a path to somewhere else
        name = cell.get("path") or f"row {row}"
        entries.append(Entry(name, (len(content), time), partial(io.BytesIO, content)))
    packed = pack(entries, rule, path, verbose)
    names = [entries[row].name for row in packed.kept]
    kept = None if labels is None else labels[packed.kept]
    return labelled(path, packed.data, kept, classes, names=names, **packed.known)


def _stacked(path: Path, column: Any) -> np.ndarray:
    """Return a column of lists, or of lists of lists, as one array."""
    import pyarrow.compute as pc

    blocks = []
    for chunk in column.chunks:
        shape = [len(chunk)]
        while _is_list(chunk.type):
            lengths = pc.unique(pc.list_value_length(chunk)).to_pylist()
            if len(lengths) != 1 or lengths[0] is None:
                raise ValueError(
                    f"{path}: the lists differ in length: {sorted(map(str, lengths))}"
                )
            shape.append(lengths[0])
            chunk = chunk.flatten()
        blocks.append(chunk.to_numpy(zero_copy_only=False).reshape(shape))
    return np.concatenate(blocks) if blocks else np.empty((0, 0))


def write_columns(path: Path, columns: dict[str, Any]) -> None:
    """Write columns of one length to a parquet file, whole or not at all.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    """
    with library("pyarrow", path):
        import pyarrow
        from pyarrow import parquet
    with replacing(path) as temporary:
        parquet.write_table(pyarrow.table(columns), temporary)


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a parquet file by their names.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ValueError
        If the file is damaged.
    """
    with library("pyarrow", path):
        import pyarrow.parquet as pq
    with damage_explained(path, ".parquet"):
        table = pq.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}
