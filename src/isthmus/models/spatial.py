"""What families share whose networks go over images of any size: a code for every cell of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional

from isthmus.data.images import CHUNK_BYTES, Images, with_channels
from isthmus.data.patches import Lattice
from isthmus.data.values import ArrayLike, ImagesLike
from isthmus.models.components import Principal
from isthmus.models.patchwise import PatchWise
from isthmus.models.starts import start_cells, start_decoder, start_encoder
from isthmus.nets.pixels import in_tiles, varied
from isthmus.nets.spatial import SEEN, down, side_of_cell, up
from isthmus.tensors import usual_torch

SEEN_OFTEN = 4
"""Times that every pixel is in one of the squares learnt from, about, where those are chosen."""
TILE = 1024
"""Side in pixels of what goes through the networks at once."""
OTHERWISE: dict[str, Any] = {
    "code_activation": "linear", "warp": 0.0, "pretrain_epochs": 0, "encoder": None,
    "decoder": None, "tc": "none", "importance_samples": 1,
}  # fmt: skip
"""Values that parameters of a family have to have."""
CELLS = 20_000
"""Cells that principal components are found from, at most."""


@dataclass(kw_only=True, eq=False, repr=False)
class Spatial(PatchWise):
    """Mixin of families whose code may be a grid: ``architecture="spatial"``.

    Their networks are then convolutions only, learnt from squares of the images. Private twins
    are given pictures (n, c, h, w), codes are (n, rows, columns, k). ``image_shape_`` is that of a
    square.

    Parameters
    ----------
    crop : int
        Side in pixels, at least 1, of the squares that "spatial" learns from, made up to whole
        cells. They are at random places of larger images, and half of them mirrored.
    """

    crop: int = 64

    _cells = None  # type: Any  # those that principal components are found from
    _mirrored = False  # whether squares are

    @property
    def cell(self) -> int | None:
        """Side in pixels of what has a code each, where images of any size have grids of codes."""
        return side_of_cell(self._channels) if self.is_spatial else super().cell

    @property
    def is_spatial(self) -> bool:
        """Whether the networks go over images of any size."""
        return getattr(self, "architecture", "") == "spatial"

    @property
    def _channels(self) -> tuple[int, ...]:
        return tuple(getattr(self, "channels", ()))

    def _set_lattice(self) -> None:
        super()._set_lattice()
        self._most, self._mirrored = None, False  # of an earlier fit
        if not self.is_spatial:
            return
        if self.patch is not None:
            raise ValueError(
                f"patch={self.patch} and architecture='spatial' are two ways to grids: give one"
            )
        if not self._channels or min(self._channels) < 1 or not self.crop >= 1:
            raise ValueError(
                f"architecture='spatial' needs channels={self._channels} of at least 1 each, and "
                f"crop={self.crop} of at least 1"
            )
        for name, value in OTHERWISE.items():
            if getattr(self, name, value) != value:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is of codes of whole images: leave it out "
                    "with architecture='spatial'"
                )
        self.lattice_ = [side_of_cell(self._channels)] * 2

    def _cut(self, images: Images) -> Images:
        return images if self.is_spatial else super()._cut(images)

    def _to_learn(self, parts: list[Images], fewest: int) -> Images:
        """Return the squares to learn from; images no larger than one are learnt whole."""
        if not self.is_spatial:
            return super()._to_learn(parts, fewest)
        cell, sizes = self.lattice_[0], [part.shape[1:3] for part in parts]
        largest = max(map(max, sizes))
        side = min(-(-self.crop // cell), -(-largest // cell)) * cell
        self._mirrored = largest > side
        self._cells = self._some_of(parts, cell, cell, CELLS)
        pixels = sum(len(part) * part.shape[1] * part.shape[2] for part in parts)
        self._most = max(sum(map(len, parts)), SEEN_OFTEN * pixels // side**2)
        return self._squares(parts, side, 1, fewest)

    def _input(self, x: torch.Tensor) -> torch.Tensor:
        """Return packed images as the networks take them: pictures (n, c, h, w), where spatial."""
        if not self.is_spatial or x.ndim < 3:
            return super()._input(x)
        shape = (*x.shape, 1)[:4]
        return super()._input(x).view(shape).permute(0, 3, 1, 2)

    def _shown(self, x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """Return squares to learn from, some of them mirrored."""
        if not self._mirrored:
            return x
        return varied(x, None, None, True, rng)[0]

    def _widest(self, images: Images) -> dict[str, int]:
        if not self.is_spatial:
            return super()._widest(images)
        limits = {"numbers in a cell": self._n_coded}
        asked = getattr(self, self.width, None) is not None
        return limits | ({} if asked else {"directions": max(1, len(self._cells) - 1)})

    @property
    def _n_coded(self) -> int:
        """How many numbers there are in what has a code."""
        if not self.is_spatial:
            return int(self.n_features_in_)
        return int(self.lattice_[0] ** 2 * with_channels(self.image_shape_)[2])

    def _coded(self, images: Images) -> Images:
        """Return what has a code each, of images that are learnt from."""
        return self._cells if self.is_spatial else images

    def _begin_at(self, at: Principal, gain_down: torch.Tensor, gain_up: torch.Tensor) -> None:
        """Begin at principal components: see `isthmus.models.starts`."""
        nets: Any = (self.encoder_, self.decoder_)
        if self.is_spatial:
            start_cells(nets[0], nets[1], at, gain_down, gain_up)
            return
        start_encoder(nets[0], at, gain_down)
        start_decoder(nets[1], at, gain_up)

    def _remember(self, images: Images) -> None:
        super()._remember(images)
        self._cells = None

    def _of_cells(self) -> dict[str, nn.Module]:
        """Return networks from pictures to codes of their cells, and back."""
        model: Any = self
        k, activation = model.latent_dim_, model.activation
        sizes = with_channels(self.image_shape_)[2], self._channels
        return {
            "encoder_": down(*sizes, model.numbers_each * k, activation),
            "decoder_": up(*sizes, k, activation),
        }

    def _numbers(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the encoder makes of images: of pictures of any size grids."""
        net: Any = self.encoder_
        x = self._scaled(x)
        if not self.is_spatial:
            return net(x)
        side: Any = self.cell
        below, beside = (-size % side for size in x.shape[2:])
        x = functional.pad(x, (0, beside, 0, below), mode="replicate")
        codes = in_tiles(net, x, TILE // side * side, margin=SEEN * side, gain=1 / side)
        return codes.permute(0, 2, 3, 1)

    def _pictured(self, z: torch.Tensor) -> torch.Tensor:
        """Return what the decoder makes of codes: of grids pictures of all that they cover."""
        net: Any = self.decoder_
        if not self.is_spatial:
            return net(z.float())
        side: Any = self.cell
        z = z.float().permute(0, 3, 1, 2)
        return in_tiles(net, z, TILE // side, margin=SEEN, gain=side)

    def _laid(self, codes: torch.Tensor, lattice: Lattice) -> np.ndarray:
        if not self.is_spatial:
            return super()._laid(codes, lattice)
        height, width = lattice.size
        each = max(1, TILE**2 // int(np.prod(lattice.covered)))
        pieces = codes.split(each) if len(codes) else [codes.new_zeros((1, *codes.shape[1:]))]
        cropped = self._gather(
            lambda z: self._decode(z)[..., :height, :width], pieces, max(1, len(codes))
        )[: len(codes)]
        return np.moveaxis(cropped, 1, -1)

    def _grids(self, patches: Images) -> Iterator[np.ndarray]:
        if not self.is_spatial:
            yield from super()._grids(patches)
            return
        each = max(1, CHUNK_BYTES // (4 * int(np.prod(patches.shape[1:]))))
        for start in range(0, max(1, len(patches)), each):
            yield self._map(self._encode, patches[start : start + each])

    @usual_torch()
    def score(self, X: ImagesLike, y: ArrayLike | None = None) -> float:
        """Return minus the mean squared error of the reconstruction: higher is better."""
        if not self.is_spatial:
            return super().score(X, y)
        check_is_fitted(self)
        images, total = self._check(X, reset=False, fewest=1), 0.0
        for x in map(self._tensor, images.chunks(self._rows(images))):
            wrong = self._decode(self._encode(x))[..., : x.shape[2], : x.shape[3]] - x
            total += float(wrong.double().square().sum())
        return -total / int(np.prod(images.shape))
