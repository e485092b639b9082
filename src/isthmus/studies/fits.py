"""One fit of a study: a model that learns within a time, and the record of what it is worth."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from isthmus.fitted.heldout import halves
from isthmus.fitted.store import in_words
from isthmus.studies.each import Figures
from isthmus.studies.evidence import Evidence
from isthmus.studies.measure import measured
from isthmus.system.files import plain
from isthmus.system.memory import PeakMemory
from isthmus.training.stages import INTERRUPTED

if TYPE_CHECKING:
    from isthmus.base import Representation
    from isthmus.data.images import Images
    from isthmus.studies.plan import Effort


def fit(model: Representation, train: Images, seconds: float) -> dict[str, float]:
    """Fit a model within a time; return what that cost, as `measure` takes it."""
    with PeakMemory() as memory:
        started = time.perf_counter()
        _fit_within(seconds, model, train)
        took = time.perf_counter() - started
    return {"seconds": round(took, 3), "peak_memory_mb": round(memory.peak / 2**20, 1)}


def was_interrupted(model: Representation) -> bool:
    """Return whether a fit was stopped by hand before it was over."""
    return getattr(model, "stopped_", "") == INTERRUPTED


def record_of(
    name: str,
    model: Representation,
    images: Images,
    *,
    effort: Effort,
    random_state: int,
    cost: dict[str, float],
    learned_from: int,
) -> tuple[dict[str, Any], Figures, str]:
    """Return the record of a fitted model, its figures of every image, and what is to be noted."""
    evidence = Evidence(model, images, effort.most, random_state, cost)
    scores, each = measured(evidence, effort.probes)
    record = {
        "model": name,
        "family": type(model).__name__,
        "parameters": {k: v for k, v in model.get_params().items() if k != "verbose"},
        "code": model.code_,
        **scores,
        "learned_from": learned_from,
    }
    of = halves(model, images).measured
    note = f"{name} was measured {of.words}." if not of.held_out or of.left_out else ""
    return plain(record, finite=True, unknown=in_words), each, note


def _fit_within(seconds: float, model: Representation, train: Images) -> None:
    """Fit a model within a time; a limit that ended no passes over the images is not kept."""
    settings = model.settings
    limited = math.isfinite(seconds) and settings.get("max_seconds", 0) is None
    if limited:
        model.set_params(max_seconds=round(seconds, 2))
    model.fit(train)
    if limited and not model.study_steps and getattr(model, "stopped_", "") != "out of time":
        model.set_params(max_seconds=None)
