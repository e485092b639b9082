"""Images laid out in folders: the files they were read from, or PNG files where there are none."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isthmus.data.images import Images
from isthmus.data.several import file_of
from isthmus.plots.pngs import PngFolder, unused


def check_files(images: Images) -> None:
    """Raise ValueError if there are images that are no files of their own."""
    if not all(file_of(images, row) for row in range(len(images))):
        raise ValueError(
            f"link=True: the images of {images.source} are no files of their own; copy=True "
            "writes them as PNG"
        )


def lay_out(images: Images, homes: Sequence[str], folder: Path, *, link: bool = False) -> None:
    """Put the file of every image into a folder of its own kind, under its own name.

    A number is added where two in one folder have the same name.

    Parameters
    ----------
    images : Images
        With the names of their files, or without: then they are written as PNG files.
    homes : sequence of str
        The name of the folder of every image.
    folder : Path
        Where these folders are made.
    link : bool
        Make symbolic links in place of copies.
    """
    taken: dict[str, set[str]] = {home: set() for home in dict.fromkeys(homes)}
    for home in taken:
        (folder / home).mkdir()
    others = []
    for row, home in enumerate(homes):
        file = file_of(images, row)
        if file is None:
            others.append(row)
            continue
        name = f"{unused(file.stem, taken[home])}{file.suffix}"
        if link:
            (folder / home / name).symlink_to(file.resolve())
        else:
            shutil.copyfile(file, folder / home / name)
    if others:
        named = images.names is not None
        names = [Path(str(images.names[row])).name if named else f"{row}.png" for row in others]
        called = [f"{homes[row]}/{name}" for row, name in zip(others, names, strict=True)]
        PngFolder(folder, len(others), images.value_range).add(np.asarray(images[others]), called)
