"""The Oxford flowers (Nilsback and Zisserman, 2008), as they were published or at 64x64."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from isthmus.data.arrays import damage_explained
from isthmus.data.decode import Rule
from isthmus.data.folder import entry_of_path, pack
from isthmus.data.images import Images
from isthmus.data.matlab import variables

SIDE, FEW_SIDE = 64, 32

FEW = (
    5414, 65, 1187, 301, 1380, 485, 645, 997, 6320, 3306, 823, 7499,
    2948, 3392, 2473, 1991, 3761, 3665, 1612, 5163, 3117, 5229, 3850, 2349,
)  # fmt: skip
"""Numbers of 24 photographs of one flower each, seen from the front, all of other species."""

SPECIES_TEXT = (
    "pink primrose, hard-leaved pocket orchid, canterbury bells, sweet pea, english marigold, "
    "tiger lily, moon orchid, bird of paradise, monkshood, globe thistle, snapdragon, colt's "
    "foot, king protea, spear thistle, yellow iris, globe-flower, purple coneflower, peruvian "
    "lily, balloon flower, giant white arum lily, fire lily, pincushion flower, fritillary, red "
    "ginger, grape hyacinth, corn poppy, prince of wales feathers, stemless gentian, artichoke, "
    "sweet william, carnation, garden phlox, love in the mist, mexican aster, alpine sea holly, "
    "ruby-lipped cattleya, cape flower, great masterwort, siam tulip, lenten rose, barbeton "
    "daisy, daffodil, sword lily, poinsettia, bolero deep blue, wallflower, marigold, buttercup, "
    "oxeye daisy, common dandelion, petunia, wild pansy, primula, sunflower, pelargonium, bishop "
    "of llandaff, gaura, geranium, orange dahlia, pink-yellow dahlia, cautleya spicata, japanese "
    "anemone, black-eyed susan, silverbush, californian poppy, osteospermum, spring crocus, "
    "bearded iris, windflower, tree poppy, gazania, azalea, water lily, rose, thorn apple, "
    "morning glory, passion flower, lotus, toad lily, anthurium, frangipani, clematis, hibiscus, "
    "columbine, desert-rose, tree mallow, magnolia, cyclamen, watercress, canna lily, "
    "hippeastrum, bee balm, ball moss, foxglove, bougainvillea, camellia, mallow, mexican "
    "petunia, bromelia, blanket flower, trumpet creeper, blackberry lily"
)
SPECIES = SPECIES_TEXT.split(", ")
"""What the published labels 1 to 102 stand for."""


class Table(NamedTuple):
    """What is known of every photograph: file name, label from 0, and whether it is held out."""

    names: np.ndarray
    y: np.ndarray
    is_test: np.ndarray


def is_flowers(folder: Path) -> bool:
    """Return whether a folder is laid out as the Oxford flowers, or as their small copies."""
    published = all((folder / name).is_file() for name in ("imagelabels.mat", "setid.mat"))
    return (folder / "jpg").is_dir() and (published or _is_small(folder))


def read_flower_folder(
    folder: Path, inside: str | None, rule: Rule, verbose: bool | None
) -> Images:
    """Read photographs, species and split; valid counts as train."""
    return _read(folder, _table(folder), rule, verbose)


def read_flowers(folder: Path, verbose: bool | None) -> Images:
    """Read the whole set at 64x64."""
    return _read(folder, _table(folder), Rule(size=(SIDE, SIDE)), verbose)


def read_few_flowers(folder: Path, verbose: bool | None) -> Images:
    """Read 24 photographs of similar framing as 32x32 grey images from -1 to 1."""
    table = _table(folder)
    rows = np.flatnonzero(np.isin(table.names, [_name(number) for number in FEW]))
    few = Table(*(column[rows] for column in table))
    rule = Rule(size=(FEW_SIDE, FEW_SIDE), color="grey", dtype="float32")
    images = _read(folder, few, rule, verbose)
    values, y = np.unique(images.y, return_inverse=True)
    classes = [SPECIES[value] for value in values]
    return replace(images, data=images.data * 2 - 1, y=y, classes=classes, is_test=None)


def _read(folder: Path, table: Table, rule: Rule, verbose: bool | None) -> Images:
    entries = [entry_of_path(folder / "jpg" / name, name) for name in table.names]
    packed = pack(entries, rule, folder, verbose)
    kept = packed.kept
    return Images(
        packed.data,
        y=table.y[kept],
        classes=SPECIES,
        names=table.names[kept],
        is_test=table.is_test[kept],
        source=str(folder),
        **packed.known,
    )


def _table(folder: Path) -> Table:
    return _small_table(folder) if _is_small(folder) else _published_table(folder)


def _is_small(folder: Path) -> bool:
    try:
        with (folder / "labels.csv").open(encoding="utf-8") as file:
            return file.readline().startswith("file,class_id,class_name,")
    except (OSError, UnicodeDecodeError):
        return False


def _small_table(folder: Path) -> Table:
    path = folder / "labels.csv"
    with (
        damage_explained(path, "table of labels"),
        path.open(encoding="utf-8", newline="") as file,
    ):
        rows = sorted((row[0], int(row[1]), row[3]) for row in list(csv.reader(file))[1:])
        names, labels, parts = (np.array(column) for column in zip(*rows, strict=True))
    return _checked(path, Table(names, labels - 1, parts == "test"))


def _published_table(folder: Path) -> Table:
    """Read the labels, one a photograph, and the numbers of those that are held out."""
    path = folder / "imagelabels.mat"
    with damage_explained(path, ".mat"):
        labels = variables(path)["labels"].read().ravel().astype(np.int64)
    with damage_explained(folder / "setid.mat", ".mat"):
        held_out = variables(folder / "setid.mat")["tstid"].read().ravel()
    numbers = np.arange(1, len(labels) + 1)
    names = np.array([_name(number) for number in range(1, len(labels) + 1)])
    return _checked(path, Table(names, labels - 1, np.isin(numbers, held_out)))


def _checked(path: Path, table: Table) -> Table:
    if not 0 <= table.y.min() <= table.y.max() < len(SPECIES):
        raise ValueError(
            f"{path} has labels from {table.y.min() + 1} to {table.y.max() + 1}: expected 1 to "
            f"{len(SPECIES)}"
        )
    return table


def _name(number: int) -> str:
    return f"image_{number:05d}.jpg"
