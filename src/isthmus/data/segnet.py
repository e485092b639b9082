"""Images with a class for every pixel, laid out as SegNet's version of CamVid is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from isthmus.data.arrays import damage_explained
from isthmus.data.decode import Rule, fit_labels, read_header
from isthmus.data.folder import entry_of_path, nothing_readable, pack, split_of
from isthmus.data.formats import IMAGE_NAME, reason
from isthmus.data.images import Images
from isthmus.data.label_maps import (
    MASK_CLASSES,
    NO_CLASS,
    check_classes,
    ignored_in,
    is_black_and_white,
)
from isthmus.system.progress import track

PARTS = ("train", "val", "test")
CLASSES = [
    "Sky",
    "Building",
    "Pole",
    "Road",
    "Pavement",
    "Tree",
    "SignSymbol",
    "Fence",
    "Car",
    "Pedestrian",
    "Bicyclist",
    "Unlabelled",
]
"""What the values 0 to 11 stand for, unless a file classes.txt names others, one a line."""


class Pair(NamedTuple):
    """An image, the file with the class of every pixel, and the part of the split."""

    name: str
    image: Path
    labels: Path
    part: str


class Legend(NamedTuple):
    """The names of the classes, which of them is to be ignored, and whether a file says so."""

    names: list[str]
    ignored: int | None
    is_given: bool

    @property
    def may_be_masks(self) -> bool:
        """Whether 0 and 255 alone are two classes: where no others are named."""
        return not self.is_given or (len(self.names) == 2 and self.ignored is None)


def is_segnet(folder: Path) -> bool:
    """Return whether a folder holds lists of pairs, or train/ and trainannot/."""
    lists = any(_holds_pairs(folder / f"{part}.txt") for part in PARTS)
    return lists or any((folder / f"{part}annot").is_dir() for part in PARTS)


def read_camvid(folder: Path, verbose: bool | None) -> Images:
    """Read CamVid as it is."""
    return read_segnet(folder, None, Rule(), verbose)


def read_segnet(folder: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    """Read images, label maps and split; val counts as train where there is a test part.

    An image without a readable map of its own size is skipped and listed.
    """
    pairs, legend = _pairs(folder), _legend(folder)
    entries = [entry_of_path(pair.image, pair.name) for pair in pairs]
    packed = pack(entries, rule, folder, verbose)
    pairs = [pairs[row] for row in packed.kept]
    size = packed.data.shape[1], packed.data.shape[2]
    maps = np.empty((len(pairs), *size), np.uint8)
    masks, lost = [], {}
    for row, pair in enumerate(track(pairs, "label maps", len(pairs), verbose)):
        try:
            labels = _labels(pair, legend)
            if legend.may_be_masks and is_black_and_white(labels):
                masks.append(row)
                labels = (labels == NO_CLASS).astype(np.uint8)
            maps[row] = fit_labels(labels, size, rule.fit)
        except Exception as error:  # as for images: on damaged files Pillow raises almost anything
            lost[row] = f"annotation: {reason(error, pair.labels.name)}"
    good = np.array([row for row in range(len(pairs)) if row not in lost], dtype=int)
    skipped = sorted(packed.skipped + [(pairs[row].name, why) for row, why in lost.items()])
    if not len(good):
        raise nothing_readable(folder, skipped)
    legend = _settled(maps, masks, legend, len(good))
    images = Images(
        packed.data,
        names=[pair.name for pair in pairs],
        is_test=split_of([pair.part for pair in pairs]),
        source=str(folder),
        **packed.known | {"skipped": skipped},
        label_maps=maps,
        map_classes=legend.names,
        ignored_class=legend.ignored,
    )
    return images[good] if lost else images


def _settled(maps: np.ndarray, masks: list[int], legend: Legend, n: int) -> Legend:
    """Return the legend of a set of masks, or make 255 void again where not all maps are masks."""
    ones = [row for row in masks if (maps[row] == 1).any()]
    if len(masks) == n and ones:
        return legend if legend.is_given else Legend(MASK_CLASSES, None, False)
    for row in ones:
        maps[row][maps[row] == 1] = NO_CLASS
    return legend


def _labels(pair: Pair, legend: Legend) -> np.ndarray:
    from PIL import Image

    with pair.image.open("rb") as image, pair.labels.open("rb") as file:
        there, wanted = read_header(file), read_header(image)
    if there[:2] != wanted[:2]:
        raise ValueError(
            f"of another size, {there.height}x{there.width} for an image of "
            f"{wanted.height}x{wanted.width}"
        )
    with Image.open(pair.labels) as picture:
        labels = np.asarray(picture)
    if labels.ndim != 2 or labels.dtype.kind not in "iub":
        raise ValueError("a colour picture, expected one class a pixel")
    check_classes(labels.astype(np.int64), len(legend.names), legend.ignored)
    return labels.astype(np.uint8)


def _legend(folder: Path) -> Legend:
    path = folder / "classes.txt"
    names, is_given = CLASSES, path.is_file()
    if is_given:
        names = [line.strip() for line in _lines(path) if line.strip()]
        if not names:
            raise ValueError(f"{path} names no class: write one a line, or leave it out")
    return Legend(names, ignored_in(names), is_given)


def _lines(path: Path) -> list[str]:
    with damage_explained(path, "UTF-8 text"):
        return path.read_text(encoding="utf-8-sig").splitlines()


def _pairs(folder: Path) -> list[Pair]:
    listed = [part for part in PARTS if _holds_pairs(folder / f"{part}.txt")]
    if listed:
        return [pair for part in listed for pair in _listed_pairs(folder, part)]
    return [pair for part in PARTS for pair in _pairs_by_name(folder, part)]


def _holds_pairs(path: Path) -> bool:
    """Return whether the first line of a list names two images."""
    try:
        with path.open(encoding="utf-8") as file:
            names = file.readline().split()
    except (OSError, UnicodeDecodeError):
        return False
    return len(names) == 2 and all(IMAGE_NAME.fullmatch(name) for name in names)


def _listed_pairs(folder: Path, part: str) -> list[Pair]:
    path, pairs = folder / f"{part}.txt", []
    for number, line in enumerate(_lines(path), start=1):
        names = line.split()
        if len(names) not in (0, 2):
            raise ValueError(f"{path}, line {number}: expected an image and its annotation")
        if names:
            image, labels = (_inside(folder, name) for name in names)
            pairs.append(Pair(image.relative_to(folder).as_posix(), image, labels, part))
    return pairs


def _inside(folder: Path, name: str) -> Path:
    """Return the file of a list, whose paths may begin with where its author had the folder."""
    steps = [step for step in Path(name).parts if step not in ("/", "..", ".")]
    candidates = [folder.joinpath(*steps[start:]) for start in range(len(steps))]
    return next((path for path in candidates if path.is_file()), folder.joinpath(*steps[-2:]))


def _pairs_by_name(folder: Path, part: str) -> list[Pair]:
    beside = folder / f"{part}annot"
    labels = {path.stem: path for path in sorted(beside.glob("*"))}
    return [
        Pair(f"{part}/{path.name}", path, labels.get(path.stem, beside / path.name), part)
        for path in sorted((folder / part).glob("*"))
        if IMAGE_NAME.fullmatch(path.name)
    ]
