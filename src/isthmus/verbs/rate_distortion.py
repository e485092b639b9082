"""Rate and distortion: bytes an image against quality, for models beside the usual formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.codec.rate_curves import Point, crossings, curves_of
from isthmus.codec.rate_distortion import points_of, sample_of
from isthmus.data.images import Images, as_images
from isthmus.fitted.heldout import MeasuredOn, measured_part
from isthmus.system.files import plain
from isthmus.validation import renamed
from isthmus.verbs.parameters import ImagesLike, Models, Seconds, Words, by_name
from isthmus.verbs.result import Result
from isthmus.verbs.within import Limit

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


@renamed(X="images", most="count")
def rate_distortion(
    models: Models,
    images: ImagesLike,
    formats: Words = ("jpeg", "webp", "avif", "png", "webp-lossless"),
    *,
    points: int = 8,
    count: int | None = 1000,
    split: str = "test",
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Rates:
    """Measure bytes per image against quality: models beside PNG, JPEG, WebP and AVIF.

    Models and formats are given the same images, in 8 bits where there are formats; and PSNR is by
    the same range.

    Parameters
    ----------
    models : Representation, or dict of str to Representation
        Fitted, and able to decode; several by their names. Each is tried with `points` steps; one
        whose codes are indices has a single point.
    images : Images or array of shape (n, h, w) or (n, h, w, c)
        Images of the range that the models learned (`Images.value_range`).
    formats : sequence of str
        Formats beside them, each with one file an image, whose headers small images pay dearly
        for, and with all of them on one sheet: some of jpeg, webp, avif, png and webp-lossless, or
        none.
    points : int
        Steps of every model, at least 1.
    count : int or None
        Images that are measured, at most, evenly spaced over all, of 1.5 million pixels in all;
        None measures every image, which takes minutes for 10,000.
    split : {"test", "train", "all"}
        Which images: test takes those held out that no model has learnt from. An array without a
        split is measured as a whole.
    budget : float, optional
        Time to take, in seconds above 0: after it no further point is measured; models come first.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Rates
        A list of `isthmus.codec.rate_distortion.Point`, and what it says of every model.

    Raises
    ------
    ValueError
        If a model cannot decode, a format is not known, or images are none that a format can hold
        or of another range than a model knows.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> found = ist.rate_distortion({"pca": ist.PCA(16).fit(images.train)}, images, ["png"])
    >>> [point.codec for point in found][-2:]
    ['png, a file each', 'png, one sheet']
    >>> found.measured.words
    'on 359 images the model never saw'
    """
    limit = Limit(budget)
    split = split if isinstance(images, Images) else "all"
    named = by_name(models)
    part = measured_part(list(named.values()), as_images(images), split)
    some = part.test if count is None else sample_of(part.test, count)
    found = limit.until(points_of(named, some, formats, points, verbose), "points")
    return Rates(found, some, part.measured.of(len(some)))


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
