"""One fit of a study: a model that learns within a time, and the record of what it is worth."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from isthmus.fitted.heldout import halves
from isthmus.fitted.store import in_words
from isthmus.studies.measure import measure
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
) -> tuple[dict[str, Any], str]:
    """Return the record of a fitted model, and what a reader is to know of its held-out images."""
    record = {
        "model": name,
        "family": type(model).__name__,
        "parameters": {k: v for k, v in model.get_params().items() if k != "verbose"},
        "code": model.code_,
        **measure(
            model,
            images,
            most=effort.most,
            probes=effort.probes,
            random_state=random_state,
            cost=cost,
        ),
        "learned_from": learned_from,
    }
    measured = halves(model, images).measured
    told = not measured.held_out or measured.left_out
    note = f"{name} was measured {measured.words}." if told else ""
    return plain(record, finite=True, unknown=in_words), note


def _fit_within(seconds: float, model: Representation, train: Images) -> None:
    """Fit a model within a time; a limit that ended no passes over the images is not kept."""
    settings = model.settings
    limited = math.isfinite(seconds) and settings.get("max_seconds", 0) is None
    if limited:
        model.set_params(max_seconds=round(seconds, 2))
    model.fit(train)
    if limited and not model.study_steps and getattr(model, "stopped_", "") != "out of time":
        model.set_params(max_seconds=None)
