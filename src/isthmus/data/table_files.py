"""Tables in files as columns by name: csv, tsv, JSON, JSON lines, parquet, COCO."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isthmus.data.arrays import damage_explained, library
from isthmus.data.columns import Table, with_tags
from isthmus.data.formats import IMAGE_NAME

TABLES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
LINES = (".jsonl", ".ndjson")
METADATA = (*(f"metadata{suffix}" for suffix in TABLES), "_annotations.coco.json")
"""Files that say what is in the images of their folder: of Hugging Face, and of Roboflow."""

MAY_TELL = tuple(f"labels{suffix}" for suffix in TABLES)
"""Files that may say it too, where they name images of their folder."""


def table_in(path: str | Path) -> Table:
    """Return the columns of a table in a file.

    Raises
    ------
    ValueError, OSError
        If the file is missing, empty, damaged, or no table.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    return table_of(path.read_bytes(), path)


def table_of(content: bytes, path: Path) -> Table:
    """Return the columns of a table from the bytes of its file, in a folder or in a zip."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return with_tags(_of_parquet(content, path))
    if suffix not in (".json", *LINES):
        return _of_text(content, path)
    with damage_explained(path, suffix):
        return with_tags(_checked(_of_json(content.decode("utf-8-sig"), suffix in LINES)))


def _of_json(text: str, by_line: bool) -> Table:
    """Return a table from a record a line, a list of records, columns, COCO, or {name: label}."""
    if by_line:
        return of_records(json.loads(line) for line in text.splitlines() if line.strip())
    held = json.loads(text)
    if is_coco(held):
        return of_coco(held)
    if not isinstance(held, dict):
        return of_records(held)
    if held and all(isinstance(cells, list) for cells in held.values()):
        return {str(name): cells for name, cells in held.items()}
    return {"name": list(held), "label": list(held.values())}


def of_records(records: Iterable[Any]) -> Table:
    """Return the columns of a list of records, None where one lacks an entry.

    Examples
    --------
    >>> of_records([{"a": 1}, {"a": 2, "b": 3}])
    {'a': [1, 2], 'b': [None, 3]}
    """
    rows = [record for record in records if isinstance(record, dict)]
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _checked(table: Table) -> Table:
    lengths = {len(cells) for cells in table.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError("it is no table: expected columns of one length, or a record a line")
    return table


def _of_text(content: bytes, path: Path) -> Table:
    lines, comma = _parted(content)
    while len(lines) > 1 and lines[0].startswith("#"):  # a comment, or the header behind a mark
        lines = lines[1:] if comma not in lines[0] else [lines[0].lstrip("# "), *lines[1:]]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=comma)]
    rows = [row for row in rows if any(row)]
    if rows and any(map(IMAGE_NAME.fullmatch, rows[0])):
        rows.insert(0, _head_of(rows[0]))
    if len(rows) < 2:
        raise ValueError(f"{path} is empty: expected names of columns, and a line for every image")
    head, rows = rows[0], [row for row in rows[1:] if len(row) >= len(rows[0])]
    columns = {name or f"column {i}": [row[i] for row in rows] for i, name in enumerate(head)}
    return columns


def _parted(raw: bytes) -> tuple[list[str], str]:
    """Return the lines of a table, and what parts its columns: what its first line has most of."""
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:  # a spreadsheet of Windows
        text = raw.decode("cp1252", errors="replace")
    lines = text.splitlines()
    head = next((line for line in lines if not line.startswith("#")), "")
    return lines, max(",;\t|", key=head.count)


def _head_of(cells: list[str]) -> list[str]:
    """Return names of columns for a table that begins with its first image."""
    file = next(i for i, cell in enumerate(cells) if IMAGE_NAME.fullmatch(cell))
    other = ["label"] * 2 if len(cells) == 2 else [f"column {i + 1}" for i in range(len(cells))]
    return ["file_name" if i == file else name for i, name in enumerate(other)]


def _of_parquet(content: bytes, path: Path) -> Table:
    with library("pyarrow", path):
        import pyarrow.parquet as pq
    with damage_explained(path, ".parquet"):
        table = pq.read_table(io.BytesIO(content))
    return {name: table[name].to_pylist() for name in table.column_names}


def is_coco(held: object) -> bool:
    """Return whether a JSON file is of COCO's kind: images, annotations and categories."""
    return isinstance(held, dict) and {"images", "annotations"} <= held.keys()


def of_coco(held: dict[str, Any]) -> Table:
    """Return a row an image: its file, its category if it has but one, how many of each it has.

    Examples
    --------
    >>> of_coco({"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
    ...          "annotations": [{"image_id": 7, "category_id": 1}],
    ...          "categories": [{"id": 1, "name": "cat"}]})
    {'file_name': ['a.jpg', 'b.jpg'], 'label': ['cat', None], 'cat': [1, 0]}
    """
    names = {one["id"]: str(one["name"]) for one in held.get("categories", [])}
    counts: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in held["annotations"]:
        if "category_id" in one:
            category = names.get(one["category_id"], str(one["category_id"]))
            counts[one["image_id"]][category] += 1
    images = held["images"]
    there = sorted({name for found in counts.values() for name in found} | set(names.values()))
    alone = [next(iter(found)) if len(found := counts[one["id"]]) == 1 else None for one in images]
    table: Table = {"file_name": [one["file_name"] for one in images], "label": alone}
    more = {name: [counts[one["id"]].get(name, 0) for one in images] for name in there}
    return table | {name: cells for name, cells in more.items() if name not in table}
