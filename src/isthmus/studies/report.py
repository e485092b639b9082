"""The report of a study: one self-contained page of pictures, measures and plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.latent.codes import remade
from isthmus.plots.charts import curves, losses_of, rate_against_error
from isthmus.studies import about, labelled, learned, mapped, ranked, summary, walked, worst
from isthmus.studies.answer import Answer
from isthmus.studies.answers import answers, too_few
from isthmus.studies.beside_formats import compared, in_words
from isthmus.studies.cards import Cards
from isthmus.studies.flags import judged, mean_image
from isthmus.studies.pictures import (
    SHEET_WIDTH,
    SMALL_WIDTH,
    STRIP_WIDTH,
    Pictures,
)
from isthmus.system.files import replacing

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.studies.outcome import Study

SKIPPED_SHOWN = 20
RELOADED = 4
"""Seconds after which a page that is written while a study goes on loads itself again."""


def write_report(
    study: Study,
    path: str | Path,
    *,
    live: bool | None = None,
    drawn: dict[Any, Any] | None = None,
) -> Path:
    """Write the report of a study: one HTML file that needs nothing else.

    Parameters
    ----------
    study : Study
        Images, fitted models, their scores and notes.
    path : str or Path
        The file to write, replaced as a whole.
    live : bool, optional
        Write a page that loads itself again every few seconds; by default while the study is not
        `done`.
    drawn : dict, optional
        An empty one, given again at every writing of the same study: what was drawn of a model is
        kept there and not drawn twice. By default what the study has under that name.

    Returns
    -------
    Path
        Where the report is.

    Examples
    --------
    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> from isthmus.data.images import Images
    >>> images = Images(np.zeros((10, 8, 8), dtype=np.uint8), source="nothing").split()
    >>> study = SimpleNamespace(
    ...     images=images, models={}, scores=[], notes=[], command=None, random_state=0)
    >>> write_report(study, Path(tempfile.mkdtemp()) / "report.html").name
    'report.html'
    """
    page = render(study, live=live, drawn=drawn)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return Path(path)


def render(study: Study, *, live: bool | None = None, drawn: dict[Any, Any] | None = None) -> str:
    """Return the report of a study as text; see `write_report`."""
    live = not getattr(study, "done", True) if live is None else live
    drawn = getattr(study, "drawn", None) if drawn is None else drawn
    schedule = getattr(study, "schedule", None)
    pictures = Pictures(study.images, drawn, schedule.is_late if schedule else lambda: False)
    baseline = mean_image(study.images, study.scores)
    scores = judged(study, baseline)
    study = _in_order(study, scores)
    by_name = {score["model"]: score for score in scores}
    maps, found = mapped.Maps(study, pictures), answers(scores, baseline)
    template = _template()
    formats, told = (getattr(study, name, None) or {} for name in ("formats", "beside"))
    cards = _cards(study, scores, pictures, maps, found)
    parts = _drawn(study, pictures, by_name, maps)
    getattr(study, "undrawn", [])[:] = pictures.dropped
    return template.render(
        **parts,
        **about.told(study, scores),
        study=study,
        live=_live(study) if live else None,
        pixelated=pictures.pixelated,
        table=summary.summary(scores, baseline),
        flags={name: score["flags"] for name, score in by_name.items()},
        cards=cards,
        rankings=ranked.shown(found, scores),
        left_out=_left_out(study),
        few=too_few(scores),
        plan=list(getattr(study, "plan", None) or []),
        baseline={key: summary.written(baseline, key) for key in baseline},
        legend=mapped.legend(study.images),
        curves=_curves(study.models),
        rate=_rate(scores, found, formats),
        beside=[(row, in_words(row)) for row in compared(scores, formats, told)],
        health=_health(study, by_name, baseline, undrawn(pictures.dropped)),
        settings=_settings(study, by_name),
    )


def _drawn(
    study: Study, pictures: Pictures, scores: Mapping[str, Mapping[str, Any]], maps: mapped.Maps
) -> dict[str, Any]:
    """Return the pictures of every model, those first that are to be there where time is short."""
    return {
        "reconstructions": _reconstructions(study, pictures, scores),
        "samples": _samples(study, pictures),
        "worst": worst.shown(study, pictures, scores),
        "parts": learned.shown(study.models, pictures),
        "walks": walked.shown(study, pictures),
        "labelled": labelled.shown(study, pictures),
        "maps": maps.shown(),
    }


def undrawn(dropped: Sequence[Any]) -> list[str]:
    """Return what a reader should know of pictures for which there was no time."""
    if not dropped:
        return []
    pictures = f"{len(dropped)} picture{'s were' if len(dropped) > 1 else ' was'}"
    return [f"As time was out, {pictures} not drawn: isthmus report FOLDER draws all."]


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("isthmus.studies"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html.j2")


def _in_order(study: Study, scores: Sequence[Mapping[str, Any]]) -> Any:
    """Return the study with its models as they are ranked: those with problems last."""
    ranked, study = [score["model"] for score in scores], copy(study)
    names = [name for name in ranked if name in study.models]
    names += [name for name in study.models if name not in names]
    study.models = {name: study.models[name] for name in names}
    return study


def _cards(
    study: Study, scores: list[Any], pictures: Pictures, maps: mapped.Maps, found: Sequence[Answer]
) -> list[dict[str, Any]]:
    cards = Cards(study, scores, pictures, maps.of)
    shown = []
    for answer in found:
        key = (
            "card",
            answer.use,
            answer.models,
            maps.seconds > 0,
            len(scores) if answer.at else 0,
        )
        picture = pictures.once(key, partial(cards.shown, answer))
        shown.append({"answer": answer, "picture": picture})
    return shown


def _live(study: Study) -> dict[str, Any]:
    kept = getattr(getattr(study, "schedule", None), "kept", ())
    waiting = [name for name in kept if name not in study.models]
    return {
        "seconds": RELOADED,
        "done": len(study.models),
        "all": len(study.models) + len(waiting),
        "next": waiting[0] if waiting else "",
    }


def _left_out(study: Study) -> dict[str, str]:
    """Return why which models are not in the study."""
    known = getattr(study, "left_out", None)
    if known is None:
        names = getattr(getattr(study, "schedule", None), "left_out", ())
        known = dict.fromkeys(
            names, "no time for it: give a larger --budget, or name it in --models"
        )
    noted = [note.partition(" was left out: ") for note in study.notes]
    return dict(known) | {name: reason.rstrip(".") for name, was, reason in noted if was}


def _reconstructions(
    study: Study, pictures: Pictures, scores: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return one strip of originals and one for every model that can decode, column by column."""
    rows = _one_of_each(study.images.test.y, len(pictures.test), pictures.columns(STRIP_WIDTH))
    originals = np.asarray(pictures.test[rows])
    strips = [{"name": "Originals", "note": "held out", **pictures.sheet(originals, STRIP_WIDTH)}]
    able = {name: model for name, model in study.models.items() if model.can("decode")}
    draw = {name: partial(_strip, model, originals, pictures) for name, model in able.items()}
    for name, strip in pictures.each("strip", draw).items():
        score = scores.get(name, {})
        note = f"mse {summary.written(score, 'mse')}"
        if summary.known(score, "psnr") is not None:
            note += f" · PSNR {summary.written(score, 'psnr')} dB"
        strips.append({"name": name, "note": note, **strip})
    return {"strips": strips, "unable": [name for name in study.models if name not in able]}


