"""Images as a data set of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from isthmus.data.ondisk import OnDisk, mapped, release
from isthmus.tensors import readable_tensor

if TYPE_CHECKING:
    from isthmus.data.images import Images

Item = Any  # a tensor, or a tensor and its label


class TorchImages(Dataset[Item]):
    """Images one by one as float tensors, channels first, with their labels if they have any.

    Parameters
    ----------
    images : Images
        What it gives: uint8 as 0 to 1, floats as they are, vectors as vectors.
    transform : callable, optional
        Called with every tensor; what it returns takes its place.

    Examples
    --------
    >>> import isthmus as ist
    >>> x, label = ist.load_images("digits").to_torch()[0]
    >>> x.shape, x.dtype, label
    (torch.Size([1, 8, 8]), torch.float32, 0)
    """

    def __init__(self, images: Images, transform: Callable[[Any], Any] | None = None) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Item:
        if not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        return self.__getitems__([index % len(self)])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Return several at once, as DataLoader asks for a batch."""
        images = self.images[np.asarray(indices, dtype=int)]
        values = torch.from_numpy(np.ascontiguousarray(images))
        values = values / 255 if values.dtype == torch.uint8 else values.float()
        values = values.permute(0, 3, 1, 2).contiguous() if values.ndim == 4 else values
        given = [each if self.transform is None else self.transform(each) for each in values]
        return given if images.y is None else list(zip(given, images.y.tolist(), strict=True))


def reader(images: Images) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what gives the images of any rows as they are packed, as a tensor.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> reader(images.test)(torch.tensor([7, 3])).shape
    torch.Size([2, 8, 8, 1])
    """
    data, rows = images.data, None if images.rows is None else torch.from_numpy(images.rows)
    if isinstance(data, OnDisk) and data.at is not None:
        own = images.rows
        return lambda chosen: readable_tensor(
            np.asarray(data[chosen.numpy() if own is None else own[chosen.numpy()]])
        )
    paged = mapped(data)
    packed = readable_tensor(paged)

    def read(chosen: torch.Tensor) -> torch.Tensor:
        found = packed.index_select(0, chosen if rows is None else rows[chosen])
        release(paged)
        return found

    return read
