"""What rate_distortion returns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.codec.rate_curves import Point, crossings, curves_of
from isthmus.data.images import Images
from isthmus.fitted.heldout import MeasuredOn
from isthmus.system.files import plain
from isthmus.verbs.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image


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
        return verdicts_of(self)

    @property
    def shown(self) -> int:
        """Rows of the table that are enough for a person: all."""
        return len(self)

    def table(self) -> list[dict[str, Any]]:
        """Return the points, four digits of every number; None is a PSNR without end."""
        return [plain(point._asdict(), digits=4, finite=True) for point in self]

    def record(self) -> dict[str, Any]:
        """Return points and verdicts as JSON can hold them."""
        verdicts = [f"{name}: {words}" for name, words in self.scores.items()]
        return {**super().record(), "verdicts": verdicts}

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


def verdicts_of(points: Sequence[Point]) -> dict[str, str]:
    """Return for every model, in words, up to which PSNR it needs fewer bytes than the formats."""
    said = {}
    for name in (name for name in curves_of(points) if "," not in name):
        found = crossings(points, name)
        size = next(p.model_bytes for p in points if p.codec == name)
        parts = [_verdict(other, psnr) for other, psnr in found.items() if "sheet" in other]
        told = "; ".join(parts) or "beside no other codec"
        said[name] = f"{told}. The model adds {size:.3g} bytes an image if it is counted."
    return said


def _verdict(other: str, psnr: float | None) -> str:
    if psnr is None:
        return f"more bytes than {other}"
    if np.isnan(psnr):
        return f"no quality in common with {other}"
    return f"fewer bytes than {other} " + (
        "wherever both reach" if np.isinf(psnr) else f"up to {psnr:.1f} dB"
    )
