"""A compressed file: opened, and decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.codec.container import read_sections
from isthmus.codec.frames import Reader, frame_rows, sizes_unpacked
from isthmus.codec.headers import check_header, check_model
from isthmus.codec.packing import damaged, model_for, unpacked_model
from isthmus.codec.quantizer import Quantizer
from isthmus.data.ranges import Range, nominal
from isthmus.latent.codes import range_for
from isthmus.system.progress import track

if TYPE_CHECKING:
    from isthmus.base import Representation


@dataclass(frozen=True)
class CompressedFile:
    """A compressed file whose header has been read.

    Attributes
    ----------
    path : Path
        The file.
    header : dict
        What it says of itself: family, fingerprint, shape, code, count, lossless, model.
    reader : Reader
        Reads the frames that are left.
    sections : iterator of bytes
        These frames.
    """

    path: Path
    header: dict[str, Any]
    reader: Reader
    sections: Iterator[bytes]

    @property
    def count(self) -> int:
        """How many images there are."""
        return int(self.header["count"])

    @property
    def ends(self) -> Range:
        """What black and white are."""
        with damaged(self.path):
            known = self.header.get("range")
            return nominal(*map(float, known)) if known else range_for(self.reader.model)

    @property
    def fit(self) -> str:
        """How images came from the sizes they were read with to the one they have."""
        return str(self.header.get("fit", "crop"))

    @cached_property
    def sizes(self) -> np.ndarray | None:
        """Height and width of every image as it was read, (n, 2); None where all have them."""
        with damaged(self.path):
            return sizes_unpacked(self.header)

    @property
    def dtype(self) -> np.dtype:
        """Type of the images' values."""
        return np.dtype(np.uint8 if self.reader.lossless else np.float32)

    @classmethod
    def read(
        cls, path: str | Path, model: Representation | None = None, *, search: bool = False
    ) -> CompressedFile:
        """Open a file; say so if the model is not the one it was written with.

        Parameters
        ----------
        path : str or Path
            The file.
        model : Representation, optional
            The model.
        search : bool
            Look for the model where it was when the file was written, and beside the file.
        """
        header, sections = read_sections(path)
        with damaged(path):
            check_header(header)
            quantizer = next(sections)
            inside = next(sections) if header["model"] else None
            model = model or (unpacked_model(inside) if inside else None)
            facts = (
                Quantizer.from_bytes(quantizer) if quantizer else None,
                bool(header["lossless"]),
                tuple(map(int, header["shape"])),
                tuple(map(int, header["code"])),
            )
        model = model_for(Path(path), header, model, search)
        with damaged(path):
            check_model(header, model)
        return cls(Path(path), header, Reader(model, *facts), sections)

    def frames(self, verbose: bool | None = False) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Yield images and their names, a part at a time."""
        count, found = self.count, 0
        with damaged(self.path):
            rows = frame_rows(self.reader.shape)
            for _ in track(range(0, count, rows), "decompressing", -(-count // rows), verbose):
                images, names = self.reader.images(self.sections)
                found += len(images)
                if found > count:
                    raise ValueError(f"more than {count} images")
                yield images, names
            if found < count:
                raise ValueError(f"{found} of {count} images")
