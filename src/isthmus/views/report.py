"""The report of a study: one self-contained page of pictures, measures and plain words."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.codes import vectors
from isthmus.data.images import to_unit
from isthmus.files import replacing
from isthmus.views import labelled, learned, maps, table, walked
from isthmus.views.charts import curves, losses_of, rate_against_error
from isthmus.views.pictures import (
    SAMPLED_ROWS,
    SHEET_WIDTH,
    SMALL_WIDTH,
    STRIP_WIDTH,
    Pictures,
    some,
)

TIMES = " \N{MULTIPLICATION SIGN} "
MAP_IMAGES = 1500
LEGEND_SHOWN = 12
SKIPPED_SHOWN = 20


def write_report(study: Any, path: str | Path) -> Path:
    """Write the report of a study: one HTML file that needs nothing else.

    Parameters
    ----------
    study : Study
        Images, fitted models, their scores and notes.
    path : str or Path
        The file to write, replaced as a whole.

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
    page = render(study)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return Path(path)


def render(study: Any) -> str:
    """Return the report of a study as text; see `write_report`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pictures = Pictures(study.images)
    scores = {score["model"]: score for score in study.scores}
    baseline = _mean_image(study.images, study.scores)
    environment = Environment(
        loader=PackageLoader("isthmus.views"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html.j2").render(
        title=_title(study.images.source),
        facts=_facts(study),
        study=study,
        pixelated=pictures.pixelated,
        kind=_kind(study.images),
        table=table.summary(study.scores),
        findings=table.findings(study.scores, baseline),
        reconstructions=_reconstructions(study, pictures, scores),
        baseline={key: table.written(baseline, key) for key in baseline},
        samples=_samples(study, pictures),
        maps=_maps(study, pictures),
        legend=_legend(study.images),
        parts=learned.shown(study.models, pictures),
        walks=walked.shown(study, pictures),
        labelled=labelled.shown(study, pictures),
        curves=_curves(study.models),
        rate=_rate(study.scores),
        health=_health(study, scores, baseline),
        settings=_settings(study, scores),
    )


def _title(source: str) -> str:
    return "/".join(str(source).strip("/").split("/")[-2:])


def _kind(images: Any) -> str:
    """Say how the arrays of this set are drawn, in words for captions."""
    if images.ndim == 2:
        width = images.shape[1]
        drawn = "a row of bars" if width <= 32 else "a grid of grey values, read row by row"
        return f"Each vector of {width} numbers is drawn as {drawn}."
    if images.shape[-1] in (1, 3):
        return ""
    return f"Of {images.shape[-1]} bands the first three are shown, stretched between percentiles."


def _facts(study: Any) -> list[tuple[str, str]]:
    from isthmus import __version__

    images = study.images
    n_test, n = len(images.test), len(images)
    shape = TIMES.join(map(str, images.shape[1:]))
    what = (
        "numbers in each vector"
        if images.ndim == 2
        else TIMES.join(("height", "width", "channels"))
    )
    facts = [
        ("Source", str(images.source)),
        ("Images", f"{n:,}: {n - n_test:,} to learn from, {n_test:,} held out to measure"),
        ("Shape", f"{shape} ({what}), {images.dtype}"),
        ("Classes", f"{len(_classes(images))}" if images.y is not None else "no labels"),
        ("Seed", f"{study.random_state}"),
        ("Made", f"{date.today():%d %B %Y} with isthmus {__version__}"),
    ]
    return facts + ([("Command", study.command)] if study.command else [])


def _classes(images: Any) -> list[str]:
    if images.y is None:
        return []
    n = max(int(images.y.max()) + 1, len(images.classes or []))
    return [str(name) for name in images.classes or range(n)]


def _mean_image(images: Any, scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Measure the simplest answer there is: the mean training image for every held-out one."""
    mean = to_unit(np.asarray(some(images.train, SAMPLED_ROWS))).mean(axis=0, dtype=np.float64)
    mse = float(np.mean((to_unit(np.asarray(some(images.test, SAMPLED_ROWS))) - mean) ** 2))
    peaks = [  # the study chose what counts as full range, and it shows in any pair of scores
        10 * math.log10(known) + psnr
        for score in scores
        if (known := table.known(score, "mse"))
        and (psnr := table.known(score, "psnr")) is not None
    ]
    peak = peaks[0] if peaks else 0.0
    return {"mse": mse, "psnr": peak - 10 * math.log10(mse) if mse > 0 else math.inf}


