"""What `isthmus explore` is given: models and images, or the folder of a study."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.codes import check_range
from isthmus.data.images import Images
from isthmus.data.like import like_all, of_fixed_size
from isthmus.data.readers import load_images
from isthmus.store import load_model
from isthmus.studies.prepare import LONGEST_SIDE
from isthmus.studies.study import COLUMNS
from isthmus.validation import hint


@dataclass
class Opened:
    """Models by name, the images they are shown on, and the scores of a study.

    `note` says whose images were brought to their shape otherwise, where any were.
    """

    models: dict[str, Any]
    images: Images
    title: str
    scores: dict[str, dict[str, float | None]] = field(default_factory=dict)
    note: str = ""


def opened(given: Sequence[str], names: Sequence[str] | None = None) -> Opened:
    """Return models and images from the words of a command.

    Parameters
    ----------
    given : sequence of str
        Files of models and at last a source of images, or the folder of a study, with or without
        another source of images.
    names : sequence of str, optional
        Which models of a study; all by default.

    Raises
    ------
    ValueError, OSError
        If something is missing or cannot be read.
    """
    if is_study(Path(given[0])):
        if len(given) > 2:
            raise ValueError(
                f"expected STUDY_FOLDER or STUDY_FOLDER SOURCE, got {' '.join(given)}"
            )
        return _study(Path(given[0]), names, *given[1:])
    if names:
        raise ValueError("--models chooses among the models of a study; name files instead")
    if len(given) < 2:
        raise ValueError(
            f"{given[0]} is not the folder of a study: give MODEL... SOURCE, as in `isthmus "
            "explore pca.safetensors mnist`, or a folder that `isthmus study` wrote"
        )
    *files, source = given
    models = {}
    for file in files:
        name, n = Path(file).stem, 2
        while name in models:
            name, n = f"{Path(file).stem}-{n}", n + 1
        models[name] = load_model(file)
    return _on(models, source, source)


def is_study(path: Path) -> bool:
    """Return whether a folder is one that `isthmus study` wrote."""
    return (path / "scores.json").is_file() and (path / "models").is_dir()


def _study(folder: Path, names: Sequence[str] | None, source: str | None = None) -> Opened:
    record = _record(folder / "scores.json")
    scores = {row["model"]: _figures(row) for row in record["scores"]}
    chosen = list(names or scores)
    for name in chosen:
        if name not in scores:
            known = ", ".join(scores)
            raise ValueError(f"--models {name}: the study has {known}{hint(name, scores)}")
    models = {name: load_model(folder / "models" / f"{name}.safetensors") for name in chosen}
    if not models:
        raise ValueError(f"{folder} holds no models")
    title = f"{source or record['source']}, {folder.name}"
    if source is not None:
        return _on(models, source, title, scores)
    found = _of_study(record["source"], models, folder, title, scores)
    if found.images.is_test is None:  # the study held out the same ones
        found.images = found.images.split(random_state=int(record.get("random_state", 0)))
    return found


def _on(
    models: dict[str, Any], source: str, title: str, scores: dict[str, Any] | None = None
) -> Opened:
    """Return models beside the images of a source, loaded as they can take them."""
    name, note = like_all(models)
    images = load_images(source, like=models[name])
    check_range(models[name], images)
    return Opened(models, images, title, scores or {}, note if images.changed else "")


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        str(record["source"]), [row["model"] for row in record["scores"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged or not the scores of a study ({error})") from None
    return record


def _figures(row: dict[str, Any]) -> dict[str, float | None]:
    found = {name: row[name] for name in COLUMNS if name in row}
    figures = {k: v for k, v in found.items() if v is None or isinstance(v, int | float)}
    return {k: v if v is None or math.isfinite(v) else None for k, v in figures.items()}


def _of_study(
    source: str, models: dict[str, Any], folder: Path, title: str, scores: dict[str, Any]
) -> Opened:
    try:
        if of_fixed_size(models) is None:  # as the study did
            images = load_images(source, longest=LONGEST_SIDE)
            return Opened(models, images, title, scores)
        return _on(models, source, title, scores)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"the images of the study, {source!r}, cannot be read again ({error}): give them, "
            f"`isthmus explore {folder} SOURCE`"
        ) from None
