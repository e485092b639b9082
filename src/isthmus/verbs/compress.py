"""Compress: images as a small file of codes."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.codec.compress import CompressedFile, Sizes, written
from isthmus.data.images import Images, as_images, to_unit
from isthmus.latent.codes import range_for
from isthmus.system.files import refuse_existing
from isthmus.validation import renamed
from isthmus.verbs.parameters import ImagesLike, Model, NewFile
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
    images : Images
        What was compressed.
    path : Path
        The file.
    """

    saves: ClassVar[tuple[str, ...]] = (".isth",)
    only_saved: ClassVar[bool] = True
    as_read_with: ClassVar[str] = "lossless"

    model: Any = field(default=None, compare=False)
    images: Images | None = field(default=None, compare=False)
    path: Path = field(default=Path(), compare=False)

    @property
    def scores(self) -> dict[str, Any]:
        """Images, bytes, and the PSNR."""
        exact = np.isinf(self.psnr)
        return {
            "images": self.count,
            "bytes": self.nbytes,
            "bytes an image": round(self.bytes_per_image, 3),
            "model's bytes": self.model_nbytes,
            "PSNR in dB": "lossless" if exact else round(self.psnr, 3),
        }

    def record(self) -> dict[str, Any]:
        """Return the scores by names for machines."""
        return {key.replace(" ", "_").replace("'s", ""): v for key, v in self.scores.items()}

    def picture(self) -> Image:
        """Return the first images as they were, and as they come back."""
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

    def _to_isth(self, path: Path) -> None:
        shutil.copyfile(self.path, path)


@renamed(X="images")
def compress(
    model: Model,
    images: ImagesLike,
    path: NewFile,
    *,
    quality: float | None = None,
    rate: float | None = None,
    lossless: bool = False,
    embed: bool = False,
    found_at: str | None = None,
    verbose: bool | None = None,
) -> Compressed:
    r"""Compress images to a small file of codes (.isth), rounded and entropy-coded.

    Codes z are rounded to whole numbers :math:`q = [A(z - m)]` in directions that matter alike,
    and q is written by a range coder with a table of probabilities for each number. An index is
    written as it is. `decompress` returns ``model.decode(m + B q)``, to the last bit.

    Parameters
    ----------
    model : Representation
        Fitted, and able to decode.
    images : Images or array of shape (n, ...)
        Read a part at a time, more than once for a quality.
    path : str or Path
        The file to write; an older one is replaced once the new one is whole.
    quality : float, optional
        PSNR to reach, above 0 dB, on these images and by range (`Images.value_range`); by default
        rounding adds 5 % to the model's error.
    rate : float, optional
        Bytes per image, above 0, instead; tables and names come on top.
    lossless : bool
        Keep what decoded images miss as well: uint8 pixels come back exactly.
    embed : bool
        Put the model into the file, so that it can be read without any other.
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
    images = as_images(images)
    sizes = written(model, images, path, quality, rate, lossless, embed, found_at, verbose)
    return Compressed(**asdict(sizes), model=model, images=images, path=Path(path))
