"""What a saved model is: what it was fitted on, how well it did, what wrote it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isthmus import signature
from isthmus.families import name_of
from isthmus.fitted.heldout import MOST
from isthmus.fitted.store import KEY, load_model
from isthmus.fitted.tensor_files import read_header
from isthmus.studies.best import model_file
from isthmus.studies.folders import is_study, record_of
from isthmus.verbs.parameters import Model
from isthmus.verbs.result import Result, as_html

if TYPE_CHECKING:
    from isthmus.base import Representation

SCORES = ("mse", "psnr", "ssim", "svm_accuracy", "linear_accuracy", "knn_accuracy")
"""What of the scores of a study is said."""
LICENSE = (
    "isthmus adds none to a model; what the owners of {source!r} ask of the images may hold for "
    "what was learnt from them"
)


@dataclass(eq=False, repr=False)
class Info(Result):
    """What a model is, of `info`.

    Attributes
    ----------
    model : Representation
        The model.
    facts : dict
        What is known of it, by name.
    """

    saves: ClassVar[tuple[str, ...]] = (".json",)
    _: KW_ONLY
    model: Any
    facts: dict[str, Any]

    @property
    def scores(self) -> dict[str, Any]:
        """What is known of it, by name."""
        return self.facts

    def record(self) -> dict[str, Any]:
        """Return what is known of it as JSON can hold it."""
        return dict(self.facts)

    def table(self) -> list[dict[str, Any]]:
        """Return what is known of it, a fact a row."""
        return [{"fact": name, "value": str(value)} for name, value in self.facts.items()]

    def pictures(self) -> dict[str, Any]:
        """Return nothing: facts are to be read."""
        return {}

    def _repr_html_(self) -> str:
        return as_html(self.table())


def info(model: str | Path | Model) -> Info:
    """Show what a model is: its family, what it was fitted on, its scores and versions.

    Parameters
    ----------
    model : str, Path or Representation
        A file; a model of a study, ``STUDY:NAME``, or its folder for the best one; a fitted model.

    Returns
    -------
    Info

    Examples
    --------
    >>> import isthmus as ist
    >>> ist.info(ist.PCA(4).fit(ist.load_images("digits").train)).scores["code"]
    '4 numbers'
    """
    if not isinstance(model, str | Path):
        return Info(model=model, facts=_of_model(model, {}))
    path, note = model_file(model)
    header = read_header(path, KEY)
    loaded = load_model(path)
    size = f"{path.stat().st_size / 2**10:,.0f} KiB"
    facts = {"file": str(path), **({"chosen": note} if note else {}), "size": size}
    facts |= _of_model(loaded, header)
    return Info(model=loaded, facts=facts | _scores_of(path))


def _of_model(model: Representation, header: dict[str, Any]) -> dict[str, Any]:
    """Return what a model says of itself, and the header of its file of when and by what."""
    source = header.get("source") or getattr(model, "source_", None)
    wrote = header.get("written_by") or {}
    can = [verb for verb in ("encode", "decode", "sample", "predict") if model.can(verb)]
    facts = {
        "family": name_of(model),
        "about": _caption(model),
        "code": model.code_,
        "can": ", ".join(can),
        "images": "x".join(map(str, model.image_shape_))
        + (" of images of any size" if model.cell else ""),
        "source": source,
        "learnt from": _learnt(model),
        "loading": _in_words(getattr(model, "fitting_", None)),
        "classes": _in_words(model.class_labels_) if model.needs_labels else None,
        "parameters": _in_words(_given(model)),
        "health": "; ".join(map(str, getattr(model, "health_", None) or [])) or None,
        "written": header.get("date"),
        "versions": _in_words(wrote),
        "license": LICENSE.format(source=str(source)) if source else None,
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _learnt(model: Model) -> str | None:
    """Return from how many images a model has learnt, each once."""
    hashes = getattr(model, "train_hashes_", None)
    if hashes is None:
        return None
    return f"{'at least ' * (len(hashes) >= MOST)}{len(hashes):,} different images"


def _caption(model: Representation) -> str:
    try:
        return signature.caption(name_of(model))
    except ValueError:  # a class that is no family
        return (type(model).__doc__ or "").strip().partition("\n")[0]


def _given(model: Representation) -> dict[str, Any]:
    """Return the parameters of a model that are not as they are by default."""
    usual = type(model)().get_params(deep=False)
    return {k: v for k, v in model.get_params(deep=False).items() if repr(v) != repr(usual[k])}


def _in_words(value: Any) -> str | None:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items() if one is not None) or None
    if value is None or isinstance(value, str | int | float):  # a file may say anything
        return None if value is None else str(value)
    return ", ".join(map(str, value))


def _scores_of(path: Path) -> dict[str, Any]:
    """Return what the study that a file lies in says of the model, {} where it lies in none."""
    folder = path.absolute().parent.parent
    if not is_study(folder):
        return {}
    record = record_of(folder)
    rows = [row for row in record["scores"] if row["model"] == path.stem]
    row: dict[str, Any] = rows[0] if rows else {}
    known = {name: row[name] for name in SCORES if isinstance(row.get(name), float)}
    return {"study": f"{folder.name}, measured on held-out images", **known}
