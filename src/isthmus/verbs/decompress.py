"""Decompress: the images of a file written by `compress`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from isthmus.codec.archive import Archive
from isthmus.codec.compressed import CompressedFile
from isthmus.data.scratch import nameless
from isthmus.verbs.parameters import Model
from isthmus.verbs.unpacked import Decompressed, Unpacked

IN_MEMORY_BYTES = 2**28
"""Images that are not larger than this are kept in memory, others in a file without a name."""


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
            file = file or nameless()
            for each in kept:
                file.write(each.tobytes())
            kept = [part[:0]]  # what it is like
    if file is None:
        return np.concatenate(kept)
    file.flush()
    return np.memmap(file, kept[0].dtype, "r+").reshape(-1, *kept[0].shape[1:])
