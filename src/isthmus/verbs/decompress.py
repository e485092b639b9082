"""Decompress: the images of a file written by `compress`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, ClassVar

import numpy as np

from isthmus.codec.archive import Archive
from isthmus.codec.compressed import CompressedFile
from isthmus.codec.frames import frame_rows
from isthmus.data.cache import cache_folder
from isthmus.data.pictures import Picture
from isthmus.data.ranges import Range
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.parameters import Model
from isthmus.verbs.remade import PictureFiles

IN_MEMORY_BYTES = 2**28
"""Images that are not larger than this are kept in memory, others in a file without a name."""


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


def decompress(
    path: str | Path, model: Model | None = None, *, verbose: bool | None = None
) -> Decompressed:
    """Turn a compressed file back into images.

    Parameters
    ----------
    path : str or Path
        A file written by `isthmus compress`.
    model : Representation, optional
        The model it was compressed by; by default that in the file, or where it was then.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Decompressed
        Of image files that were compressed as they are, `files`: each in its own size, decoded
        when it is asked for, the first of them as an array. Else an array (n, ...): uint8 where
        the file is lossless, else float32, exactly what the model decodes. More than fits in a
        part of the memory lies in a file without a name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, cut off or of another kind, or the model is not the right one.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> images = ist.load_images("digits")[:9]
    >>> path = Path(tempfile.mkdtemp()) / "digits.isth"
    >>> found = ist.compress(ist.PCA(8).fit(images), images, path, quality=18, embed=True)
    >>> ist.decompress(path)
    Decompressed(9 images, (9, 8, 8, 1), float32)
    """
    if archive := Archive.read(path, model):
        unpacked = Decompressed.of_files(Unpacked(archive, verbose=verbose), archive.layout.model)
        unpacked.names = [entry.name for entry in archive.entries]
        return unpacked
    file, names = CompressedFile.read(path, model, search=True), list[str]()
    made = Decompressed.of(gathered(_images(file, names, verbose)), file.reader.model)
    made.file, made.names = file, names
    return made


def _images(file: CompressedFile, names: list[str], verbose: bool | None) -> Iterator[np.ndarray]:
    """Yield the images of a file a part at a time, and note their names."""
    for images, some in file.frames(verbose):
        names += some
        yield images


def gathered(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return parts as one array, which lies in a file without a name if it is large.

    Examples
    --------
    >>> gathered(iter([np.zeros((2, 3)), np.ones((1, 3))])).shape
    (3, 3)
    """
    kept, size, file = list[np.ndarray](), 0, None
    for part in parts:
        kept.append(part)
        size += part.nbytes
        if size > IN_MEMORY_BYTES:
            file = file or _nameless()
            for each in kept:
                file.write(each.tobytes())
            kept = [part[:0]]  # what it is like
    if file is None:
        return np.concatenate(kept)
    file.flush()
    return np.memmap(file, kept[0].dtype, "r+").reshape(-1, *kept[0].shape[1:])


def _nameless() -> Any:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return TemporaryFile(dir=folder)