def _reconstructions(
    study: Any, pictures: Pictures, scores: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return one strip of originals and one for every model that can decode, column by column."""
    rows = _one_of_each(study.images.test.y, len(pictures.test), pictures.columns(STRIP_WIDTH))
    originals = np.asarray(pictures.test[rows])
    strips = [{"name": "Originals", "note": "held out", **pictures.sheet(originals, STRIP_WIDTH)}]
    able = {name: model for name, model in study.models.items() if hasattr(model, "decode")}
    for name, model in able.items():
        score = scores.get(name, {})
        note = f"mse {table.written(score, 'mse')} · PSNR {table.written(score, 'psnr')} dB"
        decoded = model.decode(model.encode(originals))
        strips.append({"name": name, "note": note, **pictures.sheet(decoded, STRIP_WIDTH)})
    return {"strips": strips, "unable": [name for name in study.models if name not in able]}


def _one_of_each(y: Any, n: int, wanted: int) -> np.ndarray:
    """Return rows that take the labels in turn, evenly spread where there are none."""
    if y is None:
        return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(int))
    turn = np.empty(n, dtype=int)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        turn[members] = np.arange(len(members))
    rows = np.lexsort((y, turn))[:wanted]
    return rows[np.argsort(y[rows], kind="stable")]


def _samples(study: Any, pictures: Pictures) -> dict[str, Any]:
    able = {name: model for name, model in study.models.items() if hasattr(model, "sample")}
    small = len(able) not in (1, 2, 4)
    width = SMALL_WIDTH if small else SHEET_WIDTH
    n = pictures.columns(width) * 4
    figures = []
    for name, model in able.items():
        images = model.sample(n, random_state=study.random_state)
        figures.append({"name": name, "n": n, **pictures.sheet(images, width)})
    unable = [name for name in study.models if name not in able]
    return {"figures": figures, "unable": unable, "small": small}


def _maps(study: Any, pictures: Pictures) -> dict[str, Any]:
    shown = some(study.images.test, MAP_IMAGES)
    images = np.asarray(shown)
    found = {name: vectors(model, shown) for name, model in study.models.items()}
    # an index without a codebook is no place
    codes = {name: c for name, c in found.items() if c.ndim == 2 and np.isfinite(c).all()}
    lay_out = partial(maps.layout, random_state=study.random_state)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # t-SNE leaves the interpreter free
        layouts = dict(zip(codes, pool.map(lay_out, codes.values()), strict=True))
    figures = []
    for name, places in layouts.items():
        picture = maps.draw(
            places, images, shown.y, _classes(study.images), limits=pictures.limits
        )
        how = _how_laid_out(study.models[name], codes[name])
        figures.append({"name": name, "how": how, **pictures.embed(picture)})
    unable = [name for name in study.models if name not in codes]
    return {"figures": figures, "unable": unable, "n": len(images)}


def _how_laid_out(model: Any, codes: np.ndarray) -> str:
    n, width = codes.shape
    if width == 2:
        return "the two numbers of the code, across and upwards."
    if width == 1:
        return "the one number of the code across; upwards the images are only spread out."
    method = "t-SNE" if n >= maps.TSNE_FROM else "principal components"
    what = "distances to the codebook" if hasattr(model, "codebook_") else "numbers"
    return f"{method} of {width} {what}. The axes have no unit: only nearness counts."


def _legend(images: Any) -> dict[str, Any]:
    """Return colours and names of the classes, the first dozen where there are more."""
    classes = _classes(images)
    shown = list(zip(maps.palette(len(classes)), classes, strict=True))[:LEGEND_SHOWN]
    return {"shown": shown, "more": len(classes) - len(shown)}


def _curves(models: Mapping[str, Any]) -> list[dict[str, Any]]:
    from markupsafe import Markup

    histories = {
        name: dict(getattr(model, "history_", None) or {}) for name, model in models.items()
    }
    return [
        {
            "name": name,
            "svg": Markup(curves({name: history})),
            "validated": any(loss.startswith("val") for loss in losses_of(history)),
        }
        for name, history in histories.items()
        if losses_of(history)
    ]


def _rate(scores: list[dict[str, Any]]) -> Any:
    from markupsafe import Markup

    points = {
        score["model"]: (bits, psnr)
        for score in scores
        if (bits := table.known(score, "bits_per_image")) is not None
        and (psnr := table.known(score, "psnr")) is not None
        and math.isfinite(psnr)
    }
    return Markup(rate_against_error(points)) if points else None


def _health(
    study: Any, scores: Mapping[str, Mapping[str, Any]], baseline: Mapping[str, float]
) -> dict[str, Any]:
    by_model = {
        name: _model_health(model, scores.get(name, {}), baseline)
        for name, model in study.models.items()
    }
    skipped = list(study.images.skipped)
    return {
        "models": {name: notes for name, notes in by_model.items() if notes},
        "well": [name for name, notes in by_model.items() if not notes],
        "notes": list(study.notes),
        "skipped": skipped[:SKIPPED_SHOWN],
        "skipped_more": max(0, len(skipped) - SKIPPED_SHOWN),
        "count": sum(map(len, by_model.values())) + len(study.notes) + len(skipped),
    }


def _model_health(
    model: Any, score: Mapping[str, Any], baseline: Mapping[str, float]
) -> list[str]:
    notes = [str(note) for note in getattr(model, "health_", None) or []]
    mse = table.known(score, "mse")
    said = any("mean image" in note for note in notes)
    if mse is not None and mse >= baseline["mse"] > 0 and not said:
        notes.append(
            "reconstructions are no better than answering every image with the mean training "
            "image: train for longer, widen the code, or lower learning_rate"
        )
    return notes


def _settings(study: Any, scores: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
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
