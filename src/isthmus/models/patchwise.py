"""What families share that code an image as a whole, or patch by patch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from isthmus.base import has_twin
from isthmus.data.images import CHUNK_BYTES, Images
from isthmus.data.patches import Cut, Lattice, cut
from isthmus.data.values import ArrayLike, ImagesLike, as_array
from isthmus.estimators import TransformerMixin, available_if
from isthmus.fitted.heldout import kept_hashes, row_hashes
from isthmus.tensors import Seed, generator

if TYPE_CHECKING:  # what it is mixed into
    from isthmus.base import Representation as Base
else:
    Base = TransformerMixin

MOST = 2**18
"""Patches that are learnt from, at most; where there are more, chance chooses."""
PACKED_BYTES = 2**28
"""What they take as they are packed, at most."""
LISTED = 2**26
"""Patches that there may be for chance to choose from a list of all."""


def _draws(model: PatchWise) -> bool:
    if model.cell is None:
        return has_twin("_sample")(model)
    raise AttributeError(
        f"{type(model).__name__} draws no images: it has a code for every {model.cell}x"
        f"{model.cell} pixels, and does not know which lie side by side"
    )


@dataclass(kw_only=True, eq=False, repr=False)
class PatchWise(Base):
    """Mixin of families that may learn and code patches of images, all of them alike.

    Private twins are given patches in place of images, and know of no others: ``image_shape_`` and
    ``n_features_in_`` are those of a patch.

    Parameters
    ----------
    patch : int or None
        Side in pixels, at least 1, of square patches that are learnt and coded one by one, all
        channels of a pixel together: images may then have any height and width, and the code of
        one is a grid, (rows, columns, k) or of indices (rows, columns). 1 codes every pixel. None
        codes images as a whole.
    stride : int or None
        Pixels from one patch to the next, 1 to `patch`; None is `patch`, side by side. Where
        patches overlap, decoded ones are averaged.

    Attributes
    ----------
    lattice_ : list of int
        Patch and stride, where there are patches.
    whole_shape_ : tuple of int
        Shape of the images that patches are of, where all have the same.
    """

    patch: int | None = None
    stride: int | None = None

    _whole = None  # type: Any  # the images, while patches of them are learnt
    _most = None  # type: Any  # patches that are learnt from, where fewer do

    def _check(self, X: ImagesLike, *, reset: bool, fewest: int = 0) -> Images:
        """Return `X` as Images; where patches are coded, as these, cut when they are asked for."""
        if reset:
            self._set_lattice()
        if self.cell is None:
            return super()._check(X, reset=reset, fewest=fewest)
        if isinstance(X, Images) and isinstance(X.data, Cut):
            return X
        several = [as_array(each) for each in X] if isinstance(X, list | tuple) else []
        if reset and len({each.shape[:2] for each in several}) > 1:
            parts = [super(PatchWise, self)._check(x[None], reset=True) for x in several]
            if len({(part.shape[3], part.dtype) for part in parts}) > 1:
                raise ValueError("images of several sizes must have the same channels and type")
            return self._to_learn(parts, fewest)
        images = super()._check(X, reset=reset, fewest=min(fewest, 1))
        return self._to_learn([images], fewest) if reset else self._cut(images)

    def _set_lattice(self) -> None:
        """Check how patches are to be cut, and forget how those of an earlier fit were."""
        for name in ("lattice_", "whole_shape_"):
            self.__dict__.pop(name, None)
        if self.patch is None:
            if self.stride is not None:
                raise ValueError(f"stride={self.stride!r} is of patches: give patch= as well")
            return
        _check_side("patch", self.patch)
        stride = self.patch if self.stride is None else self.stride
        _check_side("stride", stride)
        if stride > self.patch:
            raise ValueError(
                f"stride={stride} leaves pixels between patches of {self.patch}x{self.patch}: "
                f"give 1 to {self.patch}"
            )
        self.lattice_ = [int(self.patch), int(stride)]

    def _lattice(self, images: Images) -> Lattice:
        return Lattice((images.shape[1], images.shape[2]), *self.lattice_)

    def _cut(self, images: Images) -> Images:
        """Return checked images as their codes are found from them."""
        return cut(images, self._lattice(images))

    def _to_learn(self, parts: list[Images], fewest: int) -> Images:
        """Return the patches to learn from, of images of one size or of several."""
        side, stride = self.lattice_
        return self._squares(parts, side, stride, fewest)

    def _squares(self, parts: list[Images], side: int, stride: int, fewest: int) -> Images:
        """Return squares to learn from, and learn their shape."""
        if len({part.shape for part in parts}) == 1:
            self.whole_shape_ = self.image_shape_
        self.image_shape_ = (side, side, *self.image_shape_[2:])
        self.n_features_in_ = int(np.prod(self.image_shape_))
        self._whole = parts
        found = self._some_of(parts, side, stride, min(MOST, self._most or MOST))
        if len(found) < fewest:
            raise ValueError(
                f"{type(self).__name__} needs at least {fewest} patches, got {len(found)} of "
                f"{side}x{side}: give larger images, or more of them"
            )
        return found

    def _some_of(self, parts: list[Images], side: int, stride: int, most: int) -> Images:
        """Return squares of images, chosen by chance where there are more than `most`."""
        lattices = [Lattice((part.shape[1], part.shape[2]), side, stride) for part in parts]
        counts = [len(p) * int(np.prod(at.grid)) for p, at in zip(parts, lattices, strict=True)]
        bounds = np.cumsum([0, *counts])[:-1]
        fit = PACKED_BYTES // (parts[0].dtype.itemsize * side**2 * parts[0].shape[3])
        chosen = self._chosen(sum(counts), max(2, min(most, fit)))
        of_each = np.split(chosen, np.searchsorted(chosen, bounds[1:]))
        found = [
            cut(part, at, some - first)
            for part, at, some, first in zip(parts, lattices, of_each, bounds, strict=True)
        ]
        if len(found) == 1:
            found[0].value_range = parts[0].value_range
            return found[0]
        packed = Images(np.concatenate(found), loading=parts[0].loading, source=parts[0].source)
        return cut(packed, Lattice((side, side), side, side), np.arange(len(packed)))

    def _chosen(self, count: int, most: int) -> np.ndarray:
        """Return which of so many patches are learnt from, in order."""
        if count <= most:
            return np.arange(count)
        seed = int(torch.randint(2**31, (1,), generator=generator(self.random_state, "cpu")))
        rng = np.random.default_rng(seed)
        if count > LISTED:  # hardly one of them is drawn twice
            return np.unique(rng.integers(count, size=most))
        return np.sort(rng.choice(count, most, replace=False))

    def _remember(self, images: Images) -> None:
        """Keep what tells of any image whether patches of it were learnt from."""
        super()._remember(images if self._whole is None else self._whole[0])
        if self._whole is not None:
            self.train_hashes_ = kept_hashes(*map(row_hashes, self._whole))
            self._whole = None

    @property
    def seen_width_(self) -> int | None:
        """How many numbers an image that it learnt from has; None where that varies."""
        if self.cell is None:
            return super().seen_width_
        return int(np.prod(self.whole_shape_)) if hasattr(self, "whole_shape_") else None

    def code_shape_of(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of the code of an image of a shape."""
        if self.cell is None:
            return super().code_shape_of(shape)
        return (*Lattice((shape[0], shape[1]), *self.lattice_).grid, *self._cell)

    @property
    def _cell(self) -> tuple[int, ...]:
        """Shape of the code of a patch."""
        return tuple(side for side in self.code_shape_ if side is not None)

    def _map(self, verb: Callable[[torch.Tensor], torch.Tensor], images: Images) -> np.ndarray:
        flat = super()._map(verb, images)
        counts = images.data.counts if _is_cut(images) else (0, 0, 0)
        whole = any(counts) and images.rows is None and len(images) == np.prod(counts)
        return flat.reshape(*counts, *flat.shape[1:]) if whole else flat

    def _some(self, patches: Images) -> Iterator[Images]:
        """Yield all patches of a few images at a time."""
        _, rows, columns = patches.data.counts
        each = rows * columns
        size = each * max(1, CHUNK_BYTES // (4 * each * self.n_features_in_))
        return (patches[i : i + size] for i in range(0, max(1, len(patches)), size))

    def transform(self, X: ImagesLike) -> np.ndarray:
        """Return codes as features (n, code_width_); grids as `pooled` says."""
        if self.cell is None:
            return super().transform(X)
        check_is_fitted(self)
        grids = self._grids(self._check(X, reset=False))
        return np.concatenate([self.pooled(codes) for codes in grids])

    def _grids(self, patches: Images) -> Iterator[np.ndarray]:
        """Yield the codes of a few images at a time, grids."""
        for some in self._some(patches):
            flat = self._map(self._encode, some)
            yield _gridded(flat, patches.data.counts[1:], self._cell)

    @available_if(has_twin("_decode"))
    def decode(self, Z: ArrayLike, size: tuple[int, int] | None = None) -> np.ndarray:
        """Return the image of every code, float.

        Parameters
        ----------
        Z : array
            Codes as `encode` gives them.
        size : (int, int), optional
            Of codes of patches, the height and width of the images: what reaches beyond is cut
            off. By default those fitted on, where they have as many patches; else all that
            patches cover.
        """
        if self.cell is None:
            if size is not None:
                raise ValueError(f"size={size}: without patch= images have the size fitted on")
            return super().decode(Z)
        check_is_fitted(self)
        codes = self._check_codes(Z)
        lattice = self._lattice_of((codes.shape[1], codes.shape[2]), size)
        images = self._laid(codes, lattice)
        return images.reshape(len(codes), *lattice.size, *self.image_shape_[2:])

    def _laid(self, codes: torch.Tensor, lattice: Lattice) -> np.ndarray:
        """Return the images (n, h, w, c) that grids of codes stand for."""
        return lattice.mean(self._added(codes, lattice))

    def _added(self, codes: torch.Tensor, lattice: Lattice) -> np.ndarray:
        """Return the sum of what the codes of patches say, some images or rows at a time."""
        (rows, columns), shape = lattice.grid, (*self.image_shape_, 1)[:3]
        row = 4 * columns * self.n_features_in_
        n_images, n_rows = max(1, CHUNK_BYTES // (row * rows)), max(1, CHUNK_BYTES // row)
        total: Any = None
        for i in range(0, max(1, len(codes)), n_images):
            for first in range(0, rows, n_rows):
                some = codes[i : i + n_images, first : first + n_rows]
                flat = self._pieces(self._decode, some.flatten(0, 2)).reshape(-1, *shape)
                if total is None:
                    total = np.zeros((len(codes), *lattice.covered, shape[2]), flat.dtype)
                lattice.add(total[i : i + n_images], flat, first)
        return np.asarray(total)

    def decode_as(self, Z: ArrayLike, shape: Sequence[int]) -> np.ndarray:
        """Return what `decode` does, for codes of images of a shape (h, w, c) or (d,)."""
        return self.decode(Z, None if self.cell is None else (shape[0], shape[1]))

    def _lattice_of(self, grid: tuple[int, int], size: tuple[int, int] | None) -> Lattice:
        """Return the lattice of images of a size, or of those that a grid of patches may be of."""
        if size is not None:
            lattice = Lattice((int(size[0]), int(size[1])), *self.lattice_)
            if min(size) < 1 or lattice.grid != grid:
                raise ValueError(
                    f"size={tuple(size)}: images of that size have {lattice.grid[0]}x"
                    f"{lattice.grid[1]} patches, these codes are of {grid[0]}x{grid[1]}"
                )
            return lattice
        if hasattr(self, "whole_shape_"):
            lattice = Lattice((self.whole_shape_[0], self.whole_shape_[1]), *self.lattice_)
            if lattice.grid == grid:
                return lattice
        side, stride = self.lattice_
        height, width = ((count - 1) * stride + side for count in grid)
        return Lattice((height, width), side, stride)

    def _check_codes(self, Z: ArrayLike) -> torch.Tensor:
        if self.cell is None:
            return super()._check_codes(Z)
        codes, cell = np.asarray(as_array(Z)), self._cell
        if codes.ndim != 3 + len(cell) or codes.shape[3:] != cell or 0 in codes.shape[1:]:
            axes = "(n, rows, columns" + ", k" * len(cell) + ")"
            raise ValueError(
                f"{type(self).__name__} has codes of {self.code_}, {axes}; got an array of shape "
                f"{codes.shape}"
            )
        flat = self._check_cells(codes.reshape(-1, *cell))
        return flat.reshape(*codes.shape[:3], *flat.shape[1:])

    def _check_cells(self, codes: np.ndarray) -> torch.Tensor:
        """Return checked codes of cells, one after another."""
        return super()._check_codes(codes)

    def score(self, X: ImagesLike, y: ArrayLike | None = None) -> float:
        """Return minus the mean squared error of the reconstruction: higher is better."""
        if self.patch is None or _is_cut(X):
            return super().score(X, y)
        check_is_fitted(self)
        patches, total = self._check(X, reset=False, fewest=1), 0.0
        for some in self._some(patches):
            wrong = self._flat_map(lambda x: self._decode(self._encode(x)) - x, some)
            laid = patches.data.lattice.laid(wrong.reshape(-1, *patches.shape[1:]))
            total += float(np.square(laid, dtype=np.float64).sum())
        n, size = patches.data.counts[0], patches.data.lattice.size
        return -total / (n * int(np.prod(size)) * patches.shape[3])

    def _flat_map(self, verb: Callable[..., Any], patches: Images) -> np.ndarray:
        return super()._map(verb, patches)

    @available_if(_draws)
    def sample(self, n_samples: int = 1, *, random_state: Seed = None) -> np.ndarray:
        """Draw new images; see `Representation.sample`. Models of patches draw none."""
        return super().sample(n_samples, random_state=random_state)


def _is_cut(X: object) -> bool:
    """Return whether images are patches already."""
    return isinstance(X, Images) and isinstance(X.data, Cut)


def _gridded(codes: np.ndarray, grid: tuple[int, int], cell: tuple[int, ...]) -> np.ndarray:
    """Return the codes of patches in the grids of their images."""
    count = int(np.prod(codes.shape[: codes.ndim - len(cell)]))
    return codes.reshape(count // int(np.prod(grid)), *grid, *cell)


def _check_side(name: str, value: object) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or int(value) < 1:  # type: ignore[call-overload]
        raise ValueError(f"{name}={value!r} must be a whole number of pixels, at least 1")
