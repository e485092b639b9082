"""Compress: images as a small file of codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isthmus.codec.archive import PicturesJob
from isthmus.codec.compress import Sizes, check_options, written
from isthmus.codec.peers import check_formats
from isthmus.codec.suited import USUAL, written_pictures
from isthmus.data.images import as_images
from isthmus.data.pictures import Pictures, as_pictures
from isthmus.validation import able, renamed
from isthmus.verbs.compressed import Compressed
from isthmus.verbs.parameters import ImagesLike, Model, NewFile, Seconds, Words
from isthmus.verbs.remade import check_tiles
from isthmus.verbs.within import Limit


@renamed(X="images")
def compress(
    model: Model | None,
    images: ImagesLike,
    path: NewFile,
    *,
    quality: float | None = None,
    rate: float | None = None,
    lossless: bool = False,
    embed: bool = False,
    whole: bool = False,
    formats: Words = ("jpeg", "webp"),
    found_at: str | None = None,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Compressed:
    r"""Compress images to a small file of codes (.isth), rounded and entropy-coded.

    Codes z are rounded to whole numbers :math:`q = [A(z - m)]` in directions that matter alike,
    and q is written by a range coder with a table of probabilities for each number. An index is
    written as it is. `decompress` returns ``model.decode(m + B q)``, to the last bit.

    Parameters
    ----------
    model : Representation or None
        Fitted, and able to decode. None, for image files: principal components of small parts of
        them are fitted, and are in the file.
    images : Images, array of shape (n, ...), or image files
        Read a part at a time, more than once for a quality. Image files (a folder, a path,
        several) keep their names, sizes, colours and transparency: they are cut into tiles of the
        size that the model knows, side by side.
    path : str or Path
        The file to write; an older one is replaced once the new one is whole.
    quality : float, optional
        PSNR to reach, above 0 dB, on these images and by range (`Images.value_range`); by default
        rounding adds 5 % to the model's error, and without a model it is 32.
    rate : float, optional
        Bytes per image, above 0, instead; tables and names come on top.
    lossless : bool
        Keep what decoded images miss as well: uint8 pixels come back exactly.
    embed : bool
        Put the model into the file, so that it can be read without any other.
    whole : bool
        Bring image files to the size of the model's images, as these were, in place of tiles.
    formats : sequence of str
        What a table compares image files with, at the same PSNR: some of jpeg and webp, or none.
    found_at : str, optional
        Where the model's own file is: a hint for `decompress`.
    budget : float, optional
        Time to take, in seconds above 0: all images are written once, then a quality is left as
        near as it is, and formats that there is no time for are not compared with.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Compressed
        Sizes, and the PSNR of what comes back.

    Raises
    ------
    ValueError
        If the model cannot decode, a quality or rate is out of its reach, both are given, or
        `lossless` is asked for images that are not uint8 or were changed as they were loaded.
    OSError
        If the file cannot be written; nothing is left behind.

    References
    ----------
    J. Balle, V. Laparra and E. Simoncelli, End-to-end optimized image compression, 2017.
    G. Martin, Range encoding, 1979.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> images = ist.load_images("digits")
    >>> model = ist.PCA(16).fit(images.train)
    >>> path = Path(tempfile.mkdtemp()) / "digits.isth"
    >>> found = ist.compress(model, images.test, path, quality=18)
    >>> found.bytes_per_image < 10, ist.decompress(path, model).shape
    (True, (359, 8, 8, 1))
    """
    limit = Limit(budget)
    check_formats(formats)
    if Path(path).suffix in Compressed.saves[1:]:
        raise ValueError(f"{path}: the first file to write ends in .isth, others may follow")
    files = None if whole or lossless else as_pictures(images)
    if files is not None:
        return _of_files(
            model, files, path, quality, rate, embed, found_at, formats, verbose, limit
        )
    if model is None:
        raise ValueError(
            "without a model image files are compressed as they are, and these are none: give a "
            "model, as `isthmus fit pca` makes one"
        )
    images = as_images(images)
    over = limit.is_over
    sizes = written(model, images, path, quality, rate, lossless, embed, found_at, verbose, over)
    return Compressed(**asdict(sizes), model=model, images=images, path=Path(path))


def _of_files(
    model: Any,
    files: Pictures,
    path: str | Path,
    quality: float | None,
    rate: float | None,
    embed: bool,
    found_at: str | None,
    formats: Sequence[str],
    verbose: bool | None,
    limit: Limit,
) -> Compressed:
    check_options(quality, rate)
    if model is not None:
        able(model, "decode")
        check_tiles(model)
    over = limit.is_over
    job = written_pictures(model, files, path, quality, rate, embed, found_at, verbose, over)
    wanted = USUAL if model is None and quality is None and rate is None else quality
    if wanted is not None and job.psnr < wanted:
        limit.tell(f"it was over at {job.psnr:.2f} of {wanted:g} dB")
    sizes = Sizes(len(files), job.nbytes, len(job.model_bytes), job.psnr)
    return Compressed(
        **asdict(sizes), model=job.layout.model, images=files, path=Path(path), formats=formats,
        job=job, said=_said(files, job, model is None), limit=limit,
    )  # fmt: skip


def _said(files: Pictures, job: PicturesJob, fitted: bool) -> str:
    """Return how files were compressed, in a line."""
    height, width, _ = job.layout.tile
    cell = f"in tiles of {height}x{width} side by side"
    if job.layout.model.cell is not None:
        cell = f"a grid of codes, one for every {height}x{width} pixels"
    parts = [f"{files.source}: {cell}"]
    if fitted:
        components = job.layout.model.n_components_
        parts.append(f"by {components} principal components of these, which are in the file")
    if clear := sum("A" in mode for mode in files.modes):
        parts.append(f"{clear} with transparency, which is kept exactly")
    if deep := sum(job.deep):
        parts.append(f"{deep} of {files.bits} bits a value")
    if job.nbytes > files.n_bytes:
        parts.append("larger than these files: few or small ones do not pay for a model in theirs")
    return "; ".join(parts)
