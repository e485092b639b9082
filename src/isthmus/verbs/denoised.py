"""What denoise returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.corrupt import with_noise
from isthmus.data.images import as_images, to_unit
from isthmus.data.ranges import is_nominal
from isthmus.fitted.heldout import MeasuredOn
from isthmus.latent.codes import range_for, remade
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.filters import median, non_local_means
from isthmus.verbs.parameters import ImagesLike, Model
from isthmus.verbs.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image

    from isthmus.metrics.intervals import Estimate


Noise = tuple[str, float]
"""Kind and level, as `isthmus.with_noise` takes them."""

SHOWN = 12
"""Images of a picture."""


class Denoised(Decoded):
    """Images without their noise, as an array; where noise was added, also what that is worth.

    Attributes
    ----------
    noises : sequence of (str, float)
        Kinds and levels of the noise that was added to `images`; none if they were noisy.
    rows : list of dict
        A record for every noise and method: PSNR in dB before and after.
    models : dict of str to Representation
        Which denoised them.
    random_state : int
        Seed of the noise.
    """

    saves: ClassVar[tuple[str, ...]] = (".npy", ".png", ".csv", "")
    table_name: ClassVar[str] = "rows"
    one_size_with: ClassVar[tuple[str, ...]] = ("noise", "whole")
    as_files: ClassVar[bool] = True
    facts: ClassVar[tuple[str, ...]] = (
        *Decoded.facts,
        *("noises", "rows", "models", "random_state", "measured_on"),
    )
    noises: tuple[Noise, ...] = ()
    rows: Sequence[dict[str, Any]] = ()
    models: Mapping[str, Any] = {}
    random_state: int = 0
    measured_on: MeasuredOn | None = None

    @property
    def measured(self) -> MeasuredOn | None:
        """Which images were measured, or denoised."""
        return self.measured_on or super().measured

    @property
    def shown(self) -> int:
        """All rows: they are few."""
        return len(self.rows)

    @property
    def scores(self) -> dict[str, Any]:
        """The shape, and where noise was added PSNR in dB before and after, of the first noise."""
        if not self.noises:
            return super().scores
        first, *_ = wide(self.rows)
        psnrs = {"before": self.rows[0]["before"]}
        psnrs |= {row["method"]: row["after"] for row in self.rows[: len(self.models)]}
        return {**super().scores, "noise": first["noise"], "psnr": psnrs}

    @property
    def _errors(self) -> dict[str, Estimate]:
        return {}  # how far they are from noisy images says nothing

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every noise and method; without added noise there is none."""
        return list(self.rows)

    def listed(self) -> list[dict[str, Any]]:
        """Return a row for every noise, with a column for every method."""
        return wide(self.rows)

    def record(self) -> dict[str, Any]:
        """Return what is known of them, and the table if there is one."""
        return Result.record(self) if self.noises else super().record()

    def picture(self) -> Image:
        """Return a sheet of all, or where noise was added what is made of a few of them."""
        return self._beside_filters() if self.noises else super().picture()

    def _beside_filters(self) -> Image:
        from isthmus.plots.strips import labelled_rows

        few, (kind, level) = as_images(self.images).evenly(SHOWN), self.noises[0]
        ends = self.ends or few.value_range
        clean = to_unit(np.asarray(few))
        noisy = with_noise(few, kind, level, self.random_state, ends)
        rows = {"clean": clean, "noisy": noisy}
        for name, model in self.models.items():
            rows[name] = cleaned(model, noisy).reshape(clean.shape)
        for filtered in (median, non_local_means):
            name, found = next(filtered(noisy, float(np.sqrt(np.mean((noisy - clean) ** 2)))))
            rows[name.replace(", ", "\n")] = found
        words = f"Noisy in, clean out: {kind.replace('_', ' ')} noise of {level:g}"
        return labelled_rows(rows, words, limits=ends)

    def _to_csv(self, path: Path) -> None:
        if not self.noises:
            raise ValueError(
                "there is no table where no noise is added: give a name ending in .npy or .png, "
                "or a folder"
            )
        super()._to_csv(path)

    def _to_folder(self, folder: Path) -> None:
        if self.noises:
            Result._to_folder(self, folder)
        else:
            super()._to_folder(folder)


def wide(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a table with a row for every noise and a column for every kind of method.

    Examples
    --------
    >>> about = {"noise": "gaussian", "level": 0.3, "before": 10.5}
    >>> wide([about | {"method": "median 3x3", "after": 15.0}])
    [{'noise': 'gaussian 0.3', 'before': '10.50', 'median': '15.00 (3x3)'}]
    """
    table: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = f"{row['noise']} {row['level']:g}"
        line = table.setdefault(name, {"before": f"{row['before']:.2f}"})
        filters = ("median", "non-local means", "total variation", "PCA", "Wiener")
        method = row["method"]
        name = next((f for f in filters if method.startswith(f"{f} ")), method)
        setting = method.removeprefix(name).strip()
        name = f"{name} filter" if setting and name in line else name  # beside a model of PCA
        line[name] = f"{row['after']:.2f}" + (f" ({setting})" if setting else "")
    return [{"noise": noise, **line} for noise, line in table.items()]


def cleaned(model: Model, images: ImagesLike) -> np.ndarray:
    """Return what the codes of noisy images say, kept within the range of those fitted on."""
    if model.__sklearn_tags__().input_tags.positive_only:
        images = to_unit(np.asarray(images)).clip(min=0)
    found = remade(model, images)
    ends = range_for(model, as_images(images))
    return found.clip(*ends) if is_nominal(ends) else found