def _strip(model: Representation, originals: np.ndarray, pictures: Pictures) -> dict[str, Any]:
    return pictures.sheet(remade(model, originals), STRIP_WIDTH)


def _one_of_each(y: np.ndarray | None, n: int, wanted: int) -> np.ndarray:
    """Return rows that take the labels in turn, evenly spread where there are none."""
    if y is None:
        return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(int))
    turn = np.empty(n, dtype=int)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        turn[members] = np.arange(len(members))
    rows = np.lexsort((y, turn))[:wanted]
    return rows[np.argsort(y[rows], kind="stable")]


def _samples(study: Study, pictures: Pictures) -> dict[str, Any]:
    able = {name: model for name, model in study.models.items() if model.can("sample")}
    small = len(able) not in (1, 2, 4)
    width = SMALL_WIDTH if small else SHEET_WIDTH
    n = pictures.columns(width) * 4

    def drawn(model: Representation) -> dict[str, Any]:
        return pictures.sheet(model.sample(n, random_state=study.random_state), width)

    draw = {name: partial(drawn, model) for name, model in able.items()}
    found = pictures.each(f"samples {width}", draw)
    figures = [{"name": name, "n": n, **sheet} for name, sheet in found.items()]
    unable = [name for name in study.models if name not in able]
    return {"figures": figures, "unable": unable, "small": small}


def _curves(models: Mapping[str, Any]) -> list[dict[str, Any]]:
    from markupsafe import Markup

    histories = {
        name: dict(getattr(model, "history_", None) or {}) for name, model in models.items()
    }
    return [
        {
            "name": name,
            "svg": Markup(curves(history)),
            "validated": any(loss.startswith("val") for loss in losses_of(history)),
        }
        for name, history in histories.items()
        if losses_of(history)
    ]


def _rate(
    scores: Sequence[Mapping[str, Any]], found: Sequence[Answer], formats: Mapping[str, Any]
) -> Any:
    from markupsafe import Markup

    rates = {
        score["model"]: summary.drawn_curve(score) for score in scores if summary.curve_of(score)
    }
    at = next((answer.at for answer in found if answer.use == "Compress"), None)
    drawn = {**rates, **formats}
    return Markup(rate_against_error(drawn, list(rates), at=at)) if rates else None


def _health(
    study: Study,
    scores: Mapping[str, Mapping[str, Any]],
    baseline: Mapping[str, float],
    late: Sequence[str],
) -> dict[str, Any]:
    by_model = {
        name: [flag.long for flag in scores.get(name, {}).get("flags", [])]
        + [note for note in _notes(model) if note not in _said(scores.get(name, {}))]
        for name, model in study.models.items()
    }
    skipped = list(study.images.skipped)
    return {
        "models": {name: notes for name, notes in by_model.items() if notes},
        "well": [name for name, notes in by_model.items() if not notes],
        "notes": [*study.notes, *late],
        "skipped": skipped[:SKIPPED_SHOWN],
        "skipped_more": max(0, len(skipped) - SKIPPED_SHOWN),
        "count": sum(map(len, by_model.values())) + len(study.notes) + len(late) + len(skipped),
    }


def _notes(model: Representation) -> list[str]:
    return [str(note) for note in getattr(model, "health_", None) or []]


def _said(score: Mapping[str, Any]) -> list[str]:
    return [flag.long for flag in score.get("flags", [])]


def _settings(study: Study, scores: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "class": type(model).__name__,
            "parameters": dict(scores.get(name, {}).get("parameters") or {}),
            "variable": "".join(c if c.isalnum() else "_" for c in name),
            "load": f'ist.load_model("models/{name}.safetensors")'
            if name not in getattr(study, "unsaved", ())
            else "...  # it could not be saved",
        }
        for name, model in study.models.items()
    ]
