"""What the folder of a study says of it: whether it is one, is finished, and of which images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.images import Images
from isthmus.fitted.heldout import row_hashes
from isthmus.metrics.table import METRICS
from isthmus.system import schema

MEASURED = {
    f"{key}?": schema.maybe(schema.either(schema.number, schema.rows(schema.anything)))
    for key in METRICS
}
SCORES: schema.Schema = {
    "source": schema.text,
    "scores": schema.rows(schema.having({"model": schema.text, **MEASURED})),
    "shape": schema.rows(schema.positive),
    "test": schema.count,
    "random_state?": schema.whole,
    "command?": schema.maybe(schema.text),
    "notes?": schema.rows(schema.text),
    "options?": schema.record,
    "plan?": schema.rows(schema.record),
    "left_out?": schema.table(schema.text),
    "unsaved?": schema.rows(schema.text),
    "waiting?": schema.rows(schema.text),
    "spent?": schema.maybe(schema.finite),
    "images?": schema.maybe(schema.text),
    "effort?": schema.maybe(
        schema.having(
            {"most": schema.count, "probes?": schema.rows(schema.text), "mapped?": schema.count}
        )
    ),
}
"""What the record of a study says; scores by name are looked at where they are shown."""


def is_study(folder: str | Path) -> bool:
    """Return whether a folder is one that `isthmus study` wrote."""
    return (Path(folder) / "scores.json").is_file() and (Path(folder) / "models").is_dir()


def is_unfinished(folder: str | Path) -> bool:
    """Return whether a folder holds a study that can be gone on with."""
    if not is_study(folder):
        return False
    try:
        return bool(record_of(Path(folder)).get("waiting"))
    except ValueError:
        return False


def stopped_before(names: Iterable[str]) -> str:
    """Return what to do about models that a study has not come to.

    Examples
    --------
    >>> stopped_before(["vae", "gan"])
    'vae, gan are still to come: the same command with --resume goes on.'
    """
    names = list(names)
    verb = "is" if len(names) == 1 else "are"
    return f"{', '.join(names)} {verb} still to come: the same command with --resume goes on."


def record_of(folder: Path) -> dict[str, Any]:
    """Return what the folder of a study says of it."""
    if not is_study(folder):
        raise ValueError(
            f"{folder} is not the folder of a study: give one that `isthmus study` wrote, with "
            "scores.json and models/"
        )
    path = folder / "scores.json"
    try:
        return schema.read_json(path.read_bytes(), SCORES)
    except ValueError as error:
        raise ValueError(f"{path} is damaged or not the scores of a study ({error})") from None


def digest_of(images: Images) -> str:
    """Return what tells the images of a study, their labels and split from all others."""
    found = hashlib.blake2b(row_hashes(images).tobytes(), digest_size=16)
    for values in (images.is_test, images.y):
        found.update(b"" if values is None else np.ascontiguousarray(values).tobytes())
    return found.hexdigest()
