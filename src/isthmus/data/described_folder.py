"""Folders and zips of images with a file beside them that says what is in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus.data.columns import Table, roles_of
from isthmus.data.decode import Rule
from isthmus.data.folder import Entry, files_below, members_of, read_entries
from isthmus.data.images import Images
from isthmus.data.names import Finder
from isthmus.data.table_files import MAY_TELL, METADATA, of_records, table_of
from isthmus.data.tables import said_by

LARGEST = 2**28
"""Bytes of a table that is read out of a folder or a zip."""


def read_described(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read a folder of image files, with what files of metadata in it say of them.

    That is ``metadata.csv``, ``.jsonl`` or ``.parquet`` as Hugging Face has them, the
    ``_annotations.coco.json`` of Roboflow, and ``labels.csv`` and alike where they name images of
    theirs; in the folder or in those below.
    """
    return _read(path, *files_below(path), rule, verbose)


def read_zip(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read a zip of image files, as if it were a folder, without unpacking it."""
    return _read(path, *members_of(path), rule, verbose)


def _read(
    path: Path,
    entries: list[Entry],
    hidden: list[tuple[str, str]],
    rule: Rule,
    verbose: bool | None,
) -> Images:
    beside = [entry for entry in entries if _last(entry.name) in (*METADATA, *MAY_TELL)]
    entries = [entry for entry in entries if entry not in beside]
    images = read_entries(path, entries, hidden, rule, verbose)
    return _told(images, path, beside, rule) if beside else images


def _last(name: str) -> str:
    return name.rpartition("/")[2].lower()


def _told(images: Images, path: Path, beside: list[Entry], rule: Rule) -> Images:
    """Return images with what the tables beside them say, all of them as one table."""
    finder, records = Finder(images), dict[str, dict[str, Any]]()
    names, told, skipped = list[str](), dict(rule.columns or {}), dict[str, str]()
    for entry in beside:
        try:
            found = _records_in(entry, path, told)
        except ValueError as error:
            if _last(entry.name) in METADATA:
                raise
            skipped[entry.name] = str(error).removeprefix(f"{path / entry.name} ")
            continue
        if _last(entry.name) not in METADATA and not any(map(finder.rows, found)):
            skipped[entry.name] = "names none of the images"
            continue
        names.append(entry.name)
        for file, record in found.items():
            records[file] = records.get(file, {}) | record
    if records:
        table = of_records([{"file_name": file} | record for file, record in records.items()])
        images = _said(images, table, path / names[0], told, skipped)
    images.skipped = sorted((skipped | dict(images.skipped)).items())
    return images


def _records_in(entry: Entry, path: Path, told: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return what a table says of every file that it names."""
    if entry.stamp[0] > LARGEST:
        raise ValueError(f"{path / entry.name} is longer than {LARGEST:,} bytes")
    with entry.open() as file:
        table, folder = table_of(file.read(), path / entry.name), entry.name.rpartition("/")[0]
    given = {role: name for role, name in told.items() if name in table}
    image = roles_of(table, given, path / entry.name).image
    if image is None:
        raise ValueError(f"{path / entry.name} has no column file_name: it has {', '.join(table)}")
    found: dict[str, dict[str, Any]] = {}
    for row in zip(*table.values(), strict=True):
        record = dict(zip(table, row, strict=True))
        name = str(record.pop(image))
        found[f"{folder}/{name}" if folder else name] = record
    return found


def _said(
    images: Images, table: Table, source: Path, told: dict[str, str], skipped: dict[str, str]
) -> Images:
    """Return images with what one table says; files that are not there are noted as skipped."""
    finder = Finder(images)
    found = {row: finder.rows(name) for row, name in enumerate(table["file_name"])}
    places = {rows[0]: row for row, rows in found.items() if len(rows) == 1}
    lost = [table["file_name"][row] for row, rows in found.items() if not rows]
    skipped |= dict.fromkeys(lost, f"{source.name} names it, and it is not there")
    roles = roles_of(table, told | {"image": "file_name"}, source)
    return said_by(images, table, roles, places, source) if places else images
