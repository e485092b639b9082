"""What decompress returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

from isthmus.codec.archive import Archive
from isthmus.codec.compressed import CompressedFile
from isthmus.codec.frames import frame_rows
from isthmus.data.pictures import Picture
from isthmus.data.ranges import Range
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.remade import PictureFiles


class Unpacked(PictureFiles):
    """The images of a file of image files, each in its own size.

    Parameters
    ----------
    archive : Archive
        The file.
    before : sequence of Picture, optional
        As they were.
    verbose : bool, optional
        Show progress while they are written.
    """

    def __init__(
        self,
        archive: Archive,
        before: Sequence[Picture] | None = None,
        verbose: bool | None = None,
    ):
        self.archive, self.before, self.verbose = archive, before, verbose
        self.source = str(archive.path)

    def __len__(self) -> int:
        return self.archive.count

    def __iter__(self) -> Iterator[Picture]:
        return self.archive.pictures()

    def _at(self, row: int) -> Picture:
        return next(islice(self.archive.pictures(), row, None))


class Decompressed(Decoded):
    """Images (n, ...) of a compressed file, as an array.

    Attributes
    ----------
    model : Representation
        Which decoded them.
    file : CompressedFile
        What the file says of itself.
    names : list of str
        What the images were called; [] if they had no names.
    """

    facts: ClassVar[tuple[str, ...]] = (*Decoded.facts, "file", "names")
    file: CompressedFile | None = None
    names: list[str] = []  # noqa: RUF012 - never changed

    @property
    def ends(self) -> Range | None:
        """What black and white are."""
        return None if self.file is None else self.file.ends

    def _pieces(self) -> Iterator[dict[str, Any]]:
        """Yield some images at a time: there may be more than memory holds."""
        file, rows = self.file, frame_rows(self.shape[1:])
        known: dict[str, Any] = {"names": self.names or None, "sizes": file and file.sizes}
        for start in range(0, len(self), rows):
            piece = slice(start, start + rows)
            some = {key: None if v is None else v[piece] for key, v in known.items()}
            yield {"images": self[piece], **some, "fit": file.fit if file else "crop"}
