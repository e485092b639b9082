"""Values of images as networks learn them, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from isthmus.data.images import Images
from isthmus.data.ranges import SIGNED, UNIT, is_nominal
from isthmus.nets.fused import OUTPUTS
from isthmus.tensors import check_finite, with_float64

if TYPE_CHECKING:  # what it is mixed into
    from isthmus.base import Representation as Base
else:
    Base = object


class ScaledImages(Base):
    """What a neural family learns of the values of images; `_scale_to` comes first."""

    def _scale_to(self, images: Images, output: str) -> None:
        """Choose the last activation of a decoder for the values there are, and their scaling."""
        self.output_, straight = output, self.starts_linear
        if output == "auto":
            fitting = {} if straight else {UNIT: "sigmoid", SIGNED: "tanh"}
            self.output_ = fitting.get((self.range_[0], self.range_[1]), "linear")
        self.offset_, self.scale_ = 0.0, 1.0
        if self.output_ == "linear" and not (straight and is_nominal(self.range_)):
            self.offset_, self.scale_ = _centre_and_scale(self._tensors(images))

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        """Return images as the networks learn them: centred, where any value may occur."""
        return x if self.output_ != "linear" else (x - self.offset_) / self.scale_

    def _image(self, a: torch.Tensor) -> torch.Tensor:
        """Return the images that the last layer of a decoder stands for."""
        y = OUTPUTS[self.output_](a.float())
        y = y * self.scale_ + self.offset_ if self.output_ == "linear" else y
        return y.clamp(*self.range_) if self.n_axes_ and is_nominal(self.range_) else y

    def _unscaled(self) -> list[str]:
        if getattr(self, "output_", "") != "linear" or max(map(abs, self.range_)) <= 100:
            return []
        return [
            f"the input runs from {self.range_[0]:.4g} to {self.range_[1]:.4g} and was scaled "
            "by one number; if its columns have different units, put a StandardScaler first"
        ]


def _centre_and_scale(chunks: Iterator[torch.Tensor]) -> tuple[float, float]:
    """Return mean and standard deviation of all values; a deviation of 0 counts as 1."""
    count, total, square = 0, 0.0, 0.0
    for x in map(with_float64, chunks):
        count += x.numel()
        total += float(x.sum(dtype=torch.float64))
        square += float(x.double().square().sum())
    check_finite(torch.tensor([total, square], dtype=torch.float64))
    mean = total / count
    return mean, math.sqrt(max(0.0, square / count - mean**2)) or 1.0
