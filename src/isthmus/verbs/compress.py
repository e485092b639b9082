"""Compress: images as a small file of codes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.codec.archive import Archive, PicturesJob
from isthmus.codec.compress import CompressedFile, Sizes, check_options, written
from isthmus.codec.peers import Compared, check_formats
from isthmus.codec.tuning import written_pictures
from isthmus.data.images import Images, as_images, to_unit
from isthmus.data.pictures import Pictures, as_pictures
from isthmus.latent.codes import range_for
from isthmus.system.files import refuse_existing, save_table
from isthmus.validation import able, renamed
from isthmus.verbs.decompress import Unpacked
from isthmus.verbs.parameters import ImagesLike, Model, NewFile, Words
from isthmus.verbs.remade import check_tiles
from isthmus.verbs.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN = 12
"""Images of the first ones that a picture shows."""


@dataclass(repr=False)
class Compressed(Result, Sizes):
    """A compressed file: how large it is, and how good the images that come back.

    Attributes
    ----------
    count, nbytes, model_nbytes : int
        Images, bytes of the whole file, bytes of the model whether it is in the file or not.
    psnr : float
        Peak signal-to-noise ratio of what comes back, in dB; infinite if nothing is lost.
    note : str
        What the PSNR is against where that is not the images as they were read.
    model : Representation
        Whose codes are in the file.
    images : Images or Pictures
        What was compressed.
    path : Path
        The file.
    formats : sequence of str
        What image files are compared with.
    """

    saves: ClassVar[tuple[str, ...]] = (".isth", ".png", ".csv")
    only_saved: ClassVar[bool] = True
    as_read_with: ClassVar[str] = "lossless"
    own_sizes: ClassVar[bool] = True
    one_size_with: ClassVar[tuple[str, ...]] = ("lossless", "whole")
    as_files: ClassVar[bool] = True
    table_name: ClassVar[str] = "beside"

    model: Any = field(default=None, compare=False)
    images: Images | Pictures | None = field(default=None, compare=False)
    path: Path = field(default=Path(), compare=False)
    formats: Sequence[str] = field(default=(), compare=False)
    job: PicturesJob | None = field(default=None, compare=False)
    said: str = field(default="", compare=False)

    @property
    def scores(self) -> dict[str, Any]:
        """Images, bytes, and the PSNR."""
        exact = np.isinf(self.psnr)
        before = {} if self.job is None else {"files' bytes": self.job.pictures.n_bytes}
        return {
            "images": self.count,
            **before,
            "bytes": self.nbytes,
            "bytes an image": round(self.bytes_per_image, 3),
            "model's bytes": self.model_nbytes,
            "PSNR in dB": "lossless" if exact else round(self.psnr, 3),
        }

    @cached_property
    def _beside(self) -> list[dict[str, Any]]:
        """What image files take in other formats, at the same quality."""
        return [] if self._compared is None else self._compared.beside(self.formats)

    @cached_property
    def _compared(self) -> Compared | None:
        return Compared.of(self.job) if self.job is not None and self.formats else None

    def table(self) -> list[dict[str, Any]]:
        """Return what image files take here and as JPEG and WebP, at the same PSNR."""
        return list(self._beside)

    def remarks(self) -> list[str]:
        """Return what the table is of."""
        if self._compared is None:
            return []
        return [
            f"on {len(self._compared.pictures)} of {self.count} images, at the same PSNR of all "
            "their pixels, formats at their best setting; names, tables and model are counted, "
            "transparency is not; in brackets 95 % intervals over images"
        ]

    def record(self) -> dict[str, Any]:
        """Return the scores by names for machines, and what formats take beside image files."""
        found = {key.replace(" ", "_").replace("'s", ""): v for key, v in self.scores.items()}
        found = {key.replace("s'", "s"): value for key, value in found.items()}
        return found | ({self.table_name: self.table()} if self._beside else {})

    def picture(self) -> Image:
        """Return the first images as they were, and as they come back; of files some of them."""
        if isinstance(self.images, Pictures):
            archive = Archive.read(self.path, self.model)
            assert archive is not None
            return Unpacked(archive, self.images).strip()
        from isthmus.plots.strips import labelled_rows

        back, _ = next(CompressedFile.read(self.path, self.model).frames())
        few = as_images(self.images)[: min(SHOWN, len(back))]
        rows = {"before": to_unit(np.asarray(few)), "after": to_unit(back[: len(few)])}
        rows = {name: values.reshape(few.shape) for name, values in rows.items()}
        title = f"{few.source}: {self.bytes_per_image:.4g} bytes an image"
        return labelled_rows(rows, title, limits=range_for(self.model, few))

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Copy the file to another place; see `isthmus.verbs.result.Result.save`."""
        super().check(path, force=force)
        return super().save(path, force=force)

    @classmethod
    def check(cls, path: str | Path, *, force: bool = False) -> Path:
        """Return a path if a file can be written there, whatever it is called."""
        refuse_existing(path, force=force)
        return Path(path)

    def _to_csv(self, path: Path) -> None:
        save_table(path, self._beside or [self.scores])

    def _to_isth(self, path: Path) -> None:
        shutil.copyfile(self.path, path)


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
    check_formats(formats)
    if Path(path).suffix in Compressed.saves[1:]:
        raise ValueError(f"{path}: the first file to write ends in .isth, others may follow")
    files = None if whole or lossless else as_pictures(images)
    if files is not None:
        return _of_files(model, files, path, quality, rate, embed, found_at, formats, verbose)
    if model is None:
        raise ValueError(
            "without a model image files are compressed as they are, and these are none: give a "
            "model, as `isthmus fit pca` makes one"
        )
    images = as_images(images)
    sizes = written(model, images, path, quality, rate, lossless, embed, found_at, verbose)
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
) -> Compressed:
    check_options(quality, rate)
    if model is not None:
        able(model, "decode")
        check_tiles(model)
    job = written_pictures(model, files, path, quality, rate, embed, found_at, verbose)
    sizes = Sizes(len(files), job.nbytes, len(job.model_bytes), job.psnr)
    about = {"model": job.layout.model, "images": files, "path": Path(path), "formats": formats}
    return Compressed(**asdict(sizes), **about, job=job, said=_said(files, job, model is None))


def _said(files: Pictures, job: PicturesJob, fitted: bool) -> str:
    """Return how files were compressed, in a line."""
    height, width, _ = job.layout.tile
    parts = [f"{files.source}: in tiles of {height}x{width} side by side"]
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
