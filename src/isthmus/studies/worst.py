"""How errors are spread over held-out images, and the images that come back worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import to_unit
from isthmus.latent.codes import remade
from isthmus.metrics.table import METRICS
from isthmus.plots.rankings import Row, ranking_chart
from isthmus.studies.each import OF, figures_of
from isthmus.studies.evidence import Evidence
from isthmus.studies.pictures import STRIP_WIDTH, Pictures
from isthmus.studies.summary import known

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.studies.outcome import Study

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEAST = 1e-12
"""Errors below it are drawn as this."""


def shown(
    study: Study, pictures: Pictures, scores: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the chart of errors and the worst images of every model that can decode."""
    from markupsafe import Markup

    seed = getattr(study, "random_state", 0)
    each = getattr(study, "each", {})
    errors = {
        name: fits[seed] for name in study.models
        if "mse" in (fits := each.get(name, {})).get(seed, {})
    }  # fmt: skip
    rows = [_spread(name, each["mse"], scores.get(name, {})) for name, each in errors.items()]
    unit = "PSNR of an image, dB" if _peak(scores) is not None else "error of an image"
    svg = Markup(ranking_chart(rows, unit, log=_peak(scores) is None)) if rows else ""
    draw = {
        name: partial(_strip, study, name, figures, pictures) for name, figures in errors.items()
    }
    found = pictures.each("worst", draw)
    strips = [strip for strip in found.values() if strip]
    return {"svg": svg, "table": _table(rows, _peak(scores) is not None), "strips": strips}


def _peak(scores: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Return what is added to errors in dB, None where values have no black and white."""
    for score in scores.values():
        psnr, mse = known(score, "psnr"), known(score, "mse")
        if psnr is not None and mse and np.isfinite(psnr):
            return psnr + 10 * float(np.log10(mse))
    return None


def _spread(name: str, errors: np.ndarray, score: Mapping[str, Any]) -> Row:
    """Return the quantiles of a model over images."""
    errors, peak = np.maximum(errors, LEAST), _peak({name: score})
    values = errors if peak is None else peak - 10 * np.log10(errors)
    low, less, middle, more, high = map(float, np.quantile(values, QUANTILES))
    return Row(name, middle, (low, high), True, (less, more))


def _table(rows: Sequence[Row], decibels: bool) -> list[dict[str, Any]]:
    """Return the figures of the chart, those of bad images first."""
    metric = METRICS["psnr" if decibels else "mse"]
    found = []
    for row in rows:
        (low, high), (less, more) = row.ends, row.middle or row.ends
        values = [low, less, row.value, more, high]
        texts = map(metric.write, values if decibels else values[::-1])
        found.append({"name": row.name, "cells": list(texts)})
    return found


def _strip(
    study: Study, name: str, figures: Mapping[str, np.ndarray], pictures: Pictures
) -> dict[str, Any]:
    """Return the images that a model gives back worst, the worst first, above what comes back."""
    model: Representation = study.models[name]
    most, seed = study.schedule.effort.most, study.random_state
    images = Evidence(model, study.images, most, seed, {}).images
    errors = figures["mse"]
    if len(images) != len(errors) or not _same(figures_of(images, {}), figures):
        return {}
    rows = np.argsort(-errors, kind="stable")[: pictures.columns(STRIP_WIDTH)]
    worst = np.asarray(images[rows])
    back = np.reshape(remade(model, worst), worst.shape)
    both = np.concatenate([to_unit(worst), back])
    note = f"worst mse {errors[rows[0]]:.3g}, median {np.median(errors):.3g}"
    return {"name": name, "note": note, **pictures.embed(pictures.draw(both, len(rows)))}


def _same(one: Mapping[str, np.ndarray], two: Mapping[str, np.ndarray]) -> bool:
    return np.array_equal(one[OF], two.get(OF, np.zeros(0)))
