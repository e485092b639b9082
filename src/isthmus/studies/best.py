"""Which model of a study is meant: one that is named, or the best there is for a verb."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.studies.answer import Answer
from isthmus.studies.answers import answers
from isthmus.studies.folders import is_study
from isthmus.studies.stored import load_study
from isthmus.validation import hint

if TYPE_CHECKING:
    from isthmus.studies.outcome import Study

NEEDS = {
    "reconstruct": (("Reconstruct", "Compress"), "decode"),
    "compress": (("Compress", "Reconstruct"), "decode"),
    "rate_distortion": (("Compress", "Reconstruct"), "decode"),
    "denoise": (("Reconstruct",), "decode"),
    "generate": (("Generate", "Reconstruct"), "decode"),
    "morph": (("Generate", "Reconstruct"), "decode"),
    "edit": (("Reconstruct", "Generate"), "decode"),
    "traverse": (("Explain", "Reconstruct"), "decode"),
    "territory": (("Explain", "Reconstruct"), "decode"),
    "decode": (("Reconstruct",), "decode"),
    "cluster": (("Cluster", "Classify"), "encode"),
    "novelty": (("Spot anomalies", "Reconstruct", "Classify"), "encode"),
    "finetune": (("Classify", "Reconstruct"), "encode"),
}
"""Verb to the purposes it serves, the first one first, and what a model has to be able to do."""
OTHERS = (("Classify", "Reconstruct", "Cluster"), "encode")
"""Of all other verbs."""


def model_file(given: str | Path, verb: str = "") -> tuple[Path, str]:
    """Return the file of a model, and in words which model of a study that is.

    Parameters
    ----------
    given : str or Path
        A file; ``STUDY:NAME``, a model in the folder of a study; or such a folder, then the best
        of its models for the verb.
    verb : str
        What it is wanted for.

    Raises
    ------
    ValueError
        If the study has no such model, or none that can do it.
    """
    path = Path(given)
    if path.exists() and is_study(path):
        return _best(path, verb)
    folder, _, name = str(given).rpartition(":")
    if not path.exists() and folder and is_study(folder):
        return _named(Path(folder), name), ""
    return path, ""


def _named(folder: Path, name: str) -> Path:
    files = {file.stem: file for file in sorted((folder / "models").glob("*.safetensors"))}
    if name not in files:
        known = ", ".join(files) or "none"
        raise ValueError(f"{folder} has no model {name!r}: it has {known}{hint(name, files)}")
    return files[name]


def _best(folder: Path, verb: str) -> tuple[Path, str]:
    study = load_study(folder)
    name, why = best_of(study, verb)
    return _named(folder, name), f"of {folder} {name} is taken: {why}"


def best_of(study: Study, verb: str = "") -> tuple[str, str]:
    """Return the model of a study that is best for a verb, and why.

    Examples
    --------
    >>> import isthmus as ist
    >>> study = ist.study("glyphs", models=["kmeans", "pca"], width=8)
    >>> best_of(study, "reconstruct")[0]
    'pca'
    """
    purposes, ability = NEEDS.get(verb, OTHERS)
    able = {name for name in study.models if study.models[name].can(ability)}
    if not able:
        raise ValueError(f"no model of the study of {study.source} can {ability}")
    scores, baseline = _judged(study)
    for found in _sorted(answers(scores, baseline), purposes):
        for name in found.models:
            if name in able:
                return name, f"best by {found.use.lower()!r} ({found.question})"
    first = next(name for name in study.models if name in able)
    return first, "no model was found to be the best, it is the first"


def _judged(study: Study) -> tuple[Sequence[Mapping[str, Any]], dict[str, float]]:
    """Return scores with their flags, as they are where the images cannot be read any more."""
    try:
        return study.judged()
    except (ValueError, OSError):
        return [{"flags": [], **score} for score in study.scores], {}


def _sorted(found: Sequence[Answer], purposes: Sequence[str]) -> Iterator[Answer]:
    by_use = {answer.use: answer for answer in found}
    yield from (by_use[use] for use in purposes if use in by_use)
