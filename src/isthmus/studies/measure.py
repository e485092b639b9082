"""What a fitted model is worth on held-out images, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images
from isthmus.data.ranges import UNIT, in_words, is_nominal
from isthmus.metrics.labels import PROBES
from isthmus.metrics.similarity import scales_of
from isthmus.metrics.table import studied
from isthmus.studies.each import Figures, figures_of
from isthmus.studies.evidence import MOST, Evidence

if TYPE_CHECKING:
    from isthmus.base import Representation


def measure(
    model: Representation,
    images: Images,
    *,
    most: int = MOST,
    probes: Sequence[str] = PROBES,
    random_state: int = 0,
    cost: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the scores of a fitted model on the held-out images that it has not learnt from.

    Parameters
    ----------
    model : Representation
        Fitted on ``images.train``.
    images : Images
        With or without a split; labels are used where there are any.
    most : int
        Held-out images measured and labels learnt from, at most, evenly chosen; fewer of images
        that are large.
    probes : sequence of {"knn", "linear", "svm"}
        What reads labels off codes.
    random_state : int
        Seed of the subsets, samples and clusters.
    cost : dict, optional
        ``seconds`` and ``peak_memory_mb`` of the fit.

    Returns
    -------
    dict
        Every metric that a study computes (see `isthmus.metrics.METRICS`), and as KEY_within half
        of its 95 % interval, where that is known; also `numbers` of a code (1 of an index),
        how many images were measured (held_out) and probed_on. Bits are of the file that
        `isthmus.compress` makes: how many images are in it (coded), with which PSNR (coded_psnr),
        how many of the bits an image are header and tables (shared_bits), and `rate`, points
        (bits, PSNR in dB below a range of 1) of codes that are rounded ever more coarsely.
        `mse_percentiles` are of the errors of single images, `ms_ssim_scales` is over how many
        scales that is. `likelihood_of` says what log p(x) is of: what is of other kinds does not
        compare. Beside
        scores of samples stand, as KEY_real, those of other real images. What a model has not is
        None, or left out.
    """
    return measured(Evidence(model, images, most, random_state, cost or {}), probes)[0]


def measured(known: Evidence, probes: Sequence[str] = PROBES) -> tuple[dict[str, Any], Figures]:
    """Return the scores of a model, and those figures of every held-out image that are known."""
    left_out = {f"{kind}_accuracy" for kind in PROBES if kind not in probes}
    found: dict[str, Any] = {}
    each: Figures = {}
    for metric in studied():
        value = None if metric.key in left_out else metric.of(known)
        found[metric.key] = value and value.value
        if value and value.within is not None:
            found[f"{metric.key}_within"] = value.within
        if value and value.each is not None:
            each[metric.key] = value.each
    if "mse" in each:
        found["mse_percentiles"] = percentiles(each["mse"])
    return found | _facts(known), figures_of(known.images, each)


def percentiles(errors: np.ndarray) -> dict[str, float]:
    """Return how errors are spread over images: the 5th, 50th and 95th percentile, and the worst.

    Examples
    --------
    >>> percentiles(np.arange(101.0))
    {'5': 5.0, '50': 50.0, '95': 95.0, '100': 100.0}
    """
    return {str(share): float(np.percentile(errors, share)) for share in (5, 50, 95, 100)}


def _facts(known: Evidence) -> dict[str, Any]:
    """Return what a reader of the scores has to know beside them."""
    model = known.model
    found: dict[str, Any] = {
        "numbers": int(np.prod(model.code_shape_of(known.images.shape[1:]))),
        "held_out": len(known.images),
        "probed_on": known.probed_on,
        "labels": known.labels,
        **known.beside_samples(),
        **known.beside_likelihoods(),
    }
    if "ms_ssim" in known.likeness:
        found["ms_ssim_scales"] = scales_of(*known.images.shape[1:3])
    if known.costs is not None:
        usual = known.costs.usual
        found["coded"], found["coded_psnr"] = len(usual.bits), usual.psnr
        found["shared_bits"] = usual.shared / len(usual.bits)
        if curve := known.costs.curve:
            found["rate"] = curve
    return found


def range_note(images: Images) -> str | None:
    """Return what a reader of PSNR and SSIM is to know of their range, None if it is 0..1."""
    ends = images.value_range
    if ends == UNIT or (images.ndim != 4 and not is_nominal(ends)):
        return None
    seen = (
        "" if is_nominal(ends) else ", the least and the greatest value that models learned from"
    )
    return f"PSNR and SSIM are of values from {in_words(ends)}{seen}."
