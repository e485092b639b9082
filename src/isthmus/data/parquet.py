"""Parquet tables with a column of encoded images, or of lists of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import damage_explained, library
from isthmus.data.arrow import images_of_arrow, may_be_images, stacked
from isthmus.data.decode import Rule
from isthmus.data.images import Images
from isthmus.data.kept import MAPS, facts_of_schema, retold
from isthmus.data.listed import images_of_table
from isthmus.system.files import replacing


def read_parquet(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read the image column of a parquet file, or the files that it names, with what is beside."""
    with library("pyarrow", path):
        import pyarrow.parquet as pq
    with damage_explained(path, ".parquet"):
        table = pq.read_table(path, memory_map=True)
    if inside is None and not any(may_be_images(field.type) for field in table.schema):
        columns = {name: table[name].to_pylist() for name in table.column_names}
        return images_of_table(columns, str(path), path.parent, rule, verbose)
    facts, maps = facts_of_schema(table.schema.metadata, path), None
    if facts and MAPS in table.column_names:
        maps, table = stacked(path, table[MAPS]), table.drop_columns([MAPS])
    time = path.stat().st_mtime_ns
    images = images_of_arrow(table, str(path), rule, verbose, inside, stamp=time)
    return retold(images, facts, maps, rule)


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
