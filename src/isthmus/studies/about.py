"""What a report says in words: what was studied, on how many images, over how many seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from isthmus.metrics.similarity import WEIGHTS
from isthmus.studies.mapped import classes_of
from isthmus.studies.summary import known

if TYPE_CHECKING:
    from isthmus.data.images import Images
    from isthmus.studies.outcome import Study

TIMES = " \N{MULTIPLICATION SIGN} "


def told(study: Study, scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a report says in words, by where it says it."""
    return {
        "title": title_of(study.images.source),
        "summary": summed_up(study),
        "facts": facts_of(study),
        "kind": kind_of(study.images),
        "measured": measured_on(study, scores),
        "scales": scales(scores),
        "dimensions": dimensions(scores),
    }


def measured_on(study: Study, scores: Sequence[Mapping[str, Any]]) -> str:
    """Say on how many held-out images figures were measured."""
    n = len(study.images.test)
    most = int(max((known(score, "held_out") or n for score in scores), default=n))
    return f"the {n:,} held-out images" if most >= n else f"{most:,} of the {n:,} held-out images"


def summed_up(study: Study) -> str:
    """Say in one line what was studied."""
    images = study.images
    shape, n = TIMES.join(map(str, images.shape[1:])), len(images)
    what = f"vectors of {shape} numbers" if images.ndim == 2 else f"images of {shape}"
    classes = len(classes_of(images))
    labels = f", {classes} classes" if classes else ", no labels"
    return f"{n:,} {what}{labels}; {len(images.test):,} held out to measure on"


def title_of(source: str) -> str:
    """Return the last two parts of where images are from."""
    return "/".join(str(source).strip("/").split("/")[-2:])


def kind_of(images: Images) -> str:
    """Say how the arrays of this set are drawn, in words for captions."""
    if images.ndim == 2:
        width = images.shape[1]
        drawn = "a row of bars" if width <= 32 else "a grid of grey values, read row by row"
        return f"Each vector of {width} numbers is drawn as {drawn}."
    if images.shape[-1] in (1, 3):
        return ""
    return f"Of {images.shape[-1]} bands the first three are shown, stretched between percentiles."


def facts_of(study: Study) -> list[tuple[str, str]]:
    """Return what a reader is to know of a study, by names."""
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
        ("Classes", f"{len(classes_of(images))}" if images.y is not None else "no labels"),
        ("Seed", f"{study.random_state}{_seeds(study.scores)}"),
        ("Made", f"{date.today():%d %B %Y} with isthmus {__version__}"),
    ]
    return facts + ([("Command", study.command)] if study.command else [])


def _seeds(scores: Sequence[Mapping[str, Any]]) -> str:
    """Say of how many seeds the figures are."""
    counts = [int(score.get("seeds", 1)) for score in scores]
    most = max(counts, default=1)
    if most == 1:
        return ", one fit of every model: how far others are from it, --repeats 3 tells"
    return f" and after it: figures are means over {min(counts)} to {most} seeds"


def scales(scores: Sequence[Mapping[str, Any]]) -> str:
    """Say over which scales MS-SSIM is, "" where it is not known.

    Examples
    --------
    >>> scales([{"ms_ssim_scales": 2}])
    '2 of its 5 scales: the whole size and 1/2 of it'
    """
    count = max((int(known(score, "ms_ssim_scales") or 0) for score in scores), default=0)
    sides = ", ".join(f"1/{2**scale}" for scale in range(1, count))
    of = f"all {count}" if count == len(WEIGHTS) else f"{count} of its {len(WEIGHTS)}"
    return f"{of} scales: the whole size and {sides} of it" if count else ""


def dimensions(scores: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what the latent dimensions of every VAE say, the greatest first, in words.

    Examples
    --------
    >>> dimensions([{"model": "vae", "kl_dimensions": [0.001, 2.5, 1.25]}])
    {'vae': '2.50, 1.25, 0.00'}
    """
    told = {s["model"]: sorted(s["kl_dimensions"], reverse=True)
            for s in scores if s.get("kl_dimensions")}  # fmt: skip
    return {name: ", ".join(f"{each:.2f}" for each in kl) for name, kl in told.items()}
