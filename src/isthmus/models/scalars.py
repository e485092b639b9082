"""An autoencoder whose code is a grid of indices: finite scalar quantization."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from isthmus.data.images import Images
from isthmus.models.codebook import checked_indices
from isthmus.models.spatial import Spatial
from isthmus.nets.scalars import Levels, indices_of, values_of
from isthmus.validation import one_of

QUANTIZERS = ("none", "fsq")
LOOKED_AT = 2000
"""Squares that are looked at to count the indices in use, at most."""
FEW_USED = 0.5
"""Share of the indices in use below which there are too many of them."""


@dataclass(kw_only=True, eq=False, repr=False)
class FiniteScalars(Spatial):
    """Mixin of a spatial family whose codes may be indices.

    Parameters
    ----------
    quantizer : {"none", "fsq"}
        "none" leaves the code of a cell as it is; "fsq" rounds its latent dimensions to `levels`
        each (finite scalar quantization), so that it is one index. For "spatial".
    levels : tuple of int
        Levels of every latent dimension, at least 2; there are as many indices as their product,
        up to 2^20.

    Attributes
    ----------
    codes_used_ : int
        How many of the indices training images have, of `quantizer` "fsq".
    """

    quantizer: str = "none"
    levels: tuple[int, ...] = (8, 5, 5, 5)

    @property
    def has_indices(self) -> bool:
        """Whether a code is a grid of indices."""
        return self.quantizer == "fsq"

    def _set_lattice(self) -> None:
        one_of("quantizer", self.quantizer, QUANTIZERS)
        if self.has_indices and not self.is_spatial:
            raise ValueError("quantizer='fsq' is of grids: give architecture='spatial' as well")
        if self.has_indices and not (
            self.levels and min(self.levels) >= 2 and math.prod(self.levels) <= 2**20
        ):
            raise ValueError(
                f"levels={self.levels} must be numbers of at least 2, and their product at most "
                f"{2**20:,}"
            )
        super()._set_lattice()

    def _learn_width(self, images: Images) -> None:
        if not self.has_indices:
            super()._learn_width(images)
            return
        asked: Any = getattr(self, self.width)
        if asked not in (None, len(self.levels)):
            raise ValueError(
                f"{self.width}={asked}, but levels={self.levels} has {len(self.levels)}: leave "
                f"{self.width} out"
            )
        setattr(self, f"{self.width}_", len(self.levels))

    def _of_cells(self) -> dict[str, nn.Module]:
        nets = super()._of_cells()
        if self.has_indices:
            nets["encoder_"] = nn.Sequential(*nets["encoder_"].children(), Levels(self.levels))
        return nets

    def _indexed(self, values: torch.Tensor) -> torch.Tensor:
        """Return codes as they are given out: indices, if so."""
        return indices_of(values, self.levels) if self.has_indices else values

    def _valued(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the numbers that codes stand for."""
        return values_of(codes, self.levels) if self.has_indices else codes

    @property
    def code_shape_(self) -> tuple[int | None, ...]:
        """Shape of the code of an image: a grid of indices, or of numbers."""
        return (None, None) if self.has_indices else super().code_shape_

    @property
    def code_width_(self) -> int:
        """How many features `transform` gives: of indices, how many there are."""
        return math.prod(self.levels) if self.has_indices else super().code_width_

    @property
    def code_(self) -> str:
        """The code of one image in words."""
        if not self.has_indices:
            return super().code_
        return f"index{self._a_patch}, 1 of {self.code_width_:,}"

    def _check_cells(self, codes: np.ndarray) -> torch.Tensor:
        return checked_indices(self, codes) if self.has_indices else super()._check_cells(codes)

    def _count_used(self, images: Images) -> None:
        """Learn how many of the indices occur."""
        self.__dict__.pop("codes_used_", None)  # of an earlier fit
        if self.has_indices:
            self.codes_used_ = len(np.unique(self._map(self._encode, images.evenly(LOOKED_AT))))

    def _health(self, images: Images) -> list[str]:
        findings, count = super()._health(images), self.code_width_
        if not self.has_indices or self.codes_used_ >= FEW_USED * min(count, self._places(images)):
            return findings
        return [
            *findings,
            f"of {count:,} indices {self.codes_used_:,} are in use: give fewer levels, or train "
            "longer",
        ]

    def _places(self, images: Images) -> int:
        """Return how many cells were looked at."""
        return min(len(images), LOOKED_AT) * int(np.prod(self.code_shape_of(self.image_shape_)))
