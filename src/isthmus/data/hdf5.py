"""Data sets in HDF5 files, which are read whole or a part at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.cache import check_unpacked
from isthmus.data.ondisk import OnDisk, block_of, rows_of, sample_axes


@dataclass(frozen=True)
class Dataset:
    """An array in an HDF5 file, which is opened whenever a part of it is asked for.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Of the data set.
    shape : tuple of int
        As it is stored.
    dtype : dtype
        Of the values.
    chunks : tuple of int
        What is stored together: 1 along every axis where all of it lies in a row.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return a part; the whole by ``()``."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                return self._part(file[self.name], index)
        except (PermissionError, FileNotFoundError):
            raise
        except (OSError, RuntimeError, KeyError) as error:
            words = str(error).splitlines()[0]
            raise ValueError(f"{self.path} is damaged: {words}") from error

    def _part(self, item: Any, index: Any) -> np.ndarray:
        own = item.file.id.get_filesize() if item.is_virtual else item.id.get_storage_size()
        check_unpacked(f"{self.name} of {self.shape}", self.nbytes, own)
        part: np.ndarray = item[index]
        return part

    def rows(self, axes: str) -> OnDisk:
        """Return the images in it where they are; `axes` as `rows_of` has them."""
        shape, fetch = rows_of(self, axes)
        counted = sample_axes(axes)
        stored = self.chunks[counted[0]] if len(counted) == 1 else 1
        stat = self.path.stat()
        facts = (str(self.path.absolute()), self.name, axes, stat.st_size, stat.st_mtime_ns)
        block = block_of(shape, max(4, self.dtype.itemsize), stored)
        return OnDisk(shape, self.dtype, fetch, facts, block)


def datasets(path: Path, file: Any) -> dict[str, Dataset]:
    """Return what an open file holds by name, but for what lies in other files."""
    import h5py

    found: dict[str, Dataset] = {}

    def visit(name: Any, item: Any) -> None:
        # what begins with # is MATLAB's own book-keeping; numbers in other files are left there
        known = isinstance(item, h5py.Dataset) and isinstance(name, str) and name[0] != "#"
        if known and not _lies_elsewhere(item):
            shape = item.shape or ()
            found[name] = Dataset(path, name, shape, item.dtype, item.chunks or (1,) * len(shape))

    file.visititems(visit)
    return found


def _lies_elsewhere(item: Any) -> bool:
    """Return whether the numbers are in other files: any that this process may read."""
    parts = item.virtual_sources() if item.is_virtual else ()
    return bool(item.external) or any(part.file_name != "." for part in parts)
