"""What rate_distortion returns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.codec.rate_curves import (
    Curve,
    Point,
    bytes_at,
    crossings,
    curves_of,
    deltas,
    resampled_of,
    within_at,
)
from isthmus.data.images import Images
from isthmus.fitted.heldout import MeasuredOn
from isthmus.metrics.bjontegaard import Again, Deltas, ends_in_words
from isthmus.metrics.units import percent, significant
from isthmus.system.files import plain
from isthmus.verbs.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image


FEW = 30
"""Images below which a person is told that they are few."""


class Rates(Result, list[Point]):
    """Points of rate and distortion, a list.

    Attributes
    ----------
    images : Images
        What was measured.
    measured : MeasuredOn
        Whether the models had learnt from it.
    """

    saves: ClassVar[tuple[str, ...]] = (".png", ".json", "")
    table_name: ClassVar[str] = "points"
    only_saved: ClassVar[bool] = True
    halves: ClassVar[bool] = True

    def __init__(self, points: Iterable[Point], images: Images, measured: MeasuredOn):
        super().__init__(points)
        self.images, self._measured = images, measured

    @property
    def measured(self) -> MeasuredOn:
        """Which images were measured."""
        return self._measured

    @property
    def scores(self) -> dict[str, str]:
        """For every model in words: up to which PSNR it needs fewer bytes than each format."""
        return verdicts_of(self, self._again)

    @property
    def shown(self) -> int:
        """Rows of the table that are enough for a person: all."""
        return len(self)

    def deltas(self) -> list[dict[str, Any]]:
        """Return BD-rate and BD-PSNR of every model against every other codec, a record each.

        "rate_ends" and "psnr_ends" are 95 % intervals, by images drawn again for both. None is no
        quality, or no rate, that both reach; overlap is the share of the qualities.
        """
        rows, curves = [], curves_of(self)
        for name in models_of(curves):
            for other, found in deltas(curves, name, self._again).items():
                row = {"model": name, "reference": other, **found._asdict()}
                rows.append(plain(row, digits=4, finite=True))
        return rows

    @cached_property
    def _again(self) -> dict[str, Again | None]:
        """The curves of all codecs by images that are drawn again, the same of all."""
        return {name: resampled_of(self, name) for name in curves_of(self)}

    def listed(self) -> list[dict[str, Any]]:
        """Return bytes an image at equal PSNR: a row for every codec, a column for every PSNR.

        With half of the 95 % interval over images; in brackets stands where a codec starts that
        starts above the PSNR: its lowest point.
        """
        curves = {name: curve for name, curve in curves_of(self).items() if len(curve[0])}
        wanted = compared_at(curves)
        return [
            {"codec": name, **{f"{q:g} dB": _said_at(curve, q, self._again[name]) for q in wanted}}
            for name, curve in curves.items()
        ] or self.table()

    def remarks(self) -> list[str]:
        """Return that few images tell little, where they are few."""
        n = len(self.images)
        words = f"{n} images tell little: of each, headers and tables are a large part"
        return [words] if 0 < n < FEW else []

    def table(self) -> list[dict[str, Any]]:
        """Return the points, four digits of every number; None is a PSNR without end."""
        known = (point._asdict() for point in self)
        rows = ({key: value for key, value in row.items() if key != "each"} for row in known)
        return [plain(row, digits=4, finite=True) for row in rows]

    def record(self) -> dict[str, Any]:
        """Return points and verdicts as JSON can hold them."""
        verdicts = [f"{name}: {words}" for name, words in self.scores.items()]
        return {**super().record(), "verdicts": verdicts, "deltas": self.deltas()}

    def picture(self) -> Image:
        """Return the chart of bytes an image against PSNR."""
        what = f"{len(self.images):,} {self.measured.name} of {self.images.source}"
        return drawn(self, f"{what}: bytes against quality")

    def pictures(self) -> dict[str, Image]:
        """Return the chart by its name."""
        return {"rates": self.picture()}

    def _to_json(self, path: Path) -> None:
        path.write_text(json.dumps(self.table(), indent=1), encoding="utf-8")


def drawn(points: Sequence[Point], title: str) -> Image:
    """Return the chart of bytes an image against PSNR under a title."""
    from isthmus.plots.rates import draw_rates

    exact = {p.codec: p.bytes_per_image for p in points if not np.isfinite(p.psnr)}
    return draw_rates(curves_of(points), exact, title)


def verdicts_of(points: Sequence[Point], again: Mapping[str, Again | None]) -> dict[str, str]:
    """Return for every model, in words, how it compares with the formats on one sheet.

    With the intervals that `again`, curves of images that are drawn again, has of them.
    """
    said, curves = {}, curves_of(points)
    for name in models_of(curves):
        found, bjontegaard = crossings(points, name), deltas(curves, name, again)
        size = next(p.model_bytes for p in points if p.codec == name)
        parts = [
            _verdict(other, psnr) + _delta(curves[name], curves[other], bjontegaard[other])
            for other, psnr in found.items()
            if "sheet" in other
        ]
        told = "; ".join(parts) or "beside no other codec"
        said[name] = f"{told}. The model adds {size:.3g} bytes an image if it is counted."
    return said


def models_of(curves: Iterable[str]) -> list[str]:
    """Return the names that are of models."""
    return [name for name in curves if "," not in name]


def compared_at(curves: Mapping[str, Curve], most: int = 6) -> list[float]:
    """Return the PSNRs in whole dB at which codecs are compared: those that models reach.

    Examples
    --------
    >>> compared_at({"pca": (np.array([10.2, 17.8]), np.array([1.0, 9.0]))})
    [11.0, 13.0, 15.0, 17.0]
    """
    models = [curves[name][0] for name in models_of(curves)]
    if not models:
        return []
    low = np.ceil(min(psnr[0] for psnr in models))
    high = max(low, np.floor(max(psnr[-1] for psnr in models)))
    step = max(1, -(-(high - low + 1) // most))
    return [float(q) for q in np.arange(low, high + 0.5, step)]


def _delta(ours: Curve, theirs: Curve, found: Deltas) -> str:
    """Return BD-rate in words, or why there is none that could be trusted."""
    if found.rate is None:
        starts = f": it starts at {theirs[0][0]:.1f} dB, where this ends at {ours[0][-1]:.1f}"
        return starts if theirs[0][0] > ours[0][-1] else ""
    both = f"{found.low:.1f} to {found.high:.1f} dB"
    if not found.is_told:
        return f", too little in common for BD-rate ({both})"
    ends = ends_in_words(found.rate_ends)
    return f", BD-rate {100 * found.rate:+.1f} %{ends} ({both}, {percent(found.overlap)} of both)"


def _said_at(curve: Curve, psnr: float, again: Again | None) -> str:
    size = bytes_at(curve, psnr)
    if size is None:
        return "-"
    starts = curve[0][0]
    half = within_at(curve, again, psnr)
    told = significant(size) + ("" if half is None else f" ± {significant(half, 2)}")
    return told + (f" [{starts:.1f} dB]" if starts > psnr + 0.05 else "")


def _verdict(other: str, psnr: float | None) -> str:
    if psnr is None:
        return f"more bytes than {other}"
    if np.isnan(psnr):
        return f"{other} ends below its lowest point"
    return f"fewer bytes than {other} " + (
        "wherever it was measured" if np.isinf(psnr) else f"up to {psnr:.1f} dB"
    )
