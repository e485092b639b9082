"""Folders of images with a file beside them that says what is in each: metadata.csv and alike."""

from __future__ import annotations

from pathlib import Path

from isthmus.data.columns import roles_of
from isthmus.data.decode import Rule
from isthmus.data.folder import files_below, read_entries
from isthmus.data.images import Images
from isthmus.data.names import Finder
from isthmus.data.table_files import METADATA, of_records, table_in
from isthmus.data.tables import said_by


def read_described(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read a folder of image files, with what files of metadata in it say of them.

    That is ``metadata.csv``, ``.jsonl`` or ``.parquet`` as Hugging Face has them, and the
    ``_annotations.coco.json`` of Roboflow, in the folder or in those below.
    """
    entries, hidden = files_below(path)
    beside = [entry.name for entry in entries if _says(entry.name)]
    entries = [entry for entry in entries if entry.name not in beside]
    images = read_entries(path, entries, hidden, rule, verbose)
    return _told(images, path, beside, rule) if beside else images


def _says(name: str) -> bool:
    return name.rpartition("/")[2].lower() in METADATA


def _told(images: Images, path: Path, beside: list[str], rule: Rule) -> Images:
    """Return images with what the tables beside them say, all of them as one table."""
    records = []
    for name in beside:
        table, folder = table_in(path / name), name.rpartition("/")[0]
        roles = roles_of(table, {}, path / name)
        if roles.image is None:
            raise ValueError(f"{path / name} has no column file_name: it has {', '.join(table)}")
        for row in zip(*table.values(), strict=True):
            record = dict(zip(table, row, strict=True))
            file = str(record.pop(roles.image))
            records.append({"file_name": f"{folder}/{file}" if folder else file} | record)
    table = of_records(records)
    finder = Finder(images)
    found = {row: finder.rows(name) for row, name in enumerate(table["file_name"])}
    places = {rows[0]: row for row, rows in found.items() if len(rows) == 1}
    skipped = dict(images.skipped)
    lost = [table["file_name"][row] for row, rows in found.items() if not rows]
    skipped = dict.fromkeys(lost, f"{beside[0]} names it, and it is not there") | skipped
    images.skipped = sorted(skipped.items())
    roles = roles_of(table, {"image": "file_name"} | (rule.columns or {}), path / beside[0])
    return said_by(images, table, roles, places, path / beside[0]) if places else images
