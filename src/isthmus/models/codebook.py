"""What families share whose code is an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from isthmus.data.images import Images
from isthmus.data.values import as_array
from isthmus.estimators import TransformerMixin
from isthmus.tensors import squared_distances

if TYPE_CHECKING:  # what it is mixed into
    from typing import Self

    from isthmus.base import Representation as Base
    from isthmus.data.values import ArrayLike, ImagesLike
else:
    Base = TransformerMixin


class Codebook(Base):
    """Mixin of families whose code is an index into `codebook_`, an array (k, d) of prototypes."""

    @classmethod
    def for_study(cls, images: Images, width: int | None = None, **parameters: Any) -> Self:
        """Return an unfitted model with 100 prototypes, or fewer for few images."""
        size = min(100, max(2, len(images) // 10))
        return cls(**{cls.width: size} | parameters)

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        return squared_distances(x, self._learned("codebook_", x)).argmin(1)

    def _decode(self, z: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.codebook_).to(z.device)[z]

    def transform(self, X: ImagesLike) -> np.ndarray:
        """Return the distance of every image to every prototype, (n, k)."""
        check_is_fitted(self)

        def distances(x: torch.Tensor) -> torch.Tensor:
            return squared_distances(x, self._learned("codebook_", x)).sqrt_()

        return self._map(distances, self._check(X, reset=False))

    @property
    def code_shape_(self) -> tuple[int | None, ...]:
        """The shape of an index, or of the grid of those of patches."""
        return () if self.patch is None else (None, None)

    @property
    def prototypes_(self) -> np.ndarray:
        """What every index stands for, (k, d)."""
        return self.codebook_

    @property
    def code_width_(self) -> int:
        """How many prototypes there are."""
        return len(self.codebook_)

    def predict(self, X: ImagesLike) -> np.ndarray:
        """Return the index of the nearest prototype; the same as `encode`."""
        return self.encode(X)

    @property
    def code_(self) -> str:
        """The code of one image in words."""
        return f"index{self._a_patch}, 1 of {len(self.codebook_)}"

    def _check_codes(self, Z: ArrayLike) -> torch.Tensor:
        return checked_indices(self, np.asarray(as_array(Z)))


def checked_indices(model: Any, Z: np.ndarray) -> torch.Tensor:
    """Return indices (n,) as the `_decode` of a model wants them, if it has them all."""
    name, count = type(model).__name__, model.code_width_
    if Z.ndim != 1 or Z.dtype.kind not in "iu":
        raise ValueError(
            f"{name} has codes that are indices, a whole number an image; got an array of shape "
            f"{Z.shape} and type {Z.dtype}"
        )
    if len(Z) and not 0 <= Z.min() <= Z.max() < count:
        raise ValueError(
            f"codes run from {Z.min()} to {Z.max()}; {name} has indices 0 to {count - 1}"
        )
    return torch.from_numpy(Z.astype(np.int64)).to(model.device_)
