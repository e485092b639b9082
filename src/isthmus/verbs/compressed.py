"""What compress returns."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.codec.archive import Archive, PicturesJob
from isthmus.codec.compress import Sizes
from isthmus.codec.compressed import CompressedFile
from isthmus.codec.peers import Compared
from isthmus.data.images import Images, as_images, to_unit
from isthmus.data.pictures import Pictures
from isthmus.latent.codes import range_for
from isthmus.system.files import refuse_existing, save_table
from isthmus.verbs.result import Result
from isthmus.verbs.unpacked import Unpacked
from isthmus.verbs.within import Limit

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
    limit: Limit | None = field(default=None, compare=False)

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
        if self._compared is None:
            return []
        limit = self.limit or Limit(None)
        how: dict[str, int] = {"least": 0, "total": len(self.formats)}
        return self._compared.beside(limit.until(self.formats, "formats compared with", **how))

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
        refuse_existing(path, force=force, folder=False)
        return Path(path)

    def _to_csv(self, path: Path) -> None:
        save_table(path, self._beside or [self.scores])

    def _to_isth(self, path: Path) -> None:
        shutil.copyfile(self.path, path)
