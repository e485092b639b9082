"""What the explorer is given: models and images, or a study, in Python or in files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from isthmus.data.held import is_source
from isthmus.data.images import Images, as_images
from isthmus.data.like import like_all
from isthmus.data.readers import load_images
from isthmus.families import free_name
from isthmus.fitted.store import load_model
from isthmus.latent.codes import check_range
from isthmus.metrics.table import METRICS
from isthmus.studies.folders import is_study
from isthmus.studies.outcome import Study
from isthmus.studies.stored import load_study
from isthmus.validation import hint

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.verbs.parameters import Source

One: TypeAlias = "Representation | str | Path"
"""A fitted model, or its file."""
ModelsLike: TypeAlias = "Study | One | Iterable[One] | Mapping[str, One] | Inputs"
"""A study, or models, with names or without."""


@dataclass
class Inputs:
    """Models by name, the images they are shown on, and the scores of a study.

    `note` says whose images were brought to their shape otherwise, where any were.
    """

    models: dict[str, Any]
    images: Images
    title: str
    scores: dict[str, dict[str, float | None]] = field(default_factory=dict)
    note: str = ""


def inputs_of(
    models: ModelsLike,
    images: Source | None = None,
    names: Iterable[str] | None = None,
    **asked: Any,
) -> Inputs:
    """Return models and images, in whatever form they are given.

    Parameters
    ----------
    models : Study, Representation, str, Path, list or dict of them, or Inputs
        A study, or the folder of one; fitted models, or their files.
    images : Images, array or source, optional
        What models are shown on; that of the study by default.
    names : iterable of str, optional
        Which models of a study; all by default.
    **asked
        How a source is read, for `load_images`: size, resize, color.

    Raises
    ------
    ValueError, OSError
        If something is missing or cannot be read.
    """
    if isinstance(models, Inputs):
        return models
    found = _study_of(models)
    if found is not None:
        return _of_study(*found, images, names, asked)
    if names:
        raise ValueError("--models chooses among the models of a study; name files instead")
    if images is None:
        given = models if isinstance(models, str | Path) else "what was given"
        raise ValueError(
            f"{given} is not the folder of a study: give images to show the models on, or a "
            "folder that `isthmus study` wrote"
        )
    ready = _by_name(models)
    shown, note = images_for(ready, images, asked)
    return Inputs(ready, shown, str(shown.source), note=note)


def _study_of(given: Any) -> tuple[Study, str] | None:
    """Return the study that is meant, if one is, and its title."""
    if isinstance(given, Study):
        return given, ""
    if isinstance(given, str | Path) and is_study(given):
        return load_study(given), Path(given).name
    return None


def _of_study(
    study: Study,
    name: str,
    images: Source | None,
    names: Iterable[str] | None,
    asked: dict[str, Any],
) -> Inputs:
    scores = {row["model"]: _figures(row) for row in study.scores}
    chosen = list(names or scores)
    for one in chosen:
        if one not in scores:
            raise ValueError(
                f"no model {one!r}: the study has {', '.join(scores)}{hint(one, scores)}"
            )
    if not chosen:
        raise ValueError(f"the study {name or study.source} holds no models")
    models = {one: study.models[one] for one in chosen}
    shown, note = (study.images, "") if images is None else images_for(models, images, asked)
    source = study.source if images is None else str(shown.source)
    return Inputs(models, shown, _title(source, name), scores, note)


def _title(source: str, name: str) -> str:
    """Return what a page is called: by its images, and by a study of another name.

    Examples
    --------
    >>> _title("digits", "first try"), _title("data/photos", "photos"), _title("digits", "")
    ('digits, study first try', 'data/photos', 'digits')
    """
    return source if name in ("", Path(source).name) else f"{source}, study {name}"


def _figures(row: Mapping[str, Any]) -> dict[str, float | None]:
    found = {name: row[name] for name in METRICS if name in row}
    figures = {k: v for k, v in found.items() if v is None or isinstance(v, int | float)}
    return {k: v if v is None or math.isfinite(v) else None for k, v in figures.items()}


def _by_name(given: Any) -> dict[str, Any]:
    """Return models by their names: those given, of their files, or of their families."""
    if isinstance(given, Mapping):
        return {str(name): one_model(model) for name, model in given.items()}
    found: dict[str, Any] = {}
    for each in given if isinstance(given, list | tuple) else [given]:
        called = Path(each).stem if isinstance(each, str | Path) else each
        found[free_name(called, found)] = one_model(each)
    return found


def one_model(given: Any) -> Representation:
    """Return a model itself, or read it from its file."""
    return load_model(given) if isinstance(given, str | Path) else given


def images_for(
    models: Mapping[str, Any], images: Source | None, asked: Mapping[str, Any]
) -> tuple[Images, str]:
    """Return images, those of a source loaded as the models can take them, and a note on that."""
    if images is None or not is_source(images):
        return as_images(images), ""
    name, note = like_all(models)
    found = load_images(images, like=models[name], **asked)
    check_range(models[name], found)
    return found, note if found.changed else ""
